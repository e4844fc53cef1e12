"""Messages of the assistant to the page: facts in, the JSON text of a stream out.

They are components of the web API's OpenAPI description too, so that the page's types are generated
from these models.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from common.languages import Language

#: The text stream on which the room learns of answers.
ANSWER_TOPIC = "liuke.answer"
#: The text stream on which the room learns what the customer's screen shows.
SCREEN_TOPIC = "liuke.screen"
#: The text streams by which a person says that they are ready, and that the assistant goes on.
INTRODUCE_TOPIC = "liuke.introduce"
HAND_BACK_TOPIC = "liuke.hand_back"
#: The assistant's attribute that tells who speaks with the customer: "assistant", "brief" while a
#: person hears what it is about, "human".
FLOOR_ATTRIBUTE = "liuke.floor"


class CitedEntry(BaseModel):
    """An entry of the knowledge base that an answer rests on, in the version that was read."""

    id: str
    title: str
    language: Language
    version: int
    score: float = Field(description="How well it answers the question, 0 to 1.")


class AnswerBegun(BaseModel):
    """Sent once the assistant begins to speak an answer."""

    turn: int = Field(ge=1, description="Counts the customer's questions in this call.")
    question: str
    language: Language
    declined: bool = Field(
        description="The knowledge base has no answer, and the assistant said so."
    )
    acknowledged: bool = Field(description="The answer was late and began with 'let me check'.")
    citations: list[CitedEntry]


class AnswerEnded(AnswerBegun):
    """Sent when the turn is over; stands in place of what was sent when it began."""

    answer: str = Field(description="What was spoken, as far as the customer can have heard it.")
    interrupted: bool
    timings_ms: dict[str, float]


class ScreenLine(BaseModel):
    """A line of text on the customer's screen."""

    text: str
    tells: bool = Field(description="It shows an error code, or tells of trouble.")


class ScreenRead(BaseModel):
    """Sent whenever what the assistant reads on the customer's screen has changed."""

    lines: list[ScreenLine]
    codes: list[str] = Field(description="Error codes among them, as they are written properly.")


def add_messages(description: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI ``description`` with the messages among its components."""
    _, definitions = models_json_schema(
        [(model, "serialization") for model in (AnswerBegun, AnswerEnded, ScreenRead)],
        ref_template="#/components/schemas/{model}",
    )
    components = description["components"]
    schemas = components["schemas"] | definitions["$defs"]
    return description | {"components": components | {"schemas": schemas}}
