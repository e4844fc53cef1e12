"""Access to the LiveKit server: settings go in; where it is and the keys that open it come out."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from livekit import api

from agent.settings import Settings
from common.errors import ServiceError, SetupError

#: Seconds until a server counts as unreachable.
CHECK_TIMEOUT_S = 5


@dataclass(frozen=True)
class LiveKitAccess:
    """Where the LiveKit server is and what it lets us in with."""

    url: str
    api_key: str
    api_secret: str = field(repr=False)
    ours: bool
    """Whether `liuke up` runs it."""

    def environment(self) -> dict[str, str]:
        """The same access as settings, for processes that we start."""
        return {
            "LIVEKIT_URL": self.url,
            "LIVEKIT_API_KEY": self.api_key,
            "LIVEKIT_API_SECRET": self.api_secret,
        }


def resolve_livekit(settings: Settings) -> LiveKitAccess:
    """The server given in the settings, or ours with the keys of this installation."""
    theirs = {
        "LIVEKIT_URL": settings.livekit.url,
        "LIVEKIT_API_KEY": settings.livekit.api_key,
        "LIVEKIT_API_SECRET": settings.livekit.api_secret.get_secret_value(),
    }
    missing = [variable for variable, value in theirs.items() if not value]
    if not missing:
        url, api_key, api_secret = theirs.values()
        return LiveKitAccess(url, api_key, api_secret, ours=_handed_down(settings, api_key))
    if len(missing) < len(theirs):
        given = [variable for variable in theirs if variable not in missing]
        raise SetupError(
            f"{' and '.join(missing)} missing, while {' and '.join(given)} is set.",
            "Set all three to use a LiveKit server of your own, or none to let Liuke start one.",
        )
    api_key, api_secret = _read_keys(_keys_path(settings))
    return LiveKitAccess(f"ws://127.0.0.1:{settings.livekit.port}", api_key, api_secret, ours=True)


def _handed_down(settings: Settings, api_key: str) -> bool:
    """Whether the settings come from `liuke up`, which hands our own access to what it starts."""
    try:
        return _read_keys(_keys_path(settings))[0] == api_key
    except SetupError:
        return False


async def ensure_keys(settings: Settings) -> None:
    """Generate the keys of this installation, once."""
    path = _keys_path(settings)
    if await asyncio.to_thread(path.exists):
        return
    keys = {"api_key": f"LK{secrets.token_hex(8)}", "api_secret": secrets.token_urlsafe(32)}
    await asyncio.to_thread(write_private, path, keys)


async def check_livekit(access: LiveKitAccess) -> None:
    """Ask the server for its rooms: ServiceError when it is away, SetupError for wrong keys."""
    timeout = aiohttp.ClientTimeout(total=CHECK_TIMEOUT_S)
    try:
        client = api.LiveKitAPI(access.url, access.api_key, access.api_secret, timeout=timeout)
        async with client:
            await client.room.list_rooms(api.ListRoomsRequest())
    except api.TwirpError as error:
        if error.status in (401, 403):
            raise SetupError(
                f"The LiveKit server at {access.url} refuses the key {access.api_key}.",
                "Another server may hold the port: stop it. Or delete var/keys.json and restart."
                if access.ours
                else "Check LIVEKIT_API_KEY and LIVEKIT_API_SECRET against that server's keys.",
            ) from None
        raise ServiceError(
            f"The LiveKit server at {access.url} answers with an error: {error.message}.",
            "See its log.",
            retryable=True,
        ) from None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise ServiceError(
            f"The LiveKit server at {access.url} cannot be reached ({type(error).__name__}).",
            "Start it with `liuke up`." if access.ours else "Check LIVEKIT_URL and the network.",
            retryable=True,
        ) from None


def _keys_path(settings: Settings) -> Path:
    return settings.paths.data_dir / "keys.json"


def _read_keys(path: Path) -> tuple[str, str]:
    try:
        keys = json.loads(path.read_text())
        return keys["api_key"], keys["api_secret"]
    except FileNotFoundError:
        raise SetupError(
            f"There are no LiveKit keys: {path} is missing.", "Run `liuke up` once: it makes them."
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise SetupError(
            f"The LiveKit keys in {path} cannot be read.",
            "Delete the file and run `liuke up`: it makes new ones.",
        ) from None


def write_private(path: Path, value: object) -> None:
    """Write JSON, which YAML readers read too, for this user's eyes only; whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(temporary, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(json.dumps(value, indent=2) + "\n")
    temporary.replace(path)
