"""Wishes: definite words, what they are mistaken for, and what the classifier makes of the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.dialogue.reading import runs_of, texts_of
from agent.dialogue.wishes import Wish, load_reader, load_words
from eval.wishes.bench import measure
from eval.wishes.utterances import HELD_OUT, TRAINING, load
from knowledge.contract import MOST_EMBEDDED
from tests.unit.embedding import model

pytestmark = pytest.mark.models


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("我要转人工", "person"),
        ("转人工！！", "person"),
        ("麻烦，人工", "person"),
        ("轉人工", "person"),
        ("转人供", "person"),
        ("zhuan ren gong", "person"),
        ("你别说了，我要找人工客服", "person"),
        ("human agent", "person"),
        ("Agent, please.", "person"),
        ("I WANT A HUMAN", "person"),
        ("no no stop, I want a human", "person"),
        ("Our whole service is down, all users cannot join, it is an emergency!", "emergency"),
        ("服务全挂了", "emergency"),
        ("转人工，我们线上全挂了", "emergency"),
        ("我不要机器人", "person"),
        ("你解决不了，转人工", "person"),
    ],
)
def test_definite_words_need_no_vector(text: str, wish: Wish) -> None:
    assert load_words().definite(text) == wish


@pytest.mark.parametrize(
    "text",
    [
        "",
        "！？",
        "人工智能降噪怎么开",
        "数字人",
        "不用转人工",
        "刚才要转人工，现在不用了",
        "人数上限",
        "how do I build a transfer to human agent feature for my users",
        "I don't need a human agent",
        "is there a person detection model",
        "is this an emergency call SDK",
        "if everything is down, what then",
        "everything is down, no wait, it's fixed",
        "the host is down to 3 viewers",
        "不需要人工",
        "我们的坐席怎么转人工",
        "how do I report a total outage",
        "our human agents wear headsets",
        "整个平台都很好用",
        "all our streams are in HD",
    ],
)
def test_what_looks_like_them_is_left_to_the_classifier(text: str) -> None:
    assert load_words().definite(text) is None


def test_a_story_is_read_sentence_by_sentence_and_a_pasted_log_in_part() -> None:
    assert texts_of("转人工") == ["转人工"]
    assert texts_of("卡了一周，算了，叫人") == ["卡了一周，算了，叫人", "卡了一周", "算了", "叫人"]
    assert len(texts_of("line of a log. " * 100)) <= MOST_EMBEDDED
    assert texts_of(" ？ ") == [" ？ "]
    assert texts_of("") == []


def test_what_sounds_alike_or_is_misspelt_has_the_same_runs() -> None:
    kinds = 1 << 30
    assert runs_of("转人工", kinds) == runs_of("专人供", kinds)
    assert set(runs_of("an enginer", kinds)) & set(runs_of("the engineer", kinds))
    assert len(set(runs_of("回声", kinds)) & set(runs_of("计费", kinds))) == 2  # both ends
    assert max(runs_of("get me somebody who knows this", 64)) < 64


def test_of_the_held_out_utterances_few_are_missed_or_invented() -> None:
    """The goals are 2 and 1 %: docs/decisions/033 says what stands between."""
    measured = measure()
    assert measured["wishes"] + measured["others"] > 600
    assert measured["missed"] <= 6.5
    assert measured["false_alarms"] <= 3.5
    assert measured["called_at_once"] >= 88
    assert measured["called_for_nothing"] <= 1.5
    assert measured["confused"] <= 1
    assert measured["words_alone"]["false_alarms"] <= 0.2


def test_no_utterance_is_held_out_and_learnt_from() -> None:
    def bare(path: Path) -> set[str]:
        return {re.sub(r"\W", "", one.text.lower()) for one in load(path)}

    assert not bare(HELD_OUT) & bare(TRAINING)


def test_the_weights_are_for_the_embedding_in_use() -> None:
    assert load_reader().classifier.embedding == model().id
