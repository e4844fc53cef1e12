"""An OpenAPI description is read as sentences about each operation."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from langchain_core.document_loaders import Blob

from common.errors import LiukeError
from knowledge.documents.formats.openapi import OpenApiParser

pytestmark = pytest.mark.unit

ROOMS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Rooms API", "description": "Creates **rooms**.", "version": "1"},
    "paths": {
        "/v1/rooms/{room_id}": {
            "parameters": [{"$ref": "#/components/parameters/Room"}],
            "post": {
                "summary": "Change a room",
                "deprecated": True,
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/R"}}}
                },
                "responses": {
                    "200": {"description": "The room."},
                    "404": {
                        "description": "No such room",
                        "content": {
                            "application/json": {
                                "examples": {"a": {"value": {"code": 1001, "message": "gone"}}}
                            }
                        },
                    },
                    "default": {"$ref": "other.yaml#/e"},
                },
            },
        }
    },
    "components": {
        "parameters": {
            "Room": {
                "name": "room_id",
                "in": "path",
                "required": True,
                "description": "The `id` of a room.",
                "schema": {"type": "string"},
            }
        },
        "schemas": {
            "R": {
                "allOf": [{"$ref": "#/components/schemas/Base"}, {"$ref": "#/components/schemas/R"}]
            },
            "Base": {
                "required": ["mode"],
                "properties": {
                    "mode": {"type": "string", "enum": ["call", "live"], "default": "call"},
                    "parent": {"$ref": "#/components/schemas/Loop"},
                },
            },
            "Loop": {"$ref": "#/components/schemas/Loop"},
        },
    },
}


def documents(text: str, mimetype: str = "application/json") -> list[tuple[list[str], str]]:
    blob = Blob.from_data(text.encode(), encoding="", mime_type=mimetype, path="/docs/api.json")
    found = list(OpenApiParser().lazy_parse(blob))
    return [([one.metadata["title"], *one.metadata["headings"]], one.page_content) for one in found]


def test_an_operation_in_sentences() -> None:
    expected = [
        (["Rooms API"], "Creates rooms."),
        (
            ["Rooms API", "Change a room"],
            "Change a room: send a POST request to /v1/rooms/room_id.\n"
            "This operation is deprecated.\n"
            "The parameter room_id is required, text: The id of a room.\n"
            "The parameter mode is required, text. It is one of call, live. "
            "Without it, call is used.\n"
            "The parameter parent is optional.\n"
            "Status 200: The room.\n"
            "Error code 404: No such room.\n"
            "Error code 1001: gone.\n"
            "In any other case.",
        ),
    ]
    assert documents(json.dumps(ROOMS)) == expected
    assert documents(yaml.safe_dump(ROOMS, sort_keys=False), "application/yaml") == expected


def test_swagger_in_mandarin() -> None:
    text = """
swagger: "2.0"
info: {title: 房间接口}
paths:
  /rooms:
    get:
      summary: 查询房间列表
      description: 查询房间列表。
      parameters:
        - {name: limit, in: query, type: integer, default: 20, description: 每页个数}
      responses:
        200: {description: 成功}
        401: {description: 鉴权失败}
"""
    assert documents(text, "application/yaml")[1] == (
        ["房间接口", "查询房间列表"],
        "查询房间列表：向 /rooms 发送 GET 请求。\n可选参数 limit，整数：每页个数。默认为 20。\n"
        "状态码 200：成功。\n错误码 401：鉴权失败。",
    )


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ('{"openapi": ', "json", "line 1 is no JSON"),
        ("openapi: [", "yaml", "is no YAML"),
        ("openapi: 3\na: *b", "yaml", "alias"),
        ("a: 1", "yaml", "no OpenAPI description"),
        ("[1]", "json", "no OpenAPI description"),
        ("openapi: !colour red", "yaml", "tag"),
        ("openapi: 3\na: " + "[" * 70 + "]" * 70, "yaml", "nested too deeply"),
        ("openapi: &a 3\nb: [*a]", "yaml", "alias"),
    ],
)
def test_bad_files_say_why(text: str, kind: str, message: str) -> None:
    with pytest.raises(LiukeError, match=message) as caught:
        documents(text, f"application/{kind}")
    assert "/docs/api.json" in caught.value.message


@pytest.mark.parametrize(
    "part",
    [{"paths": []}, {"paths": {"/a": {"get": {"responses": 3, "parameters": {}}}}}, {"info": "a"}],
)
def test_descriptions_of_the_wrong_form_do_no_harm(part: dict[str, Any]) -> None:
    assert documents(json.dumps({"openapi": "3.0.0"} | part)) is not None
