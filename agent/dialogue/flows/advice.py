"""Advice: a profile in; the best practice of its scenario with its figures, what to mind in its
regions, three next steps and the launch checklist out.

All of it is approved text of the knowledge base, of the entries that `prompts/slots.toml` names.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from agent.dialogue.contract import Citation, SetChecklist
from agent.dialogue.flows.profile import Profile, joined, names_of
from agent.dialogue.slots.words import Meaning, Slot, load_slot_words, load_vocabulary
from agent.prompts import OnboardingPhrases
from common.errors import ServiceError
from common.languages import Language
from knowledge.client import KnowledgeClient
from knowledge.contract import SourceEntry

log = logging.getLogger(__name__)

#: Where nobody said what kind of product it is.
_ANY_SCENARIO: Final = "general"
#: What is spoken at once and still listened to: steps of the practice, regions, next steps.
_STEPS, _REGIONS, _NEXT = 2, 2, 3
_HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)
#: Fewer days are counted as such, more as weeks.
_DAYS_COUNTED: Final = 21


@dataclass(frozen=True)
class Advice:
    """What a customer is advised."""

    texts: tuple[str, ...]
    citations: tuple[Citation, ...] = ()
    checklist: SetChecklist | None = None
    subject: str = ""
    """Stem of the entry with the best practice; empty where there is none."""


async def advise(
    knowledge: KnowledgeClient,
    profile: Profile,
    phrases: OnboardingPhrases,
    language: Language,
    today: date,
) -> Advice:
    """The advice for a profile; where the knowledge server is away, that it is."""
    said = phrases.advice
    known = next(_meanings(profile, "scenario"), None)
    scenario = known or load_slot_words().values["scenario"][_ANY_SCENARIO]
    regions = dict.fromkeys(of.entry for of in _meanings(profile, "regions") if of.entry)
    names = (scenario.entry, scenario.launch, *list(regions)[:_REGIONS])
    try:
        practice, launch, *risks = await asyncio.gather(
            *(_entry(knowledge, language, name) for name in names)
        )
    except ServiceError as error:
        log.warning("%s", error)
        return Advice((said["away"],))
    found = [entry for entry in (practice, launch, *risks) if entry]
    is_plan = scenario.entry == scenario.launch
    texts = [
        *([] if known and practice else [_without_practice(profile, phrases, language)]),
        *(_practice(practice, phrases, language, is_plan=is_plan) if practice else []),
        *_openings(said["regions"], [entry for entry in risks if entry]),
        *_without_risks(profile, phrases, language),
        *(_next(launch, phrases) if launch else []),
        *_time_left(profile.launch_day(), phrases, today),
    ]
    return Advice(
        tuple(texts),
        tuple({entry.id: _citation(entry) for entry in found}.values()),
        SetChecklist(scenario.of, launch.steps) if launch and launch.steps else None,
        scenario.entry if practice else "",
    )


def _without_practice(profile: Profile, phrases: OnboardingPhrases, language: Language) -> str:
    """That no entry is about what they make; or that nobody knows what that is."""
    values = profile.values_of("scenario")
    if not values:
        return str(phrases.advice["no_scenario"])
    scenario = joined(names_of("scenario", values, language), phrases)
    return str(phrases.advice["no_practice"]).format(scenario=scenario)


def _without_risks(
    profile: Profile, phrases: OnboardingPhrases, language: Language
) -> Iterator[str]:
    """That no entry is about any of the regions, where none is."""
    values = profile.values_of("regions")
    if values and not any(of.entry for of in _meanings(profile, "regions")):
        regions = joined(names_of("regions", values, language), phrases)
        yield phrases.advice["no_risks"].format(regions=regions)


def _meanings(profile: Profile, slot: Slot) -> Iterator[Meaning]:
    known = load_slot_words().values[slot]
    return (known[value] for value in profile.values_of(slot) if value in known)


async def _entry(knowledge: KnowledgeClient, language: Language, name: str) -> SourceEntry | None:
    return await knowledge.find_entry(f"{language}/{name}") if name else None


def _practice(
    entry: SourceEntry, phrases: OnboardingPhrases, language: Language, *, is_plan: bool
) -> Iterator[str]:
    """``is_plan``: its steps are the next ones, and are said as such."""
    yield phrases.advice["practice"]
    if entry.opening:
        yield entry.opening
    if not is_plan:
        yield from entry.steps[:_STEPS]
    if figures := _figures(entry, language):
        yield phrases.advice["figures"]
        yield figures


def _figures(entry: SourceEntry, language: Language) -> str:
    """The section with the figures to aim at, as it is said; empty where the entry has none."""
    headings = _HEADING.findall(entry.body)
    wanted = load_vocabulary().targets[language]
    if wanted not in headings or len(headings) != len(entry.sections):
        return ""
    return entry.sections[headings.index(wanted)]


def _openings(lead: str, entries: Sequence[SourceEntry]) -> Iterable[str]:
    openings = [entry.opening for entry in entries if entry.opening]
    return [lead, *openings] if openings else []


def _next(launch: SourceEntry, phrases: OnboardingPhrases) -> Iterator[str]:
    yield phrases.advice["next"]
    ordinals = phrases.advice["ordinals"]
    for ordinal, step in zip(ordinals, launch.steps[:_NEXT], strict=False):
        yield f"{ordinal}{step}"
    if len(launch.steps) > _NEXT:
        yield phrases.advice["checklist"]


def _time_left(launch: date | None, phrases: OnboardingPhrases, today: date) -> Iterator[str]:
    left = (launch - today).days if launch else 0
    if left >= _DAYS_COUNTED:
        yield phrases.advice["weeks_left"].format(count=round(left / 7))
    elif left > 1:
        yield phrases.advice["days_left"].format(count=left)


def _citation(entry: SourceEntry) -> Citation:
    return Citation(entry.id, entry.title, entry.language, entry.version, 1.0)
