"""One call: puts the stages together in a LiveKit room, from the dispatch to the last record."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import uuid
from dataclasses import dataclass
from typing import Any

from livekit.agents import AgentSession, JobContext, TurnHandlingOptions, llm, room_io
from sqlalchemy.exc import SQLAlchemyError

from agent.call.agent import SupportAgent
from agent.call.bargein import BargeIn
from agent.call.endpointing import HESITATION_S, MIN_DELAY_S, PauseWords, TurnEndDetector
from agent.call.playout import RoomPlayout
from agent.call.stt import WhisperSTT
from agent.call.tts import KokoroTTS
from agent.call.turn_log import TurnLog
from agent.call.turn_words import load_turn_taking
from agent.call.voice_activity import RelayedVAD
from agent.dialogue.answering import Answerer
from agent.models.endpoint import resolve_language_model
from agent.service.calls.store import HEARTBEAT_S, CallStore, Claim
from agent.service.database import Database
from agent.settings import Settings
from agent.speech.client import SpeechClient
from agent.speech.contract import HEARING_RATE_HZ
from common.languages import Language
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC

log = logging.getLogger(__name__)

#: Frames from the room, ms: half the framework's, so that speech is seen sooner.
_INPUT_FRAME_MS = 20
#: Speech that gave no words this long after it ended was not understood, seconds.
_TRANSCRIPTION_TIMEOUT_S = 2.0


def turn_handling(turn_end: TurnEndDetector) -> TurnHandlingOptions:
    """When a turn ends and when the customer's voice stops the assistant; times in seconds.

    Everything is pinned to what runs locally: with keys in the environment the framework would
    otherwise turn to cloud models.
    """
    return TurnHandlingOptions(
        turn_detection=turn_end,
        endpointing={"mode": "fixed", "min_delay": MIN_DELAY_S, "max_delay": HESITATION_S},
        interruption={
            "mode": "vad",
            # Two windows of the VAD: a pause costs little, for the answer resumes at the same
            # word where `agent/call/bargein.py` finds nothing said.
            "min_duration": 0.06,
            "resume_false_interruption": True,
            # The resumption waits for the decision on the turn in any case, and for no more.
            "false_interruption_timeout": 0.05,
        },
        # An opening's audio is in the cache; a model's clause is rarely ready before the turn is.
        preemptive_generation={"enabled": True, "preemptive_tts": True},
    )


class NoModel(llm.LLM[str]):
    """Stands in the session where there is no language model: approved text alone answers."""

    def chat(self, **_: Any) -> llm.LLMStream:
        raise RuntimeError("there is no language model; answers come from SupportAgent.llm_node")


@dataclass(frozen=True)
class Conversation:
    """The stages of one call, put together; not yet listening."""

    session: AgentSession[None]
    agent: SupportAgent
    parts: tuple[Answerer | KnowledgeClient | SpeechClient, ...]

    async def aclose(self) -> None:
        """Close the ways to the servers."""
        for part in self.parts:
            await part.aclose()


def open_conversation(settings: Settings, greeting_language: Language) -> Conversation:
    """Put the stages together: for a room, or for audio that comes from elsewhere."""
    speech = SpeechClient(settings.speech.url, settings.internal_token)
    knowledge = KnowledgeClient(settings.knowledge.url, settings.internal_token, tenant=PUBLIC)
    answerer = Answerer(knowledge, resolve_language_model(settings))
    words, manners = PauseWords(), load_turn_taking()
    turn_end = TurnEndDetector(words, manners)
    hearing, activity = WhisperSTT(speech), RelayedVAD()
    hearing.on_activity = activity.relay
    session: AgentSession[None] = AgentSession(
        stt=hearing,
        vad=activity,
        llm=answerer.model or NoModel(),
        tts=KokoroTTS(speech),
        turn_handling=turn_handling(turn_end),
        # The browser cancels echo itself, and a customer may speak into the greeting.
        aec_warmup_duration=None,
        transcription_timeout=_TRANSCRIPTION_TIMEOUT_S,
        user_away_timeout=None,
        use_tts_aligned_transcript=True,
        # They hold back what ends in a space, an English opening for instance, until more is
        # written; the voice leaves out what cannot be spoken.
        tts_text_transforms=None,
    )
    turn_end.on_patience = lambda seconds: session.update_options(
        endpointing_opts={"max_delay": seconds}
    )
    bargein = BargeIn(session, words, manners)
    hearing.on_confirmed = bargein.on_confirmed
    agent = SupportAgent(answerer, bargein, manners, greeting_language)
    return Conversation(session, agent, (answerer, knowledge, speech))


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
    session, agent = conversation.session, conversation.agent
    turns = TurnLog(session, agent, ctx.room, records, claim)
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
        agent,
        room=ctx.room,
        room_options=room_io.RoomOptions(
            participant_identity=call["identity"],
            audio_input=room_io.AudioInputOptions(
                sample_rate=HEARING_RATE_HZ, frame_size_ms=_INPUT_FRAME_MS
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
