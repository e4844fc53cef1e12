"""A call finds what is for everybody and for its own account: what it asks for says so."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from agent.call.conversation import open_conversation
from agent.rooms.principal import guest, read_signed
from agent.settings import Settings
from common.errors import ServiceError
from knowledge.client import KnowledgeClient
from tests.unit.serving import serve
from tests.unit.test_principal import SECRET, signed

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("account", ["acme", ""])
async def test_a_call_searches_for_the_account_that_was_signed(
    account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    app = FastAPI()

    @app.post("/search")
    def search(body: dict[str, Any]) -> dict[str, Any]:
        asked.append(body["tenant"])
        return {}

    principal = read_signed(signed(account=account), SECRET, "zh") if account else guest("zh")
    monkeypatch.setenv("LIUKE_LLM_MODEL", "none")
    async with serve(app) as url:
        monkeypatch.setenv("LIUKE_KNOWLEDGE_URL", url)
        conversation = open_conversation(Settings(), principal)
        (knowledge,) = [part for part in conversation.parts if isinstance(part, KnowledgeClient)]
        with pytest.raises(ServiceError):  # this server finds nothing, in no form
            await knowledge.search("回声怎么办")
        await conversation.aclose()
    assert asked == [account]
