"""Routing: words that leave no doubt, the flow that is under way, and what the network makes of
the rest."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from agent.dialogue import reading
from agent.dialogue.flow import FlowName
from agent.dialogue.reading import even
from agent.dialogue.routing import (
    SUBJECTS,
    Route,
    Routed,
    Router,
    load_reader,
    load_words,
    read_of,
)
from agent.dialogue.wishes import Wish
from common.errors import SetupError
from eval.routing.bench import Case, judge, measure
from eval.routing.utterances import HELD_OUT, TRAINING, load
from knowledge.client import KnowledgeClient
from knowledge.contract import MOST_EMBEDDED, PUBLIC
from tests.unit.embedding import model

pytestmark = pytest.mark.models


def routed(text: str, under_way: FlowName | None = None) -> Route:
    [judged] = judge([Case(text, "en", "none", under_way)], load_reader(), model())
    return judged.routed.route


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("what is our stall rate in Indonesia today?", "figures"),
        ("我们昨天的接通率是多少", "figures"),
        ("我们印尼用户这两天卡顿特别严重，是不是你们的问题？", "trouble"),
        ("users in Brazil can't join since Tuesday", "trouble"),
        ("we are building a dating app, how do we start with you", "onboarding"),
        ("我们想做语聊房，下个月上线", "onboarding"),
        ("How do I turn on cloud recording?", "question"),
        ("token最长可以设多久", "question"),
        ("you are too expensive, we are thinking of switching", "leaving"),
        ("合同到期我们不想续约了", "leaving"),
        ("Hello!", "small_talk"),
        ("你是谁？", "small_talk"),
        ("Can the SDK run on my washing machine?", "none"),
        ("给我写一首诗", "none"),
        ("Our whole service is down, all users cannot join!", "emergency"),
        ("转人工", "person"),
    ],
)
def test_a_turn_goes_where_it_should(text: str, route: Route) -> None:
    assert routed(text) == route


@pytest.mark.parametrize(
    ("text", "under_way", "route"),
    [
        ("mostly students in Jakarta, about 5,000 at a time", "onboarding", "onboarding"),
        ("iOS and Android", "onboarding", "onboarding"),
        ("what do you mean?", "onboarding", "onboarding"),
        ("no, that did not help", "trouble", "trouble"),
        ("没有，还是不行", "trouble", "trouble"),
        ("便宜三成左右", "leaving", "leaving"),
        ("wait, what does simulcast cost?", "onboarding", "question"),
        ("先等一下，我们线上用户从昨天开始老掉线", "onboarding", "trouble"),
        ("I want a human", "trouble", "person"),
    ],
)
def test_a_reply_belongs_to_the_flow_and_what_interrupts_it_does_not(
    text: str, under_way: FlowName, route: Route
) -> None:
    assert routed(text, under_way) == route


async def test_while_the_knowledge_server_is_away_words_decide_or_the_flow() -> None:
    knowledge = KnowledgeClient("http://127.0.0.1:8959", "token", tenant=PUBLIC)
    router = Router(knowledge)
    assert await router.route("转人工", "onboarding") == Routed("person", is_sure=True)
    assert await router.route("Thank you!", "onboarding") == Routed("small_talk", is_sure=True)
    assert await router.route("我们不打算续约了", None) == Routed("leaving", is_sure=True)
    said = "the thing is that somebody of yours ought to call me"
    assert await router.route(said, None) == Routed("question", is_sure=False)
    assert await router.route("about five thousand", "onboarding") == Routed("onboarding", False)
    assert await router.route("about five thousand", None) == Routed("question", is_sure=False)
    assert await router.route(" ", "trouble") == Routed("trouble", is_sure=False)
    assert await router.route("", None) == Routed("none", is_sure=False)
    await knowledge.aclose()


@pytest.mark.parametrize(
    "text", ["怎么取消续约", "what if we won't renew", "hello world does not compile", "喂狗"]
)
def test_what_looks_like_definite_words_is_left_to_the_network(text: str) -> None:
    assert load_words().definite(text) is None


def test_a_text_is_read_alike_typed_and_heard_and_in_one_request() -> None:
    assert even("Where do we begin? We're new.") == even("where do we begin, we're new")
    assert even("升级以后，回声好大") == even("升级以后,回声好大。")
    assert len(read_of("line of a log. " * 100)) <= MOST_EMBEDDED
    assert read_of("？") == ["？", "？"]
    assert read_of(" ") == []


def test_a_list_for_no_route_is_refused(tmp_path: Path) -> None:
    words = tmp_path / "routing.toml"
    words.write_text('[definite]\nleavign = ["bye"]\nunless = []\n[alone]\n[signs]\n', "utf-8")
    with pytest.raises(SetupError, match="leavign"):
        reading.load_words(words, SUBJECTS)


@cache
def measured() -> dict[str, dict[str, float]]:
    return measure()


@pytest.mark.parametrize(("source", "least"), [("typed", 0.945), ("heard", 0.92)])
def test_most_of_the_held_out_utterances_go_where_they_should(source: str, least: float) -> None:
    """The goals are 0.95 and 0.92; a few may go astray on another processor."""
    assert measured()[source]["macro_f1"] >= least


def test_what_is_sure_is_right() -> None:
    assert measured()["typed"]["sure_right"] >= 0.97


def test_every_route_and_language_is_held_out_often_enough_to_count() -> None:
    utterances = load(HELD_OUT)
    assert len(utterances) >= 1000
    for route in (*get_args(Wish), *SUBJECTS):
        assert sum(one.route == route for one in utterances) >= 80
    assert sum(one.language == "zh" for one in utterances) * 2 == len(utterances)
    assert sum(one.under_way is not None for one in utterances) >= 200


def test_no_utterance_is_held_out_and_learnt_from() -> None:
    def bare(path: Path) -> set[str]:
        return {re.sub(r"\W", "", one.text.lower()) for one in load(path)}

    assert not bare(HELD_OUT) & bare(TRAINING)


def test_the_weights_are_for_the_embedding_in_use() -> None:
    assert load_reader().classifier.embedding == model().id
