"""A row of quality is taken as it was meant, or refused with the reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.service.quality.rows import (
    FIELDS,
    RefusedRowError,
    Row,
    minute_of,
    moment_of,
    read_csv,
    read_header,
    read_json,
)

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 30, 2, 20, 30, tzinfo=UTC)
FULL: dict[str, Any] = {
    "account": "acme",
    "app": "live",
    "region": "cn-east",
    "minute": "2026-11-30T02:15:00Z",
    "users": 120,
    "stall_rate": 0.0125,
    "latency_ms": 183.4,
    "packet_loss": 0.02,
    "join_attempts": 10,
    "join_successes": 9,
    "join_ms": 412,
    "zone_availability": 1,
}
MINUTE = minute_of(datetime(2026, 11, 30, 2, 15, tzinfo=UTC))
ROW = Row("acme", "live", "cn-east", MINUTE, 120, 12_500, 183, 20_000, 10, 9, 412, 1_000_000)
NEEDED = ("account", "app", "region", "minute", "users")


def line(**changed: Any) -> bytes:
    return json.dumps(FULL | changed, ensure_ascii=False).encode()


def reason(text: bytes) -> str:
    with pytest.raises(RefusedRowError) as refused:
        read_json(text, NOW)
    return str(refused.value)


def test_a_row_is_taken_whole() -> None:
    assert read_json(line(), NOW) == ROW
    assert moment_of(ROW.minute) == datetime(2026, 11, 30, 2, 15, tzinfo=UTC)


def test_csv_says_the_same_as_json_in_any_order_of_columns() -> None:
    names = sorted(FULL)
    header = read_header(",".join(names).encode() + b"\r")
    cells = ",".join(str(FULL[name]) for name in names)
    assert read_csv(cells.encode() + b"\r", header, NOW) == ROW


def test_what_is_not_measured_is_left_out_null_or_an_empty_cell() -> None:
    least = {name: FULL[name] for name in NEEDED}
    bare = Row("acme", "live", "cn-east", MINUTE, 120, *[None] * 7)
    assert read_json(json.dumps(least).encode(), NOW) == bare
    nothing = dict.fromkeys(FIELDS - set(NEEDED))
    assert read_json(json.dumps(least | nothing).encode(), NOW) == bare
    header = read_header(b"account,app,region,minute,users,stall_rate")
    assert read_csv(b"acme,live,cn-east,2026-11-30T02:15Z,120,", header, NOW) == bare


@pytest.mark.parametrize(
    "minute", ["2026-11-30T10:15:00+08:00", "2026-11-30T02:15Z", "2026-11-29T20:45-05:30"]
)
def test_a_minute_is_the_same_in_any_zone(minute: str) -> None:
    assert read_json(line(minute=minute), NOW).minute == MINUTE


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"stall_rate": float("nan")}, "NaN is not a number"),
        ({"latency_ms": float("inf")}, "Infinity is not a number"),
        ({"latency_ms": float("-inf")}, "-Infinity is not a number"),
        ({"stall_rate": 1.5}, "stall_rate is over 1: a rate is a share, not a percentage"),
        ({"packet_loss": -0.1}, "packet_loss is negative"),
        ({"users": -1}, "users is negative"),
        ({"users": 1.5}, "users is not a whole number"),
        ({"users": None}, "users is not there"),
        ({"users": True}, "users is not a number"),
        ({"users": "12"}, "users is not a number"),
        ({"users": 10**30}, "users is over 10000000"),
        ({"latency_ms": 1e9}, "latency_ms is over 600000"),
        ({"join_successes": 11}, "join_attempts and join_successes do not fit each other"),
        ({"join_successes": None}, "join_attempts and join_successes do not fit each other"),
        (
            {"join_attempts": None, "join_successes": None},
            "join_ms is a mean of join_successes, which are not there",
        ),
        ({"minute": "1970-01-01T00:00Z"}, "minute is before 2020"),
        ({"minute": "2026-11-30T02:26Z"}, "minute is more than 5 minutes ahead of us"),
        ({"minute": "2026-11-30T02:15:30Z"}, "minute is not a whole minute"),
        ({"minute": "2026-11-30T02:15"}, "minute does not say its zone"),
        ({"minute": 1796005000}, "minute is not a time"),
        ({"minute": "0001-01-01T00:00+23:59"}, "minute is before 2020"),
        ({"minute": "yesterday"}, "minute is not a time"),
        ({"account": ""}, "account is not a text of 1 to 64"),
        ({"account": "a" * 65}, "account is not a text of 1 to 64"),
        ({"app": None}, "app is not a text"),
        ({"app": "a\0b"}, "app has characters that no name has"),
        ({"region": "\ud800"}, "region has characters that no name has"),
        ({"region": " cn"}, "region has characters that no name has"),
        ({"stal_rate": 0.1}, "no field is called 'stal_rate'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(changed: dict[str, Any], said: str) -> None:
    assert reason(json.dumps(FULL | changed).encode()).startswith(said)


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_and_missing_is_named(name: str) -> None:
    there = {key: value for key, value in FULL.items() if key != name}
    assert reason(json.dumps(there).encode()) == f"{name} is not there"


@pytest.mark.parametrize(
    "text", [b"{", b"\xff\xfe", b"[" * 4000, b"x" * 100, b'{"users": 1e', b'{"a":' * 700]
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    assert reason(text) == "not a line of JSON in UTF-8"


def test_a_number_that_is_too_large_to_be_one_is_refused() -> None:
    assert reason(line().replace(b"183.4", b"1e999")) == "latency_ms is not a number"
    assert reason(b"[1]") == "not a JSON object"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (b"acme,live,cn-east,2026-11-30T02:15Z", "4 cells under 6 columns"),
        (b"acme,live,cn-east,2026-11-30T02:15Z,1,nan", "stall_rate is not a number"),
        (b"acme,live,cn-east,2026-11-30T02:15Z,1,lots", "stall_rate is not a number"),
        (b"acme,live,cn-east,2026-11-30T02:15Z,,0.1", "users is not there"),
        (b'acme,"live,cn-east,2026-11-30T02:15Z,1,0.1', "not a line of CSV in UTF-8"),
        (b"\xff", "not a line of CSV in UTF-8"),
    ],
)
def test_a_row_of_csv_that_cannot_be_is_refused(cells: bytes, said: str) -> None:
    header = read_header(b"account,app,region,minute,users,stall_rate")
    with pytest.raises(RefusedRowError, match=said):
        read_csv(cells, header, NOW)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"account,app,region,minute", "users is not there"),
        (b"account,app,region,minute,users,stall", "no field is called 'stall'"),
        (b"account,app,region,minute,users,users", "a column is there twice"),
    ],
)
def test_columns_that_no_row_can_be_read_by_are_refused(header: bytes, said: str) -> None:
    with pytest.raises(RefusedRowError, match=said):
        read_header(header)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), ANYTHING))
def test_whatever_stands_in_a_row_it_is_taken_or_refused(changed: dict[str, Any]) -> None:
    try:
        row = read_json(json.dumps(FULL | changed).encode(), NOW)
    except RefusedRowError:
        return
    assert row.minute <= minute_of(NOW) + 5 and row.users >= 0
    for rate in (row.stall_ppm, row.loss_ppm, row.zone_ppm):
        assert rate is None or 0 <= rate <= 1_000_000
    assert "".join(row[:3]).isprintable()


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_taken_or_refused(text: bytes) -> None:
    with pytest.raises(RefusedRowError):
        read_json(text, NOW)
    with pytest.raises(RefusedRowError):
        read_csv(text, sorted(FULL), NOW)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2026, 11, 30)), st.integers(-14 * 60, 14 * 60))
def test_minutes_are_those_of_the_calendar(moment: datetime, offset: int) -> None:
    shown = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    elsewhere = shown + timedelta(minutes=offset)
    hours, minutes = divmod(abs(offset), 60)
    sign = "-" if offset < 0 else "+"
    text = f"{elsewhere:%Y-%m-%dT%H:%M}{sign}{hours:02}:{minutes:02}"
    if elsewhere.year >= 2020:
        assert moment_of(read_json(line(minute=text), NOW).minute) == shown
