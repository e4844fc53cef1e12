"""Tenants: what one customer's documents say, no route of the knowledge server tells another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from knowledge.base import KnowledgeBase
from knowledge.client import KnowledgeClient
from knowledge.config import KnowledgeConfig
from knowledge.contract import PUBLIC, Opening
from knowledge.desk import Desk
from knowledge.documents.intake import Work, add
from knowledge.server import create_app
from tests.unit.embedding import FOLDER
from tests.unit.serving import serve
from tests.unit.test_retrieval import write_corpus

pytestmark = pytest.mark.models

TOKEN = "of-this-installation"
PAGE = """# Escalation

## Who to call

1. Ring the hotline of the Aurora project.
2. Say the number of the contract.
"""
OPENING = "Ring the hotline of the Aurora project."
QUESTION = "who do we call on the hotline of the Aurora project"


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A knowledge server with one document, which is acme's, with an approved opening."""
    (tmp_path / "page.md").write_text(PAGE, "utf-8")
    base = KnowledgeBase(
        KnowledgeConfig(tmp_path / "knowledge", write_corpus(tmp_path / "corpus"), FOLDER)
    )
    base.build(base.corpus(), threads=1, progress=lambda done, total: None)
    assert not add(base, [str(tmp_path / "page.md")], "acme", Work(threads=1)).problems
    with closing(base.library()) as library:
        (section,) = library.sections("acme", "en")
        library.put_opening(section, OPENING, approved=True)
    async with serve(create_app(Desk(base), token=TOKEN, url="http://knowledge")) as url:
        yield World(url, section.id)


class World:
    """The server's address, and the id of acme's section."""

    def __init__(self, url: str, section: str) -> None:
        self.url, self.section = url, section

    def client(self, tenant: str) -> KnowledgeClient:
        return KnowledgeClient(self.url, TOKEN, tenant=tenant)


async def test_the_tenants_own_calls_are_answered_from_its_documents(world: World) -> None:
    client = world.client("acme")
    found = await client.search(QUESTION, "en")
    assert found.passages[0].entry_id == world.section
    entry = await client.entry(world.section)
    assert entry.opening == OPENING
    assert [step.split(", ")[0] for step in entry.steps] == ["First", "Second"]
    assert Opening(world.section, OPENING) in await client.openings()
    await client.aclose()


@pytest.mark.parametrize("tenant", [PUBLIC, "other", "acme-2"])
async def test_nobody_else_is_told_of_them(world: World, tenant: str) -> None:
    client = world.client(tenant)
    found = await client.search(QUESTION, "en", k=20)
    assert world.section not in [passage.entry_id for passage in found.passages]
    assert found.best is None or found.best.id != world.section
    for version in (None, 1, 2):
        assert await client.find_entry(world.section, version) is None
    assert world.section not in [opening.entry_id for opening in await client.openings()]
    await client.aclose()
