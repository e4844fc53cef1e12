"""Of an HTML page is taken what a reader sees of its text, and no more."""

from __future__ import annotations

import pytest
from langchain_core.document_loaders import Blob

from knowledge.documents.formats.html import HtmlParser

pytestmark = pytest.mark.unit

PAGE = """<!doctype html><html><head><title>Echo | Support | Example</title>
<style>.trap { display: none } @media print { .intro { display: none } }</style>
<script>var secret = "from a script"</script></head><body>
<header>Example Cloud <a href="/">Home</a></header><nav><a href="/a">Products</a></nav>
<div class="cookie-banner">We use cookies. <button>Accept</button></div>
<main><div class="breadcrumbs">Docs / Audio</div>
<article><header><h1>Echo</h1></header>
<p class="intro">Echo comes from <b>a loudspeaker</b>.<!-- a comment --></p>
<p style="display: none">hidden by style</p><p hidden>hidden by attribute</p>
<p aria-hidden="true">hidden from readers</p><p class="trap">hidden by sheet</p>
<span style="font-size:0">hidden by size</span><div style="position:absolute;left:-9999px">off</div>
<img src="a.png" alt="a picture"><figure><img src="b.png"><figcaption>Figure 1</figcaption></figure>
<h2>Cure<a class="hash-link" href="#cure">#</a></h2>
<ul><li>Put on headphones<li>Lower the volume</ul>
<ol><li>Open the console.</li><li><p>Switch it on.</p></li></ol>
<p>Call this:</p><pre><code>room.join()</code></pre>
<dl><dt>AEC</dt><dd>acoustic echo cancellation</dd></dl>
<details><summary>On a phone?</summary><p>Turn the loudspeaker off.</p></details>
<p style="background-color: transparent; margin-left: -100px">Seen.</p>
<p>As in the picture:</p><img src="c.png"><p>Or here:</p><img src="d.png">
<p>Was this page helpful?</p></article></main>
<footer>© 2026 Example</footer></body></html>"""


def documents(html: str, source: str = "/docs/page.html") -> list[tuple[list[str], str]]:
    blob = Blob.from_data(html.encode(), encoding="", path=source)
    found = list(HtmlParser().lazy_parse(blob))
    return [([one.metadata["title"], *one.metadata["headings"]], one.page_content) for one in found]


def test_a_page_is_read_without_what_surrounds_and_hides_in_it() -> None:
    assert documents(PAGE) == [
        (["Echo"], "Echo comes from a loudspeaker."),
        (
            ["Echo", "Cure"],
            "Put on headphones.\nLower the volume.\nFirst, Open the console.\n"
            "Second, Switch it on.\nCall this. The documentation shows the code.\n"
            "AEC：acoustic echo cancellation.",
        ),
        (["Echo", "Cure", "On a phone?"], "Turn the loudspeaker off."),
        (["Echo", "Cure"], "Seen.\nAs in the picture.\nOr here."),
    ]


def test_without_a_main_part_the_edges_are_left_out() -> None:
    html = (
        "<title>A - B</title><header>Menu</header><p>Text.</p><aside>Ad</aside><footer>©</footer>"
    )
    assert documents(html) == [(["A"], "Text.")]


def test_a_table_with_cells_over_several_rows_and_columns() -> None:
    html = """<h1>Plans</h1><table><tr><td>Group</td><td>Feature</td><td>Price</td></tr>
    <tr><td rowspan="2">Call</td><td>Voice<td>1</td></tr><tr><td>Video</td><td>2</td></tr>
    <tr><td colspan="2">Recording</td><td><ul><li>3</li><li>4</li></ul></td></tr></table>"""
    assert documents(html)[0][1].split("\n") == [
        "Group: Call; Feature: Voice; Price: 1.",
        "Group: Call; Feature: Video; Price: 2.",
        "Group: Recording; Feature: Recording; Price: 3; 4.",
    ]


def test_a_table_of_errors_is_a_section_for_each() -> None:
    html = "<h1>表</h1><table><tr><th>错误码<th>说明</tr><tr><td>110<td>无效</table>"
    assert documents(html) == [(["表", "错误码 110"], "错误码 110：无效。")]


def test_spans_without_end_and_depth_without_end_do_no_harm() -> None:
    html = '<table><tr><td>a<td>b</tr><tr><td rowspan="99999999" colspan="99999999">c</tr></table>'
    assert documents(html)[0][1].count("c") == 100
    with pytest.raises(RecursionError):
        documents("<h1>a</h1>" + "<em>" * 5000 + "b")


def test_a_page_of_scripts_says_nothing() -> None:
    assert (
        documents("<div id=root></div><script>load()</script><noscript>Allow it</noscript>") == []
    )


def test_the_encoding_is_what_the_page_declares() -> None:
    html = '<meta charset="gb2312"><p>中文</p>'.encode("gbk")
    blob = Blob.from_data(html, encoding="", path="/docs/page.html")
    assert [one.page_content for one in HtmlParser().lazy_parse(blob)] == ["中文。"]
