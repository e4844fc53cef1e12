"""Of YAML is read what our formats need, and nothing that stands for more than it shows."""

from __future__ import annotations

import pytest
import yaml

from knowledge.plain_yaml import FRONT_MATTER_CHARACTERS, front_matter, plain_yaml

pytestmark = pytest.mark.unit


def test_lists_mappings_texts_numbers_and_yes_or_no() -> None:
    text = "a: [1, 2.5, -3]\nb: {c: yes, d: null, e: '7'}\nf: |\n  two\n  lines\n"
    assert plain_yaml(text) == {
        "a": [1, 2.5, -3],
        "b": {"c": True, "d": None, "e": "7"},
        "f": "two\nlines\n",
    }


@pytest.mark.parametrize("text", ["2026-11-30", "1:30:00", "0x1f", "<<", "9" * 40])
def test_what_looks_like_more_stays_text(text: str) -> None:
    assert plain_yaml(f"a: {text}") == {"a": text}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: &b 1\nc: *b", "alias"),
        ("a: &b 1", "alias"),
        ("a: !colour red", "tag"),
        ("a: " + "[" * 70 + "]" * 70, "nested"),
    ],
)
def test_the_rest_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(yaml.MarkedYAMLError, match=problem) as caught:
        plain_yaml(text)
    assert caught.value.problem_mark


def test_front_matter_and_body() -> None:
    assert front_matter("---\ntitle: A\n---\n\nText.\n") == ({"title": "A"}, "Text.")
    assert front_matter("Text.\n\n---\n\nMore.\n\n---\n") == ({}, "Text.\n\n---\n\nMore.\n\n---")


def test_front_matter_is_bounded() -> None:
    long = "a: " + "b" * FRONT_MATTER_CHARACTERS
    with pytest.raises(yaml.YAMLError, match="longer than"):
        front_matter(f"---\n{long}\n---\nText.\n")
