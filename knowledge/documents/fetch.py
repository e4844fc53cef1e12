"""Fetching: the place of a document in, its bytes and kind out, from a disk or from the web."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

import httpx
from langchain_core.document_loaders import Blob

from common.errors import InputError

#: Bytes of the largest document that is read, also from the web.
DOCUMENT_BYTES: Final = 100 * 2**20
#: Seconds until the last byte of a page has to be here.
FETCH_SECONDS: Final = 20.0
_REDIRECTS: Final = 5

#: Media types of the kinds we read, by the end of the file's name.
KINDS: Final[Mapping[str, str]] = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".mdx": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
#: Other names that servers have for them.
_ALIASES: Final[Mapping[str, str]] = {
    "application/xhtml+xml": "text/html",
    "text/x-markdown": "text/markdown",
    "text/tab-separated-values": "text/csv",
    "application/x-yaml": "application/yaml",
    "text/yaml": "application/yaml",
    "text/x-yaml": "application/yaml",
    "application/openapi+json": "application/json",
    "application/vnd.oai.openapi+json": "application/json",
    "application/vnd.oai.openapi": "application/yaml",
}
#: Media types that say nothing: the end of the name says more.
_VAGUE: Final = ("", "text/plain", "application/octet-stream", "binary/octet-stream")
_REMEDIES: Final[Mapping[int, str]] = {
    401: "Save the page from a browser that is logged in, and load the file.",
    403: "Save the page from a browser that is let in, and load the file.",
    404: "Check the address.",
    410: "Check the address.",
    429: "Wait a while and try again.",
}


def is_url(place: str) -> bool:
    """Whether a place is an address, of any scheme, and no path."""
    return "://" in place


def fetch(source: str) -> Blob:
    """The document at a path, or at an http(s) address. Blocks; not for a running event loop.

    Raises InputError when it is missing, empty, of no known kind, over DOCUMENT_BYTES, or not
    here after FETCH_SECONDS.
    """
    return asyncio.run(_from_web(source)) if is_url(source) else _from_disk(Path(source))


def _from_disk(path: Path) -> Blob:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}).", "Check the path and its permissions."
        ) from error
    if not path.is_file():
        raise InputError(f"{path} is not a file.", "Give the path of a document.")
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise _unknown_kind(str(path))
    if not size:
        raise _empty(str(path))
    if size > DOCUMENT_BYTES:
        raise _too_large(str(path))
    return Blob.from_path(path, encoding="", mime_type=kind)


async def _from_web(url: str) -> Blob:
    try:
        async with asyncio.timeout(FETCH_SECONDS), _client() as client:
            response, data = await _follow(client, url)
    except TimeoutError as error:
        raise InputError(
            f"{url} did not answer within {FETCH_SECONDS:.0f} seconds.",
            "Try again later, or save the page and load the file.",
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise InputError(
            f"{url} cannot be reached ({error or type(error).__name__}).",
            "Check the address and this machine's connection.",
        ) from error
    if not data:
        raise _empty(url)
    kind = _kind(response)
    if kind is None:
        raise _unknown_kind(url)
    return Blob.from_data(data, encoding=response.charset_encoding or "", mime_type=kind, path=url)


def _client() -> httpx.AsyncClient:
    # Without a proxy: it, not we, would look up the names, and no address could be checked.
    return httpx.AsyncClient(
        trust_env=False,
        timeout=None,  # Bounded as a whole: a server may send a letter a second.
        headers={"User-Agent": "Liuke", "Accept": "text/html, text/markdown, */*;q=0.5"},
    )


async def _follow(client: httpx.AsyncClient, source: str) -> tuple[httpx.Response, bytes]:
    """The answer at the end of the redirects.

    An address of the public web must not lead to this machine or into the house's network: what is
    read there would be spoken to customers. Where the operator names such an address, it may.
    """
    url = httpx.URL(source)
    inside = await _is_inside(url)
    for _ in range(_REDIRECTS + 1):
        if url.scheme not in ("http", "https"):
            raise InputError(
                f"{source} leads to {url.scheme}:// and only http and https are read.",
                "Give the path of a file, or an http(s) address.",
            )
        if not inside and await _is_inside(url):
            raise _leads_inside(source)
        async with client.stream("GET", url) as response:
            # The name may have been looked up anew since: what counts is who answers.
            peer = response.extensions["network_stream"].get_extra_info("server_addr")
            if not inside and peer and _is_private(str(peer[0])):
                raise _leads_inside(source)
            if not response.has_redirect_location:
                return response, await _body(response, source)
            url = url.join(response.headers["location"])
    raise InputError(f"{source} is redirected again and again.", "Check the address.")


async def _is_inside(url: httpx.URL) -> bool:
    """Whether a host is in no public network, by any of its addresses."""
    if not url.host:
        return False
    loop = asyncio.get_running_loop()
    found: list[Any] = await loop.getaddrinfo(url.host, url.port or 443)
    return any(_is_private(str(address[4][0])) for address in found)


def _is_private(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return not (mapped or ip).is_global


async def _body(response: httpx.Response, source: str) -> bytes:
    if response.status_code != 200:
        raise InputError(
            f"{source} answers {response.status_code} {response.reason_phrase}.".replace(" .", "."),
            _REMEDIES.get(response.status_code, "Try again later."),
        )
    data = bytearray()
    async for part in response.aiter_bytes():
        data += part
        if len(data) > DOCUMENT_BYTES:
            raise _too_large(source)
    return bytes(data)


def _kind(response: httpx.Response) -> str | None:
    """Media type by what the server says, or by the address where it says nothing."""
    said = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = _ALIASES.get(said, said)
    if kind in KINDS.values():
        return str(kind)
    if kind not in _VAGUE:
        return None
    suffix = PurePosixPath(unquote(response.url.path)).suffix.lower()
    return KINDS.get(suffix, "text/markdown" if said == "text/plain" else None)


def _leads_inside(source: str) -> InputError:
    return InputError(
        f"{source} leads from the public web to an address inside a private network.",
        "If that page is meant, give its own address.",
    )


def _unknown_kind(source: str) -> InputError:
    return InputError(
        f"{source} is of a kind that is not read.",
        "Markdown, HTML, PDF, Word (.docx), CSV and OpenAPI (.json, .yaml) are: save it as one.",
    )


def _empty(source: str) -> InputError:
    return InputError(f"{source} is empty.", "Save it again with its text.")


def _too_large(source: str) -> InputError:
    return InputError(
        f"{source} is over {DOCUMENT_BYTES // 2**20} MB.",
        "Split it into several documents, or leave out the pictures.",
    )
