"""What the knowledge base may be put on: a real Chroma server, a real embeddings endpoint."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from tests.unit.databases import (  # noqa: F401 - fixtures
    bare_database_url,
    database_url,
    demo_url,
    migrated_file,
    postgres,
    postgres_template,
    seeded_file,
    seeded_template,
)
from tests.unit.embedding import model
from tests.unit.regions import (  # noqa: F401 - fixtures
    own_regions,
    own_regions_url,
    regions,
    regions_file,
    regions_template,
    regions_url,
)

_START_S = 60


@pytest.fixture(scope="session")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a Chroma server answers."""
    port = _free_port()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("chroma"), "run", "--port", str(port), "--path",
         tmp_path_factory.mktemp("chroma-server")],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/api/v2/heartbeat")
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def embeddings_url() -> Iterator[str]:
    """Where an OpenAI-compatible endpoint answers: the embedded model, without its roles."""
    app = FastAPI()

    @app.post("/v1/embeddings")
    def embed(body: dict[str, Any]) -> dict[str, Any]:
        vectors = model().embed(body["input"], "query")
        return {
            "object": "list",
            "model": body["model"],
            "data": [
                {"object": "embedding", "index": number, "embedding": vector}
                for number, vector in enumerate(vectors)
            ],
            "usage": {"prompt_tokens": 0, "total_tokens": 0},
        }

    port = _free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        _wait_for(f"http://127.0.0.1:{port}/openapi.json")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        thread.join()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _wait_for(url: str) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            httpx.get(url, trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
