"""Fetching: places of documents in, their bytes and kinds out, from a disk or from the web."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import os
import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
#: Bytes of a JSON or YAML file within which it has to say that it is an OpenAPI description.
_HEAD: Final = 65_536
#: Media types that say nothing: the end of the name says more.
_VAGUE: Final = ("", "text/plain", "application/octet-stream", "binary/octet-stream")
_REMEDIES: Final[Mapping[int, str]] = {
    401: "Save the page from a browser that is logged in, and load the file.",
    403: "Save the page from a browser that is let in, and load the file.",
    404: "Check the address.",
    410: "Check the address.",
    429: "Wait a while and try again.",
}


_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")

#: A host and a port in, its addresses out.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


def is_url(place: str) -> bool:
    """Whether a place is an address, of any scheme, and no path."""
    return "://" in place


def find_sources(place: str) -> Iterator[str]:
    """The documents at a file, folder or URL, as absolute paths or URLs, sorted in each folder.

    Of a folder come the files of known kinds at any depth, JSON and YAML only if they look like an
    OpenAPI description; hidden ones, links and node_modules stay out. Raises InputError when there
    is nothing.
    """
    if is_url(place):
        yield place
        return
    path = Path(place).expanduser().absolute()
    if not path.exists():
        raise InputError(f"{path} is not there.", "Check the path.")
    if not path.is_dir():
        yield str(path)
        return
    found = False
    for source in _files(path):
        found = True
        yield str(source)
    if not found:
        raise InputError(
            f"{path} holds no document.", f"Put some there that end in {', '.join(KINDS)}."
        )


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, the best first. Raises OSError when it has none."""
    found: list[Any] = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    )
    return list(dict.fromkeys(str(address[4][0]) for address in found))


@dataclass(frozen=True)
class Fetcher:
    """Fetches from a disk, and from the public web; from the house's network only where it may.

    What is fetched is spoken to customers, so no page of the public web may lead to this machine or
    into the house: not by its name, by a redirect, or by a name that is looked up otherwise later.
    """

    private_hosts: frozenset[str] = frozenset()
    """Names and addresses inside that may be fetched from, in lower case."""
    resolve: Resolve = resolved

    def fetch(self, source: str) -> Blob:
        """The document at a path, or at an http(s) address. Blocks; not for a running event loop.

        Raises InputError when it is missing, empty, of no known kind, over DOCUMENT_BYTES, not
        here after FETCH_SECONDS, or inside and not among ``private_hosts``.
        """
        return asyncio.run(self._from_web(source)) if is_url(source) else _from_disk(Path(source))

    async def _from_web(self, url: str) -> Blob:
        try:
            async with asyncio.timeout(FETCH_SECONDS), _client() as client:
                response, data = await self._follow(client, url)
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
        return Blob.from_data(
            data, encoding=response.charset_encoding or "", mime_type=kind, path=url
        )

    async def _follow(self, client: httpx.AsyncClient, source: str) -> tuple[httpx.Response, bytes]:
        """The answer at the end of the redirects."""
        url = httpx.URL(source)
        for _ in range(_REDIRECTS + 1):
            if url.scheme not in ("http", "https"):
                raise InputError(
                    f"{source} leads to {url.scheme}:// and only http and https are read.",
                    "Give the path of a file, or an http(s) address.",
                )
            response = await _ask(client, url, await self._addresses(url, source))
            try:
                if not response.has_redirect_location:
                    return response, await _body(response, source)
            finally:
                await response.aclose()
            url = url.join(response.headers["location"])
        raise InputError(f"{source} is redirected again and again.", "Check the address.")

    async def _addresses(self, url: httpx.URL, source: str) -> Sequence[str]:
        """Where the host is, looked up once: what is checked is what is connected to."""
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self.resolve(url.host, port)
        if url.host.lower() not in self.private_hosts and any(map(is_private, addresses)):
            raise _is_inside(source, url.host)
        return addresses


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


def _client() -> httpx.AsyncClient:
    # Without a proxy: it, not we, would look up the names, and no address could be checked.
    return httpx.AsyncClient(
        trust_env=False,
        timeout=None,  # Bounded as a whole: a server may send a letter a second.
        # A connection is one host's: what is kept open is kept by address.
        limits=httpx.Limits(max_keepalive_connections=0),
        headers={"User-Agent": "Liuke", "Accept": "text/html, text/markdown, */*;q=0.5"},
    )


async def _ask(
    client: httpx.AsyncClient, url: httpx.URL, addresses: Sequence[str]
) -> httpx.Response:
    """The answer of the first address that can be connected to, whose body is still to be read."""
    failure: httpx.ConnectError | None = None
    for address in addresses:
        request = client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={"Host": url.netloc.decode("ascii")},
            # The certificate has to be the host's, not that of an address.
            extensions={"sni_hostname": url.host},
        )
        try:
            return await client.send(request, stream=True)
        except httpx.ConnectError as error:
            failure = error
    raise failure or httpx.ConnectError(f"{url.host} has no address")


def is_private(address: str) -> bool:
    """Whether an address is in no public network, or stands for one that may not be.

    Of IPv6 only 2000::/3 is given out to the public web; 6to4 and Teredo, inside of it, carry
    addresses of IPv4, as NAT64 does outside.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return is_private(str(ip.ipv4_mapped))
        if ip not in _GLOBAL_UNICAST or ip.sixtofour or ip.teredo:
            return True
    return not ip.is_global or ip.is_multicast


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


def _is_inside(source: str, host: str) -> InputError:
    where = f"{source} is" if host == httpx.URL(source).host else f"{source} leads to {host},"
    return InputError(
        f"{where} inside a private network.",
        f"If that page is meant, add {host} to LIUKE_KNOWLEDGE_PRIVATE_HOSTS, or save the page and "
        "load the file.",
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


def _files(folder: Path) -> Iterator[Path]:
    """Documents below ``folder``, and not where a link leads to: that may be anywhere."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if one != "node_modules" and one[0] != ".")
        paths = (Path(here) / name for name in sorted(files) if name[0] != ".")
        yield from filter(_is_document, paths)


def _is_document(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in KINDS or path.is_symlink() or not path.is_file():
        return False
    if suffix not in (".json", ".yaml", ".yml"):
        return True
    try:
        with path.open("rb") as file:
            return re.search(rb"\b(openapi|swagger)\b", file.read(_HEAD)) is not None
    except OSError:
        return False


def digest_of(blob: Blob) -> str:
    """SHA-256 of a document's bytes, in hexadecimal."""
    with blob.as_bytes_io() as file:
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
