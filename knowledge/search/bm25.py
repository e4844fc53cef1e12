"""Ranking by words: texts of one language in, for a question the share of its words each text has.

It finds what an embedding blurs (error 110, UDP 4000, a product's name) and what a recogniser wrote
wrongly but with the right sound: Mandarin is indexed by word segments and by pairs of syllables.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import bm25s
import jieba
import numpy as np
import numpy.typing as npt
from bm25s.stopwords import STOPWORDS_EN_PLUS
from pypinyin import lazy_pinyin

from common.dictionary import load_dictionary
from common.languages import HAN, Language

Scores = npt.NDArray[np.float32]

_RUNS = re.compile(f"[{HAN}]+|[a-z0-9]+")
#: What speech is padded with says nothing about its subject.
_FILLERS = frozenset(
    ["呃", "额", "嗯", "啊", "哦", "唉", "哎", "那个", "这个", "就是", "就是说", "然后"]
)
_STOP_WORDS = frozenset(
    ["um", "uh", "er", "hmm", "hey", "hi", "hello", "like", "well"]
    + [word.replace("'", "") for word in STOPWORDS_EN_PLUS]
)
#: Endings that English words of one stem differ in; three letters at least stay.
_ENDING = re.compile(r"(?<=\w{3})(?:ings?|edly|ed|ies|es|ly|s|e|y)$")


class WordIndex:
    """BM25 over texts of one language."""

    def __init__(self, language: Language, index: bm25s.BM25) -> None:
        self._words = _WORDS[language]
        self._index = index
        ends = index.scores["indptr"][1:]
        starts = index.scores["indptr"][:-1]
        weights = index.scores["data"]
        #: The most that each word can add to a score.
        self._best = [
            float(weights[a:b].max()) if b > a else 0.0 for a, b in zip(starts, ends, strict=True)
        ]
        #: A word that no text has counts as much as the rarest one that some text has.
        self._unknown = max(self._best, default=1.0)

    @classmethod
    def build(cls, language: Language, texts: Iterable[str]) -> WordIndex:
        """Index ``texts``; one at least. They are read one by one, four bytes a word are kept."""
        vocabulary: dict[str, int] = {}
        rows = [
            array("i", (vocabulary.setdefault(w, len(vocabulary)) for w in _WORDS[language](text)))
            for text in texts
        ]
        index = bm25s.BM25()
        index.index((rows, vocabulary), show_progress=False)
        return cls(language, index)

    @classmethod
    def load(cls, language: Language, folder: Path) -> WordIndex:
        """What ``save`` wrote."""
        return cls(language, bm25s.BM25.load(folder))

    def save(self, folder: Path) -> None:
        """Write to ``folder``."""
        self._index.save(folder, show_progress=False)

    def scores(self, question: str) -> Scores:
        """For each text, its BM25 score as a share of the best the question could score, 0 to 1."""
        words = self._words(question)
        known = [word for word in words if word in self._index.vocab_dict]
        if not known:
            return np.zeros(self._index.scores["num_docs"], np.float32)
        best = sum(self._best[self._index.vocab_dict[word]] for word in known)
        best += self._unknown * (len(words) - len(known))
        scores: Scores = self._index.get_scores(known) / best
        return scores


def _mandarin(text: str) -> list[str]:
    """Word segments, and the sounds of neighbouring characters: 丢暴律 sounds as 丢包率 does."""
    load_dictionary()
    words = [
        word
        for word in jieba.cut_for_search(text.lower())
        if word[0].isalnum() and word not in _FILLERS
    ]
    for run in _RUNS.findall(text.lower()):
        if not run.isascii():
            syllables = lazy_pinyin(run)
            words += [a + b for a, b in pairwise(syllables)]
    return words


def _english(text: str) -> list[str]:
    words = _RUNS.findall(text.lower().replace("'", ""))
    return [_ENDING.sub("", word) for word in words if word not in _STOP_WORDS]


_WORDS: dict[Language, Callable[[str], list[str]]] = {"zh": _mandarin, "en": _english}
