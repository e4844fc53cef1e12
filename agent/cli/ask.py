"""`liuke ask`: one question, answered with the same retrieval, prompt and model as in a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.output import JsonFlag, out, print_json, run
from agent.settings import Settings
from common.errors import InputError
from common.languages import Language

if TYPE_CHECKING:
    from agent.dialogue.contract import Answer


def ask(
    question: Annotated[str, typer.Argument(help="What a customer might ask.")],
    lang: Annotated[
        Language | None, typer.Option(help="Language of the answer. Default: the question's.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask the knowledge base. Needs the knowledge server: `liuke up`."""
    if not question.strip():
        raise InputError("The question is empty.", 'Ask something: liuke ask "How do I fix echo?"')
    answer = run(_ask(question.strip(), lang, show=not as_json))
    if as_json:
        print_json(_as_json(answer))
        return
    out.print()
    for citation in answer.citations:
        out.print(f"  [dim]{citation.id}[/]  {citation.title}  [dim]{citation.score:.2f}[/]")


async def _ask(question: str, language: Language | None, *, show: bool) -> Answer:
    # A call's stages take seconds to load, which other commands need not wait for.
    from agent.dialogue.dialogue import Dialogue
    from agent.models.endpoint import resolve_language_model
    from knowledge.client import KnowledgeClient
    from knowledge.contract import PUBLIC

    settings = Settings()
    knowledge = KnowledgeClient(settings.knowledge.url, settings.internal_token, tenant=PUBLIC)
    dialogue = Dialogue(knowledge, resolve_language_model(settings))
    answer = dialogue.compose(question, language=language)
    try:
        async for text in answer.texts:
            if show:
                out.print(text, end="", highlight=False, markup=False)
    finally:
        await dialogue.aclose()
        await knowledge.aclose()
    return answer


def _as_json(answer: Answer) -> dict[str, Any]:
    return {
        "answer": answer.text.strip(),
        "language": answer.language,
        "citations": [{"id": c.id, "title": c.title, "score": c.score} for c in answer.citations],
        "declined": answer.declined,
        "timings_ms": answer.timings_ms,
    }
