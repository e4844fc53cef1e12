"""What goes outside goes once it is decided, at least once, to real receivers on loopback."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import select
from standardwebhooks import Webhook

from agent.service.database import Database
from agent.service.outbox import courier as courier_module
from agent.service.outbox import store as store_module
from agent.service.outbox.courier import Courier
from agent.service.outbox.forms import Destination, Form, Message
from agent.service.outbox.mail import Mailbox
from agent.service.outbox.store import LEASE, WAITS, Outbox, write_down
from agent.service.outbox.tables import Outgoing

pytestmark = pytest.mark.unit

MESSAGE = Message("call.emergency", "紧急:全部用户无法加入。", {"ticket": 7})
SECRET = "whsec_" + base64.b64encode(b"a secret of the operator's own").decode()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


class Receiver:
    """Somebody else's server: keeps what came, and answers as it is told."""

    def __init__(self) -> None:
        self.came: list[tuple[web.Request, bytes]] = []
        self.answers: list[Callable[[], Awaitable[web.Response]]] = []
        self.url = ""
        self.arrived = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        self.came.append((request, await request.read()))
        self.arrived.set()
        if self.answers:
            return await self.answers.pop(0)()
        return web.json_response({"code": 0, "errcode": 0})

    async def got(self, number: int) -> None:
        async with asyncio.timeout(15):
            while len(self.came) < number:
                self.arrived.clear()
                await self.arrived.wait()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hook?token=t"
    yield receiver
    await runner.cleanup()


def to(receiver: Receiver, form: Form = "webhook", secret: str = "") -> Destination:
    return Destination("on-call", form, SecretStr(receiver.url), SecretStr(secret))


async def written(database: Database, key: str = "call-1:emergency", *names: str) -> None:
    async with database.transaction() as session:
        await write_down(session, key, names or ("on-call",), MESSAGE, datetime.now(UTC))


@asynccontextmanager
async def delivering(
    database: Database, *destinations: Destination | Mailbox
) -> AsyncIterator[None]:
    courier = Courier(Outbox(database), {d.name: d for d in destinations})
    running = asyncio.create_task(courier.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait({running})


async def test_a_signed_webhook_is_verified_by_the_standards_own_library(
    database: Database, receiver: Receiver
) -> None:
    await written(database)
    async with delivering(database, to(receiver, secret=SECRET)):
        await receiver.got(1)
    request, body = receiver.came[0]
    told = Webhook(SECRET).verify(body, dict(request.headers))
    assert (told["type"], told["data"]) == ("call.emergency", {"ticket": 7})
    assert request.headers["webhook-id"] == "call-1:emergency"


def _feishu_sign(secret: str, stamp: str) -> str:
    digest = hmac.new(f"{stamp}\n{secret}".encode(), digestmod=hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


async def test_each_messenger_gets_its_own_form(database: Database, receiver: Receiver) -> None:
    forms: tuple[Form, ...] = ("slack", "feishu", "dingtalk", "wecom")
    for form in forms:
        await written(database, f"key of {form}", form)
    destinations = [replace(to(receiver, form, "SEC1"), name=form) for form in forms]
    async with delivering(database, *destinations):
        await receiver.got(len(forms))
    came = {}
    for request, body in receiver.came:
        assert request.query["token"] == "t"
        told = json.loads(body)
        came[_form_of(request, told)] = (request, told)
    assert set(came) == set(forms)
    assert came["slack"][1] == {"text": MESSAGE.text}
    assert came["wecom"][1] == {"msgtype": "text", "text": {"content": MESSAGE.text}}
    feishu = came["feishu"][1]
    assert feishu["content"] == {"text": MESSAGE.text}
    assert feishu["sign"] == _feishu_sign("SEC1", feishu["timestamp"])
    request, dingtalk = came["dingtalk"]
    assert dingtalk["text"] == {"content": MESSAGE.text}
    stamp = request.query["timestamp"]
    assert abs(int(stamp) / 1000 - time.time()) < 60
    expected = hmac.new(b"SEC1", f"{stamp}\nSEC1".encode(), hashlib.sha256).digest()
    assert request.query["sign"] == base64.b64encode(expected).decode()


def _form_of(request: web.Request, told: dict[str, object]) -> str:
    if "sign" in request.query:
        return "dingtalk"
    return "feishu" if "msg_type" in told else "wecom" if "msgtype" in told else "slack"


async def test_the_same_is_written_once_for_each_destination(
    database: Database, receiver: Receiver
) -> None:
    for _ in range(3):
        await written(database, "same", "on-call", "archive")
    async with delivering(database, to(receiver), replace(to(receiver), name="archive")):
        await receiver.got(2)
        await asyncio.sleep(0.8)
    assert len(receiver.came) == 2


async def test_the_same_that_two_write_at_once_is_written_once(database: Database) -> None:
    await asyncio.gather(*(written(database, "same") for _ in range(6)))
    outbox, now = Outbox(database), datetime.now(UTC)
    assert await outbox.take(now)
    assert await outbox.take(now) is None


async def test_what_did_not_happen_is_not_told(database: Database, receiver: Receiver) -> None:
    with pytest.raises(RuntimeError):
        async with database.transaction() as session:
            await write_down(session, "key", ["on-call"], MESSAGE, datetime.now(UTC))
            raise RuntimeError("the ticket could not be written")
    assert await Outbox(database).take(datetime.now(UTC)) is None


@pytest.mark.parametrize(
    ("form", "status", "body"),
    [
        ("webhook", 500, {}),
        ("webhook", 302, {}),
        ("feishu", 200, {"code": 19021, "msg": "sign match fail"}),
        ("dingtalk", 200, {"errcode": 310000}),
        ("wecom", 200, {}),
    ],
)
async def test_what_is_refused_is_tried_again(
    database: Database,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    form: Form,
    status: int,
    body: dict[str, int],
) -> None:
    async def refuse() -> web.Response:
        return web.json_response(body, status=status, headers={"Location": receiver.url})

    monkeypatch.setattr(store_module, "WAITS", (timedelta(seconds=0.1),))
    receiver.answers = [refuse]
    await written(database)
    async with delivering(database, to(receiver, form)):
        await receiver.got(2)
    ids = {request.headers.get("webhook-id") for request, _ in receiver.came}
    assert len(receiver.came) == 2 and len(ids) == 1


async def test_a_receiver_that_hangs_keeps_nobody_else_waiting(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier_module, "ANSWER_WITHIN_S", 1.0)

    async def hang() -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    receiver.answers = [hang]
    await written(database, "hangs")
    async with delivering(database, to(receiver)):
        await receiver.got(1)
        await written(database, "next")
        await receiver.got(3)
    keys = [request.headers["webhook-id"] for request, _ in receiver.came]
    assert keys == ["hangs", "next", "hangs"]


async def test_a_receiver_may_take_all_the_time_that_an_attempt_has(
    database: Database, receiver: Receiver
) -> None:
    """More than the five seconds after which the HTTP client would give up by itself."""

    async def think() -> web.Response:
        await asyncio.sleep(courier_module.ANSWER_WITHIN_S * 0.6)
        return web.Response()

    receiver.answers = [think]
    await written(database)
    async with delivering(database, to(receiver)), asyncio.timeout(30):
        while not (await Outbox(database).newest(1))[0].delivered_at:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert len(receiver.came) == 1


@pytest.mark.parametrize(
    ("url", "secret"), [("http://127.0.0.1:9/", ""), ("no address", ""), ("", "whsec_")]
)
async def test_a_destination_that_is_set_up_wrong_stops_no_other(
    database: Database, receiver: Receiver, url: str, secret: str
) -> None:
    wrong = Destination("wrong", "webhook", SecretStr(url or receiver.url), SecretStr(secret))
    await written(database, "one", "wrong")
    async with delivering(database, wrong, to(receiver)):
        problem = await problem_told(database)
        await written(database, "another")
        await receiver.got(1)
    assert problem and "127.0.0.1" not in problem


async def problem_told(database: Database) -> str:
    async with asyncio.timeout(10):
        while True:
            async with database.transaction() as session:
                if problem := await session.scalar(
                    select(Outgoing.problem).where(Outgoing.problem != "")
                ):
                    return problem
            await asyncio.sleep(0.05)


async def test_what_never_arrives_is_seen_by_somebody_and_can_be_tried_anew(
    database: Database,
) -> None:
    outbox, now = Outbox(database), datetime.now(UTC)
    await written(database)
    now += timedelta(seconds=1)
    for wait in (*WAITS, None):
        taken = await outbox.take(now)
        assert taken
        await outbox.failed(taken, "status 500", now)
        if wait:
            assert await outbox.take(now + wait - timedelta(seconds=1)) is None
            now += wait
    assert await outbox.take(now + timedelta(days=365)) is None
    (dead,) = await outbox.dead()
    assert (dead.key, dead.problem, dead.attempts) == (
        *("call-1:emergency", "status 500", len(WAITS) + 1),
    )
    assert await outbox.try_again(dead.id)
    assert not await outbox.try_again(dead.id)
    again = await outbox.take(datetime.now(UTC))
    assert again and again.attempts == 1


async def test_one_of_many_tries_a_message_and_one_that_dies_gives_it_back(
    database: Database,
) -> None:
    await written(database)
    outbox, now = Outbox(database), datetime.now(UTC)
    taken = await asyncio.gather(*(outbox.take(now) for _ in range(8)))
    assert sum(one is not None for one in taken) == 1
    assert await outbox.take(now + LEASE - timedelta(seconds=1)) is None
    again = await outbox.take(now + LEASE)
    assert again and again.key == "call-1:emergency"


async def test_a_destination_that_is_not_there_any_more_is_told(database: Database) -> None:
    await written(database)
    async with delivering(database):
        assert "no destination of this name" in await problem_told(database)
