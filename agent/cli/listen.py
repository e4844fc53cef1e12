"""`liuke oncall listen`: a receiver of our webhooks on loopback, for whoever has no chat tool."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Final

import typer
from aiohttp import web
from rich.text import Text
from standardwebhooks import Webhook, WebhookVerificationError

from agent.cli.output import JsonFlag, err, out, print_json, run
from common.errors import SetupError
from common.settings import variable

#: The longest message, bytes.
_MOST: Final = 64 * 1024


def listen(
    port: Annotated[int, typer.Option(min=1, max=65535, help="On this machine alone.")] = 8906,
    secret_env: Annotated[
        str, typer.Option(help="The variable with the secret; without it nothing is verified.")
    ] = "",
    json_output: JsonFlag = False,
) -> None:
    """Print each page as it comes, with its link, until Ctrl-C."""
    webhook = _webhook(secret_env)
    err.print(
        Text(
            f'Listening. In support.toml: [destinations.NAME]  form = "webhook"  '
            f'url = "http://127.0.0.1:{port}/"'
            + (f'  secret_env = "{secret_env}"' if secret_env else "")
        ),
        soft_wrap=True,
    )
    run(_serve(receiver(webhook, json_output), port))


def _webhook(secret_env: str) -> Webhook | None:
    if not secret_env:
        return None
    try:
        return Webhook(variable(secret_env))
    except (RuntimeError, ValueError) as error:
        raise SetupError(
            f"{secret_env} holds no webhook secret: {error}.",
            "Set it in the environment or in .env: whsec_ and base64 (standardwebhooks.com).",
        ) from None


def receiver(webhook: Webhook | None, json_output: bool) -> web.Application:
    """What prints messages; with ``webhook`` it refuses those that are not signed."""
    seen: set[str] = set()

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            if webhook:
                webhook.verify(body, dict(request.headers))
            message = json.loads(body)
            told = {"type": str(message["type"]), **message["data"]}
        except WebhookVerificationError as error:
            err.print(Text(f"Refused: {error}", "red"))
            return web.Response(status=401)
        except (ValueError, KeyError, TypeError):
            err.print(Text("Refused: it is no message of ours.", "red"))
            return web.Response(status=400)
        key = request.headers.get("webhook-id", "")
        if key not in seen:  # a message may come twice
            _show(told, json_output)
        seen.add(key)
        return web.Response(status=204)

    app = web.Application(client_max_size=_MOST)
    app.router.add_post("/{rest:.*}", take)
    return app


def _show(told: dict[str, Any], json_output: bool) -> None:
    if json_output:
        print_json(told)
        return
    link = told.pop("link", "")
    out.print(Text(" ".join(f"{name}={value}" for name, value in told.items())), soft_wrap=True)
    if link:
        out.print(Text(f"  {link}", "bold"), soft_wrap=True)


async def _serve(app: web.Application, port: int) -> None:
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()
    except OSError as error:
        raise SetupError(
            f"Port {port} cannot be listened on: {error.strerror}.", "Give another: --port."
        ) from None
    finally:
        await runner.cleanup()
