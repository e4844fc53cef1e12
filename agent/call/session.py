"""One call in a LiveKit room, from the dispatch to the last record."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from livekit import rtc
from livekit.agents import AutoSubscribe, CloseEvent, JobContext, room_io
from sqlalchemy.exc import SQLAlchemyError

from agent.call.closing import Closing, closing_of
from agent.call.conversation import Conversation, open_conversation
from agent.call.escalation import Escalation
from agent.call.gate import TextGate
from agent.call.handover import Handover
from agent.call.history import recorded, spoken
from agent.call.keeping import Keeping
from agent.call.limits import CallLimits, Limits
from agent.call.playout import RoomPlayout
from agent.call.presence import Presence
from agent.call.screen import ScreenWatch
from agent.call.screen_reader import open_screen_reader
from agent.call.timing import TIMING
from agent.call.turn_log import TurnLog
from agent.call.typed import TypedInput
from agent.dialogue.course import read_course
from agent.dialogue.customer import Customer
from agent.dialogue.seen import Seen
from agent.dialogue.solved import is_solved
from agent.duty.summing_up import SummingUp
from agent.rooms.principal import Principal
from agent.rooms.tokens import Seat, read_seat
from agent.service.accounts.store import AccountStore
from agent.service.calls.store import HEARTBEAT_S, CallStore, Claim
from agent.service.database import Database
from agent.service.paging.store import Paging
from agent.service.promises.store import Promises
from agent.service.scope import Scope
from agent.service.support import Support, default_support, read_support
from agent.service.tickets.store import TicketStore
from agent.settings import Settings
from agent.speech.contract import HEARING_RATE_HZ
from common.errors import LiukeError, ServiceError, SetupError
from knowledge.client import KnowledgeClient

log = logging.getLogger(__name__)


async def hold_call(ctx: JobContext) -> None:
    """Answer one call. The dispatch's metadata is its customer's seat: `agent/rooms/tokens.py`."""
    settings = Settings()
    seat = read_seat(ctx.job.metadata)
    database = Database(settings.database_url)
    records = CallStore(database)
    claim = await records.claim_call(seat.call_id, _claimant())
    if not claim.granted:
        log.info("call %s is not answered here: %s", claim.call_id, claim.outcome)
        await database.aclose()
        if claim.outcome == "over":
            await ctx.delete_room()
        ctx.shutdown(claim.outcome)
        return
    support, principal = support_of(settings), seat.principal
    escalation = open_escalation(support, database, principal, claim)
    keeping = Keeping(
        database,
        support.policy,
        account=principal.account,
        contact=principal.contact,
        claim=claim,
    )
    customer = Customer(
        database,
        support,
        settings.qos.targets,
        account=principal.account,
        contact=principal.contact,
        call_id=seat.call_id,
    )
    conversation = open_conversation(settings, principal, escalation.act, keeping, customer)
    screen = open_screen(settings, ctx.room, seat, conversation, keeping)
    written = Written(records, claim, escalation, keeping, SummingUp(database, support))
    held = HeldCall(ctx, conversation, written, screen, seat)

    async def close(_reason: str) -> None:
        await held.aclose()
        await conversation.aclose()
        await database.aclose()

    ctx.add_shutdown_callback(close)
    await held.answer(seat.identity, closing_of(ctx.proc), limits_of(settings))


def open_escalation(
    support: Support, database: Database, principal: Principal, claim: Claim
) -> Escalation:
    """What becomes of a wish for a person in this call, by the operator's rota and targets."""
    return Escalation(
        TicketStore(database, support.policy),
        Paging(database, support.rota, patience=support.patience),
        AccountStore(database),
        Promises(database),
        account=principal.account,
        contact=principal.contact,
        claim=claim,
    )


def support_of(settings: Settings) -> Support:
    """A file that was broken since the start ends no call: its tickets have the default clocks, and
    the API's process, which read the file before, calls people and sends mail."""
    try:
        return read_support(settings.support_file)
    except SetupError as error:
        log.error("%s", error)
        return default_support()


def open_screen(
    settings: Settings, room: rtc.Room, seat: Seat, conversation: Conversation, keeping: Keeping
) -> ScreenWatch:
    """What becomes of a screen that the customer shows: the floor knows what stands on it, and its
    text is kept."""

    async def known_codes() -> frozenset[str]:
        knowledge = KnowledgeClient(
            settings.knowledge.url, settings.internal_token, tenant=seat.principal.account
        )
        try:
            return await knowledge.error_codes()
        finally:
            await knowledge.aclose()

    def on_seen(seen: Seen | None) -> None:
        conversation.floor.seen = seen

    reader = open_screen_reader(settings, lambda: conversation.agent.language)
    return ScreenWatch(room, seat.identity, reader, known_codes, on_seen, keeping.show)


def limits_of(settings: Settings) -> Limits:
    """How long a call may take by these settings."""
    agent = settings.agent
    return Limits(longest_s=60.0 * agent.max_call_minutes, idle_s=60.0 * agent.idle_minutes)


@dataclass(frozen=True)
class Written:
    """Where what becomes of a call is written."""

    records: CallStore
    claim: Claim
    escalation: Escalation
    keeping: Keeping
    summing_up: SummingUp


class HeldCall:
    """A call that this process has claimed, from its room to its last record."""

    def __init__(
        self,
        ctx: JobContext,
        conversation: Conversation,
        written: Written,
        screen: ScreenWatch,
        seat: Seat,
    ) -> None:
        self._ctx = ctx
        self._conversation = conversation
        self._records = records = written.records
        self._claim = claim = written.claim
        session = conversation.session
        self._turns = TurnLog(session, conversation.floor, ctx.room, records, claim)
        self._playout = RoomPlayout(ctx.room)
        self._escalation = escalation = written.escalation
        self._keeping = written.keeping
        self._summing_up = written.summing_up
        self._scope = Scope(seat.principal.account, claim.call_id)
        self._screen = screen
        self._handover = Handover(
            ctx.room,
            conversation,
            self._playout,
            records,
            claim,
            customer=seat.identity,
            brief=self._brief,
            note=escalation.note,
        )
        self._tasks = [asyncio.create_task(self._show_life())]
        self._leaving: asyncio.Task[None] | None = None
        self._is_ours = True
        session.on("close", self._on_close)

    async def answer(self, identity: str, closing: Closing, limits: Limits) -> None:
        """Join the room and greet its customer; the call then goes on by itself.

        A call that its customer has left meanwhile is over at once.
        """
        ctx = self._ctx
        await ctx.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
        presence = Presence(ctx.room, identity)
        gone = asyncio.create_task(presence.gone(lambda: ctx.api))
        starting = asyncio.create_task(self._start(identity))
        await asyncio.wait({gone, starting}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()  # from here on the framework sees it
        if not starting.done():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            self._leave("the customer left before the assistant came")
            return
        starting.result()
        await self._take_up()
        phrases = self._conversation.agent.phrases_now
        watch = CallLimits(
            self._conversation.session,
            limits,
            closing_at_s=closing.at_s,
            phrases=phrases,
            is_occupied=self._is_occupied,
        )
        self._tasks.append(asyncio.create_task(self._end_at_limit(watch)))
        self._tasks.append(asyncio.create_task(self._follow()))
        self._handover.start()
        self._screen.start()

    async def aclose(self) -> None:
        """End what is still being said, and record what is open and the end."""
        await self._handover.aclose()
        await self._screen.aclose()
        await self._conversation.session.aclose()
        if self._leaving:
            await self._leaving
        await self._escalation.aclose()
        await self._keeping.aclose()
        await self._turns.aclose()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._records.conclude(self._claim, self._outcome())
            await self._records.end_call(self._claim)
            await self._summing_up.at_the_end(self._scope, self._claim.call_id)
        except ServiceError as error:  # another process has taken the call up: it will say
            log.info("%s", error)
        except (SQLAlchemyError, OSError):
            log.exception("the end of call %s could not be recorded", self._claim.call_id)
        await self._playout.aclose()

    async def _start(self, identity: str) -> None:
        session = self._conversation.session
        session.output.audio = self._playout
        await self._meet()
        await join_room(self._conversation, self._ctx.room, identity, self._handover.typed)
        await self._playout.start()

    async def _meet(self) -> None:
        """Greet, or go on where a process before has been."""
        agent, call_id = self._conversation.agent, self._claim.call_id
        try:
            call = await self._records.call(self._scope, call_id)
            turns = await self._records.turns(self._scope, call_id)
        except (SQLAlchemyError, OSError):
            log.exception("what was said in call %s cannot be read", call_id)
            turns = []
        if call and turns:
            await agent.meet_again(recorded(turns), read_course(call.course))
        else:
            await agent.meet()

    def _outcome(self) -> Literal["confirmed", "left", "handed_over"]:
        if self._handover.has_spoken:
            return "handed_over"
        said = [one for one in spoken(self._conversation.session.history) if one.role == "user"]
        return "confirmed" if said and is_solved(said[-1].text_content or "") else "left"

    async def _brief(self) -> str:
        return await self._escalation.brief(self._conversation.agent.language)

    async def _take_up(self) -> None:
        """Go on with what it was begun for, or a process before has begun; or else without."""
        try:
            await self._escalation.take_up()
        except (SQLAlchemyError, OSError, LiukeError):
            log.exception("what call %s has begun cannot be read", self._claim.call_id)

    async def _follow(self) -> None:
        """Tell the customer what becomes of their wish, when nobody speaks."""
        session = self._conversation.session

        async def say(text: str) -> None:
            await session.wait_for_idle()
            if not self._conversation.floor.is_given_away:
                await session.say(text, add_to_chat_ctx=False)

        async def ask_reach(ticket: int) -> None:
            await session.wait_for_idle()
            if not self._conversation.floor.is_given_away:
                await self._conversation.agent.ask_reach(ticket)

        agent = self._conversation.agent
        await self._escalation.follow(say, lambda: agent.language, ask_reach)

    def _is_occupied(self) -> bool:
        return self._escalation.is_waiting or self._conversation.floor.is_given_away

    async def _end_at_limit(self, watch: CallLimits) -> None:
        ending = await watch.run()
        log.info("call %s is ended by its limit: %s", self._claim.call_id, ending)
        self._conversation.session.shutdown(drain=False)

    async def _show_life(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            with contextlib.suppress(SQLAlchemyError, OSError):  # the next one may be written
                if not await self._records.heartbeat(self._claim):
                    log.warning("call %s has been taken up elsewhere", self._claim.call_id)
                    self._is_ours = False
                    self._conversation.session.shutdown(drain=False)
                    return

    def _on_close(self, _event: CloseEvent) -> None:
        self._leave("the conversation is over")

    def _leave(self, reason: str) -> None:
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._close_room(reason))

    async def _close_room(self, reason: str) -> None:
        """Nobody is left in a room without an assistant, unless another one has taken it up."""
        if self._is_ours:
            await self._ctx.delete_room()
        self._ctx.shutdown(reason)


async def join_room(
    conversation: Conversation,
    room: rtc.Room,
    identity: str,
    to_a_person: Callable[[str], bool],
) -> None:
    """Let one customer's voice, and what they type, reach the conversation; nothing else does.

    ``to_a_person``: takes what is typed to a person who has the floor; whether there is one.
    """
    typed = TypedInput(TextGate(), conversation.agent.phrases_now, to_a_person)
    await conversation.session.start(
        conversation.agent,
        room=room,
        room_options=room_io.RoomOptions(
            participant_identity=identity,
            text_input=room_io.TextInputOptions(text_input_cb=typed),
            audio_input=room_io.AudioInputOptions(
                sample_rate=HEARING_RATE_HZ,
                frame_size_ms=TIMING.input_frame_ms,
                # Recordings of any size, decoded in this process: the page sends none.
                pre_connect_audio=False,
            ),
            audio_output=False,  # RoomPlayout
        ),
        # Anybody in the room could run the session by it, and read what was said.
        session_host=False,
        record=False,
    )


def _claimant() -> str:
    """A name for this process that no other has."""
    return f"{socket.gethostname()[:64]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
