"""What the benchmarks do to sound: levels, noise, pauses, and the telephone line."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.probe.audio import Span
from common.errors import InputError
from eval.audio import (
    FRAME,
    RATE_HZ,
    Recording,
    Samples,
    TelephoneLine,
    at_level,
    cut,
    door,
    from_afar,
    from_pcm,
    joined,
    keyboard,
    level_db,
    looped,
    mixed,
    mu_law,
    music,
    over_telephone,
    pink_noise,
    quiet_point_ms,
    read_recording,
    silence,
    to_pcm,
)

pytestmark = pytest.mark.unit


def tone(frequency_hz: float, duration_ms: float = 1000, level: float = -20) -> Samples:
    time = np.arange(round(duration_ms * RATE_HZ / 1000)) / RATE_HZ
    return at_level(np.sin(2 * np.pi * frequency_hz * time).astype(np.float32), level)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


async def test_a_recording_tells_where_its_sound_is(tmp_path: Path) -> None:
    samples = np.concatenate([silence(300), tone(440, 500), silence(400)])
    soundfile.write(tmp_path / "clip.wav", samples, RATE_HZ)
    clip = await read_recording(tmp_path / "clip.wav")
    assert clip.name == "clip"
    assert len(clip.samples) == pytest.approx(1.2 * RATE_HZ, abs=FRAME)
    assert clip.sound.start_ms == pytest.approx(300, abs=20)
    assert clip.sound.end_ms == pytest.approx(800, abs=20)


async def test_a_silent_recording_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nothing.wav", silence(500), RATE_HZ)
    with pytest.raises(InputError, match="No sound"):
        await read_recording(tmp_path / "nothing.wav")


def test_pcm_there_and_back_and_clipped() -> None:
    samples = tone(300)
    assert np.abs(from_pcm(to_pcm(samples)) - samples).max() < 1e-4
    assert to_pcm(np.array([1.5, -1.5], np.float32)).tolist() == [32767, -32768]


def test_pauses_do_not_count_towards_a_level() -> None:
    assert level_db(tone(440, level=-20)) == pytest.approx(-20, abs=0.1)
    with_pauses = np.concatenate([tone(440, 400), silence(2000), tone(440, 400)])
    assert level_db(with_pauses) == pytest.approx(-20, abs=0.3)
    assert level_db(silence(100)) == float("-inf")
    assert not at_level(silence(100), -20).any()


@pytest.mark.parametrize("snr_db", [20, 10, 5])
def test_noise_is_mixed_at_the_ratio_asked_for(snr_db: float) -> None:
    speech = np.concatenate([tone(440), silence(1000)])
    noisy = mixed(speech, pink_noise(700, rng()), snr_db)
    assert level_db(noisy[RATE_HZ:]) == pytest.approx(-20 - snr_db, abs=1.0)


def test_noise_repeats_without_end() -> None:
    noise = np.arange(5, dtype=np.float32)
    assert looped(noise, 3, 6).tolist() == [3, 4, 0, 1, 2, 3]


def test_a_part_is_faded_at_its_edges() -> None:
    part = cut(np.ones(RATE_HZ, np.float32), Span(100, 300))
    assert len(part) == 0.2 * RATE_HZ
    assert part[0] == part[-1] == 0
    assert part[len(part) // 2] == 1


def test_a_pause_goes_where_the_speaker_is_softest() -> None:
    words = np.concatenate([tone(300, 700), silence(80), tone(300, 620)])
    point = quiet_point_ms(Recording("two words", words, Span(0, 1400)))
    assert point is not None
    assert 690 < point < 790


def test_a_sentence_without_a_gap_gets_no_pause() -> None:
    assert quiet_point_ms(Recording("one tone", tone(300), Span(0, 1000))) is None


def test_parts_are_joined_with_their_pauses() -> None:
    samples, pauses = joined([tone(300, 100), tone(300, 200), tone(300, 100)], [500, 700])
    assert len(samples) == 1.6 * RATE_HZ
    assert pauses == [Span(100, 600), Span(800, 1500)]
    assert not samples[int(0.1 * RATE_HZ) : int(0.6 * RATE_HZ)].any()


@pytest.mark.parametrize(
    ("frequency_hz", "passes"), [(80, False), (1000, True), (3000, True), (5000, False)]
)
def test_a_telephone_passes_its_band_alone(frequency_hz: float, passes: bool) -> None:
    heard = over_telephone(tone(frequency_hz), 0.0, rng())[FRAME * 5 : -FRAME * 5]
    level = float(10 * np.log10(np.mean(heard**2) + 1e-12))
    assert level == pytest.approx(-20, abs=1.5) if passes else level < -38


def test_a_telephone_carries_frames_as_it_carries_the_whole() -> None:
    speech = tone(700, 400)
    line = TelephoneLine(0.2, rng())
    frames = [line.carry(frame) for frame in speech.reshape(-1, FRAME)]
    assert np.array_equal(np.concatenate(frames), over_telephone(speech, 0.2, rng()))


def test_lost_packets_are_repeated_more_softly() -> None:
    line = TelephoneLine(0.0, rng())
    before = [line.carry(frame) for frame in tone(1000, 400).reshape(-1, FRAME)][-1]
    line._loss = 1.0
    first, second, third = (line.carry(np.zeros(FRAME, np.float32)) for _ in range(3))
    levels = [float(np.sqrt(np.mean(f[FRAME // 2 :] ** 2))) for f in (before, first, second, third)]
    for louder, softer in pairwise(levels):
        assert softer == pytest.approx(louder / 2, rel=0.15)


def test_a_share_of_the_packets_is_lost() -> None:
    noise = at_level(pink_noise(20_000, rng()), -20)
    whole, lossy = over_telephone(noise, 0.0, rng()), over_telephone(noise, 0.05, rng())
    frames = np.abs(whole - lossy).reshape(-1, FRAME).max(axis=1)
    # A lost frame also reaches a little into the next one, through the filter.
    assert 0.03 < np.mean(frames > 0.01) < 0.13


def test_mu_law_keeps_soft_and_loud_sounds_alike() -> None:
    for level in (-50.0, -30.0, -6.0):
        sound = tone(440, level=level)
        error = mu_law(sound) - sound
        assert 10 * np.log10(np.mean(sound**2) / np.mean(error**2)) > 22


def made_sounds() -> list[Samples]:
    return [keyboard(1500, rng()), door(rng()), music(2000)]


def test_made_sounds_sound_and_are_the_same_each_time() -> None:
    for sound, again in zip(made_sounds(), made_sounds(), strict=True):
        assert level_db(sound) > -60
        assert np.array_equal(sound, again)


def test_a_voice_from_afar_is_dull() -> None:
    near = pink_noise(1000, rng())
    far = from_afar(near, rng())
    spectrum = np.abs(np.fft.rfft(far)) ** 2
    frequencies = np.fft.rfftfreq(len(far), 1 / RATE_HZ)
    low, high = spectrum[frequencies < 2500].mean(), spectrum[frequencies > 4500].mean()
    assert 10 * np.log10(low / high) > 25
    assert len(far) > len(near)
