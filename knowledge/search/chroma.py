"""Chroma, in this process or on a server: a place and a build in, its collections out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

import chromadb
import httpx
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError

from common.errors import SetupError
from common.languages import LANGUAGES
from knowledge.search.place import ChromaServer, Place
from knowledge.search.texts import KINDS, Collected

#: What Chroma raises when it is away, refuses, or has lost something.
CHROMA_ERRORS: Final = (ChromaError, httpx.HTTPError)


def connect(place: Place, build: str) -> Client:
    """Whoever opens the client closes it. Raises SetupError when the server cannot be used."""
    if place.server:
        return _connect_to(place.server)
    settings = Settings(anonymized_telemetry=False)
    path = str(place.folder / build / "chroma")
    return cast(Client, chromadb.PersistentClient(path, settings))


def _connect_to(server: ChromaServer) -> Client:
    url = urlsplit(server.url)
    try:
        client = chromadb.HttpClient(
            url.hostname or "",
            url.port or (443 if url.scheme == "https" else 80),
            ssl=url.scheme == "https",
            headers={"Authorization": f"Bearer {server.token}"} if server.token else None,
            settings=Settings(anonymized_telemetry=False),
        )
    except (ValueError, *CHROMA_ERRORS) as error:
        raise SetupError(
            f"The Chroma server at {server.url} cannot be used ({error}).",
            "Start it, or correct LIUKE_KNOWLEDGE_CHROMA_URL and LIUKE_KNOWLEDGE_CHROMA_TOKEN; "
            "without a URL Chroma runs inside Liuke.",
        ) from error
    return cast(Client, client)


def collections(client: Client, place: Place, build: str) -> Iterator[tuple[Collected, Collection]]:
    """Those that a build has; a kind of which it has no text in a language has none."""
    for collected in product(KINDS, LANGUAGES):
        with suppress(NotFoundError):
            yield collected, client.get_collection(collection_name(place, build, collected))


def collection_name(place: Place, build: str, collected: Collected) -> str:
    """Says whose it is: of which installation, of the corpus or of whose documents, which build."""
    installation = (place.server.installation,) if place.server else ()
    return "-".join(("liuke", *installation, place.folder.name, build, *collected))


def drop_build(place: Place, build: Path) -> None:
    """Remove a build that nobody reads; a server that is away keeps its collections till later."""
    if place.server:
        try:
            with _connect_to(place.server) as client:
                for _, collection in collections(client, place, build.name):
                    client.delete_collection(collection.name)
        except (SetupError, *CHROMA_ERRORS):
            return
    shutil.rmtree(build, ignore_errors=True)
