"""Domain terms: what sounds like one is written as one, and nothing else is touched."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agent.settings import Settings
from agent.speech.hear.terms import Terms, load_terms, read_list
from common.errors import SetupError
from common.languages import Language
from common.numbers.digits import with_digits
from common.settings import PROJECT_ROOT, PathSettings
from knowledge.entries.entry import read_corpus
from knowledge.entries.wording import wording, write_wording
from tests.conftest import BESIDE, DATA

pytestmark = pytest.mark.unit

QUESTIONS = PROJECT_ROOT / "eval" / "questions"
TERMS_FILE = PROJECT_ROOT / "agent" / "speech" / "hear" / "terms.toml"


@pytest.fixture(scope="session")
def terms() -> Terms:
    entries = read_corpus(Settings().knowledge.corpus_dir).entries
    return Terms(read_list(TERMS_FILE), wording(entries))


@pytest.mark.parametrize(
    ("language", "heard", "meant"),
    [
        ("zh", "丢暴率太高了", "丢包率太高了"),
        ("zh", "丢包律和卡断率", "丢包率和卡顿率"),
        ("zh", "一开外放就笑叫", "一开外放就啸叫"),
        ("zh", "有会声怎么办", "有回声怎么办"),
        ("zh", "头肯过期了", "token过期了"),
        ("zh", "诶斯迪K装不上", "SDK装不上"),
        ("zh", "坚圈失败", "鉴权失败"),
        ("zh", "错误马一一零", "错误码110"),
        ("zh", "能跑720匹吗", "能跑720P吗"),
        ("zh", "先放百分之时", "先放10%"),
        ("zh", "断线虫连太慢", "断线重连太慢"),
        ("zh", "听同和洋生气怎么切换", "听筒和扬声器怎么切换"),
        ("en", "the sdk sends you dp, then u d p", "the SDK sends UDP, then UDP"),
        ("en", "web r t c on ios", "WebRTC on iOS"),
        ("en", "the gitter and the jit her", "the jitter and the jitter"),
        ("en", "a lot of packet lost", "a lot of packet loss"),
        ("en", "we push to ACDN", "we push to a CDN"),
        ("en", "era one one zero", "error 110"),
    ],
)
def test_what_sounds_like_a_term_is_that_term(
    terms: Terms, language: Language, heard: str, meant: str
) -> None:
    assert terms.mend(heard, language) == meant


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "这个演示很好"),
        ("zh", "他们攻打了那座城市"),
        ("zh", "我在网上买了一匹马"),
        ("zh", "有什么错误吗"),
        ("en", "Are you there? I see, it's your turn."),
        ("en", "Be a dear and see to it."),
    ],
)
def test_ordinary_words_stay(terms: Terms, language: Language, text: str) -> None:
    assert terms.mend(text, language) == text


def test_mending_twice_is_mending_once(terms: Terms) -> None:
    for file in sorted(QUESTIONS.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            mended = terms.mend(row["text"], row["language"])
            assert terms.mend(mended, row["language"]) == mended


def test_the_corpus_is_right_as_it_is(terms: Terms) -> None:
    changes = [
        (text, mended)
        for entry in read_corpus(Settings().knowledge.corpus_dir).entries
        for text in [entry.title, entry.opening, *entry.body.splitlines()]
        if _letters(mended := terms.mend(text, entry.language))
        != _letters(with_digits(text, entry.language))
    ]
    assert not changes


def test_general_mandarin_is_left_alone(terms: Terms) -> None:
    """What encyclopedias say: the highest rate of false changes."""
    texts = (DATA / "texts" / "general.zh.txt").read_text("utf-8").splitlines()
    assert len(texts) > 40
    if BESIDE.is_dir():
        folder = BESIDE / "retrieval" / "cmrc2018"
        questions = (folder / "queries.jsonl").read_text("utf-8").splitlines()
        texts += [json.loads(line)["q"] for line in questions]
        for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines()[::8]:
            texts += re.split(r"(?<=[。！？])", json.loads(line)["text"])
    changed = [t for t in texts if _letters(with_digits(t, "zh")) != _letters(terms.mend(t, "zh"))]
    assert len(changed) <= 1 + 0.002 * len(texts), changed


@pytest.mark.parametrize("language", ["zh", "en"])
def test_documents_of_the_field_are_left_alone(terms: Terms, language: Language) -> None:
    """Manuals of real-time products: terms are right there, so only their capitals may change."""
    files = [DATA / "texts" / f"manual.{language}.md"]
    files += sorted((BESIDE / "rtc_docs").glob(f"{language}_*/**/*.md*"))
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    changed = [
        line
        for line in lines
        if _letters(with_digits(line, language)) != _letters(terms.mend(line, language))
    ]
    assert len(lines) > (5000 if BESIDE.is_dir() else 20)
    assert len(changed) <= 0.001 * len(lines), changed


def _letters(text: str) -> str:
    """What may not change: letters and digits, whatever their case."""
    return re.sub(r"[\W_]", "", with_digits(text, "en")).lower()


def test_the_prompt_has_the_first_terms(terms: Terms) -> None:
    assert "卡顿率" in terms.prompt("zh")
    assert "packet loss" in terms.prompt("en")


@pytest.mark.parametrize(
    ("edited", "named"),
    [
        ('terms = [1, "SDK"]', "1 is not a term"),
        ('terms = "SDK', "terms.toml"),
        ('terms = ["SDK"]\n[mishearings.zh]\n"错买" = "错误码#"', "错误码#"),
    ],
)
def test_a_broken_list_is_named(tmp_path: Path, edited: str, named: str) -> None:
    file = tmp_path / "terms.toml"
    rest = "[zh]\nterms = []\n[en]\nterms = []\n[mishearings.en]\n"
    missing = "" if "mishearings" in edited else "[mishearings.zh]\n"
    file.write_text(f"[both]\n{edited}\n{missing}{rest}")
    with pytest.raises(SetupError, match=re.escape(named)) as caught:
        read_list(file)
    assert str(file) in str(caught.value)


def _paths(data_dir: Path) -> PathSettings:
    return PathSettings(data_dir=data_dir, cache_dir=data_dir)


def test_what_the_corpus_says_is_read_as_its_build_has_left_it(tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    listed_alone = load_terms(paths)
    assert listed_alone.mend("a lot of packet lost", "en") == "a lot of packet loss"
    assert listed_alone.mend("callkit shows it", "en") == "callkit shows it"

    entries = read_corpus(Settings().knowledge.corpus_dir).entries
    paths.knowledge_dir.mkdir()
    write_wording(entries, paths.knowledge_dir)
    assert [file.name for file in paths.knowledge_dir.iterdir()] == ["wording.json"]
    assert load_terms(paths).mend("callkit shows it", "en") == "CallKit shows it"


def test_wording_that_is_broken_is_named(tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    paths.knowledge_dir.mkdir()
    (paths.knowledge_dir / "wording.json").write_text('{"zh": "')
    with pytest.raises(SetupError, match="liuke knowledge build"):
        load_terms(paths)
