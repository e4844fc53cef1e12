"""The stack to compare with: a call in, answered by livekit-agents as its users put it together.

A default `AgentSession`: plain faster-whisper and plain Kokoro behind the framework's own adapters,
retrieval in `on_user_turn_completed` as LiveKit's documentation shows it. The same models, voice,
prompt and knowledge as Liuke's, none of Liuke's means: no partials, no shorter window, no openings,
no clauses, no cache. Only what would need a cloud key is pinned to what runs locally. It tells each
turn's times on `liuke.answer`, so that the same client measures both. For the rows in which
something is done or looked up the model has a function tool instead (`eval/voice/tools.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import threading
from collections.abc import Mapping
from typing import Any

from faster_whisper import WhisperModel
from livekit import rtc
from livekit.agents import (
    Agent,
    AgentServer,
    AgentSession,
    APIConnectOptions,
    ConversationItemAddedEvent,
    JobContext,
    JobProcess,
    LanguageCode,
    inference,
    llm,
    room_io,
    stt,
    tts,
    utils,
)
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer
from livekit.plugins import openai

from agent.call.closing import Closing
from agent.call.worker import serve
from agent.dialogue.answering import MOST_TOKENS, NO_ANSWER
from agent.models.endpoint import resolve_language_model
from agent.prompts import load_phrases, load_prompt
from agent.rooms.access import resolve_livekit
from agent.rooms.messages import ANSWER_TOPIC
from agent.settings import Settings
from agent.speech.contract import SPEAKING_RATE_HZ
from agent.speech.say.kokoro import Kokoro
from agent.speech.say.lexicon import load_lexicon
from agent.speech.say.spoken import spoken
from common.errors import SetupError
from common.languages import Language, language_of
from common.logs import configure_logging
from eval.voice.people import PersonCaller
from eval.voice.profile_tool import ProfileNoter
from eval.voice.quality_tool import QualityTeller, regions_of
from eval.voice.rows import ROWS, Row
from eval.voice.tools import ToolAgent, Toolbox
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC

#: As many passages as Liuke retrieves.
_PASSAGES = 4
#: What the model may write where it has a tool: an answer behind the call.
_MOST_TOKENS_WITH_TOOL = 2 * MOST_TOKENS
#: Loading both models takes seconds, on a busy machine more than the framework's ten.
_LOADING_TIMEOUT_S = 60.0
#: The framework's name of a duration, in seconds, and ours on `liuke.answer`.
_METRICS = {
    "transcription_delay": "transcription",
    "end_of_turn_delay": "end_of_turn",
    "on_user_turn_completed_delay": "retrieval",
    "llm_node_ttft": "first_token",
    "tts_node_ttfb": "first_audio",
    "e2e_latency": "answer_latency",
}


class PlainWhisper(stt.STT[str]):
    """faster-whisper as it comes: one utterance at a time, beam of 5, 30 s window."""

    def __init__(self, model: WhisperModel) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self._model = model

    async def _recognize_impl(
        self,
        buffer: AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        wav = utils.combine_frames(buffer).to_wav_bytes()
        text, heard = await asyncio.to_thread(self._transcribe, wav)
        data = stt.SpeechData(language=LanguageCode(heard), text=text)
        return stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[data])

    def _transcribe(self, wav: bytes) -> tuple[str, str]:
        segments, info = self._model.transcribe(io.BytesIO(wav))
        return "".join(segment.text for segment in segments).strip(), info.language


class PlainKokoro(tts.TTS[str]):
    """Kokoro as it comes: a sentence in, all of its audio out."""

    def __init__(self, voice: Kokoro) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False),
            sample_rate=SPEAKING_RATE_HZ,
            num_channels=1,
        )
        self._voice = voice
        self._one_at_a_time = threading.Lock()

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return _Sentence(self, text, conn_options)

    def speak(self, text: str) -> bytes:
        """PCM s16le mono, 24 kHz; blocks."""
        language = language_of(text)
        with self._one_at_a_time:
            pcm = self._voice.synthesize(spoken(text, language), language)
        return pcm or bytes(SPEAKING_RATE_HZ // 50)  # the framework takes no audio for a failure


class _Sentence(tts.ChunkedStream):
    def __init__(self, parent: PlainKokoro, text: str, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=parent, input_text=text, conn_options=conn_options)
        self._speak = parent.speak

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=SPEAKING_RATE_HZ,
            num_channels=1,
            mime_type="audio/pcm",
        )
        output_emitter.push(await asyncio.to_thread(self._speak, self.input_text))
        output_emitter.flush()


class RetrievingAgent(Agent):
    """Puts the passages into the context when the customer's turn is over."""

    def __init__(self, language: Language, knowledge: KnowledgeClient) -> None:
        super().__init__(instructions=load_prompt("support", language))
        self._greeting = load_phrases()[language].greeting
        self._reference = load_prompt("question", language)
        self._knowledge = knowledge

    async def on_enter(self) -> None:
        """Greet."""
        self.session.say(self._greeting)

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """Retrieve for what was just asked."""
        found = await self._knowledge.search(new_message.text_content or "", k=_PASSAGES)
        passages = "\n\n".join(passage.text for passage in found.passages)
        turn_ctx.add_message(
            role="system",
            content=self._reference.format(passages=passages, question=""),
            # Before the question, which is older than this moment.
            created_at=new_message.created_at - 0.001,
        )


class MetricsTeller:
    """Sends each turn's metrics, as the framework measured them, into the room."""

    def __init__(self, session: AgentSession[None], room: rtc.Room) -> None:
        self._room = room
        self._turn = 0
        self._question: llm.ChatMessage | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        session.on("conversation_item_added", self._on_item)

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, llm.ChatMessage):
            return
        if item.role == "user":
            self._turn += 1
            self._question = item
        elif item.role == "assistant" and self._question:
            task = asyncio.create_task(self._tell(self._question, item))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, question: llm.ChatMessage, answer: llm.ChatMessage) -> None:
        text, said = question.text_content or "", answer.text_content or ""
        metrics: dict[str, Any] = {**question.metrics, **answer.metrics}
        message = {
            "turn": self._turn,
            "question": text,
            "language": language_of(text),
            "declined": said.startswith(NO_ANSWER),
            "citations": [],
            "answer": said,
            "interrupted": answer.interrupted,
            "timings_ms": {
                name: round(metrics[key] * 1000, 1)
                for key, name in _METRICS.items()
                if isinstance(metrics.get(key), float)
            },
        }
        if self._room.isconnected():
            content = json.dumps(message, ensure_ascii=False)
            await self._room.local_participant.send_text(content, topic=ANSWER_TOPIC)


def load_models(process: JobProcess) -> None:
    """Each call's process has weights of its own: the framework's way."""
    settings = Settings()
    models = settings.paths.cache_dir / "models"
    process.userdata["whisper"] = WhisperModel(
        str(models / "whisper-base"), device="cpu", compute_type="int8"
    )
    voice = Kokoro(
        models / "kokoro",
        {"zh": settings.speech.voice_zh, "en": settings.speech.voice_en},
        load_lexicon(),
        speed=settings.speech.speed,
        threads=settings.speech.model_threads,
    )
    # The first inference allocates: better now than in somebody's turn.
    voice.synthesize("你好。", "zh")
    process.userdata["voice"] = voice


def agent_name(row: Row) -> str:
    """By which the stock stack is called for a row."""
    return f"stock-{row}"


async def hold_call(ctx: JobContext) -> None:
    """Answer one call of a row; its metadata is as Liuke's."""
    settings = Settings()
    seat = json.loads(ctx.job.metadata)
    language: Language = seat["language"]
    if ctx.job.agent_name == agent_name("questions"):
        knowledge = KnowledgeClient(settings.knowledge.url, settings.internal_token, tenant=PUBLIC)
        ctx.add_shutdown_callback(knowledge.aclose)
        await _hold(ctx, settings, RetrievingAgent(language, knowledge), MOST_TOKENS)
        return
    toolbox = await _toolbox(settings, ctx.job.agent_name, seat)
    ctx.add_shutdown_callback(toolbox.aclose)
    await _hold(ctx, settings, ToolAgent(toolbox, language), _MOST_TOKENS_WITH_TOOL)


async def _toolbox(settings: Settings, name: str, seat: Mapping[str, Any]) -> Toolbox:
    language: Language = seat["language"]
    if name == agent_name("escalation"):
        return PersonCaller(settings, seat["call_id"], language)
    if name == agent_name("figures"):
        regions = await regions_of(settings, seat["account"], language)
        return QualityTeller(settings, seat["account"], regions, language)
    return ProfileNoter(language)


async def _hold(ctx: JobContext, settings: Settings, agent: Agent, most_tokens: int) -> None:
    endpoint = resolve_language_model(settings)
    if endpoint is None:
        raise SetupError(
            "There is no language model to compare with.", "Set LIUKE_LLM_MODEL or OPENAI_API_KEY."
        )
    # The same model with the same limits; without them it goes on for minutes.
    model = openai.LLM(
        model=endpoint.model,
        base_url=endpoint.base_url,
        api_key=endpoint.api_key,
        temperature=0.0 if endpoint.embedded else NOT_GIVEN,
        max_completion_tokens=most_tokens,
        _strict_tool_schema=False,
    )
    session: AgentSession[None] = AgentSession(
        stt=stt.StreamAdapter(stt=PlainWhisper(ctx.proc.userdata["whisper"]), vad=inference.VAD()),
        llm=model,
        tts=PlainKokoro(ctx.proc.userdata["voice"]),
        turn_handling={
            "turn_detection": inference.TurnDetector(version="v1-mini"),
            "interruption": {"mode": "vad"},
        },
    )
    MetricsTeller(session, ctx.room)
    ctx.add_shutdown_callback(model.aclose)
    await ctx.connect()
    await session.start(
        agent,
        room=ctx.room,
        room_options=room_io.RoomOptions(delete_room_on_close=True),
    )


def create_server(settings: Settings, health_port: int, row: Row) -> AgentServer:
    """The worker, with explicit dispatch by the name that it has for ``row``."""
    access = resolve_livekit(settings)
    server = AgentServer(
        ws_url=access.url,
        api_key=access.api_key,
        api_secret=access.api_secret,
        host="127.0.0.1",
        port=health_port,
        num_idle_processes=1,  # each loads models of its own
        initialize_process_timeout=_LOADING_TIMEOUT_S,
        setup_fnc=load_models,
        # By default local models on two cores mark the worker full, and it takes no call.
        load_fnc=lambda: 0.0,
    )
    server.rtc_session(hold_call, agent_name=agent_name(row))
    return server


def main() -> None:
    """Serve until SIGTERM, with Liuke's settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--health-port", type=int, required=True)
    parser.add_argument("--row", choices=ROWS, required=True, help="what is measured")
    arguments = parser.parse_args()
    configure_logging()
    settings = Settings()
    server = create_server(settings, arguments.health_port, arguments.row)
    asyncio.run(serve(server, Closing(), settings.agent))


if __name__ == "__main__":
    main()
