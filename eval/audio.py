"""Sound for the benchmarks: recordings in, the same as a call would carry them out.

Samples are mono float32 at 16 kHz, full scale ±1; levels are dB below full scale. What is drawn by
chance comes from a generator that the caller seeds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from agent.probe.audio import SAMPLE_RATE_HZ, Span, load_clip

Samples: TypeAlias = NDArray[np.float32]

RATE_HZ = 16_000
FRAME_MS = 20
FRAME = RATE_HZ * FRAME_MS // 1000

#: Frames this far under the loudest are pauses: they do not count towards a clip's level.
_ACTIVE_DB = 25.0
#: Cutting into a sound clicks; both edges are faded over this long, ms.
_FADE_MS = 8.0

#: The telephone's band, Hz (ITU-T G.712), at its sample rate.
_BAND_HZ = (300.0, 3400.0)
#: µ-law's constant (ITU-T G.711, North America and Japan).
_MU = 255.0
#: A lost packet is concealed by the one before at half its level, then at half that.
_CONCEALED = 0.5


@dataclass(frozen=True)
class Recording:
    """A clip, and where in it somebody speaks (or something sounds)."""

    name: str
    samples: Samples
    sound: Span


async def read_recording(path: Path) -> Recording:
    """Any file that libsndfile knows. Raises InputError when there is no sound in it."""
    clip = await load_clip(path)
    return Recording(path.stem, await asyncio.to_thread(_narrowed, clip.samples), clip.speech)


def to_pcm(samples: Samples) -> NDArray[np.int16]:
    """As 16-bit PCM; what is too loud is clipped, as a sound card does."""
    return (np.clip(samples, -1.0, 32767 / 32768) * 32768).astype(np.int16)


def from_pcm(pcm: NDArray[np.int16]) -> Samples:
    """16-bit PCM as samples."""
    return (pcm / 32768).astype(np.float32)


def silence(duration_ms: float) -> Samples:
    """Nothing, for that long."""
    return np.zeros(_count(duration_ms), np.float32)


def cut(samples: Samples, span: Span) -> Samples:
    """The part within ``span``, faded at both edges."""
    part = samples[_count(span.start_ms) : _count(span.end_ms)].copy()
    ramp = np.linspace(0, 1, min(_count(_FADE_MS), len(part)), dtype=np.float32)
    part[: len(ramp)] *= ramp
    part[len(part) - len(ramp) :] *= ramp[::-1]
    return part


def level_db(samples: Samples) -> float:
    """Level of the sounding parts: pauses do not count. -inf when there is no sound."""
    powers = _powers(samples)
    if not len(powers) or powers.max() == 0:
        return float("-inf")
    active = powers[powers >= powers.max() * 10 ** (-_ACTIVE_DB / 10)]
    return float(10 * np.log10(active.mean()))


def at_level(samples: Samples, level: float) -> Samples:
    """Made as loud as ``level``, in dB below full scale."""
    now = level_db(samples)
    return samples if now == float("-inf") else amplified(samples, level - now)


def amplified(samples: Samples, gain_db: float) -> Samples:
    """Louder by ``gain_db``, softer when that is negative."""
    return (samples * np.float32(10 ** (gain_db / 20))).astype(np.float32)


def looped(samples: Samples, start: int, count: int) -> Samples:
    """``count`` samples of an endless repetition, from sample ``start`` of it."""
    wrapped: Samples = np.take(samples, np.arange(start, start + count), mode="wrap")
    return wrapped


def mixed(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """The sound with noise so much softer than its sounding parts; the noise is repeated."""
    floor = at_level(noise, level_db(samples) - snr_db)
    return (samples + looped(floor, 0, len(samples))).astype(np.float32)


def quiet_point_ms(recording: Recording) -> float | None:
    """The softest moment in the middle of a sentence, where a speaker would pause; None if none.

    It lies between a quarter and four fifths of the speech, and 18 dB under its level for at least
    30 ms: a gap between words, or the closure of a stop, where a pause is natural too.
    """
    hop = RATE_HZ // 100
    frames = recording.samples[: len(recording.samples) // hop * hop].reshape(-1, hop)
    power = np.convolve(np.mean(frames**2, axis=1), np.ones(3) / 3, mode="same")
    span = recording.sound
    first = int((span.start_ms + 0.25 * (span.end_ms - span.start_ms)) / 10)
    last = int((span.start_ms + 0.8 * (span.end_ms - span.start_ms)) / 10)
    if last <= first:
        return None
    softest = first + int(np.argmin(power[first:last]))
    if 10 * np.log10(max(power[softest], 1e-12)) > level_db(recording.samples) - 18:
        return None
    return softest * 10.0 + 5


def joined(parts: Sequence[Samples], pauses_ms: Sequence[float]) -> tuple[Samples, list[Span]]:
    """The parts with silence between them, and where those silences are."""
    pieces, gaps, at_ms = [], [], 0.0
    for part, pause_ms in zip(parts, [*pauses_ms, 0.0], strict=True):
        pieces += [part, silence(pause_ms)]
        at_ms += len(part) * 1000 / RATE_HZ
        gaps.append(Span(at_ms, at_ms + pause_ms))
        at_ms += pause_ms
    return np.concatenate(pieces), gaps[:-1]


# --- Sounds that nobody recorded for us.


def pink_noise(duration_ms: float, rng: np.random.Generator) -> Samples:
    """Noise whose power falls by 3 dB an octave, as that of rooms and traffic does."""
    count = _count(duration_ms)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, count)
    scaled: Samples = (noise / np.abs(noise).max()).astype(np.float32)
    return scaled


def keyboard(duration_ms: float, rng: np.random.Generator) -> Samples:
    """Typing: about seven strokes a second, each a click down and a softer one up."""
    strokes = silence(duration_ms)
    at_ms = 20.0
    while at_ms < duration_ms - 150:
        _add(strokes, _click(6, 2500, rng), at_ms, rng.uniform(0.6, 1.0))
        _add(strokes, _click(5, 3500, rng), at_ms + rng.uniform(60, 100), rng.uniform(0.2, 0.4))
        at_ms += rng.uniform(90, 220)
    return strokes


def door(rng: np.random.Generator) -> Samples:
    """A door falls shut: a low thump, the latch, and the room after it."""
    thump = silence(700)
    time = np.arange(len(thump)) / RATE_HZ
    thump += (np.sin(2 * np.pi * 70 * time) * np.exp(-time / 0.08)).astype(np.float32)
    _add(thump, _click(60, 400, rng), 0, 0.8)
    _add(thump, _click(8, 2000, rng), 90, 0.3)
    return in_a_room(thump, rng)


def music(duration_ms: float) -> Samples:
    """Four chords of plucked tones, two a second, with a bass."""
    tune = silence(duration_ms)
    chords = (
        (220.0, 261.6, 329.6),
        (174.6, 220.0, 261.6),
        (261.6, 329.6, 392.0),
        (196, 246.9, 294),
    )
    for beat in range(int(duration_ms / 500)):
        for pitch in (*chords[beat % 4], chords[beat % 4][0] / 2):
            time = np.arange(_count(min(480.0, duration_ms - beat * 500))) / RATE_HZ
            overtones = sum(np.sin(2 * np.pi * pitch * n * time) / n**1.5 for n in (1, 2, 3, 4))
            _add(tune, (overtones * np.exp(-time / 0.35)).astype(np.float32), beat * 500, 0.2)
    return tune


def in_a_room(
    samples: Samples, rng: np.random.Generator, decay_s: float = 0.4, echo: float = 0.08
) -> Samples:
    """The direct sound and its reverberation (RT60 ``decay_s``), as heard from across a room.

    ``echo``: how loud the reverberation begins, of the direct sound; closer by, it is softer.
    """
    time = np.arange(int(decay_s * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / decay_s) * echo
    tail[0] = 1.0
    size = len(samples) + len(tail) - 1
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)
    return wet.astype(np.float32)


def from_afar(samples: Samples, rng: np.random.Generator) -> Samples:
    """As another person across the room sounds: reverberant, and dull above 3 kHz."""
    return in_a_room(_Filter(_low_pass(3000, 101))(samples), rng)


# --- The telephone line.


class TelephoneLine:
    """A telephone line with packet loss; takes and gives frames of 20 ms at 16 kHz.

    Band 300 to 3400 Hz, 8 kHz, µ-law, and at the far end what a decoder makes of lost packets. The
    filters delay the sound by 8 ms.
    """

    def __init__(self, loss: float, rng: np.random.Generator) -> None:
        """``loss``: share of the packets that do not arrive, 0 to 1."""
        self._loss = loss
        self._rng = rng
        self._band = _Filter(_low_pass(_BAND_HZ[1], 161) - _low_pass(_BAND_HZ[0], 161))
        self._smooth = _Filter(_low_pass(_BAND_HZ[1] + 300, 95) * 2)
        self._last = np.zeros(FRAME // 2, np.float32)

    def carry(self, frame: Samples) -> Samples:
        """What arrives of one frame."""
        narrow = mu_law(self._band(frame)[::2])
        if self._rng.random() < self._loss:
            narrow = (self._last * np.float32(_CONCEALED)).astype(np.float32)
        self._last = narrow
        wide = np.zeros(len(frame), np.float32)
        wide[::2] = narrow
        return self._smooth(wide)


def over_telephone(samples: Samples, loss: float, rng: np.random.Generator) -> Samples:
    """A whole clip through a line of its own; its last, incomplete frame is filled up."""
    line = TelephoneLine(loss, rng)
    padded = np.concatenate([samples, np.zeros(-len(samples) % FRAME, np.float32)])
    return np.concatenate([line.carry(frame) for frame in padded.reshape(-1, FRAME)])


def mu_law(samples: Samples) -> Samples:
    """There and back through µ-law with 8 bits."""
    squeezed = np.sign(samples) * np.log1p(_MU * np.minimum(np.abs(samples), 1)) / np.log1p(_MU)
    sent = np.round(squeezed * 127) / 127
    back: Samples = np.sign(sent) * np.expm1(np.abs(sent) * np.log1p(_MU)) / _MU
    return back.astype(np.float32)


class _Filter:
    """A linear-phase filter that remembers the samples before."""

    def __init__(self, taps: NDArray[np.float64]) -> None:
        self._taps = taps
        self._before = np.zeros(len(taps) - 1, np.float32)

    def __call__(self, samples: Samples) -> Samples:
        joined = np.concatenate([self._before, samples])
        self._before = joined[len(joined) - len(self._before) :]
        return np.convolve(joined, self._taps, mode="valid").astype(np.float32)


def _low_pass(cutoff_hz: float, taps: int) -> NDArray[np.float64]:
    """A windowed sinc; -6 dB at ``cutoff_hz``."""
    n = np.arange(taps) - (taps - 1) / 2
    shape: NDArray[np.float64] = np.sinc(2 * cutoff_hz / RATE_HZ * n) * np.hamming(taps)
    normal: NDArray[np.float64] = shape / shape.sum()
    return normal


def _narrowed(pcm: NDArray[np.int16]) -> Samples:
    """From the 48 kHz of a call's client."""
    resampler = rtc.AudioResampler(SAMPLE_RATE_HZ, RATE_HZ, quality=rtc.AudioResamplerQuality.HIGH)
    frames = resampler.push(bytearray(pcm.tobytes())) + resampler.flush()
    return from_pcm(np.concatenate([np.frombuffer(f.data, dtype=np.int16) for f in frames]))


def _click(decay_ms: float, centre_hz: float, rng: np.random.Generator) -> Samples:
    time = np.arange(_count(decay_ms * 6)) / RATE_HZ
    noise = rng.standard_normal(len(time)) * 0.5 + np.sin(2 * np.pi * centre_hz * time)
    return (noise * np.exp(-time / (decay_ms / 1000))).astype(np.float32)


def _add(onto: Samples, sound: Samples, at_ms: float, gain: float) -> None:
    start = _count(at_ms)
    part = sound[: max(len(onto) - start, 0)]
    onto[start : start + len(part)] += part * np.float32(gain)


def _powers(samples: Samples) -> NDArray[np.float64]:
    whole = len(samples) // FRAME * FRAME
    frames = samples[:whole].astype(np.float64).reshape(-1, FRAME)
    return np.asarray(np.mean(frames**2, axis=1))


def _count(duration_ms: float) -> int:
    return round(duration_ms * RATE_HZ / 1000)
