"""One real installation for all end-to-end tests: every process, real models, ports of its own."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from standardwebhooks import Webhook

from agent.settings import Settings

LIUKE = [sys.executable, "-m", "agent.cli.main"]
#: The ports of an installation, by the variable that moves them.
_PORTS = (
    "LIVEKIT_PORT",
    "LIVEKIT_RTC_UDP_PORT",
    "LIUKE_LLM_PORT",
    "LIUKE_AGENT_HEALTH_PORT",
    "LIUKE_API_PORT",
)


SITE_SECRET = "what the site of this test alone signs with"
PAGER_SECRET = f"whsec_{base64.b64encode(b'a secret for this test alone').decode()}"
SUPPORT = """
[destinations.pager]
form = "webhook"
url = "{url}"
secret_env = "PAGER_SECRET"

[[rota]]
name = "Lin"
destination = "pager"
"""


@dataclass(frozen=True)
class Installation:
    """A running Liuke."""

    url: str
    environment: dict[str, str]
    data_dir: Path
    process: subprocess.Popen[str]

    def liuke(self, *arguments: str, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
        """Run the command line against this installation."""
        return subprocess.run(
            [*LIUKE, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def report(self, *arguments: str) -> dict[str, Any]:
        """What a command says with `--json`; the command must succeed."""
        done = self.liuke(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@dataclass(frozen=True)
class Pager:
    """Where the person on call is paged: a real receiver of signed webhooks."""

    url: str
    received: list[dict[str, Any]]

    def page_of(self, ticket: int, timeout_s: float = 30) -> dict[str, Any]:
        """What it was told of a ticket, once."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            told = [body["data"] for body in self.received if body["data"]["ticket"] == ticket]
            if told:
                (page,) = told
                return dict(page)
            time.sleep(0.1)
        raise AssertionError(f"nobody was paged for ticket {ticket}: {self.received}")


@pytest.fixture(scope="session")
def pager() -> Iterator[Pager]:
    """A receiver on loopback that checks each signature."""
    received: list[dict[str, Any]] = []
    app = FastAPI()

    @app.post("/")
    async def take(request: Request) -> None:
        body = await request.body()
        Webhook(PAGER_SECRET).verify(body, dict(request.headers))
        received.append(json.loads(body))

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    serving = threading.Thread(target=server.run)
    serving.start()
    yield Pager(f"http://127.0.0.1:{port}/", received)
    server.should_exit = True
    serving.join()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, pager: Pager) -> Iterator[Installation]:
    """`liuke up` on free ports, with an index, database, keys and rota of this test run alone."""
    data_dir = tmp_path_factory.mktemp("installation")
    _reuse_what_set_up_made(data_dir)
    (data_dir / "support.toml").write_text(SUPPORT.format(url=pager.url))
    environment = os.environ | _free_ports()
    environment |= {
        "LIUKE_DATA_DIR": str(data_dir),
        "LIUKE_API_SITE_SECRET": SITE_SECRET,
        "PAGER_SECRET": PAGER_SECRET,
    }
    log = (data_dir / "up.log").open("w")
    process = subprocess.Popen(
        [*LIUKE, "up", "--json"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        assert process.stdout
        first = process.stdout.readline()
        # What it says later is for nobody here, and must not fill the pipe.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        assert first, f"liuke up failed:\n{(data_dir / 'up.log').read_text()[-3000:]}"
        yield Installation(json.loads(first)["url"], environment, data_dir, process)
    finally:
        process.terminate()
        process.wait(60)
        log.close()


@pytest.fixture(scope="session")
def questions(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Questions:
    """Spoken questions, made by the installation's own voice."""
    return Questions(installation, tmp_path_factory.mktemp("questions"))


@dataclass(frozen=True)
class Questions:
    """Makes WAV files of what a customer says."""

    installation: Installation
    folder: Path

    def say(self, name: str, text: str) -> Path:
        """The text, spoken; 24 kHz mono."""
        path = self.folder / f"{name}.wav"
        if not path.exists():
            self.installation.report("say", text, "--out", str(path))
        return path


def _reuse_what_set_up_made(data_dir: Path) -> None:
    """Embeddings and the machine's measure are facts: another run need not make them again."""
    made = Settings().paths.data_dir
    for name in ("knowledge/vectors.db", "machine.json"):
        if (made / name).is_file():
            (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
            (data_dir / name).write_bytes((made / name).read_bytes())
    if (made / "speech-cache").is_dir():
        shutil.copytree(made / "speech-cache", data_dir / "speech-cache")


def _free_ports() -> dict[str, str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(len(_PORTS) + 3)]
    ports = [str(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return dict(zip(_PORTS, ports, strict=False)) | {
        "LIUKE_SPEECH_URL": f"http://127.0.0.1:{ports[-1]}",
        "LIUKE_KNOWLEDGE_URL": f"http://127.0.0.1:{ports[-2]}",
        "LIUKE_SCREEN_URL": f"http://127.0.0.1:{ports[-3]}",
    }
