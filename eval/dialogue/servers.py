"""What a talk in text needs: settings in; the knowledge server and the language model, up, out.

Those that run are used; what does not is started here and stopped afterwards. No room, no voice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

from agent.cli.output import err
from agent.models.endpoint import LanguageModelEndpoint
from agent.settings import Settings
from common.settings import PROJECT_ROOT
from eval.installation import answers, stop, wait_until_up

#: Loading weights and indexes takes some ten seconds.
_START_S = 180.0


@contextlib.asynccontextmanager
async def serving_text(
    settings: Settings, endpoint: LanguageModelEndpoint | None
) -> AsyncIterator[str]:
    """Both are up; the knowledge server's address. Raises ServiceError where one does not start."""
    async with contextlib.AsyncExitStack() as stack:
        url, token = settings.knowledge.url, settings.internal_token
        # Its health is told to everybody: only an answer to our token shows that it is ours.
        if not await answers(f"{url}/openings?tenant=", token):
            with socket.create_server(("127.0.0.1", 0)) as free:
                url = f"http://127.0.0.1:{free.getsockname()[1]}"
            variables = {"LIUKE_KNOWLEDGE_URL": url}
            await stack.enter_async_context(
                _started("knowledge.server", f"{url}/healthz", variables)
            )
        if endpoint and endpoint.embedded:
            address = urlsplit(endpoint.base_url)
            health = f"{address.scheme}://{address.netloc}/health"
            if not await answers(health):
                await stack.enter_async_context(_started("agent.host.language_model", health, {}))
        yield url


@contextlib.asynccontextmanager
async def _started(module: str, health: str, variables: Mapping[str, str]) -> AsyncIterator[None]:
    err.print(f"starting {module}", highlight=False)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        cwd=PROJECT_ROOT,
        env={**os.environ, **variables},
        stdout=sys.stderr,
    )
    try:
        await wait_until_up(process, health, name=module, timeout_s=_START_S)
        yield
    finally:
        await stop(process)
