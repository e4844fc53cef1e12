"""Where a conversation stands outlives the process that holds its call."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.call.history import messages, recorded, spoken
from agent.call.keeping import Keeping
from agent.dialogue.asked import Asked, Stretch
from agent.dialogue.changes import Change
from agent.dialogue.contract import Answer, NoteMatter
from agent.dialogue.course import FORM, Course, Flow, read_course, written
from agent.dialogue.customer import Customer
from agent.dialogue.dialogue import Dialogue
from agent.dialogue.flows.details import Detail
from agent.dialogue.flows.ending import Ending, Happened
from agent.dialogue.flows.leaving import Leaving
from agent.dialogue.flows.onboarding import OnboardingState
from agent.dialogue.flows.profile import Profile
from agent.dialogue.flows.troubleshooting import Rival, Trouble
from agent.dialogue.places import load_places
from agent.dialogue.playbook import Walk
from agent.dialogue.slots.reader import Filling
from agent.dialogue.spelling import Spelling
from agent.models.client import Message
from agent.prompts import load_escalation, load_flow, load_onboarding
from agent.service.calls.store import CallStore, Claim
from agent.service.database import Database
from agent.service.quality.onset import Onset
from agent.service.retention.policy import Offer
from agent.service.scope import Scope
from agent.service.support import default_support
from common.settings import PROJECT_ROOT
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC
from tests.unit.serving import serve
from tests.unit.test_keeping import given_call
from tests.unit.test_onboarding import knowledge_server

pytestmark = pytest.mark.unit

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
PLACE = load_places().find("Indonesia")[0]
POLICY = default_support().policy
MATTER = NoteMatter("trouble", "stall-rate", "open", "ID", "卡得厉害")
FLOWS: list[Flow] = [
    Trouble(
        "it freezes", "stall-rate", 0.7, (Rival("echo", "Echo", 0.7), Rival("noise", "Noise", 0.6)),
        "stall_rate", Stretch("days", 3), PLACE, "many", True, Change("release", {"echo": "noise"}),
        ("since Tuesday",), ("ab12",), Onset(AT, is_older=True), True, True, True,
        ("what", "changed"), ("what",), "changed",
        Walk("stall-rate", "two", (("stall-rate", "one"), ("stall-rate", "two"))), "echo", "What?",
        "en",
    ),
    OnboardingState(
        "zh",
        Profile(
            {"regions": Filling(("ID", "SG")), "launch_date": Filling(("2026-12-24",), about=True)},
            frozenset({"pain", "scale"}),
            {"platforms": Filling(("ios",))},
        ),
        "confirming", "regions", {"users": 2}, 5, 1, True, True, "我们想做直播", "live",
        Filling(("indonesia",)),
    ),
    Leaving(
        Offer(
            "bill-review", frozenset({"price"}), {"zh": "看账单", "en": "go through your bill"},
            frozenset({"pro"}), timedelta(days=90), timedelta(hours=8),
        )
    ),
    Leaving(),
    Detail("code", "en", Spelling("code", "en", "ab12", tries=1), 1, "error ab12", "a12"),
]  # fmt: skip
COURSES = [
    *(Course((flow,)) for flow in FLOWS),
    Course(
        tuple(FLOWS[:3]),
        Asked("latency_ms", PLACE, Stretch("yesterday"), "app", is_overview=True),
        MATTER,
        frozenset({"mail", "ab12"}),
        Ending(MATTER),
        Happened((MATTER,), (7, 8), ("facts", "promise")),
    ),
]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


@pytest.mark.parametrize("course", COURSES)
def test_it_is_read_as_it_was_written(course: Course) -> None:
    read = read_course(json.loads(json.dumps(written(course))))
    assert read == course
    assert [type(flow) for flow in read.flows] == [type(flow) for flow in course.flows]


def test_what_cannot_be_read_is_dropped_and_no_log_tells_what_was_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    course = written(Course((Trouble("it freezes"),)))
    newer = course | {"form": FORM + 1}
    (flow,) = course["course"]["flows"]
    strange = [flow | {"waits_for": "a secret"}, flow | {"flow": "a secret"}, "a secret"]
    broken = [course | {"course": {"flows": [one]}} for one in strange]
    for given in (newer, *broken, {"form": FORM}, {}):
        assert read_course(given) == Course()
    assert len(caplog.records) == 6
    assert "a secret" not in caplog.text and "it freezes" not in caplog.text
    assert read_course(None) == Course()
    assert len(caplog.records) == 6


def test_a_field_that_is_new_since_it_was_written_has_its_usual_value() -> None:
    course = written(Course((Trouble("it freezes", "stall-rate"),)))
    del course["course"]["flows"][0]["told"]
    assert read_course(course) == Course((Trouble("it freezes", "stall-rate"),))


async def test_of_a_call_that_another_process_has_nothing_is_written(database: Database) -> None:
    calls, claim = CallStore(database), await given_call(database, "1")
    first = Keeping(database, POLICY, account="acme", contact="wang", claim=claim)
    first.stands(COURSES[0])
    await first.aclose()
    first.stands(COURSES[1])
    first.stands(COURSES[2])
    await first.aclose()
    await calls.end_call(claim)
    assert (await calls.claim_call("1", "another")).outcome == "rejoined"
    first.stands(COURSES[3])
    await first.aclose()
    call = await calls.call(Scope("acme"), "1")
    assert call and read_course(call.course) == COURSES[2]


async def test_of_a_call_without_a_record_nothing_is_written(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    claim = Claim("1", "process", "unrecorded")
    kept = Keeping(database, POLICY, account="", contact="", claim=claim)
    kept.stands(COURSES[0])
    await kept.aclose()
    assert not caplog.records


def opened(database: Database, knowledge: KnowledgeClient) -> Dialogue:
    customer = Customer(
        database, default_support(), {}, account="acme", contact="wang", call_id="1"
    )
    return Dialogue(knowledge, None, customer)


async def said_to(dialogue: Dialogue, text: str, history: list[Message]) -> Answer:
    """A turn that stands."""
    answer = dialogue.compose(text, history)
    async for _ in answer.texts:
        pass
    dialogue.stands(answer)
    return answer


_ANSWERING = """
import asyncio, sys
from datetime import UTC, datetime
from agent.call.keeping import Keeping
from agent.dialogue.customer import Customer
from agent.dialogue.dialogue import Dialogue
from agent.service.calls.store import CallStore, Claim
from agent.service.database import Database
from agent.service.support import default_support
from knowledge.client import KnowledgeClient
async def main():
    database, knowledge = Database(sys.argv[1]), KnowledgeClient(sys.argv[2], "token", tenant="")
    claim, calls = Claim("1", "process of 1", "new"), CallStore(database)
    whose = {"account": "acme", "contact": "wang"}
    customer = Customer(database, default_support(), {}, **whose, call_id="1")
    dialogue = Dialogue(knowledge, None, customer)
    keeping = Keeping(database, default_support().policy, **whose, claim=claim)
    for number, said in enumerate(sys.argv[3:], start=1):
        answer = dialogue.compose(said)
        now = datetime.now(UTC)
        await calls.open_turn(claim, number, asked_at=now, language="en", question=said)
        text = "".join([text async for text in answer.texts])
        dialogue.stands(answer)
        keeping.take(answer)
        keeping.stands(dialogue.course)
        await calls.extend_turn(claim, number, answer=text, citations=[])
        await keeping.aclose()
    print(flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def held_and_killed(database_url: str, knowledge_url: str, *said: str) -> None:
    """A process answers all that is said in call 1, and is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _ANSWERING, database_url, knowledge_url, *said,
        cwd=PROJECT_ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout and await process.stdout.readline()
    process.kill()
    await process.wait()


async def test_whoever_takes_an_onboarding_up_asks_the_next_question_and_not_the_first(
    migrated_file: Path, tmp_path: Path
) -> None:
    shutil.copy(migrated_file, tmp_path / "liuke.db")
    url = f"sqlite+aiosqlite:///{tmp_path / 'liuke.db'}"
    database, calls = Database(url), CallStore(Database(url))
    questions = load_onboarding()["en"].questions
    answered = ["Help us get started with live shopping.", "Shoppers in Jakarta."]
    await given_call(database, "1")
    async with serve(knowledge_server()) as knowledge_url:
        await held_and_killed(url, knowledge_url, *answered)
        call, turns = await calls.call(Scope("acme"), "1"), await calls.turns(Scope("acme"), "1")
        history = messages(spoken(recorded(turns)))
        assert call and [one.text for one in history if one.role == "user"] == answered
        knowledge = KnowledgeClient(knowledge_url, "token", tenant=PUBLIC)
        dialogue = opened(database, knowledge)
        first, *texts = dialogue.take_up(read_course(call.course), history, "en")
        assert first == load_flow("greeting")["en"].fixed["again"]
        assert any(text in " ".join(texts) for text in questions["pain"])
        for slot in ("users", "regions", "scenario"):
            assert not any(text in " ".join(texts) for text in questions[slot])
        then = await said_to(dialogue, "They cannot see the goods before they buy.", history)
        assert any(text in then.text for text in questions["scale"])
        await dialogue.aclose()
        await knowledge.aclose()


async def test_an_offer_that_waits_for_an_answer_is_made_again() -> None:
    database = Database("sqlite+aiosqlite:////nowhere/at/all.db")
    knowledge = KnowledgeClient("http://127.0.0.1:9", "token", tenant=PUBLIC)
    offer = load_escalation()["en"].ask_person
    history = [Message("user", "Is it safe?"), Message("assistant", f"I cannot say. {offer}")]
    dialogue = opened(database, knowledge)
    *_, last = dialogue.take_up(Course(), history, "en")
    assert last == offer
    answer = await said_to(dialogue, "Yes, please.", [*history, Message("assistant", last)])
    assert answer.action and answer.action.wish == "person"
    await dialogue.aclose()


async def test_whether_it_is_solved_is_asked_again() -> None:
    database = Database("sqlite+aiosqlite:////nowhere/at/all.db")
    knowledge = KnowledgeClient("http://127.0.0.1:9", "token", tenant=PUBLIC)
    dialogue, course = opened(database, knowledge), replace(COURSES[-1], flows=())
    assert dialogue.take_up(course, [], "zh")[-1] == load_flow("ending")["zh"].fixed["ask_solved"]
    go_on = load_flow("greeting")["zh"].fixed["go_on"]
    assert dialogue.take_up(Course(recalled=MATTER), [], "zh")[-1] == go_on
    assert dialogue.course == Course()  # they were not asked now whether that is over
    await dialogue.aclose()
