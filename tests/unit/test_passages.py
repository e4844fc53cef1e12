"""Entries become passages that keep their context, and questions that point back."""

from __future__ import annotations

import pytest

from knowledge.documents.sections import CHUNK_CHARACTERS
from knowledge.entries.entry import Corpus, Entry
from knowledge.search.passages import CorpusTexts
from knowledge.search.texts import PassageText, entry_of

pytestmark = pytest.mark.unit


def entry(body: str) -> Entry:
    return Entry(
        id="en/echo",
        language="en",
        title="Echo",
        scenario=("general",),
        region=("global",),
        topic="troubleshooting",
        product=("audio",),
        questions=("why do I hear myself", "there is an echo"),
        source="example",
        opening="Put on headphones.",
        body=body,
    )


def passages(*entries: Entry) -> list[PassageText]:
    return list(CorpusTexts(Corpus(entries, ())).passages("en"))


def test_a_section_is_a_passage_with_title_and_heading() -> None:
    found = passages(entry("## Cause\nThe speaker.\n\n## Cure\nHeadphones."))
    assert [(p.id, p.section, p.text) for p in found] == [
        ("en/echo#0", "Cause", "The speaker."),
        ("en/echo#1", "Cure", "Headphones."),
    ]
    assert found[1].content == "Echo · Cure\nHeadphones."


def test_a_body_without_headings_is_a_passage_too() -> None:
    (passage,) = passages(entry("Just put on headphones."))
    assert passage.section == ""
    assert passage.content == "Echo\nJust put on headphones."


def test_a_long_section_is_cut_between_sentences_and_loses_nothing() -> None:
    sentences = [f"Sentence number {n} says a little about echo." for n in range(60)]
    found = passages(entry("## Long\n" + " ".join(sentences)))
    assert len(found) > 1
    for passage in found:
        assert len(passage.text) <= CHUNK_CHARACTERS["en"]
        assert passage.section == "Long"
        assert passage.text.endswith(".")
    assert " ".join(p.text for p in found) == " ".join(sentences)


def test_questions_point_to_their_entry() -> None:
    found = list(CorpusTexts(Corpus((entry("Headphones."),), ())).questions("en"))
    assert [q.content for q in found] == ["why do I hear myself", "there is an echo"]
    assert {entry_of(q.id) for q in found} == {"en/echo"}
