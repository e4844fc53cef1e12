"""What is said and what sounds in `make bench-turns`: recordings and `turns.toml` in, clips out.

Real people and real noises come from a folder with the layout of `shared/data`; what nobody
recorded is spoken by the voice's other speakers, or made from numbers.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from agent.probe.audio import Span
from agent.settings import Settings
from agent.speech.contract import SPEAKING_RATE_HZ
from agent.speech.say.kokoro import Kokoro
from agent.speech.say.lexicon import load_lexicon
from agent.speech.say.spoken import spoken
from common.errors import InputError
from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT
from eval.audio import (
    RATE_HZ,
    Recording,
    Samples,
    at_level,
    cut,
    door,
    from_afar,
    joined,
    keyboard,
    music,
    pink_noise,
    quiet_point_ms,
    read_recording,
    silence,
)
from eval.turns.headless import Echo

TEXTS_FILE = Path(__file__).with_name("texts.toml")
QUESTIONS_DIR = PROJECT_ROOT / "eval" / "questions"

#: Levels in dB below full scale, of the sounding parts: what a headset sends.
SPEECH_DB = -26.0
BACKCHANNEL_DB = -30.0
NOISE_DB = -28.0
DOOR_DB = -22.0
MUSIC_DB = -32.0
#: A second voice far away: so much under the customer's.
FAR_DB = SPEECH_DB - 20.0
#: The assistant's own voice, back through the air: delay in ms, gain in dB.
ECHOES = ((60.0, -20.0), (120.0, -30.0), (200.0, -40.0))
ECHO_MS = 2500.0
#: The loudest part of a noise clip is played, ms.
NOISE_MS = 2000.0

#: Recordings of people of each language in one condition; longer ones take too much of the time.
PEOPLE = 7
LONGEST_MS = 5600.0
#: Spoken questions of each language in one condition.
QUESTIONS = 3
#: Noise clips, far voices and people who interrupt, during the answers of each language.
NOISES, FAR_VOICES, INTERRUPTERS = 8, 1, 2

#: Noises in a quick run, during the answers of each language.
FEW_NOISES = 3
#: The categories in which somebody speaks.
SPOKEN = ("backchannel", "far voice", "echo", "command", "question", "person")

#: Pauses in ms: inside a sentence, for thought, and before a second part that comes late.
SENTENCE_PAUSE = (400.0, 1200.0)
THINKING_PAUSE = (500.0, 1200.0)
LATE_PAUSE = (800.0, 1500.0)

#: The customers' voices, where the assistant has another. Two of each language, low and high.
VOICES: Mapping[Language, tuple[str, str]] = {
    "zh": ("zm_yunxi", "zf_xiaoyi"),
    "en": ("am_michael", "af_bella"),
}


@dataclass(frozen=True)
class Condition:
    """How the customer sounds."""

    name: str
    snr_db: float
    """Of speech at its usual level over the noise of the room."""
    telephone: bool = False


CONDITIONS = (
    Condition("20 dB", 20.0),
    Condition("10 dB", 10.0),
    Condition("5 dB", 5.0),
    Condition("telephone", 20.0, telephone=True),
)


@dataclass(frozen=True)
class Utterance:
    """One thing that a customer wants to say; times count from the beginning of its samples."""

    name: str
    category: str
    language: Language
    samples: Samples
    speech: Span
    pauses: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Disturbance:
    """Something that sounds while the assistant speaks, and whether it should stop for it."""

    name: str
    category: str
    language: Language
    samples: Samples
    sound: Span
    stops: bool
    echo: Echo | None = None


class Material:
    """The recordings and spoken clips that one run uses."""

    def __init__(self, data: Path, settings: Settings) -> None:
        """``data``: a folder with speech/ and noise/, each with a manifest.tsv."""
        self._data = data
        self._settings = settings
        self._spoken = settings.paths.data_dir / "bench" / "turns" / "spoken"
        self.texts: dict[str, Any] = tomllib.loads(TEXTS_FILE.read_text("utf-8"))

    def answer(self, language: Language) -> str:
        """The long answer to be interrupted."""
        text: str = self.texts["answers"][language].strip()
        return text

    async def room_noise(self) -> Samples:
        """A quarter of a minute of noise as it is behind a customer: a room, rain, the sea."""
        rng = np.random.default_rng(0)
        files = [row["file"] for row in self._manifest("noise")]
        weather = [await self._recording("noise", f) for f in files if re.match(r"rain|sea", f)]
        parts = [pink_noise(5000, rng), *(clip.samples for clip in weather)]
        return np.concatenate([cut(at_level(p, 0.0), Span(0, 5000)) for p in parts])

    async def utterances(self, rng: np.random.Generator, *, quick: bool = False) -> list[Utterance]:
        """What customers say in one condition, in an order drawn by chance."""
        found: list[Utterance] = []
        for language in LANGUAGES:
            people = await self._people(language, 2 if quick else PEOPLE, rng)
            found += [_read(r, language, rng, paused=n % 2 == 1) for n, r in enumerate(people)]
            questions = self._questions(language)
            chosen = rng.choice(len(questions), 1 if quick else QUESTIONS, replace=False)
            for number, index in enumerate(chosen):
                clip = await self._say(questions[index], language, number)
                found.append(_one_piece(clip, "question", language))
            for category, pauses in (("thinking", THINKING_PAUSE), ("late part", LATE_PAUSE)):
                texts = self.texts["thinking" if category == "thinking" else "late"][language]
                for number, parts in enumerate(_some(texts, 1 if quick else len(texts), rng)):
                    clips = [await self._say(part, language, number) for part in parts]
                    found.append(_in_parts(clips, category, language, pauses, rng))
        order = rng.permutation(len(found))
        return [found[i] for i in order]

    async def disturbances(
        self, rng: np.random.Generator, *, quick: bool = False
    ) -> list[Disturbance]:
        """What sounds into the answers in one condition: the Mandarin answer's first."""
        found: list[Disturbance] = []
        for language in LANGUAGES:
            mine = [
                *await self._backchannels(language, rng),
                *await self._noises(language, rng),
                *await self._made(language, rng),
                *await self._interruptions(language, rng),
            ]
            if quick:
                mine = _sample(mine, rng)
            found += [mine[i] for i in rng.permutation(len(mine))]
        return found

    async def _backchannels(
        self, language: Language, rng: np.random.Generator
    ) -> list[Disturbance]:
        clips = [
            await self._say(text, language, int(rng.integers(2)))
            for text in self.texts["backchannels"][language]
        ]
        return [_disturbance(c, "backchannel", language, BACKCHANNEL_DB) for c in clips]

    async def _noises(self, language: Language, rng: np.random.Generator) -> list[Disturbance]:
        """Noises do not speak a language: each one's answers get others."""
        files = [row["file"] for row in self._manifest("noise")]
        mine = files[LANGUAGES.index(language) :: len(LANGUAGES)]
        found = []
        for file in _some(mine, NOISES, rng):
            clip = await self._recording("noise", file)
            loudest = _loudest(clip, NOISE_MS)
            kind = re.split(r"_?\d", clip.name)[0].replace("_", " ") or "noise"
            found.append(_disturbance(loudest, kind, language, NOISE_DB))
        return found

    async def _made(self, language: Language, rng: np.random.Generator) -> list[Disturbance]:
        found = []
        for clip in await self._people(language, FAR_VOICES, rng):
            far = await asyncio.to_thread(from_afar, clip.samples, rng)
            heard = Recording(clip.name, far, Span(0, len(far) * 1000 / RATE_HZ))
            found.append(_disturbance(heard, "far voice", language, FAR_DB))
        sounds = {
            "keyboard": (keyboard(1500, rng), NOISE_DB),
            "door": (door(rng), DOOR_DB),
            "music": (music(NOISE_MS), MUSIC_DB),
        }
        for name, (samples, level) in sounds.items():
            whole = Recording(name, samples, Span(0, len(samples) * 1000 / RATE_HZ))
            found.append(_disturbance(whole, name, language, level))
        for delay_ms, gain_db in ECHOES:
            found.append(
                Disturbance(
                    f"echo {gain_db:.0f} dB after {delay_ms:.0f} ms",
                    "echo",
                    language,
                    silence(ECHO_MS),
                    Span(0, ECHO_MS),
                    stops=False,
                    echo=Echo(delay_ms, gain_db),
                )
            )
        return found

    async def _interruptions(
        self, language: Language, rng: np.random.Generator
    ) -> list[Disturbance]:
        commands = [
            await self._say(text, language, voice)
            for text in self.texts["commands"][language]
            for voice in (0, 1)
        ]
        questions = [
            await self._say(text, language, number)
            for number, text in enumerate(self.texts["questions"][language])
        ]
        people = await self._people(language, INTERRUPTERS, rng)
        kinds = (("command", commands), ("question", questions), ("person", people))
        return [
            _disturbance(clip, kind, language, SPEECH_DB, stops=True)
            for kind, clips in kinds
            for clip in clips
        ]

    async def _people(
        self, language: Language, count: int, rng: np.random.Generator
    ) -> list[Recording]:
        rows = [row["file"] for row in self._manifest("speech") if row["lang"] == language]
        clips = [await self._recording("speech", rows[i]) for i in rng.permutation(len(rows))]
        return [c for c in clips if c.sound.end_ms - c.sound.start_ms <= LONGEST_MS][:count]

    def _questions(self, language: Language) -> list[str]:
        rows = [
            json.loads(line)
            for path in sorted(QUESTIONS_DIR.glob("answerable_[ab].jsonl"))
            for line in path.read_text("utf-8").splitlines()
        ]
        return [row["text"] for row in rows if row["language"] == language]

    def _manifest(self, kind: str) -> list[dict[str, str]]:
        path = self._data / kind / "manifest.tsv"
        if not path.is_file():
            raise InputError(
                f"There is no {path}.",
                "Give a folder laid out as shared/data: DATA=DIR with speech/ and noise/.",
            )
        return list(
            csv.DictReader(
                path.read_text("utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE
            )
        )

    async def _recording(self, kind: str, file: str) -> Recording:
        return await read_recording(self._data / kind / file)

    async def _say(self, text: str, language: Language, number: int) -> Recording:
        """A customer's words; spoken once and kept."""
        name = VOICES[language][number % 2]
        key = hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()[:16]
        path = self._spoken / f"{key}.wav"
        if not path.exists():
            await asyncio.to_thread(self._speak, text, language, name, path)
        clip = await read_recording(path)
        return Recording(text, clip.samples, clip.sound)

    def _speak(self, text: str, language: Language, name: str, path: Path) -> None:
        said = spoken(text, language, load_lexicon())
        pcm = np.frombuffer(self._voices[name].synthesize(said, language), dtype="<i2")
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        soundfile.write(unfinished, pcm, SPEAKING_RATE_HZ, format="WAV", subtype="PCM_16")
        unfinished.replace(path)

    @cached_property
    def _voices(self) -> dict[str, Kokoro]:
        """Each customer's voice; a clip that is kept needs none."""
        folder = self._settings.paths.cache_dir / "models" / "kokoro"
        threads = self._settings.speech.model_threads
        voices: dict[str, Kokoro] = {}
        for zh, en in zip(VOICES["zh"], VOICES["en"], strict=True):
            names: dict[Language, str] = {"zh": zh, "en": en}
            voice = Kokoro(folder, names, load_lexicon(), speed=1.0, threads=threads)
            voices |= {zh: voice, en: voice}
        return voices


def _read(
    clip: Recording, language: Language, rng: np.random.Generator, *, paused: bool
) -> Utterance:
    """A sentence that somebody read, with a pause in it where there is room for one."""
    point_ms = quiet_point_ms(clip) if paused else None
    if point_ms is None:
        return _one_piece(clip, "reading", language)
    end_ms = len(clip.samples) * 1000 / RATE_HZ
    parts = [cut(clip.samples, Span(0, point_ms)), cut(clip.samples, Span(point_ms, end_ms))]
    samples, pauses = joined(parts, [rng.uniform(*SENTENCE_PAUSE)])
    pause_ms = pauses[0].end_ms - pauses[0].start_ms
    speech = Span(clip.sound.start_ms, clip.sound.end_ms + pause_ms)
    level = at_level(samples, SPEECH_DB)
    return Utterance(clip.name, "reading with a pause", language, level, speech, tuple(pauses))


def _one_piece(clip: Recording, category: str, language: Language) -> Utterance:
    return Utterance(clip.name, category, language, at_level(clip.samples, SPEECH_DB), clip.sound)


def _in_parts(
    clips: Sequence[Recording],
    category: str,
    language: Language,
    pauses_ms: tuple[float, float],
    rng: np.random.Generator,
) -> Utterance:
    """Parts of one question, each cut where its sound ends: all silence between is the pause."""
    parts = [cut(clip.samples, clip.sound) for clip in clips]
    samples, pauses = joined(parts, [rng.uniform(*pauses_ms) for _ in parts[1:]])
    return Utterance(
        " … ".join(clip.name for clip in clips),
        category,
        language,
        at_level(samples, SPEECH_DB),
        Span(0, len(samples) * 1000 / RATE_HZ),
        tuple(pauses),
    )


def _disturbance(
    clip: Recording, category: str, language: Language, level: float, *, stops: bool = False
) -> Disturbance:
    samples = at_level(clip.samples, level)
    return Disturbance(clip.name, category, language, samples, clip.sound, stops)


def _loudest(clip: Recording, duration_ms: float) -> Recording:
    """The loudest part of a clip, from where its sound sets in."""
    count = round(duration_ms * RATE_HZ / 1000)
    if len(clip.samples) <= count:
        return clip
    energy = np.concatenate([[0.0], np.cumsum(clip.samples.astype(np.float64) ** 2)])
    start_ms = int(np.argmax(energy[count:] - energy[:-count])) * 1000 / RATE_HZ
    return Recording(
        clip.name, cut(clip.samples, Span(start_ms, start_ms + duration_ms)), Span(0, duration_ms)
    )


def _some(texts: Sequence[Any], count: int, rng: np.random.Generator) -> list[Any]:
    return [texts[i] for i in rng.permutation(len(texts))[:count]]


def _sample(disturbances: Sequence[Disturbance], rng: np.random.Generator) -> list[Disturbance]:
    """One of each kind of speech, and a few of all the noises together."""
    kinds: dict[str, list[Disturbance]] = {}
    for disturbance in disturbances:
        kind = disturbance.category if disturbance.category in SPOKEN else "noise"
        kinds.setdefault(kind, []).append(disturbance)
    some = [mine[rng.integers(len(mine))] for kind, mine in kinds.items() if kind != "noise"]
    return some + _some(kinds["noise"], FEW_NOISES, rng)
