"""The speech server: one process per host that holds Whisper and Kokoro for all its calls.

PCM in, transcripts out; text in, PCM out. The routes are described in `docs/architecture.md`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlsplit

import numpy as np
import uvicorn
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from agent.speech.contract import (
    HEARING_RATE_HZ,
    LONGEST_AFTER,
    MAX_UTTERANCE_BYTES,
    MAX_UTTERANCE_S,
    Purpose,
)
from agent.speech.hear.queue import WhisperQueue
from agent.speech.hear.whisper import Samples, load_whisper
from agent.speech.say.ahead import Ahead, Maker, Pauses
from agent.speech.say.cache import SpeechCache
from agent.speech.say.queue import KokoroQueue, open_kokoro_queue
from agent.speech.settings import SpeechSettings
from common.errors import InputError, LiukeError
from common.http_errors import error_response, install_error_handlers
from common.internal import InternalOnly, InternalSettings, internal_token
from common.languages import Language
from common.logs import configure_logging
from common.serving import body_within, while_connected
from common.settings import PathSettings, read_settings


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
    return np.frombuffer(body, dtype="<i2").astype(np.float32) / 32768.0


def create_app(paths: PathSettings, settings: SpeechSettings, token: str) -> FastAPI:
    """The server's application; loads the models when it starts.

    ``token``: what our own processes know each other by.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        whisper_queue = WhisperQueue(await asyncio.to_thread(load_whisper, paths, settings))
        cache = await asyncio.to_thread(SpeechCache.of, paths, settings)
        kokoro_queue = await open_kokoro_queue(paths, settings, cache)
        # The first inference allocates; better now than in somebody's turn.
        silence = np.zeros(HEARING_RATE_HZ, dtype=np.float32)
        await whisper_queue.transcribe(silence, purpose="partial", language="en")
        app.state.whisper_queue = whisper_queue
        app.state.kokoro_queue = kokoro_queue
        app.state.pauses = pauses = Pauses()
        app.state.ahead = Ahead(kokoro_queue.keys, cache, pauses, maker := Maker())
        yield
        await maker.end()
        await kokoro_queue.aclose()
        await whisper_queue.aclose()

    app = FastAPI(title="Liuke speech server", lifespan=lifespan)
    install_error_handlers(app)
    app.add_middleware(InternalOnly, token=token, url=settings.url)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/transcribe")
    async def transcribe(
        request: Request,
        purpose: Purpose = "final",
        language: Language | None = None,
        confirmed: Annotated[str, Query(max_length=1000)] = "",
        after: Annotated[str, Query(max_length=LONGEST_AFTER)] = "",
    ) -> Response:
        if confirmed and language is None:
            raise InputError(
                "`confirmed` came without `language`.",
                "Send the language that the confirmed text was heard in.",
            )
        body = await body_within(request, MAX_UTTERANCE_BYTES)
        if body is None:
            return error_response(
                413,
                "too_long",
                f"The utterance is longer than the {MAX_UTTERANCE_S:.0f} s that fit.",
                "Cut it at a pause, or use `liuke transcribe`, which does that.",
            )
        whisper_queue: WhisperQueue = app.state.whisper_queue
        if purpose != "file":
            app.state.pauses.note_call()
        work = whisper_queue.transcribe(
            decode_pcm(body), purpose=purpose, language=language, confirmed=confirmed, after=after
        )
        transcript = await while_connected(request, work)
        return JSONResponse(transcript.as_json() if transcript else None)

    @app.post("/speak")
    async def speak(phrase: Phrase) -> StreamingResponse:
        kokoro_queue: KokoroQueue = app.state.kokoro_queue
        pauses: Pauses = app.state.pauses
        pauses.note_call()
        cached = await kokoro_queue.is_cached(phrase.text, phrase.language)

        async def clips() -> AsyncIterator[bytes]:
            async for pcm in kokoro_queue.speak(phrase.text, phrase.language):
                pauses.note_call()
                yield pcm

        return StreamingResponse(
            clips(),
            media_type="audio/pcm",
            headers={"X-Speech-Cache": "hit" if cached else "miss"},
        )

    @app.post("/cache")
    async def cache(body: Phrases) -> StreamingResponse:
        ahead: Ahead = app.state.ahead

        async def lines() -> AsyncIterator[str]:
            wanted = [(phrase.text, phrase.language) for phrase in body.phrases]
            async for progress in ahead.fill(wanted):
                yield json.dumps(progress.as_json()) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    return app


def main() -> None:
    """Serve on the address of LIUKE_SPEECH_URL."""
    configure_logging()
    try:
        paths, settings = read_settings(PathSettings), read_settings(SpeechSettings)
        token = internal_token(paths, read_settings(InternalSettings))
    except LiukeError as error:
        sys.exit(f"Error: {error}")
    address = urlsplit(settings.url)
    uvicorn.run(
        create_app(paths, settings, token),
        host=address.hostname or "127.0.0.1",
        port=address.port or 8902,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
