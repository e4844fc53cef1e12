"""Wording: pieces of written text in, text that can be read aloud out.

Addresses become the name of what they lead to, code becomes the names in it, and pictograms go.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from common.languages import HAN, HAN_CHARACTER, Language, language_of

_WIDE = rf"\u3000-\u303f{HAN}\uff00-\uffef"
_GAP: Final = re.compile(rf"(?<=[{_WIDE}]) (?=[{_WIDE}])")
_BEFORE_STOP: Final = re.compile(r"(?<=\S) (?=[，。；：！？、）]|[,;.!?](?:\s|$))")
_SPACE: Final = re.compile(r"[^\S\n]+")
_URL: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:([a-z][a-z0-9+.-]{1,9})://|www\.)((?:[\w-]+(?:\.[\w-]+)*)?)"
    r"(?:[^\s\u3000-\uffef'\"<>`|()\[\]]*[^\s\u3000-\uffef'\"<>`|()\[\],.;:!?])?",
    re.I,
)
#: What pages hold of Markdown's signs where it is not read as such, inside of HTML for one.
_LINK: Final = re.compile(r"!?\[([^\[\]\n]+)\]\(([^()\n]*(?:\([^()\n]*\)[^()\n]*)*)\)")
_SIGNS: Final = re.compile(r"\*{2,}|`+|\[\^[\w-]+\]:?")
_ARROW: Final = re.compile(r" ?(?:[-=]{1,2}>|[→⇒➜»]) ?")
#: Left over of lists that Markdown does not see.
_DASHES: Final = re.compile(r"^[-–—•*] | [-–—]$")
#: "Settings > Network" in Mandarin; elsewhere the sign compares.
_MENU: Final = re.compile(f"(?<=[{HAN}]) > | > (?=[{HAN}])")
#: PDFs hold some characters as radicals, which look the same and are other characters.
_RADICALS: Final = str.maketrans(
    "⺠⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻮⻰⻳",
    "民虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟卤麦黄黾齐齿龙龟",
)
_COMPATIBLE: Final = re.compile(r"[\u2f00-\u2fdf\ufb00-\ufb06]")
#: ✓ and its like in a table, as words.
_MARKS: Final[dict[str, dict[Language, str]]] = {
    "✓✔✅☑√": {"zh": "是", "en": "yes"},
    "✗✘❌✕×☒": {"zh": "否", "en": "no"},
}
_AROUND_MARK: Final = " \n\ufe0f"
_END: Final = re.compile(r"[。！？；：…，、.!?;:,][\"'”’）)】」』]*$")
_COLON: Final = re.compile(r"[：:，,]\s*$")
_STOP: Final[dict[Language, str]] = {"zh": "。", "en": "."}
#: Of code that is longer nothing can be made out by ear.
_CODE_CHARACTERS: Final = 300
_CALL: Final = re.compile(r"([\w.]+)\s*\(")
#: Link texts that say nothing without the page they are on.
_VAGUE: Final = re.compile(
    r"(click |see )?(here|this|link|this link|this page|this doc\w*|why\??|more|details?)"
    r"|(点击|单击|见|参见|详见)?(此处|这里|链接|此链接|该链接|文档|详情)",
    re.I,
)
_PAGE_WORDS: Final = re.compile(
    rf"[a-z]{{2,20}}( [a-z0-9.]{{1,20}}){{1,9}}|[{HAN}][\w ]{{1,30}}", re.I
)
_PAGES: Final = ("", ".md", ".mdx", ".html", ".htm", ".pdf")
_FILE: Final = re.compile(r"[\w.-]+\.(md|mdx|html?|pdf)\b.*", re.I)
#: Titles and folders that every product has.
_GENERAL: Final = re.compile(
    r"overview|introduction|intro|index|read ?me|(key |basic )?concepts?|next steps?|faqs?|guides?"
    r"|docs?|doc source|docusaurus.*|error codes?|quick ?start|get(ting)? started|features|limits"
    r"|pricing|common|v?\d+([.-][\dx]+)*|en|zh|(cn\.)?zh cn|cn|partials|src|sources?|tutorials?"
    r"|android|ios|web|pc|小程序|/|版本说明|(产品|基本)?(概念|简介|概述|优势|功能)|使用限制|常见问题"
    r"|错误码表?|快速开始|开发文档|说明|进阶功能|应用场景",
    re.I,
)


def tidy(text: str) -> str:
    """``text`` without pictograms and addresses; spaces as they are read; lines are kept."""
    if _is_mark(text):
        return text
    text = _SPACE.sub(" ", text.translate(_RADICALS))
    text = _COMPATIBLE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _LINK.sub(lambda found: link(found[1], found[2]), text)
    text = _SIGNS.sub("", _without_addresses(text))
    text = _MENU.sub("，", _ARROW.sub(": ", text))
    text = "".join(" " if _is_pictogram(character) else character for character in text)
    text = _BEFORE_STOP.sub("", _GAP.sub("", _SPACE.sub(" ", text)))
    lines = (_DASHES.sub("", line.strip()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def sentence(text: str, language: Language | None = None) -> str:
    """``text`` with a mark at its end, so that a voice pauses there; ``language`` is its page's."""
    if not text or _END.search(text):
        return text
    return text + _STOP[language or _punctuation(text)]


def closed(text: str) -> str:
    """``text`` with a full stop where it announces something that was left out."""
    return _COLON.sub(_STOP[_punctuation(text)], text)


def announces(text: str) -> bool:
    """Whether the text leads to what comes next: it ends with a colon."""
    return text.endswith(("：", ":"))


def mark(cell: str, language: Language) -> str:
    """A table's ✓ or ✗ as a word, other cells as they are."""
    sign = cell.strip(_AROUND_MARK)
    words = (words[language] for marks, words in _MARKS.items() if sign and sign in marks)
    return next(words, cell)


def code(text: str) -> str:
    """The names in a piece of code: ``await room.join({ ... })`` is "room.join"."""
    text = _without_addresses(text[:_CODE_CHARACTERS])
    called = _CALL.search(text)
    if called:
        return called[1]
    return " ".join(re.sub(r"[^\w.\-:/+%#@*\u3000-\uffef]+|://", " ", text).split())


def link(text: str, target: str) -> str:
    """What a link says, with the page it leads to where that is only "here" or a file's name."""
    said = text.strip(" []")
    if not (_VAGUE.fullmatch(said) or _FILE.fullmatch(said)):
        return text
    name = page_name(target)
    if not _VAGUE.fullmatch(said):
        return name
    if language_of(said) == "zh":
        return f"{said}（{name}）" if name else said
    return f"{said} ({name})" if name else said


def page_name(address: str) -> str:
    """A page's name in words, by its address: "/docs/set-up#dns-records" is "dns records"."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    page = PurePosixPath(unquote(parts.path))
    # The name of a program, "show_bug.cgi", is none of a page.
    for candidate in (parts.fragment, page.stem if page.suffix in _PAGES else ""):
        words = re.sub(r"[-_\s]+", " ", unquote(candidate)).strip()
        if _PAGE_WORDS.fullmatch(words):
            return words
    return _host(host)


def titled(title: str, source: str) -> str:
    """``title``, or the file's name; with the folder before it where that alone says nothing."""
    place = PurePosixPath(unquote(urlsplit(source).path if "://" in source else source))
    title = tidy(title).replace("\n", " ").strip("：:§¶ ") or _words(place.stem)
    if not _GENERAL.fullmatch(title):
        return title
    folders = (_words(part) for part in place.parts[-2:-4:-1])
    subject = next((part for part in folders if part and not _GENERAL.fullmatch(part)), "")
    return f"{subject} · {title}" if subject else title


def _words(name: str) -> str:
    return re.sub(r"[-_\s]+", " ", re.sub(r"^\d+[-_. ]+(?=\D)", "", name)).strip()


def _without_addresses(text: str) -> str:
    """Each address as its host, for nobody writes down the rest by ear."""
    return _URL.sub(lambda found: _host(found[2]) or found[1] or "", text)


def _punctuation(text: str) -> Language:
    """A label such as "HTTP-FLV 播放" is no Mandarin sentence and yet ends as one."""
    return "zh" if HAN_CHARACTER.search(text) else "en"


def _host(name: str) -> str:
    return name.removeprefix("www.").strip(".")


def _is_mark(text: str) -> bool:
    sign = text.strip(_AROUND_MARK)
    return bool(sign) and any(sign in marks for marks in _MARKS)


def _is_pictogram(character: str) -> bool:
    return unicodedata.category(character) == "So" or character == "\ufe0f"
