"""What people of the operator's are told: records in; the messages of `prompts/paging.toml` out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from agent.duty.words import read_words
from agent.service.outbox.forms import Message
from agent.service.outbox.store import Taken
from agent.service.promises.tables import Promise
from agent.service.quality.incidents import Words
from agent.service.quality.tables import IncidentSeen
from agent.service.quality.targets import Incident
from agent.service.retention.tables import Outreach
from agent.service.tickets.sla import ClockState
from agent.service.tickets.tables import Ticket
from common.languages import LANGUAGES, Language

#: The type of the message that tells of another's death: nobody is told of its own.
UNDELIVERED: Final = "outbox.undelivered"

_WORDS: Final = read_words("paging.toml")
#: Minutes; a person who is due later is told the time alone.
_SOON: Final = 120
#: Of what a customer said no more is told. Characters.
_MOST_SAID: Final = 200
#: Of an incident so many accounts are named.
_MOST_NAMES: Final = 12
#: Why a customer may leave, so many sentences, the newest.
_MOST_REASONS: Final = 5
_SEPARATORS: Final[Mapping[Language, str]] = {"zh": "、", "en": ", "}


@dataclass(frozen=True)
class Reader:
    """In which language somebody reads, and by which clock."""

    language: Language
    zone: ZoneInfo


def page(
    reader: Reader,
    ticket: Ticket,
    account: str,
    clocks: Sequence[ClockState],
    link: str,
    now: datetime,
) -> Message:
    """Somebody is called to a ticket; ``link`` answers."""
    words = _WORDS[reader.language]
    text = words["page"].format(
        **_of_ticket(reader, ticket, account), clock=_a_person(reader, clocks, now), link=link
    )
    return Message("ticket.page", text.strip(), _data(reader, ticket) | {"link": link})


def nobody(reader: Reader, ticket: Ticket, account: str, until: datetime, now: datetime) -> Message:
    """Nobody came; ``until``: when the customer is called at the latest."""
    told = _WORDS[reader.language]["nobody"].format(
        **_of_ticket(reader, ticket, account), until=_at(reader, until, now)
    )
    data = _data(reader, ticket) | {"until": until.isoformat()}
    return Message("ticket.nobody", told.strip(), data)


def callback(reader: Reader, until: datetime, now: datetime) -> str:
    """What the customer is promised then."""
    text: str = _WORDS[reader.language]["callback"].format(until=_at(reader, until, now))
    return text


def clock_missed(
    reader: Reader, ticket: Ticket, account: str, clock: ClockState, now: datetime
) -> Message:
    """The time of a clock is up."""
    words = _WORDS[reader.language]
    missed_at = clock.missed_at or now
    told = words["clock_missed"].format(
        **_of_ticket(reader, ticket, account),
        clock=words["clocks"][clock.clock],
        until=_at(reader, missed_at, now),
        who=ticket.assignee or words["no_one"],
    )
    data = _data(reader, ticket) | {"clock": clock.clock, "until": missed_at.isoformat()}
    return Message("ticket.missed", told.strip(), data)


def promise(
    reader: Reader,
    what: Literal["due", "broken"],
    promise: Promise,
    account: str,
    link: str,
    now: datetime,
) -> Message:
    """Something that was promised is to be done, or was not."""
    told = _WORDS[reader.language][f"promise_{what}"].format(
        account=_quoted(account) or _WORDS[reader.language]["guest"],
        promise=_quoted(promise.text),
        until=_at(reader, promise.due_at, now),
        link=link,
    )
    data = {
        "promise": promise.key,
        "ticket": promise.ticket,
        "account": promise.account,
        "until": promise.due_at.isoformat(),
        "link": link,
        "language": reader.language,
    }
    return Message(f"promise.{what}", told.strip(), data)


def incident(
    reader: Reader, seen: IncidentSeen, names: Sequence[str], link: str, now: datetime
) -> Message:
    """Somebody is called to an incident; ``names``: of its accounts. ``link`` answers."""
    told = _WORDS[reader.language]["incident"].format(
        **_of_incident(reader, seen, names, now), link=link
    )
    return Message("incident.page", told.strip(), _incident_data(reader, seen) | {"link": link})


def incident_nobody(
    reader: Reader, seen: IncidentSeen, names: Sequence[str], now: datetime
) -> Message:
    """Nobody took it."""
    told = _WORDS[reader.language]["incident_nobody"].format(
        **_of_incident(reader, seen, names, now)
    )
    return Message("incident.nobody", told.strip(), _incident_data(reader, seen))


def incident_over(
    reader: Reader, seen: IncidentSeen, names: Sequence[str], now: datetime
) -> Message:
    """It does not go on."""
    told = _WORDS[reader.language]["incident_over"].format(
        **_of_incident(reader, seen, names, now), until=_at(reader, seen.ends_at, now)
    )
    data = _incident_data(reader, seen) | {"ends_at": seen.ends_at.isoformat()}
    return Message("incident.over", told.strip(), data)


def incident_words(language: Language) -> Words:
    """What stands in the ticket of an incident."""
    words = _WORDS[language]

    def subject(found: Incident) -> str:
        told: str = words["incident_subject"].format(
            region=_quoted(found.region),
            count=len(found.accounts),
            metrics=_metrics(language, found.metrics),
        )
        return told

    return Words(language, subject, words["incident_settled"])


def outreach(reader: Reader, drafted: Outreach, account: str) -> Message:
    """A letter to a customer who may leave is drafted."""
    words = _WORDS[reader.language]
    reasons = [
        words["outreach_reason"].format(
            signal=words["signals"][one["signal"]], sentence=_quoted(one["sentence"])
        )
        for one in drafted.reasons[:_MOST_REASONS]
    ]
    told = words["outreach"].format(
        account=_quoted(account), reasons="\n".join(reasons), number=drafted.id
    )
    data = {
        "outreach": drafted.id,
        "account": drafted.account,
        "reasons": drafted.reasons,
        "language": reader.language,
    }
    return Message("retention.outreach", told.strip(), data)


def undelivered(language: Language, taken: Taken, problem: str) -> Message:
    """A message was given up."""
    told = _WORDS[language]["undelivered"].format(
        key=_quoted(taken.key), destination=taken.destination, problem=problem
    )
    data = {"message": taken.id, "destination": taken.destination, "language": language}
    return Message(UNDELIVERED, told.strip(), data)


def spoken_by(languages: frozenset[Language], customer: str) -> Language:
    """In which language a person is told of a customer: the customer's, if it is theirs."""
    ours = [language for language in LANGUAGES if language in languages]
    return next((language for language in ours if language == customer), ours[0])


def _of_ticket(reader: Reader, ticket: Ticket, account: str) -> dict[str, object]:
    return {
        "number": ticket.number,
        "severity": ticket.severity,
        "account": _quoted(account) or _WORDS[reader.language]["guest"],
        "subject": _quoted(ticket.subject),
    }


def _of_incident(
    reader: Reader, seen: IncidentSeen, names: Sequence[str], now: datetime
) -> dict[str, object]:
    return {
        "number": seen.ticket,
        "region": _quoted(seen.region),
        "count": len(seen.accounts),
        "metrics": _metrics(reader.language, seen.metrics),
        "accounts": _listed(reader.language, names),
        "since": _at(reader, seen.begins_at, now),
    }


def _incident_data(reader: Reader, seen: IncidentSeen) -> dict[str, object]:
    """The same for programs."""
    return {
        "ticket": seen.ticket,
        "severity": 1,
        "region": seen.region,
        "accounts": seen.accounts,
        "metrics": seen.metrics,
        "begins_at": seen.begins_at.isoformat(),
        "language": reader.language,
    }


def _metrics(language: Language, metrics: Sequence[str]) -> str:
    return _SEPARATORS[language].join(_WORDS[language]["metrics"][one] for one in metrics)


def _listed(language: Language, names: Sequence[str]) -> str:
    """Names that a message has room for."""
    first = _SEPARATORS[language].join(_quoted(name) for name in names[:_MOST_NAMES])
    if len(names) <= _MOST_NAMES:
        return first
    told: str = _WORDS[language]["and_more"].format(first=first, count=len(names))
    return told


def _data(reader: Reader, ticket: Ticket) -> dict[str, object]:
    """The same for programs."""
    return {
        "ticket": ticket.number,
        "severity": ticket.severity,
        "account": ticket.account,
        "language": reader.language,
    }


def _a_person(reader: Reader, clocks: Sequence[ClockState], now: datetime) -> str:
    """Until when a person has to come."""
    words = _WORDS[reader.language]
    clock = next((one for one in clocks if one.clock == "human response"), None)
    if clock and clock.missed_at:
        return str(words["missed"].format(until=_at(reader, clock.missed_at, now)))
    if clock is None or clock.due_at is None:
        return str(words["no_clock"])
    minutes = math.ceil((clock.due_at - now) / timedelta(minutes=1))
    phrase = words["within" if minutes <= _SOON else "until"]
    return str(phrase.format(minutes=minutes, until=_at(reader, clock.due_at, now)))


def _at(reader: Reader, moment: datetime, now: datetime) -> str:
    """By the reader's clock, with the day unless it is today."""
    there = moment.astimezone(reader.zone)
    today = there.date() == now.astimezone(reader.zone).date()
    return f"{there:{'%H:%M' if today else '%m-%d %H:%M'}} ({reader.zone.key})"


def _quoted(text: str) -> str:
    """What a customer said as one line that no chat tool takes for a mark of its own."""
    line = " ".join(text.split()).translate(_MARKS)
    return line if len(line) <= _MOST_SAID else f"{line[: _MOST_SAID - 1]}…"


#: Slack and Feishu call everybody for what stands between these.
_MARKS: Final = str.maketrans("<>", "‹›")
