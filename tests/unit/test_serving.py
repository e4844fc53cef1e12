"""Work for clients: bounded, and given up when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI, Request

from common.errors import ServiceError
from common.http_errors import install_error_handlers
from common.serving import BoundedThreads, while_connected
from tests.unit.serving import serve

pytestmark = pytest.mark.unit


class Work:
    """Blocks until it is let go, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = threading.Event()

    def __call__(self) -> str:
        self.begun += 1
        self.go.wait(10)
        return "done"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (it is decided in other threads)
            await asyncio.sleep(0.01)


async def begun(work: Work, times: int) -> None:
    await until(lambda: work.begun >= times)


async def test_too_much_at_once_is_refused_and_the_rest_is_done() -> None:
    work, threads = Work(), BoundedThreads(1, waiting=1, what="searches")
    first = asyncio.create_task(threads.run(work))
    second = asyncio.create_task(threads.run(work))
    await begun(work, 1)
    with pytest.raises(ServiceError, match="Too many searches") as refused:
        await threads.run(work)
    assert refused.value.retryable
    work.go.set()
    assert tuple(await asyncio.gather(first, second)) == ("done", "done")
    assert await threads.run(work) == "done"
    threads.close()


async def test_work_that_was_given_up_is_not_begun_and_takes_no_place() -> None:
    work, threads = Work(), BoundedThreads(1, waiting=1, what="searches")
    first = asyncio.create_task(threads.run(work))
    given_up = asyncio.create_task(threads.run(work))
    await begun(work, 1)
    given_up.cancel()
    await asyncio.wait({given_up})
    after = asyncio.create_task(threads.run(work))
    work.go.set()
    assert tuple(await asyncio.gather(first, after)) == ("done", "done")
    assert work.begun == 2
    threads.close()


async def test_a_client_that_has_gone_is_not_worked_for() -> None:
    work, threads = Work(), BoundedThreads(1, waiting=8, what="searches")
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/")
    async def ask(request: Request) -> str | None:
        return await while_connected(request, threads.run(work))

    async with serve(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        patient = asyncio.create_task(http.get("/", timeout=10))
        await begun(work, 1)
        for _ in range(4):
            with pytest.raises(httpx.ReadTimeout):
                await http.get("/", timeout=0.1)
        await until(lambda: not threads.waiting)
        work.go.set()
        assert (await patient).json() == "done"
        assert work.begun == 1


async def test_who_is_refused_is_told_when_to_come_again() -> None:
    work, threads = Work(), BoundedThreads(1, waiting=0, what="searches")
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/")
    async def ask() -> str:
        return await threads.run(work)

    async with serve(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        first = asyncio.create_task(http.get("/", timeout=10))
        await begun(work, 1)
        refused = await http.get("/")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        work.go.set()
        assert (await first).is_success
