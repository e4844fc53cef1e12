"""The speech cache on disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from agent.speech.say.cache import SpeechCache, SpeechKey

pytestmark = pytest.mark.unit


def key(text: str, **others: str) -> SpeechKey:
    return SpeechKey(
        **({"voice": "v", "language": "zh", "fingerprint": "f"} | others), speed=1.0, text=text
    )


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_clip_survives_the_process(tmp_path: Path) -> None:
    SpeechCache(tmp_path, 1000).put(key("你好"), b"\x01\x02" * 50)
    again = SpeechCache(tmp_path, 1000)
    assert key("你好") in again
    assert again.get(key("你好")) == b"\x01\x02" * 50


def test_everything_that_changes_the_sound_is_in_the_key(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1000)
    cache.put(key("a"), b"12")
    for other in (
        key("b"),
        key("a", voice="w"),
        key("a", fingerprint="g"),
        key("a", language="en"),
    ):
        assert other not in cache
        assert cache.get(other) is None


def test_the_bound_drops_what_was_used_longest_ago(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 3 * 132, memory_bytes=0)
    for index, text in enumerate("abc"):
        cache.put(key(text), text.encode() * 100)
        os.utime(files(tmp_path)[0].parent, (index, index))
    cache.get(key("a"))
    cache.put(key("d"), b"d" * 100)
    assert [text for text in "abcd" if key(text) in cache] == ["a", "c", "d"]
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 3 * 132


def test_a_smaller_bound_is_kept_from_the_start(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1000)
    for text in "abc":
        cache.put(key(text), text.encode() * 100)
    SpeechCache(tmp_path, 150)
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_file_is_a_miss_and_goes(tmp_path: Path, damage: bytes | None) -> None:
    SpeechCache(tmp_path, 1000).put(key("a"), b"1234" * 20)
    file = files(tmp_path)[0]
    file.write_bytes(file.read_bytes()[:-4] if damage is None else damage)
    cache = SpeechCache(tmp_path, 1000)
    assert cache.get(key("a")) is None
    assert files(tmp_path) == []
    cache.put(key("a"), b"1234" * 20)
    assert cache.get(key("a")) == b"1234" * 20


def test_a_file_another_process_removed_is_a_miss(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1000, memory_bytes=0)
    cache.put(key("a"), b"12")
    files(tmp_path)[0].unlink()
    assert cache.get(key("a")) is None
    assert key("a") not in cache


def test_hot_clips_need_no_disk(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1000)
    cache.put(key("a"), b"12")
    files(tmp_path)[0].unlink()
    assert cache.get(key("a")) == b"12"


def test_a_disk_that_cannot_be_written_does_not_stop_speech(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = SpeechCache(tmp_path / "file", 1000)
    cache.put(key("a"), b"12")
    assert cache.get(key("a")) == b"12"


def test_threads_may_share_it(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 20 * 132, memory_bytes=500)
    wrong: list[str] = []

    def work(offset: int) -> None:
        for step in range(60):
            text = str((step + offset) % 30)
            cache.put(key(text), text.encode() * 50)
            if cache.get(key(text)) not in (None, text.encode() * 50):
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(n * 7,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert all(path.suffix == ".pcm" for path in files(tmp_path))
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 20 * 132
