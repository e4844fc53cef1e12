"""`liuke transcribe`: what is said in an audio file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.progress import Progress

from agent.cli.output import JsonFlag, err, out, print_json, run
from agent.settings import Settings
from agent.speech.client import SpeechClient
from agent.speech.contract import HEARING_RATE_HZ, Transcript
from common.languages import join_utterances, language_of

if TYPE_CHECKING:
    from agent.speech.hear.whisper import Samples


def transcribe(
    file: Annotated[Path, typer.Argument(help="An audio file of any length.")],
    as_json: JsonFlag = False,
) -> None:
    """Write down what is said in FILE. Uses the running speech server, or loads the model."""
    report = run(_transcribe(file))
    if as_json:
        print_json(report)
    else:
        out.print(report["text"] or "[dim](nothing is said)[/]")


async def _transcribe(file: Path) -> dict[str, Any]:
    # The audio library takes a second to load, which other commands need not wait for.
    from agent.speech.hear.recording import read_recording, utterances

    started = time.perf_counter()
    samples = await asyncio.to_thread(read_recording, file)
    stretches = await asyncio.to_thread(lambda: list(utterances(samples)))
    settings = Settings()
    client = SpeechClient(settings.speech.url, settings.internal_token)
    try:
        hear = await _whisper(settings, client) if stretches else None
        heard = [await hear(s) for s in _shown(stretches)] if hear else []
    finally:
        await client.aclose()
    text = join_utterances(" ".join(t.text for t in heard if t.text))
    return {
        "text": text,
        "language": language_of(text) if text else None,
        "seconds": round(len(samples) / HEARING_RATE_HZ, 2),
        "ms": round((time.perf_counter() - started) * 1000),
    }


async def _whisper(
    settings: Settings, client: SpeechClient
) -> Callable[[Samples], Awaitable[Transcript]]:
    """The running server's model where there is one: it holds the weights already."""
    if await client.is_healthy():
        return lambda samples: client.transcribe(_pcm(samples), purpose="file")
    from agent.speech.hear.whisper import load_whisper

    whisper = await asyncio.to_thread(load_whisper, settings.paths, settings.speech)
    return lambda samples: asyncio.to_thread(whisper.transcribe, samples, purpose="file")


def _shown(stretches: list[Samples]) -> Any:
    with Progress(console=err, transient=True) as progress:
        yield from progress.track(stretches, description="Listening")


def _pcm(samples: Samples) -> bytes:
    return (np.clip(samples, -1.0, 32767 / 32768) * 32768).astype("<i2").tobytes()
