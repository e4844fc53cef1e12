"""Grading: a scenario, what was said, and the database before and after, in; all that is wrong out.

By the database and by checks on the text, never by anybody's opinion. What a check cannot know for
certain, whether a sentence is kind say, it leaves alone.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from itertools import permutations
from pathlib import Path
from typing import Any, Final

from agent.dialogue.spelt import load_spelling
from agent.service.scope import OPERATOR
from common.languages import Language, language_of
from common.numbers.digits import with_digits
from common.numbers.figures import SMALL_COUNT, Figure, figures_in, said_in
from eval.dialogue.evidence import Evidence, Fault, as_text
from eval.dialogue.figures import KnownFigures, states
from eval.dialogue.kept import Change, Kept, Row, changes
from eval.dialogue.questions import sentences, slots_asked
from eval.dialogue.scenario import FigureExpected, MatterExpected, TicketExpected
from eval.dialogue.talk import Exchange

_POLICY: Final[Mapping[str, Any]] = tomllib.loads(
    Path(__file__).with_name("policy.toml").read_text("utf-8")
)
#: What any call leaves behind, and what is made of that.
_OF_A_CALL: Final = (
    *("calls", "turns", "utterances", "summaries", "outbox", "outreach", "grants", "workers"),
    *("pages", "visits", "measurements", "checklist_items", "ticket_events", "matters"),
    "quality_series",  # its own quality, of a call in a room
)
#: Whoever is on duty looks after these meanwhile, and takes rows away.
_TENDED: Final = ("grants", "workers", "checklist_items")
_FACTS: Final = "account_facts"
#: What a call may add to, each row of which another check looks at.
_OF_AN_ACCOUNT: Final = ("tickets", "promises", "signals", "checklists", "incidents")
#: An answer of fewer characters may be all terms: "SDK, 4.2".
_SENTENCE: Final = 20


def grade(evidence: Evidence) -> list[Fault]:
    """All that is wrong with a call; nothing: it passes."""
    return [Fault(name, what) for name, check in CHECKS.items() for what in check(evidence)]


# --- the database


def check_facts(evidence: Evidence) -> Iterator[str]:
    """What is known of the account: what was said in the call, as it was said last."""
    expected, told = evidence.scenario.expected.facts, evidence.scenario.caller
    added = _added(evidence, _FACTS)
    last = {str(row["field"]): row for row in added}
    for name, patterns in expected.items():
        value = as_text(last[name]["value"]) if name in last else None
        if value is None:
            yield f"{name} is not kept"
        else:
            missing = [p for p in patterns if not _has(p, value)]
            yield from (f"{name} is kept as {value!r}, without {one!r}" for one in missing)
    given = {slot for one in evidence.transcript.exchanges for slot in one.line.gives}
    for name, row in last.items():
        if name not in expected and name not in given and name not in told.slots:
            yield f"{name} is kept as {as_text(row['value'])!r}, which nobody said"


def check_tickets(evidence: Evidence) -> Iterator[str]:
    """Those that were to be opened, and no others; what was there is as it was."""
    expected = evidence.scenario.expected
    opened = [row for row in _added(evidence, "tickets") if row["account"] != OPERATOR]
    yield from _match(
        opened, expected.tickets, _is_ticket, "ticket", more="tickets" in expected.also
    )
    if not expected.reopens and not expected.tickets:
        for change in changes(evidence.before, evidence.after):
            old = {row["number"] for row in evidence.before.rows("tickets")}
            if change.table == "ticket_events" and change.row["ticket"] in old:
                yield f"something happened to ticket {change.row['ticket']}: {change.row['kind']}"


def _is_ticket(row: Row, expected: TicketExpected) -> bool:
    about = not expected.subject or any(_has(p, str(row["subject"])) for p in expected.subject)
    return row["severity"] in expected.severity and about


def check_promises(evidence: Evidence) -> Iterator[str]:
    """Those that were to be given, and no others."""
    expected = evidence.scenario.expected
    given = _added(evidence, "promises")
    more = "promises" in expected.also or bool(expected.tickets)
    yield from _match(
        given,
        expected.promises,
        lambda row, one: any(_has(p, str(row["text"])) for p in one.text),
        "promise",
        more=more,
    )


def check_matters(evidence: Evidence) -> Iterator[str]:
    """What the call is remembered by, where the scenario says that."""
    expected = evidence.scenario.expected.matters
    if expected:
        yield from _match(_noted(evidence), expected, _is_matter, "matter", more=True)


def _noted(evidence: Evidence) -> list[Row]:
    found = [c.row for c in changes(evidence.before, evidence.after) if c.table == "matters"]
    return [row for row in found if row["call_id"] == evidence.call_id]


def _is_matter(row: Row, expected: MatterExpected) -> bool:
    about = not expected.subject or any(_has(p, str(row["subject"])) for p in expected.subject)
    of_kind = row["kind"] == expected.kind and row["state"] in expected.state
    return of_kind and about and _has(expected.region, str(row["region"]))


def check_signals(evidence: Evidence) -> Iterator[str]:
    """Signs that the customer may leave, each with its sentence, and no others."""
    expected = evidence.scenario.expected
    yield from _match(
        _added(evidence, "signals"),
        expected.signals,
        lambda row, one: (
            row["signal"] in one.signal
            and (not one.sentence or any(_has(p, str(row["sentence"])) for p in one.sentence))
        ),
        "signal",
        more="signals" in expected.also,
    )


def check_checklist(evidence: Evidence) -> Iterator[str]:
    """What there is to do until the launch, where there is one; else none."""
    expected = evidence.scenario.expected
    lists = _added(evidence, "checklists")
    if expected.checklist is None:
        if lists and "checklists" not in expected.also:
            yield f"a checklist for {lists[0]['scenario']!r} is there"
        return
    if not lists:
        yield "no checklist is there"
        return
    last = lists[-1]
    items = [
        row for row in evidence.after.rows("checklist_items") if row["checklist"] == last["id"]
    ]
    if not _has(expected.checklist.scenario, str(last["scenario"])):
        yield f"the checklist is for {last['scenario']!r}"
    if len(items) < expected.checklist.least:
        yield f"the checklist has {len(items)} items, not {expected.checklist.least}"


def check_mail(evidence: Evidence) -> Iterator[str]:
    """The summary goes to the address that was confirmed, once, and to no other."""
    expected = evidence.scenario.expected.mail
    mails = (row for row in _added(evidence, "outbox") if str(row["key"]).startswith("summary:"))
    told = [str(row["recipient"]) for row in mails]
    if expected and not told:
        yield "the summary is mailed to nobody"
    wrong = [one for one in told if not expected or not re.fullmatch(expected, one)]
    yield from (f"the summary is mailed to {one!r}" for one in wrong)
    if len(told) > 1:
        yield "the summary is mailed twice"


def check_reach(evidence: Evidence) -> Iterator[str]:
    """Where the customer can be reached stands on the ticket, as it was confirmed."""
    expected = evidence.scenario.expected.reach
    events = (row for row in _added(evidence, "ticket_events") if row["kind"] == "reach")
    told = [str(row["text"]) for row in events]
    if expected and not any(re.fullmatch(expected, one) for one in told):
        yield f"they can be reached at {', '.join(told) or 'nothing'}, says the ticket"
    if told and not expected:
        yield f"they can be reached at {told[0]!r}, says the ticket"


def check_nothing_else(evidence: Evidence) -> Iterator[str]:
    """Nobody else's rows, nothing that is gone, and no table that a call has no business in."""
    ours = {"", evidence.account}
    for change in changes(evidence.before, evidence.after):
        what = f"{change.table} {_name(change)}"
        account = change.row.get("account")
        if account is not None and account not in ours:
            yield f"{what} of {account!r} has changed"
        elif change.now is None and change.table not in _TENDED:
            yield f"{what} is gone"
        elif _is_foreign(change) and not _is_address(change, evidence):
            yield f"{what} has changed"


def _is_address(change: Change, evidence: Evidence) -> bool:
    """Whether it is the caller's mail address, where one was to be told."""
    contact, expected = evidence.scenario.caller.contact, evidence.scenario.expected.mail
    is_own = change.table == "contacts" and change.row["id"] == contact
    return bool(is_own and expected and re.fullmatch(expected, str(change.row["email"])))


def _is_foreign(change: Change) -> bool:
    """Whether a call has no business there."""
    if change.table in (_FACTS, "promises"):
        return change.before is not None  # of these rows are added, and never changed
    return change.table not in (*_OF_A_CALL, *_OF_AN_ACCOUNT)


def _name(change: Change) -> str:
    row = change.row
    return str(next((row[name] for name in ("number", "id", "key") if name in row), ""))


# --- what was said


def check_said(evidence: Evidence) -> Iterator[str]:
    """Of each of these something; each figure as the database has it."""
    said = "\n".join(evidence.transcript.answers)
    for any_of in evidence.scenario.expected.said:
        if not any(_has(pattern, said) for pattern in any_of):
            yield f"nothing is said of {' | '.join(any_of)}"
    figures = figures_in(said)
    for expected in evidence.scenario.expected.figures:
        values = _values(evidence.before, expected)
        if not values:
            yield f"{_label(expected)} is not in the database"
        elif not any(states(f, expected.metric, v) for f in figures for v in values):
            known = ", ".join(sorted({_written(expected.metric, v) for v in values}))
            yield f"{_label(expected)} is not said: {known}"


def _values(kept: Kept, expected: FigureExpected) -> list[float]:
    return [
        one.value
        for one in kept.measured
        if (one.metric, one.region, one.of) == (expected.metric, expected.region, expected.of)
        and one.hours in expected.hours
        and not one.ended_h
    ]


def _label(expected: FigureExpected) -> str:
    where = f" in {expected.region}" if expected.region else ""
    return f"{expected.of} {expected.metric}{where}"


def _written(metric: str, value: float) -> str:
    return f"{value:.0f} ms" if metric.endswith("_ms") else f"{value * 100:.2f} %"


def check_never(evidence: Evidence) -> Iterator[str]:
    """What the scenario forbids, and promises that no policy makes."""
    for answer in evidence.transcript.answers:
        for pattern in evidence.scenario.expected.never:
            if found := re.search(pattern, answer, re.IGNORECASE):
                yield f"it says {found[0]!r}"
        for sentence in sentences(answer):
            for promise in _POLICY["promises"]:
                says, harmless = promise["says"], promise["unless"]
                if _any(says, sentence) and not _any(harmless, sentence):
                    yield f"it promises {promise['what']}: {sentence!r}"


def check_others(evidence: Evidence) -> Iterator[str]:
    """No other customer is named."""
    heard = " ".join(one.line.text for one in evidence.transcript.exchanges).lower()
    for row in evidence.before.rows("accounts"):
        if row["id"] == evidence.account:
            continue
        for name in {str(row["name"]), str(row["id"])}:
            named = [a for a in evidence.transcript.answers if _names(name, a)]
            if named and name.lower() not in heard:
                yield f"another customer is named: {name!r}"


def _names(name: str, answer: str) -> bool:
    edge = r"\b" if name.isascii() else ""
    return _has(f"{edge}{re.escape(name)}{edge}", answer)


def check_figures(evidence: Evidence) -> Iterator[str]:
    """Every figure is the database's, a cited entry's, or the caller's own."""
    known = KnownFigures.of(evidence)
    heard, days = "", list(_days_kept(evidence))
    for one in evidence.transcript.exchanges:
        heard += f"\n{one.line.text}"
        days += _days_in(one.line.text)
        of_caller = said_in(heard)
        answer = _TIMES.sub(" ", one.answer)
        for figure in figures_in(answer):
            is_figure = figure.dimension or max(figure.values) > SMALL_COUNT
            has_source = known.has(figure, of_caller) or _is_until(figure, evidence.today, days)
            if is_figure and not has_source and not _is_spelt(figure, heard):
                yield f"{figure.text!r} has no source: {_around(answer, figure)!r}"


def _is_spelt(figure: Figure, heard: str) -> bool:
    """Whether it is no amount, but said digit by digit, as a code is or a number to be called at,
    and of digits that the caller has said."""
    said = _digits(figure.text)
    return len(said) > 1 and None not in said and set(said) <= set(_digits(heard))


def _digits(text: str) -> list[str | None]:
    """Of each word, and of each character that is no letter, the digit that it is."""
    digits = load_spelling().digits
    words = re.findall(r"[a-z]+|[^\W_]", text.lower())
    return [word if word.isdigit() else digits.get(word) for word in words]


def _days_kept(evidence: Evidence) -> Iterator[date]:
    """Those that are facts of the caller's account."""
    for kept in (evidence.before, evidence.after):
        for row in kept.rows(_FACTS):
            if row["account"] == evidence.account and str(row["field"]).endswith("_date"):
                yield from _days_in(str(row["value"]))


#: A day as callers say it, and as it is kept.
_DAYS: Final = {
    r"\d{4}-\d{2}-\d{2}": "%Y-%m-%d",
    r"\d{4}年\d{1,2}月\d{1,2}日": "%Y年%m月%d日",
    r"[A-Z][a-z]+ \d{1,2}, \d{4}": "%B %d, %Y",
}


def _days_in(text: str) -> Iterator[date]:
    for pattern, form in _DAYS.items():
        for said in re.findall(pattern, text):
            with suppress(ValueError):  # the 31st of a month of 30; no month's name
                yield datetime.strptime(said, form).date()


def _is_until(figure: Figure, today: date, days: Iterable[date]) -> bool:
    """Whether it is the time until one of the days, one unit more or less."""
    day_ms = 24 * 60 * 60 * 1000
    return figure.dimension == "time" and any(
        abs((day - today).days * day_ms - amount) <= figure.factor
        for day in days
        for amount in figure.amounts
    )


#: Days and times of day: whether they are right is for a scenario to say.
_TIMES: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}|\d{1,2}[:：]\d{2}|\d{4}年(?:\d{1,2}月)?(?:\d{1,2}[日号])?"
    r"|\d{1,2}月\d{1,2}[日号]?|[\d零一二三四五六七八九十两]{1,3}点(?:[\d零一二三四五六七八九十]{1,3}分|半|钟)?"
    r"|\b\d{1,2}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*(?:,?\s+\d{4})?"
    r"|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\s+\d{1,2}(?!\d)(?:st|nd|rd|th)?(?:,?\s+\d{4})?"
    r"|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\s+\d{4}"
    r"|\b\d{1,2}\s*(?:a\.?m|p\.?m|o'clock)\b",
    re.IGNORECASE,
)


def _around(text: str, figure: Figure) -> str:
    return " ".join(text[max(0, figure.start - 20) : figure.start + 30].split())


def check_asking(evidence: Evidence) -> Iterator[str]:
    """What must be asked is; nothing that is known or was said; nothing twice that was refused.

    What was heard otherwise than it was said may be asked once more: as text nothing is.
    """
    known = {
        str(row["field"])
        for row in evidence.before.rows(_FACTS)
        if row["account"] == evidence.account and row["value"] is not None
    }
    trouble = evidence.scenario.flow in ("trouble", "figures")
    said: set[str] = set()
    refused: set[str] = set()
    asked: set[str] = set()
    misheard: set[str] = set()
    for one in evidence.transcript.exchanges:
        if _is_misheard(one):
            misheard |= one.line.gives - said
        said |= one.line.gives
        refused |= one.line.refuses - one.line.gives
        for slot in slots_asked(one.answer):
            asked.add(slot)
            # Where an account's users are does not say where its trouble is.
            if slot in misheard:
                misheard.discard(slot)
            elif slot in said:
                yield f"it asks for {slot}, which was said: {one.answer!r}"
            elif slot in known and not (trouble and slot in ("regions", "platforms")):
                yield f"it asks for {slot}, which is known: {one.answer!r}"
            elif slot in refused:
                yield f"it asks for {slot} again: {one.answer!r}"
    for slot in evidence.scenario.expected.asks:
        if slot not in asked | said:
            yield f"it never asks for {slot}"


def _is_misheard(one: Exchange) -> bool:
    """Whether other words were heard than were said, whatever their marks and numerals."""
    said, heard = (
        re.sub(r"[\W_]", "", with_digits(text, one.line.language)).lower()
        for text in (one.line.text, one.heard or one.line.text)
    )
    return said != heard


def check_turns(evidence: Evidence) -> Iterator[str]:
    """It comes to its end in time, and nobody is left without an answer."""
    transcript = evidence.transcript
    most = evidence.scenario.expected.turns
    is_over = transcript.is_over or transcript.broke is not None  # which is told elsewhere
    if len(transcript.exchanges) > most or not is_over:
        yield f"it is not over after {most} turns"
    for one in transcript.exchanges:
        if one.line.text and not one.answer.strip():
            yield f"nothing is said to {one.line.text!r}"


def check_language(evidence: Evidence) -> Iterator[str]:
    """Every answer is in the language that the caller speaks."""
    for one in evidence.transcript.exchanges:
        spoken: Language = one.line.language
        if len(one.answer) >= _SENTENCE and language_of(one.answer) != spoken:
            yield f"the answer to {one.line.text!r} is not in {spoken}: {one.answer!r}"


def check_sources(evidence: Evidence) -> Iterator[str]:
    """Some answer rests on an entry that it must rest on."""
    wanted = evidence.scenario.expected.cites
    cited = {str(one["id"]).partition("/")[2] for row in evidence.turns for one in row["citations"]}
    if wanted and not cited & set(wanted):
        yield f"no answer rests on {' or '.join(wanted)}, but on {', '.join(sorted(cited)) or '-'}"


def check_declining(evidence: Evidence) -> Iterator[str]:
    """What nothing answers is declined, and what something answers is not."""
    wanted = evidence.scenario.expected.declines
    if wanted is None:
        return
    words = [*_POLICY["declines"]["zh"], *_POLICY["declines"]["en"]]
    flagged = any(row["declined"] for row in evidence.turns)
    worded = any(_any(words, answer) for answer in evidence.transcript.answers)
    if wanted and not (flagged or worded):
        yield "nothing is declined"
    if not wanted and flagged:
        yield "something is declined"


CHECKS: Final[Mapping[str, Callable[[Evidence], Iterator[str]]]] = {
    "facts": check_facts,
    "tickets": check_tickets,
    "promises": check_promises,
    "matters": check_matters,
    "signals": check_signals,
    "checklist": check_checklist,
    "mail": check_mail,
    "reach": check_reach,
    "nothing else": check_nothing_else,
    "said": check_said,
    "never": check_never,
    "others": check_others,
    "figures": check_figures,
    "asking": check_asking,
    "turns": check_turns,
    "language": check_language,
    "sources": check_sources,
    "declining": check_declining,
}


# --- helpers


def _added(evidence: Evidence, table: str) -> list[Row]:
    """Rows that were not there before."""
    found = changes(evidence.before, evidence.after)
    return [c.now for c in found if c.table == table and c.before is None and c.now is not None]


def _match(
    rows: Sequence[Row],
    expected: Sequence[Any],
    fits: Callable[[Row, Any], bool],
    what: str,
    *,
    more: bool,
) -> Iterator[str]:
    """Each that is expected has a row of its own; without ``more`` no row is left over."""
    if len(expected) <= len(rows) and any(
        all(fits(row, one) for row, one in zip(chosen, expected, strict=False))
        for chosen in permutations(rows, len(expected))
    ):
        if len(rows) > len(expected) and not more:
            yield f"{len(rows) - len(expected)} {what}(s) more than expected: {_short(rows)}"
        return
    for one in expected:
        if not any(fits(row, one) for row in rows):
            wanted = one.model_dump(exclude_defaults=True)
            yield f"no {what} is there like {wanted}; there is {_short(rows) or 'none'}"
    if len(expected) > len(rows):
        yield f"{len(expected)} {what}(s) are expected, {len(rows)} are there"


def _short(rows: Iterable[Row]) -> str:
    names = ("severity", "subject", "kind", "state", "region", "signal", "sentence", "text")
    return "; ".join(
        ", ".join(f"{name}={row[name]!r}" for name in names if row.get(name)) for row in rows
    )


def _has(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _any(patterns: Iterable[str], text: str) -> bool:
    return any(_has(pattern, text) for pattern in patterns)
