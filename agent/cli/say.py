"""`liuke say`: a text as the assistant would speak it, in a WAV file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.cli.output import JsonFlag, out, print_json, run
from agent.settings import Settings
from agent.speech.client import SpeechClient
from agent.speech.contract import SPEAKING_RATE_HZ
from common.errors import InputError
from common.languages import Language, language_of


def say(
    text: Annotated[str, typer.Argument(help="What to say, Mandarin or English.")],
    out_file: Annotated[Path, typer.Option("--out", help="WAV file to write (24 kHz, mono).")],
    lang: Annotated[
        Language | None, typer.Option(help="Language of the sentence. Default: the text's.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Speak TEXT into a file. Uses the running speech server, or loads the voice."""
    if not out_file.parent.is_dir():
        raise InputError(
            f"The folder {out_file.parent} does not exist.", "Create it, or choose another --out."
        )
    report = run(_say(text, lang or language_of(text), out_file))
    if as_json:
        print_json(report)
    else:
        out.print(f"{out_file}  {report['seconds']} s", highlight=False)


async def _say(text: str, language: Language, file: Path) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings()
    client = SpeechClient(settings.speech.url, settings.internal_token)
    try:
        healthy = await client.is_healthy()
        audio = client.speak(text, language) if healthy else _speak_here(settings, text, language)
        pcm = b"".join([clip async for clip in audio])
    finally:
        await client.aclose()
    if not pcm:
        raise InputError(f"There is nothing to say in {text!r}.", "Give a text with words in it.")
    await asyncio.to_thread(_write_wav, file, pcm)
    return {
        "file": str(file),
        "language": language,
        "seconds": round(len(pcm) / 2 / SPEAKING_RATE_HZ, 2),
        "ms": round((time.perf_counter() - started) * 1000),
    }


async def _speak_here(settings: Settings, text: str, language: Language) -> AsyncIterator[bytes]:
    from agent.speech.say.cache import SpeechCache
    from agent.speech.say.queue import open_kokoro_queue  # seconds to import

    cache = await asyncio.to_thread(SpeechCache.of, settings.paths, settings.speech)
    kokoro_queue = await open_kokoro_queue(settings.paths, settings.speech, cache)
    try:
        async for clip in kokoro_queue.speak(text, language):
            yield clip
    finally:
        await kokoro_queue.aclose()


def _write_wav(file: Path, pcm: bytes) -> None:
    """Write beside and move into place, so that no half file is ever there."""
    try:
        handle, beside = tempfile.mkstemp(dir=file.parent, prefix=file.name, suffix=".part")
    except OSError as error:
        raise _not_writable(file, error) from error
    try:
        with os.fdopen(handle, "wb") as raw, wave.open(raw, "wb") as recording:
            recording.setnchannels(1)
            recording.setsampwidth(2)
            recording.setframerate(SPEAKING_RATE_HZ)
            recording.writeframes(pcm)
        Path(beside).replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(beside).unlink()
        raise _not_writable(file, error) from error


def _not_writable(file: Path, error: OSError) -> InputError:
    return InputError(f"{file} cannot be written: {error.strerror}.", "Choose another --out.")
