"""Mail goes to a real SMTP server on loopback: encrypted, signed in, at least once, known again."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message as Mail
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from agent.service.database import Database
from agent.service.outbox import courier as courier_module
from agent.service.outbox import store as store_module
from agent.service.outbox.forms import Destination, Message
from agent.service.outbox.mail import Mailbox, Tls
from tests.unit.test_outbox import delivering, problem_told, written

pytestmark = pytest.mark.unit


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


class Server:
    """Somebody's mail server: keeps what came, and answers as it is told."""

    def __init__(self) -> None:
        self.came: list[Mail] = []
        self.signed_in: list[bytes] = []
        self.answers: list[str] = []
        self.arrived = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.came.append(message_from_bytes(envelope.content))
        self.loop.call_soon_threadsafe(self.arrived.set)  # the server has a thread of its own
        return self.answers.pop(0) if self.answers else "250 taken"

    def authenticate(self, _s: Any, _session: Any, _e: Any, _way: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.signed_in.append(given.login)
        return AuthResult(success=given.password == b"the mailbox's own", handled=False)


@contextmanager
def serving(server: Server, **options: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def mailbox(port: int, tls: Tls = "none", **given: Any) -> Mailbox:
    return Mailbox(
        "on-call", "127.0.0.1", port, tls, "Liuke <liuke@example.com>", "lin@example.com", **given
    )


async def came(server: Server, number: int) -> None:
    async with asyncio.timeout(15):
        while len(server.came) < number:
            await server.arrived.wait()
            server.arrived.clear()


async def test_a_mail_says_what_it_is_about_and_is_known_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "WAITS", (timedelta(seconds=0.1),))
    server = Server()
    server.answers = ["451 try again later"]
    with serving(server) as port:
        await written(database)
        async with delivering(database, mailbox(port)):
            await came(server, 2)
    first, again = server.came
    assert first["Message-ID"] == again["Message-ID"] and first["Date"] == again["Date"]
    assert str(make_header(decode_header(first["Subject"]))) == "紧急:全部用户无法加入。"
    assert (first["To"], first["From"]) == ("lin@example.com", "Liuke <liuke@example.com>")
    body = first.get_payload(decode=True)
    assert isinstance(body, bytes) and body.decode().strip() == "紧急:全部用户无法加入。"
    assert first["Message-ID"].endswith("@example.com>")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of 127.0.0.1, that this machine believes."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "mail.pem").write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "mail.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "mail.pem")
    return context


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_server_that_wants_a_password_gets_it_encrypted(
    database: Database, certificate: ssl.SSLContext, tls: Tls
) -> None:
    server = Server()
    how: dict[str, Any] = (
        {"ssl_context": certificate, "auth_require_tls": False}
        if tls == "tls"
        else {"tls_context": certificate, "require_starttls": True}
    )
    with serving(server, authenticator=server.authenticate, auth_required=True, **how) as port:
        password = SecretStr("the mailbox's own")
        await written(database)
        async with delivering(database, mailbox(port, tls, user="liuke", password=password)):
            await came(server, 1)
    assert server.signed_in == [b"liuke"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"user": "liuke", "password": SecretStr("hunter2")}, "SMTPAuthenticationError 535"),
        ({"tls": "starttls"}, "SMTPException"),  # the server has none: nothing is told unencrypted
        ({"tls": "tls"}, "SMTPConnectError"),
    ],
)
async def test_what_is_refused_is_told_without_a_secret(
    database: Database, given: dict[str, Any], problem: str
) -> None:
    server = Server()
    with serving(server, authenticator=server.authenticate, auth_require_tls=False) as port:
        await written(database)
        async with delivering(database, mailbox(port, **given)):
            assert (await problem_told(database)).startswith(problem)
    assert not server.came


async def test_a_server_that_hangs_is_given_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier_module, "ANSWER_WITHIN_S", 0.5)
    connected = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await asyncio.sleep(30)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    await written(database)
    async with delivering(database, mailbox(server.sockets[0].getsockname()[1])):
        assert "no answer" in await problem_told(database)
    assert connected.is_set()
    server.close()


async def test_what_is_for_a_customer_goes_to_them_by_mail_alone(database: Database) -> None:
    server = Server()
    message = Message("call.summary", "Your call")
    async with database.transaction() as session:
        for by in ("on-call", "chat"):
            await store_module.write_down(
                session, "k", [by], message, datetime.now(UTC), recipient="wang@acme.example"
            )
    chat = Destination("chat", "slack", SecretStr("http://127.0.0.1:9/"))
    with serving(server) as port:
        async with delivering(database, mailbox(port), chat):
            await came(server, 1)
            assert "for a customer" in await problem_told(database)
    (mail,) = server.came
    assert mail["To"] == "wang@acme.example" and mail["From"] == "Liuke <liuke@example.com>"


async def test_a_text_that_would_break_a_header_is_a_mail_all_the_same(database: Database) -> None:
    server = Server()
    message = Message("page", "Bcc: all\r\nBcc: others@example.com\r\n\r\nmore")
    with serving(server) as port:
        async with database.transaction() as session:
            await store_module.write_down(session, "key", ["on-call"], message, datetime.now(UTC))
        async with delivering(database, mailbox(port)):
            await came(server, 1)
    (mail,) = server.came
    assert mail["Bcc"] is None and mail["Subject"] == "Bcc: all"
