"""Forms: a message and a destination in; the request that delivers it out, and its answer read.

- *webhook*: Standard Webhooks (standardwebhooks.com), signed with the destination's secret.
- *slack*: an incoming webhook; its address is the secret.
- *feishu*: a custom bot; signed if it has a secret (HMAC-SHA256 of nothing, with timestamp, newline
  and secret as the key).
- *dingtalk*: a custom robot; signed in its address if it has a secret (HMAC-SHA256 of timestamp,
  newline and secret, with the secret as the key; milliseconds).
- *wecom*: a group robot; its address is the secret.

The last three answer 200 to what they refuse, too: the code in the answer tells.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

import httpx
from pydantic import SecretStr
from standardwebhooks import Webhook

Form = Literal["webhook", "slack", "feishu", "dingtalk", "wecom"]


@dataclass(frozen=True)
class Destination:
    """Where messages go, by a name of the operator's own."""

    name: str
    form: Form
    url: SecretStr
    """Secret, too: for some it is all that a sender needs."""
    secret: SecretStr = field(default_factory=lambda: SecretStr(""))


@dataclass(frozen=True)
class Message:
    """What is told, to people and to programs."""

    type: str
    """What it is about, as programs tell it apart: "call.emergency"."""
    text: str
    """For people: a few lines, in their language."""
    data: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)


def request_for(
    destination: Destination, message: Message, key: str, written_at: datetime, now: datetime
) -> httpx.Request:
    """What is sent ``now``. ``key``: by which a receiver knows a message again."""
    headers, query, body = _BUILD[destination.form](destination, message, key, written_at, now)
    return httpx.Request(
        "POST",
        httpx.URL(destination.url.get_secret_value()).copy_merge_params(query),
        headers={"Content-Type": "application/json; charset=utf-8"} | headers,
        content=body,
    )


def problem_of(destination: Destination, answer: httpx.Response) -> str:
    """Why the receiver did not take it; empty where it did."""
    if not answer.is_success:
        return f"status {answer.status_code}"
    field_of_code = _CODE_FIELDS.get(destination.form)
    if field_of_code is None:
        return ""
    try:
        code = answer.json()[field_of_code]
    except (ValueError, KeyError, TypeError):
        return f"an answer without {field_of_code}"
    return "" if code == 0 else f"{field_of_code} {code}"


Parts = tuple[dict[str, str], dict[str, str], bytes]
"""Headers, query, body."""

#: Where the answer tells whether the message was taken.
_CODE_FIELDS: Final = {"feishu": "code", "dingtalk": "errcode", "wecom": "errcode"}


def _webhook(to: Destination, message: Message, key: str, at: datetime, now: datetime) -> Parts:
    body = _json({"type": message.type, "timestamp": at.isoformat(), "data": message.data})
    moment = now.astimezone(UTC)  # the library takes any other zone's clock for UTC's
    headers = {"webhook-id": key, "webhook-timestamp": str(int(moment.timestamp()))}
    if secret := to.secret.get_secret_value():
        headers["webhook-signature"] = Webhook(secret).sign(key, moment, body.decode())
    return headers, {}, body


def _slack(_to: Destination, message: Message, *_: object) -> Parts:
    return {}, {}, _json({"text": message.text})


def _feishu(to: Destination, message: Message, _key: str, _at: datetime, now: datetime) -> Parts:
    body: dict[str, Any] = {"msg_type": "text", "content": {"text": message.text}}
    if secret := to.secret.get_secret_value():
        timestamp = str(int(now.timestamp()))
        body |= {"timestamp": timestamp, "sign": _signed(f"{timestamp}\n{secret}", "")}
    return {}, {}, _json(body)


def _dingtalk(to: Destination, message: Message, _key: str, _at: datetime, now: datetime) -> Parts:
    query: dict[str, str] = {}
    if secret := to.secret.get_secret_value():
        timestamp = str(int(now.timestamp() * 1000))
        query = {"timestamp": timestamp, "sign": _signed(secret, f"{timestamp}\n{secret}")}
    return {}, query, _json({"msgtype": "text", "text": {"content": message.text}})


def _wecom(_to: Destination, message: Message, *_: object) -> Parts:
    return {}, {}, _json({"msgtype": "text", "text": {"content": message.text}})


_BUILD: Final[dict[Form, Callable[[Destination, Message, str, datetime, datetime], Parts]]] = {
    "webhook": _webhook,
    "slack": _slack,
    "feishu": _feishu,
    "dingtalk": _dingtalk,
    "wecom": _wecom,
}


def _signed(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
