"""Retrieval over a corpus of four entries, with the real embedding and the real index."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from agent.dialogue.routing import Router
from common.errors import InputError, LiukeError, ServiceError, SetupError
from common.shorten import shortened
from knowledge.base import KnowledgeBase
from knowledge.client import KnowledgeClient
from knowledge.config import Endpoint, KnowledgeConfig
from knowledge.contract import (
    LONGEST_QUERY,
    MOST_EMBEDDED,
    PERSON,
    PUBLIC,
    Opening,
    Playbook,
    PlaybookStep,
)
from knowledge.desk import Desk
from knowledge.entries.entry import read_corpus
from knowledge.entries.vocabulary import Vocabulary, situation_of
from knowledge.search.bm25 import WordIndex
from knowledge.search.build import BuildReport, build_index
from knowledge.search.calibration import Calibration
from knowledge.search.embedding import E5Model, Role
from knowledge.search.evidence import Shelf
from knowledge.search.index import Index
from knowledge.search.passages import CorpusTexts
from knowledge.search.place import Place
from knowledge.search.ranking import Retriever
from knowledge.server import create_app, main
from tests.unit.embedding import FOLDER, model
from tests.unit.serving import serve

pytestmark = pytest.mark.models

#: Title, ways of asking, opening, body.
ENTRIES = {
    "zh/echo": (
        "回声和啸叫",
        [
            "一说话就听见自己的声音",
            "有回声怎么办",
            "我说的话又传回来",
            "通话里听到自己的回音",
            "两台手机放一起就尖叫",
        ],
        "先戴上耳机。",
        "回声来自扬声器，戴上耳机就没有了。",
    ),
    "zh/firewall": (
        "防火墙和端口",
        [
            "公司网络要放行哪些端口",
            "UDP被封了怎么办",
            "防火墙拦住了要开什么",
            "端口4000要不要开",
            "内网里连不出去",
        ],
        "请放行UDP端口4000。",
        "请放行UDP端口4000，放不开就走443。",
    ),
    "zh/indonesia": (
        "印尼的用户",
        [
            "印尼用户卡顿",
            "雅加达的网络不好",
            "印度尼西亚那边老掉线",
            "雅加达的用户一到晚上就卡",
            "印尼要接哪个节点",
        ],
        "印尼要用雅加达节点。",
        "印尼移动网络不稳，接入雅加达节点。",
    ),
    "zh/vietnam": (
        "越南的用户",
        [
            "越南用户卡顿",
            "河内的网络不好",
            "越南那边老掉线",
            "胡志明市的用户一到晚上就卡",
            "越南要接哪个节点",
        ],
        "越南要用河内节点。",
        "越南移动网络不稳，接入河内节点。",
    ),
    "en/echo": (
        "Echo and howling",
        [
            "I hear myself when I talk",
            "there is an echo",
            "my voice comes back",
            "two phones screech",
            "how do I stop the echo",
        ],
        "Put on headphones.",
        "Echo comes from the loudspeaker; headphones end it.",
    ),
    "en/token": (
        "Expired token",
        [
            "error 109, the token expired",
            "how do I renew a token",
            "it says token expired",
            "kicked out because of the token",
            "one oh nine, what is that",
        ],
        "Get a new token.",
        "Ask your own server for a new token before the old one ends.",
    ),
}


PLAYBOOKS = {
    "zh/echo": 'playbook: [{step: first, say: "戴上耳机好了吗？", otherwise: person}]\n',
}


def write_corpus(folder: Path, without: str = "") -> Path:
    for entry_id, (title, questions, opening, body) in ENTRIES.items():
        if entry_id == without:
            continue
        path = folder / f"{entry_id}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        asked = "".join(f"  - {question}\n" for question in questions)
        if "firewall" in entry_id:
            asked += 'error_codes: ["701"]\n'
        path.write_text(
            f"---\nid: {entry_id}\nlanguage: {entry_id[:2]}\ntitle: {title}\nscenario: [general]\n"
            f"region: [global]\nproduct: [audio]\ntopic: t\nquestions:\n{asked}source: s\n"
            f"opening: {opening}\n{PLAYBOOKS.get(entry_id, '')}---\n"
            f"## 怎么做\n{body}\n",
            encoding="utf-8",
        )
    return folder


def built(corpus: Path, index: Path) -> BuildReport:
    return build_index(CorpusTexts(read_corpus(corpus)), Place(index), model(), model(), threads=1)


def open_retrieval(index: Path) -> Retriever:
    opened = Index(Place(index), model().id)
    entries = opened.entries.values()
    shelf = Shelf(
        opened,
        openings={(one.entry.id, one.version): one.entry.opening for one in entries},
        situations={one.entry.id: situation_of(one.entry) for one in entries},
    )
    return Retriever([shelf], model(), model(), Calibration.load(), Vocabulary.load())


@pytest.fixture(scope="module", params=["embedded", "Chroma server", "embeddings endpoint"])
def config(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> KnowledgeConfig:
    """A knowledge base, built."""
    corpus = write_corpus(tmp_path_factory.mktemp("corpus"))
    config = KnowledgeConfig(tmp_path_factory.mktemp("knowledge"), corpus, FOLDER)
    if request.param == "Chroma server":
        config = replace(config, chroma_url=request.getfixturevalue("chroma_url"))
    if request.param == "embeddings endpoint":
        endpoint = Endpoint(request.getfixturevalue("embeddings_url"), "e5", key="")
        config = replace(config, embedding=endpoint)
    base = KnowledgeBase(config)
    base.build(base.corpus(), threads=1, progress=lambda done, total: None)
    return config


@pytest.fixture(scope="module")
def retriever(desk: Desk) -> Retriever:
    return desk.retriever(PUBLIC)


@pytest.mark.parametrize(
    ("query", "entry_id"),
    [
        ("呃那个，我一讲话就听到自己的声音", "zh/echo"),
        ("um I can hear myself talking", "en/echo"),
        ("防火墙要放行哪些 UDP 端口，4000 要不要", "zh/firewall"),
        ("我们在雅加达老是卡", "zh/indonesia"),
        ("it says one oh nine, token expired", "en/token"),
    ],
)
def test_the_entry_asked_for_comes_first(retriever: Retriever, query: str, entry_id: str) -> None:
    found = retriever.search(query)
    assert found.passages[0].entry_id == entry_id
    assert found.passages[0].text == ENTRIES[entry_id][3]
    assert found.passages[0].section == "怎么做"
    assert found.supported


def test_passages_are_of_distinct_subjects_best_first(retriever: Retriever) -> None:
    found = retriever.search("有回声怎么办", k=3)
    subjects = [passage.entry_id.split("/")[1] for passage in found.passages]
    assert len(subjects) == len(set(subjects)) == 3
    scores = [passage.score for passage in found.passages]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_the_opening_is_the_entrys_own_when_retrieval_is_sure(retriever: Retriever) -> None:
    opening = retriever.search("一说话就听见自己的声音").opening
    assert opening is not None
    assert (opening.entry_id, opening.text) == ("zh/echo", "先戴上耳机。")


@pytest.mark.parametrize("query", ["明天会下雨吗", "红烧肉怎么做", "who won the football game"])
def test_what_the_corpus_does_not_answer_is_not_supported(retriever: Retriever, query: str) -> None:
    found = retriever.search(query)
    assert not found.supported
    assert found.opening is None


def test_the_other_language_answers_where_the_questions_own_has_no_entry(
    retriever: Retriever,
) -> None:
    found = retriever.search("token 过期了，报 109，怎么续")
    assert found.passages[0].entry_id == "en/token"
    assert found.passages[0].language == "en"
    # Its audio is English: the customer would not expect that.
    assert found.opening is None


def test_an_entry_in_the_language_given_wins_over_its_translation(retriever: Retriever) -> None:
    assert retriever.search("echo", "zh").passages[0].entry_id == "zh/echo"
    assert retriever.search("echo", "en").passages[0].entry_id == "en/echo"


def test_a_short_follow_up_leans_on_the_question_before(retriever: Retriever) -> None:
    before = "我们在越南的用户老是卡顿"
    assert retriever.search("那印尼呢？", before=[before]).passages[0].entry_id == "zh/indonesia"
    alone = retriever.search("那怎么解决呢？")
    joined = retriever.search("那怎么解决呢？", before=[before])
    assert joined.passages[0].entry_id == "zh/vietnam"
    assert joined.passages[0].score > alone.passages[0].score


def test_a_new_question_does_not_lean_on_the_one_before(retriever: Retriever) -> None:
    query = "我们公司的防火墙把音视频都拦住了，应该放行哪些端口"
    found = retriever.search(query, before=["有回声怎么办"])
    assert found.passages == retriever.search(query).passages


def test_words_find_what_was_misheard_but_sounds_alike() -> None:
    words = WordIndex.build("zh", ["丢包率多少算正常", "录制文件在哪里", "端口4000"])
    assert words.scores("丢暴律是多少").argmax() == 0
    assert words.scores("端口4000").max() == pytest.approx(1.0, abs=0.1)
    assert words.scores("完全不相干").max() == 0


def test_word_lists_leave_and_take_nothing_in_the_shared_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user of the machine may have put there what is taken for jieba's dictionary."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("jieba.dt.initialized", False)
    WordIndex.build("zh", ["丢包率多少算正常"])
    assert list(tmp_path.iterdir()) == []


def test_english_words_count_in_any_form() -> None:
    words = WordIndex.build("en", ["renewing tokens", "echo cancellation"])
    assert words.scores("how do I renew the token?").argmax() == 0
    assert words.scores("um, the").max() == 0


def test_the_same_corpus_is_not_built_twice(config: KnowledgeConfig) -> None:
    base = KnowledgeBase(config)
    report = base.build(base.corpus(), threads=1, progress=lambda done, total: None)
    assert (report.changed, report.embedded) == (False, 0)


def test_a_build_leaves_what_the_corpus_says(config: KnowledgeConfig) -> None:
    base = KnowledgeBase(config)
    base.build(base.corpus(), threads=1, progress=lambda done, total: None)
    texts = json.loads((config.folder / "wording.json").read_text("utf-8"))
    for entry in base.corpus().entries:
        assert entry.body in texts[entry.language]


def test_only_what_has_changed_is_embedded_and_the_live_build_serves_on(tmp_path: Path) -> None:
    corpus, index = write_corpus(tmp_path / "corpus"), tmp_path / "index"
    first = built(corpus, index)
    serving = open_retrieval(index)
    path = corpus / "zh" / "echo.md"
    path.write_text(path.read_text("utf-8").replace("扬声器", "喇叭"), "utf-8")
    second = built(corpus, index)
    assert (second.changed, second.embedded) == (True, 1)
    assert second.manifest.build != first.manifest.build
    assert "扬声器" in serving.search("有回声怎么办").passages[0].text
    now = open_retrieval(index)
    assert "喇叭" in now.search("有回声怎么办").passages[0].text


def test_a_failed_build_leaves_the_live_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, index = write_corpus(tmp_path / "corpus"), tmp_path / "index"
    live = built(corpus, index).manifest
    less = write_corpus(tmp_path / "less", without="en/token")

    def full_disk(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(WordIndex, "save", full_disk)
    with pytest.raises(LiukeError, match="No space"):
        built(less, index)
    assert open_retrieval(index)._shelves[0].index.manifest == live
    assert [path.name for path in index.glob("build-*")] == [live.build]


def test_a_build_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was embedded stays, though nothing was built with it."""
    corpus, index = write_corpus(tmp_path / "corpus"), tmp_path / "index"

    class Dying(E5Model):
        calls = 0

        def embed(self, texts: list[str], role: Role) -> list[list[float]]:
            self.calls += 1
            if self.calls == 3:
                raise KeyboardInterrupt
            return super().embed(texts, role)

    texts = CorpusTexts(read_corpus(corpus))
    with pytest.raises(KeyboardInterrupt):
        build_index(texts, Place(index), Dying(FOLDER), model(), threads=1)
    assert not (index / "manifest.json").exists()
    report = built(corpus, index)
    whole = built(corpus, tmp_path / "fresh" / "index")
    assert 0 < report.embedded < whole.embedded


def test_vectors_of_another_model_are_refused_and_made_anew(tmp_path: Path) -> None:
    class Other(E5Model):
        id = "another-model"

    corpus, index = write_corpus(tmp_path / "corpus"), tmp_path / "index"
    built(corpus, index)
    texts = CorpusTexts(read_corpus(corpus))
    with pytest.raises(LiukeError, match=r"multilingual-e5-small.*another-model"):
        Index(Place(index), Other.id)
    report = build_index(texts, Place(index), Other(FOLDER), model(), threads=1)
    assert report.embedded > 0
    assert Index(Place(index), Other.id).manifest.embedding == Other.id


def test_the_server_refuses_to_start_without_an_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIUKE_KNOWLEDGE_CORPUS_DIR", str(write_corpus(tmp_path / "corpus")))
    assert main() == 1
    assert "liuke knowledge build" in capsys.readouterr().err


TOKEN = "of-this-installation"


@pytest.fixture(scope="module")
def desk(config: KnowledgeConfig) -> Desk:
    return Desk(KnowledgeBase(config))


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    return create_app(desk, token=TOKEN, url="http://knowledge")


@pytest.fixture
def server(app: FastAPI) -> Iterator[TestClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(app, base_url="http://knowledge", headers=headers) as client:
        yield client


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[KnowledgeClient]:
    async with serve(app) as url:
        client = KnowledgeClient(url, TOKEN, tenant=PUBLIC)
        yield client
        await client.aclose()


def test_bad_requests_say_what_to_change(server: TestClient) -> None:
    good = {"query": "x", "tenant": PUBLIC}
    assert server.post("/search", json=good).is_success
    for bad in ({"query": "  "}, {"language": "de"}, {"k": 0}, {"tenant": "../acme"}):
        answer = server.post("/search", json=good | bad)
        assert answer.status_code == 422
        assert set(answer.json()["error"]) == {"code", "message", "remedy"}


@pytest.mark.parametrize("path", ["/entries/zh/echo", "/openings", "/playbooks", "/search"])
def test_every_question_says_for_which_tenant_it_is(server: TestClient, path: str) -> None:
    method = "POST" if path == "/search" else "GET"
    body = {"query": "x"} if path == "/search" else None
    refused = server.request(method, path, json=body)
    assert refused.status_code == 422
    assert "tenant" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/entries/zh/echo", "/openings", "/playbooks", "/search", "/embed"]
)
def test_a_stranger_is_refused(server: TestClient, path: str) -> None:
    method = "POST" if path in ("/search", "/embed") else "GET"
    stranger = {"Authorization": "Bearer guessed"}
    refused = server.request(method, path, params={"tenant": PUBLIC}, headers=stranger)
    assert refused.status_code == 401


async def test_vectors_are_the_embedded_models_own_of_questions(client: KnowledgeClient) -> None:
    """Whatever model searches: what is learnt from vectors knows this one."""
    texts = ["我要转人工", "get me a human"]
    for given in (texts, texts[:1]):
        for vector, expected in zip(
            await client.embed(given), model().embed(given, "query"), strict=True
        ):
            assert vector == pytest.approx(expected)
    for none in ([], [" "], ["x"] * (MOST_EMBEDDED + 1)):
        with pytest.raises(InputError, match="text"):
            await client.embed(none)


async def test_of_a_long_text_the_vector_is_of_its_beginning_and_end(
    client: KnowledgeClient,
) -> None:
    long = "heartbeat ok\n" * 200 + "get me a human"
    (expected,) = model().embed([shortened(long, LONGEST_QUERY)], "query")
    (vector,) = await client.embed([long])
    assert vector == pytest.approx(expected)


async def test_a_wish_that_no_definite_words_say_is_heard_through_the_server(
    client: KnowledgeClient,
) -> None:
    router = Router(client)
    said = "it lags since Monday, and honestly I would rather have one of your engineers call me"
    heard = [
        await router.route(text, None)
        for text in (said, "the whole thing fell over, not one customer gets in")
    ]
    assert [one.route for one in heard] == ["person", "emergency"]
    assert (await router.route("how do I stop the echo", None)).route in ("question", "trouble")


def test_openings_and_health(server: TestClient) -> None:
    openings = server.get("/openings", params={"tenant": PUBLIC}).json()
    assert {"entry_id": "en/echo", "text": "Put on headphones."} in openings
    assert len(openings) == len(ENTRIES)
    assert server.get("/healthz").json() == {"status": "ok", "entries": len(ENTRIES)}


async def test_one_answer_brings_the_entry_its_steps_and_its_opening(
    client: KnowledgeClient,
) -> None:
    found = await client.search("一说话就听见自己的声音", language="zh", k=2)
    assert found.opening == Opening("zh/echo", "先戴上耳机。")
    assert [len(found.passages), found.passages[0].title] == [2, "回声和啸叫"]
    assert found.best is not None
    assert found.best == await client.entry("zh/echo")
    assert found.best.body.startswith("## 怎么做")
    assert found.best.steps == ("回声来自扬声器，戴上耳机就没有了。",)
    assert (await client.search("明天会下雨吗")).best is None


async def test_a_playbook_comes_with_its_entry_and_with_all_others(
    client: KnowledgeClient,
) -> None:
    steps = (PlaybookStep("first", "戴上耳机好了吗？", (), PERSON),)
    assert (await client.entry("zh/echo")).playbook == steps
    assert (await client.entry("en/echo")).playbook == ()
    found = await client.search("一说话就听见自己的声音", language="zh")
    assert found.best is not None
    assert found.best.playbook == steps
    assert await client.playbooks() == [Playbook("zh/echo", steps)]


async def test_the_client_reads_what_the_server_says(client: KnowledgeClient) -> None:
    assert await client.is_healthy()
    assert await client.find_entry("zh/none") is None
    assert await client.find_entry("zh/echo", version=0) is None
    assert Opening("en/echo", "Put on headphones.") in await client.openings()
    assert await client.error_codes() == {"701"}
    with pytest.raises(InputError, match="query"):
        await client.search(" ")


@pytest.mark.parametrize("where", ["before", "after", "between"])
async def test_a_question_with_a_long_text_beside_it_is_answered(
    client: KnowledgeClient, where: str
) -> None:
    log = "2026-11-30 10:00:00 heartbeat ok\n" * 200
    asked = "我一讲话就听到自己的声音，有回声怎么办"
    texts = {"before": f"{asked}\n{log}", "after": f"{log}\n{asked}"}
    text = texts.get(where, f"{asked}\n{log}\n{asked}")
    found = await client.search(text, language="zh", before=[text])
    assert found.passages[0].entry_id == "zh/echo"


@pytest.mark.parametrize("entry_id", ["../healthz", "zh/..", "zh/../../healthz", "zh/a/b", ""])
async def test_an_id_that_leads_elsewhere_is_none(client: KnowledgeClient, entry_id: str) -> None:
    assert await client.find_entry(entry_id) is None


def test_a_path_that_leads_elsewhere_is_no_entry(server: TestClient) -> None:
    for path in ("/entries/%2e%2e%2fhealthz", "/entries/zh%2f%2e%2e", "/entries/zh%2fa%2fb"):
        assert server.get(path, params={"tenant": PUBLIC}).status_code == 404


def test_a_client_of_a_tenant_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="tenant"):
        KnowledgeClient("http://knowledge", TOKEN, tenant="acme/../other")


async def test_another_token_is_named(app: FastAPI) -> None:
    async with serve(app) as url:
        client = KnowledgeClient(url, "another", tenant=PUBLIC)
        with pytest.raises(SetupError, match="LIUKE_INTERNAL_TOKEN"):
            await client.search("有回声")
        await client.aclose()


async def test_a_server_that_is_away_is_named() -> None:
    client = KnowledgeClient("http://127.0.0.1:8959", TOKEN, tenant=PUBLIC)
    assert not await client.is_healthy()
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:8959") as caught:
        await client.search("有回声")
    assert caught.value.retryable
    await client.aclose()


async def test_something_else_that_answers_is_named_to_the_operator_not_the_customer() -> None:
    """What cannot be read is no fault of the caller's, whose errors customers see."""
    async with serve(FastAPI()) as url:
        client = KnowledgeClient(url, TOKEN, tenant=PUBLIC)
        with pytest.raises(ServiceError, match="LIUKE_KNOWLEDGE_URL"):
            await client.find_entry("zh/echo")
        await client.aclose()


async def test_no_proxy_of_the_environment_stands_between(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    async with serve(app) as url:
        client = KnowledgeClient(url, TOKEN, tenant=PUBLIC)
        assert await client.is_healthy()
        await client.aclose()
