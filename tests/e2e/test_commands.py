"""The command line against a running installation."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import jwt
import numpy as np
import pytest
import soundfile

from tests.e2e.conftest import Installation, Questions

pytestmark = pytest.mark.e2e


def test_everything_is_ready(installation: Installation) -> None:
    assert httpx.get(f"{installation.url}/healthz").json() == {"status": "ok"}
    token = (installation.data_dir / "internal-token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    state = httpx.get(f"{installation.url}/readyz", headers=headers, timeout=10).json()
    assert state["ready"]
    assert all(part["ok"] for part in state["parts"].values()), state


def test_the_doctor_finds_nothing_broken(installation: Installation) -> None:
    done = installation.liuke("doctor", "--json")
    assert done.returncode == 0, done.stdout
    assert "broken" not in done.stdout


@pytest.mark.parametrize(
    ("question", "language", "entry"),
    [
        ("我们直播间里回声特别大，应该怎么办？", "zh", "zh/echo-howling"),
        ("What should I do when the token has expired?", "en", "en/token-errors"),
    ],
)
def test_ask_answers_from_the_knowledge_base(
    installation: Installation, question: str, language: str, entry: str
) -> None:
    answer = installation.report("ask", question)
    assert answer["language"] == language
    assert not answer["declined"]
    assert answer["citations"][0]["id"] == entry
    assert len(answer["answer"]) > 20
    assert {"retrieval", "first_text", "complete"} <= answer["timings_ms"].keys()


@pytest.mark.parametrize("question", ["明天上海会下雨吗？", "Who won the football world cup?"])
def test_ask_declines_what_nothing_supports(installation: Installation, question: str) -> None:
    answer = installation.report("ask", question)
    assert answer["declined"]
    assert answer["citations"] == []


def test_ask_in_the_other_language(installation: Installation) -> None:
    answer = installation.report("ask", "回声怎么办", "--lang", "en")
    assert answer["language"] == "en"
    assert answer["answer"].isascii() or "’" in answer["answer"]


def test_an_empty_question_is_refused(installation: Installation) -> None:
    done = installation.liuke("ask", "  ")
    assert done.returncode == 1
    assert "empty" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_said_is_understood(installation: Installation, questions: Questions) -> None:
    zh = installation.report("transcribe", str(questions.say("udp", "请检查 UDP 端口 4000。")))
    assert zh["language"] == "zh"
    assert "UDP" in zh["text"].upper() and "端口" in zh["text"]
    en = installation.report("transcribe", str(questions.say("join", "I cannot join the room.")))
    assert en["language"] == "en"
    assert "join the room" in en["text"].lower()
    assert 0 < en["seconds"] < 10


def test_silence_and_noise_are_nothing_said(installation: Installation, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 16000 * 3)
    for name, samples in {"silence": np.zeros(16000 * 3), "noise": noise}.items():
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, samples, 16000)
        assert installation.report("transcribe", str(path))["text"] == ""


def test_a_file_that_is_no_audio_is_refused(installation: Installation, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a sound")
    done = installation.liuke("transcribe", str(path))
    assert done.returncode == 1
    assert "notes.txt" in done.stderr and "Traceback" not in done.stderr


def test_search_shows_what_retrieval_finds(installation: Installation) -> None:
    found = installation.report("knowledge", "search", "卡顿率高怎么办", "-k", "3", "--lang", "zh")
    assert len(found["passages"]) == 3
    assert found["passages"][0]["id"] == "zh/stall-rate"
    assert {"id", "title", "score", "language", "section"} <= found["passages"][0].keys()


def test_a_call_needs_consent(installation: Installation) -> None:
    wish = {"language": "zh", "consent": False, "consent_version": "none"}
    refused = httpx.post(f"{installation.url}/api/calls", json=wish)
    assert refused.status_code == 422
    assert "consent" in refused.json()["error"]["message"]


def test_a_token_opens_one_room_to_one_customer_for_a_short_time(
    installation: Installation,
) -> None:
    shown = httpx.get(f"{installation.url}/api/consent", params={"language": "zh"}).json()
    wish = {"language": "zh", "consent": True, "consent_version": shown["version"]}
    grant = httpx.post(f"{installation.url}/api/calls", json=wish).json()
    keys = json.loads((installation.data_dir / "keys.json").read_text())
    assert "devkey" not in json.dumps(keys)
    claims = jwt.decode(grant["token"], options={"verify_signature": False})
    assert claims["sub"] == grant["identity"]
    assert claims["video"]["room"] == grant["room"]
    assert not claims["video"].get("roomAdmin") and not claims["video"].get("roomCreate")
    assert claims["exp"] - claims["nbf"] <= 600


def test_a_source_card_is_for_the_call_that_cited_it(installation: Installation) -> None:
    """This customer has asked nothing yet."""
    shown = httpx.get(f"{installation.url}/api/consent", params={"language": "zh"}).json()
    wish = {"language": "zh", "consent": True, "consent_version": shown["version"]}
    grant = httpx.post(f"{installation.url}/api/calls", json=wish).json()
    call = f"{installation.url}/api/calls/{grant['call_id']}"
    headers = {"Authorization": f"Bearer {grant['call_token']}"}
    missing = httpx.get(f"{call}/entries/zh%2Fecho-howling?version=1", headers=headers)
    assert missing.status_code == 404
    assert missing.json()["error"]["remedy"]
    assert httpx.post(f"{call}/end", headers=headers).status_code == 204
