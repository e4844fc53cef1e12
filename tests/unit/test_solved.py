"""Only who says that it works has confirmed it."""

from __future__ import annotations

import pytest

from agent.dialogue.solved import is_solved

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "said",
    [
        "好的，已经解决了，谢谢！",
        "搞定了",
        "现在恢复了",
        "Great, that fixed it. Thank you!",
        "It works now.",
        "Oh, that did it effect.",  # that did it, it's fixed
        "Okay, it’s sorted.",
    ],
)
def test_who_says_that_it_works_has_confirmed_it(said: str) -> None:
    assert is_solved(said)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "谢谢，再见",
        "还没解决了呢",
        "这个问题解决了吗？",
        "还是不行",
        "Thank you, bye.",
        "It's not fixed.",
        "It is still not resolved",
        "How do I know when it is fixed?",
        "That didn't solve it.",
    ],
)
def test_anybody_else_has_not(said: str) -> None:
    assert not is_solved(said)
