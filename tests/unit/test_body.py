"""Bodies of entries: what of their Markdown is said, and which of it are the steps."""

from __future__ import annotations

import pytest

from knowledge.entries.body import sections_of, spoken, steps_of
from knowledge.entries.entry import read_corpus
from knowledge.entries.vocabulary import Vocabulary
from knowledge.settings import KnowledgeSettings

pytestmark = pytest.mark.unit

BODY = """## What it is

Your own voice comes *back*.

## Steps

Do this first:

1. Put on **headphones**,
   both of you.
2. Call `enable_aec`.

## When to ask

- Nothing helps
"""


def test_what_is_said_has_no_marks() -> None:
    assert [section.text for section in sections_of(BODY)] == [
        "Your own voice comes back.",
        "Do this first:\nPut on headphones, both of you.\nCall enable_aec.",
        "Nothing helps",
    ]


def test_the_steps_are_those_of_the_section_that_is_called_so() -> None:
    sections = sections_of(BODY)
    steps = ("Put on headphones, both of you.", "Call enable_aec.")
    assert steps_of(sections, "Steps") == steps
    assert steps_of(sections, "When to ask") == ("Nothing helps",)
    assert steps_of(sections_of("## A\nFirst.\n\n## Steps\nOne thing."), "Steps") == ("One thing.",)


def test_a_body_without_that_section_has_the_steps_of_its_first_list() -> None:
    assert steps_of(sections_of("Before.\n\n- One\n- Two\n\nAfter."), "Steps") == ("One", "Two")
    assert steps_of(sections_of("Only this."), "Steps") == ()


@pytest.mark.parametrize(
    ("markdown", "said"),
    [
        ("1. 先戴**耳机**。\n2. 打开 AEC。", "先戴耳机。\n打开 AEC。"),
        ("第一行\n第二行", "第一行第二行"),
        ("See [the page](https://example.com) ![shot](a.png).", "See the page ."),
        ("```\ncode()\n```", ""),
        ("a < b, 2 * 3 * 4, user_name", "a < b, 2 * 3 * 4, user_name"),
    ],
)
def test_spoken(markdown: str, said: str) -> None:
    assert spoken(markdown) == said


def test_every_entry_of_the_corpus_has_steps() -> None:
    headings = Vocabulary.load().steps
    for entry in read_corpus(KnowledgeSettings().corpus_dir).entries:
        assert steps_of(sections_of(entry.body), headings[entry.language]), entry.id
