"""A row of quality: a line of JSON or CSV in; the row, or why it is refused, out.

A row is one minute of an account's app in a region. Fields, those with * needed:

- ``account``*, ``app``*, ``region``*; ``minute``*: ISO 8601 with its zone, a whole minute.
- ``users``*: who were there in that minute.
- ``stall_rate``, ``packet_loss``, ``zone_availability``: 0 to 1.
- ``latency_ms``: the mean, end to end, of that minute.
- ``join_attempts``, ``join_successes``; ``join_ms``: the mean of those that succeeded.

What an operator does not measure is left out, null, or an empty cell.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

#: A row takes 300 bytes; what is longer is none.
LONGEST_LINE: Final = 4096
#: Clocks of hosts differ so much at most, minutes.
AHEAD_MINUTES: Final = 5
#: A row from before is one whose clock was not set.
EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_USERS: Final = 10_000_000
_MOST_MS: Final = 600_000
_NAMES: Final = {"account": 64, "app": 64, "region": 32}
_NEEDED: Final = ("account", "app", "region", "minute", "users")
FIELDS: Final = frozenset(
    {
        *_NEEDED,
        *("stall_rate", "latency_ms", "packet_loss", "join_attempts", "join_successes"),
        *("join_ms", "zone_availability"),
    }
)


class RefusedRowError(ValueError):
    """Why a row cannot be taken, for whoever sent it."""


class Row(NamedTuple):
    """A minute as it is kept: rates in millionths, ``minute`` since 1970, UTC.

    A tuple, not a dataclass: millions are made.
    """

    account: str
    app: str
    region: str
    minute: int
    users: int
    stall_ppm: int | None
    latency_ms: int | None
    loss_ppm: int | None
    joins: int | None
    joined: int | None
    join_ms: int | None
    zone_ppm: int | None


def minute_of(moment: datetime) -> int:
    """The minute that a moment is in, since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(minutes=1)


def moment_of(minute: int) -> datetime:
    """When a minute since 1970 begins."""
    return _EPOCH + timedelta(minutes=minute)


_EARLIEST_MINUTE: Final = minute_of(EARLIEST)


def read_json(line: bytes, now: datetime) -> Row:
    """The row of a line. Raises RefusedRowError."""
    try:
        given = _JSON.decode(line.decode())
    except RefusedRowError:
        raise
    except (ValueError, RecursionError):  # UnicodeDecodeError is one
        raise RefusedRowError("not a line of JSON in UTF-8") from None
    if not isinstance(given, dict):
        raise RefusedRowError("not a JSON object")
    return read_row(given, now)


def read_header(line: bytes) -> list[str]:
    """The names of the columns of CSV. Raises RefusedRowError where rows cannot be read by them."""
    names = [name.strip() for name in _cells(line)]
    unknown = sorted(set(names) - FIELDS)
    if unknown:
        raise RefusedRowError(f"no field is called {unknown[0]!r}")
    if len(set(names)) < len(names):
        raise RefusedRowError("a column is there twice")
    _check_needed(set(names))
    return names


def read_csv(line: bytes, header: Sequence[str], now: datetime) -> Row:
    """The row of a line. Raises RefusedRowError."""
    cells = _cells(line)
    if len(cells) != len(header):
        raise RefusedRowError(f"{len(cells)} cells under {len(header)} columns")
    return read_row(
        {name: _value(name, cell) for name, cell in zip(header, cells, strict=True) if cell}, now
    )


def read_row(given: Mapping[str, Any], now: datetime) -> Row:
    """The row that the fields make. Raises RefusedRowError."""
    unknown = given.keys() - FIELDS
    if unknown:  # a metric that is misspelt would be lost without a word
        raise RefusedRowError(f"no field is called {min(unknown)[:64]!r}")
    _check_needed(given.keys())
    joins = _count(given, "join_attempts")
    joined = _count(given, "join_successes")
    join_ms = _milliseconds(given, "join_ms")
    if (joins is None) != (joined is None) or (joins or 0) < (joined or 0):
        raise RefusedRowError("join_attempts and join_successes do not fit each other")
    if join_ms is not None and joined is None:
        raise RefusedRowError("join_ms is a mean of join_successes, which are not there")
    users = _count(given, "users")
    if users is None:
        raise RefusedRowError("users is not there")
    return Row(
        _name(given, "account"),
        _name(given, "app"),
        _name(given, "region"),
        _minute(given, now),
        users,
        _millionths(given, "stall_rate"),
        _milliseconds(given, "latency_ms"),
        _millionths(given, "packet_loss"),
        joins,
        joined,
        join_ms,
        _millionths(given, "zone_availability"),
    )


def _check_needed(names: Any) -> None:
    for name in _NEEDED:
        if name not in names:
            raise RefusedRowError(f"{name} is not there")


def _no_number(text: str) -> float:
    raise RefusedRowError(f"{text} is not a number")


#: Made once: `json.loads` makes one for each line that does not read as it likes.
_JSON: Final = json.JSONDecoder(parse_constant=_no_number)


def _cells(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode().rstrip("\r")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        raise RefusedRowError("not a line of CSV in UTF-8") from None


def _value(name: str, cell: str) -> Any:
    """A cell as JSON would have it."""
    if name in _NAMES or name == "minute":
        return cell
    for read in _NUMBERS:
        try:
            return read(cell)
        except ValueError:
            continue
    raise RefusedRowError(f"{name} is not a number")


_NUMBERS: Final[tuple[Callable[[str], float], ...]] = (int, float)


def _name(given: Mapping[str, Any], name: str) -> str:
    text = given[name]
    if not isinstance(text, str) or not 0 < len(text) <= _NAMES[name]:
        raise RefusedRowError(f"{name} is not a text of 1 to {_NAMES[name]} characters")
    if not text.isprintable() or text.strip() != text:
        raise RefusedRowError(f"{name} has characters that no name has")
    return text


def _minute(given: Mapping[str, Any], now: datetime) -> int:
    text = given["minute"]
    if not isinstance(text, str):
        raise RefusedRowError("minute is not a time as in 2026-11-30T02:15Z")
    minute = _read_minute(text)
    if minute < _EARLIEST_MINUTE:
        raise RefusedRowError(f"minute is before {EARLIEST:%Y}")
    if minute > minute_of(now) + AHEAD_MINUTES:
        raise RefusedRowError(f"minute is more than {AHEAD_MINUTES} minutes ahead of us")
    return minute


@lru_cache(4096)
def _read_minute(text: str) -> int:
    """Thousands of rows have the same."""
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        raise RefusedRowError("minute is not a time as in 2026-11-30T02:15Z") from None
    except TypeError:
        raise RefusedRowError("minute does not say its zone: end it with Z or +08:00") from None
    if since.seconds % 60 or since.microseconds:
        raise RefusedRowError("minute is not a whole minute")
    return since.days * 1440 + since.seconds // 60


def _number(given: Mapping[str, Any], name: str) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if type(value) is not int and (type(value) is not float or not math.isfinite(value)):
        raise RefusedRowError(f"{name} is not a number")
    if value < 0:
        raise RefusedRowError(f"{name} is negative")
    number: float = value
    return number


def _count(given: Mapping[str, Any], name: str) -> int | None:
    value = _number(given, name)
    if value is None:
        return None
    if value > _MOST_USERS:
        raise RefusedRowError(f"{name} is over {_MOST_USERS}")
    if value != int(value):
        raise RefusedRowError(f"{name} is not a whole number")
    return int(value)


def _millionths(given: Mapping[str, Any], name: str) -> int | None:
    value = _number(given, name)
    if value is not None and value > 1:
        raise RefusedRowError(f"{name} is over 1: a rate is a share, not a percentage")
    return None if value is None else round(value * 1_000_000)


def _milliseconds(given: Mapping[str, Any], name: str) -> int | None:
    value = _number(given, name)
    if value is not None and value > _MOST_MS:
        raise RefusedRowError(f"{name} is over {_MOST_MS}")
    return None if value is None else round(value)
