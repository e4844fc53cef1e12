"""An address, a number or a code is spelt, read back, corrected and confirmed before it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.dialogue.contract import KeepAddress, KeepReach, Want
from agent.dialogue.flow import Said, Step
from agent.dialogue.flows.details import Detail, Details
from agent.dialogue.spelt import identifier
from agent.prompts import load_flow
from agent.service.outbox.mail import Mailbox
from agent.service.support import default_support
from common.languages import Language, language_of

pytestmark = pytest.mark.unit

SUPPORT = replace(
    default_support(), never_mailed=frozenset({"@no-mail.example", "li@acme.example"})
)
PHRASES = load_flow("details")


def said(text: str) -> Said:
    return Said(text, language_of(text), datetime(2026, 12, 1, tzinfo=UTC))


@pytest.fixture
def details() -> Details:
    return Details(SUPPORT.may_mail)


def talk(details: Details, first: Detail, *texts: str) -> list[Step[Detail]]:
    """Every step of a conversation about one detail."""
    steps, state = list[Step[Detail]](), first
    for text in texts:
        assert details.is_answer(state, said(text), is_question=False)
        steps.append(details.step(state, said(text)))
        state = steps[-1].state or first
    return steps


def wants(steps: Sequence[Step[Detail]]) -> list[Want]:
    return [want for step in steps for want in step.wants]


@pytest.mark.parametrize(
    ("language", "texts", "address"),
    [
        (
            "en",
            ["Yes please.", "d dot chen at example dot com", "no, B as in Berlin", "yes"],
            "b.chen@example.com",
        ),
        ("en", ["Sure, send it to a dot chen at example dot com", "right"], "a.chen@example.com"),
        (
            "zh",
            ["好的，发吧", "a 点 chen 艾特 example 点 com", "不对，第一个字母是 d", "对"],
            "d.chen@example.com",
        ),
    ],
)
def test_the_summary_is_mailed_to_what_was_confirmed(
    details: Details, language: Language, texts: list[str], address: str
) -> None:
    steps = talk(details, details.ask("mail", language).state, *texts)
    assert wants(steps[:-1]) == []
    assert wants(steps) == [KeepAddress(address)]
    assert steps[-1].texts == [PHRASES[language].fixed["mail_kept"]]


@pytest.mark.parametrize(
    ("language", "texts", "told"),
    [
        ("zh", ["幺三八，零零幺三，八零零零", "不对，后四位是八零零二", "对的"], "13800138002"),
        ("en", ["a.chen at example.com", "yes"], "a.chen@example.com"),
        ("en", ["call me on 021 6655 4433", "hm"], ""),
        ("en", ["call me on 021 6655 4433", "jo at qq dot com", "correct"], "jo@qq.com"),
    ],
)
def test_a_number_or_an_address_is_taken(
    details: Details, language: Language, texts: list[str], told: str
) -> None:
    steps = talk(details, details.ask("reach", language).state, *texts)
    assert wants(steps) == ([KeepReach(told)] if told else [])


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "不用了"),
        ("zh", "这个我不方便说。"),
        ("zh", "我不知道，先往下说吧。"),
        ("en", "no thanks"),
        ("en", "No."),
        ("en", "I don't know, please go on."),
    ],
)
def test_who_declines_is_left_alone(details: Details, language: Language, text: str) -> None:
    for purpose in ("mail", "reach"):
        (step,) = talk(details, details.ask(purpose, language).state, text)
        assert step.state is None and not step.wants
        assert step.texts == [PHRASES[language].fixed[f"{purpose}_declined"]]


@pytest.mark.parametrize("address", ["jo at no-mail.example", "li at acme dot example", "a@b.1"])
def test_an_address_that_no_mail_goes_to_is_refused_in_words(
    details: Details, address: str
) -> None:
    asked = details.ask("mail", "en").state
    steps = talk(details, asked, address, "yes", "jo at acme dot example", "yes")
    assert "cannot mail" in steps[0].texts[0] and "cannot mail" in steps[1].texts[0]
    assert wants(steps) == [KeepAddress("jo@acme.example")]
    assert talk(details, asked, address, "yes", "yes")[-1].state is None


def test_a_question_is_no_answer_and_the_customer_is_brought_back(details: Details) -> None:
    asked = details.ask("reach", "en").state
    for text in ("What do you need it for?", "We have 12000 users, is that a problem?"):
        assert not details.is_answer(asked, said(text), is_question=True)
    read = talk(details, asked, "jo at qq dot com")[-1].state
    assert read
    back = details.resume(read, "zh")
    assert back.state and "艾特" in back.texts[-1]
    assert wants([details.step(back.state, said("对"))]) == [KeepReach("jo@qq.com")]


def test_the_language_may_change_on_the_way(details: Details) -> None:
    steps = talk(
        details, details.ask("mail", "en").state, "yes please", "我的邮箱是 jo 艾特 qq 点 com", "对"
    )
    assert "我念一遍" in steps[1].texts[0]
    assert wants(steps) == [KeepAddress("jo@qq.com")]


def test_an_address_that_is_spelt_in_latin_letters_changes_no_language(details: Details) -> None:
    (step,) = talk(details, details.ask("mail", "zh").state, "jo@qq.com")
    assert step.texts[0].startswith("我念一遍")


@pytest.mark.parametrize("text", ["yes", "no", "no thanks", "a dot chen at example dot com"])
def test_what_answers_is_no_wish_for_a_person(details: Details, text: str) -> None:
    asked = details.ask("mail", "en").state
    assert details.is_plain_answer(asked, said(text), "person", is_sure=False)


def test_a_number_to_call_is_no_wish_and_an_emergency_is(details: Details) -> None:
    asked = details.ask("reach", "zh").state
    called = said("打我手机，幺三八零零幺三八零零零。")
    assert details.is_plain_answer(asked, called, "person", is_sure=True)
    for text in ("算了，转人工", "全挂了，打我手机一三八零零一三八零零零"):
        assert not details.is_plain_answer(asked, said(text), "emergency", is_sure=True)


def test_a_correction_may_sound_like_anything(details: Details) -> None:
    read = talk(details, details.ask("mail", "zh").state, "b 点 heng 艾特 example 点 com")[-1].state
    assert read
    for text, right in (
        ("不对，第一个字母是 d，David 的 d。", "David的D，点"),
        ("不对，房间里没声音", "没听完整"),
    ):
        assert details.is_answer(read, said(text), is_question=True)
        assert right in details.step(read, said(text)).texts[0]


def test_what_was_said_with_a_code_goes_on_with_the_one_that_was_confirmed(
    details: Details,
) -> None:
    for text, code, right in (
        ("the console says error 108.", "108", "the console says error 109."),
        ("报错幺零八", "108", "报错幺零八（109）"),
    ):
        asked = details.read_back(code, said(text)).state
        assert asked and asked.spelling
        assert details.with_code(asked, "109") == right
        assert details.with_code(asked, "") == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("the app id is a3f9c2 and it fails", "a3f9c2"),
        ("App ID a three f nine c two I think", "a3f9c2"),
        ("房间号是幺零八六，进不去", "1086"),
        ("频道 room-1203 里没声音", "room-1203"),
        ("room id is seven double oh two", "7002"),
        ("it says error one ten", "110"),
        ("报错幺幺零三", "1103"),
        ("an error for 500 users", ""),
        ("we saw an error, 1200 users are gone", ""),
        ("in channel lobby nobody hears", ""),
        ("the room number is 12 and", ""),
    ],
)
def test_a_code_is_told_behind_a_word_for_one(text: str, code: str) -> None:
    assert identifier(text) == code


def test_nothing_is_offered_that_would_not_be_sent() -> None:
    mailbox = Mailbox("mail", "127.0.0.1", 25, "none", "liuke@example.com", "ops@example.com")
    mails = replace(SUPPORT, summaries_by="mail", destinations={"mail": mailbox})
    assert mails.mails_summaries
    assert not replace(mails, destinations={}).mails_summaries  # its password is not set
    assert not SUPPORT.mails_summaries


def test_no_log_tells_what_was_confirmed() -> None:
    assert "jo@qq.com" not in f"{KeepAddress('jo@qq.com')} {KeepReach('jo@qq.com')}"
