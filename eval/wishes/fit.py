"""Fits the weights of wishes: utterances in, `agent/dialogue/wishes.npz` out.

    python -m eval.wishes.fit

It learns from utterances that were written for it (`training.jsonl`), from more that are drawn from
patterns (`drawn.py`), and from what customers say of everything else: the ways of asking that the
corpus lists, the questions outside, and the utterances of routing, which wish for neither. The
thresholds are chosen on texts that were left out (cross-validation), with all that was written
about the same. The held-out utterances take no part; `make eval-wishes` measures on them. Ten
minutes on two cores; the same each time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from agent.cli.output import err
from agent.dialogue.reading import Floats, Network, Words, runs_of, save_weights, texts_of
from agent.dialogue.wishes import WEIGHTS, WISHES, Wish, load_words
from agent.settings import Settings
from common.languages import LANGUAGES, Language
from eval.network import RUNS, Lessons, counted, embedded, trained
from eval.routing import utterances as routing
from eval.wishes.drawn import drawn
from eval.wishes.utterances import TRAINING, load
from knowledge.config import embedding_folder
from knowledge.entries.entry import read_corpus
from knowledge.search.embedding import E5Model
from knowledge.search.outside import outside

Rows = npt.NDArray[np.intp]
Source = Literal["written", "drawn", "asked", "routed"]

#: Subjects whose ways of asking are wishes themselves, or nearly.
_NEARLY: Final = frozenset(
    [
        "account-suspended-or-key-leak",
        "champion-left",
        "dedicated-csm",
        "conversation-greeting",
        "escalation",
        "incident-communication",
        "india",
        "indonesia",
        "invalid-app-id",
        "middle-east",
        "night-incident",
        "repeated-incidents",
        "service-response",
        "status-subscription",
        "turkey",
    ]
)
#: How much one of each source counts; the sentences of a question count as one drawn.
_COUNTS: Final[Mapping[Source, float]] = {
    "written": 4.0,
    "drawn": 1.0,
    "asked": 3.0,
    "routed": 3.0,
}
_FOLDS: Final = 3
#: Of what wishes for neither, how much is like a wish: the rest are questions.
_LIKE_A_WISH: Final = 0.1
#: The share of false alarms that the threshold allows, and that by which people are called.
_FALSE_ALARMS: Final = 0.01
_CALLED_FOR_NOTHING: Final = 0.003


@dataclass(frozen=True)
class Example:
    """A text and what it wishes for."""

    text: str
    language: Language
    wish: Wish | None
    source: Source
    group: str
    """Left out together: an utterance with what was heard of it, a theme, a subject."""

    @property
    def sentences(self) -> list[str]:
        """Those that are read one by one."""
        return texts_of(self.text)[1:]


def examples() -> list[Example]:
    """All of them, each text once."""
    found = dict[str, Example]()

    def add(text: str, language: Language, wish: Wish | None, source: Source, group: str) -> None:
        found.setdefault(text, Example(text, language, wish, source, group))

    for number, one in enumerate(load(TRAINING)):
        for text in filter(None, (one.text, one.heard)):
            add(text, one.language, one.wish, "written", f"theme {one.theme or number}")
    questions = {language: list(_questions(language)) for language in LANGUAGES}
    for language in LANGUAGES:
        for text, subject in questions[language]:
            add(text, language, None, "asked", f"subject {subject}")
    for number, turn in enumerate(routing.load(routing.TRAINING)):
        for text in filter(None, (turn.text, turn.heard)):
            add(text, turn.language, None, "routed", f"turn {number}")
    for more in drawn({of: [text for text, _ in asked] for of, asked in questions.items()}):
        add(more.text, more.language, more.wish, "drawn", "")
    return list(found.values())


def _questions(language: Language) -> Iterator[tuple[str, str]]:
    """With the subject of each, which has one name in both languages."""
    for entry in read_corpus(Settings().knowledge.corpus_dir).entries:
        subject = entry.id.split("/", 1)[1]
        if entry.language == language and subject not in _NEARLY:
            yield from ((question, subject) for question in entry.questions)
    yield from ((question, question) for question in outside()[language])


@dataclass(frozen=True)
class Seen:
    """Examples as the network reads them, and behind them the sentences of those with several."""

    examples: Sequence[Example]
    sentences: Sequence[range]
    """Rows of each example's."""
    signs: Sequence[str]
    """In the order of their columns."""
    dimensions: int
    """Columns before the signs'."""
    read: Floats
    runs: Sequence[Sequence[int]]

    @classmethod
    def of(cls, examples: Sequence[Example], words: Words[Wish], model: E5Model) -> Seen:
        """Embeds them. Blocks for minutes."""
        texts = [example.text for example in examples]
        sentences: list[range] = []
        for example in examples:
            of = [] if example.source == "drawn" else example.sentences
            sentences.append(range(len(texts), len(texts) + len(of)))
            texts += of
        features = [words.features(text) for text in texts]
        signs = sorted(set().union(*features))
        seen = np.array([[name in of for name in signs] for of in features], np.float32)
        vectors = embedded(texts, model)
        read = np.hstack([vectors, seen]).astype(np.float32)
        runs = [runs_of(text, RUNS) for text in texts]
        return cls(examples, sentences, signs, vectors.shape[1], read, runs)

    def rows(self, *sources: Source) -> Rows:
        """The examples of some sources."""
        return np.flatnonzero([example.source in sources for example in self.examples])

    def wished(self, network: Network, row: int) -> float:
        """The logarithm of the odds of any wish in an example, as `Reader.likely` judges."""
        whole, *sentences = (
            float(np.logaddexp.reduce(network.logits(self.read[at], self.runs[at])))
            for at in (row, *self.sentences[row])
        )
        return (whole + max(sentences, default=whole)) / 2


def fitted(seen: Seen, rows: Rows) -> Network:
    """The network, fitted to some of the examples.

    No sentence of a question is a wish; which one of a wish's is, nobody has said.
    """
    asked = [row for row in rows if seen.examples[row].source == "asked"]
    sentences = [row for example in asked for row in seen.sentences[example]]
    wishes = [seen.examples[row].wish for row in rows] + [None] * len(sentences)
    counts = [_COUNTS[seen.examples[row].source] for row in rows]
    counts += [_COUNTS["drawn"]] * len(sentences)
    both = [*rows, *sentences]
    return trained(
        Lessons(
            read=seen.read[both],
            dimensions=seen.dimensions,
            runs=counted([seen.runs[row] for row in both]),
            kinds=len(WISHES),
            labels=np.array([WISHES.index(wish) + 1 if wish else 0 for wish in wishes]),
            counts=np.array(counts),
        )
    )


def left_out(seen: Seen, words: Words[Wish]) -> dict[int, float]:
    """The logarithm of the odds of any wish, for what was written and asked, by a fit without it.

    Infinite where words decide.
    """
    beside, rows = seen.rows("drawn", "routed"), seen.rows("written", "asked")
    kinds = [f"{seen.examples[row].wish} {seen.examples[row].source}" for row in rows]
    groups = [seen.examples[row].group for row in rows]
    wished: dict[int, float] = {}
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=1)
    for others, mine in folds.split(rows, kinds, groups):
        network = fitted(seen, np.concatenate([rows[others], beside]))
        for row in rows[mine].tolist():
            decided = words.definite(seen.examples[row].text)
            wished[row] = math.inf if decided else seen.wished(network, row)
    return wished


def threshold(seen: Seen, wished: Mapping[int, float], false_alarms: float) -> float:
    """The lowest with no more false alarms among texts left out than are allowed."""
    others = [row for row in wished if seen.examples[row].wish is None]
    sizes = Counter(seen.examples[row].source for row in others)
    weights = {
        "written": _LIKE_A_WISH / sizes["written"],
        "asked": (1 - _LIKE_A_WISH) / sizes["asked"],
    }
    above = 0.0
    for row in sorted(others, key=lambda row: -wished[row]):
        above += weights[seen.examples[row].source]
        if above > false_alarms:
            return round(wished[row] + 0.005, 2)
    return -math.inf


def _missed(seen: Seen, wished: Mapping[int, float], at: float) -> dict[str, str]:
    """Of the wishes left out, how many are missed, by kind."""
    kinds: dict[str, list[bool]] = {}
    for row, odds in wished.items():
        one = seen.examples[row]
        if one.wish:
            for kind in ("all", one.wish, one.language):
                kinds.setdefault(kind, []).append(odds < at)
    return {kind: f"{np.mean(of):.1%} of {len(of)}" for kind, of in kinds.items()}


def main() -> None:
    """Write the file."""
    words, model = load_words(), E5Model(embedding_folder(Settings().paths))
    seen = Seen.of(examples(), words, model)
    wished = left_out(seen, words)
    at = threshold(seen, wished, _FALSE_ALARMS)
    err.print(
        f"{len(seen.examples)} examples, threshold {at}: {_FALSE_ALARMS:.0%} false alarms among "
        f"those left out, missed {_missed(seen, wished, at)}",
        highlight=False,
    )
    network = fitted(seen, np.arange(len(seen.examples)))
    save_weights(
        WEIGHTS,
        network,
        embedding=model.id,
        signs=seen.signs,
        threshold=at,
        sure=threshold(seen, wished, _CALLED_FOR_NOTHING),
    )


if __name__ == "__main__":
    main()
