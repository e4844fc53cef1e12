"""Kokoro: a clause of spoken words in, its audio out (PCM s16le mono, 24 kHz).

The model runs in ONNX Runtime on the CPU. Its output begins with 0.4 s and ends with 0.8 s of
silence: both are cut, and the pause that the clause's last mark asks for is put behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from kokoro_onnx.chunker import split_phonemes

from agent.speech.contract import SPEAKING_RATE_HZ
from agent.speech.say.cache import SpeechKey
from agent.speech.say.lexicon import Lexicon, load_lexicon
from agent.speech.say.phonemes import Phonemizer
from agent.speech.settings import SpeechSettings
from common.errors import SetupError
from common.languages import Language
from common.settings import PathSettings

Samples = npt.NDArray[np.float32]

_MODEL = "kokoro-v1.0.int8.onnx"
#: A voice file: one style vector, float32 [1, 256], for each number of phonemes up to the most.
_MAX_PHONEMES = 510
_STYLES = (_MAX_PHONEMES, 1, 256)

#: Loudness is looked at in frames of 5 ms. A frame is silent this far under the clip's loudest:
#: Kokoro's own silence is under -60 dB, the weakest ends of words over -45 dB.
_FRAME = SPEAKING_RATE_HZ // 200
_SILENCE_DB = -48.0
_LEAD_S = 0.02
_TAIL_S = 0.1
_FADE_S = 0.005
#: Silence behind a clause besides its tail, by the mark it ends with: what a speaker leaves there.
_PAUSE_S = {",": 0.05, ";": 0.1, ":": 0.1, ".": 0.2, "!": 0.2, "?": 0.2}

#: Part of the fingerprint: raise it when this code makes the same words sound different.
_REVISION = b"1"


class Kokoro:
    """Kokoro with one voice for each language. Blocks: call it in a thread, one at a time."""

    def __init__(
        self,
        folder: Path,
        names: Mapping[Language, str],
        lexicon: Lexicon,
        *,
        speed: float,
        threads: int,
    ) -> None:
        """Load model and voices from ``folder``. Raises SetupError: a file is missing or broken."""
        self._names = names
        self._speed = speed
        self._session = _open_session(folder / _MODEL, threads)
        self._styles = {
            language: _read_styles(folder / "voices" / f"{name}.bin")
            for language, name in names.items()
        }
        self._phonemizer = Phonemizer(lexicon)
        self._run = onnxruntime.RunOptions()
        self._fingerprint = _fingerprint(folder / _MODEL, lexicon)

    def key(self, clause: str, language: Language) -> SpeechKey:
        """Under which the clause is cached."""
        return SpeechKey(self._names[language], language, self._speed, clause, self._fingerprint)

    def synthesize(self, clause: str, language: Language) -> bytes:
        """Speak words that `spoken` has prepared. Empty when none of them has a sound.

        Raises an error of ONNX Runtime's when it was aborted.
        """
        self._run = onnxruntime.RunOptions()
        phonemes = self._phonemizer.phonemes(clause, language)
        clips = [
            trim(self._infer(piece, language), pause_s=_PAUSE_S.get(piece[-1], 0.0))
            for piece in split_phonemes(phonemes, _MAX_PHONEMES)
            if piece and self._phonemizer.tokens(piece)
        ]
        samples = np.concatenate(clips) if clips else np.zeros(0, np.float32)
        return (np.clip(samples, -1.0, 32767 / 32768) * 32768).astype("<i2").tobytes()

    def abort(self) -> None:
        """Give up the synthesis that another thread is in, within milliseconds."""
        self._run.terminate = True

    def _infer(self, phonemes: str, language: Language) -> Samples:
        tokens = self._phonemizer.tokens(phonemes)
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": self._styles[language][min(len(tokens), _MAX_PHONEMES) - 1],
            "speed": np.array([self._speed], dtype=np.float32),
        }
        audio: Samples = self._session.run(None, inputs, self._run)[0].ravel()
        return audio


def load_kokoro(paths: PathSettings, settings: SpeechSettings, *, threads: int) -> Kokoro:
    """The assistant's own voices. Raises SetupError when a file is missing or broken."""
    return Kokoro(
        paths.cache_dir / "models" / "kokoro",
        {"zh": settings.voice_zh, "en": settings.voice_en},
        load_lexicon(),
        speed=settings.speed,
        threads=threads,
    )


def trim(audio: Samples, *, pause_s: float) -> Samples:
    """Cut the silence around a clip to 20 ms before and 100 ms behind, and add the pause."""
    frames = audio[: len(audio) // _FRAME * _FRAME].reshape(-1, _FRAME)
    loudness = np.sqrt(np.mean(np.square(frames), axis=1))
    peak = float(loudness.max(initial=0.0))
    if peak < 1e-4:  # -80 dBFS: nothing was spoken
        return np.zeros(0, np.float32)
    sounding = np.flatnonzero(loudness > peak * 10 ** (_SILENCE_DB / 20))
    start = max(int(sounding[0]) * _FRAME - _samples(_LEAD_S), 0)
    stop = min((int(sounding[-1]) + 1) * _FRAME + _samples(_TAIL_S), len(audio))
    clip = audio[start:stop].copy()
    ramp = np.linspace(0.0, 1.0, _samples(_FADE_S), dtype=np.float32)
    clip[: len(ramp)] *= ramp
    clip[-len(ramp) :] *= ramp[::-1]
    return np.concatenate([clip, np.zeros(_samples(pause_s), np.float32)])


def _samples(seconds: float) -> int:
    return round(seconds * SPEAKING_RATE_HZ)


def _open_session(model: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads take the cores that Whisper and the language model need between clauses.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not model.is_file():
        raise _missing(model)
    try:
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises no common class of its own
        raise SetupError(
            f"Kokoro, {model}, cannot be loaded: the file is damaged.",
            "Fetch it again: `liuke models pull`.",
        ) from error


def _read_styles(file: Path) -> Samples:
    if not file.is_file():
        raise _missing(file)
    styles = np.fromfile(file, dtype="<f4")
    if styles.size != np.prod(_STYLES):
        raise SetupError(
            f"The voice {file} is damaged: it has {styles.size * 4} bytes, not 522240.",
            "Fetch it again: `liuke models pull`.",
        )
    return styles.reshape(_STYLES)


def _missing(file: Path) -> SetupError:
    return SetupError(
        f"The file {file} is missing.",
        "Fetch it with `liuke models pull`; the voices are named by LIUKE_SPEECH_VOICE_ZH and _EN.",
    )


def _fingerprint(model: Path, lexicon: Lexicon) -> str:
    with model.open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").digest()
    return hashlib.sha256(weights + repr(lexicon).encode() + _REVISION).hexdigest()
