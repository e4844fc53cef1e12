"""Tables: rows of cells in, sentences out; and the parser of CSV files.

A table of errors becomes one sentence for each code, any other one sentence for each row, with the
names of its columns. A CSV file of questions and answers becomes one Document for each pair.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from langchain_core.document_loaders import BaseBlobParser, Blob
from langchain_core.documents import Document

from common.errors import InputError
from common.languages import Language, language_of
from knowledge.documents.formats.decoding import text_of
from knowledge.documents.formats.wording import mark, sentence, tidy

Row = Sequence[str]
_Role = Literal["code", "name", "meaning", "cause", "remedy"]

#: What the columns of an error table are called; the first that fits counts.
_NAMES: Final[dict[_Role, str]] = {
    "code": r"(http|sdk|client|server)?\s*(error|status|return|response)?[\s_-]*codes?"
    r"(\s*\((dec|hex)\w*\))?|error (no\.?|number)|hex(adecimal)?|dec(imal)?|errno"
    r"|(http|sdk|业务|服务端|客户端)?\s*(错误|状态|返回|响应|异常|错误代)?(码|代码)值?|错误编号"
    r"|十六进制|十进制",
    "name": r"(error|exception|constant)?[\s_-]*(name|constant|enum|symbol|identifier|type)"
    r"|(错误|异常)?(名|名称|枚举|枚举值|常量|标识|类型)",
    "remedy": r".*(solution|remedy|resolution|action|fix|what to do|workaround|suggest"
    r"|recommend|troubleshoot).*|.*(解决|处理|建议|排查|措施|应对|操作).*",
    "cause": r".*(cause|reason|why).*|.*(原因|触发).*",
    "meaning": r".*(meaning|message|description|detail|explanation|error|summary|text|note).*"
    r"|.*(含义|说明|描述|信息|错误|解释|提示|备注|释义).*",
}
_ROLES: Final = {role: re.compile(names, re.I) for role, names in _NAMES.items()}
_IS_CODE: Final = re.compile(r"[-+]?(0x[0-9a-f]+|\d+)|[A-Z][A-Z0-9]*([_-][A-Z0-9]+)+|E\d+", re.I)
#: Usual names of the columns of a table with two.
_COLUMN: Final = re.compile(
    r".*(名称?|参数|字段|属性|类型|说明|描述|含义|码|值|项|方案|原因|方法|功能|时间|版本|平台|场景)"
    r"|.*\b(name|parameter|field|property|type|description|meaning|code|value|solution|cause|option"
    r"|reason|method|feature|version|platform|default|status|event|action)s?",
    re.I,
)
#: Cells that say nothing.
_NOTHING: Final = re.compile(r"[-–—/.\s]*|n/?a|none|无。?|暂无。?", re.I)
_CODE_WORD: Final[dict[Language, str]] = {"zh": "错误码", "en": "Error code"}
#: Codes of one meaning that are all read out before it.
_HEARD: Final = 3
_AND: Final[dict[Language, str]] = {"zh": "、", "en": ", "}
_MORE_WORD: Final[dict[Language, str]] = {"zh": "和另外 {others} 个", "en": "and {others} others"}
_ALIKE_WORD: Final[dict[Language, str]] = {"zh": "含义相同的有：", "en": "The same is meant by: "}
#: Opening and closing bracket, comma, colon, and what stands between sentences.
_MARKS: Final[dict[Language, tuple[str, str, str, str, str]]] = {
    "zh": ("（", "）", "，", "：", ""),
    "en": (" (", ")", ", ", ": ", " "),
}
_CAUSE_WORD: Final[dict[Language, str]] = {"zh": "原因：", "en": "Cause: "}
_REMEDY_WORD: Final[dict[Language, str]] = {"zh": "解决方法：", "en": "What to do: "}

_QUESTION: Final = re.compile(r"q|questions?|faq|title|问|问题|提问|用户问题|标准问题?|标题", re.I)
_ANSWER: Final = re.compile(r"a|answers?|reply|response|答|答案|回答|回复|解答|标准答案|内容", re.I)


class CsvParser(BaseBlobParser):
    """CSV and TSV files."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """A Document for each question, for each error, or for the rows together.

        Raises InputError for a file without rows below its header, or with a quotation mark
        that is never closed.
        """
        source = str(blob.source)
        title = Path(source).stem
        rows = _rows(text_of(blob, blob.encoding), source)
        header = next(rows, ())
        pair = _pair(header)
        if pair:
            yield from _answers(title, rows, *pair)
            return
        table = [header, *rows]
        if len(table) < 2:
            raise InputError(
                f"{source} has no row below its column names.",
                "Put the names of the columns in the first line and the rows below it.",
            )
        if is_errors(table):
            for label, text in errors(table):
                yield Document(text, metadata={"title": title, "headings": [label]})
        else:
            text = "\n".join(sentences(table, has_header=True))
            yield Document(text, metadata={"title": title, "headings": []})


def sentences(rows: Sequence[Row], has_header: bool) -> Iterator[str]:
    """A sentence for each row: "课程：小班课；老师：1 个。"."""
    language = _language(rows)
    if max(map(len, rows), default=0) < 2:
        yield from (text for row in rows for cell in row if (text := sentence(tidy(cell))))
        return
    names = [tidy(cell) for cell in rows[0]] if has_header else []
    for row in rows[1:] if has_header else rows:
        cells = _cells(row, language)
        if names:
            text = _joined(_named(names, cells, language), language)
        else:
            text = _key_and_values(cells, language)
        if text:
            yield sentence(text, language)


def is_errors(rows: Sequence[Row]) -> bool:
    """Whether the rows are errors: a column of codes, and one that says what they mean."""
    roles = _roles(rows[0]) if rows else []
    if "code" not in roles or not {"name", "meaning", "cause"} & set(roles):
        return False
    codes = [row[roles.index("code")] for row in rows[1:] if len(row) > roles.index("code")]
    return bool(codes) and sum(_is_code(cell) for cell in codes) > len(codes) / 2


def names_columns(row: Row) -> bool:
    """Whether a first row that is not marked as such names the columns.

    Three columns without names would say nothing to a reader; two may be names and values.
    """
    return len(row) > 2 or (len(row) == 2 and all(_COLUMN.fullmatch(tidy(cell)) for cell in row))


def errors(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """For each row a label, "错误码 110", and the sentence with its code, meaning and remedy."""
    language = _language(rows)
    roles = _roles(rows[0])
    for row in rows[1:]:
        said = _by_role(rows[0], roles, _cells(row, language), language)
        if said["code"]:
            label = f"{_CODE_WORD[language]} {_some(said['code'][0], language)}"
            yield label, _error(label, said, language)


def _error(label: str, said: dict[_Role, list[str]], language: Language) -> str:
    opening, closing, comma, colon, space = _MARKS[language]
    codes = [_some(code, language) for code in said["code"]]
    text = label + (f"{opening}{_joined(codes[1:], language)}{closing}" if codes[1:] else "")
    text = comma.join([text, *said["name"]])
    # Without a word of meaning the cause is the meaning.
    meanings = said["meaning"] or said["cause"]
    causes = said["cause"] if said["meaning"] else []
    others = [code for code in said["code"] if len(_codes(code)) > _HEARD]
    parts = [
        _joined(dict.fromkeys(meanings), language),
        *(_CAUSE_WORD[language] + cause for cause in causes if cause not in meanings),
        *(_REMEDY_WORD[language] + remedy for remedy in said["remedy"] if remedy not in meanings),
        *(_ALIKE_WORD[language] + code for code in others),
    ]
    meaning = space.join(sentence(part, language) for part in parts if part)
    return f"{text}{colon}{meaning}" if meaning else sentence(text, language)


def _some(cell: str, language: Language) -> str:
    """The codes of a cell, or the first of many: nobody hears out a dozen before the meaning."""
    first, *others = _codes(cell)
    if len(others) < _HEARD:
        return _AND[language].join((first, *others))
    return f"{first} {_MORE_WORD[language].format(others=len(others))}"


def _codes(cell: str) -> list[str]:
    return re.split(r"[；;]\s*", cell)


def _by_role(
    header: Row, roles: Sequence[_Role | None], cells: Row, language: Language
) -> dict[_Role, list[str]]:
    """What the cells of a row say; codes after the first, and columns of no role, with names."""
    said: dict[_Role, list[str]] = {role: [] for role in _ROLES}
    for name, role, cell in zip(header, roles, cells, strict=False):
        if not cell:
            continue
        if role is None:
            said["meaning"].extend(_named([tidy(name)], [cell], language))
        elif role == "code" and said["code"]:
            said["code"].append(f"{tidy(name)} {cell}")
        else:
            said[role].append(cell)
    return said


def _roles(header: Row) -> list[_Role | None]:
    return [
        next((role for role, names in _ROLES.items() if names.fullmatch(tidy(cell))), None)
        for cell in header
    ]


def _is_code(cell: str) -> bool:
    parts = re.split(r"[\s、,;；/]+", tidy(cell))
    return all(_IS_CODE.fullmatch(part) for part in parts if part) and any(parts)


def _cells(row: Row, language: Language) -> list[str]:
    """The cells as they are read, those that say nothing empty."""
    lines = ([line.rstrip("。.;；") for line in tidy(cell).split("\n")] for cell in row)
    said = (mark(_joined(cell, language), language) for cell in lines)
    return ["" if _NOTHING.fullmatch(cell) else cell for cell in said]


def _named(names: Row, cells: Row, language: Language) -> list[str]:
    """Each cell with its column's name; a row shorter than the table has lost its place in it."""
    colon = "：" if language == "zh" else ": "
    if len(cells) < len(names):
        return [cell for cell in cells if cell]
    return [
        f"{name}{colon}{cell}" if name and name != cell else cell
        for name, cell in zip(names, cells, strict=False)
        if cell
    ]


def _key_and_values(cells: Row, language: Language) -> str:
    """A row of a table without column names: the first cell names the others."""
    key, *values = cells
    said = _joined([value for value in values if value], language)
    colon = "：" if language == "zh" else ": "
    return f"{key}{colon}{said}" if key and said else key or said


def _joined(parts: Iterable[str], language: Language) -> str:
    semicolon, space = ("；", "") if language == "zh" else ("; ", " ")
    text = ""
    for part in filter(None, parts):
        text += (space if text.endswith(("：", ":")) else semicolon) + part if text else part
    return text


def _language(rows: Sequence[Row]) -> Language:
    return language_of(" ".join(cell for row in rows for cell in row))


def _rows(text: str, source: str) -> Iterator[list[str]]:
    """The rows that are not empty, whatever separates their cells."""
    header = text.partition("\n")[0]
    separator = max(",;\t|", key=header.count)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise InputError(
            f"{source} cannot be read as CSV ({error}).", "Look for a quotation mark too many."
        ) from error


def _pair(header: Row) -> tuple[int, int] | None:
    """The columns of questions and answers, where there are both."""
    names = [name.strip().strip("*#:：") for name in header]
    questions = [place for place, name in enumerate(names) if _QUESTION.fullmatch(name)]
    answers = [place for place, name in enumerate(names) if _ANSWER.fullmatch(name)]
    return (questions[0], answers[0]) if questions and answers else None


def _answers(title: str, rows: Iterable[Row], question: int, answer: int) -> Iterator[Document]:
    for row in rows:
        if len(row) > max(question, answer) and row[answer].strip():
            text = "\n".join(sentence(line) for line in tidy(row[answer]).split("\n"))
            headings = [tidy(row[question]).replace("\n", " ")]
            yield Document(text, metadata={"title": title, "headings": headings})
