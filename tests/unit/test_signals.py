"""What shows that a customer may leave, and the sentence that is kept of it."""

from __future__ import annotations

import pytest

from agent.dialogue.signals import load_signals
from agent.service.retention.policy import Signal

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("said", "signal", "sentence"),
    [
        ("你们太贵了，预算只有一半。", "price", "你们太贵了，预算只有一半。"),
        ("音质不错。但是另一家报价便宜三成。", "competitor", "但是另一家报价便宜三成。"),
        ("這個月第三次了，你們到底行不行", "repeated_incidents", "這個月第三次了，你們到底行不行"),
        ("原来的负责人离职了，我刚接手", "champion_left", "原来的负责人离职了，我刚接手"),
        ("其实我们没怎么用", "low_usage", "其实我们没怎么用"),
        ("我真的受够了！", "anger", "我真的受够了！"),
        ("Hi there. You are too expensive for us.", "price", "You are too expensive for us."),
        ("We're moving to another provider", "competitor", "We're moving to another provider"),
        ("It is down again, third time this month", "repeated_incidents", None),
        ("Our CTO left the company last week", "champion_left", None),
        ("原来对接你们的同事走了，现在换我。", "champion_left", None),
        ("老板已经在跟另一家谈了", "competitor", None),
        ("The renewal has to be half of what we pay now.", "price", None),
        ("we hardly use it these days", "low_usage", None),
        ("I want to cancel the contract", "anger", None),
    ],
)
def test_the_sentence_that_shows_it_is_kept(
    said: str, signal: Signal, sentence: str | None
) -> None:
    heard = load_signals().heard(said)
    assert heard and heard.signal == signal
    assert heard.sentence == (sentence or said)


@pytest.mark.parametrize(
    "said",
    [
        "我们的客户说太贵了，怎么挽留",
        "What do I do when our users say it is too expensive?",
        "怎么降低卡顿率",
        "We would like to renew for two years",
        "token 过期了怎么办",
        "我又来了，还是昨天那个问题",
    ],
)
def test_what_others_say_or_asks_for_advice_shows_nothing(said: str) -> None:
    assert load_signals().heard(said) is None
