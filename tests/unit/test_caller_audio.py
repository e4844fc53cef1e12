"""Where sound begins and ends, in files and in what arrives over a jittery network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.probe.audio import (
    FRAME_SAMPLES,
    LASTING_SILENCE_MS,
    SAMPLE_RATE_HZ,
    Clip,
    Samples,
    Span,
    load_clip,
    prepare_recording,
    sounds,
    write_recording,
)
from agent.probe.ear import Arrival, Ear, lay_out
from agent.probe.microphone import Microphone
from common.errors import InputError

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(7)


def speech(
    *spans_ms: tuple[int, int],
    length_ms: int,
    level: float = 0.2,
    noise: float = 0.0,
    rate_hz: int = SAMPLE_RATE_HZ,
) -> Samples:
    """A voice-like signal (harmonics, syllables) in ``spans_ms``, over white noise."""
    t = np.arange(length_ms * rate_hz // 1000) / rate_hz
    voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 8))
    voice = voice * (0.75 + 0.25 * np.sin(2 * np.pi * 4 * t))
    gate = np.zeros_like(t)
    for start_ms, end_ms in spans_ms:
        gate[start_ms * rate_hz // 1000 : end_ms * rate_hz // 1000] = 1
    signal = level * gate * voice / np.abs(voice).max() + noise * RNG.standard_normal(len(t))
    samples: Samples = (np.clip(signal, -1, 1) * 32767).astype(np.int16)
    return samples


def spans(found: Sequence[Span]) -> list[tuple[float, float]]:
    return [(span.start_ms, span.end_ms) for span in found]


def close(found: Sequence[Span], expected: Sequence[tuple[int, int]]) -> bool:
    """Alike to two frames."""
    return len(found) == len(expected) and all(
        abs(a - b) <= 20
        for pair, wanted in zip(spans(found), expected, strict=True)
        for a, b in zip(pair, wanted, strict=True)
    )


@pytest.mark.parametrize("noise", [0.0, 0.0005, 0.005])
def test_sound_is_found_over_silence_and_over_room_noise(noise: float) -> None:
    samples = speech((500, 1300), (1700, 2600), length_ms=3500, noise=noise)
    assert close(sounds(samples), [(500, 1300), (1700, 2600)])


def test_sound_is_found_at_any_level() -> None:
    for level in (0.02, 0.9):
        assert close(sounds(speech((300, 900), length_ms=1500, level=level)), [(300, 900)])


def test_a_recording_without_a_pause_sounds_from_end_to_end() -> None:
    assert close(sounds(speech((0, 800), length_ms=800)), [(0, 800)])


def test_silence_and_faint_noise_are_no_sound() -> None:
    assert sounds(np.zeros(SAMPLE_RATE_HZ, dtype=np.int16)) == []
    assert sounds(speech(length_ms=1000, noise=0.0005)) == []
    assert sounds(np.zeros(0, dtype=np.int16)) == []


def test_the_closure_inside_a_word_is_no_pause_but_a_pause_is() -> None:
    samples = speech((200, 500), (570, 900), (1200, 1500), length_ms=2000)
    assert close(sounds(samples), [(200, 900), (1200, 1500)])


def test_a_pause_of_the_answer_is_not_a_stop_but_lasting_silence_is() -> None:
    samples = speech((0, 1000), (1350, 2000), (2900, 3500), length_ms=4000)
    assert close(sounds(samples, pause_ms=LASTING_SILENCE_MS), [(0, 2000), (2900, 3500)])


def test_a_click_and_soft_breath_beside_speech_are_not_speech() -> None:
    samples = speech((1000, 2000), length_ms=3000)
    samples[300 * 48 : 310 * 48] = 20_000
    samples[2400 * 48 : 2600 * 48] = speech((0, 200), length_ms=200, level=0.006)
    assert close(sounds(samples), [(1000, 2000)])


def test_spans_overlap() -> None:
    assert Span(100, 200).overlap_ms(Span(150, 400)) == 50
    assert Span(100, 200).overlap_ms(Span(200, 400)) == 0


@pytest.mark.parametrize(
    ("suffix", "rate_hz", "channels"),
    [("wav", 16_000, 1), ("flac", 44_100, 2), ("mp3", 24_000, 1), ("wav", 48_000, 2)],
)
async def test_files_of_many_kinds_become_48_khz_clips(
    tmp_path: Path, suffix: str, rate_hz: int, channels: int
) -> None:
    path = tmp_path / f"question.{suffix}"
    samples = speech((400, 1200), length_ms=1600, rate_hz=rate_hz)
    soundfile.write(path, np.repeat(samples[:, None], channels, axis=1), rate_hz)
    clip = await load_clip(path)
    # MP3 pads its beginning by up to two of its frames.
    tolerance_ms = 60 if suffix == "mp3" else 20
    assert len(clip.samples) / 48 == pytest.approx(1600, abs=2 * tolerance_ms)
    assert clip.speech.start_ms == pytest.approx(400, abs=tolerance_ms)
    assert clip.speech.end_ms == pytest.approx(1200, abs=tolerance_ms)


async def test_files_that_cannot_be_played_say_why(tmp_path: Path) -> None:
    silent, text, empty, long = (tmp_path / f"{n}.wav" for n in ("silent", "text", "empty", "long"))
    soundfile.write(silent, np.zeros(8000, dtype=np.int16), 8000)
    text.write_text("not audio")
    soundfile.write(empty, np.zeros(0, dtype=np.int16), 8000)
    soundfile.write(long, np.zeros(8000 * 60 * 11, dtype=np.int16), 8000)
    for path, reason in [
        (silent, "No sound"),
        (text, "cannot be read"),
        (empty, "No sound"),
        (long, "11 minutes"),
        (tmp_path / "missing.wav", "no file"),
        (tmp_path, "no file"),
    ]:
        with pytest.raises(InputError, match=reason) as caught:
            await load_clip(path)
        assert str(path) in caught.value.message
        assert caught.value.remedy


async def test_a_recording_keeps_both_sides_on_one_clock(tmp_path: Path) -> None:
    path = tmp_path / "new" / "call.wav"
    await prepare_recording(path)
    customer, assistant = np.full(480, 7, dtype=np.int16), np.full(960, 9, dtype=np.int16)
    await write_recording(path, customer, assistant)
    stereo, rate_hz = soundfile.read(path, dtype="int16")
    assert rate_hz == SAMPLE_RATE_HZ
    assert stereo[479].tolist() == [7, 9]
    assert stereo[480].tolist() == [0, 9]
    assert [p.name for p in path.parent.iterdir()] == ["call.wav"]


async def test_a_place_that_cannot_be_written_is_found_before_the_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "call.wav"):
        with pytest.raises(InputError, match="cannot be written"):
            await prepare_recording(path)


def arrivals(samples: Samples, delays_ms: Sequence[float], first_ms: float = 0) -> list[Arrival]:
    """``samples`` in frames of 10 ms, the n-th handed over ``delays_ms[n]`` after its time."""
    frames = samples.reshape(-1, FRAME_SAMPLES)
    return [
        Arrival(first_ms + 10 * n + delay, frame)
        for n, (frame, delay) in enumerate(zip(frames, delays_ms, strict=True))
    ]


def test_jitter_and_bursts_leave_the_sound_in_its_place() -> None:
    samples = speech((200, 700), length_ms=1000)
    delays = RNG.uniform(0, 40, 100)
    delays[30:60] = np.arange(300, 0, -10)  # a stall of 300 ms, then all at once
    delays[-1] = 0
    laid = lay_out(arrivals(samples, delays.tolist(), first_ms=500))
    assert close(sounds(laid), [(700, 1200)])
    begin = len(laid) - len(samples)
    assert np.array_equal(laid[begin:], samples)


def test_a_lag_that_lasts_is_a_gap_of_silence() -> None:
    samples = speech((0, 1000), length_ms=1000)
    delays = [0.0] * 50 + [400.0] * 50
    assert close(sounds(lay_out(arrivals(samples, delays))), [(0, 500), (900, 1400)])


def test_a_clock_that_runs_slow_by_a_trifle_cuts_nothing_out() -> None:
    samples = speech((0, 5000), length_ms=5000)
    laid = lay_out(arrivals(samples, np.linspace(0, 8, 500).tolist()))
    assert np.array_equal(laid, samples)


def test_nothing_heard_is_an_empty_recording() -> None:
    assert len(lay_out([])) == 0


async def test_the_ear_tells_when_sound_began_and_how_long_it_is_silent() -> None:
    now_ms = 0.0
    ear = Ear(lambda: now_ms)
    assert ear.first_sound_after(0) is None
    for arrival in arrivals(speech((100, 300), (600, 700), length_ms=1000), [0.0] * 100):
        ear.hear(arrival)
    now_ms = 1000.0
    assert ear.first_sound_after(0) == pytest.approx(100, abs=20)
    assert ear.first_sound_after(320) == pytest.approx(600, abs=20)
    assert ear.first_sound_after(720) is None
    assert ear.silent_for_ms() == pytest.approx(310, abs=20)
    assert close(sounds(await ear.recording()), [(100, 300), (600, 700)])


async def test_a_click_is_not_the_beginning_of_an_answer() -> None:
    ear = Ear(lambda: 0.0)
    samples = np.zeros(480 * 100, dtype=np.int16)
    samples[480 * 20 : 480 * 21] = 20_000
    samples[480 * 50 : 480 * 60] = 20_000
    for arrival in arrivals(samples, [0.0] * 100):
        ear.hear(arrival)
    assert ear.first_sound_after(0) == 500


def make_clip(samples: Samples, start_ms: float, end_ms: float) -> Clip:
    return Clip(Path("question.wav"), samples, Span(start_ms, end_ms))


async def test_the_microphone_places_speech_at_the_exact_sample() -> None:
    microphone = Microphone()
    samples = speech((250, 600), length_ms=800)
    at_ms = microphone.now_ms() + 1000
    placement = microphone.play(make_clip(samples, 250, 600), speech_at_ms=at_ms)
    assert placement.speech.start_ms == pytest.approx(at_ms, abs=0.03)
    heard = microphone.samples(placement.first - 100, len(samples) + 200)
    assert not heard[:100].any()
    assert np.array_equal(heard[100:-100], samples)
    assert not heard[-100:].any()
    await microphone.aclose()


async def test_a_moment_that_has_passed_becomes_the_next_possible_one() -> None:
    microphone = Microphone()
    clip = make_clip(speech((0, 100), length_ms=100), 0, 100)
    before_ms = microphone.now_ms()
    placement = microphone.play(clip, speech_at_ms=before_ms - 5000)
    # To the nearest sample, 0.02 ms.
    assert placement.speech.start_ms >= before_ms - 0.02
    await microphone.aclose()
