"""The corpus we ship: well formed, true to itself, and found by questions it has never seen."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from statistics import mean

import pytest

from eval.calibrate_retrieval import (
    DECLINED,
    WRONG_OPENINGS,
    collect,
    cross_check,
    load_questions,
    measure,
    open_retriever,
)
from knowledge.entry import LANGUAGES, OPENING_LIMIT, Entry, opening_length, read_corpus
from knowledge.index import build_index
from knowledge.retrieval import Calibration

CORPUS = Path(__file__).parents[2] / "knowledge" / "corpus"
ENTRIES = read_corpus(CORPUS).entries

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)


def test_no_file_is_left_out() -> None:
    assert read_corpus(CORPUS).problems == ()
    assert len(ENTRIES) >= 60


def test_every_subject_is_there_in_both_languages() -> None:
    languages = defaultdict(set)
    for entry in ENTRIES:
        languages[entry.id.split("/", 1)[1]].add(entry.language)
    assert {slug for slug, found in languages.items() if found != set(LANGUAGES)} == set()


@every_entry
def test_the_opening_can_be_spoken_in_one_breath(entry: Entry) -> None:
    assert opening_length(entry.opening, entry.language) <= OPENING_LIMIT[entry.language]
    assert re.search(r"[。？！.?!]$", entry.opening)


@every_entry
def test_figures_in_the_opening_are_in_the_body(entry: Entry) -> None:
    assert set(re.findall(r"\d+", entry.opening)) <= set(re.findall(r"\d+", entry.body))


@every_entry
def test_nothing_that_cannot_be_read_aloud(entry: Entry) -> None:
    assert not re.search(r"https?://|www\.|^\s*\|", entry.body + entry.opening, re.MULTILINE)


@every_entry
def test_no_two_ways_of_asking_are_the_same(entry: Entry) -> None:
    assert len(set(entry.questions)) == len(entry.questions)


def test_the_held_out_questions_are_held_out() -> None:
    asked = {question for entry in ENTRIES for question in entry.questions}
    assert asked & {question.text for question in load_questions()} == set()


@pytest.mark.models
def test_questions_as_customers_put_them_find_their_entry(tmp_path: Path) -> None:
    build_index(read_corpus(CORPUS), tmp_path, threads=2)
    calibration = Calibration.load()
    samples = collect(open_retriever(tmp_path, CORPUS, calibration), load_questions())
    in_use = measure(samples, calibration)
    assert in_use.recall_at_5 >= 0.95, in_use
    assert in_use.recall_at_1 >= 0.80, in_use
    assert in_use.wrong_openings <= WRONG_OPENINGS, in_use
    assert in_use.openings >= 0.40, in_use
    assert in_use.declined >= DECLINED, in_use
    assert in_use.wrongly_declined <= 0.10, in_use
    # Weights and thresholds hold for questions that had no part in choosing them.
    unseen = cross_check(samples)
    assert mean(figures.wrong_openings for figures in unseen) <= WRONG_OPENINGS, unseen
    assert mean(figures.declined for figures in unseen) >= 0.93, unseen
