"""Places: what a customer says in; the places in it, with the regions that quality is reported
under, out.

Which they are, and what they are called, is in `prompts/places.toml`. Where none is named as it is
written there, one may be that was misheard, or mistyped.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from agent.dialogue.matching import any_of, plain
from agent.dialogue.misheard import Misheard
from common.errors import SetupError
from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT

FILE: Final = PROJECT_ROOT / "prompts" / "places.toml"
_POSSESSIVE: Final = re.compile(r"(?=['’]s\b)")


@dataclass(frozen=True)
class Place:
    """A place that a customer may name."""

    zh: str
    en: str
    regions: tuple[str, ...]
    """As quality is reported."""
    is_part: bool = False
    """There is no figure of it alone: only of the region, of which it is a part."""

    def called(self, language: Language) -> str:
        """Its name, as it stands in a sentence."""
        return self.zh if language == "zh" else self.en


class Places:
    """The places of a file, by their names in both languages."""

    def __init__(
        self,
        regions: Mapping[str, Place],
        words: Mapping[Place, Sequence[str]],
        misheard: Mapping[str, Sequence[str]],
    ) -> None:
        """``regions``: the whole ones by their name in rows; ``words``: all names of each place;
        ``misheard``: words by which `Misheard` tells what may be one."""
        self._regions = regions
        names = [name for names in words.values() for name in names]
        whole = {name for place, of in words.items() if not place.is_part for name in of}
        self._misheard = Misheard(names, whole, **misheard)
        every = any_of(word for names in words.values() for word in names)
        self._any = re.compile(every.pattern, re.IGNORECASE)
        self._each = [(any_of(names), place) for place, names in words.items()]

    def find(self, said: str, reported: Collection[str] = ()) -> list[Place]:
        """The places that are named, in their order, each once.

        ``reported``: regions that may be called as they are reported, though the file has them not.
        """
        text = _parted(plain(said))
        found = self._find(text, reported)
        return list(dict.fromkeys(found)) or list(dict.fromkeys(self._heard(text)))

    def without(self, said: str) -> str:
        """What is said but for places."""
        return self._any.sub(" ", _parted(said))

    def region(self, name: str) -> Place:
        """A whole region; one that the file has not is called as it is reported."""
        return self._regions.get(name) or Place(name, name, (name,))

    def of(self, regions: Sequence[str]) -> Place:
        """A place that is just these regions; the first of them where there is none."""
        known = (place for _, place in self._each if not place.is_part)
        same = (place for place in known if set(place.regions) == set(regions))
        return next(same, None) or self.region(regions[0])

    def _find(self, said: str, reported: Collection[str]) -> Iterator[Place]:
        for match in self._any.finditer(said):
            yield next(place for names, place in self._each if names.fullmatch(match[0]))
        for name in reported:
            if name not in self._regions and any_of([name.lower()]).search(said):
                yield self.region(name)

    def _heard(self, said: str) -> Iterator[Place]:
        """Those that may be meant, where none is named."""
        for name in self._misheard.find(said):
            yield from self._find(name, ())


@cache
def load_places(file: Path = FILE) -> Places:
    """Read the places once. Raises SetupError when the file cannot be used."""
    try:
        given = tomllib.loads(file.read_text("utf-8"))
        regions = {
            name: Place(region["zh"], region["en"], (name,))
            for name, region in given["regions"].items()
        }
        words = {place: _names(given["regions"][name]) for name, place in regions.items()}
        for name, place in regions.items():
            words[place] += [] if name.isalpha() else [name.lower()]  # "na" is a word of its own
        for name, region in given["regions"].items():
            for part in region["parts"]:
                words[Place(part["zh"], part["en"], (name,), is_part=True)] = _names(part)
        for several in given["together"]:
            words[Place(several["zh"], several["en"], tuple(several["regions"]))] = _names(several)
        return Places(regions, words, given["misheard"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"The places in {file} cannot be used: {error!r}.",
            "Correct that entry; the comment at the top of the file says what belongs there.",
        ) from error


def _parted(said: str) -> str:
    """With a space before 's: Jakarta's is Jakarta."""
    return _POSSESSIVE.sub(" ", said)


def _names(place: Mapping[str, Any]) -> list[str]:
    return [plain(word) for word in (*(place[language] for language in LANGUAGES), *place["words"])]
