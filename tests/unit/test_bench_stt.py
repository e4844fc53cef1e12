"""`make bench-stt`: what it compares, what it says, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from common.languages import Language
from eval.clips import (
    Clip,
    error_rate,
    noises,
    normalised,
    readings,
    term_recall,
    word_count,
)
from eval.hearing.bench import Heard, Results, report

pytestmark = pytest.mark.unit

KEYS = {
    *("wer_en", "cer_zh", "term_recall", "partial_ms", "final_ms"),
    *("invented_words_per_minute", "rtf", "memory_mb"),
}


def clip(text: str, language: Language = "en", terms: tuple[str, ...] = ()) -> Clip:
    return Clip(text or "noise", text, language, terms, np.zeros(32_000, np.float32))


def heard(clip: Clip, text: str, final_ms: float | None = 100.0) -> tuple[Clip, Heard]:
    return clip, Heard(clip.name, clip.text, text, clip.language, 2.0, 200.0, final_ms, [90.0])


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "Don't drop the two!", "dont drop the 2"),
        ("en", "It is ten thousand.", "it is 10,000"),
        ("zh", "現在，這個部門。", "现在这个部门"),
        ("zh", "错误码一百一十", "错误码１１０"),
        ("zh", "三个房间", "3个房间"),
    ],
)
def test_the_same_words_written_otherwise_are_no_error(
    language: Language, one: str, other: str
) -> None:
    assert normalised(one, language) == normalised(other, language)
    assert error_rate([(one, other)], language) == 0


def test_errors_are_counted_by_word_and_by_character() -> None:
    assert error_rate([("a big dog ran", "a big cat ran")], "en") == 0.25
    assert error_rate([("卡顿率高", "卡顿绿高")], "zh") == 0.25
    assert error_rate([("one two", ""), ("three four", "three four")], "en") == 0.5


def test_a_term_is_recalled_as_it_is_written() -> None:
    asked = clip("丢包率是多少", "zh", ("丢包率", "UDP"))
    assert term_recall([(asked, "丟包率 udp")]) == 1.0
    assert term_recall([(asked, "丢暴律 UDP")]) == 0.5


def test_invented_words_are_counted_in_both_languages() -> None:
    assert word_count("Thank you. 谢谢") == 4
    assert word_count(" ♪ … ") == 0


def test_the_summary_has_the_figures_of_the_last_line() -> None:
    results = Results(
        people=[heard(clip("a big dog"), "a big cat", 80.0), heard(clip("卡顿率", "zh"), "卡顿率")],
        terms=[heard(clip("SDK", "en", ("SDK",)), "the SDK", None)],
        noises=[heard(clip(""), "thank you", None)],
        memory_mb=500.4,
    )
    summary = results.summary()
    assert summary.keys() == KEYS
    assert summary["wer_en"] == pytest.approx(1 / 3, abs=1e-4) and summary["cer_zh"] == 0
    assert summary["term_recall"] == 1
    assert summary["final_ms"] == summary["partial_ms"] == 90
    assert summary["invented_words_per_minute"] == 60
    assert summary["rtf"] == 0.1


def test_the_report_shows_both_side_by_side(tmp_path: Path) -> None:
    mine = Results([heard(clip("a dog"), "a dog")], [], [heard(clip(""), "")], 500)
    theirs = Results([heard(clip("a dog"), "a cat", 900.0)], [], [heard(clip(""), "you")], 400)
    page = report({"liuke": mine, "stock": theirs}, tmp_path)
    assert "<svg" in page.read_text("utf-8")
    written = json.loads((tmp_path / "stt.json").read_text("utf-8"))
    assert written["liuke"].keys() >= KEYS and written["stock"]["final_ms"] == 900
    row = written["clips"][0]
    assert (row["said"], row["liuke"], row["stock"]) == ("a dog", "a dog", "a cat")


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"speech/manifest\.tsv.*DATA=DIR"):
        readings(tmp_path)
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "manifest.tsv").write_text("name\n")
    with pytest.raises(InputError, match=r"noise/manifest\.tsv lacks"):
        noises(tmp_path)


def test_the_public_clips_are_read(recordings: Path) -> None:
    people = readings(recordings)
    assert {c.language for c in people} == {"zh", "en"} and all(c.text for c in people)
    made = {c.name for c in noises(recordings)}
    assert {"melody", "drums", "silence"} <= made and len(made) > 10
