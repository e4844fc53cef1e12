"""Whole conversations of onboarding: what is asked and never asked, and what is known in the end.

A small caller in code answers what it is asked, in its own manner; the flow runs for real, over
entries of the corpus.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from agent.dialogue.contract import NoteMatter, SetChecklist, StateFact, Want
from agent.dialogue.flow import Said, Step
from agent.dialogue.flows.onboarding import Onboarding, OnboardingState
from agent.dialogue.flows.profile import recorded_profile
from agent.dialogue.slots.words import SLOTS, Slot
from agent.prompts import fixed_phrases, load_onboarding
from agent.service.accounts.store import Known
from agent.service.accounts.tables import Account, Fact
from agent.speech.clauses import split_clauses
from common.languages import LANGUAGES, Language, language_of
from common.settings import PROJECT_ROOT
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC, SourceEntry
from knowledge.entries.body import sections_of, steps_of
from knowledge.entries.entry import entry_paths, read_entry
from knowledge.entries.vocabulary import Vocabulary
from tests.unit.serving import serve

pytestmark = pytest.mark.unit

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
CORPUS = PROJECT_ROOT / "knowledge" / "corpus"
WORDS = Vocabulary.load()
PHRASES = load_onboarding()
QUESTIONS: Mapping[str, tuple[Slot, Language]] = {
    text: (slot, language)
    for language in LANGUAGES
    for slot in SLOTS
    for text in PHRASES[language].questions[slot]
}
#: Of an account whose records say nothing.
NEW = Known(Account(id="acme", name="Acme"), (), ())


def source(path: Path) -> SourceEntry:
    """An entry as the knowledge server gives it."""
    entry = read_entry(path, CORPUS)
    sections = sections_of(entry.body)
    return SourceEntry(
        **{
            name: getattr(entry, name) for name in ("id", "language", "title", "scenario", "region")
        },
        **{name: getattr(entry, name) for name in ("topic", "product", "platform", "error_codes")},
        **{name: getattr(entry, name) for name in ("source", "opening", "body")},
        version=1,
        sections=tuple(section.text for section in sections),
        steps=steps_of(sections, WORDS.steps[entry.language]),
        names={},
    )


def knowledge_server(*, is_away: bool = False) -> FastAPI:
    """One that gives the entries of the corpus."""
    app = FastAPI()
    paths = {
        f"{path.relative_to(CORPUS).parts[0]}/{path.stem}": path for path in entry_paths(CORPUS)
    }

    @app.get("/entries/{language}/{name}")
    def entry(language: Language, name: str) -> Response:
        path = paths.get(f"{language}/{name}")
        if path and not is_away:
            return JSONResponse(asdict(source(path)))
        error = {"code": "not_found", "message": "There is none.", "remedy": "Check its id."}
        return JSONResponse({"error": error}, status_code=503 if is_away else 404)

    @app.post("/search")
    async def search(request: Request) -> Response:
        is_auction = "bid" in (await request.json())["query"] and not is_away
        passage = {
            "entry_id": "en/auction-live",
            "title": "Auctions",
            "language": "en",
            "section": "What it is",
            "text": "…",
            "version": 1,
            "score": 0.74,
        }
        found = {"passages": [passage] if is_auction else [], "supported": is_auction}
        return JSONResponse({**found, "opening": None, "best": None, "timings_ms": {}})

    return app


@asynccontextmanager
async def onboarding(*, is_away: bool = False) -> AsyncIterator[Onboarding]:
    async with serve(knowledge_server(is_away=is_away)) as url:
        knowledge = KnowledgeClient(url, "token", tenant=PUBLIC)
        yield Onboarding(knowledge)
        await knowledge.aclose()


def said(text: str) -> Said:
    return Said(text, language_of(text), AT)


@dataclass
class Talk:
    """A conversation, as both said it."""

    steps: list[Step[OnboardingState]] = field(default_factory=list)

    @property
    def asked(self) -> list[Slot]:
        """What has been asked for, in order."""
        return [QUESTIONS[text][0] for text in self.texts if text in QUESTIONS]

    @property
    def texts(self) -> list[str]:
        return [text for step in self.steps for text in step.texts]

    @property
    def last(self) -> str:
        return " ".join(self.steps[-1].texts)

    @property
    def state(self) -> OnboardingState:
        state = self.steps[-1].state
        assert state is not None
        return state

    @property
    def is_over(self) -> bool:
        return self.steps[-1].state is None

    def wants(self, kind: type[Want]) -> list[Want]:
        return [want for step in self.steps for want in step.wants if isinstance(want, kind)]

    @property
    def facts(self) -> dict[str, str | Sequence[str]]:
        wants = (want for step in self.steps for want in step.wants)
        return {want.field: want.value for want in wants if isinstance(want, StateFact)}


async def talk(flow: Onboarding, first: str, *others: str, known: Known | None = NEW) -> Talk:
    """A conversation in which the customer says this, whatever they are asked."""
    conversation = Talk([await flow.begin(known, said(first))])
    for text in others:
        conversation.steps.append(await flow.step(conversation.state, said(text)))
    return conversation


#: What a caller says to each question, and what is known then.
ENGLISH: Mapping[Slot, str] = {
    "users": "students between ten and fourteen",
    "pain": "the sound breaks when the network is bad",
    "scenario": "online classes",
    "regions": "Jakarta and Hanoi",
    "scale": "around 5,000 at the same time",
    "platforms": "iOS and Android, no web",
    "business_model": "parents pay per lesson",
    "compliance": "rules on minors",
    "launch_date": "next March",
}
ENGLISH_FACTS = {
    "users": "students between ten and fourteen",
    "pain": "the sound breaks when the network is bad",
    "scenario": ("education",),
    "regions": ("southeast-asia", "Indonesia", "Vietnam"),
    "scale": "5,000 at the same time",
    "platforms": ("ios", "android"),
    "business_model": "payment per lesson",
    "compliance": ("children",),
    "launch_date": "2027-03-01",
}
MANDARIN: Mapping[Slot, str] = {
    "users": "主要是独居的老人",
    "pain": "他们一个人在家很孤单",
    "scenario": "语聊房",
    "regions": "沙特",
    "scale": "日活四十万",
    "platforms": "安卓和小程序",
    "business_model": "打赏",
    "compliance": "没有特别的要求",
    "launch_date": "明年三月",
}
MANDARIN_FACTS = {
    "users": "独居的老人",
    "pain": "他们一个人在家很孤单",
    "scenario": ("voice-room",),
    "regions": ("middle-east", "沙特"),
    "scale": "日活40万",
    "platforms": ("android", "mini-program"),
    "business_model": "打赏和虚拟礼物",
    "compliance": (),
    "launch_date": "2027-03-01",
}

#: What is said to the question about a slot, of those that are still to be said.
Manner = Callable[[Slot, Iterable[Slot]], str]


async def answer_all(
    flow: Onboarding, first: str, manner: Manner, yes: str, *, known: Known | None = NEW
) -> Talk:
    """A caller answers every question in their manner, and confirms what is read back."""
    conversation = Talk([await flow.begin(known, said(first))])
    while not conversation.is_over:
        assert len(conversation.steps) < 40, "it never ends"
        question = conversation.steps[-1].texts[-1]
        if question in QUESTIONS:
            text = manner(QUESTIONS[question][0], conversation.state.profile.open_slots)
        else:
            text = yes
        conversation.steps.append(await flow.step(conversation.state, said(text)))
    return conversation


@pytest.mark.parametrize(
    ("first", "answers", "yes", "facts"),
    [
        ("We want to build something with your SDK", ENGLISH, "Yes, that's right.", ENGLISH_FACTS),
        ("我们想接入你们的服务", MANDARIN, "对的", MANDARIN_FACTS),
    ],
)
async def test_one_question_after_the_other_and_facts_in_the_end(
    first: str, answers: Mapping[Slot, str], yes: str, facts: Mapping[str, object]
) -> None:
    async with onboarding() as flow:
        conversation = await answer_all(flow, first, lambda slot, _: answers[slot], yes)
    assert conversation.asked == list(SLOTS)
    assert conversation.facts == facts
    before = [want for step in conversation.steps[:-1] for want in step.wants]
    assert before == [NoteMatter("onboarding", "", "open", words=first)]


async def test_three_in_one_breath_are_not_asked_again() -> None:
    first = "我们做一个面向老人的语聊房，主要在沙特，日活四十万，明年三月上线"
    async with onboarding() as flow:
        conversation = await answer_all(flow, first, lambda slot, _: MANDARIN[slot], "没错")
    assert conversation.asked == ["pain", "platforms", "business_model", "compliance"]
    assert conversation.facts == {**MANDARIN_FACTS, "users": "老人"}


async def test_all_in_one_breath_is_read_back_at_once() -> None:
    first = (
        "Our users are students. The problem is that they can't hear the teacher. We do online "
        "classes in Jakarta, 5,000 at the same time, on iOS and Android, parents pay per lesson, "
        "GDPR applies, and we launch next March."
    )
    async with onboarding() as flow:
        conversation = await talk(flow, first)
    assert not conversation.asked
    assert "sum up" in conversation.last
    for part in ("students", "online education", "Indonesia", "5,000", "GDPR", "March 2027"):
        assert part in conversation.last


async def test_what_the_records_know_is_not_asked_and_not_stated_again() -> None:
    known = Known(
        Account(id="acme", name="Acme"),
        (),
        (),
        {
            slot: [Fact(account="acme", field=slot, value=value, source="person", said_at=AT)]
            for slot, value in {
                "scenario": ["education"],
                "regions": ["southeast-asia"],
                "launch_date": "2027-03-01",
                "scale": "about 6,000 pupils",
            }.items()
        },
    )
    async with onboarding() as flow:
        conversation = await answer_all(
            flow, "Hello, we are new", lambda slot, _: ENGLISH[slot], "yes", known=known
        )
    assert conversation.asked == ["users", "pain", "platforms", "business_model", "compliance"]
    assert set(conversation.facts) == set(conversation.asked)
    assert "about 6,000 pupils" in conversation.steps[-2].texts[-1]


async def test_answers_to_other_questions_count_and_the_question_stays() -> None:
    async with onboarding() as flow:
        conversation = await talk(
            flow, "we are new here", "We launch in six weeks, on iOS.", "students"
        )
    assert conversation.asked == ["users", "users", "pain"]
    assert conversation.state.profile.values_of("launch_date") == ("2027-01-12",)
    assert conversation.state.profile.values_of("users") == ("students",)


async def test_what_bothers_users_is_heard_where_they_were_asked_and_the_other_way_round() -> None:
    async with onboarding() as flow:
        conversation = await talk(flow, "we are new here", "上麦太慢了。", "中东的年轻人。")
    assert conversation.asked == ["users", "users", "scenario"]
    assert conversation.state.profile.values_of("pain") == ("上麦太慢了",)
    assert conversation.state.profile.values_of("users") == ("中东的年轻人",)


async def test_a_place_is_kept_as_it_was_called_and_found_again() -> None:
    async with onboarding() as flow:
        conversation = await talk(flow, "we are new here", "Clubs in Germany and Indonesia.")
    profile = conversation.state.profile
    words = PHRASES["en"].parts["regions"].format(value="Germany and Indonesia")
    assert words in profile.in_words(PHRASES["en"], "en")
    (kept,) = (one.value for one in profile.facts(PHRASES["en"], "en") if one.field == "regions")
    assert kept == ("europe", "Germany", "southeast-asia", "Indonesia")
    fact = Fact(account="acme", field="regions", value=list(kept), source="person", said_at=AT)
    again = recorded_profile(Known(Account(id="acme", name="Acme"), (), (), {"regions": [fact]}))
    assert again.values_of("regions") == ("europe", "Germany", "indonesia")


async def test_only_what_opens_with_a_product_and_asks_how_to_begin_is_an_opening() -> None:
    async with onboarding() as flow:
        assert flow.is_opening(said("做在线K歌，怎么接？"))
        assert not flow.is_opening(said("K歌的来电怎么接？"))
        assert not flow.is_opening(said("怎么接？"))
        assert not flow.is_opening(said("K歌合唱总是不同步，怎么做？"))


async def test_users_that_sound_like_a_person_are_users_and_a_wish_stays_one() -> None:
    async with onboarding() as flow:
        asked = (await talk(flow, "we are new here")).state
        assert flow.is_plain_answer(asked, said("年轻人。"), "person", is_sure=True)
        assert flow.is_plain_answer(asked, said("People with pets."), "person", is_sure=False)
        assert not flow.is_plain_answer(asked, said("People with pets."), "person", is_sure=True)
        assert not flow.is_plain_answer(
            asked, said("找个人来，我们在印尼。"), "person", is_sure=True
        )
        assert not flow.is_plain_answer(
            asked, said("I want to talk to a person"), "person", is_sure=False
        )


async def test_what_bothers_users_calls_nobody_unless_it_surely_does() -> None:
    pain = said("Right now it's phone calls and the vet can't see the animal.")
    async with onboarding() as flow:
        asked = (await talk(flow, "we are new here", "pet owners")).state
        assert flow.is_plain_answer(asked, pain, "emergency", is_sure=False)
        assert not flow.is_plain_answer(asked, pain, "emergency", is_sure=True)


@pytest.mark.parametrize(
    ("text", "scenario"),
    [
        ("It's an audio call-in show, listeners come on air and talk to the host.", "voice-room"),
        ("我们还没开户，想做线上心理咨询，视频一对一的。", "one-to-one"),
    ],
)
async def test_what_is_made_is_not_asked_of_who_could_but_say_it_again(
    text: str, scenario: str
) -> None:
    async with onboarding() as flow:
        conversation = await talk(flow, text)
    assert conversation.state.profile.values_of("scenario") == (scenario,)


@pytest.mark.parametrize(
    "correction",
    [
        "sorry, I said two thousand before, it's more like twelve hundred bidders",
        "Hang on, I told you two thousand, make that twelve hundred.",
    ],
)
async def test_an_amount_is_corrected_while_something_else_is_asked(correction: str) -> None:
    async with onboarding() as flow:
        conversation = await talk(
            flow,
            "we do live auctions",
            "collectors",
            "bids come in late",
            "Germany",
            "two thousand",
            correction,
        )
    profile = conversation.state.profile
    assert [one.rpartition(":")[2] for one in profile.values_of("scale")] == ["1200"]
    assert not profile.values_of("platforms")


async def test_a_correction_takes_the_place_of_what_was_said() -> None:
    async with onboarding() as flow:
        conversation = await talk(
            flow,
            "我们做语聊房，主要在印度",
            "学生",
            "不是印度，是印尼",
            "他们很无聊",
            "五千",
            "不是五千，是五万",
        )
    profile = conversation.state.profile
    assert profile.values_of("regions") == ("indonesia",)
    assert profile.values_of("scale") == ("concurrent:50000",)
    assert Counter(conversation.asked) == {"users": 1, "pain": 2, "scale": 1, "platforms": 2}


async def test_the_profile_read_back_is_corrected_until_it_is_right() -> None:
    async with onboarding() as flow:
        before = await answer_all(flow, "we are new", lambda slot, _: ENGLISH[slot], "hang on")
        conversation = Talk([step for step in before.steps if step.state][: len(SLOTS) + 1])
        for text, part in [
            ("no, not Hanoi, Bangkok", "Indonesia and Thailand"),
            ("No, in May", "May 2027"),
            ("the scale is 8,000, not 5,000", "8,000 at the same time"),
            ("also the web", "iOS, Android and web"),
            ("the business model is wrong", "what should the business model be?"),
            ("subscriptions", "revenue: subscription;"),
            ("the launch date isn't fixed yet", "rules to mind"),
        ]:
            conversation.steps.append(await flow.step(conversation.state, said(text)))
            assert part in conversation.last
            assert not conversation.facts
        assert "launch" not in conversation.last
        conversation.steps.append(await flow.step(conversation.state, said("yes, exactly")))
    assert conversation.is_over
    assert conversation.facts == {
        **{name: value for name, value in ENGLISH_FACTS.items() if name != "launch_date"},
        "regions": ("southeast-asia", "Indonesia", "Thailand"),
        "scale": "8,000 at the same time",
        "platforms": ("ios", "android", "web"),
        "business_model": "subscription",
    }


@pytest.mark.parametrize(
    ("no", "slot", "value"),
    [
        ("不是2027年2月14日", "launch_date", "2027-02-14"),
        ("这个不对8000", "scale", "concurrent:8000"),
        ("不对先做印尼", "regions", "indonesia"),
        ("部队2027年2月14日。", "launch_date", "2027-02-14"),
    ],
)
async def test_a_no_without_a_mark_is_of_what_was_read_back(
    no: str, slot: Slot, value: str
) -> None:
    begun = ("我们想做语聊房，面向沙特的年轻人，明年三月上线", "别问了", no)
    async with onboarding() as flow:
        conversation = await talk(flow, *begun)
    assert conversation.state.profile.values_of(slot) == (value,)


async def test_what_is_not_confirmed_is_not_kept() -> None:
    async with onboarding() as flow:
        conversation = await answer_all(
            flow, "我们是新客户", lambda slot, _: MANDARIN[slot], "随便"
        )
    assert not conversation.facts
    assert PHRASES["zh"].not_kept in conversation.steps[-1].texts
    assert conversation.wants(SetChecklist)


async def test_who_asks_back_hears_what_is_meant_and_the_question_in_other_words() -> None:
    async with onboarding() as flow:
        conversation = await talk(flow, "we are new", "what do you mean?", "why do you ask?")
    explained = PHRASES["en"].explain["users"]
    first, second = PHRASES["en"].questions["users"]
    assert conversation.steps[0].texts[-1] == first
    assert list(conversation.steps[1].texts) == [explained, second]
    assert list(conversation.steps[2].texts) == [explained]


async def test_a_yes_to_what_is_no_yes_or_no_question_is_asked_further() -> None:
    async with onboarding() as flow:
        conversation = await talk(
            flow, "我们想接入", *list(MANDARIN.values())[:7], "有的", "有孩子"
        )
    assert conversation.steps[8].texts[0] == PHRASES["zh"].explain["compliance"]
    assert conversation.state.profile.values_of("compliance") == ("children",)


async def test_who_does_not_know_will_not_say_or_skips_is_not_asked_again() -> None:
    def manner(slot: Slot, _: Iterable[Slot]) -> str:
        refuses = {
            "pain": "不知道",
            "scale": "还没定",
            "platforms": "跳过",
            "business_model": "这个保密",
        }
        return refuses.get(slot) or MANDARIN[slot]

    async with onboarding() as flow:
        conversation = await answer_all(flow, "我们想接入", manner, "是的")
    assert conversation.asked == list(SLOTS)
    assert set(conversation.facts) == set(SLOTS) - {"pain", "scale", "platforms", "business_model"}


async def test_what_is_not_understood_is_asked_once_more_and_then_left_open() -> None:
    async with onboarding() as flow:
        conversation = await talk(
            flow, "我们想接入", "老人", "孤单", "呃这个嘛很难讲的那种东西", "反正就是那种东西嘛"
        )
    assert conversation.asked == ["users", "pain", "scenario", "scenario", "regions"]
    assert "scenario" in conversation.state.profile.left_open


async def test_what_an_answer_sounds_like_is_asked_back_and_taken_where_it_is_so() -> None:
    begun = ("我们想做语聊房，给年轻人用", "延迟太高")
    async with onboarding() as flow:
        misheard = await talk(flow, *begun, "先做一女")
        assert misheard.last == PHRASES["zh"].did_you_say.format(value="印尼")
        right = await talk(flow, *begun, "先做一女", "是的")
        wrong = await talk(flow, *begun, "先做一女", "不是")
        other = await talk(flow, *begun, "先做一女", "不是，是泰国")
        again = await talk(flow, *begun, "先做一女", "不是", "先做一女")
    assert right.state.profile.values_of("regions") == ("indonesia",)
    assert not wrong.state.profile.values_of("regions")
    assert wrong.asked[-2:] == ["regions", "regions"]
    assert other.state.profile.values_of("regions") == ("thailand",)
    assert again.asked[-1] == "scale" and "regions" in again.state.profile.left_open


async def test_a_product_in_words_that_no_list_has_is_looked_up() -> None:
    async with onboarding() as flow:
        conversation = await talk(
            flow, "we are new", "collectors", "it is so slow", "people bid for old furniture"
        )
    assert conversation.state.profile.values_of("scenario") == ("auction-live",)
    assert conversation.asked == ["users", "pain", "scenario", "regions"]


async def test_enough_brings_the_advice_and_then_asks_whether_it_is_right() -> None:
    async with onboarding() as flow:
        conversation = await talk(
            flow, "we want to build a dating app", "enough, just tell me what to do"
        )
        advised = conversation.steps[-1]
        assert any("600 milliseconds" in text for text in advised.texts)
        assert "one-to-one social" in advised.texts[-1]
        assert conversation.wants(SetChecklist) and not conversation.facts
        conversation.steps.append(await flow.step(conversation.state, said("yes")))
    assert conversation.is_over
    assert conversation.facts == {"scenario": ("one-to-one",)}
    assert len(conversation.wants(SetChecklist)) == 1
    assert conversation.wants(NoteMatter)[-1] == NoteMatter(
        "onboarding", "one-to-one-social", "solved", words="we want to build a dating app"
    )


async def test_enough_of_a_product_nobody_knows_ends_with_what_holds_for_all() -> None:
    async with onboarding() as flow:
        conversation = await talk(flow, "我们是新客户", "别问了，直接给我建议")
    assert conversation.is_over
    assert PHRASES["zh"].empty in conversation.steps[-1].texts
    assert [one.id for one in conversation.steps[-1].citations] == ["zh/onboarding-30-days"]


async def test_the_language_changes_in_the_middle() -> None:
    async with onboarding() as flow:
        conversation = await talk(
            flow, "我们做语聊房", "老人", "sorry, can we go on in English? They are lonely at home"
        )
        assert conversation.steps[-1].texts[-1] == PHRASES["en"].questions["regions"][0]
        conversation.steps.append(await flow.step(conversation.state, said("沙特")))
        assert conversation.steps[-1].texts[-1] == PHRASES["zh"].questions["scale"][0]
        conversation.steps.append(await flow.step(conversation.state, said("五千")))
        # Names in Latin letters are of either language.
        conversation.steps.append(await flow.step(conversation.state, said("iOS, Android")))
    assert conversation.steps[-1].texts[-1] == PHRASES["zh"].questions["business_model"][0]


async def test_after_something_in_between_the_open_question_comes_again() -> None:
    async with onboarding() as flow:
        conversation = await talk(flow, "we are new", "students")
        back = flow.resume(conversation.state, "en")
        assert list(back.texts) == [PHRASES["en"].back, PHRASES["en"].questions["pain"][1]]
        assert back.state
        conversation.steps.append(await flow.step(back.state, said("they can't hear anything")))
    assert conversation.state.profile.values_of("pain") == ("they can't hear anything",)


async def test_advice_rests_on_entries_and_names_its_figures_and_risks() -> None:
    async with onboarding() as flow:
        conversation = await answer_all(flow, "hi", lambda slot, _: ENGLISH[slot], "yes")
    last = conversation.steps[-1]
    assert [citation.id for citation in last.citations] == [
        *("en/online-education", "en/launch-education", "en/indonesia", "en/vietnam"),
    ]
    practice, launch, indonesia = (
        source(CORPUS / "en" / name)
        for name in (
            "scenario/online-education.md",
            "launch/launch-education.md",
            "global/indonesia.md",
        )
    )
    assert practice.opening in last.texts
    assert indonesia.opening in last.texts
    assert any("150 milliseconds" in text for text in last.texts)
    assert [text for text in last.texts if launch.steps[2] in text]
    assert conversation.wants(SetChecklist) == [SetChecklist("education", launch.steps)]
    assert "13 weeks" in last.texts[-1]


async def test_without_the_knowledge_server_what_was_confirmed_is_kept() -> None:
    async with onboarding(is_away=True) as flow:
        conversation = await answer_all(flow, "hi", lambda slot, _: ENGLISH[slot], "yes")
    assert conversation.facts == ENGLISH_FACTS
    assert PHRASES["en"].advice["away"] in conversation.steps[-1].texts
    assert conversation.wants(NoteMatter)[-1] == NoteMatter("onboarding", "", "open", words="hi")


async def test_a_guest_is_advised_and_has_no_account_to_keep_anything_with() -> None:
    async with onboarding() as flow:
        conversation = await answer_all(
            flow, "hi", lambda slot, _: ENGLISH[slot], "yes", known=None
        )
    assert not conversation.facts
    assert PHRASES["en"].kept not in conversation.texts
    assert conversation.wants(SetChecklist)


async def test_no_question_is_asked_twice_in_the_same_words_nor_what_is_known() -> None:
    async with onboarding() as flow:
        for seed in range(20):
            texts = (await wayward(flow, random.Random(seed))).texts
            asked = Counter(text for text in texts if text in QUESTIONS)
            assert max(asked.values()) == 1, f"seed {seed}"


async def wayward(flow: Onboarding, chance: random.Random) -> Talk:
    """A caller who answers several at once, asks back, digresses, skips; by ``chance``."""
    answers = chance.choice([ENGLISH, MANDARIN])
    asides = ["what do you mean?", "什么意思", "嗯那个", "hm, well", "没听清", "not sure", "跳过"]
    conversation = Talk(
        [await flow.begin(NEW, said(chance.choice(["we are new", "我们是新客户"])))]
    )
    while not conversation.is_over:
        assert len(conversation.steps) < 40, "it never ends"
        state, question = conversation.state, conversation.steps[-1].texts[-1]
        if question in QUESTIONS:
            assert QUESTIONS[question][0] in state.profile.open_slots
        if chance.random() < 0.1:
            conversation.steps.append(flow.resume(state, state.language))
            state = conversation.state
        if state.asked and chance.random() < 0.3:
            text = chance.choice(asides)
        elif state.asked:
            others = [slot for slot in state.profile.open_slots if chance.random() < 0.2]
            told = dict.fromkeys([state.asked, *(s for s in others if s not in ("users", "pain"))])
            text = ("，" if answers is MANDARIN else ", ").join(answers[slot] for slot in told)
        else:
            text = chance.choice(["yes", "对的", "hm"])
        conversation.steps.append(await flow.step(state, said(text)))
    return conversation


def test_the_audio_of_a_question_is_there_whatever_is_said_before_it() -> None:
    made = {(clause.strip(), of) for text, of in fixed_phrases() for clause in split_clauses(text)}
    for question, (_, language) in QUESTIONS.items():
        phrases = PHRASES[language]
        leads = (phrases.begin, phrases.left_open, phrases.not_understood, phrases.back)
        for lead in (*leads, *phrases.acknowledgements):
            for clause in split_clauses(f"{lead}{'' if language == 'zh' else ' '}{question}"):
                assert (clause.strip(), language) in made
