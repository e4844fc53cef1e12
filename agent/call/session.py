"""One call in a LiveKit room, from the dispatch to the last record."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import uuid

from livekit.agents import JobContext, room_io
from sqlalchemy.exc import SQLAlchemyError

from agent.call.conversation import open_conversation
from agent.call.playout import RoomPlayout
from agent.call.timing import TIMING
from agent.call.turn_log import TurnLog
from agent.service.calls.store import HEARTBEAT_S, CallStore, Claim
from agent.service.database import Database
from agent.settings import Settings
from agent.speech.contract import HEARING_RATE_HZ

log = logging.getLogger(__name__)


async def hold_call(ctx: JobContext) -> None:
    """Answer one call. The dispatch's metadata names it: `{"call_id", "identity", "language"}`."""
    settings = Settings()
    call = json.loads(ctx.job.metadata)
    database = Database(settings.database_url)
    records = CallStore(database)
    claim = await records.claim_call(call["call_id"], _claimant())
    if not claim.granted:
        log.info("call %s is not answered here: %s", claim.call_id, claim.outcome)
        await database.aclose()
        ctx.shutdown(claim.outcome)
        return
    living = asyncio.create_task(_show_life(records, claim))
    conversation = open_conversation(settings, call["language"])
    session = conversation.session
    turns = TurnLog(session, conversation.floor, ctx.room, records, claim)
    playout = RoomPlayout(ctx.room)

    async def close(_reason: str) -> None:
        await turns.aclose()
        living.cancel()
        try:
            await records.end_call(claim)
        except SQLAlchemyError:
            log.exception("the end of call %s could not be recorded", call["call_id"])
        await playout.aclose()
        await conversation.aclose()
        await database.aclose()

    ctx.add_shutdown_callback(close)
    await ctx.connect()
    session.output.audio = playout
    await session.start(
        conversation.agent,
        room=ctx.room,
        room_options=room_io.RoomOptions(
            participant_identity=call["identity"],
            audio_input=room_io.AudioInputOptions(
                sample_rate=HEARING_RATE_HZ, frame_size_ms=TIMING.input_frame_ms
            ),
            audio_output=False,  # RoomPlayout
            delete_room_on_close=True,
        ),
    )
    await playout.start()


def _claimant() -> str:
    """A name for this process that no other has."""
    return f"{socket.gethostname()[:64]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


async def _show_life(records: CallStore, claim: Claim) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        with contextlib.suppress(SQLAlchemyError, OSError):  # the next one may be written
            await records.heartbeat(claim)
