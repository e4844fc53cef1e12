"""Answering: approved text first, the model after it, nothing that no source has.

Retrieval and the model are scripted behind real HTTP servers; the real ones answer in
`tests/e2e/test_commands.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from agent.dialogue.contract import Answer, CallPerson, PersonCalled
from agent.dialogue.customer import Customer
from agent.dialogue.dialogue import Dialogue
from agent.dialogue.prompting import PromptWriter
from agent.dialogue.read_ahead import ReadAhead
from agent.models.client import LanguageModel, Message
from agent.models.endpoint import LanguageModelEndpoint
from agent.prompts import load_escalation, load_phrases
from agent.service.database import Database
from agent.service.support import default_support
from common.errors import ServiceError
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC, Retrieval
from tests.unit.regions import NOW, break_out
from tests.unit.serving import serve

pytestmark = pytest.mark.unit

PEOPLE = load_escalation()
PASSAGE = {
    "entry_id": "zh/echo",
    "title": "回声",
    "language": "zh",
    "section": "怎么做",
    "text": "先戴耳机，再打开 AEC，等 600 毫秒。",
    "version": 2,
    "score": 0.98,
}
OPENING = {"entry_id": "zh/echo", "text": "有回声先戴上耳机试试。"}


class Knowledge:
    """A knowledge server that finds what the test says."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {
            "passages": [PASSAGE],
            "supported": True,
            "opening": OPENING,
            "timings_ms": {},
        }
        self.topic = "troubleshooting"
        self.approved = OPENING["text"]
        self.steps = ["先戴耳机。", "打开 AEC。"]
        self.asked: list[dict[str, Any]] = []
        self.is_away = False
        self.app = FastAPI()
        self.app.post("/search")(self.search)
        self.app.post("/embed")(self.embed)

    async def search(self, request: Request) -> Response:
        self.asked.append(await request.json())
        return Response(status_code=503) if self.is_away else JSONResponse(self.answer())

    async def embed(self) -> Response:
        """A text that means nothing to the classifier of wishes."""
        return Response(status_code=503) if self.is_away else JSONResponse({"vector": [0.0] * 384})

    def answer(self) -> dict[str, Any]:
        return self.found | {"best": self.entry() if self.found["supported"] else None}

    def entry(self) -> dict[str, Any]:
        return {
            "id": "zh/echo",
            "version": 2,
            "language": "zh",
            "title": "回声",
            "scenario": ["general"],
            "region": ["global"],
            "topic": self.topic,
            "product": ["audio"],
            "platform": [],
            "error_codes": [],
            "names": {},
            "source": "",
            "opening": self.approved,
            "body": "## 怎么做\n1. 先戴**耳机**。",
            "sections": ["回声是自己的声音又传回来。", "\n".join(self.steps), "回声衰减 40 分贝。"],
            "steps": self.steps,
            "playbook": [],
        }


class Model:
    """An OpenAI-compatible endpoint that writes what the test says, in small pieces."""

    def __init__(self) -> None:
        self.text = "再打开 AEC 开关，"
        self.status = 200
        self.asked: list[dict[str, Any]] = []
        self.is_slow = False
        self.was_asked = asyncio.Event()
        self.was_left = asyncio.Event()
        self.app = FastAPI()
        self.app.post("/v1/chat/completions")(self.complete)

    async def complete(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.was_asked.set()
        if self.is_slow:
            await asyncio.sleep(10)
        if self.status != 200:
            return JSONResponse({"error": {"message": "no"}}, self.status)
        return StreamingResponse(self.pieces(), media_type="text/event-stream")

    async def pieces(self) -> AsyncIterator[str]:
        try:
            for start in range(0, len(self.text), 3):
                yield self.piece(start)
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.was_left.set()
            raise
        yield "data: [DONE]\n\n"

    def piece(self, start: int) -> str:
        delta = {"role": "assistant", "content": self.text[start : start + 3]}
        chunk = {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        }
        return f"data: {json.dumps(chunk)}\n\n"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        knowledge, model = Knowledge(), Model()
        knowledge_url = await stack.enter_async_context(serve(knowledge.app))
        model_url = await stack.enter_async_context(serve(model.app))
        client = KnowledgeClient(knowledge_url, "token", tenant=PUBLIC)
        stack.push_async_callback(client.aclose)
        yield World(knowledge, model, client, f"{model_url}/v1", stack)


class World:
    """Both servers, and dialogues that use them."""

    def __init__(
        self,
        knowledge: Knowledge,
        model: Model,
        client: KnowledgeClient,
        model_url: str,
        stack: AsyncExitStack,
    ) -> None:
        self.knowledge, self.model = knowledge, model
        self.endpoint = LanguageModelEndpoint(model_url, "key", "m", embedded=True)
        self._client, self._stack = client, stack

    def dialogue(
        self,
        *,
        embedded: bool = True,
        with_model: bool = True,
        customer: Customer | None = None,
    ) -> Dialogue:
        endpoint = replace(self.endpoint, embedded=embedded)
        dialogue = Dialogue(self._client, endpoint if with_model else None, customer)
        self._stack.push_async_callback(dialogue.aclose)
        return dialogue

    async def answer(
        self,
        question: str = "有回声怎么办",
        *,
        history: tuple[Message, ...] = (),
        embedded: bool = True,
        with_model: bool = True,
    ) -> Answer:
        dialogue = self.dialogue(embedded=embedded, with_model=with_model)
        answer = dialogue.compose(question, history)
        pieces = [text async for text in answer.texts]
        assert "".join(pieces) == answer.text
        return answer


async def test_the_opening_comes_first_and_the_model_goes_on_from_it(world: World) -> None:
    answer = await world.answer()
    assert answer.text == "有回声先戴上耳机试试。再打开 AEC 开关，"
    assert [c.id for c in answer.citations] == ["zh/echo"]
    messages = world.model.asked[0]["messages"]
    assert messages[-1] == {"role": "assistant", "content": OPENING["text"]}
    assert messages[0]["role"] == "system"


async def test_a_hosted_model_is_told_of_the_opening_in_the_question(world: World) -> None:
    await world.answer(embedded=False)
    messages = world.model.asked[0]["messages"]
    assert messages[-1]["role"] == "user"
    assert OPENING["text"] in messages[-1]["content"]


async def test_what_never_changes_comes_first_in_the_prompt(world: World) -> None:
    await world.answer("有回声怎么办")
    await world.answer("还有别的办法吗", history=(Message("user", "有回声怎么办"),))
    first, second = (asked["messages"] for asked in world.model.asked)
    assert first[0] == second[0]
    assert second[1]["content"] == "有回声怎么办"


async def test_the_question_before_helps_to_retrieve(world: World) -> None:
    history = (Message("user", "有回声怎么办"), Message("assistant", "先戴耳机。"))
    await world.answer("那安卓呢", history=history)
    assert world.knowledge.asked[0]["before"] == ["有回声怎么办"]


async def test_nothing_found_is_said_and_the_model_is_not_asked(world: World) -> None:
    world.knowledge.found |= {"supported": False, "opening": None}
    answer = await world.answer("你们老板是谁")
    assert answer.declined and answer.citations == ()
    assert answer.text == load_phrases()["zh"].declined
    assert world.model.asked == []


async def test_a_model_that_finds_no_answer_in_the_passages_declines(world: World) -> None:
    world.knowledge.found["opening"] = None
    world.model.text = "NO_ANSWER"
    answer = await world.answer()
    assert answer.declined and answer.citations == ()
    assert answer.text == load_phrases()["zh"].declined


async def test_a_model_that_gives_up_halfway_leaves_what_it_has_said(world: World) -> None:
    world.knowledge.found["opening"] = None
    world.model.text = "先戴耳机试试，就能听出来。NO_ANSWER"
    answer = await world.answer()
    assert answer.text == "先戴耳机试试，就能听出来。"
    assert not answer.declined and answer.citations


async def test_an_invented_figure_is_never_spoken(world: World) -> None:
    world.model.text = "打开 AEC 开关，等 600 毫秒，然后把音量降到 35 分贝，就好了。"
    answer = await world.answer()
    assert "600" in answer.text
    assert "35" not in answer.text and "就好了" not in answer.text


async def test_a_figure_of_the_customers_is_no_source(world: World) -> None:
    world.model.text = "打开 AEC 开关，是的，2 小时内就恢复，之后就好了。"
    answer = await world.answer("有回声，你们说 2 小时内就恢复，对吗")
    assert "AEC" in answer.text
    assert "2 小时" not in answer.text and "就好了" not in answer.text


async def test_counts_that_the_customer_names_may_be_said_again(world: World) -> None:
    world.model.text = "你们 3 个平台都打开 AEC 开关，就好了。"
    answer = await world.answer("我们 3 个平台都有回声怎么办")
    assert answer.text.endswith(world.model.text)


async def test_what_is_said_stands_in_no_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="agent")
    for text in ("Please leave the quiet room by pressing that button.", "再等 35 分贝。"):
        world.model.text = text
        await world.answer()
    assert "zh/echo" in caplog.text
    assert "quiet" not in caplog.text and "回声" not in caplog.text and "分贝" not in caplog.text


async def test_stop_is_answered_with_that_we_listen(world: World) -> None:
    answer = world.dialogue().go_ahead("stop", "zh")
    said = [text async for text in answer.texts]
    assert said == [load_phrases()["zh"].go_ahead]
    assert (answer.declined, answer.citations, world.knowledge.asked) == (False, (), [])


async def test_who_stops_listening_stops_the_model(world: World) -> None:
    world.model.text = "再打开 AEC 开关，然后听一听。" * 400
    texts = world.dialogue().compose("有回声怎么办").texts
    async for text in texts:
        if "AEC" in text:
            break
    assert isinstance(texts, AsyncGenerator)
    await texts.aclose()
    async with asyncio.timeout(5):
        await world.model.was_left.wait()


async def test_who_is_cancelled_while_reading_ahead_is_stopped_stays_cancelled(
    world: World,
) -> None:
    world.model.is_slow = True
    async with LanguageModel(world.endpoint) as model:
        ahead = ReadAhead(model, PromptWriter(continues=True), tokens=300)
        found = Retrieval.from_json(world.knowledge.answer())
        assert found.best
        await ahead.take_in(found, "zh", [])
        await world.model.was_asked.wait()
        other = asyncio.create_task(ahead.excerpt_of(replace(found.best, id="zh/other"), "zh"))
        await asyncio.sleep(0)
        other.cancel()
        with pytest.raises(asyncio.CancelledError):
            await other


async def test_sources_are_known_before_the_first_sound(world: World) -> None:
    answer = world.dialogue().compose("有回声怎么办")
    cited = [[c.id for c in answer.citations] async for _ in answer.texts]
    assert cited and all(ids == ["zh/echo"] for ids in cited)


async def test_a_model_that_changes_the_language_is_not_spoken(world: World) -> None:
    world.model.text = "You can try to leave the room by pressing the button on your device."
    answer = await world.answer()
    assert "leave the room" not in answer.text
    assert "先戴耳机。" in answer.text  # the entry's own steps


@pytest.mark.parametrize("status", [401, 404, 500, 503])
async def test_a_model_that_fails_leaves_the_approved_text(world: World, status: int) -> None:
    world.model.status = status
    answer = await world.answer()
    assert answer.text.startswith(OPENING["text"])
    assert "先戴耳机。" in answer.text and "打开 AEC。" in answer.text
    assert not answer.declined and answer.citations


async def test_a_document_without_an_opening_is_spoken_from_its_first_word(world: World) -> None:
    world.knowledge.found["opening"] = None
    world.knowledge.approved = ""
    answer = await world.answer(with_model=False)
    assert answer.opening is None and answer.text.startswith("先戴耳机。")


async def test_an_entry_that_lists_nothing_is_spoken_from_the_nearest_section(
    world: World,
) -> None:
    world.knowledge.steps = []
    answer = await world.answer(with_model=False)
    assert answer.text == f"{OPENING['text']}{PASSAGE['text']}\n"


async def test_without_a_model_approved_text_answers(world: World) -> None:
    world.knowledge.found["opening"] = None  # not sure enough to speak it at once
    answer = await world.answer(with_model=False)
    assert answer.text.startswith(OPENING["text"])
    assert "打开 AEC。" in answer.text


async def test_thanks_need_no_sources_and_no_model(world: World) -> None:
    thanks = PASSAGE | {"entry_id": "zh/conversation-thanks"}
    world.knowledge.topic = "conversation"
    world.knowledge.found |= {
        "passages": [thanks],
        "opening": {"entry_id": "zh/conversation-thanks", "text": "不客气。"},
    }
    answer = await world.answer("谢谢")
    assert answer.text == "不客气。"
    assert answer.citations == () and world.model.asked == []


async def test_passages_that_hardly_fit_are_neither_read_nor_cited(world: World) -> None:
    other = PASSAGE | {"entry_id": "zh/other", "text": "无关", "score": 0.01}
    world.knowledge.found["passages"] = [PASSAGE, other]
    answer = await world.answer()
    assert [c.id for c in answer.citations] == ["zh/echo"]
    assert "无关" not in json.dumps(world.model.asked[0], ensure_ascii=False)


async def test_a_knowledge_server_that_is_away_is_named() -> None:
    client = KnowledgeClient("http://127.0.0.1:9", "token", tenant=PUBLIC)
    dialogue = Dialogue(client, None)
    with pytest.raises(ServiceError, match="LIUKE_KNOWLEDGE_URL"):
        async for _ in dialogue.compose("有回声怎么办").texts:
            pass
    await asyncio.gather(client.aclose(), dialogue.aclose())


async def test_the_model_reads_the_nearest_section_and_what_to_do(world: World) -> None:
    await world.answer()
    (asked,) = world.model.asked
    read = asked["messages"][-2]["content"]
    assert PASSAGE["text"] in read
    assert "先戴耳机。" in read and "**" not in read


async def test_what_was_found_while_the_customer_spoke_is_not_searched_for_again(
    world: World,
) -> None:
    dialogue = world.dialogue()
    await dialogue.prepare("有回声怎么办", [])
    again = dialogue.compose("有回声，怎么办？")  # the same words, heard once more
    said = "".join([text async for text in again.texts])
    assert said.startswith(OPENING["text"])
    assert len(world.knowledge.asked) == 1


async def test_a_model_that_has_read_ahead_gets_the_same_prompt_again(world: World) -> None:
    dialogue = world.dialogue()
    await dialogue.prepare("有回声", [])
    async for _ in dialogue.compose("有回声怎么办").texts:
        pass
    ahead, asked = world.model.asked
    assert ahead["max_completion_tokens"] == 1
    question = asked["messages"][-2]["content"]
    assert ahead["messages"][0] == asked["messages"][0]
    assert question.startswith(ahead["messages"][-1]["content"])


async def test_where_retrieval_is_not_sure_the_model_reads_when_it_finds_the_same_twice(
    world: World,
) -> None:
    world.knowledge.found["opening"] = None
    dialogue = world.dialogue()
    await dialogue.prepare("我们这边", [])
    await asyncio.sleep(0.2)
    assert world.model.asked == []
    await dialogue.prepare("我们这边有回", [])
    await dialogue.prepare("我们这边有回声", [])
    async with asyncio.timeout(5):
        await world.model.was_asked.wait()
    assert len(world.knowledge.asked) == 3 and len(world.model.asked) == 1


async def test_a_hosted_model_is_not_charged_for_reading_ahead(world: World) -> None:
    dialogue = world.dialogue(embedded=False)
    await dialogue.prepare("有回声", [])
    await dialogue.prepare("有回声怎么", [])
    await dialogue.aclose()
    assert world.model.asked == []


async def test_a_wish_for_a_person_is_not_searched_for(world: World) -> None:
    asked = (Message("user", "有回声怎么办"), Message("assistant", OPENING["text"]))
    answer = await world.answer("我要转人工", history=asked)
    assert answer.text == PEOPLE["zh"].person
    assert answer.action == CallPerson("person", "有回声怎么办")
    assert not answer.citations and not answer.declined and not world.model.asked


async def test_an_emergency_is_heard_while_the_knowledge_is_away(world: World) -> None:
    world.knowledge.is_away = True
    answer = await world.answer("Our whole service is down, it is an emergency!")
    assert answer.text == PEOPLE["en"].emergency
    assert answer.action and answer.action.wish == "emergency"


async def test_a_yes_to_the_offer_of_a_colleague_is_a_wish(world: World) -> None:
    offered = (
        Message("user", "你们老板是谁"),
        Message("assistant", load_phrases()["zh"].declined),
    )
    answer = await world.answer("好的，麻烦了。", history=offered)
    assert answer.action == CallPerson("person", "你们老板是谁")


async def test_what_came_of_it_is_part_of_the_answer(world: World) -> None:
    dialogue = world.dialogue()
    answer = dialogue.compose("I want a human agent")
    said = [text async for text in answer.texts]
    called = PersonCalled(12, 3, timedelta(hours=4), is_new=True, at_once=True)
    said.append(await dialogue.report(answer, called))
    assert answer.text == "".join(said)
    assert "12" in answer.text and "4 hours" in answer.text


async def test_a_guarantee_is_declined_in_fitting_words_and_a_colleague_offered(
    world: World,
) -> None:
    asked = "你们能保证明年一次故障都不出吗"
    answer = await world.answer(asked)
    assert answer.declined and not answer.citations and "保证" in answer.text
    said = (Message("user", asked), Message("assistant", answer.text))
    assert (await world.answer("好的", history=said)).action == CallPerson("person", asked)


async def test_an_incident_pages_nobody_twice_but_for_who_insists(
    world: World, own_regions: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Customer, "now", lambda _: NOW)
    support = default_support()
    customer = Customer(own_regions, support, {}, account="acme", contact="", call_id="1")
    dialogue = world.dialogue(with_model=False, customer=customer)
    urgent = "Our whole service in Indonesia is down, it is an emergency!"

    async def asked(*history: Message) -> Answer:
        answer = dialogue.compose(urgent, history)
        async for _ in answer.texts:
            pass
        return answer

    assert (await asked()).action
    seen = await break_out(own_regions)
    told = await asked()
    assert str(seen.ticket) in told.text and told.text.endswith(PEOPLE["en"].ask_person)
    assert told.action is None
    again = await asked(Message("user", urgent), Message("assistant", told.text))
    assert again.action and again.action.wish == "emergency"


async def test_records_that_cannot_be_read_are_named(world: World) -> None:
    database = Database("sqlite+aiosqlite:////nowhere/at/all.db")
    support = default_support()
    customer = Customer(database, support, {}, account="acme", contact="wang", call_id="1")
    dialogue = world.dialogue(with_model=False, customer=customer)
    with pytest.raises(ServiceError, match="records"):
        async for _ in dialogue.compose("我们昨天的卡顿率是多少").texts:
            pass
    await database.aclose()
