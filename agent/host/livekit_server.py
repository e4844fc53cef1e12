"""Host: settings go in; the configuration of the LiveKit server that we start comes out."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agent.rooms.access import LiveKitAccess, write_private
from agent.rooms.webhook import EVENTS, PATH
from agent.settings import Settings


async def write_server_config(settings: Settings, access: LiveKitAccess) -> Path:
    """Write the configuration of the server we start; its path."""
    path = settings.paths.data_dir / "livekit.yaml"
    await asyncio.to_thread(write_private, path, _server_config(settings, access))
    return path


def _server_config(settings: Settings, access: LiveKitAccess) -> object:
    """A server that only this machine can reach, with one port per kind of media transport.

    It tells our API who comes and goes.
    """
    livekit = settings.livekit
    return {
        "port": livekit.port,
        "bind_addresses": ["127.0.0.1"],
        "rtc": {
            # Media over TCP would listen on every interface, whatever address is bound.
            "tcp_port": 0,
            "udp_port": livekit.rtc_udp_port,
            "use_external_ip": False,
            "node_ip": "127.0.0.1",
            "enable_loopback_candidate": True,
            "ips": {"includes": ["127.0.0.0/8"]},  # bind_addresses does not hold for media
        },
        "keys": {access.api_key: access.api_secret},
        "webhook": {
            "api_key": access.api_key,
            "urls": [settings.api.url_here + PATH],
            "filter_params": {"include_events": list(EVENTS)},
        },
    }
