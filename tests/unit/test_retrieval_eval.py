"""The measure of retrieval itself: figures from rankings, and a small set from end to end."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from common.errors import LiukeError
from eval.retrieval.bench import measure, words
from eval.retrieval.scores import Ranked, score
from eval.retrieval.sets import Query, Workshop, folder_set
from knowledge.search.calibration import Calibration
from tests.unit.embedding import FOLDER

pytestmark = pytest.mark.models


def ranked(found: str, relevant: str) -> Ranked:
    return Ranked(list(found), frozenset(relevant))


def test_figures_of_rankings() -> None:
    answers = [("abc", "a"), ("abc", "c"), ("abcdefg", "g"), ("a", "z")]
    figures = score([ranked(found, relevant) for found, relevant in answers])
    assert (figures.recall_at_1, figures.recall_at_3, figures.recall_at_5) == (0.25, 0.5, 0.5)
    assert figures.mrr == pytest.approx((1 + 1 / 3 + 1 / 7) / 4)
    expected = (1 + 1 / math.log2(4) + 1 / math.log2(8)) / 4
    assert figures.ndcg_at_10 == pytest.approx(expected)


def test_all_that_answer_count_for_the_gain() -> None:
    both = ranked("xab", "ab")
    assert both.rank == 2
    best = 1 + 1 / math.log2(3)
    assert both.ndcg == pytest.approx((1 / math.log2(3) + 1 / math.log2(4)) / best)
    assert ranked("ab", "ab").ndcg == pytest.approx(1.0)


PAGES = {
    "bees": "蜜蜂用摇摆舞告诉同伴花在哪里，飞得越远，摇得越久。",
    "bridges": "赵州桥建于隋朝，是石拱桥，桥长约五十米。",
    "tea": "绿茶不发酵，红茶全发酵，乌龙茶半发酵。",
}


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    nothing = tmp_path / "vectors.db"
    return Workshop(tmp_path / "sets", tmp_path, nothing, FOLDER, 1, lambda done, total: None)


def write_set(folder: Path, right: str) -> None:
    rows = [{"id": key, "title": key, "text": text} for key, text in PAGES.items()]
    queries = [{"q": "红茶和绿茶发酵有什么不同", "pos": [right]}]
    for name, lines in (("corpus", rows), ("queries", queries)):
        text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
        (folder / f"{name}.jsonl").write_text(text, "utf-8")


def test_a_folder_is_measured_as_an_operator_would_take_it_in(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_set(tmp_path, "tea")
    found = folder_set(workshop, "data", tmp_path)
    measured = measure(found, workshop.embedder, Calibration.load())
    assert {ranker: figures.recall_at_1 for ranker, _, figures in measured.rankings()} == {
        "ours": 1.0,
        "dense": 1.0,
        "bm25": 1.0,
        "rrf": 1.0,
    }
    assert words(found)(Query("石拱桥", "zh", frozenset()))[0] not in found.queries[0].relevant
    write_set(tmp_path, "bees")
    again = measure(folder_set(workshop, "data", tmp_path), workshop.embedder, Calibration.load())
    assert {figures.recall_at_1 for _, _, figures in again.rankings()} == {0.0}


def test_a_folder_that_cannot_be_used_is_named(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(LiukeError, match=r"corpus\.jsonl"):
        folder_set(workshop, "data", tmp_path)
