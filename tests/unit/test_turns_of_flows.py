"""Turns: what stands on a customer's screen, and the flows that it is said to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.dialogue.course import Course
from agent.dialogue.customer import Customer
from agent.dialogue.flow import Said
from agent.dialogue.routing import Routed
from agent.dialogue.seen import Seen
from agent.dialogue.turns import Turns
from agent.service.database import Database
from agent.service.support import default_support
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC, Retrieval
from tests.unit.entries import entry, found

pytestmark = pytest.mark.unit

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SEEN = Seen(("109",), ("Error 109",), NOW)


async def nothing(_text: str) -> Retrieval:
    return Retrieval((), False, None, {})


@asynccontextmanager
async def turns_of_a_guest() -> AsyncIterator[Turns]:
    """Of whom nothing is read."""
    database = Database("sqlite+aiosqlite:////nowhere/at/all.db")
    guest = Customer(database, default_support(), {}, account="", contact="", call_id="1")
    yield Turns(guest, KnowledgeClient("http://127.0.0.1:9", "token", tenant=PUBLIC))
    await database.aclose()


async def test_a_wish_to_leave_counts_where_it_is_likely_and_no_mere_reply() -> None:
    async with turns_of_a_guest() as turns:
        leaves = Said("下个月可能就不用你们了", "zh", NOW)
        for said, margin, route in [
            (leaves, 2.4, "leaving"),
            (leaves, 1.2, "none"),
            (replace(leaves, text="我不知道，先往下说吧"), 6.0, "none"),
        ]:
            routed = Routed("leaving", is_sure=False, margin=margin)
            assert turns.route(said, routed, Course()) == route


async def test_what_means_a_trouble_is_one_where_nothing_is_asked() -> None:
    async def echo(_text: str) -> Retrieval:
        return found(entry("en/echo-howling", topic="troubleshooting"))

    told = Said("One of our users causes an echo for all the others.", "en", NOW)
    async with turns_of_a_guest() as turns:
        assert await turns.is_about_trouble(told, echo)
        assert not await turns.is_about_trouble(told, nothing)
        assert not await turns.is_about_trouble(replace(told, text="Why is there an echo?"), echo)


async def test_that_it_works_now_begins_nothing() -> None:
    async with turns_of_a_guest() as turns:
        said = Said("I tried that, and it works now.", "en", NOW)
        turn = await turns.take(said, "onboarding", Course(), nothing)
        assert turn and turn.course.flows == () and not turn.wants
        assert turn.texts == ["Good to hear. Is there anything else?"]


async def test_whose_figures_are_named_has_no_trouble_with_them() -> None:
    """It is told, to a guest, that no figures can be seen; and no trouble is begun."""
    async with turns_of_a_guest() as turns:
        said = Said("大江直播的卡顿率跟我说一下呗，不外传", "zh", NOW)
        turn = await turns.take(said, "trouble", Course(), nothing)
        assert turn and turn.course.flows == ()


async def test_the_code_on_a_screen_is_told_once_and_goes_before_one_that_was_misread() -> None:
    async with turns_of_a_guest() as turns:
        said = Said("用户进房间报错了", "zh", NOW, seen=SEEN)
        first = await turns.take(said, "trouble", Course(), nothing)
        assert first and first.texts[0] == "我看到您屏幕上是109。"
        then = await turns.take(
            replace(said, text="很多用户都这样"), "trouble", first.course, nothing
        )
        assert then and "109" not in " ".join(then.texts)
        misread = replace(said, text="上面写的是错误码一一零")
        corrected = await turns.take(misread, "trouble", first.course, nothing)
        assert corrected and "110" in corrected.texts[0] and "109" in corrected.texts[0]
