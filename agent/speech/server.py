"""The speech server: one process per host that holds Whisper and Kokoro for all its calls.

PCM in, transcripts out; text in, PCM out. The routes are described in `docs/architecture.md`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import uvicorn
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from agent.settings import Settings
from agent.speech.contract import HEARING_RATE_HZ, MAX_UTTERANCE_S, Purpose
from agent.speech.hear.queue import Recognizer
from agent.speech.hear.terms import load_terms
from agent.speech.hear.whisper import Samples, Whisper
from agent.speech.say.queue import Synthesizer, open_synthesizer
from common.errors import InputError
from common.http_errors import install_error_handlers
from common.languages import Language
from common.logs import configure_logging

T = TypeVar("T")


class Phrase(BaseModel):
    """A text to be spoken, with the language of its sentence."""

    text: str = Field(min_length=1, max_length=2000)
    language: Language


class Phrases(BaseModel):
    """Texts whose audio should be ready before anyone asks for them."""

    phrases: list[Phrase]


def decode_pcm(body: bytes) -> Samples:
    """PCM s16le mono as float32 in [-1, 1). Raises InputError when it is none."""
    if not body or len(body) % 2:
        raise InputError(
            f"The audio has {len(body)} bytes: no 16-bit PCM.",
            "Send mono 16-bit little-endian PCM at 16000 Hz as the body.",
        )
    seconds = len(body) / 2 / HEARING_RATE_HZ
    if seconds > MAX_UTTERANCE_S:
        raise InputError(
            f"The utterance is {seconds:.0f} s long; at most {MAX_UTTERANCE_S:.0f} s fit.",
            "Cut it at a pause, or use `liuke transcribe`, which does that.",
        )
    return np.frombuffer(body, dtype="<i2").astype(np.float32) / 32768.0


def create_app(settings: Settings) -> FastAPI:
    """The server's application; loads the models when it starts."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        whisper_dir = settings.paths.cache_dir / "models" / "whisper-base"
        terms = await asyncio.to_thread(load_terms, settings)
        whisper = await asyncio.to_thread(
            Whisper, whisper_dir, settings.speech.model_threads, terms
        )
        recognizer = Recognizer(whisper)
        synthesizer = await open_synthesizer(settings)
        # The first inference allocates; better now than in somebody's turn.
        silence = np.zeros(HEARING_RATE_HZ, dtype=np.float32)
        await recognizer.transcribe(silence, purpose="partial", language="en")
        app.state.recognizer = recognizer
        app.state.synthesizer = synthesizer
        yield
        await synthesizer.aclose()
        await recognizer.aclose()

    app = FastAPI(title="Liuke speech server", lifespan=lifespan)
    install_error_handlers(app)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/transcribe")
    async def transcribe(
        request: Request,
        purpose: Purpose = "final",
        language: Language | None = None,
        confirmed: Annotated[str, Query(max_length=1000)] = "",
    ) -> Response:
        if confirmed and language is None:
            raise InputError(
                "`confirmed` came without `language`.",
                "Send the language that the confirmed text was heard in.",
            )
        recognizer: Recognizer = app.state.recognizer
        if purpose != "file":
            app.state.synthesizer.note_call()
        samples = decode_pcm(await request.body())
        work = recognizer.transcribe(
            samples, purpose=purpose, language=language, confirmed=confirmed
        )
        transcript = await _while_connected(request, work)
        return JSONResponse(transcript.as_json() if transcript else None)

    @app.post("/speak")
    async def speak(phrase: Phrase) -> StreamingResponse:
        synthesizer: Synthesizer = app.state.synthesizer
        cached = await synthesizer.is_cached(phrase.text, phrase.language)
        return StreamingResponse(
            synthesizer.speak(phrase.text, phrase.language),
            media_type="audio/pcm",
            headers={"X-Speech-Cache": "hit" if cached else "miss"},
        )

    @app.post("/cache")
    async def cache(body: Phrases) -> StreamingResponse:
        synthesizer: Synthesizer = app.state.synthesizer

        async def lines() -> AsyncIterator[str]:
            wanted = [(phrase.text, phrase.language) for phrase in body.phrases]
            async for progress in synthesizer.cache(wanted):
                yield json.dumps(progress.as_json()) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    return app


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of ``work``; None, and ``work`` cancelled, when the client goes away first."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnect(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        task.cancel()
        gone.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def main() -> None:
    """Serve on the address of LIUKE_SPEECH_URL."""
    configure_logging()
    settings = Settings()
    address = urlsplit(settings.speech.url)
    uvicorn.run(
        create_app(settings),
        host=address.hostname or "127.0.0.1",
        port=address.port or 8902,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
