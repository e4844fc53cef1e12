"""Virtual time: waits cost nothing, and everybody agrees on what time it is."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from fastapi import FastAPI
from livekit.agents import llm

from tests.unit.serving import serve
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit


def message() -> llm.ChatMessage:
    return llm.ChatMessage(role="user", content=["hello"])


@virtual_time
async def test_a_wait_takes_exactly_as_long_as_it_says() -> None:
    await asyncio.sleep(3600)
    assert asyncio.get_running_loop().time() == pytest.approx(3600)


@virtual_time
async def test_what_waits_at_once_is_done_in_the_order_of_its_times() -> None:
    done: list[float] = []

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)
        done.append(seconds)

    await asyncio.gather(*map(wait, (3.0, 0.5, 2.0)))
    assert done == [0.5, 2.0, 3.0]


@virtual_time
async def test_a_limit_ends_what_never_comes() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await asyncio.Event().wait()


@virtual_time
async def test_all_clocks_go_alike() -> None:
    before = time.time(), time.monotonic(), time.perf_counter(), message()
    await asyncio.sleep(10)
    after = time.time(), time.monotonic(), time.perf_counter(), message()
    assert [b - a for a, b in zip(before[:3], after[:3], strict=True)] == pytest.approx([10] * 3)
    assert after[3].created_at - before[3].created_at == pytest.approx(10)


@virtual_time
async def test_time_stands_still_while_a_thread_works() -> None:
    limit = asyncio.create_task(asyncio.sleep(0.001))
    await asyncio.to_thread(time.sleep, 0.05)
    assert not limit.done()
    await limit


@virtual_time
async def test_a_server_on_loopback_answers_before_a_limit_does() -> None:
    app = FastAPI()

    @app.get("/")
    async def late() -> str:
        await asyncio.sleep(9)
        return "here"

    async with serve(app) as url, httpx.AsyncClient(timeout=10.0) as http:
        assert (await http.get(url)).json() == "here"


def test_outside_of_it_time_is_real() -> None:
    assert abs(time.time() - message().created_at) < 60
