"""What signed customers of the voice benchmark say, what they must be told, and how it sums up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.prompts import load_onboarding
from agent.rooms.principal import Principal
from agent.service.accounts.tables import Account
from agent.service.database import Database
from agent.service.demo.stories import accounts
from agent.service.quality.rollups import roll_up
from agent.service.quality.rows import Row, minute_of
from agent.service.quality.store import QualityStore
from agent.service.quality.targets import METRICS
from agent.settings import Settings
from common.languages import LANGUAGES, Language
from common.numbers.figures import figures_in
from eval.dialogue.figures import states
from eval.report import write_report
from eval.voice.answers import (
    Answered,
    answer_plot,
    answer_rows,
    answered,
    summarise_answers,
)
from eval.voice.conversations import Conversation, OwnFigure, make_conversations
from eval.voice.conversing import OwnFigures
from eval.voice.profile_tool import ProfileNoter
from eval.voice.quality_tool import QualityTeller, regions_of
from eval.voice.scores import Asked, Known
from tests.unit.test_bench_voice import question, turn

pytestmark = pytest.mark.unit

LEAD = "I have the figures."
KNOWN = Known((), {"Let me check that.": 900.0}, {LEAD: 1500.0})


def heard(answer: str, *sounds_ms: tuple[int, int], failure: str | None = None) -> Asked:
    """An answer to a question that ends at 1000 ms."""
    sounds = sounds_ms or ((1600, 3000),)
    return Asked(question(), 1, failure, turn(*sounds, answer=answer), sounds[0][0] - 1000, ())


def given(name: str, first_words_ms: int, *, is_right: bool = True) -> Answered:
    asked = Asked(question(name), 1, None, turn((1000 + first_words_ms, 9000)), first_words_ms)
    return Answered(asked, is_right, first_words_ms + 500)


# --- what is said


@pytest.mark.parametrize(
    ("quick", "figures", "turns"), [(False, 6, 8), (True, 2, 4)], ids=["whole", "quick"]
)
def test_both_languages_say_as_much_and_nothing_twice(
    quick: bool, figures: int, turns: int
) -> None:
    asked = make_conversations("figures", quick=quick)
    told = make_conversations("onboarding", quick=quick)
    said = [one for conversation in (*asked, *told) for one in conversation.said]
    assert len(set(said)) == len(said)
    assert Counter(one.caller.language for one in asked) == dict.fromkeys(LANGUAGES, figures)
    of_turns = Counter(one.language for conversation in told for one in conversation.said)
    assert of_turns == dict.fromkeys(LANGUAGES, turns)


def test_figures_are_asked_for_that_the_demo_has() -> None:
    stories = {story.id: story for story in accounts()}
    for conversation in make_conversations("figures", quick=False):
        caller, figure = conversation.caller, conversation.figure
        story = stories[caller.account]
        assert caller.contact in [person.id for person in story.contacts]
        assert figure is not None
        assert figure.metric in METRICS
        assert figure.region in {region for app in story.apps for region in app.users}


def test_who_tells_of_a_product_is_nobody_of_the_demo() -> None:
    """Of their accounts nearly all is known: there would be nothing to ask."""
    callers = {one.caller.account for one in make_conversations("onboarding", quick=False)}
    assert not callers & {story.id for story in accounts()}


# --- what is right


@pytest.mark.parametrize(
    ("text", "missed"),
    [
        ("In the last 24 hours, your stall rate is 1.2%.", False),
        ("百分之一点二。", False),
        ("It is 1.3%.", True),
        ("It is 1.2.", True),
        ("I will look it up for you.", True),
    ],
)
def test_a_figure_has_to_be_there_with_its_unit(text: str, missed: bool) -> None:
    assert answered(heard(text), KNOWN, {"stall_rate": [0.0123]}).is_missed is missed


def test_a_figure_begins_behind_what_leads_to_it() -> None:
    asked = heard(f"{LEAD} It is 1.2%.", (1600, 3100), (3400, 5000))
    found = answered(asked, KNOWN, {"stall_rate": [0.5, 0.0123]})
    assert not found.is_missed
    assert (found.first_words_ms, found.point_ms) == (600, 2400)


def test_where_there_is_no_figure_nothing_is_right() -> None:
    assert answered(heard("It is 2%."), KNOWN, {"stall_rate": []}).is_missed


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_question_of_onboarding_counts(language: Language) -> None:
    said = load_onboarding()[language]
    for text in (wording for wordings in said.questions.values() for wording in wordings):
        assert not answered(heard(f"{said.begin} {text}"), KNOWN, {}).is_missed, text


@pytest.mark.parametrize("text", ["We offer that.", "好的，我记下了。", "Is that right?"])
def test_an_answer_that_asks_for_nothing_is_missed(text: str) -> None:
    assert answered(heard(text), KNOWN, {}).is_missed


def test_a_question_that_talks_over_the_customer_is_missed() -> None:
    assert answered(heard("Who are your users?", failure="talked over"), KNOWN, {}).is_missed
    assert answered(Asked(question(), 1, "the call had ended"), KNOWN, {}).is_missed


# --- what both stacks read


ACCOUNT = "acme"


@pytest.fixture
async def settings(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """With an account whose stall rate in Europe was 2 % a day ago, and is 1 % now."""
    monkeypatch.setenv("LIUKE_DATABASE_URL", database_url)
    monkeypatch.setenv("LIUKE_SUPPORT_FILE", str(tmp_path / "none.toml"))
    settings = Settings()
    database = Database(settings.database_url)
    quality, now = QualityStore(database), minute_of(datetime.now(UTC))
    async with database.transaction() as session:
        session.add(Account(id=ACCOUNT, name="Acme", owner="", created_at=datetime.now(UTC)))
    rows = [
        Row(ACCOUNT, "app", "eu", now - ago, 10, ppm, 80, 0, 10, 10, 300, 1_000_000)
        for ago, ppm in ((30 * 60, 20_000), (0, 10_000))
    ]
    await quality.take_in(rows, {})
    await roll_up(database)
    await database.aclose()
    return settings


async def test_the_figure_that_is_right_is_that_of_its_account_region_and_time(
    settings: Settings,
) -> None:
    own = OwnFigures(settings)
    try:
        moments = [datetime.now(UTC)]
        assert await own.values(asking("eu", 24), moments) == {"stall_rate": [0.01]}
        assert await own.values(asking("eu", "today"), moments) == {"stall_rate": [0.01]}
        assert await own.values(asking("eu", 48), moments) == {"stall_rate": [0.015]}
        assert await own.values(asking("na", 24), moments) == {"stall_rate": []}
        assert await own.values(asking("eu", 24, "other"), moments) == {"stall_rate": []}
        nothing = Conversation(caller(ACCOUNT), (question(),))
        assert await own.values(nothing, moments) == {}
    finally:
        await own.aclose()


def asking(region: str, hours: Any, account: str = ACCOUNT) -> Conversation:
    figure = OwnFigure("stall_rate", region, (hours,))
    return Conversation(caller(account), (question(),), figure)


def caller(account: str) -> Principal:
    return Principal(account, "anna", "en", frozenset(), guest=False)


@pytest.mark.parametrize(("language", "called"), [("zh", "欧洲"), ("en", "Europe")])
async def test_the_tool_of_stock_gives_the_same_figures(
    settings: Settings, language: Language, called: str
) -> None:
    regions = await regions_of(settings, ACCOUNT, language)
    assert regions == {called: "eu"}
    teller = QualityTeller(settings, ACCOUNT, regions, language)
    try:
        look_up = teller.tool()
        day = await look_up(raw_arguments={"region": called, "hours": "24"})
        figures = figures_in(day)
        assert any(states(figure, "stall_rate", 0.01) for figure in figures)
        assert any(states(figure, "latency_ms", 80) for figure in figures)
        assert called in day
        for nobody in ({"region": "Mars", "hours": 24}, {"region": called, "hours": -1}):
            assert isinstance(await look_up(raw_arguments=nobody), str)
    finally:
        await teller.aclose()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_tool_of_stock_says_what_is_still_open(language: Language) -> None:
    note = ProfileNoter(language).tool()
    first = await note(raw_arguments={"field": "users", "value": "students"})
    assert "pain" in first
    assert "users" not in first
    slots = ["pain", "scenario", "regions", "scale", "platforms", "business_model", "compliance"]
    for slot in (*slots, "launch_date"):
        last = await note(raw_arguments={"field": slot, "value": "said"})
    assert "launch_date" not in last


# --- how it sums up


def answers(*mine: Answered, stock: Sequence[Answered] = ()) -> dict[Any, Sequence[Answered]]:
    return {"liuke": mine, "stock": stock}


def test_times_are_compared_where_neither_missed() -> None:
    result = summarise_answers(
        answers(
            given("a", 500),
            given("b", 700),
            stock=[given("a", 5000), given("b", 2000, is_right=False)],
        )
    )
    assert result["liuke"] == {
        "first_words_ms": {"p50": 600, "p95": 690},
        "point_ms": {"p50": 1100, "p95": 1190},
        "missed_pct": 0.0,
    }
    assert result["stock"]["missed_pct"] == 50.0
    assert result["times_sooner"] == {
        "first_words_ms": {"p50": 10.0, "p95": 10.0},
        "point_ms": {"p50": 5.5, "p95": 5.5},
        "turns": 1,
    }


def test_a_stack_that_is_never_right_is_compared_by_its_first_words() -> None:
    wrong = [given("a", 5000, is_right=False), given("b", 9000, is_right=False)]
    result = summarise_answers(answers(given("a", 500), stock=wrong))
    assert result["times_sooner"]["turns"] == 0
    right_or_not = result["right_or_not"]
    assert right_or_not["stock"] == {"first_words_ms": {"p50": 7000, "p95": 8800}, "missed_pct": 0}
    assert right_or_not["times_sooner"]["first_words_ms"]["p50"] == 10.0


def test_a_stack_that_was_not_asked_leaves_no_ratio() -> None:
    result = summarise_answers({"liuke": [given("a", 500)]})
    assert "stock" not in result
    assert result["times_sooner"]["first_words_ms"] == {"p50": None, "p95": None}


def test_the_page_shows_both_stacks_and_every_turn(tmp_path: Path) -> None:
    silent = Answered(Asked(question("Nobody there."), 1, "no answer"), is_right=False)
    both = answers(given("How are we doing?", 500), stock=[silent])
    result: dict[str, Any] = {"figures": summarise_answers(both), "turns": answer_rows(both)}
    page = write_report(
        *(tmp_path, "voice", "Voice to voice", result), [answer_plot("figures", both)]
    )
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 1
    for shown in ("How are we doing?", "Nobody there.", "no answer", "times_sooner"):
        assert shown in text
