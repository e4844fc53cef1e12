"""What a talk in text needs: settings in; the knowledge server and the language model, up, out.

Those that run are used; what does not is started here and stopped afterwards. No room, no voice.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
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
) -> AsyncIterator[None]:
    """Both are up. Raises ServiceError where one does not start."""
    async with contextlib.AsyncExitStack() as stack:
        url = settings.knowledge.url
        await stack.enter_async_context(_serving("knowledge.server", f"{url}/healthz", settings))
        if endpoint and endpoint.embedded:
            address = urlsplit(endpoint.base_url)
            health = f"{address.scheme}://{address.netloc}/health"
            module = "agent.host.language_model"
            await stack.enter_async_context(_serving(module, health, settings))
        yield


@contextlib.asynccontextmanager
async def _serving(module: str, health: str, settings: Settings) -> AsyncIterator[None]:
    token = settings.internal_token
    if await answers(health, token):
        yield
        return
    err.print(f"starting {module}", highlight=False)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module), cwd=PROJECT_ROOT, stdout=sys.stderr
    )
    try:
        await wait_until_up(process, health, name=module, timeout_s=_START_S, token=token)
        yield
    finally:
        await stop(process)
