"""Our own servers serve our own processes: with the token, under a right name, and nobody else."""

from __future__ import annotations

import stat
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from common.errors import SetupError
from common.internal import InternalOnly, InternalSettings, internal_http, internal_token
from common.settings import PathSettings

pytestmark = pytest.mark.unit


def paths(folder: Path) -> PathSettings:
    return PathSettings(data_dir=folder, cache_dir=folder)


@pytest.fixture
def server() -> TestClient:
    app = FastAPI()

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/said")
    def said() -> dict[str, str]:
        return {"said": "something"}

    app.add_middleware(InternalOnly, token="ours", url="http://speech.internal:8902")
    return TestClient(app, base_url="http://127.0.0.1:8902")


def test_a_request_with_the_token_is_served(server: TestClient) -> None:
    assert server.get("/said", headers={"Authorization": "Bearer ours"}).is_success


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer theirs"}])
def test_a_request_without_the_token_is_refused(server: TestClient, given: dict[str, str]) -> None:
    answer = server.get("/said", headers=given)
    assert answer.status_code == 401
    assert "LIUKE_INTERNAL_TOKEN" in answer.json()["error"]["remedy"]


def test_health_needs_no_token_but_a_right_name(server: TestClient) -> None:
    assert server.get("/healthz").is_success
    assert server.get("/healthz", headers={"Host": "speech.internal:8902"}).is_success
    assert server.get("/healthz", headers={"Host": "pages.example"}).status_code == 421


def test_the_token_is_made_once_and_is_this_users_alone(tmp_path: Path) -> None:
    made = internal_token(paths(tmp_path / "new"), InternalSettings())
    assert made == internal_token(paths(tmp_path / "new"), InternalSettings())
    assert len(made) >= 32
    assert stat.S_IMODE((tmp_path / "new" / "internal-token").stat().st_mode) == 0o600


def test_a_token_that_is_set_goes_before_the_file(tmp_path: Path) -> None:
    assert internal_token(paths(tmp_path), InternalSettings(token=SecretStr("given"))) == "given"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="LIUKE_DATA_DIR"):
        internal_token(paths(tmp_path / "file"), InternalSettings())


async def test_no_proxy_of_the_environment_stands_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with internal_http("http://127.0.0.1:8902", "ours", httpx.Timeout(1)) as http:
        assert http.headers["Authorization"] == "Bearer ours"
        assert not http._mounts
