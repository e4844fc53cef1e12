"""A scripted call: who says what when in; a whole conversation on virtual time out.

The session, its stages and the detectors of voices and of turns are the real ones. The customer's
voice is made up, and the servers answer what the script says: `SpeechServer` hears the words that
are being said at that moment and speaks tones as long as the words; `Answers` answers.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from fastapi import FastAPI, Request, Response
from livekit.agents import llm
from numpy.typing import NDArray

from agent.call.agent import Act
from agent.call.conversation import Conversation, nobody_called, put_together
from agent.call.floor import Exchange, Floor
from agent.dialogue.contract import Answer, CallPerson, Outcome
from agent.dialogue.course import Awaited, Course
from agent.dialogue.dialogue import Dialogue
from agent.dialogue.offers import Offers
from agent.dialogue.seen import Seen
from agent.models.client import Message
from agent.prompts import load_flow, load_phrases
from agent.speech.clauses import syllables
from agent.speech.client import SpeechClient
from agent.speech.contract import HEARING_RATE_HZ, SPEAKING_RATE_HZ
from common.errors import ServiceError
from common.http_errors import install_error_handlers
from common.languages import Language, language_of
from eval.audio import from_pcm
from eval.turns.headless import HeadlessCall, Item
from tests.unit.serving import serve

#: How long a syllable of the assistant's takes, seconds.
_SYLLABLE_S = 0.2
#: That it is an AI, and the greeting.
_GREETINGS = 2
#: What the servers take, seconds.
_HEARING_S, _SPEAKING_S = 0.1, 0.05
_BUSY = ServiceError("The speech server is busy.", "Try again in a moment.", retryable=True)
#: Formants of a, i, u, e, o in Hz.
_VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
)


@dataclass(frozen=True)
class Speech:
    """Something the customer says, between two times of the loop, in seconds."""

    words: str
    begins_s: float
    ends_s: float

    def said_by(self, now_s: float) -> str:
        """The words said until then: whole English words, or Mandarin characters."""
        pieces = re.findall(r"[a-zA-Z']+\W*|\W*[^\sa-zA-Z]\W*", self.words)
        share = (now_s - self.begins_s) / (self.ends_s - self.begins_s)
        return "".join(pieces[: round(len(pieces) * min(max(share, 0), 1))]).strip()


class SpeechServer:
    """Hears what the script says, and speaks tones."""

    def __init__(self) -> None:
        self.script: list[Speech] = []
        #: What it was asked to say, and how sure it is of what it heard.
        self.spoken: list[tuple[str, Language]] = []
        self.confidence = 0.95
        #: It refuses to speak, to hear.
        self.is_mute = self.is_deaf = False
        self.app = FastAPI()
        install_error_handlers(self.app)
        self.app.post("/transcribe")(self._transcribe)
        self.app.post("/speak")(self._speak)

    async def _transcribe(self, request: Request) -> dict[str, object]:
        seconds = len(await request.body()) / 2 / HEARING_RATE_HZ
        now_s = asyncio.get_running_loop().time()
        await asyncio.sleep(_HEARING_S)
        if self.is_deaf:
            raise _BUSY
        heard = (s.said_by(now_s) for s in self.script if s.ends_s > now_s - seconds)
        text = " ".join(filter(None, heard))
        return {
            "text": text,
            "language": language_of(text),
            "language_probability": 0.99,
            "no_speech_probability": 1 - self.confidence,
            "mean_log_probability": 0.0,
            "reliable": True,
            "seconds": seconds,
            "ms": 1.0,
        }

    async def _speak(self, request: Request) -> Response:
        body = await request.json()
        text = body["text"]
        await asyncio.sleep(_SPEAKING_S)
        if self.is_mute:
            raise _BUSY
        self.spoken.append((text, body["language"]))
        samples = round(sum(map(syllables, text)) * _SYLLABLE_S * SPEAKING_RATE_HZ)
        tone = np.sin(np.arange(max(samples, 1)) / 10) * 8000
        return Response(tone.astype("<i2").tobytes(), media_type="application/octet-stream")


@dataclass
class Answers:
    """Composes the same answer to every question, in these pieces, each after its time."""

    pieces: Sequence[tuple[float, str]] = ((0.1, "是这样的，您先打开回声消除。"),)
    error: Exception | None = None
    action: CallPerson | None = None
    #: What it was asked, with what had been said before; and what was searched for ahead.
    asked: list[tuple[Answer, list[str]]] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)
    #: By question: the answer to its first part; and the answers whose turn stood.
    instead_of: list[Answer | None] = field(default_factory=list)
    stood: list[Answer] = field(default_factory=list)
    searching_s: float = 0.05
    searches_stopped: int = 0
    course: Course = field(default_factory=Course)
    #: What a flow has asked the customer for.
    awaited: Awaited = "nothing"

    def compose(
        self,
        question: str,
        history: Sequence[Message],
        *,
        instead_of: Answer | None,
        seen: Seen | None,
    ) -> Answer:
        answer = Answer(question, language_of(question), Course())
        answer.texts = self._decided(answer)
        self.asked.append((answer, [message.text for message in history]))
        self.instead_of.append(instead_of)
        return answer

    def stands(self, answer: Answer) -> None:
        self.stood.append(answer)

    def take_up(
        self, course: Course, history: Sequence[Message], language: Language
    ) -> Sequence[str]:
        self.course = course
        return [load_flow("greeting")[language].fixed["again"]]

    def go_ahead(self, said: str, language: Language) -> Answer:
        answer = Answer(said, language, Course())
        answer.texts = self._only(load_phrases()[language].go_ahead)
        return answer

    def awaits_yes(self, history: Sequence[Message]) -> bool:
        return Offers().offered(history) is not None

    async def report(self, answer: Answer, outcome: Outcome) -> str:
        return f"{answer.question}：{outcome}。"

    async def _only(self, text: str) -> AsyncIterator[str]:
        yield text

    async def _decided(self, answer: Answer) -> AsyncIterator[str]:
        for after_s, text in self.pieces:
            await asyncio.sleep(after_s)
            answer.wants = (self.action,) if self.action else ()
            answer.is_decided = True
            yield text
        if self.error:
            raise self.error

    async def prepare(self, heard: str, history: Sequence[Message]) -> None:
        self.searched.append(heard)
        try:
            await asyncio.sleep(self.searching_s)
        except asyncio.CancelledError:
            self.searches_stopped += 1
            raise

    async def aclose(self) -> None:
        pass

    @property
    def questions(self) -> list[str]:
        return [answer.question for answer, _ in self.asked]


class ScriptedCall(HeadlessCall):
    """A headless call whose customer follows a script."""

    def __init__(self, conversation: Conversation, server: SpeechServer) -> None:
        super().__init__(conversation)
        self._server = server

    async def says(self, words: str, seconds: float) -> None:
        """The customer says the words from now on; returns when they are said."""
        now_s = asyncio.get_running_loop().time()
        self._server.script.append(Speech(words, now_s, now_s + seconds))
        self.microphone.play(from_pcm(voice(seconds)))
        await asyncio.sleep(seconds)

    async def coughs(self, seconds: float) -> None:
        """A sound of the customer's that has no words."""
        await self.says("", seconds)

    async def greeted(self) -> None:
        """Wait until the greeting is over, and what is said before it."""
        await self.wait_until(lambda: len(self._spoken) == _GREETINGS, 20_000)

    async def answering(self, timeout_ms: float = 5000) -> bool:
        """Wait until something is being said; whether it was."""
        return await self.wait_until(lambda: self.loudspeaker.playing, timeout_ms)

    async def quiet(self, for_ms: float = 3000) -> None:
        """Wait until the assistant has said nothing for a while."""
        silent_since_ms = self.now_ms
        while self.now_ms - silent_since_ms < for_ms:
            await self.wait(10)
            if self.loudspeaker.open:
                silent_since_ms = self.now_ms

    @property
    def floor(self) -> Floor:
        return self._conversation.floor

    @property
    def exchange(self) -> Exchange:
        """The last question that stands, and the answer to it."""
        asked = next(item for item in reversed(self.items) if item.role == "user")
        exchange = self._conversation.floor.answer_to(asked.message.id)
        assert exchange
        return exchange

    @property
    def said(self) -> list[tuple[str, bool]]:
        """What the assistant said, without the greeting, and whether it was interrupted."""
        answers = self._spoken[_GREETINGS:]
        return [(item.message.text_content or "", item.interrupted) for item in answers]

    @property
    def _spoken(self) -> list[Item]:
        return [item for item in self.items if item.role == "assistant"]


@asynccontextmanager
async def scripted_call(
    answers: Answers,
    server: SpeechServer | None = None,
    language: Language = "zh",
    *,
    act: Act = nobody_called,
    greeted: bool = True,
    before: llm.ChatContext | None = None,
) -> AsyncIterator[ScriptedCall]:
    """A call whose greeting is over, or begins; with what another process has heard ``before``."""
    server = server or SpeechServer()
    async with serve(server.app) as url:
        speech = SpeechClient(url, "token")
        conversation = put_together(speech, cast("Dialogue", answers), language, act)
        if before:
            await conversation.agent.meet_again(before, answers.course)
        async with ScriptedCall(conversation, server) as call:
            if greeted:
                await call.greeted()
            yield call


def voice(seconds: float) -> NDArray[np.int16]:
    """Something a detector takes for speech: four syllables a second, each a burst and a vowel.

    PCM s16, 16 kHz.
    """
    rng = np.random.default_rng(2)
    t = np.arange(int(seconds * HEARING_RATE_HZ)) / HEARING_RATE_HZ
    syllable = (t * 4).astype(int)
    within = (t * 4) % 1
    vowels = np.array(_VOWELS, float)[rng.integers(0, len(_VOWELS), syllable[-1] + 1)]
    pitch = 130 + 30 * np.sin(2 * np.pi * 0.7 * t) + 15 * np.sin(2 * np.pi * 4 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / HEARING_RATE_HZ
    wave = np.zeros(len(t))
    for formant in range(3):
        centre = np.convolve(vowels[syllable, formant], np.ones(800) / 800, "same")
        for n in range(1, 28):
            loudness = np.exp(-(((n * pitch - centre) / 150) ** 2)) / (formant + 1)
            wave += np.sin(n * phase) * loudness
    burst = within < 0.15
    open_mouth = np.minimum(1, (within - 0.15) * 8) * np.minimum(1, (1 - within) * 6)
    wave = wave * np.where(burst, 0.15, open_mouth) + burst * rng.normal(0, 0.15, len(t))
    samples: NDArray[np.int16] = (wave / np.abs(wave).max() * 12000).astype(np.int16)
    return samples
