"""Documents come from disk and web within limits, and no address leads into the house."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from langchain_core.document_loaders import Blob

from common.errors import LiukeError
from knowledge.documents import fetch as fetching
from knowledge.documents.fetch import Fetcher, is_private

pytestmark = pytest.mark.unit

PAGE = "<h1>回声</h1><p>请戴上耳机。</p>".encode("gb18030")


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        host = self.headers["Host"]
        match self.path:
            case "/page":
                self._answer(200, "text/html; charset=gb2312", PAGE)
            case "/guide.md":
                self._answer(200, "text/plain", b"# Echo\n\nUse headphones.")
            case "/picture":
                self._answer(200, "image/png", b"\x89PNG")
            case "/nothing":
                self._answer(200, "text/html", b"")
            case "/moved":
                self._answer(302, "text/html", b"", f"http://{host}/page")
            case "/round":
                self._answer(302, "text/html", b"", "/round")
            case "/file":
                self._answer(302, "text/html", b"", "file:///etc/passwd")
            case "/inside":
                self._answer(302, "text/html", b"", "http://127.0.0.2/secret")
            case "/slow":
                self._answer(200, "text/html", b"<", more=b"p" * 10, pause=0.3)
            case "/endless":
                self._answer(200, "text/html", b"<p>", more=b"a" * 100)
            case "/host":
                self._answer(200, "text/plain", host.encode())
            case "/private":
                self._answer(403, "text/html", b"")
            case _:
                self._answer(404, "text/html", b"gone")

    def _answer(
        self, status: int, kind: str, body: bytes, to: str = "", more: bytes = b"", pause: float = 0
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if to:
            self.send_header("Location", to)
        self.end_headers()
        try:
            self.wfile.write(body)
            for byte in more:
                time.sleep(pause)
                self.wfile.write(bytes([byte]) * (1 if pause else 1000))
        except OSError:
            pass  # The client has had enough.

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


INSIDE = Fetcher(frozenset({"127.0.0.1"}))


def fetch(source: str) -> Blob:
    """From a site of the house, which is named as one that may be fetched from."""
    return INSIDE.fetch(source)


def problem(source: str, fetcher: Fetcher = INSIDE) -> LiukeError:
    with pytest.raises(LiukeError) as caught:
        fetcher.fetch(source)
    assert source in caught.value.message
    assert caught.value.remedy
    return caught.value


def test_a_file_is_read_by_the_kind_its_name_says(tmp_path: Path) -> None:
    page = tmp_path / "echo.HTM"
    page.write_bytes(PAGE)
    blob = fetch(str(page))
    assert (blob.mimetype, blob.as_bytes(), blob.source) == ("text/html", PAGE, str(page))


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    (tmp_path / "empty.md").touch()
    (tmp_path / "film.mp4").write_bytes(b"0")
    (tmp_path / "folder.md").mkdir()
    with (tmp_path / "huge.pdf").open("wb") as huge:
        huge.truncate(fetching.DOCUMENT_BYTES + 1)
    assert "empty" in problem(str(tmp_path / "empty.md")).message
    assert "kind" in problem(str(tmp_path / "film.mp4")).message
    assert "not a file" in problem(str(tmp_path / "folder.md")).message
    assert "100 MB" in problem(str(tmp_path / "huge.pdf")).message
    assert "No such file" in problem(str(tmp_path / "gone.md")).message


def test_a_page_comes_with_its_kind_and_encoding(site: str) -> None:
    blob = fetch(f"{site}/page")
    assert (blob.mimetype, blob.encoding, blob.as_bytes()) == ("text/html", "gb2312", PAGE)
    assert fetch(f"{site}/moved").as_bytes() == PAGE


def test_the_address_tells_the_kind_where_the_server_does_not(site: str) -> None:
    assert fetch(f"{site}/guide.md").mimetype == "text/markdown"


def test_pages_that_cannot_be_read_say_why(site: str) -> None:
    assert "404 Not Found" in problem(f"{site}/gone").message
    assert "from a browser" in problem(f"{site}/private").remedy
    assert "kind" in problem(f"{site}/picture").message
    assert "empty" in problem(f"{site}/nothing").message
    assert "again and again" in problem(f"{site}/round").message
    assert "cannot be reached" in problem("http://127.0.0.1:9/page").message
    assert "http and https" in problem("ftp://127.0.0.1/page").message


def test_a_page_that_drips_is_given_up_in_time(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FETCH_SECONDS", 0.5)
    started = time.monotonic()
    assert "did not answer" in problem(f"{site}/slow").message
    assert time.monotonic() - started < 2


def test_a_page_without_end_is_cut_off(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "DOCUMENT_BYTES", 10_000)
    assert "is over" in problem(f"{site}/endless").message


def test_no_page_leads_to_a_file(site: str) -> None:
    assert "file://" in problem(f"{site}/file").message


def names(**addresses: str) -> Fetcher:
    """Looks up names of public hosts here; 127.0.0.1 plays the public web, 127.0.0.2 the house."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return [addresses.get(host.split(".")[0], host)]

    return Fetcher(frozenset(), resolve)


@pytest.fixture
def public_web(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "is_private", lambda address: address != "127.0.0.1")


def port_of(site: str) -> str:
    return site.rpartition(":")[2]


def test_a_private_address_is_not_fetched_unless_the_operator_says_so(site: str) -> None:
    refused = problem(f"{site}/page", Fetcher())
    assert "inside a private network" in refused.message
    assert "LIUKE_KNOWLEDGE_PRIVATE_HOSTS" in refused.remedy
    assert fetch(f"{site}/page").as_bytes() == PAGE


def test_a_name_is_not_fetched_because_it_leads_inside(site: str) -> None:
    """Whoever has a name of the public web can have it lead to 127.0.0.1."""
    url = f"http://docs.example.com:{port_of(site)}/page"
    assert "private network" in problem(url, names(docs="127.0.0.1")).message


def test_a_host_of_the_house_may_be_named(site: str) -> None:
    url = f"http://wiki.example.com:{port_of(site)}/page"
    inside = replace(names(wiki="127.0.0.1"), private_hosts=frozenset({"wiki.example.com"}))
    assert inside.fetch(url).as_bytes() == PAGE


def test_no_public_page_leads_into_a_private_network(site: str, public_web: None) -> None:
    fetcher = names(docs="127.0.0.1")
    url = f"http://docs.example.com:{port_of(site)}"
    assert "leads to 127.0.0.2" in problem(f"{url}/inside", fetcher).message
    assert fetcher.fetch(f"{url}/moved").as_bytes() == PAGE


def test_what_was_checked_is_what_is_connected_to(site: str, public_web: None) -> None:
    """The name is looked up once: another answer later changes nothing."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])

    async def resolve(host: str, port: int) -> Sequence[str]:
        return next(answers)

    url = f"http://docs.example.com:{port_of(site)}/page"
    assert Fetcher(frozenset(), resolve).fetch(url).as_bytes() == PAGE
    assert next(answers) == ["127.0.0.2"]


def test_one_private_address_among_several_is_enough(site: str, public_web: None) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1", "10.0.0.1"]

    url = f"http://docs.example.com:{port_of(site)}/page"
    assert "private network" in problem(url, Fetcher(frozenset(), resolve)).message


def test_the_host_is_told_its_name_and_the_next_address_is_tried(
    site: str, public_web: None
) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["::1", "127.0.0.1"] if host == "docs.example.com" else [host]

    fetcher = Fetcher(frozenset({"docs.example.com"}), resolve)
    blob = fetcher.fetch(f"http://docs.example.com:{port_of(site)}/host")
    assert blob.as_bytes().decode() == f"docs.example.com:{port_of(site)}"


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("::1", True),
        ("::ffff:192.168.0.1", True),
        ("fe80::1%eth0", True),
        ("0.0.0.0", True),
        ("224.0.0.251", True),
        ("64:ff9b::a00:1", True),
        ("64:ff9b::808:808", True),
        ("2002:a00:1::", True),
        ("2002:808:808::", True),
        ("2001:0:a00:1::", True),
        ("::127.0.0.1", True),
        ("fd00::1", True),
        ("::ffff:8.8.8.8", False),
        ("8.8.8.8", False),
        ("2606:4700::1111", False),
    ],
)
def test_what_counts_as_private(address: str, private: bool) -> None:
    assert is_private(address) is private
