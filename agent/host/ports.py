"""Host: the ports we are about to use go in; nothing comes out unless one of them is taken."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import psutil

from common.errors import SetupError


@dataclass(frozen=True)
class Port:
    """A port that one of our processes will listen on."""

    process: str
    number: int
    variable: str
    """The setting that moves it."""
    host: str = "127.0.0.1"
    protocol: Literal["tcp", "udp"] = "tcp"


async def check_ports(ports: Iterable[Port]) -> None:
    """Raise SetupError for ports that are taken, or meant for two of our processes."""
    await asyncio.to_thread(_check, list(ports))


def _check(ports: list[Port]) -> None:
    meant_for: dict[tuple[str, int], Port] = {}
    for port in ports:
        other = meant_for.setdefault((port.protocol, port.number), port)
        if other is not port:
            raise SetupError(
                f"{other.variable} and {port.variable} are both {port.number}.",
                "Give one of them another port, in the environment or in .env.",
            )
    taken = [port for port in ports if not _is_free(port)]
    if taken:
        raise SetupError(
            "\n  ".join(_describe(port) for port in taken),
            "If that is a Liuke already running, stop it first. Else choose another port: set "
            f"{', '.join(port.variable for port in taken)} in the environment or in .env.",
        )


def _is_free(port: Port) -> bool:
    kind = socket.SOCK_STREAM if port.protocol == "tcp" else socket.SOCK_DGRAM
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if port.protocol == "tcp":  # connections of the last run that linger must not count
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
        except OSError:
            return False
    return True


def _describe(port: Port) -> str:
    return (
        f"{port.protocol.upper()} port {port.number}, which {port.process} needs, "
        f"is taken{_holder(port)}."
    )


def _holder(port: Port) -> str:
    """Who holds it, as far as the system lets us see."""
    try:
        connections = psutil.net_connections(kind=port.protocol)
    except (psutil.AccessDenied, OSError):
        return ""
    for connection in connections:
        listens = port.protocol == "udp" or connection.status == psutil.CONN_LISTEN
        if listens and connection.laddr.port == port.number and connection.pid:
            try:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
            except psutil.Error:
                return f" by process {connection.pid}"
    return ""
