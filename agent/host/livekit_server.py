"""Host: settings go in; the configuration of the LiveKit server that we start comes out."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agent.rooms.access import LiveKitAccess, write_private
from agent.settings import LiveKitSettings, Settings


async def write_server_config(settings: Settings, access: LiveKitAccess) -> Path:
    """Write the configuration of the server we start; its path."""
    path = settings.paths.data_dir / "livekit.yaml"
    await asyncio.to_thread(write_private, path, _server_config(settings.livekit, access))
    return path


def _server_config(settings: LiveKitSettings, access: LiveKitAccess) -> object:
    """A server that only this machine can reach, with one port per kind of media transport."""
    return {
        "port": settings.port,
        "bind_addresses": ["127.0.0.1"],
        "rtc": {
            # Media over TCP would listen on every interface, whatever address is bound.
            "tcp_port": 0,
            "udp_port": settings.rtc_udp_port,
            "use_external_ip": False,
            "node_ip": "127.0.0.1",
            "enable_loopback_candidate": True,
            "ips": {"includes": ["127.0.0.0/8"]},  # bind_addresses does not hold for media
        },
        "keys": {access.api_key: access.api_secret},
    }
