"""The language model: which endpoint, what is wrong with it, and how the embedded one behaves."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio
from aiohttp import web

from agent.host.packs import is_ready
from agent.models.client import LanguageModel, Message
from agent.models.endpoint import LanguageModelEndpoint, resolve_language_model
from agent.settings import Settings
from common.errors import ServiceError, SetupError

pytestmark = pytest.mark.unit


async def check_language_model(endpoint: LanguageModelEndpoint) -> None:
    async with LanguageModel(endpoint) as model:
        await model.check()


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("LIUKE_LLM_MODEL", "auto")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_key_means_the_hosted_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://llm.example.com/v1")
    monkeypatch.setenv("OPENAI_MODEL", "large")
    endpoint = resolve_language_model(Settings())
    assert endpoint == LanguageModelEndpoint(
        "https://llm.example.com/v1", "sk-secret", "large", embedded=False
    )
    assert "sk-secret" not in repr(endpoint)


def test_no_key_means_the_embedded_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUKE_LLM_MODEL", "qwen2.5-0.5b")
    endpoint = resolve_language_model(Settings())
    assert endpoint and endpoint.embedded
    assert (endpoint.base_url, endpoint.model) == ("http://127.0.0.1:8901/v1", "qwen2.5-0.5b")


def test_none_means_approved_text_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUKE_LLM_MODEL", "none")
    assert resolve_language_model(Settings()) is None


def test_a_machine_not_measured_yet_is_told_to_set_up() -> None:
    with pytest.raises(SetupError, match="liuke up"):
        resolve_language_model(Settings())


#: What was asked of the endpoint below, in order.
asked: list[str] = []


@pytest_asyncio.fixture
async def hosted() -> AsyncIterator[LanguageModelEndpoint]:
    """A small OpenAI-compatible endpoint over real HTTP: the key `good`, the models below."""

    def refusal(status: int, code: str, message: str) -> web.Response:
        return web.json_response({"error": {"code": code, "message": message}}, status=status)

    def refused(request: web.Request) -> web.Response | None:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        if key == "spent":
            return refusal(429, "insufficient_quota", "You exceeded your current quota.")
        if key != "good":
            return refusal(401, "invalid_api_key", "Incorrect API key provided.")
        return None

    async def models(request: web.Request) -> web.Response:
        asked.append("models")
        listed = {"object": "list", "data": [{"id": "listed", "object": "model"}]}
        return refused(request) or web.json_response(listed)

    async def chat(request: web.Request) -> web.StreamResponse:
        if refusal_ := refused(request):
            return refusal_
        asked.append("completion")
        model = (await request.json())["model"]
        if model != "unlisted":
            return refusal(404, "model_not_found", f"The model `{model}` does not exist.")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'data: {"choices": [{"delta": {"content": "2"}}]}\n\n')
        await response.write(b"data: [DONE]\n\n")
        return response

    asked.clear()
    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield LanguageModelEndpoint(f"http://{host}:{port}/v1", "good", "listed", embedded=False)
    await runner.cleanup()


@pytest.mark.parametrize("model", ["listed", "unlisted"])
async def test_a_good_endpoint_passes(hosted: LanguageModelEndpoint, model: str) -> None:
    await check_language_model(replace(hosted, model=model))


async def test_a_refused_key_is_named(hosted: LanguageModelEndpoint) -> None:
    with pytest.raises(SetupError, match=r"refuses the key\. Check OPENAI_API_KEY"):
        await check_language_model(replace(hosted, api_key="bad"))


async def test_an_unknown_model_is_named(hosted: LanguageModelEndpoint) -> None:
    with pytest.raises(SetupError, match=r"does not know the model 'absent'.*OPENAI_MODEL"):
        await check_language_model(replace(hosted, model="absent"))


async def test_a_wrong_path_is_not_an_unknown_model(hosted: LanguageModelEndpoint) -> None:
    wrong = replace(hosted, base_url=hosted.base_url.removesuffix("/v1"))
    with pytest.raises(SetupError, match="Check OPENAI_BASE_URL"):
        await check_language_model(wrong)


async def test_no_credit_is_neither_down_nor_a_wrong_key(hosted: LanguageModelEndpoint) -> None:
    with pytest.raises(ServiceError, match="quota"):
        await check_language_model(replace(hosted, api_key="spent"))


async def test_an_endpoint_that_is_down_is_named() -> None:
    base_url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(ServiceError, match=base_url):
        await check_language_model(LanguageModelEndpoint(base_url, "key", "x", embedded=False))


async def test_a_model_that_is_not_listed_is_asked_once_however_often_it_is_checked(
    hosted: LanguageModelEndpoint,
) -> None:
    async with LanguageModel(replace(hosted, model="unlisted")) as model:
        for _ in range(3):
            await model.check()
    assert asked == ["models", "completion", "models", "models"]


async def test_what_the_model_writes_comes_in_pieces(hosted: LanguageModelEndpoint) -> None:
    async with LanguageModel(replace(hosted, model="unlisted")) as model:
        pieces = [text async for text in model.stream([Message("user", "1+1=")], tokens=5)]
    assert pieces == ["2"]


@pytest.mark.parametrize("is_down", [False, True])
async def test_a_model_that_fails_says_where_and_not_what_was_said(
    hosted: LanguageModelEndpoint, is_down: bool
) -> None:
    endpoint = replace(hosted, api_key="bad")
    if is_down:
        endpoint = replace(hosted, base_url="http://127.0.0.1:9/v1")
    said = [Message("user", "my private words")]
    async with LanguageModel(endpoint) as model:
        with pytest.raises(ServiceError, match=endpoint.base_url) as streamed:
            async for _ in model.stream(said, tokens=5):
                pass
        with pytest.raises(ServiceError, match=endpoint.base_url) as written:
            await model.write(said, tokens=5, timeout_s=5)
    assert "private" not in f"{streamed.value} {written.value}"


@pytest_asyncio.fixture
async def fickle() -> AsyncIterator[LanguageModelEndpoint]:
    """It says that a connection stays open, and closes it as the second request on it comes."""
    answer = b'{"choices": [{"message": {"role": "assistant", "content": "2"}}]}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        length = next(
            line for line in request.lower().splitlines() if line.startswith(b"content-length")
        )
        await reader.readexactly(int(length.split(b":")[1]))
        writer.write(head % len(answer) + answer)
        await writer.drain()
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    yield LanguageModelEndpoint(f"http://{host}:{port}/v1", "good", "listed", embedded=True)
    server.close()


async def test_a_connection_that_is_closed_as_it_is_used_again_costs_no_answer(
    fickle: LanguageModelEndpoint,
) -> None:
    async with LanguageModel(fickle) as model:
        said = [Message("user", "1+1=")]
        answers = [await model.write(said, tokens=2, timeout_s=5) for _ in range(3)]
    assert answers == ["2", "2", "2"]


async def test_no_proxy_of_the_environment_stands_before_the_embedded_model(
    hosted: LanguageModelEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    await check_language_model(replace(hosted, embedded=True))
    with pytest.raises(ServiceError):
        await check_language_model(hosted)


@pytest_asyncio.fixture
async def embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[LanguageModelEndpoint, psutil.Process]]:
    """The embedded server with the 0.5B model, as `liuke up` runs it."""
    monkeypatch.setenv("LIUKE_LLM_MODEL", "qwen2.5-0.5b")
    monkeypatch.setenv("LIUKE_LLM_PORT", str(free_port()))
    settings = Settings()
    if not is_ready(settings.paths.cache_dir, "qwen2.5-0.5b"):
        pytest.skip("the model is not in the cache: liuke models pull qwen2.5-0.5b")
    endpoint = resolve_language_model(settings)
    assert endpoint
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.host.language_model"
    )
    try:
        async with asyncio.timeout(120):
            while True:
                try:
                    await check_language_model(endpoint)
                    break
                except ServiceError:
                    await asyncio.sleep(0.2)
        yield endpoint, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0


RULES = "You are the voice assistant of an RTC cloud. Answer from the passages only. " * 12


async def ask(endpoint: LanguageModelEndpoint, question: str, **options: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": RULES}, {"role": "user", "content": question}]
    async with httpx.AsyncClient(base_url=endpoint.base_url, timeout=120) as http:
        body = {"messages": messages, "max_tokens": 4, **options}
        response = await http.post("/chat/completions", json=body)
    response.raise_for_status()
    timings: dict[str, Any] = response.json()["timings"]
    return timings


@pytest.mark.models
async def test_the_embedded_server_keeps_prompts_and_drops_callers(
    embedded: tuple[LanguageModelEndpoint, psutil.Process],
) -> None:
    endpoint, process = embedded

    # A prompt's unchanging part is computed once, also when two calls ask at once.
    first = await ask(endpoint, "What is the stall rate?")
    assert first["cache_n"] == 0
    again = await ask(endpoint, "How do I stop the echo?")
    assert again["cache_n"] > 0.8 * first["prompt_n"]
    await asyncio.gather(ask(endpoint, "Which ports?"), ask(endpoint, "Which token?"))
    pair = await asyncio.gather(ask(endpoint, "Which codec?"), ask(endpoint, "Which region?"))
    assert all(timings["cache_n"] > 0.8 * first["prompt_n"] for timings in pair)

    # Limits hold, and speed is told.
    async with LanguageModel(endpoint) as model:
        count = [Message("user", "Count from one to thirty.")]
        pieces = [text async for text in model.stream(count, tokens=4)]
        assert 1 <= len(pieces) <= 4
        assert len(await model.write(count, tokens=2, timeout_s=60)) < 20
        assert await model.tokens_per_second(4, timeout_s=60)
        assert await model.tokens_per_second(4, timeout_s=0.001) is None

    # A caller who leaves stops the generation: without that, 3,000 tokens would take a minute.
    generating = asyncio.create_task(
        ask(endpoint, "Count.", max_tokens=3000, ignore_eos=True, stream=True)
    )
    await asyncio.sleep(2)
    generating.cancel()
    async with asyncio.timeout(20):
        while await _processor_use(process) > 0.1:
            pass


async def _processor_use(process: psutil.Process) -> float:
    """Share of one core over a second."""
    before = sum(process.cpu_times()[:2])
    await asyncio.sleep(1)
    return float(sum(process.cpu_times()[:2]) - before)
