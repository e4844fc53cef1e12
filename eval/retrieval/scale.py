"""How long a search takes over many chunks: `python -m eval.retrieval.scale 10000 200000`.

The chunks are made up: sentences of the corpus in random order, with random vectors around its
mean, for only time is measured. Questions are real and are embedded by the real model. They are
asked one after the other on an idle machine, then again while one core is kept busy as a call's
language model would. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import random
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agent.cli.output import err, print_json
from agent.settings import Settings
from common.languages import LANGUAGES, Language
from eval.retrieval.asked import load_questions
from knowledge.config import embedding_folder
from knowledge.entries.entry import Corpus, read_corpus
from knowledge.entries.vocabulary import Vocabulary
from knowledge.search.build import build_index
from knowledge.search.calibration import Calibration
from knowledge.search.embedding import E5Model, Embedder, Role
from knowledge.search.evidence import Shelf
from knowledge.search.index import Index
from knowledge.search.place import Place
from knowledge.search.ranking import Retriever
from knowledge.search.texts import PassageText, QuestionText, VersionedEntry

#: Sentences of a chunk: as many characters as a passage has.
_SENTENCES = 5
_QUESTIONS = 200


class MadeUpVectors:
    """An embedder that gives each text a random direction near a common one."""

    def __init__(self, real: Embedder) -> None:
        self.id = real.id
        (common,) = real.embed(["RTC"], "passage")
        self._common = np.array(common, np.float32)

    def embed(self, texts: list[str], role: Role) -> list[list[float]]:
        """Unit vectors, always the same for a text."""
        vectors: list[list[float]] = []
        for text in texts:
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
            noise = np.random.default_rng(seed).standard_normal(len(self._common))
            vector = self._common + 0.03 * noise
            vectors.append((vector / np.linalg.norm(vector)).tolist())
        return vectors


class MadeUpTexts:
    """So many chunks, half of each language: `knowledge.search.texts.Texts`."""

    def __init__(self, corpus: Corpus, chunks: int) -> None:
        self._chunks = chunks // len(LANGUAGES)
        self._sentences = {
            language: [
                sentence
                for entry in corpus.entries
                if entry.language == language
                for sentence in re.split(r"(?<=[。.])\s*", entry.body)
                if sentence
            ]
            for language in LANGUAGES
        }
        self.digest = f"made up: {chunks}"

    def passages(self, language: Language) -> Iterator[PassageText]:
        """The chunks."""
        for entry_id, text in self.whole(language):
            yield PassageText(f"{entry_id}#0", entry_id, 1, language, "made up", "", text, text)

    def questions(self, language: Language) -> tuple[QuestionText, ...]:
        """None, as of documents."""
        return ()

    def entries(self) -> tuple[VersionedEntry, ...]:
        """None, as of documents."""
        return ()

    def whole(self, language: Language) -> Iterator[tuple[str, str]]:
        """The chunks' words."""
        chance = random.Random(1)
        for number in range(self._chunks):
            text = " ".join(chance.choices(self._sentences[language], k=_SENTENCES))
            yield f"{language}/doc-000000000000-{number}", text


def measure(chunks: int, corpus: Corpus, real: E5Model) -> dict[str, Any]:
    """Build an index of so many chunks in a folder that is deleted again, and search it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder) / "index")
        started = time.monotonic()
        err.print(f"{chunks} chunks: building", highlight=False)
        build_index(MadeUpTexts(corpus, chunks), place, MadeUpVectors(real), real, threads=2)
        built_s = time.monotonic() - started
        shelf = Shelf(Index(place, real.id), openings={}, situations={})
        retriever = Retriever([shelf], real, real, Calibration.load(), Vocabulary.load())
        result: dict[str, Any] = {"build_s": round(built_s), "idle": _times(retriever)}
        with _busy_core():
            result["busy"] = _times(retriever)
    return result


def _times(retriever: Retriever) -> dict[str, dict[str, float]]:
    """Milliseconds of each part of a search, and of the whole."""
    questions = load_questions()
    step = max(1, len(questions) // _QUESTIONS)
    searches = [retriever.search(q.text, q.language).timings_ms for q in questions[::step]]
    figures = {}
    for part in searches[0]:
        p50, p95 = np.percentile([times[part] for times in searches[5:]], (50, 95))
        figures[part] = {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}
    return figures


@contextmanager
def _busy_core() -> Iterator[None]:
    spinning = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    spinning.start()
    try:
        yield
    finally:
        spinning.terminate()
        spinning.join()


def _spin() -> None:
    while True:
        pass


def main() -> None:
    """Print one JSON object, by number of chunks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chunks", type=int, nargs="+")
    settings = Settings()
    corpus, model = (
        read_corpus(settings.knowledge.corpus_dir),
        E5Model(embedding_folder(settings.paths)),
    )
    print_json({chunks: measure(chunks, corpus, model) for chunks in parser.parse_args().chunks})


if __name__ == "__main__":
    main()
