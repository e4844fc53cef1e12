"""What the stock stack notes an onboarding with: a field and its value in, what is still open out.

Noted for the call alone: Liuke, too, keeps nothing before its customer has confirmed it.
"""

from __future__ import annotations

from agent.dialogue.slots.words import SLOTS
from common.languages import Language
from eval.voice.tools import Tool, make_tool, told


class ProfileNoter:
    """The tool of one call."""

    def __init__(self, language: Language) -> None:
        self._told = told("note_profile.toml", language)
        self._noted: dict[str, str] = {}

    @property
    def instructions(self) -> str:
        """What the model is told."""
        return self._told["instructions"].strip()

    def tool(self) -> Tool:
        """`note_profile(field, value)`, described in the language of the call."""
        arguments = {
            "field": {"type": "string", "enum": list(SLOTS), "description": self._told["field"]},
            "value": {"type": "string", "description": self._told["value"]},
        }
        return make_tool("note_profile", self._told["description"], arguments, self._note)

    async def aclose(self) -> None:
        """Nothing: there are no connections."""

    async def _note(self, raw_arguments: dict[str, object]) -> str:
        self._noted[str(raw_arguments["field"])] = str(raw_arguments["value"])
        left = [slot for slot in SLOTS if slot not in self._noted]
        if not left:
            return self._told["whole"]
        return self._told["done"].format(left=", ".join(left), next=left[0])
