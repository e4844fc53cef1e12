"""What is searched for: a question as it is, and of a long story what it comes to."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, Request

from agent.dialogue.lookup import Lookup, the_point
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC
from tests.unit.serving import serve

pytestmark = pytest.mark.unit

STORY = (
    "We began in my kitchen, my sister and I. We had forty families, and then a foundation helped. "
    * 5
)


def test_a_question_is_searched_for_as_it_is() -> None:
    assert the_point("我们的通话里有回声怎么办？") == "我们的通话里有回声怎么办？"


def test_of_a_long_story_what_is_asked_is_searched_for() -> None:
    asked = "On the loudspeaker the family hears an echo. What should we do about that?"
    assert the_point(f"{STORY}{asked}") == asked
    assert the_point(f"{asked} {STORY}").endswith("What should we do about that?")


def test_of_a_story_that_asks_nothing_its_end_is() -> None:
    told = "It is all in the contract. On bluetooth the sound is dull."
    assert the_point(f"{STORY}{told}") == told


async def test_what_stands_beside_a_question_does_not_hide_its_answer() -> None:
    app, searched = FastAPI(), list[str]()

    @app.post("/search")
    async def search(request: Request) -> dict[str, Any]:
        searched.append((await request.json())["query"])
        supported = searched[-1] == "单通先查哪里？"
        return {
            "passages": [],
            "supported": supported,
            "opening": None,
            "best": None,
            "timings_ms": {},
        }

    async with serve(app) as url:
        knowledge = KnowledgeClient(url, "token", tenant=PUBLIC)
        found = await Lookup(knowledge).find("抱歉，走开了一下。单通先查哪里？", "zh", [])
        await Lookup(knowledge).find("单通先查哪里？", "zh", [])
        await knowledge.aclose()
    assert found.supported
    assert searched == ["抱歉，走开了一下。单通先查哪里？", "单通先查哪里？", "单通先查哪里？"]
