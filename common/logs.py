"""Logging, alike in every process: what happened, without a line for each request."""

from __future__ import annotations

import logging


def configure_logging() -> None:
    """Log to standard error, which the supervisor writes to the process's own file."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("aiohttp.access", "httpx", "httpx2", "openai"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
