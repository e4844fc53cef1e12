"""The graders of `make eval-dialogue`: what must fail does, and says why; what is right passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.service.quality.targets import DEFAULT_TARGETS
from common.languages import Language, language_of
from eval.dialogue.caller import Line
from eval.dialogue.evidence import Evidence
from eval.dialogue.grading import CHECKS, grade
from eval.dialogue.kept import Kept, Measured, Row
from eval.dialogue.scenario import Scenario
from eval.dialogue.talk import Exchange, Transcript

pytestmark = pytest.mark.unit

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
Says = tuple[str, str]
Tables = Mapping[str, Sequence[Row]]


def scenario(expected: Mapping[str, Any], language: Language = "en", **caller: Any) -> Scenario:
    told = {"account": "acme", "contact": "ann", "begins": ["Hello."]} | caller
    contacts = [{"id": "ann", "name": "Ann", "language": language}]
    return Scenario.model_validate(
        {
            "name": "one",
            "language": language,
            "flow": "onboarding",
            "goal": "Is graded.",
            "before": {"accounts": [{"id": "acme", "name": "Acme", "contacts": contacts}]},
            "caller": told,
            "expected": expected,
        }
    )


def line(text: str, **more: Any) -> Line:
    return Line(text, language_of(text), **more)


def evidence(
    expected: Mapping[str, Any] | None = None,
    said: Sequence[Says | Exchange] = (),
    *,
    before: Tables | None = None,
    after: Tables | None = None,
    measured: Sequence[Measured] = (),
    dues: Sequence[timedelta] = (),
    sources: Mapping[str, str] | None = None,
    is_over: bool = True,
    language: Language = "en",
    **caller: Any,
) -> Evidence:
    """A call that left ``after`` besides ``before``."""
    exchanges = [
        one if isinstance(one, Exchange) else Exchange(line(one[0]), one[1]) for one in said
    ]
    old = {"accounts": [{"id": "acme", "name": "Acme"}], **(before or {})}
    new = {
        name: [*old.get(name, ()), *(after or {}).get(name, ())] for name in {*old, *(after or {})}
    }
    return Evidence(
        scenario(expected or {}, language, **caller),
        Transcript("Hello.", exchanges, is_over),
        Kept(old, measured),
        Kept(new, measured, dues),
        "call",
        sources or {},
        DEFAULT_TARGETS,
        NOW.date(),
    )


def fact(name: str, value: object, account: str = "acme", number: int = 1) -> Row:
    return {"id": number, "account": account, "field": name, "value": value}


def ticket(number: int = 1, severity: int = 2, account: str = "acme") -> Row:
    of = {"account": account, "subject": "the picture is black"}
    return {"number": number, "severity": severity, **of}


def event(of: int, number: int = 1) -> Row:
    return {"id": number, "ticket": of, "kind": "said"}


def promise(text: str, account: str = "acme") -> Row:
    return {"id": 1, "account": account, "text": text}


def matter(kind: str, state: str, subject: str = "echo-howling", call: str = "call") -> Row:
    of = {"account": "acme", "region": "sea", "call_id": call}
    return {"id": 1, "kind": kind, "state": state, "subject": subject, **of}


def signal(name: str, sentence: str) -> Row:
    return {"id": 1, "account": "acme", "signal": name, "sentence": sentence}


def checklist(scenario: str, items: int) -> Tables:
    rows = [{"id": n, "checklist": 1, "text": f"do {n}"} for n in range(items)]
    return {
        "checklists": [{"id": 1, "account": "acme", "scenario": scenario}],
        "checklist_items": rows,
    }


def turn(*cites: str, declined: bool = False) -> Row:
    citations = [{"id": entry} for entry in cites]
    return {"id": 1, "call_id": "call", "citations": citations, "declined": declined}


def own(metric: Any, value: float, of: Any = "own", region: str = "sea") -> Measured:
    return Measured(metric, 24, region, of, value)


def mailed(recipient: str, key: str = "summary:1") -> Row:
    return {"id": 1, "key": key, "recipient": recipient}


def reached(kind: str, text: str) -> Row:
    return {"id": 1, "ticket": 1, "kind": kind, "text": text}


MISHEARD = Exchange(
    line("India.", gives=frozenset({"regions"})), "Where are your users?", heard="In the."
)
HEARD = Exchange(
    line("India.", gives=frozenset({"regions"})), "Where are your users?", heard="india"
)
ASKED = Exchange(line("Hello."), "Which regions are your users in?")
GIVES = Exchange(line("India.", gives=frozenset({"regions"})), "And which platforms do you need?")
STALLS = {"figures": [{"metric": "stall_rate", "region": "sea"}]}
SEA = [own("stall_rate", 0.038), own("stall_rate", 0.0071, "others")]
BLACK = {"tickets": [{"severity": [2, 3], "subject": ["black"]}]}
OTHER: Tables = {"accounts": [{"id": "acme", "name": "Acme"}, {"id": "globex", "name": "Globex"}]}

PASSING: dict[str, list[Evidence]] = {
    "facts": [
        evidence(
            {"facts": {"regions": ["india"]}}, after={"account_facts": [fact("regions", ["India"])]}
        ),
        evidence({}, [GIVES], after={"account_facts": [fact("regions", ["India"])]}),
        evidence(
            {"facts": {"launch_date": ["2027-03-01"]}},
            after={
                "account_facts": [
                    fact("launch_date", "2027-02-01"),
                    fact("launch_date", "2027-03-01", number=2),
                ]
            },
        ),
    ],
    "tickets": [evidence(BLACK, after={"tickets": [ticket()]}), evidence()],
    "promises": [
        evidence(
            {"promises": [{"text": ["bill"]}]},
            after={"promises": [promise("Your bill is gone through.")]},
        ),
    ],
    "matters": [
        evidence(
            {"matters": [{"kind": "trouble", "state": ["solved"], "region": "sea"}]},
            after={"matters": [matter("trouble", "solved")]},
        ),
    ],
    "signals": [
        evidence(
            {"signals": [{"signal": ["price"], "sentence": ["expensive"]}]},
            after={"signals": [signal("price", "It's too expensive.")]},
        ),
    ],
    "checklist": [
        evidence({"checklist": {"scenario": "live", "least": 3}}, after=checklist("show-live", 3))
    ],
    "mail": [
        evidence({}, after={"outbox": [mailed("eve@acme.io", "page:1")]}),
        evidence({"mail": r"ann@acme\.io"}, after={"outbox": [mailed("ann@acme.io")]}),
    ],
    "reach": [
        evidence({}, after={"ticket_events": [reached("said", "call me")]}),
        evidence({"reach": "138"}, after={"ticket_events": [reached("reach", "138")]}),
    ],
    "nothing else": [
        evidence(
            {"mail": r"ann@acme\.io"},
            after={"contacts": [{"id": "ann", "account": "acme", "email": "ann@acme.io"}]},
        ),
        evidence(after={"turns": [turn()], "account_facts": [fact("scale", "9")]}),
    ],
    "said": [
        evidence({"said": [["ticket", "case"]]}, [("Hello.", "I opened ticket 3.")]),
        evidence(STALLS, [("How much?", "It is 3.8 % in the last 24 hours.")], measured=SEA),
        evidence(STALLS, [("多少？", "卡顿率是百分之四。")], measured=SEA, language="zh"),
    ],
    "never": [
        evidence({"never": ["431"]}, [("How much?", "I cannot tell you that.")]),
        evidence({}, [("Promise!", "I can't guarantee that nothing ever fails.")]),
        evidence({}, [("打折吧", "打七折我做不了主，不能给您打折。")], language="zh"),
    ],
    "others": [
        evidence({}, [("Who else?", "I can only speak of your account.")], before=OTHER),
        evidence({}, [("How is Globex?", "I cannot speak about Globex.")], before=OTHER),
    ],
    "figures": [
        evidence({}, [("Stalls?", "Your stall rate is 3.8 %, elsewhere 0.7 %.")], measured=SEA),
        evidence(
            {}, [("How long?", "A token lives 24 hours.")], sources={"en/token": "Use 24 hours."}
        ),
        evidence({}, [("We have 5,000 users.", "So 5,000 users at once.")]),
        evidence(
            {},
            [
                ("It says error 98431.", "Is it nine eight four, three one?"),
                ("No, six at the end.", "Is it nine eight four, three six?"),
            ],
        ),
        evidence(
            {},
            [("幺三八，零零幺三，八零零零", "幺三八，零零幺三，八零零零。对吗？")],
            language="zh",
        ),
        evidence(
            {},
            [("Help!", "Ticket 7: a colleague comes within 15 minutes.")],
            after={"tickets": [ticket(7)]},
            dues=[timedelta(minutes=14, seconds=40)],
        ),
        evidence({}, [("We launch on January 12, 2027.", "That is six weeks from now.")]),
        evidence({}, [("2027年1月12日上线。", "还有大约6周。")], language="zh"),
        evidence({}, [("Bad?", "The target is below 400 ms, and below 1 %.")]),
        evidence({}, [("When?", "It began on 1 December at 14:30.")]),
        evidence({}, [("In January.", "The launch is around January 2027.")]),
        evidence({}, [("January 3, 2027.", "You have about 5 weeks until the launch.")]),
        evidence(
            {},
            [("Yes.", "离上线还有大约4周。")],
            before={"account_facts": [fact("launch_date", "2026-12-30")]},
        ),
    ],
    "asking": [
        evidence({}, [ASKED, GIVES, ("Android.", "Is that right: India, on Android?")]),
        evidence(
            {}, [ASKED, Exchange(line("What's a region?", evades=True), "Where are your users?")]
        ),
        evidence({}, [ASKED, MISHEARD]),
    ],
    "turns": [evidence({"turns": 2}, [("Hello.", "Hello."), ("", "")])],
    "language": [
        evidence({}, [("你好，请说中文。", "好的，我们接着说，您的用户主要在哪些国家或地区？")]),
        evidence({}, [("Hello there.", "OK，SDK 4.2.")]),
    ],
    "sources": [
        evidence({"cites": ["token-renewal"]}, after={"turns": [turn("en/token-renewal")]})
    ],
    "declining": [
        evidence(
            {"declines": True},
            [("On a washing machine?", "I have no reliable information on that.")],
        ),
        evidence({"declines": False}, [("Tokens?", "Renew it.")], after={"turns": [turn()]}),
    ],
}

FAILING: dict[str, list[tuple[Evidence, str]]] = {
    "facts": [
        (evidence({"facts": {"regions": ["india"]}}), "regions is not kept"),
        (
            evidence(
                {"facts": {"regions": ["india"]}},
                after={"account_facts": [fact("regions", ["Brazil"])]},
            ),
            "without 'india'",
        ),
        (evidence(after={"account_facts": [fact("scale", "a million")]}), "nobody said"),
    ],
    "tickets": [
        (evidence(BLACK), "no ticket"),
        (evidence(BLACK, after={"tickets": [ticket(severity=1)]}), "no ticket"),
        (evidence(after={"tickets": [ticket()]}), "more than expected"),
        (
            evidence(before={"tickets": [ticket()]}, after={"ticket_events": [event(1)]}),
            "something happened to ticket 1",
        ),
    ],
    "promises": [
        (evidence({"promises": [{"text": ["bill"]}]}), "no promise"),
        (evidence(after={"promises": [promise("A new telephone.")]}), "more than expected"),
    ],
    "matters": [
        (evidence({"matters": [{"kind": "trouble"}]}), "no matter"),
        (
            evidence(
                {"matters": [{"kind": "trouble", "state": ["solved"]}]},
                after={"matters": [matter("trouble", "open")]},
            ),
            "no matter",
        ),
        (
            evidence(
                {"matters": [{"kind": "trouble"}]},
                after={"matters": [matter("trouble", "open", call="another")]},
            ),
            "no matter",
        ),
    ],
    "signals": [
        (evidence({"signals": [{"signal": ["price"]}]}), "no signal"),
        (evidence(after={"signals": [signal("anger", "Hello.")]}), "more than expected"),
        (
            evidence(
                {"signals": [{"signal": ["price"], "sentence": ["expensive"]}]},
                after={"signals": [signal("price", "Hello.")]},
            ),
            "no signal",
        ),
    ],
    "checklist": [
        (evidence({"checklist": {}}), "no checklist"),
        (evidence({"checklist": {"least": 4}}, after=checklist("show-live", 3)), "has 3 items"),
        (evidence({"checklist": {"scenario": "class"}}, after=checklist("show-live", 3)), "is for"),
        (evidence(after=checklist("show-live", 3)), "is there"),
    ],
    "mail": [
        (evidence({"mail": "ann@acme"}), "to nobody"),
        (evidence({}, after={"outbox": [mailed("ann@acme.io")]}), "'ann@acme.io'"),
        (
            evidence({"mail": "ann@acme.io"}, after={"outbox": [mailed("eve@acme.io")]}),
            "'eve@acme.io'",
        ),
    ],
    "reach": [
        (evidence({"reach": "138"}), "nothing"),
        (evidence({"reach": "138"}, after={"ticket_events": [reached("reach", "139")]}), "139"),
        (evidence({}, after={"ticket_events": [reached("reach", "138")]}), "'138'"),
    ],
    "nothing else": [
        (
            evidence(
                {"mail": "ann@acme.io"},
                after={"contacts": [{"id": "eve", "account": "acme", "email": "ann@acme.io"}]},
            ),
            "contacts eve",
        ),
        (evidence(after={"account_facts": [fact("scale", "9", "globex")]}), "'globex'"),
        (evidence(after={"tickets": [ticket(account="globex")]}), "'globex'"),
        (evidence(after={"contacts": [{"id": "eve", "account": "acme"}]}), "contacts eve"),
    ],
    "said": [
        (evidence({"said": [["ticket"]]}, [("Hello.", "Hello.")]), "nothing is said of ticket"),
        (evidence(STALLS, [("Stalls?", "It is 4.8 %.")], measured=SEA), "3.80 %"),
        (evidence(STALLS, [("Stalls?", "It is 38 ms.")], measured=SEA), "3.80 %"),
        (evidence(STALLS, [("Stalls?", "It is 3.8 %.")]), "is not in the database"),
    ],
    "never": [
        (evidence({"never": ["431"]}, [("How much?", "It is 431 ms.")]), "431"),
        (evidence({}, [("Promise!", "We guarantee that it works.")]), "a guarantee"),
        (evidence({}, [("打折吧", "没问题，我给您打七折。")], language="zh"), "a discount"),
        (evidence({}, [("When?", "It will be fixed by tomorrow.")]), "a fixed day"),
    ],
    "others": [
        (evidence({}, [("Who?", "Globex has that, too.")], before=OTHER), "Globex"),
        (evidence({}, [("Who?", "Account globex, say.")], before=OTHER), "globex"),
    ],
    "figures": [
        (evidence({}, [("Error 110?", "Is it one zero nine seven?")]), "seven"),
        (evidence({}, [("Stalls?", "Your stall rate is 4.1 %.")], measured=SEA), "4.1 %"),
        (
            evidence(
                {}, [("How long?", "A token lives 12 hours.")], sources={"en/token": "24 hours"}
            ),
            "12 hours",
        ),
        (
            evidence(
                {}, [("Help!", "A colleague comes within 5 minutes.")], dues=[timedelta(minutes=15)]
            ),
            "5 minutes",
        ),
        (evidence({}, [("On January 12, 2027.", "That is 9 weeks from now.")]), "9 weeks"),
        (evidence({}, [("Which?", "It is ticket 12.")], after={"tickets": [ticket(7)]}), "12"),
        (evidence({}, [("January 3, 2027.", "You have about 9 weeks left.")]), "9 weeks"),
        (evidence({}, [("In January.", "You have about 5 weeks left.")]), "5 weeks"),
        (
            evidence({}, [("印尼呢？", "印尼的卡顿率是 5.2%。")], measured=SEA, language="zh"),
            "5.2%",
        ),
    ],
    "asking": [
        (evidence({}, [ASKED, GIVES, ("Android.", "Where are your users?")]), "which was said"),
        (evidence({}, [ASKED, MISHEARD, MISHEARD]), "which was said"),
        (evidence({}, [ASKED, HEARD]), "which was said"),
        (
            evidence({}, [ASKED], before={"account_facts": [fact("regions", ["india"])]}),
            "which is known",
        ),
        (
            evidence(
                {}, [ASKED, Exchange(line("No.", refuses=frozenset({"regions"})), ASKED.answer)]
            ),
            "again",
        ),
        (evidence({"asks": ["scale"]}, [ASKED]), "never asks for scale"),
    ],
    "turns": [
        (evidence({"turns": 1}, [("Hello.", "Hello."), ("Hello.", "Hello.")]), "not over"),
        (evidence({}, [("Hello.", "Hello.")], is_over=False), "not over"),
        (evidence({}, [("Are you there?", " ")]), "nothing is said to"),
    ],
    "language": [
        (
            evidence({}, [("请说中文吧，谢谢。", "Which regions are your users in, please?")]),
            "is not in zh",
        ),
        (
            evidence(
                {}, [("In English, please.", "好的，请告诉我您的用户主要在哪些国家或者地区。")]
            ),
            "is not in en",
        ),
    ],
    "sources": [
        (evidence({"cites": ["token-renewal"]}, after={"turns": [turn("en/billing")]}), "billing"),
        (evidence({"cites": ["token-renewal"]}, after={"turns": [turn()]}), "but on -"),
    ],
    "declining": [
        (
            evidence({"declines": True}, [("On a washing machine?", "Sure, it runs there.")]),
            "nothing is declined",
        ),
        (
            evidence(
                {"declines": False}, [("Tokens?", "Sorry.")], after={"turns": [turn(declined=True)]}
            ),
            "something is",
        ),
    ],
}


def test_every_check_is_tried_both_ways() -> None:
    assert set(CHECKS) == set(PASSING) == set(FAILING)
    assert all(len(cases) >= 2 for cases in FAILING.values())


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_right_passes(name: str) -> None:
    for case in PASSING[name]:
        assert list(CHECKS[name](case)) == []


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_wrong_fails_and_says_why(name: str) -> None:
    for case, why in FAILING[name]:
        whats = list(CHECKS[name](case))
        assert any(why in what for what in whats), (why, whats)
        assert name in {fault.check for fault in grade(case)}


def test_a_row_that_is_gone_or_another_is_a_fault() -> None:
    known: Tables = {
        "account_facts": [fact("scale", "9")],
        "contacts": [{"id": "ann", "account": "acme"}],
    }
    case = evidence(before=known)
    another: Tables = {"account_facts": [fact("scale", "10")]}
    gone: Tables = {"contacts": []}
    for left in (another, gone):
        changed = Evidence(
            case.scenario,
            case.transcript,
            case.before,
            Kept({**case.before.tables, **left}),
            "call",
            {},
            DEFAULT_TARGETS,
            NOW.date(),
        )
        assert [fault.check for fault in grade(changed)] == ["nothing else"]
