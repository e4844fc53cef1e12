"""Entries become passages that keep their context, and questions that point back."""

from __future__ import annotations

from langchain_core.documents import Document

from knowledge.entries.entry import Corpus, Entry
from knowledge.search import passages as ingest
from knowledge.search.index import entry_of
from knowledge.search.passages import CorpusTexts


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


def passages(*entries: Entry) -> list[Document]:
    return list(CorpusTexts(Corpus(entries, ())).passages("en"))


def test_a_section_is_a_passage_with_title_and_heading() -> None:
    found = passages(entry("## Cause\nThe speaker.\n\n## Cure\nHeadphones."))
    assert [(p.id, p.metadata["section"], p.metadata["text"]) for p in found] == [
        ("en/echo#0", "Cause", "The speaker."),
        ("en/echo#1", "Cure", "Headphones."),
    ]
    assert found[1].page_content == "Echo · Cure\nHeadphones."


def test_a_body_without_headings_is_a_passage_too() -> None:
    (passage,) = passages(entry("Just put on headphones."))
    assert passage.metadata["section"] == ""
    assert passage.page_content == "Echo\nJust put on headphones."


def test_a_long_section_is_cut_between_sentences_and_loses_nothing() -> None:
    sentences = [f"Sentence number {n} says a little about echo." for n in range(60)]
    found = passages(entry("## Long\n" + " ".join(sentences)))
    assert len(found) > 1
    for passage in found:
        assert len(passage.metadata["text"]) <= ingest.CHUNK_CHARACTERS["en"]
        assert passage.metadata["section"] == "Long"
        assert passage.metadata["text"].endswith(".")
    assert " ".join(p.metadata["text"] for p in found) == " ".join(sentences)


def test_questions_point_to_their_entry() -> None:
    found = list(CorpusTexts(Corpus((entry("Headphones."),), ())).questions("en"))
    assert [q.page_content for q in found] == ["why do I hear myself", "there is an echo"]
    assert {entry_of(str(q.id)) for q in found} == {"en/echo"}
