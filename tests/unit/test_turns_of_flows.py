"""Turns: what stands on a customer's screen, and the flows that it is said to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.dialogue.course import Course
from agent.dialogue.customer import Customer
from agent.dialogue.flow import Said
from agent.dialogue.seen import Seen
from agent.dialogue.turns import Turns
from agent.service.database import Database
from agent.service.support import default_support
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC, Retrieval

pytestmark = pytest.mark.unit

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SEEN = Seen(("109",), ("Error 109",), NOW)


async def nothing(_text: str) -> Retrieval:
    return Retrieval((), False, None, {})


async def test_the_code_on_a_screen_is_told_once_and_goes_before_one_that_was_misread() -> None:
    database = Database("sqlite+aiosqlite:////nowhere/at/all.db")  # of a guest nothing is read
    guest = Customer(database, default_support(), {}, account="", contact="", call_id="1")
    turns = Turns(guest, KnowledgeClient("http://127.0.0.1:9", "token", tenant=PUBLIC))
    said = Said("用户进房间报错了", "zh", NOW, seen=SEEN)
    first = await turns.take(said, "trouble", Course(), nothing)
    assert first and first.texts[0] == "我看到您屏幕上是109。"
    then = await turns.take(replace(said, text="很多用户都这样"), "trouble", first.course, nothing)
    assert then and "109" not in " ".join(then.texts)
    misread = replace(said, text="上面写的是错误码一一零")
    corrected = await turns.take(misread, "trouble", first.course, nothing)
    assert corrected and "110" in corrected.texts[0] and "109" in corrected.texts[0]
    await database.aclose()
