"""The words an operator's support lead chooses: `vocabulary.toml` in, names and patterns out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from common.errors import SetupError
from common.languages import LANGUAGES, Language
from knowledge.entries.entry import Entry

VOCABULARY: Final = Path(__file__).with_name("vocabulary.toml")
#: Fields whose values the vocabulary knows.
NAMED: Final = ("scenario", "region", "topic", "product", "platform")
#: Fields that tell what a customer has, and not what the question is about.
SITUATION: Final = ("scenario", "region", "platform")
#: Values that say "all of them".
_ALL: Final = frozenset({"general", "global"})

#: Values by field: what somebody named, or what an entry is for.
Values = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Vocabulary:
    """What `vocabulary.toml` says."""

    names: Mapping[str, Mapping[str, Mapping[Language, str]]]
    """What each known value of each field is called in each language."""
    calls: Mapping[str, Mapping[str, re.Pattern[str]]]
    """How customers name each value of a field of SITUATION."""
    headings: Mapping[Language, tuple[str, ...]]
    """Of the sections that an entry has."""
    steps: Mapping[Language, str]
    """Heading of the section with what to do."""
    targets: Mapping[Language, str]
    """Heading of the section with the figures to aim at."""
    courtesies: Mapping[Language, re.Pattern[str]]
    fillers: Mapping[Language, re.Pattern[str]]
    quantities: Mapping[Language, Mapping[str, str]]
    """Quantity by wording."""
    comparisons: Mapping[Language, Mapping[str, str]]
    """The side of a value, below or above, by wording."""
    qualifiers: Mapping[Language, Mapping[str, str]]

    @classmethod
    def load(cls, path: Path = VOCABULARY) -> Vocabulary:
        """The vocabulary in a file. Raises SetupError where it cannot be used."""
        try:
            words = tomllib.loads(path.read_text(encoding="utf-8"))
            return cls(
                names={field: words[field] for field in NAMED},
                calls={field: _calls(words[field], words["also"][field]) for field in SITUATION},
                headings={
                    lang: tuple(section[lang] for section in words["sections"].values())
                    for lang in LANGUAGES
                },
                steps=words["sections"]["steps"],
                targets=words["sections"]["targets"],
                courtesies={lang: _any_of(words["courtesies"][lang]) for lang in LANGUAGES},
                fillers={lang: any_word(words["fillers"][lang]) for lang in LANGUAGES},
                quantities={lang: _by_wording(words["quantities"], lang) for lang in LANGUAGES},
                comparisons={lang: _by_wording(words["comparisons"], lang) for lang in LANGUAGES},
                qualifiers={
                    lang: {word.lower(): word for word in words["qualifiers"][lang]}
                    for lang in LANGUAGES
                },
            )
        except KeyError as error:
            raise SetupError(f"{path} has no {error}.", "Put it back.") from error
        except (OSError, ValueError, TypeError, AttributeError, re.error) as error:
            raise SetupError(f"{path} cannot be read: {error}.", "Correct it.") from error

    def named_in(self, text: str) -> Values:
        """What a customer says of the situation; fields of which nothing is said are left out."""
        named = {
            field: frozenset(value for value, pattern in calls.items() if pattern.search(text))
            for field, calls in self.calls.items()
        }
        return {field: values for field, values in named.items() if values}

    def names_of(self, entry: Entry) -> dict[str, dict[str, Mapping[Language, str]]]:
        """What the values that an entry has are called, by field; unknown ones are left out."""
        return {
            field: {
                value: self.names[field][value]
                for value in _values(entry, field)
                if value in self.names[field]
            }
            for field in NAMED
        }


def situation_of(entry: Entry) -> Values:
    """What an entry is for; fields in which it is for all are left out."""
    found = {field: frozenset(_values(entry, field)) for field in SITUATION}
    return {field: values for field, values in found.items() if values and not values & _ALL}


def _calls(
    names: Mapping[str, Mapping[Language, str]], also: Mapping[str, list[str]]
) -> dict[str, re.Pattern[str]]:
    return {
        value: any_word([*named.values(), *also.get(value, [])])
        for value, named in names.items()
        if value not in _ALL
    }


def _values(entry: Entry, field: str) -> tuple[str, ...]:
    value: str | tuple[str, ...] = getattr(entry, field)
    return (value,) if isinstance(value, str) else value


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join(patterns)})(?![A-Za-z])", re.IGNORECASE)


def any_word(words: Iterable[str]) -> re.Pattern[str]:
    return _any_of(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _by_wording(names: Mapping[str, Any], language: Language) -> dict[str, str]:
    return {wording.lower(): name for name, said in names.items() for wording in said[language]}
