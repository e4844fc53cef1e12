"""Whole conversations of onboarding: what is asked and never asked, and what is known in the end."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from common.languages import Language
from common.settings import PROJECT_ROOT
from knowledge.contract import SourceEntry
from knowledge.entries.body import sections_of, steps_of
from knowledge.entries.entry import entry_paths, read_entry
from knowledge.entries.vocabulary import Vocabulary

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
CORPUS = PROJECT_ROOT / "knowledge" / "corpus"
PATHS = {f"{path.relative_to(CORPUS).parts[0]}/{path.stem}": path for path in entry_paths(CORPUS)}
WORDS = Vocabulary.load()


def knowledge_server() -> FastAPI:
    """One that serves the entries of the corpus."""
    app = FastAPI()

    @app.get("/entries/{language}/{name}")
    def entry(language: Language, name: str) -> Response:
        path = PATHS.get(f"{language}/{name}")
        if path is None:
            error = {"code": "not_found", "message": "There is none.", "remedy": "Check it."}
            return JSONResponse({"error": error}, status_code=404)
        return JSONResponse(asdict(source(path)))

    return app


def source(path) -> SourceEntry:
    entry = read_entry(path, CORPUS)
    sections = sections_of(entry.body)
    return SourceEntry(
        id=entry.id,
        version=1,
        language=entry.language,
        title=entry.title,
        scenario=entry.scenario,
        region=entry.region,
        topic=entry.topic,
        product=entry.product,
        platform=entry.platform,
        error_codes=entry.error_codes,
        source=entry.source,
        opening=entry.opening,
        body=entry.body,
        sections=tuple(section.text for section in sections),
        steps=steps_of(sections, WORDS.steps[entry.language]),
        names={},
    )
