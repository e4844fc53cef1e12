"""Replies: what a customer says to a question in; what it says to it out.

The words are in `prompts/troubleshooting.toml`. Who says yes in Mandarin repeats the verb of the
question (能, 有, 看得到), and "no" is in the middle of a sentence: the earliest word counts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final, Literal

from agent.dialogue.matching import any_of, plain
from common.errors import SetupError
from common.settings import PROJECT_ROOT

FILE: Final = PROJECT_ROOT / "prompts" / "troubleshooting.toml"
#: What is said; wait: they are about to look; unknown: they cannot tell.
Reply = Literal["yes", "no", "same", "unknown", "wait"]

#: The beginning of a clause, behind words that say nothing.
_BEGINNING: Final = re.compile(
    r"(?:^|[，。！？、；,.!?;\s])(?:呃|嗯+|哦|啊|那个|好像|应该|我看|看起来|现在|都)*"
)


class Replies:
    """Reads what is answered, in both languages."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        """``words``: the lists of the file, by their names."""
        self._yes, self._no = any_of(words["yes"]), any_of(words["no"])
        self._yes_first = any_of(words["yes_first"])
        self._neither = any_of(words["neither"])
        self._same, self._unknown = any_of(words["same"]), any_of(words["unknown"])
        self._wait, self._corrects = any_of(words["wait"]), any_of(words["corrects"])
        self._alone = frozenset(map(_bare, words["alone"]))

    def read(self, said: str) -> Reply | None:
        """What is said to the question; None: nothing of all this."""
        text = plain(said)
        is_wait = self._wait.search(text) and not self._corrects.search(text)
        if is_wait or _bare(text) in self._alone:
            return "wait"
        if self._unknown.search(text):
            return "unknown"
        if self._same.search(text):
            return "same"
        return self._yes_or_no(self._neither.sub(" ", text))

    def _yes_or_no(self, text: str) -> Reply | None:
        signs: list[tuple[Reply, re.Match[str] | None]] = [
            ("yes", self._yes.search(text)),
            *(("yes", verb) for verb in self._verbs(text)),
            ("no", self._no.search(text)),
        ]
        found = [(sign.start(), -len(sign[0]), reply) for reply, sign in signs if sign]
        return min(found)[2] if found else None

    def _verbs(self, text: str) -> Iterator[re.Match[str] | None]:
        """The verbs that clauses begin with."""
        for beginning in _BEGINNING.finditer(text):
            yield self._yes_first.match(text, beginning.end())


@cache
def load_replies() -> Replies:
    """Read the words once. Raises SetupError when the file cannot be used."""
    try:
        return Replies(tomllib.loads(FILE.read_text("utf-8"))["replies"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"The words in {FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each list is for.",
        ) from error


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", plain(text))
