"""Reading: how much of a question entries speak of, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pytest

from common.languages import Language
from knowledge.search.embedding import E5Model, Role, States
from knowledge.search.late_interaction import Reading, Told, write_reading
from knowledge.search.outside import outside_id
from tests.unit.embedding import FOLDER, model

TOLD: Sequence[Told] = (
    ("zh/echo", "zh", "passage", "双方都听到自己的声音时，先让对方戴上耳机，再打开回声消除。"),
    ("zh/echo", "zh", "query", "为什么我能听到自己的回声"),
    ("zh/billing", "zh", "passage", "账单按每千分钟计费，音频和视频分开算。"),
    ("en/echo", "en", "passage", "When both sides hear themselves, have them put on headphones."),
)


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    folder = tmp_path_factory.mktemp("reading")
    write_reading(folder, TOLD, model(), 2, lambda done, total: None)
    return Reading(folder)


class Counting(E5Model):
    """Says what it was given to read."""

    def __init__(self) -> None:
        super().__init__(FOLDER)
        self.texts: list[str] = []

    def states(self, text: str, role: Role) -> States:
        self.texts.append(text)
        return super().states(text, role)


def test_only_what_is_new_is_read(reading: Reading, tmp_path: Path) -> None:
    reader = Counting()
    new: Told = ("zh/echo", "zh", "query", "回声从哪里来")
    told = [*TOLD[:2], new, *TOLD[2:]]
    write_reading(tmp_path, told, reader, 1, lambda done, total: None, before=reading)
    assert reader.texts == ["回声从哪里来"]
    again = Reading(tmp_path)
    assert covered(again, "一千分钟怎么计费", "zh/billing") == pytest.approx(
        covered(reading, "一千分钟怎么计费", "zh/billing")
    )
    assert covered(again, "回声从哪里来", "zh/echo") > covered(reading, "回声从哪里来", "zh/echo")


def covered(reading: Reading, asked: str, *names: str, language: Language = "zh") -> float:
    question = reading.question(model().states(asked, "query"), language)
    return float(reading.nearest(question, names) @ question.weights)


def test_an_entry_speaks_of_what_it_answers(reading: Reading) -> None:
    echo, billing = "通话里有回声怎么办", "一千分钟怎么计费"
    assert covered(reading, echo, "zh/echo") > covered(reading, echo, "zh/billing") + 0.1
    assert covered(reading, billing, "zh/billing") > covered(reading, billing, "zh/echo") + 0.1


def test_a_detail_that_no_entry_tells_is_missed(reading: Reading) -> None:
    whole = covered(reading, "怎么打开回声消除", "zh/echo")
    assert covered(reading, "回声消除的接口方法名叫什么", "zh/echo") < whole - 0.1


def test_several_together_speak_of_as_much_as_each(reading: Reading) -> None:
    asked = "有回声，账单也不对"
    alone = [covered(reading, asked, name) for name in ("zh/echo", "zh/billing")]
    assert covered(reading, asked, "zh/echo", "zh/billing") > max(alone)


def test_a_question_is_read_in_the_other_language(reading: Reading) -> None:
    asked = "how do I switch on echo cancellation"
    echo = covered(reading, asked, "zh/echo", language="en")
    assert echo > covered(reading, asked, "zh/billing", language="en")


def test_questions_outside_are_read_too(reading: Reading) -> None:
    assert (
        covered(reading, "你们公司什么时候上市", *(outside_id("zh", n) for n in range(100))) > 0.2
    )


def test_what_is_in_every_text_hardly_counts(reading: Reading) -> None:
    question = reading.question(model().states("in the jitter", "query"), "en")
    assert question.weights.sum() == pytest.approx(1)
    assert question.weights[:2].max() < question.weights[2:].sum() / 2


@pytest.mark.parametrize("asked", ["", "？", "。。。", "🙂"])
def test_nothing_to_read_is_nothing_covered(reading: Reading, asked: str) -> None:
    assert np.isfinite(covered(reading, asked, "zh/echo"))


def test_an_unknown_entry_speaks_of_nothing(reading: Reading) -> None:
    assert covered(reading, "回声", "zh/unknown") == pytest.approx(-1)


def test_what_is_not_there_or_broken_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Reading(tmp_path)
    for broken, error in ((b"broken", ValueError), (b"PK\x03\x04broken", BadZipFile)):
        (tmp_path / "reading.npz").write_bytes(broken)
        with pytest.raises(error):
            Reading(tmp_path)
