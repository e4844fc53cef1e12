"""Documents come from disk and web within limits, and no address leads into the house."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from common.errors import LiukeError
from knowledge.documents import fetch as fetching
from knowledge.documents.fetch import fetch

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


def problem(source: str) -> LiukeError:
    with pytest.raises(LiukeError) as caught:
        fetch(source)
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


def test_no_public_page_leads_into_a_private_network(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_is_private", lambda address: address == "127.0.0.2")
    assert "private network" in problem(f"{site}/inside").message
    assert fetch(f"{site}/moved").as_bytes() == PAGE


def test_a_name_that_is_looked_up_otherwise_later_does_not_either(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: object) -> bool:
        return False

    monkeypatch.setattr(fetching, "_is_inside", never)
    assert "private network" in problem(f"{site}/page").message


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
        ("8.8.8.8", False),
        ("2606:4700::1111", False),
    ],
)
def test_what_counts_as_private(address: str, private: bool) -> None:
    assert fetching._is_private(address) is private
