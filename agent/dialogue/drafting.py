"""Drafting: a section of the operator's document in, a sentence to begin its answers with out.

The language model writes it, from the section alone. It is a draft: nobody hears it before somebody
has approved it (`liuke knowledge openings`).
"""

from __future__ import annotations

from agent.models.client import LanguageModel, Message
from agent.prompts import load_prompt
from common.languages import LANGUAGES, Language
from knowledge.entries.entry import OPENING_LIMIT
from knowledge.entries.openings import faults
from knowledge.entries.vocabulary import Vocabulary

#: A first try without chance, a second with some: most faults are of length.
_TEMPERATURES = (0.0, 0.7)
#: An opening has at most 18 English words or 30 Mandarin characters.
_MOST_TOKENS = 60
#: The embedded model reads a section in up to 10 s, and may be busy with a call.
_TIMEOUT_S = 60.0


class Drafter:
    """Writes openings with a language model."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._words = Vocabulary.load()
        self._prompt = {language: load_prompt("opening", language) for language in LANGUAGES}

    async def draft(self, heading: str, text: str, language: Language) -> str | None:
        """An opening without faults, None where the model finds none.

        Raises ServiceError when the model does not answer.
        """
        passage = f"{heading}\n{text}"
        asked = self._prompt[language].format(passage=passage, limit=OPENING_LIMIT[language])
        for temperature in _TEMPERATURES:
            opening = await self._write(asked, temperature)
            if opening and not any(faults(opening, language, passage, self._words)):
                return opening
        return None

    async def _write(self, asked: str, temperature: float) -> str:
        written = await self._model.write(
            [Message("user", asked)],
            tokens=_MOST_TOKENS,
            timeout_s=_TIMEOUT_S,
            temperature=temperature,
        )
        lines = written.strip().splitlines()
        return lines[0].strip("“”\"'「」 *") if lines else ""
