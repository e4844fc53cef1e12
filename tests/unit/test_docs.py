"""What the docs point to is there."""

from __future__ import annotations

import re

import pytest

from common.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

_OURS = r"(?:agent|common|knowledge|eval|prompts|web|tests|docs)/[\w./-]*"
PAGES = ["README.md", *(f"docs/{p.name}" for p in (PROJECT_ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    text = (PROJECT_ROOT / page).read_text("utf-8")
    named = set(re.findall(rf"`({_OURS})`", text))
    assert [path for path in sorted(named) if not (PROJECT_ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_between_pages_leads_somewhere(page: str) -> None:
    folder = (PROJECT_ROOT / page).parent
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", (PROJECT_ROOT / page).read_text("utf-8"))
    assert [link for link in links if not (folder / link).exists()] == []


def test_the_walk_names_every_stage() -> None:
    walk = (PROJECT_ROOT / "docs" / "one-utterance.md").read_text("utf-8")
    named = set(re.findall(rf"`({_OURS})`", walk))
    assert len(named) > 40
    stages = ("voice_activity", "stt", "bargein", "floor", "endpointing", "tts", "playout")
    assert {f"agent/call/{stage}.py" for stage in stages} <= named
