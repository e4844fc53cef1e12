"""Conversation: settings in; the stages of one call, put together, out.

To swap a stage, change its line in `put_together`. What the stages know of the turn is in one
place (`floor.py`), which each is handed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from livekit.agents import AgentSession, TurnHandlingOptions, llm

from agent.call.agent import Act, Keep, SupportAgent
from agent.call.bargein import BargeIn
from agent.call.endpointing import TurnEndDetector
from agent.call.floor import Floor
from agent.call.patience import Patience
from agent.call.search_ahead import SearchAhead
from agent.call.stt import WhisperSTT
from agent.call.timing import TIMING, Timing
from agent.call.tts import KokoroTTS
from agent.call.turn_words import load_turn_taking
from agent.call.voice_activity import RestedVAD, SharedVAD
from agent.dialogue.contract import Answer, CallPerson, NobodyCalled, Outcome
from agent.dialogue.course import Course
from agent.dialogue.customer import Customer
from agent.dialogue.dialogue import Dialogue
from agent.dialogue.wishes import load_reader
from agent.models.endpoint import resolve_language_model
from agent.prompts import load_phrases
from agent.rooms.principal import Principal
from agent.settings import Settings
from agent.speech.client import SpeechClient
from common.languages import Language
from knowledge.client import KnowledgeClient


async def nobody_called(_action: CallPerson, _question: str, _language: Language) -> Outcome:
    """Of a call that is nobody's: there is nobody to call."""
    return NobodyCalled()


class NothingKept:
    """Of a call that has no records."""

    def take(self, answer: Answer) -> None:
        """It is forgotten."""

    def stands(self, course: Course) -> None:
        """It is known here alone."""


_NOTHING_KEPT: Final = NothingKept()


@dataclass(frozen=True)
class Conversation:
    """The stages of one call, put together; not yet listening."""

    session: AgentSession[None]
    agent: SupportAgent
    floor: Floor
    speech: SpeechClient
    parts: tuple[SearchAhead | Dialogue | KnowledgeClient | SpeechClient, ...]

    async def aclose(self) -> None:
        """End what is still being searched for, and close the ways to the servers."""
        for part in self.parts:
            await part.aclose()


def open_conversation(
    settings: Settings,
    principal: Principal,
    act: Act = nobody_called,
    keep: Keep = _NOTHING_KEPT,
    customer: Customer | None = None,
) -> Conversation:
    """A call on somebody's behalf: in a room, or with audio that comes from elsewhere.

    It finds what is for everybody, and the documents of the principal's account. ``act`` and
    ``keep``: as in `SupportAgent`. ``customer``: what may be read of the principal; None: nothing.
    """
    speech = SpeechClient(settings.speech.url, settings.internal_token)
    knowledge = KnowledgeClient(
        settings.knowledge.url, settings.internal_token, tenant=principal.account
    )
    dialogue = Dialogue(knowledge, resolve_language_model(settings), customer)
    stages = put_together(speech, dialogue, principal.language, act, keep)
    return replace(stages, parts=(*stages.parts, knowledge))


def put_together(
    speech: SpeechClient,
    dialogue: Dialogue,
    greeting_language: Language,
    act: Act = nobody_called,
    keep: Keep = _NOTHING_KEPT,
) -> Conversation:
    """The stages of a call between these two: what hears and speaks, and what answers."""
    ahead = SearchAhead(dialogue)
    phrases, manners = load_phrases(), load_turn_taking()
    floor = Floor()
    activity = SharedVAD(RestedVAD())
    turn_end = TurnEndDetector(
        floor,
        manners,
        wait=lambda seconds: session.update_options(endpointing_opts={"max_delay": seconds}),
        awaited=lambda: dialogue.awaited,
    )
    session: AgentSession[None] = AgentSession(
        stt=WhisperSTT(speech, activity, after=lambda: floor.said_last),
        vad=activity,
        llm=NoModel(),
        tts=KokoroTTS(speech),
        turn_handling=turn_handling(turn_end, TIMING),
        # The browser cancels echo itself, and a customer may speak into the greeting.
        aec_warmup_duration=None,
        transcription_timeout=TIMING.no_words_s,
        user_away_timeout=None,
        use_tts_aligned_transcript=True,
        # They hold back what ends in a space, an English opening for instance, until more is
        # written; the voice leaves out what cannot be spoken.
        tts_text_transforms=None,
    )
    agent = SupportAgent(
        dialogue=dialogue,
        ahead=ahead,
        floor=floor,
        bargein=BargeIn(floor, manners, load_reader().definite),
        patience=Patience(floor, phrases),
        manners=manners,
        phrases=phrases,
        greeting_language=greeting_language,
        act=act,
        keep=keep,
    )
    return Conversation(session, agent, floor, speech, (ahead, dialogue, speech))


def turn_handling(turn_end: TurnEndDetector, timing: Timing) -> TurnHandlingOptions:
    """When a turn ends and when the customer's voice stops the assistant.

    Everything is pinned to what runs locally: with keys in the environment the framework would
    otherwise turn to cloud models.
    """
    return TurnHandlingOptions(
        turn_detection=turn_end,
        endpointing={
            "mode": "fixed",
            "min_delay": timing.turn_end_s,
            "max_delay": timing.hesitation_s,
        },
        interruption={
            "mode": "vad",
            "min_duration": timing.pausing_speech_s,
            "resume_false_interruption": True,
            "false_interruption_timeout": timing.resumption_s,
            # Who speaks into the first words, which are heard whole, is heard as well.
            "discard_audio_if_uninterruptible": False,
        },
        # An opening's audio is in the cache; a model's clause is rarely ready before the turn is.
        preemptive_generation={"enabled": True, "preemptive_tts": True},
    )


class NoModel(llm.LLM[str]):
    """Stands in the session, which wants one: `SupportAgent.llm_node` answers without it."""

    def chat(self, **_: Any) -> llm.LLMStream:
        raise RuntimeError("answers come from SupportAgent.llm_node")
