"""What is spelt is read back, corrected and confirmed, in that order, before it counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from agent.dialogue import spelling
from agent.dialogue.flow import Said, Step
from agent.dialogue.spelling import Spelling
from agent.dialogue.spelt import SpeltKind, corrected, heard, read_aloud
from common.languages import Language, language_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("mail", "a for apple, m as in Mike, double n, at, gmail dot com", "amnn@gmail.com"),
        ("mail", "lin 点 yue 艾特 qq 点 com", "lin.yue@qq.com"),
        ("mail", "My email is lin dot yue at gmail dot com.", "lin.yue@gmail.com"),
        ("mail", "zhang underscore san at one six three dot com", "zhang_san@163.com"),
        ("mail", "我的邮箱是 zhang 下划线 san 圈a 一六三点 com", "zhang_san@163.com"),
        ("mail", "n for nancy, not sure, at nothing", ""),
        ("mail", "what do you need it for", ""),
        ("phone", "零二幺 八八六六 三三四四", "02188663344"),
        ("phone", "我的电话是一三八零零一三八零零零", "13800138000"),
        ("phone", "138 0013 8000", "13800138000"),
        ("phone", "plus four four two oh seven nine four six", "+44207946"),
        ("phone", "triple eight, double zero, seven", "888007"),
        ("phone", "I do not have one", ""),
        ("name", "张 弓长张，悦，喜悦的悦", "张悦"),
        ("name", "章，弓长张", "张"),
        ("name", "我叫林悦", "林悦"),
        ("name", "姓陈，耳东陈，名字是静，安静的静", "陈静"),
        ("name", "L I N, Y U E", "Lin Yue"),
        ("name", "my name is Emma Clarke", "Emma Clarke"),
        ("code", "A B seven dash nine nine X", "ab7-99x"),
        ("code", "app id is a3f9c2", "a3f9c2"),
        ("code", "n as in Nancy, seven seven, triple zero", "n77000"),
        ("code", "M是Mike的M，两个七", "m77"),
        ("code", "bravo hotel four", "bh4"),
        ("code", "订单号是 八八零 一二三", "880123"),
        ("code", "no, wait", ""),
    ],
)
def test_what_is_spelt_is_understood(kind: SpeltKind, text: str, value: str) -> None:
    assert heard(text, kind) == value


@pytest.mark.parametrize(
    ("kind", "value", "text", "new"),
    [
        ("mail", "linyue@gmail.com", "no, the third letter is M as in Mike", "limyue@gmail.com"),
        ("mail", "linyue@hotmail.com", "gmail, not hotmail", "linyue@gmail.com"),
        ("phone", "02188663344", "后四位是 8 8 3 2", "02188668832"),
        ("phone", "13800138000", "the last four are 8 0 0 1", "13800138001"),
        ("phone", "13800138000", "不对，前三位是幺三九", "13900138000"),
        ("phone", "13800138000", "最后一位是五", "13800138005"),
        ("code", "an7", "M not N", "am7"),
        ("code", "an7", "not N, M", "am7"),
        ("code", "an7", "是M不是N", "am7"),
        ("code", "an7", "第二个字母是 m", "am7"),
        ("code", "an7", "no, b n seven", "bn7"),
        ("name", "张悦", "不是弓长张，是立早章", "章悦"),
        ("name", "张悦", "悦是月亮的月", "张月"),
        ("name", "张悦", "等一下", ""),
        ("code", "an7", "the ninth letter is B", ""),
    ],
)
def test_a_part_is_corrected(kind: SpeltKind, value: str, text: str, new: str) -> None:
    assert corrected(value, text, kind) == new


@pytest.mark.parametrize(
    ("kind", "value", "language", "spoken"),
    [
        ("phone", "13800138000", "zh", "幺三八，零零幺三，八零零零"),
        (
            "phone",
            "13800138000",
            "en",
            "one three eight, zero zero one three, eight zero zero zero",
        ),
        ("mail", "jo@qq.com", "en", "J, O, at, Q, Q, dot, com"),
        ("mail", "an@163.com", "zh", "A，Nancy的N，艾特，一六三，点，com"),
        ("code", "b7-9", "en", "B as in Boy, seven, dash, nine"),
        ("name", "张悦", "zh", "弓长张，喜悦的悦"),
        ("name", "Lin Yue", "en", "L, I, N as in Nancy, Y, U, E"),
    ],
)
def test_it_is_read_back_so_that_an_ear_can_tell(
    kind: SpeltKind, value: str, language: Language, spoken: str
) -> None:
    assert read_aloud(value, kind, language) == spoken


def talk(first: Step[Spelling], texts: Iterable[str]) -> list[Step[Spelling]]:
    """Every step of a conversation about one thing."""
    steps = [first]
    for text in texts:
        state = steps[-1].state
        assert state is not None
        said = Said(text, language_of(text), datetime(2026, 12, 1, tzinfo=UTC))
        steps.append(spelling.step(state, said))
    return steps


def test_spelt_read_back_corrected_confirmed() -> None:
    steps = talk(
        spelling.begin("phone", "zh"),
        ["幺三八零零幺三八零零零", "不对，后四位是八零零二", "对的"],
    )
    values = [step.state.value for step in steps if step.state]
    assert values == ["", "13800138000", "13800138002", "13800138002"]
    assert [bool(step.state and step.state.is_confirmed) for step in steps] == [
        False,
        False,
        False,
        True,
    ]
    assert "八零零二" in steps[2].texts[0]


@pytest.mark.parametrize("aside", ["wait a moment", "what was that?", "no, wait"])
def test_an_aside_confirms_and_changes_nothing(aside: str) -> None:
    asked = spelling.begin("code", "en")
    last = talk(asked, ["a n seven", aside])[-1].state
    assert last and last.value == "an7"
    assert not last.is_confirmed


def test_a_no_alone_asks_what_is_wrong() -> None:
    steps = talk(
        spelling.begin("mail", "en"), ["j o at q q dot com", "no", "the first letter is G"]
    )
    assert steps[-1].state and steps[-1].state.value == "go@qq.com"
    assert not steps[-1].state.is_confirmed


def test_what_cannot_be_understood_is_left_in_the_end() -> None:
    steps = talk(spelling.begin("mail", "en"), ["hm", "what", "I have none"])
    assert steps[-1].state is None
    assert "type" in steps[-1].texts[0]


def test_what_is_spelt_unasked_is_read_back_too() -> None:
    said = Said("write to jo at qq dot com", "en", datetime(2026, 12, 1, tzinfo=UTC))
    assert spelling.take_up("phone", said) is None
    said = Said("you can reach me on 021 6655 4433", "en", said.at)
    step = spelling.take_up("phone", said)
    assert step and step.state and step.state.value == "02166554433"
    assert not step.state.is_confirmed
