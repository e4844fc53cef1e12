"""The texts in `prompts/`: templates for the model and phrases that are spoken word for word."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any, Literal, get_args

from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT

_FOLDER = PROJECT_ROOT / "prompts"

#: Flows with phrases of their own.
FlowFile = Literal["figures", "troubleshooting", "leaving", "ending", "greeting", "details", "seen"]


@dataclass(frozen=True)
class Phrases:
    """What the assistant says word for word in one language."""

    disclosure: str
    greeting: str
    declined: str
    not_understood: str
    not_working: str
    go_ahead: str
    acknowledgements: tuple[str, ...]
    too_long: str
    too_fast: str
    warnings: dict[str, str]
    """By what ends the call: `Ending` in agent/call/limits.py."""
    goodbyes: dict[str, str]
    """Likewise."""


@dataclass(frozen=True)
class EscalationPhrases:
    """What is said in one language when a person is wanted: `prompts/escalation.toml`."""

    emergency: str
    person: str
    ask_emergency: str
    ask_person: str
    accepted: tuple[str, ...]
    """A "yes" to the offer of a colleague."""
    refused: tuple[str, ...]
    """A "no" to it."""
    not_called: str
    opened: str
    opened_without_clock: str
    known: str
    meanwhile: str
    failed: str
    calling: str
    calling_next: str
    still_calling: str
    coming: str
    nobody: str
    call_back: str
    introduced: str
    handed_back: str
    left: str
    severities: dict[str, str]
    brief: dict[str, str]
    """What the person is told alone."""
    durations: dict[str, str]


@dataclass(frozen=True)
class FlowPhrases:
    """What a flow says in one language: a file of its own in `prompts/`."""

    fixed: Mapping[str, str]
    """Spoken word for word."""
    filled: Mapping[str, str]
    """Where something is filled in."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What is filled in."""


def load_flow(name: FlowFile) -> dict[Language, FlowPhrases]:
    """The phrases of both languages."""
    texts = tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))
    return {language: FlowPhrases(**texts[language]) for language in LANGUAGES}


@dataclass(frozen=True)
class OnboardingPhrases:
    """What is said in one language when a customer tells of their product, by slot where it is of
    one: `prompts/onboarding.toml`."""

    begin: str
    acknowledgements: tuple[str, ...]
    left_open: str
    not_understood: str
    did_you_say: str
    back: str
    ask_change: str
    ask_yes: str
    ask_slot: str
    profile: str
    corrected: str
    empty: str
    kept: str
    agreed: str
    not_kept: str
    joined: dict[str, str]
    """What stands between several values, before the last, and between parts of the profile."""
    perspective: dict[str, str]
    """What the customer calls themselves, and what they are called."""
    parts: dict[str, str]
    names: dict[str, str]
    questions: dict[str, tuple[str, ...]]
    """The wordings of each, in the order in which they are used."""
    explain: dict[str, str]
    advice: dict[str, Any]


def load_onboarding() -> dict[Language, OnboardingPhrases]:
    """The phrases of both languages."""
    texts = tomllib.loads((_FOLDER / "onboarding.toml").read_text("utf-8"))
    return {language: OnboardingPhrases(**texts[language]) for language in LANGUAGES}


def load_escalation() -> dict[Language, EscalationPhrases]:
    """The phrases of both languages."""
    texts = tomllib.loads((_FOLDER / "escalation.toml").read_text("utf-8"))
    return {language: EscalationPhrases(**texts[language]) for language in LANGUAGES}


def load_phrases() -> dict[Language, Phrases]:
    """The phrases of both languages."""
    texts = tomllib.loads((_FOLDER / "phrases.toml").read_text("utf-8"))
    return {language: Phrases(**texts[language]) for language in LANGUAGES}


def fixed_phrases() -> list[tuple[str, Language]]:
    """Every phrase with its language: what the speech cache should hold before the first call."""
    spoken = [
        (text, language)
        for language, phrases in load_phrases().items()
        for text in _texts(astuple(phrases))
    ]
    of_people = [
        (text, language)
        for language, said in load_escalation().items()
        for text in (
            *(said.emergency, said.person, said.ask_emergency, said.ask_person),
            *(said.not_called, said.meanwhile, said.failed, said.still_calling),
        )
    ]
    of_flows = [
        (text, language)
        for name in get_args(FlowFile)
        for language, phrases in load_flow(name).items()
        for text in phrases.fixed.values()
    ]
    of_onboarding = [
        (text, language)
        for language, said in load_onboarding().items()
        for text in (
            *(said.begin, *said.acknowledgements, said.left_open, said.not_understood),
            *_texts(said.questions),
            *(said.back, said.kept, said.advice["practice"], said.advice["next"]),
        )
    ]
    kinds = tomllib.loads((_FOLDER / "declining.toml").read_text("utf-8")).values()
    declined = [(kind[language], language) for kind in kinds for language in LANGUAGES]
    return spoken + of_people + declined + of_flows + of_onboarding


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        return
    for part in value.values() if isinstance(value, dict) else value:
        yield from _texts(part)


def load_prompt(
    purpose: Literal["support", "question", "continue", "opening", "screen"], language: Language
) -> str:
    """One template, without the file's final line break."""
    return (_FOLDER / f"{purpose}.{language}.md").read_text("utf-8").rstrip("\n")
