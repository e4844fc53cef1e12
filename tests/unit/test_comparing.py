"""What everybody else has is told without anybody's figures, what is one's own by scope alone."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy import update

from agent.service.database import Database
from agent.service.quality.comparing import Comparisons
from agent.service.quality.rows import Row, minute_of
from agent.service.quality.store import QualityStore, Span
from agent.service.quality.tables import IncidentSeen
from agent.service.scope import Scope
from tests.unit.regions import ACME, BETA, DAY, NOW, ago, break_out

pytestmark = pytest.mark.unit

GUEST, ONE_CALL = Scope(""), Scope("acme", "11111111-1111-1111-1111-111111111111")


@pytest.fixture
def comparisons(regions: Database) -> Comparisons:
    return Comparisons(regions)


async def test_others_are_everybody_but_oneself(comparisons: Comparisons) -> None:
    theirs = await comparisons.others(ACME, ["sea"], DAY, NOW)
    assert theirs and theirs.stall_rate == pytest.approx(0.007)
    ours = await comparisons.others(BETA, ["sea"], DAY, NOW)
    assert ours and ours.stall_rate == pytest.approx((0.038 + 0.007 + 0.009) / 3)


async def test_no_worst_minute_is_told_which_would_be_somebodys(comparisons: Comparisons) -> None:
    theirs = await comparisons.others(ACME, ["sea"], DAY, NOW)
    assert theirs
    assert {value for name, value in asdict(theirs).items() if name.endswith("_worst")} == {None}


async def test_of_two_others_nothing_is_told(comparisons: Comparisons) -> None:
    assert await comparisons.others(ACME, ["jp-kr"], DAY, NOW) is None
    idle = await comparisons.others(Scope("idle"), ["jp-kr"], DAY, NOW)
    assert idle and idle.stall_rate  # three others, for somebody who has nothing there


async def test_nothing_is_told_where_one_of_them_is_more_than_half(
    comparisons: Comparisons,
) -> None:
    assert await comparisons.others(ACME, ["latam"], DAY, NOW) is None
    together = await comparisons.others(ACME, ["latam", "sea"], DAY, NOW)
    assert together is None  # Beta again


async def test_a_figure_that_few_measure_is_not_told_though_many_are_there(
    own_regions: Database,
) -> None:
    minutes = range(minute_of(NOW) - 5, minute_of(NOW))
    rows = [
        Row(account, "live", "na", minute, 10, 5_000, latency, *[None] * 5)
        for account, latency in (("acme", None), ("beta", 100), ("carp", None), ("dace", None))
        for minute in minutes
    ]
    await QualityStore(own_regions).take_in_hours(rows, {})
    theirs = await Comparisons(own_regions).others(ACME, ["na"], DAY, NOW)
    assert theirs and theirs.stall_rate == 0.005
    assert (theirs.latency_ms, theirs.join_ms, theirs.join_success) == (None, None, None)


async def test_whoever_is_no_account_compares_with_nobody(comparisons: Comparisons) -> None:
    for scope in (GUEST, ONE_CALL):
        assert await comparisons.others(scope, ["sea"], DAY, NOW) is None
        assert await comparisons.own(scope, ["sea"], DAY, NOW) == {}
        assert await comparisons.course(scope, ["sea"], DAY, NOW) == []


async def test_ones_own_is_told_here_and_elsewhere(comparisons: Comparisons) -> None:
    own = await comparisons.own(Scope("dace"), ["sea"], DAY, NOW)
    assert own["here"].stall_rate == pytest.approx(0.009)
    weighed = (90 * 0.006 + 9 * 0.03 + 9 * 0.004) / 108
    assert own["elsewhere"].stall_rate == pytest.approx(weighed)
    assert own.keys() == {"here", "elsewhere"}
    assert (await comparisons.own(ACME, ["na"], DAY, NOW)).keys() == {"elsewhere"}
    assert await comparisons.own(ACME, ["sea"], DAY, NOW, app="other") == {}


async def test_a_span_may_end_before_now(comparisons: Comparisons) -> None:
    """Monday, which was before it began, and the hours around that."""

    async def stalls(span: Span) -> float | None:
        return (await comparisons.own(ACME, ["sea"], span, NOW))["here"].stall_rate

    assert await stalls(Span("days", 1, 3)) == 0.003
    assert await stalls(Span("days", 1, 1)) == 0.038
    on_tuesday = (9 * 0.003 + 15 * 0.038) / 24
    assert await stalls(Span("days", 1, 2)) == pytest.approx(on_tuesday)
    assert await stalls(Span("hours", 24, 37)) == pytest.approx(on_tuesday)


async def test_the_course_is_told_by_hours_and_days(comparisons: Comparisons) -> None:
    hours = await comparisons.course(ACME, ["sea"], Span("hours", 54), NOW)
    assert hours[0].begins == ago(53.5) and hours[-1].begins == ago(1.5)
    rates = [one.summary.stall_rate for one in hours]
    assert rates == [0.003] * 2 + [0.038] * 51
    days = await comparisons.course(ACME, ["sea"], Span("days", 4), NOW)
    assert [one.begins.day for one in days] == [30, 1, 2, 3]
    assert [one.summary.minutes for one in days] == [1440, 1440, 1440, 720]
    both = await comparisons.course(ACME, ["sea", "eu"], Span("hours", 2), NOW)
    assert [one.summary.user_minutes for one in both] == [10_800]


async def test_an_incident_is_told_by_its_ticket_and_nobody_in_it(
    own_regions: Database,
) -> None:
    comparisons = Comparisons(own_regions)
    assert await comparisons.incident(["sea"], NOW) is None
    seen = await break_out(own_regions)
    found = await comparisons.incident(["eu", "sea"], NOW)
    assert found and (found.ticket, found.region, found.accounts) == (seen.ticket, "sea", 3)
    assert "beta" not in str(asdict(found))
    assert await comparisons.incident(["eu"], NOW) is None
    assert await comparisons.incident(["sea"], NOW + timedelta(hours=2)) is None
    async with own_regions.transaction() as session:
        await session.execute(update(IncidentSeen).values(settled_at=NOW))
    assert await comparisons.incident(["sea"], NOW) is None
