"""The table of units: a unit as written, heard or said in, what it measures and is worth out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from common.errors import SetupError
from common.languages import LANGUAGES, Language

_FILE: Final = Path(__file__).with_name("units.toml")


@dataclass(frozen=True)
class Unit:
    """A unit, with the names it has in both languages."""

    measure: str
    factor: float
    """How many of the smallest unit of its measure it is."""
    symbols: tuple[str, ...]
    names: dict[Language, tuple[str, ...]]

    def said(self, language: Language, number: str) -> str:
        """What is said for its symbol behind ``number``, which is in digits; empty for nothing."""
        names = self.names[language]
        return names[min(language == "en" and number != "1", len(names) - 1)] if names else ""


def _load() -> tuple[str, tuple[Unit, ...]]:
    """Words that count things, and all units. Raises SetupError where the file is no such table."""
    try:
        measures = tomllib.loads(_FILE.read_text("utf-8"))
        counting = measures.pop("measures")
        units = tuple(
            Unit(
                measure,
                unit["is"],
                tuple(filter(None, unit.get("symbols", "").split("|"))),
                {name: tuple(filter(None, unit.get(name, "").split("|"))) for name in LANGUAGES},
            )
            for measure, units in measures.items()
            for unit in units
        )
        re.compile(counting)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, re.error) as error:
        raise SetupError(
            f"The table of units {_FILE} cannot be used: {error}.",
            "Correct that entry; the comments in the file say what each field takes.",
        ) from error
    return counting, units


#: Words that count things in Mandarin, as alternatives of a pattern.
MEASURES, UNITS = _load()
#: Symbol → unit.
SYMBOLS: Final = {symbol: unit for unit in UNITS for symbol in unit.symbols}
_NAMES: Final = {
    written: unit
    for unit in UNITS
    for names in unit.names.values()
    for name in names
    for written in (name, name.lower())
}
#: What must or must not follow a name, which else begins another word.
_BEHIND: Final = {
    "成": "(?![功为本员熟立不])",
    "年": "(?![级代龄轻份纪])",
    "周": "(?![年边围期])",
    "元": "(?!素)",
    "倍": "(?![频数])",
    "分": "(?=半)",
    "third": r"(?!\W?part)",
}


def unit_of(written: str) -> Unit:
    """The unit that a symbol or a name of :func:`unit_pattern` stands for."""
    name = " ".join(written.split())
    return SYMBOLS.get(name) or _NAMES.get(name) or _NAMES[name.lower()]


def unit_pattern(units: Iterable[Unit] = UNITS) -> str:
    """A pattern of all symbols and names of ``units``, the longer first."""
    units = tuple(units)
    names = {name for unit in units for names in unit.names.values() for name in names}
    written = names.union(*(unit.symbols for unit in units))
    return "|".join(map(_pattern, sorted(written, key=len, reverse=True)))


def _pattern(written: str) -> str:
    pattern = re.escape(written).replace(r"\ ", r"\s") + _BEHIND.get(written, "")
    if written[-1].isascii() and written[-1].isalpha():
        pattern += "(?![A-Za-z0-9])"
    return pattern if written in SYMBOLS else f"(?i:{pattern})"
