"""What the speech server lets in, and what its process leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import Request

from agent.speech.client import SpeechClient
from agent.speech.contract import MAX_UTTERANCE_BYTES
from agent.speech.server import create_app
from agent.speech.settings import SpeechSettings
from common.errors import ServiceError
from common.serving import body_within
from common.settings import PathSettings
from tests.unit.serving import serve

pytestmark = pytest.mark.unit

TOKEN = "ours"
#: Every module that one of our processes begins with, or that imports ONNX Runtime itself.
STARTS = (
    *("agent.speech.server", "agent.call.worker", "agent.api.app", "agent.host.language_model"),
    *("knowledge.server", "agent.cli.main", "agent.speech.say.kokoro", "agent.screen.server"),
)


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """The server's routes and guards. Its models are not loaded: nothing here gets as far."""
    paths = PathSettings(data_dir=tmp_path, cache_dir=tmp_path)
    app = create_app(paths, SpeechSettings(), TOKEN)
    async with serve(app, starts=False) as url:
        yield url


@pytest.mark.parametrize("path", ["/transcribe", "/speak", "/cache"])
async def test_only_our_own_processes_are_served(url: str, path: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as stranger:
        assert (await stranger.post(path)).status_code == 401
        assert (await stranger.get("/healthz")).is_success


async def test_a_client_with_another_token_is_told_what_to_do(url: str) -> None:
    client = SpeechClient(url, "theirs")
    with pytest.raises(ServiceError, match="LIUKE_INTERNAL_TOKEN"):
        await client.transcribe(bytes(3200))
    await client.aclose()


async def test_more_than_an_utterance_is_refused(url: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as ours:
        answer = await ours.post("/transcribe", content=bytes(MAX_UTTERANCE_BYTES + 2))
    assert answer.status_code == 413
    assert "liuke transcribe" in answer.json()["error"]["remedy"]


async def test_a_body_is_read_only_as_far_as_an_utterance_goes() -> None:
    chunk = bytes(MAX_UTTERANCE_BYTES // 4)
    given = 0

    async def endless() -> dict[str, object]:
        nonlocal given
        given += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}

    assert await body_within(Request({"type": "http"}, endless), MAX_UTTERANCE_BYTES) is None
    assert given == 5 * len(chunk)


@pytest.mark.parametrize("module", STARTS)
def test_onnx_runtime_reports_nothing(module: str) -> None:
    """The variable is there when ONNX Runtime is imported, however the process begins."""
    program = f"""
import builtins, os
real = builtins.__import__
def watched(name, *rest, **named):
    if name.split(".")[0] == "onnxruntime":
        assert os.environ.get("ORT_DISABLE_TELEMETRY") == "1", name
    return real(name, *rest, **named)
builtins.__import__ = watched
import {module}
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
"""
    clean = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", program], env=clean, check=True, timeout=120)


def test_nothing_is_left_in_the_folder_that_all_users_share(tmp_path: Path) -> None:
    program = (
        "from agent.speech.say.lexicon import load_lexicon\n"
        "from agent.speech.say.phonemes import Phonemizer\n"
        "from agent.speech.hear.homophones import Homophones\n"
        "Homophones(['丢包率'], '', {}).mend('丢暴率')\n"
        "Phonemizer(load_lexicon()).phonemes('你好。', 'zh')\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=120)
    assert list(tmp_path.iterdir()) == []
