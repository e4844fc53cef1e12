"""YAML as our formats need it: text in, plain data out.

They need lists, mappings, texts, numbers, and yes or no. A few lines of what else YAML has can
stand for gigabytes or take a core for minutes, so it is refused.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

#: Characters of a page's front matter; that of an entry of the corpus has about a thousand.
FRONT_MATTER_CHARACTERS: Final = 65_536
#: Lists and mappings inside of each other.
_DEEPEST: Final = 64

_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class PlainYamlError(yaml.MarkedYAMLError):
    """What is not plain, with its place: ``problem`` and ``problem_mark``."""


class _PlainLoader(_Loader):  # type: ignore[misc]
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
     list("yYnNtTfFoO")),
    ("int", r"[-+]?\d{1,18}", list("-+0123456789")),
    ("float", r"[-+]?\d{1,18}\.\d{0,18}(?:[eE][-+]?\d{1,3})?", list("-+0123456789")),
):  # fmt: skip
    _PlainLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), _first
    )


def plain_yaml(text: str) -> Any:
    """What the text says. Raises YAMLError, of which PlainYamlError is one."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused(event, "an alias is used: write out what it stands for")
        if getattr(event, "tag", None) and not _is_implicit(event):
            raise _refused(event, "a tag is used: leave it out")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise _refused(event, "it is nested too deeply")
    return yaml.load(text, Loader=_PlainLoader)


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The fields at the head of a page, and its body. Raises YAMLError."""
    text, handler = text.strip(), _Plain()
    if not handler.detect(text):
        return {}, text
    metadata, body = frontmatter.parse(text, handler=handler)
    return metadata, body


class _Plain(YAMLHandler):
    def load(self, fm: str, **_: object) -> Any:
        if len(fm) > FRONT_MATTER_CHARACTERS:
            raise PlainYamlError(problem=f"it is longer than {FRONT_MATTER_CHARACTERS} characters")
        return plain_yaml(fm)


def _is_implicit(event: Any) -> bool:
    return any(event.implicit) if isinstance(event, yaml.ScalarEvent) else bool(event.implicit)


def _refused(event: Any, problem: str) -> PlainYamlError:
    return PlainYamlError(problem=problem, problem_mark=event.start_mark)
