"""The language of a sentence, terms of the other language inside it or not."""

import pytest

from common.languages import join_utterances, language_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("卡顿率高怎么办", "zh"),
        ("请打开 SDK 的 AEC 开关", "zh"),
        ("UDP 端口 4000 要开吗", "zh"),
        ("How do I fix echo?", "en"),
        ("What does 卡顿率 mean in your reports?", "en"),
        ("token expired 怎么处理", "zh"),
        ("", "en"),
    ],
)
def test_language_of(text: str, language: str) -> None:
    assert language_of(text) == language


def test_parts_of_a_mandarin_utterance_are_joined_without_spaces() -> None:
    assert join_utterances("我想问一下， 就是回声") == "我想问一下，就是回声"
    assert join_utterances("打开 SDK 的开关") == "打开 SDK 的开关"
    assert join_utterances("there is an echo. What now?") == "there is an echo. What now?"
