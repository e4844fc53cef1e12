"""Scenarios: files that an operator can write in; a caller, a database before, and what must come
of it, out.

A file is TOML; `docs/scenarios.md` explains every table. What is asked of a slot is in
`questions.toml`. Patterns are regular expressions, searched for without regard to case.

Days move with the calendar: `{day+42}` in what is said is the day in 42 days as people say it in
that language, `{iso+42}` in what is expected the same day as it is kept.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.service.accounts.store import FIELDS
from agent.service.quality.targets import Metric
from common.errors import InputError
from common.languages import Language
from eval.dialogue.questions import SLOTS

SCENARIOS: Final = Path(__file__).with_name("scenarios")
Flow = Literal["onboarding", "trouble", "figures", "leaving", "knowledge", "safety", "person"]

_DAY: Final = re.compile(r"\{(?P<form>day|iso)\+(?P<days>\d+)\}")


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


def _is_slot(name: str) -> str:
    if name not in SLOTS:
        raise ValueError(f"there is no slot {name!r}: use one of {', '.join(SLOTS)}")
    return name


def _is_field(name: str) -> str:
    if name not in FIELDS and name not in SLOTS:
        raise ValueError(f"there is no field {name!r}: use one of {', '.join(FIELDS)}")
    return name


Pattern = Annotated[str, AfterValidator(_compiles)]
Slot = Annotated[str, AfterValidator(_is_slot)]
FactName = Annotated[str, AfterValidator(_is_field)]
#: Wordings of one thing: each of the runs says another.
Wordings = Annotated[list[str], Field(min_length=1)]
AnyOf = Annotated[list[Pattern], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- who calls


class Reply(_Table):
    """What the caller says to something that no slot is asked by."""

    asked: AnyOf
    says: Wordings
    once: bool = True


class Interjection(_Table):
    """What the caller says at its so-manieth turn instead of an answer; "" is silence."""

    turn: int = Field(ge=1)
    says: Wordings
    gives: list[Slot] = []
    interrupts: bool = False
    """It speaks into the answer, and heard no more of it than its beginning."""
    corrects: dict[Slot, Wordings] = {}
    """What it says of these from then on."""


class Helps(_Table):
    """How the trouble reacts to what the caller is told to try."""

    step: int = Field(0, ge=0)
    """The so-manieth thing to try helps; 0: none does."""
    said: list[Pattern] = []
    """Being told this helps."""


class CallerTold(_Table):
    """Who calls, and how they talk."""

    account: str = ""
    contact: str = ""
    begins: Wordings
    gives: list[Slot] = []
    """The slots that its first words answer."""
    slots: dict[Slot, Wordings] = {}
    order: Literal["asked", "together", "another"] = "asked"
    """Answers what it is asked; that and the next two in one breath; first something else."""
    refuses: list[Slot] = []
    replies: list[Reply] = []
    interjections: list[Interjection] = []
    then: list[Wordings] = []
    """What it asks next, once it has its answer."""
    helps: Helps | None = None
    wants_person: bool = True
    rating: int | None = Field(None, ge=1, le=5)


# --- what is in the database before


class ContactTold(_Table):
    """A person of an account."""

    id: str
    name: str
    language: Language
    email: str = ""
    """Where summaries of their calls go."""


class AccountTold(_Table):
    """A customer of the operator's; ``facts`` by field of `agent/service/accounts`."""

    id: str
    name: str
    owner: str = ""
    contacts: list[ContactTold] = []
    apps: list[str] = []
    facts: dict[str, str | list[str]] = {}


class Stretch(_Table):
    """Minutes of quality that are all alike, from so many hours ago until so many."""

    account: str = ""
    """Empty: the caller's."""
    app: str = "main"
    region: str
    since_h: float = Field(24, gt=0, le=720)
    until_h: float = Field(0, ge=0)
    users: int = Field(200, gt=0)
    stall_rate: float | None = None
    latency_ms: int | None = None
    packet_loss: float | None = None
    join_ms: int | None = None
    join_success: float | None = None


class TicketTold(_Table):
    """A ticket that is open."""

    account: str = ""
    contact: str = ""
    severity: int = Field(ge=1, le=4)
    subject: str
    hours_ago: float = Field(gt=0)


class MatterTold(_Table):
    """What an earlier call was about."""

    account: str = ""
    contact: str = ""
    kind: Literal["trouble", "onboarding", "question"]
    subject: str
    state: Literal["open", "solved", "handed_over"]
    region: str = ""
    words: str = ""
    hours_ago: float = Field(gt=0)


class Before(_Table):
    """The database before the call."""

    demo: bool = False
    """The forty accounts of `liuke demo seed` are there."""
    mails: bool = False
    """The operator mails the summaries of calls."""
    never_mailed: list[str] = []
    """Addresses, and domains as in @example.com, to which none goes."""
    accounts: list[AccountTold] = []
    quality: list[Stretch] = []
    elsewhere: list[Stretch] = []
    """What four other customers have in that region."""
    tickets: list[TicketTold] = []
    matters: list[MatterTold] = []


# --- what must come of it


class TicketExpected(_Table):
    """A ticket that the call must have opened."""

    severity: list[int] = [1, 2, 3, 4]
    subject: list[Pattern] = []
    """Any of these is in what it is about."""


class PromiseExpected(_Table):
    """Something that the customer must have been promised."""

    text: AnyOf


class MatterExpected(_Table):
    """How the call must be remembered."""

    kind: Literal["trouble", "onboarding", "question"]
    state: list[Literal["open", "solved", "handed_over"]] = ["open", "solved", "handed_over"]
    subject: list[Pattern] = []
    """Any of these."""
    region: Pattern = ""


class SignalExpected(_Table):
    """A sign that the customer may leave."""

    signal: list[str] = Field(min_length=1)
    """Any of these."""
    sentence: list[Pattern] = []
    """Any of these is in the sentence that shows it."""


class ChecklistExpected(_Table):
    """What there is to do until the launch."""

    scenario: Pattern = ""
    least: int = Field(3, ge=1)


class FigureExpected(_Table):
    """A figure that must be said as it stands in the database."""

    metric: Metric
    region: str = ""
    """Empty: all of them."""
    hours: list[int] = [24]
    """Over any of these."""
    of: Literal["own", "others"] = "own"


class Expected(_Table):
    """What must be so after the call; whatever else an account has must be as before."""

    turns: int = Field(16, ge=1)
    """Of the caller's, at most."""
    facts: dict[FactName, AnyOf] = {}
    """Each pattern of a field is in its value."""
    tickets: list[TicketExpected] = []
    reopens: bool = False
    """Something may happen to tickets that were there."""
    promises: list[PromiseExpected] = []
    matters: list[MatterExpected] = []
    signals: list[SignalExpected] = []
    checklist: ChecklistExpected | None = None
    also: list[Literal["tickets", "promises", "signals", "checklists"]] = []
    """Of these more may come than is named here."""
    asks: list[Slot] = []
    """The caller must have been asked for each of these, or have said it unasked."""
    said: list[AnyOf] = []
    """Of each of these something is said."""
    mail: Pattern = ""
    """The address that the summary is mailed to; empty: to none."""
    reach: Pattern = ""
    """Where the customer can be reached, as it stands on the ticket; empty: nowhere."""
    figures: list[FigureExpected] = []
    never: list[Pattern] = []
    cites: list[str] = []
    """Names of entries; some answer rests on one of them."""
    declines: bool | None = None
    """Whether some question must be declined; None: it does not matter."""


class Scenario(_Table):
    """A call, and what must come of it."""

    name: str
    language: Language
    flow: Flow
    goal: str
    voice: bool = False
    """It is played in a room as well."""
    before: Before = Before()
    caller: CallerTold
    expected: Expected = Expected()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        known = {account.id: account for account in self.before.accounts}
        account = self.caller.account
        if self.before.demo and account not in known:
            return self
        if account:
            contacts = [one.id for one in known[account].contacts] if account in known else []
            if self.caller.contact not in contacts:
                raise ValueError(
                    f"[caller] contact {self.caller.contact!r} is nobody of account {account!r}"
                    " in [[before.accounts]]"
                )
        elif self.before.quality and not all(one.account for one in self.before.quality):
            raise ValueError("[[before.quality]] of a guest needs an account")
        for kind in ("quality", "tickets", "matters"):
            for one in getattr(self.before, kind):
                if one.account and one.account not in known:
                    raise ValueError(
                        f"[[before.{kind}]] account {one.account!r} is not in [[before.accounts]]"
                    )
        if self.voice and self.before.mails:
            raise ValueError("[before] mails: nobody's mail is sent from a room; drop voice")
        unknown = [slot for slot in self.caller.refuses if slot in self.caller.slots]
        if unknown:
            raise ValueError(f"[caller] refuses {unknown[0]!r}, and answers it in [caller.slots]")
        return self


def read_scenarios(folder: Path, now: datetime) -> list[Scenario]:
    """All of a folder and those below it, by name. Raises InputError naming file and field."""
    files = sorted(folder.rglob("*.toml"))
    if not files:
        raise InputError(f"There are no scenarios in {folder}.", "Give a folder of TOML files.")
    return [read_scenario(file, folder, now) for file in files]


def read_scenario(file: Path, folder: Path, now: datetime) -> Scenario:
    """One of a folder. Raises InputError naming file and field."""
    try:
        told: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _unusable(file, str(error)) from None
    name = file.relative_to(folder).with_suffix("").as_posix()
    language: Language = "zh" if told.get("language") == "zh" else "en"
    try:
        return Scenario.model_validate({**_dated(told, language, now), "name": name})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _unusable(file, f"{place}: {first['msg']}" if place else first["msg"]) from None


def _unusable(file: Path, problem: str) -> InputError:
    return InputError(
        f"{file} is no scenario: {problem}.", "Correct it; docs/scenarios.md explains each field."
    )


def _dated(told: Any, language: Language, now: datetime) -> Any:
    """The same with days in place of `{day+N}` and `{iso+N}`."""
    if isinstance(told, str):
        return _DAY.sub(lambda found: _day(found, language, now), told)
    if isinstance(told, Mapping):
        return {key: _dated(value, language, now) for key, value in told.items()}
    if isinstance(told, Sequence):
        return [_dated(value, language, now) for value in told]
    return told


def _day(found: re.Match[str], language: Language, now: datetime) -> str:
    day: date = (now.astimezone(UTC) + timedelta(days=int(found["days"]))).date()
    if found["form"] == "iso":
        return day.isoformat()
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day:%B} {day.day}, {day.year}"
