"""OpenAPI: the description of an HTTP interface in, langchain Documents out, one per operation.

Each says what the operation is for, how it is called, what it takes and what it answers, error
codes included. References to other files are not followed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml
from langchain_core.document_loaders import BaseBlobParser, Blob
from langchain_core.documents import Document

from common.errors import InputError
from common.languages import Language, language_of
from knowledge.documents.formats.decoding import text_of
from knowledge.documents.formats.markdown import prose
from knowledge.documents.formats.wording import sentence, tidy, titled
from knowledge.plain_yaml import PlainYamlError, plain_yaml

_METHODS: Final = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
_Node = dict[str, Any]


class OpenApiParser(BaseBlobParser):
    """OpenAPI 3 and Swagger 2 descriptions, in JSON or YAML."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """The introduction, then each operation.

        Raises InputError for what cannot be read, or is no OpenAPI description.
        """
        source = str(blob.source)
        root = _node(_parsed(blob, source))
        if not ("openapi" in root or "swagger" in root):
            raise InputError(
                f"{source} is no OpenAPI description.",
                'Only JSON and YAML files with "openapi" or "swagger" in them are read.',
            )
        info = _node(root.get("info"))
        title = titled(_name(info.get("title")), source)
        yield Document(_text(info.get("description")), metadata={"title": title, "headings": []})
        description = _Description(root)
        for path, item in _node(root.get("paths")).items():
            item = description.resolved(item)
            for method in _METHODS:
                if isinstance(item.get(method), dict):
                    heading, lines = description.operation(str(path), method, item)
                    metadata = {"title": title, "headings": [heading]}
                    yield Document("\n".join(lines), metadata=metadata)


@dataclass(frozen=True)
class _Description:
    root: _Node

    def operation(self, path: str, method: str, item: _Node) -> tuple[str, list[str]]:
        """Name and sentences of one operation."""
        operation = _node(item[method])
        summary = _name(operation.get("summary"))
        heading = summary or _name(operation.get("operationId")) or f"{method.upper()} {path}"
        about = _text(operation.get("description"))
        language = language_of(summary + about or heading)
        words = _WORDS[language]
        place = path.replace("{", "").replace("}", "")
        lines = [words["call"].format(name=heading, method=method.upper(), path=place)]
        lines += [line for line in about.split("\n") if line and line.rstrip("。.") != summary]
        if operation.get("deprecated") is True:
            lines.append(words["deprecated"])
        for parameter in [*_list(item.get("parameters")), *_list(operation.get("parameters"))]:
            lines += self._parameter(self.resolved(parameter), language)
        body = self.resolved(operation.get("requestBody"))
        lines += self._fields(self._content_schema(body), language)
        for status, response in _node(operation.get("responses")).items():
            lines += self._response(str(status), self.resolved(response), language)
        return heading, list(dict.fromkeys(lines))

    def resolved(self, node: object) -> _Node:
        """The node itself, or what its reference within this file points to."""
        seen: set[str] = set()
        found = _node(node)
        while isinstance(reference := found.get("$ref"), str) and reference not in seen:
            seen.add(reference)
            found = self._at(reference)
        return found

    def _at(self, reference: str) -> _Node:
        if not reference.startswith("#/"):
            return {}
        node: object = self.root
        for part in reference[2:].split("/"):
            node = _node(node).get(part.replace("~1", "/").replace("~0", "~"))
        return _node(node)

    def _parameter(self, parameter: _Node, language: Language) -> list[str]:
        if parameter.get("in") == "body":  # Swagger 2
            return self._fields(self.resolved(parameter.get("schema")), language)
        schema = self.resolved(parameter.get("schema")) or parameter
        return self._field(
            _name(parameter.get("name")),
            schema,
            _text(parameter.get("description")),
            parameter.get("required") is True,
            language,
        )

    def _fields(self, schema: _Node, language: Language) -> list[str]:
        properties, required = self._properties(schema)
        return [
            line
            for name, field in properties.items()
            for line in self._field(name, field, "", name in required, language)
        ]

    def _properties(self, schema: _Node) -> tuple[dict[str, _Node], set[str]]:
        """The properties of a schema and of those it is made of, each looked at once."""
        properties: dict[str, _Node] = {}
        required: set[str] = set()
        waiting, seen = [schema], set[int]()
        while waiting:
            part = self.resolved(waiting.pop(0))
            if id(part) in seen:
                continue
            seen.add(id(part))
            waiting += [_node(one) for one in _list(part.get("allOf"))]
            waiting += [_node(part["items"])] if "items" in part else []
            required |= {str(name) for name in _list(part.get("required"))}
            for name, field in _node(part.get("properties")).items():
                properties.setdefault(str(name), self.resolved(field))
        return properties, required

    def _field(
        self, name: str, schema: _Node, about: str, required: bool, language: Language
    ) -> list[str]:
        about = (about or _text(schema.get("description"))).replace("\n", " ")
        if not name:
            return []
        words = _WORDS[language]
        kind = _TYPES[language].get(str(schema.get("type")), "")
        said = words["required" if required else "optional"].format(name=name)
        said += words["type"].format(kind=kind) if kind else ""
        choices = [str(value) for value in _list(schema.get("enum"))]
        parts = [said + (words["colon"] + about if about else "")]
        if choices:
            parts.append(words["choices"].format(values=words["comma"].join(choices)))
        if schema.get("default") not in (None, "", [], {}):
            parts.append(words["default"].format(value=schema["default"]))
        return [words["space"].join(sentence(tidy(part)) for part in parts)]

    def _response(self, status: str, response: _Node, language: Language) -> list[str]:
        words = _WORDS[language]
        about = _text(response.get("description")).replace("\n", " ")
        is_error = status[:1] in "45"
        word = words["error"] if is_error else words["other" if status == "default" else "answer"]
        lines = [sentence(word.format(status=status) + (words["colon"] + about if about else ""))]
        for example in self._examples(response) if is_error or status == "default" else ():
            code = example.get("code", example.get("error_code", example.get("errorCode")))
            message = example.get("message", example.get("msg", example.get("error")))
            if isinstance(code, str | int) and isinstance(message, str):
                label = words["error"].format(status=code)
                lines.append(sentence(label + words["colon"] + tidy(message)))
        return lines

    def _content_schema(self, node: _Node) -> _Node:
        contents = list(_node(node.get("content")).values())
        return self.resolved(_node(contents[0]).get("schema")) if contents else {}

    def _examples(self, response: _Node) -> Iterator[_Node]:
        for content in _node(response.get("content")).values():
            for example in _node(_node(content).get("examples")).values():
                yield _node(self.resolved(example).get("value"))
            yield _node(_node(content).get("example"))


_TYPES: Final[dict[Language, dict[str, str]]] = {
    "zh": {
        "string": "字符串", "integer": "整数", "number": "数字", "boolean": "布尔值",
        "array": "数组", "object": "对象",
    },
    "en": {
        "string": "text", "integer": "a whole number", "number": "a number",
        "boolean": "true or false", "array": "a list", "object": "an object",
    },
}  # fmt: skip
_WORDS: Final[dict[Language, dict[str, str]]] = {
    "zh": {
        "call": "{name}：向 {path} 发送 {method} 请求。",
        "deprecated": "该接口已弃用。",
        "required": "必填参数 {name}",
        "optional": "可选参数 {name}",
        "type": "，{kind}",
        "choices": "可取 {values}",
        "default": "默认为 {value}",
        "answer": "状态码 {status}",
        "error": "错误码 {status}",
        "other": "其他情况",
        "colon": "：",
        "comma": "、",
        "space": "",
    },
    "en": {
        "call": "{name}: send a {method} request to {path}.",
        "deprecated": "This operation is deprecated.",
        "required": "The parameter {name} is required",
        "optional": "The parameter {name} is optional",
        "type": ", {kind}",
        "choices": "It is one of {values}",
        "default": "Without it, {value} is used",
        "answer": "Status {status}",
        "error": "Error code {status}",
        "other": "In any other case",
        "colon": ": ",
        "comma": ", ",
        "space": " ",
    },
}


def _parsed(blob: Blob, source: str) -> object:
    text = text_of(blob, blob.encoding)
    try:
        if blob.mimetype == "application/json":
            return json.loads(text)
        return plain_yaml(text)
    except (ValueError, yaml.YAMLError) as error:
        raise InputError(
            f"{source} cannot be read: {_where(error)}", "Correct that place in the file."
        ) from error


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None and isinstance(error, PlainYamlError):
        return f"line {mark.line + 1}: {error.problem}."
    if mark is not None:
        return f"line {mark.line + 1} is no YAML ({getattr(error, 'problem', '')})."
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno} is no JSON ({error.msg})."
    return f"{error}."


def _node(value: object) -> _Node:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(value: object) -> str:
    return tidy(value).replace("\n", " ").rstrip("。.") if isinstance(value, str) else ""


def _text(value: object) -> str:
    """A description, which is Markdown, as sentences, one a line."""
    return prose(value) if isinstance(value, str) else ""
