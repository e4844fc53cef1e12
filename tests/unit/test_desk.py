"""The desk serves what was built, to each tenant its own, and lets go of what was replaced."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from common.errors import InputError, LiukeError, SetupError
from knowledge import shelves
from knowledge.base import KnowledgeBase
from knowledge.config import KnowledgeConfig
from knowledge.contract import PUBLIC
from knowledge.desk import Desk
from knowledge.documents import intake, library
from knowledge.documents.intake import Work
from knowledge.documents.library import Library
from knowledge.documents.sections import LoadedDocument, Section
from knowledge.search.place import read_manifest
from tests.unit.embedding import FOLDER
from tests.unit.serving import serve
from tests.unit.test_retrieval import write_corpus

pytestmark = pytest.mark.models

ECHO = "有回声怎么办"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A knowledge base with its corpus, to be copied."""
    folder = tmp_path_factory.mktemp("built")
    base = KnowledgeBase(
        KnowledgeConfig(folder / "knowledge", write_corpus(folder / "corpus"), FOLDER)
    )
    build(base)
    return folder


@pytest.fixture
def base(built: Path, tmp_path: Path) -> KnowledgeBase:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    return KnowledgeBase(KnowledgeConfig(tmp_path / "knowledge", tmp_path / "corpus", FOLDER))


def build(base: KnowledgeBase) -> None:
    base.build(base.corpus(), threads=2, progress=lambda done, total: None)


def edit(base: KnowledgeBase, old: str, new: str) -> None:
    path = base.config.corpus_dir / "zh" / "echo.md"
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def add(base: KnowledgeBase, tenant: str, text: str) -> None:
    page = base.config.folder.parent / tenant / "page.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(f"# Page\n\n{text}\n", "utf-8")
    assert not intake.add(base, [str(page)], tenant, Work(threads=1)).problems


def answer(desk: Desk, question: str, tenant: str = PUBLIC) -> str:
    return desk.retriever(tenant).search(question).passages[0].text


def is_stale(base: KnowledgeBase) -> bool:
    with closing(base.library()) as opened:
        return base.status(opened, []).corpus_is_stale


def test_an_edited_entry_and_a_restart_change_nothing_before_the_next_build(
    base: KnowledgeBase,
) -> None:
    assert not is_stale(base)
    edit(base, "扬声器", "喇叭")
    edit(base, "opening: 先戴上耳机。", "opening: 请先戴上耳机。")
    desk = Desk(base)
    assert "扬声器" in answer(desk, ECHO)
    card = desk.entry("zh/echo", None, tenant=PUBLIC)
    assert card and "扬声器" in card.body and card.version == 1
    assert card.opening == "先戴上耳机。"
    assert is_stale(base)

    build(base)
    desk.refresh()
    assert "喇叭" in answer(desk, ECHO)
    card = desk.entry("zh/echo", None, tenant=PUBLIC)
    assert card and card.opening == "请先戴上耳机。" and card.version == 2
    old = desk.entry("zh/echo", 1, tenant=PUBLIC)
    assert old and "扬声器" in old.body
    assert not is_stale(base)


def test_a_restart_answers_when_the_corpus_is_gone(base: KnowledgeBase) -> None:
    shutil.rmtree(base.config.corpus_dir)
    assert "扬声器" in answer(Desk(base), ECHO)
    assert is_stale(base)


def builds_with_open_files(folder: Path) -> set[str]:
    opened = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            opened.add(descriptor.readlink())
    return {
        path.relative_to(folder).parts[1]
        for path in opened
        if path.is_relative_to(folder) and len(path.relative_to(folder).parts) > 2
    }


def test_files_of_replaced_builds_are_closed(base: KnowledgeBase) -> None:
    desk = Desk(base)
    for number in range(5):
        edit(base, "source: s", f"source: s{number}")
        build(base)
        add(base, PUBLIC, f"Sentence number {number} is about recording.")
        desk.refresh()
        answer(desk, ECHO)
    live = {read_manifest(p.folder) for p in (base.place_of_corpus(), base.place_of(PUBLIC))}
    names = {manifest.build for manifest in live if manifest}
    assert builds_with_open_files(base.config.folder) == names


def test_a_tenants_shelf_is_opened_when_it_is_asked_for_and_makes_room(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenant in ("acme", "tango"):
        add(base, tenant, f"The rooms of {tenant} are called after rivers.")
    monkeypatch.setattr(shelves, "MOST_OPEN", 1)
    desk = Desk(base)
    assert list(desk._documents._opened) == []
    for tenant in ("acme", "tango", "acme"):
        found = answer(desk, f"how are the rooms of {tenant} called", tenant)
        assert found == f"The rooms of {tenant} are called after rivers."
        assert list(desk._documents._opened) == [tenant]


def test_a_shelf_that_cannot_be_opened_is_tried_again_and_troubles_nobody_else(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(base, "acme", "The rooms of acme are called after rivers.")
    folder = base.place_of("acme").folder
    (centres,) = folder.glob("build-*/centres.npz")
    kept = centres.read_bytes()
    centres.write_bytes(b"broken")
    desk = Desk(base)
    question = "how are the rooms of acme called"
    assert "rivers" not in answer(desk, question, "acme")
    assert "扬声器" in answer(desk, ECHO, "acme")

    centres.write_bytes(kept)
    assert "rivers" not in answer(desk, question, "acme")  # not at every question
    monkeypatch.setattr(shelves, "RETRY_S", 0.0)
    desk._documents._retry_at.clear()
    assert "rivers" in answer(desk, question, "acme")


def test_a_build_that_could_not_be_opened_is_taken_up_later(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "RETRY_S", 0.0)
    add(base, "acme", "The rooms of acme are called after rivers.")
    desk = Desk(base)
    question = "how are the rooms of acme called"
    assert "rivers" in answer(desk, question, "acme")
    add(base, "acme", "The rooms of acme are called after mountains.")
    folder = base.place_of("acme").folder
    centres = max(folder.glob("build-*/centres.npz"))
    kept = centres.read_bytes()
    centres.write_bytes(b"broken")
    desk.refresh()
    assert "rivers" in answer(desk, question, "acme")
    centres.write_bytes(kept)
    desk.refresh()
    assert "mountains" in answer(desk, question, "acme")


def test_openings_and_cards_of_a_tenant_are_for_it_alone(base: KnowledgeBase) -> None:
    add(base, "acme", "The rooms of acme are called after rivers.")
    with closing(base.library()) as opened:
        (section,) = opened.sections("acme", "en")
        opened.put_opening(section, "After rivers.", approved=True)
        assert opened.section(section.id, tenants=["acme"]) == section
        assert opened.section(section.id, tenants=["tango"]) is None
        assert opened.section(section.id, tenants=[PUBLIC]) is None
        assert opened.section(section.id, 1, tenants=["tango", PUBLIC]) is None
    desk = Desk(base)
    assert "After rivers." in [opening.text for opening in desk.openings("acme")]
    assert "After rivers." not in [opening.text for opening in desk.openings("tango")]
    assert "After rivers." not in [opening.text for opening in desk.openings(PUBLIC)]
    assert desk.entry(section.id, 1, tenant="acme")
    assert desk.entry(section.id, 1, tenant="tango") is None


def test_a_name_that_cannot_be_a_tenants_is_refused(base: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="cannot name a tenant"):
        Desk(base).retriever("../acme")


# The library


def document(text: str) -> LoadedDocument:
    return LoadedDocument("/docs/a.md", "A", text, (Section("A", text, "en", ()),))


def test_documents_of_one_id_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id has 48 bits: who can choose names of files can make two of one."""
    monkeypatch.setattr(library, "document_id", lambda source, tenant: "doc-000000000000")
    with closing(Library(tmp_path / "library.db")) as opened:
        opened.add(document("Of acme."), "acme")
        opened.add(document("Of tango."), "tango")
        assert [one.text for one in opened.sections("acme", "en")] == ["Of acme."]
        section = opened.section("en/doc-000000000000-0", tenants=["acme"])
        assert section and section.text == "Of acme."
        assert opened.remove("/docs/a.md", "tango")
        assert [one.source for one in opened.documents("acme")] == ["/docs/a.md"]


FORM_0 = """
CREATE TABLE document (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, source TEXT NOT NULL, title TEXT NOT NULL,
    digest TEXT NOT NULL, version INTEGER NOT NULL, changed_at TEXT NOT NULL, removed_at TEXT
);
CREATE TABLE section (
    document TEXT NOT NULL, version INTEGER NOT NULL, number INTEGER NOT NULL,
    language TEXT NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL, suspicions TEXT NOT NULL,
    PRIMARY KEY (document, version, number)
) WITHOUT ROWID;
CREATE TABLE section_opening (
    document TEXT NOT NULL, version INTEGER NOT NULL, number INTEGER NOT NULL,
    text TEXT NOT NULL, approved_at TEXT,
    PRIMARY KEY (document, version, number)
) WITHOUT ROWID;
CREATE TABLE entry_version (
    entry TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (entry, version)
) WITHOUT ROWID;
INSERT INTO document VALUES ('doc-1', 'acme', '/a.md', 'A', 'd', 2, '2026-01-01', NULL);
INSERT INTO section VALUES ('doc-1', 1, 0, 'en', 'A', 'Before.', '[]');
INSERT INTO section VALUES ('doc-1', 2, 0, 'en', 'A', 'Now.', '[]');
INSERT INTO section_opening VALUES ('doc-1', 2, 0, 'So it is.', '2026-01-02');
INSERT INTO entry_version VALUES ('en/echo', 3, 'd', '{}');
"""


def test_a_library_of_before_keeps_all_it_held(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(FORM_0)
    for _ in range(2):
        with closing(Library(path)) as opened:
            (now,) = opened.sections("acme", "en")
            assert (now.id, now.version, now.text) == ("en/doc-1-0", 2, "Now.")
            before = opened.section("en/doc-1-0", 1, tenants=["acme"])
            assert before and before.text == "Before."
            assert [one.text for one in opened.openings("acme")] == ["So it is."]
            assert opened.entry_versions() == {"en/echo": 3}


def test_a_library_made_before_there_were_openings_opens(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(f"{FORM_0}; DROP TABLE section_opening;")
    with closing(Library(path)) as opened:
        assert [one.text for one in opened.sections("acme", "en")] == ["Now."]
        assert opened.openings("acme") == []


def test_a_library_of_a_newer_liuke_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(LiukeError, match="newer Liuke"):
        Library(path)
    assert path.read_bytes() == before


# A Chroma server that several share


class Guard:
    """Before a server: lets those through who carry a token."""

    def __init__(self, url: str, token: str) -> None:
        self.app = FastAPI()
        through = httpx.AsyncClient(base_url=url, trust_env=False)

        @self.app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
        async def guard(request: Request, path: str) -> Response:
            if request.headers.get("authorization") != f"Bearer {token}":
                return Response(status_code=401)
            answer = await through.request(
                request.method,
                f"/{path}",
                params=dict(request.query_params),
                content=await request.body(),
                headers={"content-type": request.headers.get("content-type", "")},
            )
            kind = answer.headers.get("content-type")
            return Response(answer.content, answer.status_code, media_type=kind)


async def test_a_chroma_server_is_told_the_token(base: KnowledgeBase, chroma_url: str) -> None:
    async with serve(Guard(chroma_url, "of-ours").app) as url:
        config = replace(base.config, chroma_url=url, chroma_token="of-ours")
        shutil.rmtree(base.config.folder / "corpus")
        await asyncio.to_thread(build, KnowledgeBase(config))
        desk = await asyncio.to_thread(Desk, KnowledgeBase(config))
        assert "扬声器" in await asyncio.to_thread(answer, desk, ECHO)
        stranger = KnowledgeBase(replace(config, chroma_token="guessed"))
        with pytest.raises(SetupError, match="Chroma server"):
            await asyncio.to_thread(Desk, stranger)
        assert "of-ours" not in repr(config)


def test_names_on_a_chroma_server_say_whose_they_are(
    base: KnowledgeBase, tmp_path: Path, chroma_url: str
) -> None:
    import chromadb

    server = KnowledgeBase(replace(base.config, chroma_url=chroma_url))
    shutil.rmtree(base.config.folder / "corpus")
    build(server)
    add(server, "acme", "The rooms of acme are called after rivers.")
    name = (base.config.folder / "installation").read_text()
    other = KnowledgeBase(replace(server.config, folder=tmp_path / "other"))
    assert other.place_of("acme").server != server.place_of("acme").server
    host, port = chroma_url.removeprefix("http://").split(":")
    with chromadb.HttpClient(host, int(port)) as client:  # type: ignore[attr-defined]
        names = [collection.name for collection in client.list_collections()]
    assert any(one.startswith(f"liuke-{name}-documents-acme-build-") for one in names)
    assert any(one.startswith(f"liuke-{name}-corpus-build-") for one in names)
