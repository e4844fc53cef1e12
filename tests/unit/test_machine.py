"""Choosing the embedded model: by measured speed and memory, once per machine, settings first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.host import machine
from agent.host.machine import (
    DECODE_FLOOR,
    LARGER_TO_PROBE,
    MEMORY_FLOOR_LARGER,
    Speed,
    choose,
    choose_model,
    model_file,
)
from agent.host.packs import is_ready
from agent.models import choice
from agent.models.choice import MAX_THREADS, Hardware, recall_choice
from agent.settings import Settings
from common.errors import SetupError

pytestmark = pytest.mark.unit

HERE = Hardware("A processor", cores=2, memory_gib=16.0)
#: On two threads just fast enough for the larger model.
ENOUGH = DECODE_FLOOR / LARGER_TO_PROBE / 2


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIUKE_LLM_MODEL", "auto")
    monkeypatch.setenv("LIUKE_LLM_THREADS", "0")
    for module in (machine, choice):
        monkeypatch.setattr(module, "this_hardware", lambda: HERE)
    monkeypatch.setattr(machine, "_free_gib", lambda: 12.0)
    return tmp_path


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Speed]:
    """Stands for the measurement; counts how often one was made."""
    made: list[Speed] = []

    async def measure(settings: Settings) -> Speed:
        made.append(Speed(prefill=80.0, decode=30.0))
        return made[-1]

    monkeypatch.setattr(machine, "_measure", measure)
    return made


@pytest.mark.parametrize(
    ("decode", "free_gib", "model"),
    [
        (ENOUGH + 0.1, MEMORY_FLOOR_LARGER, "qwen2.5-1.5b"),
        (ENOUGH - 0.1, MEMORY_FLOOR_LARGER, "qwen2.5-0.5b"),
        (ENOUGH + 0.1, MEMORY_FLOOR_LARGER - 0.1, "qwen2.5-0.5b"),
    ],
)
def test_the_larger_model_where_speed_and_memory_allow(
    decode: float, free_gib: float, model: str
) -> None:
    assert choose(Speed(80.0, decode), free_gib, cores=2).model == model


def test_the_reason_names_what_was_short() -> None:
    assert "GiB of memory free: 1.5B needs" in choose(Speed(80.0, 99.0), 2.9, cores=2).reason
    assert "speech needs 8" in choose(Speed(80.0, 2.0), 64.0, cores=2).reason


def test_cores_beyond_what_helps_are_left_to_others() -> None:
    assert choose(Speed(80.0, 30.0), 64.0, cores=64).threads == MAX_THREADS


async def test_measures_once_and_remembers(installation: Path, measured: list[Speed]) -> None:
    assert recall_choice(Settings()) is None
    choice = await choose_model(Settings())
    assert await choose_model(Settings()) == recall_choice(Settings()) == choice
    assert len(measured) == 1
    kept = json.loads((installation / "machine.json").read_text())
    assert kept["choice"]["reason"] == choice.reason
    assert kept["tokens_per_second_of_one_thread"]["decode"] == 30.0


@pytest.mark.parametrize(
    "other",
    [
        Hardware("Another processor", 2, 16.0),
        Hardware("A processor", 4, 16.0),
        Hardware("A processor", 2, 8.0),
    ],
)
async def test_measures_another_machine_anew(
    monkeypatch: pytest.MonkeyPatch, measured: list[Speed], other: Hardware
) -> None:
    await choose_model(Settings())
    monkeypatch.setattr(choice, "this_hardware", lambda: other)
    assert recall_choice(Settings()) is None
    await choose_model(Settings())
    assert len(measured) == 2


async def test_a_damaged_note_is_measured_again(installation: Path, measured: list[Speed]) -> None:
    (installation / "machine.json").write_text('{"hardware": {')
    await choose_model(Settings())
    assert len(measured) == 1


async def test_too_little_memory_means_none_and_loads_nothing(
    monkeypatch: pytest.MonkeyPatch, measured: list[Speed]
) -> None:
    monkeypatch.setattr(machine, "_free_gib", lambda: 1.0)
    assert (await choose_model(Settings())).model == "none"
    assert measured == []


async def test_settings_come_first(monkeypatch: pytest.MonkeyPatch, measured: list[Speed]) -> None:
    monkeypatch.setenv("LIUKE_LLM_MODEL", "qwen2.5-0.5b")
    monkeypatch.setenv("LIUKE_LLM_THREADS", "7")
    choice = await choose_model(Settings())
    assert (choice.model, choice.threads) == ("qwen2.5-0.5b", 7)
    assert "LIUKE_LLM_MODEL" in choice.reason
    assert measured == []


def test_a_missing_model_file_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIUKE_CACHE_DIR", str(tmp_path))
    with pytest.raises(SetupError, match=r"liuke models pull qwen2\.5-0\.5b"):
        model_file(Settings(), "qwen2.5-0.5b")


@pytest.mark.models
async def test_measures_this_machine_really() -> None:
    settings = Settings()
    if not is_ready(settings.paths.cache_dir, machine.PROBE):
        pytest.skip("the probe is not in the cache: liuke models pull qwen2.5-0.5b")
    speed = await machine._measure(settings)
    assert speed.prefill > speed.decode > 0
