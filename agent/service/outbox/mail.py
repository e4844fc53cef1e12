"""Mail: a message and a mailbox in; the mail handed to the operator's server out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Final, Literal

import aiosmtplib
from pydantic import SecretStr

from agent.service.outbox.store import Taken

Tls = Literal["starttls", "tls", "none"]
#: What every mail server takes: RFC 5321's letters without quotes, and a domain with a dot.
_ADDRESS: Final = re.compile(
    r"(?=.{6,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
)


def is_mail_address(text: str) -> bool:
    """Whether mail can go there by its looks."""
    return _ADDRESS.fullmatch(text) is not None


@dataclass(frozen=True)
class Mailbox:
    """Somebody's mailbox, by a name of the operator's own, and the server that takes its mail."""

    name: str
    host: str
    port: int
    tls: Tls
    """starttls: the connection is encrypted before anything is said; tls: from its beginning."""
    sender: str
    to: str
    """One address: a server that refuses one of several would get the others' again."""
    user: str = ""
    """Empty: the server wants nobody signed in."""
    password: SecretStr = field(default_factory=lambda: SecretStr(""))


async def send(mailbox: Mailbox, taken: Taken, within_s: float) -> None:
    """Hand it to the mailbox's server, with ``within_s`` for each answer.

    Whatever goes wrong is raised: an `aiosmtplib.SMTPException`, an OSError, a ValueError.
    """
    await aiosmtplib.send(
        _mail(mailbox, taken),
        hostname=mailbox.host,
        port=mailbox.port,
        username=mailbox.user or None,
        password=mailbox.password.get_secret_value() if mailbox.user else None,
        use_tls=mailbox.tls == "tls",
        start_tls=mailbox.tls == "starttls",
        timeout=within_s,
    )


def _mail(mailbox: Mailbox, taken: Taken) -> EmailMessage:
    """The same each time that it is tried: its Message-ID tells who gets it twice."""
    mail = EmailMessage(policy=SMTP)
    message = taken.message
    mail["From"], mail["To"] = mailbox.sender, taken.recipient or mailbox.to
    mail["Subject"] = next(iter(message.text.splitlines()), message.type)
    mail["Date"] = taken.written_at
    _, address = parseaddr(mailbox.sender)
    of_key = hashlib.sha256(f"{taken.key}\n{mailbox.name}".encode()).hexdigest()
    mail["Message-ID"] = f"<{of_key}@{address.rpartition('@')[2]}>"
    mail.set_content(message.text)
    return mail
