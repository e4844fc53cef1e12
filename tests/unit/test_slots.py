"""What customers say of their product, in both languages and as heard, is read as they mean it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import pytest

from agent.dialogue.slots.guessing import guess
from agent.dialogue.slots.reader import (
    LIVE,
    Filling,
    Reading,
    Reply,
    is_opening,
    read,
    told_of,
)
from agent.dialogue.slots.words import Slot, load_slot_words, load_vocabulary
from common.settings import PROJECT_ROOT
from knowledge.entries.entry import entry_paths

pytestmark = pytest.mark.unit

TODAY = date(2026, 12, 1)


def values(text: str, slot: Slot, asked: Slot | None = None) -> tuple[str, ...] | None:
    filling = read(text, TODAY, asked).given.get(slot)
    return filling.values if filling else None


@pytest.mark.parametrize(
    ("slot", "text", "wanted"),
    [
        ("scenario", "a dating app", {"one-to-one"}),
        ("scenario", "跟探探差不多，陌生人视频聊天", {"one-to-one"}),
        ("scenario", "like Clubhouse", {"voice-room"}),
        ("scenario", "秀长直播", {"show-live"}),
        ("scenario", "狼人杀，玩家组队语音", {"game-voice"}),
        ("scenario", "an AI tutor that speaks with kids", {"speaking-practice"}),
        ("scenario", "live classes and also recorded ones", {"education"}),
        ("scenario", "a karaoke thing where people sing together", {"karaoke"}),
        ("scenario", "两个人视频", {"one-to-one"}),
        ("regions", "Jakarta", {"indonesia"}),
        ("regions", "沙特还有阿联酋", {"saudi-arabia", "uae"}),
        ("regions", "全球", {"global"}),
        ("regions", "Mainly the US, some in Canada", {"north-america", "Canada"}),
        ("regions", "in the us", {"north-america"}),
        ("regions", "US", {"north-america"}),
        ("regions", "The U.S. and Canada", {"north-america", "Canada"}),
        ("regions", "it matters to us in Germany", {"europe", "Germany"}),
        ("regions", "South Africa and Nigeria", {"africa", "South Africa", "Nigeria"}),
        ("regions", "印度尼西亚", {"indonesia"}),
        ("regions", "音你和曰南", {"indonesia", "vietnam"}),
        ("regions", "Jakart and Bankok", {"indonesia", "thailand"}),
        ("regions", "no, not India, Indonesia", {"indonesia"}),
        ("regions", "不是印度是印尼", {"indonesia"}),
        ("regions", "东南亚，但是不做越南", {"southeast-asia"}),
        ("regions", "印尼不做，只做越南", {"vietnam"}),
        ("regions", "not Germany, France", {"europe", "France"}),
        ("regions", "欧洲，德国法国", {"europe", "德国", "法国"}),
        ("regions", "Ruritania, mostly.", {"Ruritania"}),
        ("regions", "黔东南州", {"黔东南州"}),
        ("regions", "还没定，可能是印尼", {"indonesia"}),
        ("scale", "about 5,000 at the same time", {"concurrent:5000"}),
        ("scale", "日活四十万", {"daily:400000"}),
        ("scale", "日火大概三四十万", {"daily:300000-400000"}),
        ("scale", "日火酒万", {"daily:90000"}),  # 日活九万
        ("scale", "把钱人", {":8000"}),  # 八千人
        ("scale", "三百万月活", {"monthly:3000000"}),
        ("scale", "about 50k DAU, peak maybe 4k concurrent", {"daily:50000", "concurrent:4000"}),
        ("scale", "日活30万峰值2万", {"daily:300000", "concurrent:20000"}),
        ("scale", "half a million users", {"users:500000"}),
        ("scale", "不是五千，是五万", {":50000"}),
        ("scale", "2000", {":2000"}),
        ("scale", "maybe ten thousand people", {":10000"}),
        ("scale", "一开始也就几百人", {":>100"}),
        ("scale", "five hundred rooms, eight people each", {"rooms:500"}),
        ("platforms", "iOS and Android, no web", {"ios", "android"}),
        ("platforms", "no web, only apps", {"ios", "android"}),
        ("platforms", "小城序和安桌", {"mini-program", "android"}),
        ("platforms", "andriod and the brouser", {"android", "web"}),
        ("platforms", "微信小程序就够了", {"mini-program"}),
        ("platforms", "iPhone first, Android later", {"ios"}),
        ("platforms", "It's a Unity game on phones", {"unity", "ios", "android"}),
        ("platforms", "苹果安卓都要，还有 PC", {"ios", "android", "windows"}),
        ("business_model", "会员加广告", {"subscription", "ads"}),
        ("business_model", "靠大赏", {"gifts"}),
        ("business_model", "parents pay per lesson", {"per-lesson"}),
        ("business_model", "按分钟收费", {"per-minute"}),
        ("business_model", "卖给学校，一年一签", {"b2b"}),
        ("compliance", "children, and I think GDPR doesn't apply", {"children"}),
        ("compliance", "用户里有小学生，通话要录音", {"children", "recording"}),
        ("compliance", "数据不能出境", {"data-residency"}),
        ("compliance", "HIPAA obviously", {"hipaa"}),
        ("compliance", "Music rights.", {"Music rights"}),
        ("compliance", "Just the Brazilian privacy law.", {"Just the Brazilian privacy law"}),
        ("compliance", "影视版权。", {"影视版权"}),
        ("compliance", "No.", set()),
        ("compliance", "没什么特别的", set()),
    ],
)
def test_the_answer_to_a_question(slot: Slot, text: str, wanted: Collection[str]) -> None:
    assert set(values(text, slot, slot) or ()) == set(wanted)
    assert slot in read(text, TODAY, slot).given


@pytest.mark.parametrize(
    ("text", "day", "about"),
    [
        ("next month", "2027-01-01", True),
        ("January 28, 2027.", "2027-01-28", False),
        ("28 January 2027", "2027-01-28", False),
        ("February 9th, 2027", "2027-02-09", False),
        ("Jan. 28, 2027", "2027-01-28", False),
        ("the twenty eighth of January, twenty twenty-seven", "2027-01-28", False),
        ("January 2027", "2027-01-01", True),
        ("明年二月十四号", "2027-02-14", False),
        ("Not before March", "2027-03-01", True),
        ("明年三月", "2027-03-01", True),
        ("before Christmas", "2026-12-25", True),
        ("before the Chinese New Year", "2027-02-06", True),
        ("in six weeks", "2027-01-12", True),
        ("六周后", "2027-01-12", True),
        ("三个月以后", "2027-03-01", True),
        ("the fifteenth of January", "2027-01-15", False),
        ("March 3rd", "2027-03-03", False),
        ("三月十五号", "2027-03-15", False),
        ("一月十五", "2027-01-15", False),
        ("三月底", "2027-03-21", True),
        ("end of January", "2027-01-21", True),
        ("Q2", "2027-04-01", True),
        ("明年Q2", "2027-04-01", True),
        ("sometime in spring", "2027-03-01", True),
        ("between March and May", "2027-03-01", True),
        ("下周一", "2026-12-07", False),
        ("next Friday", "2026-12-11", False),
        ("年底", "2026-12-01", True),
        ("2027-03-04", "2027-03-04", False),
        ("two weeks", "2026-12-15", True),
        ("31st of April, I mean 30th of April", "2027-04-30", False),
    ],
)
def test_a_launch_is_a_day(text: str, day: str, about: bool) -> None:
    assert read(text, TODAY, "launch_date").given["launch_date"] == Filling((day,), about=about)


@pytest.mark.parametrize("text", ["we're already live", "我们已经上线了"])
def test_a_launch_may_have_been(text: str) -> None:
    assert values(text, "launch_date", "launch_date") == (LIVE,)


@pytest.mark.parametrize(
    ("slot", "text", "kept"),
    [
        ("users", "Uh, it's teenagers. Thirteen to seventeen.", "teenagers, Thirteen to seventeen"),
        ("users", "主要是大学生吧", "大学生"),
        (
            "users",
            "Mostly students in Jakarta, on Android, about 5,000 at once",
            "students in Jakarta",
        ),
        (
            "pain",
            "They can't see a doctor in the countryside",
            "They can't see a doctor in the countryside",
        ),
        ("pain", "就是听不清楚", "听不清楚"),
        ("business_model", "parents buy packages of tokens", "parents buy packages of tokens"),
    ],
)
def test_own_words_are_kept_without_what_leads_up_to_them(slot: Slot, text: str, kept: str) -> None:
    assert values(text, slot, slot) == (kept,)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (
            "We want to build a dating app for Indonesia, about 5,000 at the same time",
            {"scenario": ("one-to-one",), "regions": ("indonesia",), "scale": ("concurrent:5000",)},
        ),
        (
            "我们做一个面向老人的语聊房，主要在沙特，日活四十万，明年三月上线",
            {
                "users": ("老人",),
                "scenario": ("voice-room",),
                "regions": ("saudi-arabia",),
                "scale": ("daily:400000",),
                "launch_date": ("2027-03-01",),
            },
        ),
        (
            "我们是做在线教育的，用户是小学生，主要问题是老师听不清学生说话，"
            "在印尼和越南，Unity 做的",
            {
                "users": ("小学生",),
                "pain": ("老师听不清学生说话",),
                "scenario": ("education",),
                "regions": ("indonesia", "vietnam"),
                "platforms": ("unity",),
            },
        ),
        (
            "our users are elderly people who talk to their doctors",
            {"users": ("elderly people who talk to their doctors",), "scenario": ("telehealth",)},
        ),
        (
            "我们的 game 要在 Brazil 上线，用 Unity",
            {"regions": ("latin-america", "Brazil"), "platforms": ("unity",)},
        ),
        ("how much does it cost per month for 5,000 users?", {}),
        ("Can the SDK run on Unity?", {}),
        ("We go live on January 19, 2027.", {"launch_date": ("2027-01-19",)}),
        ("February 9, 2027.", {"launch_date": ("2027-02-09",)}),
        ("2027年1月30日开课", {"launch_date": ("2027-01-30",)}),
        ("上线是2027年2月14日，不是2027年1月15日", {"launch_date": ("2027-02-14",)}),
        ("It's February 14, not January 15, that we launch", {"launch_date": ("2027-02-14",)}),
        (
            "We run maths tutoring for teenagers in Peru and want to move our lessons to you",
            {
                "users": ("teenagers in Peru",),
                "scenario": ("education",),
                "regions": ("latin-america", "Peru"),
            },
        ),
        ("我们做小学生的小班课", {"users": ("小学生",), "scenario": ("education",)}),
        ("it's for iOS, and parents watch it", {"users": ("parents",), "platforms": ("ios",)}),
        ("my daughter's birthday is in March", {}),
        ("it takes two minutes and 30 seconds", {}),
        ("hello, good morning", {}),
    ],
)
def test_what_is_said_unasked(text: str, given: dict[Slot, tuple[str, ...]]) -> None:
    found = read(text, TODAY).given
    assert {slot: filling.values for slot, filling in found.items()} == given


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("launch_date", "we don't know yet"),
        ("launch_date", "还没定"),
        ("launch_date", "as soon as possible"),
        ("business_model", "I'd rather not say"),
        ("business_model", "这个保密"),
        ("business_model", "不好意思，这个不能透露。"),
        ("scale", "这个先不说，可以吗？"),
        ("launch_date", "Let's skip that one."),
        ("compliance", "I can't share that, sorry."),
        ("scale", "no idea"),
        ("pain", "Honestly, I don't know"),
        ("compliance", "I'm not sure, our legal team hasn't said"),
    ],
)
def test_who_does_not_know_or_will_not_say_has_answered(asked: Slot, text: str) -> None:
    reading = read(text, TODAY, asked)
    assert asked in reading.left_open
    assert not reading.given


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("compliance", "What do you mean by rules?"),
        ("compliance", "India."),
        ("compliance", "February 9, 2027."),
        ("business_model", "哦不对，地区我说错了，不是越南，是泰国。"),
        (
            "business_model",
            "Sorry, I gave you the wrong peak. It's nine thousand, not two thousand.",
        ),
        ("regions", "The picture takes too long to open."),
    ],
)
def test_what_answers_something_else_is_no_answer_in_words(asked: Slot, text: str) -> None:
    assert asked not in read(text, TODAY, asked).given


@pytest.mark.parametrize(
    "text",
    [
        "Sorry, my colleague Tom takes over here, can we go on in English from now on?",
        "不好意思，我还是说中文吧，后面都用中文可以吗？",
    ],
)
def test_who_wants_another_language_is_asked_again_in_it(text: str) -> None:
    assert read(text, TODAY, "pain") == Reading(reply="repeat")


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("It takes too long to answer.", "pain"),
        ("上麦太慢了。", "pain"),
        ("Students in big cities who feel lonely at night.", "users"),
        ("中东的年轻人，喜欢晚上一起聊天。", "users"),
        ("老人不会操作，进不来。", None),
    ],
)
def test_signs_tell_users_from_what_bothers_them(text: str, slot: Slot | None) -> None:
    assert told_of(text) == slot


def test_a_launch_is_told_by_its_sound() -> None:
    said = read("等等我刚才说错了,上县是2027年2月14日,不是2027年1月15日", TODAY, "platforms")
    assert said.given["launch_date"].values == ("2027-02-14",)


def test_one_syllable_is_no_name_of_two() -> None:
    assert read("先问一句，有效期一般设多长合适？", TODAY, "regions").given == {}
    assert read("西安", TODAY, "regions").given["regions"].values == ("china",)


def test_a_misheard_year_is_no_amount() -> None:
    said = read("上线是2020爱替年2月14日", TODAY, "scale")
    assert "scale" not in said.given and "launch_date" in said.given


def test_a_day_behind_a_misheard_year_is_denied_as_any_other() -> None:
    said = read("上县是2020爱替年2月14日,不是2020爱替年1月15日", TODAY, "platforms")
    assert said.given["launch_date"].values == ("2027-02-14",)
    assert said.denied["launch_date"] == {"2027-01-15"}
    assert values("2000人明年3月上线", "scale") == ("users:2000",)


def test_a_launch_that_is_planned_is_ahead() -> None:
    assert values("计划2007年1月12日", "launch_date", "launch_date") == ("2027-01-12",)
    assert values("2020年2月29日上线", "launch_date") == ("2020-02-29",)
    assert values("我们2020年3月12日已经上线了", "launch_date") == ("2020-03-12",)


def test_what_bothers_them_is_kept_though_an_amount_follows_without_a_mark() -> None:
    said = read("The audio breaks up about 600 at the same time, browser mostly.", TODAY, "pain")
    assert said.given["pain"].values == ("The audio breaks up",)
    assert said.given["scale"].values == ("concurrent:600",)


@pytest.mark.parametrize(
    ("text", "opens"),
    [
        ("做在线K歌，怎么接？", True),
        ("做在线K歌怎么接", True),
        ("坐在线K歌怎么接", True),
        ("在现合唱,结入怎么弄。", True),
        ("在现和唱,结入怎么弄。", True),
        ("K歌怎么做耳返", False),
        ("合唱怎么对齐", False),
    ],
)
def test_who_opens_with_a_product_is_heard_without_marks_and_by_sound(
    text: str, opens: bool
) -> None:
    assert is_opening(text, TODAY, is_trouble=False) is opens


@pytest.mark.parametrize(
    ("asked", "text", "value"),
    [
        ("regions", "先做一女", "indonesia"),
        ("regions", "也加达为主", "indonesia"),
        ("regions", "mostly in Indunisia", "indonesia"),
        ("scale", "可以火酒外Ｇ", ":90000"),
        ("regions", "都有吧", None),
        ("regions", "看情况", None),
        ("scale", "差不多吧", None),
        ("platforms", "一女", None),
    ],
)
def test_what_an_answer_sounds_like_is_guessed(asked: Slot, text: str, value: str | None) -> None:
    assert guess(asked, text) == value


def test_before_is_no_thousand() -> None:
    assert "scale" not in read("以前没统计过", TODAY, "scale").given


def test_what_is_open_may_be_named_unasked() -> None:
    assert read("the launch date isn't fixed yet", TODAY).left_open == {"launch_date"}


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("what do you mean by scale?", "explain"),
        ("规模是什么意思", "explain"),
        ("say that again", "repeat"),
        ("没听清", "repeat"),
        ("skip", "skip"),
        ("下一个吧", "skip"),
        ("enough, just tell me", "enough"),
        ("别问了，直接告诉我方案", "enough"),
        ("对，没错", "yes"),
        ("yes, that's right", "yes"),
        ("不对，上线时间是五月", "no"),
        ("next month", None),
        ("三个人", None),
    ],
)
def test_what_is_no_answer_is_told_apart(text: str, reply: Reply | None) -> None:
    assert read(text, TODAY, "scale").reply == reply


def test_every_value_is_the_vocabularys_and_every_entry_is_there() -> None:
    corpus = PROJECT_ROOT / "knowledge" / "corpus"
    for language in ("zh", "en"):
        stems = {path.stem for path in entry_paths(corpus / language)}
        for meanings in load_slot_words().values.values():
            for meaning in meanings.values():
                assert {meaning.entry, meaning.launch} - {""} <= stems
    names = load_vocabulary().names
    for slot, field in (("scenario", "scenario"), ("regions", "region"), ("platforms", "platform")):
        of = {meaning.of for meaning in load_slot_words().values[slot].values()}  # type: ignore[index]
        assert of == set(names[field])


def test_what_was_said_before_gives_way_to_what_is_said_now() -> None:
    for text in (
        "I said two thousand, it's more like twelve hundred",
        "我刚才说两千，应该是一千二",
    ):
        reading = read(text, TODAY, "scale")
        assert reading.given["scale"].values == (":1200",)
        assert reading.denied["scale"] == {":2000"}
    again = read("as I said, two thousand", TODAY, "scale")
    assert again.given["scale"].values == (":2000",) and not again.denied


@pytest.mark.parametrize("asked", ["platforms", "business_model", "compliance"])
@pytest.mark.parametrize(
    "text", ["等会儿，我说错了，不是泰国，是越南。", "Hold your horses, not Thailand, Vietnam."]
)
def test_a_correction_of_another_slot_is_no_answer_in_own_words(text: str, asked: Slot) -> None:
    reading = read(text, TODAY, asked)
    assert reading.given.keys() == {"regions"}
    assert reading.given["regions"].values == ("vietnam",)


@pytest.mark.parametrize(
    "text", ["我还是说中文吧，方便一点。", "Can we do English? That's easier for me."]
)
def test_why_it_goes_on_in_another_language_says_nothing_of_the_product(text: str) -> None:
    assert read(text, TODAY, "pain") == Reading(reply="repeat")
