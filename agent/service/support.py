"""How an operator supports: a file of the operator's in; who is called to what, how fast, where
messages go, and what may be offered to whom, out.

Secrets are in no file: the file names the variable that holds one. A destination whose variable is
not set is left out, so that calls are answered all the same; `liuke doctor` tells of it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from agent.service.outbox.forms import Destination
from agent.service.outbox.mail import Mailbox, Tls, is_mail_address
from agent.service.paging.rota import Responder
from agent.service.retention.policy import RetentionPolicy, RetentionTable, policy_of
from agent.service.tickets.business_time import ALWAYS, BusinessHours, Shift, due
from agent.service.tickets.sla import Clock, Policy, Target
from common.errors import SetupError
from common.languages import LANGUAGES, Language
from common.settings import variable


@dataclass(frozen=True)
class Support:
    """What an operator has decided of it."""

    policy: Policy
    """The targets of tickets' clocks."""
    destinations: Mapping[str, Destination | Mailbox]
    """By name; those of responders, and those that are told of alarms."""
    rota: Sequence[Responder]
    """In the order in which they are called."""
    patience: timedelta
    """For each page, before the next is called."""
    call_back_within: timedelta
    """Where nobody came: in so much time of work somebody calls the customer."""
    hours: BusinessHours = ALWAYS
    """When the operator works."""
    alarms: Sequence[str] = ()
    """The destinations that are told of what went wrong."""
    language: Language = "zh"
    """In which they are told."""
    retention: RetentionPolicy = field(default_factory=lambda: policy_of(RetentionTable()))
    """What may be offered to customers who may leave."""
    summaries_by: str = ""
    """The mail destination by which contacts get the summaries of their calls; empty: by none."""
    never_mailed: frozenset[str] = frozenset()
    """Addresses, and domains as in @example.com, in small letters: no summary goes there."""
    unset: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Destinations that are left out, by name, with the variables that nobody has set."""

    @property
    def mails_summaries(self) -> bool:
        """Whether a summary that is to be mailed would be sent."""
        return self.summaries_by in self.destinations

    def may_mail(self, address: str) -> bool:
        """Whether a summary may go to an address."""
        address = address.lower()
        own = {address, f"@{address.rpartition('@')[2]}"}
        return is_mail_address(address) and not own & self.never_mailed


def default_policy(work: BusinessHours) -> Policy:
    """Targets for whoever has decided nothing else.

    1, nobody can use the service: it costs the customer users by the minute, so a person within a
    quarter of an hour and a way around within two hours, day and night; and whoever waits in an
    emergency hears from a person again within half an hour.
    2, an important part does not work: a person within the hour of work, a way around within the
    day. 3, a question that holds somebody up: the same day. 4, a wish: within two days.

    At every severity nobody is left without a word for a day of the calendar, whatever the ticket
    waits for: silence is what makes a customer leave.
    """
    day = timedelta(hours=8)  # of work
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    always = replace(ALWAYS, zone=work.zone)
    word: Mapping[Clock, Target] = {"word": Target(24 * hour, always)}
    return {
        1: {
            "human response": Target(15 * minute, always),
            "next response": Target(30 * minute, always),
            "restoration": Target(2 * hour, always),
            **word,
        },
        2: {
            "human response": Target(hour, work),
            "next response": Target(2 * hour, work),
            "restoration": Target(day, work),
            **word,
        },
        3: {
            "human response": Target(day / 2, work),
            "next response": Target(day, work),
            "resolution": Target(5 * day, work),
            **word,
        },
        4: {
            "human response": Target(2 * day, work),
            "next response": Target(2 * day, work),
            **word,
        },
    }


def default_support() -> Support:
    """Of an operator who has decided nothing: nobody is on call."""
    return _support(Path(), _File())


def read_support(file: Path) -> Support:
    """What a file holds; where it is not there, the defaults: nobody is on call.

    Raises SetupError naming the file, the table in it and the remedy.
    """
    try:
        told = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return default_support()
    except (OSError, ValueError) as error:
        raise _unusable(file, "", str(error)) from None
    try:
        return _support(file, _File.model_validate(told))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]  # what was put there may be a secret
        raise _unusable(file, _table(first["loc"]), first["msg"]) from None


def _unusable(file: Path, table: str, problem: str) -> SetupError:
    return SetupError(
        f"{file}{f', {table}' if table else ''} is not usable: {problem.rstrip('.')}.",
        "Correct it; support.example.toml shows every table, docs/support.md explains them.",
    )


def _table(place: Sequence[int | str]) -> str:
    """As it is written in TOML: [destinations.ops] url; [[rota]] 2 name."""
    head = _HEADS.get(place[0], 0) if place[:2] != ("retention", "outreach") else 2
    table, rest = place[:head], [str(part) for part in place[head:] if not _OURS.match(str(part))]
    if table and table[0] == "rota":
        return " ".join(["[[rota]]", str(int(table[1]) + 1), *rest]) if table[1:] else "[[rota]]"
    return " ".join([f"[{'.'.join(map(str, table))}]", *rest]) if table else " ".join(rest)


#: How many parts of a place name its table.
_HEADS: Final[Mapping[int | str, int]] = {
    **dict.fromkeys(("hours", "destinations", "targets", "rota"), 2),
    "retention": 3,
    "summary": 1,
}
#: Parts of a place that are in our reading of the file alone.
_OURS: Final = re.compile(r"_|\[key\]|literal\[|(webhook|slack|feishu|dingtalk|wecom|mail)$")


# What is in the file


def _is_shift(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)", text):
        raise ValueError("a shift is written as in 09:00-18:00; 24:00 is the end of the day")
    return text


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Shifts = list[Annotated[str, AfterValidator(_is_shift)]]
_Name = Annotated[str, Field(min_length=1, max_length=64)]
_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class _Hours(_Table):
    zone: str
    country: str = ""
    monday: _Shifts = []
    tuesday: _Shifts = []
    wednesday: _Shifts = []
    thursday: _Shifts = []
    friday: _Shifts = []
    saturday: _Shifts = []
    sunday: _Shifts = []


_OFFICE: Final = ["09:00-18:00"]
_WORK: Final = _Hours(
    zone="Asia/Shanghai", country="CN", monday=_OFFICE, tuesday=_OFFICE, wednesday=_OFFICE,
    thursday=_OFFICE, friday=_OFFICE,
)  # fmt: skip


class _Webhook(_Table):
    form: Literal["webhook"]
    url: str = ""
    url_env: _Variable | None = None
    secret_env: _Variable | None = None


class _Chat(_Table):
    """Its address lets whoever has it write there, and is a secret, too."""

    form: Literal["slack", "feishu", "dingtalk", "wecom"]
    url_env: _Variable
    secret_env: _Variable | None = None


class _Mail(_Table):
    form: Literal["mail"]
    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Tls = "starttls"
    user_env: _Variable | None = None
    password_env: _Variable | None = None
    sender: Annotated[str, Field(alias="from", pattern="@")]
    to: Annotated[str, Field(pattern="@")]


class _OnCall(_Table):
    name: _Name
    destination: str
    severities: Annotated[frozenset[Literal[1, 2, 3, 4]], Field(min_length=1)] = frozenset(
        {1, 2, 3, 4}
    )
    languages: Annotated[frozenset[Language], Field(min_length=1)] = frozenset(LANGUAGES)
    hours: str = "always"


class _Target(_Table):
    minutes: Annotated[int, Field(ge=1, le=366 * 24 * 60)]
    hours: str = "always"


class _Summary(_Table):
    destination: str
    never: list[Annotated[str, Field(pattern="@")]] = []


class _File(_Table):
    language: Language = "zh"
    patience_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 5
    call_back_within_minutes: Annotated[int, Field(ge=1, le=366 * 24 * 60)] = 120
    alarms: list[str] = []
    hours: dict[_Name, _Hours] = {}
    destinations: dict[_Name, Annotated[_Webhook | _Chat | _Mail, Field(discriminator="form")]] = {}
    rota: list[_OnCall] = []
    targets: dict[Literal["1", "2", "3", "4"], dict[Clock, _Target | Literal["none"]]] = {}
    retention: RetentionTable = RetentionTable()
    summary: _Summary | None = None


# What it means


def _support(file: Path, told: _File) -> Support:
    hours = _hours(file, told)
    unset = {name: missing for name, one in told.destinations.items() if (missing := _unset(one))}
    destinations = {
        name: _destination(file, name, one)
        for name, one in told.destinations.items()
        if name not in unset
    }
    for name in told.alarms:
        _known(file, "alarms", name, told.destinations)
    call_back = Target(timedelta(minutes=told.call_back_within_minutes), hours["work"])
    _in_reach(file, "call_back_within_minutes", call_back)
    return Support(
        policy=_policy(file, told, hours),
        destinations=destinations,
        rota=list(_rota(file, told, hours)),
        patience=timedelta(minutes=told.patience_minutes),
        call_back_within=call_back.amount,
        hours=hours["work"],
        alarms=told.alarms,
        language=told.language,
        retention=policy_of(told.retention),
        summaries_by=_summaries_by(file, told),
        never_mailed=frozenset(map(str.lower, told.summary.never if told.summary else ())),
        unset=unset,
    )


def _summaries_by(file: Path, told: _File) -> str:
    if told.summary is None:
        return ""
    name, table = told.summary.destination, "[summary] destination"
    _known(file, table, name, told.destinations)
    if not isinstance(told.destinations[name], _Mail):
        raise _unusable(file, table, f"{name!r} is no destination of form mail")
    return name


def _known(file: Path, table: str, name: str, names: Mapping[str, object]) -> None:
    if name not in names:
        there = ", ".join(names) or "none"
        raise _unusable(file, table, f"there is no {name!r}; there are: {there}")


def _hours(file: Path, told: _File) -> dict[str, BusinessHours]:
    """By name; "work" and "always" are there in any case."""
    if "always" in told.hours:
        raise _unusable(file, "[hours.always]", "these are every hour, give others another name")
    found = {}
    for name, one in ({"work": _WORK} | told.hours).items():
        try:
            found[name] = BusinessHours(
                ZoneInfo(one.zone),
                tuple(tuple(map(_shift, getattr(one, day))) for day in _DAYS),
                one.country,
            )
        except SetupError as error:
            raise _unusable(file, f"[hours.{name}]", f"{error.message} {error.remedy}") from None
        except (KeyError, ValueError, OSError):
            problem = f"{one.zone!r} is no time zone; give one as in Europe/Berlin"
            raise _unusable(file, f"[hours.{name}]", problem) from None
    return found | {"always": replace(ALWAYS, zone=found["work"].zone)}


_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _shift(text: str) -> Shift:
    begins, ends = text.split("-")
    return Shift(time.fromisoformat(begins), time.fromisoformat(re.sub("^24", "00", ends)))


def _unset(one: _Webhook | _Chat | _Mail) -> list[str]:
    named = [getattr(one, key, None) for key in ("url_env", "secret_env", *_SIGNS_IN)]
    return [name for name in named if name and not variable(name)]


_SIGNS_IN: Final = ("user_env", "password_env")


def _destination(file: Path, name: str, one: _Webhook | _Chat | _Mail) -> Destination | Mailbox:
    if isinstance(one, _Mail):
        return Mailbox(
            name,
            one.host,
            one.port,
            one.tls,
            one.sender,
            one.to,
            variable(one.user_env) if one.user_env else "",
            SecretStr(variable(one.password_env) if one.password_env else ""),
        )
    url = variable(one.url_env) if one.url_env else getattr(one, "url", "")
    if not url.startswith(("https://", "http://")):
        raise _unusable(file, f"[destinations.{name}]", "its address begins with no https://")
    secret = variable(one.secret_env) if one.secret_env else ""
    return Destination(name, one.form, SecretStr(url), SecretStr(secret))


def _rota(file: Path, told: _File, hours: Mapping[str, BusinessHours]) -> Iterator[Responder]:
    seen: set[str] = set()
    for number, one in enumerate(told.rota, start=1):
        table = f"[[rota]] {number}"
        _known(file, table, one.destination, told.destinations)
        _known(file, table, one.hours, hours)
        if one.name in seen:
            raise _unusable(file, table, f"{one.name!r} is there twice; give each a name")
        seen.add(one.name)
        yield Responder(one.name, one.destination, one.severities, one.languages, hours[one.hours])


def _policy(file: Path, told: _File, hours: Mapping[str, BusinessHours]) -> Policy:
    policy: dict[int, dict[Clock, Target]] = {
        severity: dict(targets) for severity, targets in default_policy(hours["work"]).items()
    }
    for number, changed in told.targets.items():
        for clock, told_of in changed.items():
            if told_of == "none":
                policy[int(number)].pop(clock, None)
                continue
            _known(file, f"[targets.{number}] {clock}", told_of.hours, hours)
            amount = timedelta(minutes=told_of.minutes)
            policy[int(number)][clock] = Target(amount, hours[told_of.hours])
    for severity, targets in policy.items():
        for clock, target in targets.items():
            _in_reach(file, f"[targets.{severity}] {clock}", target)
    return policy


def _in_reach(file: Path, table: str, target: Target) -> None:
    """Refuse what would be due in years: a customer is promised nothing by it."""
    try:
        due(target.hours, datetime.now(UTC), target.amount)
    except SetupError as error:
        raise _unusable(file, table, f"{error.message} {error.remedy}") from None
