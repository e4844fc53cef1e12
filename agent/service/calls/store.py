"""The records of calls: who holds a call, its turns as they open and close, and reading them.

A call is held by one process at a time. It claims the call, shows every ``HEARTBEAT_S`` that it
lives, and writes with its claim: once another process has taken the call over, its writes are
refused. Times are those of the hosts' clocks, which must agree to within seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.calls.tables import Call, ScreenText, Turn, Utterance
from agent.service.database import Database
from agent.service.scope import Scope
from common.errors import ServiceError

log = logging.getLogger(__name__)

#: Seconds between two signs of life of whoever holds a call, or takes calls.
HEARTBEAT_S: Final = 5.0
#: Without a sign of life for this long a process is dead, seconds.
DEAD_AFTER_S: Final = 20.0
#: A call whose process died may be taken up again this long, though its grant has expired: the
#: customer may still be in the room. After it the call is over. Seconds.
CUT_OFF_AFTER_S: Final = 60.0
#: Of the text that a call's screens show so much is kept: thirty full pages of small text.
MOST_SCREEN_CHARACTERS: Final = 100_000


@dataclass(frozen=True)
class Claim:
    """A process's hold on a call, or why it has none."""

    call_id: str
    claimant: str
    outcome: Literal["new", "rejoined", "unrecorded", "held", "over"]
    """unrecorded: answer it, nothing of it is kept. held: another live process answers it. over:
    its grant has expired."""
    next_turn: int = 1
    """Number of the next turn; a call that is rejoined goes on counting."""

    @property
    def granted(self) -> bool:
        """Whether the claimant is to answer the call."""
        return self.outcome not in ("held", "over")


@dataclass(frozen=True)
class Said:
    """What was said in a call, by whom; or shown."""

    at: datetime
    speaker: Literal["customer", "assistant", "human", "screen"]
    """screen: nobody; it was read off the screen that the customer showed."""
    who: str
    """The person's name; empty for all others."""
    text: str


class CallStore:
    """Calls and turns in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- holding a call

    async def claim_call(self, call_id: str, claimant: str) -> Claim:
        """Take the call, unless a live process has it.

        ``claimant``: names the process, at most 128 characters, never the same twice. A call
        without a record, or with a database that is away, is granted as unrecorded: a call that
        is not kept is better than silence.
        """
        try:
            return await self._claim(call_id, claimant)
        except (SQLAlchemyError, OSError):
            log.exception("call %s is held without a record", call_id)
            return Claim(call_id, claimant, "unrecorded")

    async def _claim(self, call_id: str, claimant: str) -> Claim:
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            taken = await session.execute(
                update(Call)
                .where(Call.id == call_id, _may_be_claimed(claimant, now))
                .values(claimant=claimant, heartbeat_at=now, ended_at=None)
                .returning(Call.started_at)
            )
            row = taken.one_or_none()
            if row is None:
                return Claim(call_id, claimant, await _why_not(session, call_id, now))
            if row.started_at is None:
                await session.execute(update(Call).where(Call.id == call_id).values(started_at=now))
                return Claim(call_id, claimant, "new")
            last = await session.scalar(
                select(func.max(Turn.number)).where(Turn.call_id == call_id)
            )
            await _close_open_turns(session, [call_id], now)
            return Claim(call_id, claimant, "rejoined", next_turn=(last or 0) + 1)

    async def heartbeat(self, claim: Claim) -> bool:
        """Show that the claimant lives. False: another process has the call."""
        if claim.outcome == "unrecorded":
            return True
        async with self._database.transaction() as session:
            return await _hold(session, claim)

    async def end_call(self, claim: Claim) -> None:
        """The customer or the assistant has left; a turn that is open ends with it.

        Without effect where another process has taken the call over.
        """
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            if await _hold(session, claim, ended_at=now, sum_up_at=now):
                await _close_open_turns(session, [claim.call_id], now)

    async def conclude(
        self, claim: Claim, outcome: Literal["confirmed", "left", "handed_over"]
    ) -> None:
        """How the call came out, as far as is known; the last word counts.

        Raises ServiceError where the call is over, or another process has taken it over.
        """
        if claim.outcome == "unrecorded":
            return
        async with self._database.transaction() as session:
            await _insist(session, claim, outcome=outcome)

    async def keep_course(self, claim: Claim, course: dict[str, Any]) -> None:
        """Where the conversation stands, in JSON; the last word counts.

        Raises ServiceError where the call is over, or another process has taken it over.
        """
        async with self._database.transaction() as session:
            await _insist(session, claim, course=course)

    async def put_email(self, claim: Claim, email: str) -> None:
        """The summary of this call alone goes there. Raises ServiceError as `conclude`."""
        async with self._database.transaction() as session:
            await _insist(session, claim)
            await session.execute(update(Call).where(Call.id == claim.call_id).values(email=email))

    async def rate(self, scope: Scope, call_id: str, rating: int, comment: str) -> bool:
        """What the customer thinks of it, also after its end; the last word counts.

        ``rating``: 1 to 5. False where the scope has no such call.
        """
        async with self._database.transaction() as session:
            rated = await session.execute(
                update(Call)
                .where(Call.id == call_id, within(scope))
                .values(rating=rating, comment=comment)
                .returning(Call.id)
            )
            return rated.one_or_none() is not None

    async def is_answered(self, scope: Scope, call_id: str) -> bool:
        """Whether a live process holds the call."""
        alive = Call.heartbeat_at >= datetime.now(UTC) - timedelta(seconds=DEAD_AFTER_S)
        async with self._database.transaction() as session:
            query = select(Call.id).where(
                Call.id == call_id, within(scope), Call.ended_at.is_(None), alive
            )
            return await session.scalar(query) is not None

    async def give_back(self, scope: Scope, call_id: str) -> None:
        """The customer has left for good: nobody is let in with this grant any more.

        A process that holds the call ends it itself.
        """
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            of_call = (Call.id == call_id, within(scope))
            await session.execute(
                update(Call)
                .where(*of_call, Call.grant_expires_at > now)
                .values(grant_expires_at=now)
            )
            await session.execute(
                update(Call)
                .where(*of_call, Call.claimant.is_(None), Call.ended_at.is_(None))
                .values(ended_at=now)
            )

    async def end_interrupted_calls(self, older_than: timedelta) -> int:
        """Give calls whose process died that long ago their end; how many there were.

        They end when they were last seen alive; a grant that nobody used ends when it expired.
        Turns that were open keep what is known of them.
        """
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            cut_off = await session.scalars(
                update(Call)
                .where(
                    Call.ended_at.is_(None),
                    Call.claimant.is_not(None),
                    Call.heartbeat_at < now - older_than,
                )
                .values(ended_at=Call.heartbeat_at, sum_up_at=now)
                .returning(Call.id)
            )
            ids = list(cut_off)
            await _close_open_turns(session, ids, now)
            await session.execute(
                update(Call)
                .where(
                    Call.ended_at.is_(None),
                    Call.claimant.is_(None),
                    Call.grant_expires_at < now - older_than,
                )
                .values(ended_at=Call.grant_expires_at)
            )
        return len(ids)

    # --- its turns

    async def open_turn(
        self,
        claim: Claim,
        number: int,
        *,
        asked_at: datetime,
        language: str,
        question: str,
        citations: Sequence[dict[str, Any]] = (),
        confidence: float | None = None,
    ) -> None:
        """Record a question when it is asked, before it is answered.

        Raises ServiceError where another process has taken the call over.
        """
        if claim.outcome == "unrecorded":
            return
        turn = Turn(
            call_id=claim.call_id,
            number=number,
            asked_at=asked_at,
            language=language,
            question=question,
            citations=list(citations),
            confidence=confidence,
        )
        async with self._database.transaction() as session:
            await _insist(session, claim)
            session.add(turn)

    async def extend_turn(
        self, claim: Claim, number: int, *, answer: str, citations: Sequence[dict[str, Any]]
    ) -> None:
        """Record what an open turn's answer has said so far, and what it cites.

        Raises ServiceError where another process has taken the call over.
        """
        await self._write_turn(claim, number, answer=answer, citations=list(citations))

    async def close_turn(
        self,
        claim: Claim,
        number: int,
        *,
        question: str,
        answer: str,
        declined: bool,
        interrupted: bool,
        citations: Sequence[dict[str, Any]],
        timings_ms: dict[str, float],
    ) -> None:
        """Complete a turn: the question as it was answered, the answer as it was heard.

        Raises ServiceError where another process has taken the call over.
        """
        await self._write_turn(
            claim,
            number,
            closed_at=datetime.now(UTC),
            question=question,
            answer=answer,
            declined=declined,
            interrupted=interrupted,
            citations=list(citations),
            timings_ms=timings_ms,
        )

    async def drop_turn(self, claim: Claim, number: int) -> None:
        """Forget a turn that turned out to be the first part of the next.

        Raises ServiceError where another process has taken the call over.
        """
        if claim.outcome == "unrecorded":
            return
        async with self._database.transaction() as session:
            await _insist(session, claim)
            await session.execute(delete(Turn).where(*_is_turn(claim, number)))

    async def write_utterance(
        self,
        claim: Claim,
        speaker: Literal["customer", "human"],
        text: str,
        language: str,
        *,
        who: str = "",
    ) -> None:
        """Record what was said while the assistant was silent.

        Raises ServiceError where another process has taken the call over.
        """
        if claim.outcome == "unrecorded":
            return
        utterance = Utterance(
            call_id=claim.call_id,
            said_at=datetime.now(UTC),
            speaker=speaker,
            who=who,
            language=language,
            text=text,
        )
        async with self._database.transaction() as session:
            await _insist(session, claim)
            session.add(utterance)

    async def write_screen(self, claim: Claim, part: tuple[int, int, int, int], text: str) -> None:
        """Record what was read off the customer's screen, as far as there is room for it.

        ``part``: left, top, right and bottom of where it stood, pixels. Raises ServiceError where
        another process has taken the call over.
        """
        of_call = ScreenText.call_id == claim.call_id
        async with self._database.transaction() as session:
            await _insist(session, claim)
            kept = await session.scalar(
                select(func.sum(func.length(ScreenText.text))).where(of_call)
            )
            if text := text[: max(0, MOST_SCREEN_CHARACTERS - (kept or 0))]:
                session.add(
                    ScreenText(
                        call_id=claim.call_id, read_at=datetime.now(UTC), part=list(part), text=text
                    )
                )

    async def _write_turn(self, claim: Claim, number: int, **values: Any) -> None:
        if claim.outcome == "unrecorded":
            return
        async with self._database.transaction() as session:
            await _insist(session, claim)
            await session.execute(update(Turn).where(*_is_turn(claim, number)).values(**values))

    # --- reading

    async def call(self, scope: Scope, call_id: str) -> Call | None:
        """A call without its turns; None where there is none in this scope."""
        async with self._database.transaction() as session:
            found: Call | None = await session.scalar(
                select(Call).where(Call.id == call_id, within(scope))
            )
            return found

    async def turns(self, scope: Scope, call_id: str) -> Sequence[Turn]:
        """The turns of a call, in order; none where the call is not in this scope."""
        async with self._database.transaction() as session:
            query = (
                select(Turn)
                .join(Call, Call.id == Turn.call_id)
                .where(Call.id == call_id, within(scope))
                .order_by(Turn.number)
            )
            return (await session.scalars(query)).all()

    async def transcript(self, scope: Scope, call_id: str) -> list[Said]:
        """What was said and shown so far, in order; nothing where the call is not in this
        scope."""
        said: list[Said] = []
        for turn in await self.turns(scope, call_id):
            said.append(Said(turn.asked_at, "customer", "", turn.question))
            if turn.answer:
                said.append(Said(turn.asked_at, "assistant", "", turn.answer))
        async with self._database.transaction() as session:
            query = (
                select(Utterance)
                .join(Call, Call.id == Utterance.call_id)
                .where(Call.id == call_id, within(scope))
                .order_by(Utterance.id)
            )
            said += [
                Said(
                    one.said_at,
                    "human" if one.speaker == "human" else "customer",
                    one.who,
                    one.text,
                )
                for one in await session.scalars(query)
            ]
            shown = (
                select(ScreenText)
                .join(Call, Call.id == ScreenText.call_id)
                .where(Call.id == call_id, within(scope))
                .order_by(ScreenText.id)
            )
            said += [
                Said(one.read_at, "screen", "", one.text) for one in await session.scalars(shown)
            ]
        return sorted(said, key=lambda one: one.at)

    async def cites(self, scope: Scope, call_id: str, entry_id: str, version: int) -> bool:
        """Whether an answer of the call, be it still spoken, cites that version of the entry."""
        turns = await self.turns(scope, call_id)
        return any(
            citation["id"] == entry_id and citation["version"] == version
            for turn in turns
            for citation in turn.citations
        )


def within(scope: Scope) -> ColumnElement[bool]:
    """The calls of a scope: what every query of them asks besides."""
    of_account = Call.account == scope.account
    if scope.call_id is None and scope.account:
        return of_account
    return and_(of_account, Call.id == scope.call_id)


def _may_be_claimed(claimant: str, now: datetime) -> ColumnElement[bool]:
    """Nobody alive has the call, and its customer may be let in or is still there."""
    dead = Call.heartbeat_at < now - timedelta(seconds=DEAD_AFTER_S)
    just_died = Call.heartbeat_at >= now - timedelta(seconds=CUT_OFF_AFTER_S)
    in_life = Call.grant_expires_at >= now
    return or_(
        and_(in_life, or_(Call.claimant.is_(None), Call.ended_at.is_not(None), dead)),
        and_(Call.ended_at.is_(None), dead, just_died),
        and_(Call.ended_at.is_(None), Call.claimant == claimant),
    )


async def _why_not(
    session: AsyncSession, call_id: str, now: datetime
) -> Literal["unrecorded", "held", "over"]:
    call = await session.get(Call, call_id)
    if call is None:
        return "unrecorded"
    alive = call.heartbeat_at and call.heartbeat_at >= now - timedelta(seconds=DEAD_AFTER_S)
    return "held" if alive and call.ended_at is None else "over"


async def _hold(session: AsyncSession, claim: Claim, **values: Any) -> bool:
    """Show life in a call and write ``values`` to it; False where the claim has been lost.

    The row is locked from here on to the end of the transaction.
    """
    held = await session.execute(
        update(Call)
        .where(Call.id == claim.call_id, Call.claimant == claim.claimant, Call.ended_at.is_(None))
        .values(heartbeat_at=datetime.now(UTC), **values)
        .returning(Call.id)
    )
    return held.one_or_none() is not None


async def _insist(session: AsyncSession, claim: Claim, **values: Any) -> None:
    if not await _hold(session, claim, **values):
        raise ServiceError(
            f"Call {claim.call_id} is over, or another process has taken it up.",
            "Nothing need be done: what this process says in it is not kept.",
            retryable=False,
        )


async def _close_open_turns(session: AsyncSession, call_ids: list[str], now: datetime) -> None:
    await session.execute(
        update(Turn)
        .where(Turn.call_id.in_(call_ids), Turn.closed_at.is_(None))
        .values(closed_at=now, interrupted=True)
    )


def _is_turn(claim: Claim, number: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Turn.call_id == claim.call_id, Turn.number == number
