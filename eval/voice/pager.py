"""The bench's own person on call: an installation's support file in, when each page came out.

The bench never pages anybody's real rota: what it starts calls this receiver on loopback alone, and
keeps its tickets in a database of the bench.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

#: One person, at any hour, for everything; nobody else is called, however long the bench takes.
_SUPPORT: Final = """\
patience_minutes = 1440

[destinations.bench]
form = "webhook"
url = "{url}"

[[rota]]
name = "Bench"
destination = "bench"
"""


class Pager:
    """What the receiver has got."""

    def __init__(self) -> None:
        #: When the first page of each ticket came, seconds of the host's clock.
        self.came_at: dict[int, float] = {}

    def take(self, body: bytes, at: float) -> None:
        """A request came ``at``; what is no page of a ticket is no concern of the bench."""
        told = json.loads(body)
        if told["type"] == "ticket.page":
            self.came_at.setdefault(told["data"]["ticket"], at)


@contextlib.contextmanager
def receiving() -> Iterator[tuple[Pager, str]]:
    """A receiver on a free port, and its address."""
    pager = Pager()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            pager.take(body, time.time())
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: standard error is the bench's."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield pager, f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            serving.join()


@contextlib.contextmanager
def on_call(folder: Path) -> Iterator[Pager]:
    """A pager, and the environment of an installation that knows nobody else, for what is started.

    The bench is the site that signs its customers in.

    ``folder``: for its records and its rota; emptied before, and left for who wants to look.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with receiving() as (pager, url):
        support = folder / "support.toml"
        support.write_text(_SUPPORT.format(url=url), encoding="utf-8")
        os.environ.update(
            LIUKE_SUPPORT_FILE=str(support),
            LIUKE_DATABASE_URL=f"sqlite:///{folder / 'liuke.db'}",
            LIUKE_API_SITE_SECRET=secrets.token_hex(32),
            LIUKE_AGENT_NAME="liuke-bench",  # no worker of the operator's takes these calls
        )
        yield pager
