"""From text to what is said: an answer as written in, the words a person would speak out.

Markdown, addresses and emoji go; numbers, units, codes and acronyms become words of the sentence's
language (`common/numbers/aloud.py`). Letters to be spelled are joined by hyphens ("S-D-K").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from agent.speech.say.lexicon import Lexicon, load_lexicon
from common.languages import HAN, Language
from common.numbers.aloud import aloud

Rules = list[tuple[str, Callable[[re.Match[str]], str]]]

#: \b takes Mandarin characters for letters; these do not.
_START, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"


def spoken(text: str, language: Language, lexicon: Lexicon | None = None) -> str:
    """What is said for ``text`` in a sentence of ``language``. Empty: there is nothing to say."""
    lexicon = lexicon or load_lexicon()
    said = _without_markup(_narrow(text), language)
    said = _replace_terms(said, lexicon.say[language])
    said = aloud(said, language)
    said = re.sub(r"[A-Za-z]+", lambda m: _say_word(m[0], lexicon), _split_identifiers(said))
    return _tidy(said, language)


def _apply(rules: Rules, text: str) -> str:
    for pattern, say in rules:
        text = re.sub(pattern, say, text)
    return text


# Markup, addresses, emoji


def _narrow(text: str) -> str:
    """Full-width letters, digits and signs as ASCII; Mandarin punctuation stays."""
    return "".join(
        unicodedata.normalize("NFKC", c) if "！" <= c <= "～" and c not in "！（），：；？" else c
        for c in text.replace("\u3000", " ")
    )


def _without_markup(text: str, language: Language) -> str:
    dot, stop, comma = (" 点 ", "。", "，") if language == "zh" else (" dot ", ". ", ", ")
    url = r"(?:https?|wss?)://(?:www\.)?([A-Za-z0-9.-]*[A-Za-z0-9])(?:[\w:/?&=%#.~+-]*[\w/])?"
    email = r"([A-Za-z0-9_.+-]+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
    rules: Rules = [
        (r"(?s)```.*?(?:```|$)", lambda m: " "),
        (r"!?\[([^\]]*)\]\([^)]*\)", lambda m: m[1]),
        (r"\[\^?\d+\]", lambda m: ""),
        (r"</?[A-Za-z][^<>]*>", lambda m: " "),
        (f"(?a){url}", lambda m: _address(m[1], dot)),
        (email, lambda m: f"{_address(m[1], dot)} at {_address(m[2], dot)}"),
        (r"(?m)^\s*(?:#{1,6}|>|[-*+•·])\s+", lambda m: ""),
        (
            r"(?m)^\s*(\d{1,2})[.)、]\s+",
            lambda m: f"第{m[1]}{comma}" if comma == "，" else f"{m[1]}, ",
        ),
        (r"(?m)^[\s:|-]*-{3,}[\s:|-]*$", lambda m: ""),
        (r"\*{2,}|(?<!\d)\*|\*(?!\s*\d)|`+|~~|__+", lambda m: ""),
        (r"(?m)^\s*\||\|\s*$", lambda m: ""),
        (r"\|", lambda m: comma),
        (r"(?<=[^\s。！？；，、：.!?;,:])\s*\n\s*", lambda m: stop),
    ]
    return "".join(" " if _is_pictorial(c) else c for c in _apply(rules, text))


def _address(name: str, dot: str) -> str:
    return dot.join(re.split(r"\.", name))


def _is_pictorial(character: str) -> bool:
    """Emoji, their modifiers and joiners; the degree signs are of the same category."""
    if character in "℃°":
        return False
    category = unicodedata.category(character)
    return category in {"So", "Sk", "Cs", "Co", "Cf"} or "\ufe00" <= character <= "\ufe0f"


def _replace_terms(text: str, terms: Mapping[str, str]) -> str:
    longest_first = sorted(terms, key=len, reverse=True)
    pattern = "|".join(
        (_START if t[0].isascii() else "") + re.escape(t) + (_END if t[-1].isalnum() else "")
        for t in longest_first
    )
    return re.sub(pattern, lambda m: terms[m[0]], text)


# Latin letters


def _split_identifiers(text: str) -> str:
    """joinChannel → join Channel, app_id → app id, config.json → config dot json."""
    dot = " 点 " if re.search(f"[{HAN}]", text) else " dot "
    text = re.sub(r"(?<=[A-Za-z0-9])\.(?=[a-z]{2})", dot, text)
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", " ", text.replace("_", " "))


def _say_word(word: str, lexicon: Lexicon) -> str:
    if word in lexicon.words:
        return word.lower()
    plural = word[-1] == "s" and len(word) > 2 and word[:-1].isupper()
    letters = word[:-1] if plural else word
    if letters.isupper() and 2 <= len(letters) <= 5:
        return "-".join(letters) + ("s" if plural else "")
    return word


# Signs and spaces


def _tidy(text: str, language: Language) -> str:
    """Only words, spaces and the punctuation that a voice makes something of."""
    comma, also = ("，", "、") if language == "zh" else (", ", ", ")
    rules: Rules = [
        (r"\s*&\s*", lambda m: "和" if language == "zh" else " and "),
        (r"(?<=\S)\s*\+\s*(?=\S)", lambda m: "加" if language == "zh" else " plus "),
        (r"\s+[=＝]+\s+|(?<=\S)=(?=\S)", lambda m: "等于" if language == "zh" else " equals "),
        (r"\s*(?:→|->|=>|—+|–|\s-\s|…+|\.{3,}|[()（）\[\]{}【】])\s*", lambda m: comma),
        (r"\s*/\s*(?=(?:second|minute|hour|day|month|year|user|person)\b)", lambda m: " per "),
        (r"\s*/\s*(?=秒|分钟|小时|天|月|年|人)", lambda m: "每"),
        (r"\s*/\s*", lambda m: also),
        (
            r"[\"“”‘「」『』《》〈〉<>#@^~～*`|\\$€¥￥°%_={}+]|(?<![A-Za-z])['’]|['’](?![A-Za-z])",
            lambda m: " ",
        ),
        (r"(?<![A-Za-z])-|-(?![A-Za-z])", lambda m: " "),
        (r"\s+", lambda m: " "),
        # Of several marks in a row the one that ends a sentence counts, else the first.
        (r" ?([，、；：。！？,;:.!?])(?: ?[，、；：。！？,;:.!?])+", lambda m: _strongest(m[0])),
        (r" (?=[，、；：。！？,;:.!?])", lambda m: ""),
        (
            rf"(?<=[{HAN}，、；：。！？]) (?=[{HAN}])|(?<=[{HAN}]) (?=[，、；：。！？])",
            lambda m: "",
        ),
        (r"(?<=[，、；：。！？]) | (?= )", lambda m: ""),
    ]
    said = _apply(rules, text).strip().lstrip("，、；：。！？,;:.!? ")
    return said if re.search(r"\w", said) else ""


def _strongest(marks: str) -> str:
    ends = re.findall(r"[？?！!。.]", marks)
    space = " " if marks[-1].isascii() else ""
    return (ends or marks.strip())[0] + space
