"""Whole conversations about a trouble: figures first, one question at a time, then the playbook.

A caller in code tells their trouble and answers what they are asked, by what they know; they are
asked nothing that they do not know, nothing twice, and nothing that they have said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from agent.dialogue.contract import CallPerson, NoteMatter, Want
from agent.dialogue.flow import Said
from agent.dialogue.flows.troubleshooting import Trouble, Troubleshooting
from agent.prompts import fixed_phrases, load_flow
from agent.service.database import Database
from agent.service.quality.tables import IncidentSeen
from agent.service.quality.targets import DEFAULT_TARGETS
from agent.service.scope import Scope
from common.languages import Language, language_of
from knowledge.contract import Retrieval
from tests.unit.entries import CORPUS, NOTHING, entry, find, found, title
from tests.unit.regions import ACME, NAMES, NOW, break_out

pytestmark = pytest.mark.unit

GUEST = Scope("")
PHRASES = load_flow("troubleshooting")
FIGURES = load_flow("figures")


@dataclass
class Call:
    """What was said and wanted in a call."""

    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)
    state: Trouble | None = None

    @property
    def matters(self) -> list[tuple[str, str, str]]:
        return [(o.subject, o.state, o.region) for o in self.wants if isinstance(o, NoteMatter)]

    @property
    def persons(self) -> list[str]:
        return [one.subject for one in self.wants if isinstance(one, CallPerson)]


@dataclass
class Caller:
    """Somebody with a trouble, who knows the answers to some questions."""

    flow: Troubleshooting
    answers: Mapping[str, str]
    """By words of the question; what helps, by words of the step."""
    otherwise: str
    """What they say to any step that does not help."""
    scope: Scope = ACME

    async def call(
        self,
        trouble: str,
        retrieval: Retrieval = NOTHING,
        *,
        earlier: Sequence[NoteMatter] = (),
        then: Retrieval | None = None,
    ) -> Call:
        call, language = Call(), language_of(trouble)
        step = await self.flow.begin(Said(trouble, language, NOW), self.scope, retrieval, earlier)
        while True:
            call.said += step.texts
            call.wants += step.wants
            call.state = step.state
            if step.state is None:
                return call
            asked = " ".join(step.texts[-2:])
            assert asked not in call.asked, f"asked twice: {asked}"
            call.asked.append(asked)
            known = (answer for words, answer in self.answers.items() if words in asked)
            says = next(known, self.otherwise)
            step = await self.flow.step(step.state, Said(says, language, NOW), self.scope, then)


@pytest.fixture
def flow(regions: Database) -> Troubleshooting:
    return Troubleshooting(regions, DEFAULT_TARGETS, find)


def entries(
    *subjects: str, language: Language = "zh", scores: Sequence[float] = (0.9, 0.1)
) -> Retrieval:
    return found(*(CORPUS[f"{language}/{subject}"] for subject in subjects), scores=scores)


# --- what the figures show


async def test_stalls_of_ones_own_lead_to_what_was_released_that_day(flow: Troubleshooting) -> None:
    """As in the question that this was built for."""
    caller = Caller(flow, {"周二，您那边发布了": "升级了SDK", "先降码率": "好了，恢复了"}, "没用")
    call = await caller.call(
        "我们印尼用户这两天卡顿特别严重，是不是你们的问题？", entries("indonesia", "stall-rate")
    )
    assert call.said[:7] == [
        "查到了。",
        "印尼的数据算在东南亚里。",
        "过去48小时，您在东南亚的卡顿率是3.8%，其他地区0.9%。",
        "目标是低于1%。",
        "那里的其他客户是0.7%。",
        "所以问题多半在您这一侧。",
        "周二，您那边发布了什么，或者改了什么？",
    ]
    zh = PHRASES["zh"].fixed
    assert call.said[7:] == [
        zh["changed_sdk"],
        "先记下时段和机型。",
        zh["did_it_help"],
        "先降码率。",
        zh["did_it_help"],
        zh["solved"],
    ]
    assert call.matters == [("stall-rate", "open", "sea"), ("stall-rate", "solved", "sea")]


async def test_the_same_in_english_until_a_person_comes(flow: Troubleshooting) -> None:
    caller = Caller(
        flow, {"What did you release": "nothing, we changed nothing"}, "no, same as before"
    )
    call = await caller.call(
        "Our users in Jakarta have had terrible stalls since Tuesday, is it you?",
        entries("indonesia", "stall-rate", language="en"),
    )
    en = PHRASES["en"].fixed
    assert call.said[2:8] == [
        "In the last 24 hours your stall rate in South-East Asia was 3.8%, elsewhere 0.9%.",
        "The target is below 1%.",
        "Other customers there were at 0.7%.",
        "So it is probably on your side of the line.",
        "What did you release or change on Tuesday?",
        en["unchanged_noted"],
    ]
    assert call.said[-1] == en["to_person"]
    (subject,) = call.persons
    assert subject.startswith("Our users in Jakarta have had terrible stalls")
    assert "Lower the bitrate first." in subject and "Indonesia" in subject
    assert call.matters[-1] == ("stall-rate", "handed_over", "sea")


async def test_what_was_changed_is_not_asked_of_who_has_said_it(flow: Troubleshooting) -> None:
    caller = Caller(flow, {"有改善吗": "好了，恢复了"}, "?")
    call = await caller.call("周二我们升级了SDK，之后印尼一直卡顿")
    assert not [one for one in call.said if "发布了什么" in one]
    at = call.said.index("周二开始的。")
    assert call.said[at + 1] == PHRASES["zh"].fixed["changed_sdk"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("换了签token的服务", "token"),
        ("我们把分辨率从720调到1080了", "settings"),
        ("公司换了代理，走专线了", "network"),
        ("在那边接了新的运营商", "region"),
        ("周二做了个大促活动", "traffic"),
        ("周二发了新版", "release"),
    ],
)
async def test_what_was_changed_has_a_hint_of_its_own(
    flow: Troubleshooting, answer: str, kind: str
) -> None:
    caller = Caller(flow, {"发布了什么": answer, "有改善吗": "好了，恢复了"}, "好了，恢复了")
    call = await caller.call("印尼一直卡顿")
    assert PHRASES["zh"].fixed[f"changed_{kind}"] in call.said


async def test_a_change_leads_to_its_playbook_and_then_to_that_of_the_trouble(
    flow: Troubleshooting,
) -> None:
    caller = Caller(flow, {"发布了什么": "把码率调高了一倍"}, "没有用")
    call = await caller.call("印尼一直卡顿")
    first = next(at for at, text in enumerate(call.said) if "关掉高清" in text)
    then = next(at for at, text in enumerate(call.said) if "记下时段" in text)
    assert first < then
    assert len(call.persons) == 1


async def test_what_was_changed_is_known_by_its_meaning_where_no_word_tells_it(
    flow: Troubleshooting,
) -> None:
    first = await flow.begin(Said("印尼一直卡顿", "zh", NOW), ACME, NOTHING)
    assert first.state
    heavier = entry("zh/video-resolution-bitrate", topic="media")
    said = Said("周二我们换了个更费的档位", "zh", NOW)
    step = await flow.step(first.state, said, ACME, found(heavier))
    assert step.texts[0] == PHRASES["zh"].fixed["changed_settings"]


async def test_an_incident_that_is_over_is_told_to_who_speaks_of_its_time(
    own_regions: Database,
) -> None:
    seen = await break_out(own_regions)
    async with own_regions.transaction() as session:
        was = await session.get(IncidentSeen, seen.id)
        assert was
        was.settled_at = NOW
        was.ends_at -= timedelta(hours=2)
        was.begins_at -= timedelta(hours=2)
    flow = Troubleshooting(own_regions, DEFAULT_TARGETS, find)
    step = await flow.begin(
        Said("两个小时前新加坡全都卡住了，现在好了，怎么回事？", "zh", NOW), ACME, NOTHING
    )
    assert f"编号{seen.ticket}" in step.texts[1] and "已经结束" in step.texts[1]
    assert step.state is None and step.texts[-1] == PHRASES["zh"].fixed["passed"]
    other = await flow.begin(Said("日本卡住了，现在好了", "zh", NOW), ACME, NOTHING)
    assert not any("事故" in text for text in other.texts)


async def test_who_does_not_believe_the_figures_is_believed(flow: Troubleshooting) -> None:
    first = await flow.begin(Said("Europe is stuttering.", "en", NOW), ACME, NOTHING)
    assert first.state and first.state.is_normal
    said = Said("Your numbers are wrong, they stutter.", "en", NOW)
    step = await flow.step(first.state, said, ACME, NOTHING)
    assert step.texts[0] == PHRASES["en"].fixed["doubted"]


@pytest.mark.parametrize(
    ("said", "is_told"),
    [
        ("广州的学员天天投诉卡，你们到底管不管？", True),
        ("In Japan everything stutters. Can you check?", True),
        ("控制台一直刷幺零九，啥意思？", True),
        ("昨晚那场直播的录制文件没了", True),
        ("Doctors can't get into the call from the hospital network.", True),
        ("怎么降低卡顿率？", False),
        ("How does recording work when the storage is empty?", False),
        ("Which ports must the firewall let through?", False),
    ],
)
def test_a_trouble_is_told_from_a_question_about_one(
    flow: Troubleshooting, said: str, *, is_told: bool
) -> None:
    assert flow.is_told(Said(said, language_of(said), NOW)) is is_told


def test_who_says_which_users_or_gives_an_example_calls_nobody(flow: Troubleshooting) -> None:
    for said in ("全部主播。", "u-19。", "all of them", "p-4410"):
        assert flow.is_plain_answer(Said(said, language_of(said), NOW)), said
    for said in (
        "everything is down for all of our users since nine",
        "全部用户都掉线了，直播停了",
    ):
        assert not flow.is_plain_answer(Said(said, language_of(said), NOW)), said


async def test_what_everybody_has_there_goes_to_a_person_at_once(flow: Troubleshooting) -> None:
    call = await Caller(flow, {}, "?").call("中东的用户一直卡", entries("stall-rate"))
    assert FIGURES["zh"].fixed["region_side"] in call.said
    assert call.said[-1] == PHRASES["zh"].fixed["region_side"] and not call.asked
    assert len(call.persons) == 1 and call.matters == [("stall-rate", "handed_over", "mena")]


async def test_an_incident_is_told_at_once_with_its_number(
    own_regions: Database,
) -> None:
    seen, flow = await break_out(own_regions), Troubleshooting(own_regions, DEFAULT_TARGETS, find)
    call = await Caller(flow, {}, "?").call("Everything freezes in Indonesia!")
    assert call.said[1] == (
        f"There is an incident in South-East Asia right now, number {seen.ticket},"
        " with 3 customers in it."
    )
    assert not call.asked and not call.persons
    assert call.matters == [("stall-rate", "handed_over", "sea")]


async def test_of_what_is_normal_an_example_is_asked(flow: Troubleshooting) -> None:
    zh = PHRASES["zh"].fixed
    caller = Caller(flow, {zh["example"]: "昨晚九点，用户 88", "先降码率": "好了，正常了"}, "没有")
    call = await caller.call("欧洲用户说卡顿", entries("stall-rate"))
    assert call.said[call.said.index(zh["example"]) - 1] == FIGURES["zh"].fixed["normal"]
    assert zh["noted"] in call.said and call.matters[-1] == ("stall-rate", "solved", "eu")


async def test_an_example_from_elsewhere_is_looked_at_there(flow: Troubleshooting) -> None:
    en = PHRASES["en"].fixed
    caller = Caller(
        flow, {en["example"]: "user 12 in Jakarta", "What did you": "no idea"}, "it works now"
    )
    call = await caller.call("video stalls in Europe, or so they say")
    assert not [one for one in call.said if "South-East Asia" in one]  # they said Europe
    call = await caller.call("our latency is awful")
    assert [one for one in call.said if "your latency in South-East Asia was 200" in one]


# --- nothing that figures show


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_guest_is_asked_what_decides_the_way_and_hears_no_figures(
    flow: Troubleshooting, language: Language
) -> None:
    said = PHRASES[language].fixed
    zh = {"reach": "很多用户", "where": "印尼", "changed": "前天开始的，没改过什么"}
    en = {"reach": "many", "where": "in Indonesia", "changed": "on Tuesday, nothing changed"}
    told = zh if language == "zh" else en
    caller = Caller(
        flow, {said[slot]: answer for slot, answer in told.items()}, "好了，恢复了", GUEST
    )
    caller = caller if language == "zh" else replace(caller, otherwise="yes, it works now")
    call = await caller.call("卡顿很严重" if language == "zh" else "there are stalls")
    assert call.said[0] == said["unseen"]
    assert [one for one in call.said if one in said.values()] == [
        *(said[name] for name in ("unseen", "reach", "where", "changed", "unchanged_noted")),
        *(said["did_it_help"], said["solved"]),
    ]
    assert not re.search(r"\d", " ".join(call.said))
    assert call.matters[-1] == ("stall-rate", "solved", "sea")


async def test_three_answers_in_one_breath_are_three(flow: Troubleshooting) -> None:
    caller = Caller(flow, {}, "好了，恢复了", GUEST)
    call = await caller.call("印尼很多用户卡顿，前天我们刚更新了版本")
    assert call.asked == [f"先记下时段和机型。 {PHRASES['zh'].fixed['did_it_help']}"]
    caller = Caller(
        flow, {PHRASES["zh"].fixed["reach"]: "很多，都在印尼，没改过东西"}, "好了", GUEST
    )
    call = await caller.call("一直卡顿")
    assert len(call.asked) == 2


async def test_of_one_user_no_country_is_asked(flow: Troubleshooting) -> None:
    en = PHRASES["en"].fixed
    caller = Caller(flow, {en["changed"]: "yesterday, no change"}, "it works now", GUEST)
    call = await caller.call("just one user stutters")
    assert en["where"] not in call.said and en["reach"] not in call.said


async def test_a_trouble_that_no_figure_shows_goes_to_its_playbook(flow: Troubleshooting) -> None:
    call = await Caller(flow, {"同一个房间": "不是", "戴上耳机": "没了，好了"}, "?").call(
        "用户听到回声", entries("echo-howling")
    )
    assert call.said == [
        PHRASES["zh"].fixed["begin"],
        "同一个房间里有几台设备吗？",
        "请对面戴上耳机。回声没了吗？",
        PHRASES["zh"].fixed["solved"],
    ]
    assert call.matters == [("echo-howling", "open", ""), ("echo-howling", "solved", "")]


async def test_what_is_no_trouble_yet_is_asked_for(flow: Troubleshooting) -> None:
    en = PHRASES["en"].fixed
    caller = Caller(flow, {en["what"]: "there is an echo"}, "it works now")
    call = await caller.call("it does not work", then=entries("echo-howling", language="en"))
    assert call.asked[0].endswith(en["what"]) and call.matters[-1][:2] == ("echo-howling", "solved")


async def test_what_nobody_has_written_of_goes_to_a_person(flow: Troubleshooting) -> None:
    zh = PHRASES["zh"].fixed
    call = await Caller(flow, {zh["what"]: "设备会唱歌"}, "?").call("出问题了", then=NOTHING)
    assert call.said[-1] == zh["no_playbook"] and "设备会唱歌" in call.persons[0]


# --- which entry


@pytest.mark.parametrize(
    ("answer", "subject"),
    [
        ("后一个", "frozen-picture"),
        ("前者", "black-screen"),
        ("画面是定住的", "frozen-picture"),
        ("全黑，没有画面", "black-screen"),
        ("嗯", "black-screen"),
    ],
)
async def test_two_that_are_close_are_told_apart_by_one_question(
    flow: Troubleshooting, answer: str, subject: str
) -> None:
    call = await Caller(flow, {"更像": answer}, "好了，恢复了").call(
        "视频有问题", entries("black-screen", "frozen-picture", scores=(0.5, 0.45))
    )
    first, second = title("black-screen", "zh"), title("frozen-picture", "zh")
    assert call.asked[0].endswith(f"您的情况更像“{first}”，还是“{second}”？")
    assert call.matters == [(subject, "open", ""), (subject, "solved", "")]


async def test_of_a_trouble_that_a_figure_shows_its_own_entry_tells_two_apart(
    flow: Troubleshooting,
) -> None:
    call = await Caller(flow, {}, "好了，恢复了", GUEST).call(
        "巴西的用户都卡顿", entries("black-screen", "frozen-picture", scores=(0.5, 0.45))
    )
    assert not any("更像" in asked for asked in call.asked)
    assert call.matters[-1] == ("stall-rate", "solved", "latam")


@pytest.mark.parametrize(
    "said",
    [
        "Drivers can hear dispatch, but dispatch can't hear the drivers.",
        "主播听得到观众，观众听不到主播",
    ],
)
async def test_who_hears_and_is_not_heard_is_understood_whatever_was_found(
    flow: Troubleshooting, said: str
) -> None:
    language = language_of(said)
    step = await flow.begin(Said(said, language, NOW), GUEST, entries("black-screen"))
    assert [w.subject for w in step.wants if isinstance(w, NoteMatter)] == ["one-way-audio"]


async def test_of_two_that_are_not_close_nothing_is_asked(flow: Troubleshooting) -> None:
    call = await Caller(flow, {}, "好了，恢复了").call(
        "黑屏", entries("black-screen", "frozen-picture", scores=(0.8, 0.4))
    )
    assert call.asked == ["先看摄像头。 这样有改善吗？"]


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("进房间报错一百零九", "zh"),
        ("进房间报错误码一零九", "zh"),
        ("I get error one oh nine when I open it", "en"),
        ("error code 109", "en"),
    ],
)
async def test_a_code_that_is_read_out_picks_the_entry_that_has_it(
    flow: Troubleshooting, said: str, language: Language
) -> None:
    step = await flow.begin(
        Said(said, language, NOW), ACME, entries("join-failure", "token-renewal", language=language)
    )
    assert step.state and step.state.subject == "token-renewal"
    assert step.citations[0].id == f"{language}/token-renewal"


async def test_of_a_trouble_that_is_no_subject_of_the_corpus_it_is_asked_what_it_is(
    flow: Troubleshooting,
) -> None:
    """How to go live in a country is no answer to a trouble there."""
    retrieval = entries("indonesia", language="en")
    step = await flow.begin(Said("something is wrong in Brazil", "en", NOW), ACME, retrieval)
    assert step.texts[-1] == PHRASES["en"].fixed["what"] and not step.wants
    assert "Jakarta" not in flow.query(Said("Users in Jakarta hear nothing", "en", NOW))
    assert flow.query(Said("雅加达的用户听不到声音", "en", NOW)).strip() == "的用户听不到声音"
    complained = Said("学生说老师嘴先动 声音后到 家长都投诉了", "zh", NOW)
    assert flow.query(complained).strip() == "老师嘴先动 声音后到"


async def test_the_figures_of_the_entry_are_told_where_no_word_names_one(
    flow: Troubleshooting,
) -> None:
    """The entry that is found says which figures show it; where there are none, it is walked."""
    told = Said("People in Jakarta have a terrible experience", "en", NOW)
    step = await flow.begin(told, ACME, entries("stall-rate", language="en"))
    assert any("3.8%" in text for text in step.texts)
    assert step.state and step.state.metric == "stall_rate"
    unseen = await flow.begin(told, GUEST, entries("stall-rate", language="en"))
    assert not any("%" in text for text in unseen.texts)


async def test_the_best_entry_on_a_trouble_is_walked_though_another_is_of_the_place(
    flow: Troubleshooting,
) -> None:
    said = Said("学生端是黑的", "zh", NOW)
    for score, subject in ((0.15, "black-screen"), (0.02, "")):
        of_the_place = entries("indonesia", "black-screen", scores=(0.84, score))
        step = await flow.begin(said, ACME, of_the_place)
        assert step.state and step.state.subject == subject


async def test_who_is_handed_over_has_a_matter_that_is_a_persons(flow: Troubleshooting) -> None:
    step = await flow.begin(Said("黑屏了", "zh", NOW), ACME, entries("black-screen"))
    assert step.state
    (matter,) = flow.handed_over(step.state)
    assert isinstance(matter, NoteMatter)
    assert (matter.subject, matter.state) == ("black-screen", "handed_over")


async def test_where_figures_show_stalls_they_are_told_though_the_trouble_was_misheard(
    flow: Troubleshooting,
) -> None:
    said = Said("东南亚用湖一直喊塔,你们是不是粗故障碍?", "zh", NOW)
    step = await flow.begin(said, ACME, NOTHING)
    assert "过去24小时，您在东南亚的卡顿率是3.8%，其他地区0.9%。" in step.texts
    assert step.state and step.state.subject == "stall-rate"


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("There's a terrible echo in our meetings.", True),
        ("One of our users causes an echo for all the others.", True),
        ("会议里有回音，很明显。", True),
        ("How do I turn on echo cancellation?", False),
        ("东南亚用古意志罕谈?你们是不是粗故障碍?", True),
        ("你们是不是在东南亚有节点？", False),
        ("有没有回声消除？", False),
    ],
)
def test_an_echo_that_is_complained_of_is_a_trouble(
    flow: Troubleshooting, text: str, is_told: bool
) -> None:
    assert flow.is_told(Said(text, language_of(text), NOW)) is is_told


async def test_a_count_is_no_code(flow: Troubleshooting) -> None:
    step = await flow.begin(
        Said("房间里109个人都黑屏", "zh", NOW), ACME, entries("black-screen", "token-renewal")
    )
    assert step.state and step.state.subject == "black-screen"


# --- from call to call, and in between


EARLIER = [
    NoteMatter("trouble", "echo-howling", "solved", "", "有回声"),
    NoteMatter("trouble", "stall-rate", "open", "sea", "雅加达的用户卡顿"),
    NoteMatter("question", "indonesia", "open"),
]


@pytest.mark.parametrize("said", ["昨天那个问题还在", "The problem from yesterday is still there"])
async def test_the_problem_of_yesterday_is_known(flow: Troubleshooting, said: str) -> None:
    step = await flow.begin(Said(said, language_of(said), NOW), ACME, NOTHING, EARLIER)
    assert step.texts[0] == PHRASES[language_of(said)].filled["earlier"]
    assert any("3.8%" in text for text in step.texts)
    assert step.state and (step.state.subject, step.state.region) == ("stall-rate", "sea")
    (noted,) = step.wants
    assert isinstance(noted, NoteMatter) and noted.words == "雅加达的用户卡顿"


async def test_a_new_trouble_is_not_taken_for_yesterdays(flow: Troubleshooting) -> None:
    step = await flow.begin(Said("有回声", "zh", NOW), ACME, entries("echo-howling"), EARLIER[1:])
    assert step.state and step.state.subject == "echo-howling"


async def test_after_a_question_in_between_one_is_brought_back(flow: Troubleshooting) -> None:
    step = await flow.begin(Said("印尼一直卡顿", "zh", NOW), ACME, NOTHING)
    assert step.state
    back = flow.resume(step.state, "zh")
    assert back == f"{PHRASES['zh'].fixed['go_back']}周二，您那边发布了什么，或者改了什么？"
    assert flow.resume(step.state, "en") == PHRASES["en"].fixed["go_back"]
    step = await flow.step(step.state, Said("没改过", "zh", NOW), ACME)
    assert step.state and flow.resume(step.state, "zh").endswith("这样有改善吗？")


async def test_who_wants_to_look_first_is_waited_for(flow: Troubleshooting) -> None:
    begun = await flow.begin(Said("印尼一直卡顿", "zh", NOW), ACME, NOTHING)
    assert begun.state
    step = await flow.step(begun.state, Said("等一下，我问问同事", "zh", NOW), ACME)
    assert step.texts == [PHRASES["zh"].fixed["wait"]] and step.state == begun.state
    step = await flow.step(begun.state, Said("问题已经解决了", "zh", NOW), ACME)
    assert step.state is None and step.texts == [PHRASES["zh"].fixed["solved"]]


async def test_who_cannot_tell_what_was_changed_is_taken_on(flow: Troubleshooting) -> None:
    begun = await flow.begin(Said("stalls in Jakarta", "en", NOW), ACME, NOTHING)
    assert begun.state
    step = await flow.step(begun.state, Said("I don't know", "en", NOW), ACME)
    assert step.texts[0] == PHRASES["en"].fixed["noted"] and step.state and step.state.walk


async def test_nobody_else_is_spoken_of(flow: Troubleshooting) -> None:
    others = "|".join(name for name in NAMES.values() if name != "Acme")
    for trouble in (
        "拉美一直卡顿",
        "stalls in Brazil",
        "Beta Live 也卡吗，印尼",
        "everyone stalls",
    ):
        call = await Caller(flow, {}, "no").call(trouble)
        assert not re.search(f"{others}|12.3|11", " ".join(call.said))


def test_questions_have_their_audio_made_ahead() -> None:
    made = fixed_phrases()
    for language, phrases in PHRASES.items():
        assert all((text, language) in made for text in phrases.fixed.values())
        assert phrases.fixed.keys() == PHRASES["en"].fixed.keys()
        assert phrases.filled.keys() == PHRASES["en"].filled.keys()
    assert FIGURES["zh"].fixed.keys() == FIGURES["en"].fixed.keys()
    assert FIGURES["zh"].filled.keys() == FIGURES["en"].filled.keys()
