"""The rota: whoever is on call is paged, one after the other, until somebody has it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.service.paging.rota import Page, Responder, Step, next_step, on_call, settled
from agent.service.tickets.business_time import ALWAYS, BusinessHours, Shift

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
PATIENCE = 5 * MINUTE
T0 = datetime(2026, 11, 30, 2, tzinfo=UTC)  # ten o'clock in Shanghai, three in Berlin


def by_day(zone: str) -> BusinessHours:
    return BusinessHours(ZoneInfo(zone), ((Shift(time(9), time(18)),),) * 7)


def responder(
    name: str, *, severities: str = "1234", languages: str = "zh en", hours: BusinessHours = ALWAYS
) -> Responder:
    return Responder(
        name,
        f"{name}'s telephone",
        frozenset(map(int, severities)),
        frozenset(languages.split()),  # type: ignore[arg-type]
        hours,
    )


ROTA = [
    responder("emma", languages="en", hours=by_day("Europe/Berlin")),
    responder("john", languages="en"),
    responder("lin", languages="zh en", hours=by_day("Asia/Shanghai")),
    responder("zhao", languages="zh", severities="1"),
]


@pytest.mark.parametrize(
    ("severity", "language", "hours_later", "names"),
    [
        (1, "zh", 0, ["lin", "zhao", "john"]),
        (1, "en", 0, ["john", "lin", "zhao"]),
        (3, "zh", 0, ["lin", "john"]),
        (1, "en", 7, ["emma", "john", "lin", "zhao"]),  # ten in Berlin, five in Shanghai
        (3, "zh", 9, ["emma", "john"]),  # seven in the evening in Shanghai
    ],
)
def test_who_is_on_call(severity: int, language: str, hours_later: int, names: list[str]) -> None:
    now = T0 + timedelta(hours=hours_later)
    found = on_call(ROTA, severity, language, now)  # type: ignore[arg-type]
    assert [responder.name for responder in found] == names


def test_one_after_the_other_is_paged_until_somebody_has_it() -> None:
    chain = [responder("one"), responder("two")]
    assert next_step(chain, [], PATIENCE, T0) == Step("page", "one")
    first = Page("one", T0)
    waits = Step("wait", at=T0 + PATIENCE, until=T0 + PATIENCE)
    assert next_step(chain, [first], PATIENCE, T0 + MINUTE) == waits
    assert next_step(chain, [first], PATIENCE, T0 + PATIENCE) == Step("page", "two")
    second = Page("two", T0 + PATIENCE)
    late = T0 + 2 * PATIENCE
    assert next_step(chain, [first, second], PATIENCE, late) == Step("nobody")
    taken = Page("one", T0, acknowledged_at=T0 + 6 * MINUTE)
    assert next_step(chain, [taken, second], PATIENCE, late) == Step(
        "taken", "one", T0 + 6 * MINUTE, until=T0 + 11 * MINUTE
    )


def test_who_has_it_and_does_not_come_is_not_waited_for_for_ever() -> None:
    chain = [responder("one"), responder("two")]
    at = T0 + MINUTE
    page = Page("one", T0, acknowledged_at=at)
    until = at + PATIENCE
    assert next_step(chain, [page], PATIENCE, T0 + 2 * MINUTE) == Step("taken", "one", at, until)
    assert next_step(chain, [page], PATIENCE, until) == Step("page", "two")
    came = next_step(chain, [page], PATIENCE, until, {"one": T0 + 3 * MINUTE})
    assert came == Step("taken", "one", at)


def test_who_comes_to_what_another_gave_up_has_it() -> None:
    slow = Page("one", T0, acknowledged_at=T0)
    soon = Page("two", T0, acknowledged_at=T0 + MINUTE)
    late = Page("two", T0 + PATIENCE, acknowledged_at=T0 + 7 * MINUTE)

    def holders(minutes: int, *pages: Page, **came: datetime) -> list[str]:
        found = settled(pages, PATIENCE, came, T0 + minutes * MINUTE)
        found.sort(key=lambda page: page.taken_at or T0)
        return [page.responder for page in found if page.taken_at]

    assert holders(4, slow, soon) == ["one", "two"]  # the first has it
    assert holders(5, slow) == []
    assert holders(8, slow, late) == ["two"]
    assert holders(12, slow, late) == []
    assert holders(30, slow, late, two=T0 + 8 * MINUTE) == ["two"]
    assert holders(30, slow, late, one=T0 + 2 * MINUTE) == ["one", "two"]


def test_who_declines_is_not_waited_for() -> None:
    chain = [responder("one"), responder("two")]
    declined = Page("one", T0, declined_at=T0 + MINUTE)
    assert next_step(chain, [declined], PATIENCE, T0 + MINUTE) == Step("page", "two")


@given(
    people=st.integers(0, 4),
    patience=st.integers(1, 10),
    acknowledges=st.dictionaries(st.integers(0, 3), st.integers(0, 30)),
)
def test_whoever_looks_every_minute_calls_each_once_and_ends(
    people: int, patience: int, acknowledges: dict[int, int]
) -> None:
    """``acknowledges``: who does so, so many minutes after their page, and comes at once."""
    chain = [responder(str(number)) for number in range(people)]
    pages: list[Page] = []
    for minute in range(people * patience + 40):
        now = T0 + minute * MINUTE
        pages = [
            Page(p.responder, p.sent_at, at if at <= now else None)
            for p in pages
            for at in [p.sent_at + acknowledges.get(int(p.responder), 10_000) * MINUTE]
        ]
        came = {p.responder: p.acknowledged_at for p in pages if p.acknowledged_at}
        step = next_step(chain, pages, patience * MINUTE, now, came)
        if step.kind == "page":
            pages.append(Page(step.responder, now))
        if step.kind in ("taken", "nobody"):
            break
    assert step.kind in ("taken", "nobody")
    assert [page.responder for page in pages] == [str(number) for number in range(len(pages))]
    assert all(b.sent_at - a.sent_at == patience * MINUTE for a, b in pairwise(pages))
    if step.kind == "nobody":
        assert len(pages) == people
        assert not any(page.acknowledged_at for page in pages)
