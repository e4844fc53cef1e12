"""A playbook is walked one step at a time, and ends solved or with a person."""

from __future__ import annotations

import pytest

from agent.dialogue.flow import Said
from agent.dialogue.playbook import Stage, Walker
from agent.prompts import load_flow
from common.languages import language_of
from tests.unit.entries import CORPUS, find
from tests.unit.regions import NOW

pytestmark = pytest.mark.unit

ZH = load_flow("troubleshooting")["zh"].fixed
EN = load_flow("troubleshooting")["en"].fixed


async def walk(subject: str, *answers: str) -> Stage:
    """What is said after these answers."""
    walker = Walker(find)
    stage = await walker.begin(subject, language_of("".join(answers)) if answers else "zh")
    for answer in answers:
        assert stage.walk
        language = language_of(answer) if answer.strip() else "zh"
        stage = await walker.hear(stage.walk, Said(answer, language, NOW))
    return stage


async def name(subject: str, *answers: str) -> str:
    """The step that is said then, or how it ended."""
    stage = await walk(subject, *answers)
    return stage.walk.step if stage.walk and stage.kind == "step" else stage.kind


async def test_an_answer_leads_to_the_next_step() -> None:
    assert await name("echo-howling") == "room"
    assert await name("echo-howling", "是的") == "mute"
    assert await name("echo-howling", "不是") == "headphones"
    assert await name("echo-howling", "是的", "还是一样") == "headphones"
    assert await name("echo-howling", "yes", "no") == "headphones"
    stage = await walk("echo-howling", "no, only one")
    assert stage.texts == ["Have the other end put on headphones. Is it gone?"]
    assert stage.entry == CORPUS["en/echo-howling"]


async def test_it_works_now_ends_it() -> None:
    assert await name("echo-howling", "是的", "好了，现在正常了") == "solved"
    assert await name("echo-howling", "yes", "great, it works now") == "solved"
    assert await name("echo-howling", "哦，问题已经解决了，谢谢") == "solved"
    assert await name("echo-howling", "oh, it works now") == "solved"  # whatever was asked


async def test_that_something_works_is_a_yes_where_something_else_is_asked() -> None:
    assert await name("echo-howling", "it works with several devices") == "mute"


async def test_who_is_about_to_look_is_waited_for() -> None:
    stage = await walk("echo-howling", "是的", "等一下，我试试")
    assert (stage.kind, stage.texts) == ("wait", [ZH["wait"]])
    assert await name("echo-howling", "是的", "等一下，我试试", "好的", "还是不行") == "headphones"
    assert await name("echo-howling", "yes", "hold on", "it's gone") == "solved"


async def test_who_cannot_tell_is_taken_on() -> None:
    stage = await walk("echo-howling", "我不太清楚")
    assert stage.texts == [ZH["no_matter"], "请对面戴上耳机。回声没了吗？"]
    stage = await walk("echo-howling", "I don't know")
    assert stage.texts[0] == EN["no_matter"]


async def test_who_says_nothing_hears_it_again() -> None:
    stage = await walk("echo-howling", "是的", " ")
    assert stage.texts == [ZH["again"], "请只留一台开着。好了吗？"]


async def test_nothing_helps_and_a_person_is_called() -> None:
    assert await name("echo-howling", "不是", "没有") == "person"


async def test_words_lead_to_another_entry_and_round_in_circles_nobody_goes() -> None:
    stage = await walk("echo-howling", "不是", "他戴的是蓝牙耳机")
    assert stage.walk and (stage.walk.subject, stage.walk.step) == ("bluetooth", "profile")
    assert await name("echo-howling", "不是", "他戴的是蓝牙耳机", "没好") == "person"


async def test_an_entry_without_a_playbook_is_walked_by_what_it_says_to_do() -> None:
    stage = await walk("stall-rate")
    assert stage.texts == ["先记下时段和机型。", ZH["did_it_help"]]
    stage = await walk("stall-rate", "没用")
    assert stage.texts == ["先降码率。", ZH["did_it_help"]]
    assert await name("stall-rate", "没用", "有改善") == "solved"
    assert await name("stall-rate", "no", "no") == "person"


async def test_the_language_may_change_on_the_way() -> None:
    walker = Walker(find)
    stage = await walker.begin("echo-howling", "zh")
    assert stage.walk
    stage = await walker.hear(stage.walk, Said("Yes, several of them", "en", NOW))
    assert stage.texts == ["Keep one. Is it gone?"]


async def test_what_was_tried_is_told() -> None:
    stage = await walk("echo-howling", "是的", "没好", "没有")
    assert stage.kind == "person" and stage.walk
    assert await Walker(find).tried(stage.walk, "zh") == [
        "同一个房间里有几台设备吗？",
        "请只留一台开着。",
        "请对面戴上耳机。",
    ]


async def test_where_there_is_no_entry_there_is_a_person() -> None:
    stage = await Walker(find).begin("nothing", "zh")
    assert (stage.kind, stage.walk) == ("person", None)


async def test_an_entry_that_was_changed_meanwhile_leads_to_a_person() -> None:
    walker = Walker(find)
    stage = await walker.begin("echo-howling", "zh")
    assert stage.walk
    changed = type(stage.walk)("echo-howling", "gone", stage.walk.taken)
    assert (await walker.hear(changed, Said("是的", "zh", NOW))).kind == "person"
