"""Late interaction: how much of a question entries speak of, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pytest

from common.languages import Language
from knowledge.search.embedding import E5Model, Role, States
from knowledge.search.late_interaction import LateInteraction, Told, write_pieces
from knowledge.search.outside import outside_id
from tests.unit.embedding import FOLDER, model

pytestmark = pytest.mark.models

TOLD: Sequence[Told] = (
    ("zh/echo", "zh", "passage", "双方都听到自己的声音时，先让对方戴上耳机，再打开回声消除。"),
    ("zh/echo", "zh", "query", "为什么我能听到自己的回声"),
    ("zh/billing", "zh", "passage", "账单按每千分钟计费，音频和视频分开算。"),
    ("en/echo", "en", "passage", "When both sides hear themselves, have them put on headphones."),
)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> LateInteraction:
    folder = tmp_path_factory.mktemp("pieces")
    write_pieces(folder, TOLD, model(), 2, lambda done, total: None)
    return LateInteraction(folder)


class Counting(E5Model):
    """Says of what pieces were made."""

    def __init__(self) -> None:
        super().__init__(FOLDER)
        self.texts: list[str] = []

    def states(self, text: str, role: Role) -> States:
        self.texts.append(text)
        return super().states(text, role)


def test_pieces_are_made_only_of_what_is_new(pieces: LateInteraction, tmp_path: Path) -> None:
    encoder = Counting()
    new: Told = ("zh/echo", "zh", "query", "回声从哪里来")
    told = [*TOLD[:2], new, *TOLD[2:]]
    write_pieces(tmp_path, told, encoder, 1, lambda done, total: None, before=pieces)
    assert encoder.texts == ["回声从哪里来"]
    again = LateInteraction(tmp_path)
    assert covered(again, "一千分钟怎么计费", "zh/billing") == pytest.approx(
        covered(pieces, "一千分钟怎么计费", "zh/billing")
    )
    assert covered(again, "回声从哪里来", "zh/echo") > covered(pieces, "回声从哪里来", "zh/echo")


def covered(pieces: LateInteraction, asked: str, *names: str, language: Language = "zh") -> float:
    question = pieces.question(model().states(asked, "query"), language)
    return float(pieces.nearest(question, names) @ question.weights)


def test_an_entry_speaks_of_what_it_answers(pieces: LateInteraction) -> None:
    echo, billing = "通话里有回声怎么办", "一千分钟怎么计费"
    assert covered(pieces, echo, "zh/echo") > covered(pieces, echo, "zh/billing") + 0.1
    assert covered(pieces, billing, "zh/billing") > covered(pieces, billing, "zh/echo") + 0.1


def test_a_detail_that_no_entry_tells_is_missed(pieces: LateInteraction) -> None:
    whole = covered(pieces, "怎么打开回声消除", "zh/echo")
    assert covered(pieces, "回声消除的接口方法名叫什么", "zh/echo") < whole - 0.1


def test_several_together_speak_of_as_much_as_each(pieces: LateInteraction) -> None:
    asked = "有回声，账单也不对"
    alone = [covered(pieces, asked, name) for name in ("zh/echo", "zh/billing")]
    assert covered(pieces, asked, "zh/echo", "zh/billing") > max(alone)


def test_a_question_is_read_in_the_other_language(pieces: LateInteraction) -> None:
    asked = "how do I switch on echo cancellation"
    echo = covered(pieces, asked, "zh/echo", language="en")
    assert echo > covered(pieces, asked, "zh/billing", language="en")


def test_questions_outside_are_read_too(pieces: LateInteraction) -> None:
    assert covered(pieces, "你们公司什么时候上市", *(outside_id("zh", n) for n in range(100))) > 0.2


def test_what_is_in_every_text_hardly_counts(pieces: LateInteraction) -> None:
    question = pieces.question(model().states("in the jitter", "query"), "en")
    assert question.weights.sum() == pytest.approx(1)
    assert question.weights[:2].max() < question.weights[2:].sum() / 2


@pytest.mark.parametrize("asked", ["", "？", "。。。", "🙂"])
def test_nothing_to_read_is_nothing_covered(pieces: LateInteraction, asked: str) -> None:
    assert np.isfinite(covered(pieces, asked, "zh/echo"))


def test_an_unknown_entry_speaks_of_nothing(pieces: LateInteraction) -> None:
    assert covered(pieces, "回声", "zh/unknown") == pytest.approx(-1)


def test_what_is_not_there_or_broken_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        LateInteraction(tmp_path)
    for broken, error in ((b"broken", ValueError), (b"PK\x03\x04broken", BadZipFile)):
        (tmp_path / "pieces.npz").write_bytes(broken)
        with pytest.raises(error):
            LateInteraction(tmp_path)
