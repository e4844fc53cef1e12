"""Speaking for benchmarks: a sentence and a speaker in, a recording that is kept on disk out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from agent.settings import Settings
from agent.speech.clauses import split_clauses
from agent.speech.contract import SPEAKING_RATE_HZ
from agent.speech.say.kokoro import Kokoro
from agent.speech.say.lexicon import load_lexicon
from agent.speech.say.spoken import spoken
from common.languages import Language


@dataclass(frozen=True)
class Speaker:
    """Somebody with a voice for each language, by the names of Kokoro's voices."""

    zh: str
    en: str


#: Customers, in turn; none has the assistant's own voice as it is set at first.
CUSTOMERS = (Speaker("zf_xiaoyi", "af_bella"), Speaker("zm_yunxi", "am_michael"))


class Studio:
    """Records sentences; each is spoken once. Blocks, and is for one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.paths.data_dir / "bench" / "spoken"
        self._voices: dict[Speaker, Kokoro] = {}

    def record(self, text: str, language: Language, speaker: Speaker) -> Path:
        """The recording of a sentence, a mono WAV file at 24 kHz."""
        name = getattr(speaker, language)
        key = hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()[:16]
        path = self._folder / f"{key}.wav"
        if not path.exists():
            self._write(path, self._say(text, language, self._voice(speaker)))
        return path

    def _say(self, text: str, language: Language, voice: Kokoro) -> bytes:
        lexicon = load_lexicon()
        clauses = (spoken(clause, language, lexicon) for clause in split_clauses(text))
        return b"".join(voice.synthesize(clause, language) for clause in clauses if clause)

    def _write(self, path: Path, pcm: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        samples = np.frombuffer(pcm, dtype="<i2")
        soundfile.write(unfinished, samples, SPEAKING_RATE_HZ, format="WAV", subtype="PCM_16")
        unfinished.replace(path)

    def _voice(self, speaker: Speaker) -> Kokoro:
        if speaker not in self._voices:
            self._voices[speaker] = Kokoro(
                self._settings.paths.cache_dir / "models" / "kokoro",
                {"zh": speaker.zh, "en": speaker.en},
                load_lexicon(),
                speed=1.0,
                threads=self._settings.speech.model_threads,
            )
        return self._voices[speaker]
