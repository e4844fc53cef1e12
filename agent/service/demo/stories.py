"""The demo's stories: two files beside this module in; the accounts and their world out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.service.promises.store import Kind as PromiseKind
from agent.service.tickets.sla import Actor
from agent.service.tickets.sla import Kind as EventKind
from common.languages import Language

#: What a change may change: a metric of quality, or how many are there.
Changed = Literal["users", "stall", "latency", "loss", "join", "failed"]
_FOLDER: Final = Path(__file__).parent


class _Told(BaseModel):
    """Anything of a file: a word that is misspelt is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Told):
    """Somebody of an account."""

    id: str
    name: str
    language: Language


class AppStory(_Told):
    """A product of an account's."""

    id: str
    name: str
    shape: str
    users: Mapping[str, int]
    """By region, in the busiest hour."""
    starts: float = 90
    """Days ago: nobody used it before."""


class Change(_Told):
    """A metric that was other than usual for some days."""

    metric: Changed
    since: float = Field(alias="from")
    until: float = Field(alias="to")
    factor: float
    grows: bool = False
    """From one to the factor, instead of the factor all the while."""
    app: str = ""
    region: str = ""
    """Of both: empty for all."""


class Asks(_Told):
    """What an account's ordinary calls are about."""

    topics: Sequence[str]
    calls: int
    mood: Literal["good", "bad"] = "good"


class EventStory(_Told):
    """Something that happened to a ticket; ``at``: minutes after its opening."""

    at: int
    kind: EventKind | Literal["joined", "left"] = Field(alias="is")
    actor: Actor = Field(alias="by")
    text: str = ""


class PromiseStory(_Told):
    """Something that was promised for a ticket; minutes after its opening."""

    at: int
    due: int
    kind: PromiseKind
    text: str
    kept: int | None = None


class TicketStory(_Told):
    """A ticket; ``by``: which of the account's people opened it, ``who`` of ours it is for."""

    days: float
    severity: int
    by: int
    subject: str
    who: str
    paged: int | None = None
    """So many minutes after its opening somebody answered the page; None: nobody was called."""
    events: Sequence[EventStory]
    promises: Sequence[PromiseStory] = ()


class AccountStory(_Told):
    """An account with all that became of it."""

    id: str
    name: Mapping[Language, str]
    story: Mapping[Language, str]
    owner: str
    since: int
    """Days ago it became a customer."""
    facts: Mapping[str, str | int | Sequence[str]]
    """As `FIELDS` of accounts, but ``launch`` and ``renewal`` in days from now."""
    contacts: Sequence[Person]
    apps: Sequence[AppStory]
    changes: Sequence[Change] = ()
    asks: Asks
    tickets: Sequence[TicketStory] = ()

    @property
    def language(self) -> Language:
        """Of whoever of them calls first."""
        return self.contacts[0].language


class Shape(_Told):
    """A day, by its hours, as shares of the busiest."""

    weekday: Sequence[float]
    weekend: float


class Region(_Told):
    """What is usual in a region: rates as shares, times in milliseconds."""

    ahead: float
    """Hours of its clock before UTC."""
    stall: float
    latency: float
    loss: float
    join: float


class IncidentStory(_Told):
    """A zone that failed for everybody in a region."""

    region: str
    days: float
    minutes: int
    changes: Mapping[Changed, float]
    zones: float
    """The share that was left."""


class Topic(_Told):
    """A question with its answer, and the entry that the answer rests on."""

    question: str
    title: str
    answer: str


class World(_Told):
    """What accounts have in common."""

    shapes: Mapping[str, Shape]
    regions: Mapping[str, Region]
    incidents: Sequence[IncidentStory]
    comments: Mapping[Language, Mapping[int, Sequence[str]]]
    topics: Mapping[str, Mapping[Language, Topic]]


class _Accounts(_Told):
    accounts: Sequence[AccountStory]


@lru_cache(maxsize=1)
def accounts() -> Sequence[AccountStory]:
    """The demo's accounts, those in trouble first."""
    return _Accounts.model_validate(_read("accounts.toml")).accounts


@lru_cache(maxsize=1)
def world() -> World:
    """What they live in."""
    return World.model_validate(_read("world.toml"))


def _read(name: str) -> dict[str, object]:
    return tomllib.loads((_FOLDER / name).read_text("utf-8"))
