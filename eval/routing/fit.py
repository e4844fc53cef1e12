"""Fits the weights of routing: utterances in, `agent/dialogue/routing.npz` out.

    python -m eval.routing.fit

It learns from utterances that were written for it (`training.jsonl`), from more that are drawn from
patterns (`drawn.py`), from the ways of asking that the corpus lists, and from the wishes of
`eval/wishes/training.jsonl`. When it is sure is chosen on
texts that were left out (cross-validation); what is taken for something else there is printed. The
held-out utterances take no part; `make eval-routing` measures on them. Minutes on two cores; the
same each time.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold

from agent.cli.output import err
from agent.dialogue.flow import FlowName
from agent.dialogue.reading import Floats, Network, Words, even, runs_of, save_weights
from agent.dialogue.routing import (
    FLOWS,
    KINDS,
    WEIGHTS,
    Kind,
    Route,
    Subject,
    best_of,
    flow_bits,
    load_words,
    odds_of,
    without_wishes,
)
from agent.settings import Settings
from common.languages import HAN_CHARACTER
from eval.network import RUNS, Lessons, counted, embedded, trained
from eval.patterns import misheard, sounds_of
from eval.routing.drawn import drawn
from eval.routing.utterances import TRAINING, load
from eval.wishes import utterances as wishes
from knowledge.config import embedding_folder
from knowledge.entries.entry import read_corpus
from knowledge.search.embedding import E5Model

Rows = npt.NDArray[np.intp]
Source = Literal["written", "heard", "drawn", "asked"]

#: Subjects of the corpus whose ways of asking go anywhere.
_ANYWHERE: Final = frozenset(
    [
        "account-suspended-or-key-leak",
        "billing-surprise",
        "champion-left",
        "choosing-provider",
        "competitor-evaluation",
        "consultant-questions",
        "expansion-overseas",
        "incident-communication",
        "low-usage",
        "night-incident",
        "onboarding-30-days",
        "price-objection",
        "renewal",
        "repeated-incidents",
        "service-response",
        "status-subscription",
    ]
)
#: Subjects beside the topic of troubleshooting whose statements are trouble.
_FAULTS: Final = frozenset(
    ["join-failure", "join-rejected", "recording-missing", "token-errors", "weak-network"]
)
#: How much one of each source counts.
_COUNTS: Final[Mapping[Source, float]] = {
    "written": 4.0,
    "heard": 2.0,
    "drawn": 1.0,
    "asked": 1.0,
}
_FOLDS: Final = 3
#: The share of routes that are wrong, among those that are sure.
_WRONG: Final = 0.02
#: Of what is written without a flow and is no fragment, so much is heard with each flow, too.
_UNDER_WAY: Final = 0.3
_WHOLE: Final = 8
"""Characters, in English words and marks, from which a text is no fragment."""


@dataclass(frozen=True)
class Example:
    """A text and where it goes."""

    text: str
    """As it is, or as it is the same typed and heard."""
    route: Route
    under_way: FlowName | None
    source: Source
    group: str
    """Left out together: an utterance with all that was made of it, a subject."""

    @property
    def kind(self) -> Kind:
        """What the network learns that it is."""
        return "reply" if self.route == self.under_way else self.route


def examples() -> list[Example]:
    """All of them, each text once for a flow."""
    rng = random.Random(1)
    found = [*_written(rng), *_asked(), *_wishes(rng)]
    found += (
        Example(even(one.text), one.route, one.under_way, "drawn", f"drawn {one.text}")
        for one in drawn()
    )
    return list({(one.text, one.under_way): one for one in reversed(found)}.values())


def _written(rng: random.Random) -> Iterator[Example]:
    utterances = load(TRAINING)
    sounds = sounds_of([one.text for one in utterances])
    for number, one in enumerate(utterances):
        group = f"utterance {number}"
        said = Example(one.text, one.route, one.under_way, "written", group)
        yield said
        yield replace(said, text=even(one.text))
        if one.heard:
            yield replace(said, text=one.heard, source="heard")
            yield replace(said, text=even(one.heard), source="heard")
        else:
            yield replace(said, text=even(misheard(one.text, sounds, rng)), source="drawn")
        if one.under_way is None and _is_whole(one.text):
            for flow in FLOWS:
                if rng.random() < _UNDER_WAY:
                    yield replace(said, text=even(one.text), under_way=flow, source="drawn")


def _is_whole(text: str) -> bool:
    return len(text if HAN_CHARACTER.search(text) else text.split()) >= (
        _WHOLE if HAN_CHARACTER.search(text) else _WHOLE // 2
    )


def _asked() -> Iterator[Example]:
    """What asks and tells of nothing broken is a question; what only tells of it is trouble."""
    words = load_words()
    for entry in read_corpus(Settings().knowledge.corpus_dir).entries:
        subject = entry.id.split("/", 1)[1]
        if entry.topic == "conversation" or subject in _ANYWHERE:
            continue
        is_fault = entry.topic == "troubleshooting" or subject in _FAULTS
        for text in entry.questions:
            signs = words.features(text) & {"asking", "broken", "fault", "start"}
            if signs == {"asking"}:
                yield Example(even(text), "question", None, "asked", f"subject {subject}")
            elif is_fault and "broken" in signs and "asking" not in signs:
                yield Example(even(text), "trouble", None, "asked", f"subject {subject}")


def _wishes(rng: random.Random) -> Iterator[Example]:
    for number, one in enumerate(wishes.load(wishes.TRAINING)):
        if one.wish:
            under_way = rng.choice([None, *FLOWS])
            yield Example(
                even(one.heard or one.text), one.wish, under_way, "asked", f"wish {number}"
            )


@dataclass(frozen=True)
class Seen:
    """Examples as the network reads them."""

    examples: Sequence[Example]
    signs: Sequence[str]
    """In the order of their columns."""
    dimensions: int
    """Columns before the signs'; behind those are the flows'."""
    read: Floats
    runs: Sequence[Sequence[int]]

    @classmethod
    def of(cls, examples: Sequence[Example], words: Words[Subject], model: E5Model) -> Seen:
        """Embeds them. Blocks for minutes."""
        features = [words.features(example.text) for example in examples]
        signs = sorted(set().union(*features))
        beside = np.array(
            [
                [*(name in of for name in signs), *flow_bits(example.under_way)]
                for example, of in zip(examples, features, strict=True)
            ],
            np.float32,
        )
        vectors = embedded([example.text for example in examples], model)
        read = np.hstack([vectors, beside]).astype(np.float32)
        runs = [runs_of(example.text, RUNS) for example in examples]
        return cls(examples, signs, vectors.shape[1], read, runs)

    def rows(self, *sources: Source) -> Rows:
        """The examples of some sources."""
        return np.flatnonzero([example.source in sources for example in self.examples])

    def best(self, network: Network, row: int) -> Judged:
        """What a network takes an example for."""
        example = self.examples[row]
        logits = network.logits(self.read[row], self.runs[row])
        odds = without_wishes(odds_of(logits, example.under_way))
        return Judged(example, *best_of(odds))


@dataclass(frozen=True)
class Judged:
    """An example, and what it was taken for."""

    example: Example
    read: Route
    margin: float

    @property
    def is_right(self) -> bool:
        """Whether it was taken for what it is."""
        return self.read == self.example.route


def fitted(seen: Seen, rows: Rows) -> Network:
    """The network, fitted to some of the examples."""
    kinds = [seen.examples[row].kind for row in rows]
    return trained(
        Lessons(
            read=seen.read[rows],
            dimensions=seen.dimensions,
            runs=counted([seen.runs[row] for row in rows]),
            kinds=len(KINDS) - 1,
            labels=np.array([(KINDS.index(kind) + 1) % len(KINDS) for kind in kinds]),
            counts=np.array([_COUNTS[seen.examples[row].source] for row in rows]),
        )
    )


def left_out(seen: Seen, words: Words[Subject]) -> list[Judged]:
    """What was written and no words decide, each by a fit without it and what was made of it."""
    groups = np.array([example.group for example in seen.examples])
    decided = [words.definite(example.text) is not None for example in seen.examples]
    written = seen.rows("written")
    written = written[~np.array(decided)[written]]
    kinds = [f"{seen.examples[row].route} {seen.examples[row].under_way}" for row in written]
    judged: list[Judged] = []
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=1)
    for _, mine in folds.split(written, kinds, groups[written]):
        network = fitted(seen, np.flatnonzero(~np.isin(groups, groups[written[mine]])))
        judged += (seen.best(network, row) for row in written[mine].tolist())
    return judged


def surely(judged: Sequence[Judged]) -> float:
    """The lowest margin beyond which no more are wrong than are allowed."""
    surest = sorted(judged, key=lambda one: -one.margin)
    wrong = np.cumsum([not one.is_right for one in surest]) / np.arange(1, len(surest) + 1)
    return round(float(surest[np.flatnonzero(wrong <= _WRONG)[-1]].margin), 2)


def _told(seen: Seen, judged: Sequence[Judged]) -> None:
    routes, read = [one.example.route for one in judged], [one.read for one in judged]
    wrong = [one for one in judged if not one.is_right]
    confused = Counter(f"{one.example.route} as {one.read}" for one in wrong)
    err.print(
        f"{len(seen.examples)} examples; of {len(judged)} left out macro F1 "
        f"{f1_score(routes, read, average='macro'):.3f}, taken for something else: "
        f"{dict(confused.most_common())}",
        highlight=False,
    )
    for one in wrong:
        of = one.example
        err.print(f"{of.route} ({of.under_way}) as {one.read}: {of.text}", highlight=False)


def main() -> None:
    """Write the file."""
    words, model = load_words(), E5Model(embedding_folder(Settings().paths))
    seen = Seen.of(examples(), words, model)
    judged = left_out(seen, words)
    _told(seen, judged)
    network = fitted(seen, np.arange(len(seen.examples)))
    save_weights(WEIGHTS, network, embedding=model.id, signs=seen.signs, sure=surely(judged))


if __name__ == "__main__":
    main()
