"""What a call's audio says about time: files in, 48 kHz clips and the spans that sound out.

Everything is measured on frames of 10 ms: a frame sounds when its level stands clear of the noise
floor of the recording it belongs to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soundfile
from livekit import rtc
from numpy.typing import NDArray

from common.errors import InputError

Samples: TypeAlias = NDArray[np.int16]
Levels: TypeAlias = NDArray[np.float64]

SAMPLE_RATE_HZ = 48_000
FRAME_MS = 10
FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS // 1000

#: Nothing softer counts as sound: about what a quiet room's noise measures at a headset.
HEARING_LIMIT_DBFS = -55.0
#: The closure before a stop consonant is silent for up to about this long inside a word.
WORD_GAP_MS = 100
#: Shorter sounds that stand alone are clicks, not speech.
SHORTEST_SOUND_MS = 30
#: A pause inside an answer is shorter than this; a silence as long means that it stopped.
LASTING_SILENCE_MS = 600
#: Longest file played as one turn.
MAX_CLIP_S = 600


@dataclass(frozen=True)
class Span:
    """A stretch of sound, in milliseconds from the beginning of its recording."""

    start_ms: float
    end_ms: float

    def overlap_ms(self, other: Span) -> float:
        """How long both sound."""
        return max(0.0, min(self.end_ms, other.end_ms) - max(self.start_ms, other.start_ms))


@dataclass(frozen=True)
class Clip:
    """A file as it is played into the call: mono, 48 kHz, and where in it somebody speaks."""

    path: Path
    samples: Samples
    speech: Span


async def load_clip(path: Path) -> Clip:
    """Read a WAV, FLAC, MP3 or other file that libsndfile knows. Raises InputError."""
    return await asyncio.to_thread(_load_clip, path)


def _load_clip(path: Path) -> Clip:
    samples = _read(path)
    spans = sounds(samples)
    if not spans:
        raise InputError(
            f"No sound in {path}: nothing in it is louder than {HEARING_LIMIT_DBFS:.0f} dBFS.",
            "Record it again, closer to the microphone, or give another file.",
        )
    return Clip(path, samples, Span(spans[0].start_ms, spans[-1].end_ms))


def _read(path: Path) -> Samples:
    if not path.is_file():
        raise InputError(f"There is no file {path}.", "Give the path of a recording.")
    try:
        with soundfile.SoundFile(path) as file:
            if file.frames > MAX_CLIP_S * file.samplerate:
                raise InputError(
                    f"{path} lasts {file.frames / file.samplerate / 60:.0f} minutes; one turn may "
                    f"last {MAX_CLIP_S // 60}.",
                    "Cut it into one file for each turn.",
                )
            signal = file.read(dtype="float32", always_2d=True).mean(axis=1)
            rate = file.samplerate
    except soundfile.LibsndfileError as error:
        raise InputError(
            f"{path} cannot be read as audio: {error.error_string}",
            "Give a WAV, FLAC, MP3 or OGG file.",
        ) from None
    samples = (np.clip(signal, -1.0, 1.0) * 32767).astype(np.int16)
    return resample(samples, rate)


def resample(samples: Samples, rate_hz: int) -> Samples:
    """The same sound at 48 kHz."""
    if rate_hz == SAMPLE_RATE_HZ or not len(samples):
        return samples
    resampler = rtc.AudioResampler(rate_hz, SAMPLE_RATE_HZ, quality=rtc.AudioResamplerQuality.HIGH)
    frames = resampler.push(bytearray(samples.tobytes())) + resampler.flush()
    return np.concatenate([np.frombuffer(frame.data, dtype=np.int16) for frame in frames])


def frame_levels(samples: Samples) -> Levels:
    """Level of each frame of 10 ms in dB below full scale; the last one may be shorter."""
    frames = -(-len(samples) // FRAME_SAMPLES)
    padded = np.zeros(frames * FRAME_SAMPLES)
    padded[: len(samples)] = samples / 32768.0
    power = np.mean(padded.reshape(frames, FRAME_SAMPLES) ** 2, axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-10)))


@dataclass(frozen=True)
class Thresholds:
    """Levels in dBFS that tell sound from the background of one recording."""

    sound: float
    word: float


def thresholds(levels: Levels) -> Thresholds:
    """What counts as sound here: each 10 ms above ``sound``, in a word that reaches ``word``.

    ``sound`` is 12 dB above the noise floor, as wide as steady room noise varies; but at most 20 dB
    below the loud parts, or a recording without a pause would have no sound, and at least 40 dB
    below them, or codec residue would count in a studio recording. ``word`` is 18 dB below the loud
    parts: breath and handling noise before and after speech stay under it.
    """
    audible = levels[levels > HEARING_LIMIT_DBFS]
    if not len(audible):
        return Thresholds(HEARING_LIMIT_DBFS, HEARING_LIMIT_DBFS)
    floor, loud = float(np.percentile(levels, 10)), float(np.percentile(audible, 95))
    sound = max(HEARING_LIMIT_DBFS, min(max(floor + 12, loud - 40), loud - 20))
    return Thresholds(sound, max(sound, loud - 18))


def sounds(samples: Samples, *, pause_ms: float = WORD_GAP_MS) -> list[Span]:
    """The stretches of sound; a silence shorter than ``pause_ms`` is part of the sound around."""
    levels = frame_levels(samples)
    limits = thresholds(levels)
    sounding = np.flatnonzero(levels > limits.sound)
    frames = (Span(i * FRAME_MS, (i + 1) * FRAME_MS) for i in sounding.tolist())
    words = [word for word in _joined(frames, WORD_GAP_MS) if _is_word(word, levels, limits)]
    return _joined(words, pause_ms)


def _is_word(span: Span, levels: Levels, limits: Thresholds) -> bool:
    frames = levels[int(span.start_ms / FRAME_MS) : int(span.end_ms / FRAME_MS)]
    return len(frames) * FRAME_MS >= SHORTEST_SOUND_MS and bool(frames.max() >= limits.word)


def _joined(spans: Iterable[Span], pause_ms: float) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        if joined and span.start_ms - joined[-1].end_ms < pause_ms:
            joined[-1] = Span(joined[-1].start_ms, span.end_ms)
        else:
            joined.append(span)
    return joined


async def prepare_recording(path: Path) -> None:
    """Make sure that ``path`` can be written before a call is spent on it. Raises InputError."""
    await asyncio.to_thread(_prepare_recording, path)


async def write_recording(path: Path, customer: Samples, assistant: Samples) -> None:
    """Both sides as one stereo WAV, customer left, assistant right, on one clock."""
    await asyncio.to_thread(_write_recording, path, customer, assistant)


def _prepare_recording(path: Path) -> None:
    if path.is_dir():
        raise _unwritable(path, "it is a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = _unfinished(path)
        unfinished.touch()
        unfinished.unlink()
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from None


def _write_recording(path: Path, customer: Samples, assistant: Samples) -> None:
    stereo = np.zeros((max(len(customer), len(assistant)), 2), dtype=np.int16)
    stereo[: len(customer), 0] = customer
    stereo[: len(assistant), 1] = assistant
    unfinished = _unfinished(path)
    try:
        soundfile.write(unfinished, stereo, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
        unfinished.replace(path)
    except (OSError, soundfile.LibsndfileError) as error:
        unfinished.unlink(missing_ok=True)
        raise _unwritable(path, str(error)) from None


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.unfinished")


def _unwritable(path: Path, reason: str) -> InputError:
    return InputError(
        f"The recording cannot be written to {path}: {reason}.",
        "Give a file in a folder that you may write to.",
    )
