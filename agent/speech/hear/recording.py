"""Recordings: an audio file in, its utterances out, cut at pauses so that each can be heard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from faster_whisper import decode_audio
from faster_whisper.vad import VadOptions, get_speech_timestamps

from agent.speech.contract import HEARING_RATE_HZ, MAX_UTTERANCE_S
from agent.speech.hear.whisper import Samples
from common.errors import InputError

#: Kept around each utterance, ms; speech cut at its very edge loses its first sound.
_PADDING_MS = 200
#: Pauses at which a recording is cut, ms.
_PAUSE_MS = 500


def read_recording(path: Path) -> Samples:
    """The samples of any audio file that FFmpeg reads: mono float32 at 16 kHz.

    Blocking: call it from a thread. Raises InputError when the file is missing, empty or no audio.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.", "Check the path.")
    try:
        samples = decode_audio(str(path), sampling_rate=HEARING_RATE_HZ)
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise InputError(
            f"{path} cannot be read as audio: {error}.",
            "Give a WAV, FLAC, MP3, OGG or M4A file with a sound track.",
        ) from error
    if not len(samples):
        raise InputError(
            f"{path} has no sound in it.", "Give a file with at least a word of speech."
        )
    return np.asarray(samples, dtype=np.float32)


def utterances(samples: Samples) -> Iterator[Samples]:
    """The stretches of speech, each at most 30 s long; none where nobody speaks."""
    options = VadOptions(
        min_silence_duration_ms=_PAUSE_MS,
        speech_pad_ms=_PADDING_MS,
        max_speech_duration_s=MAX_UTTERANCE_S - 2 * _PADDING_MS / 1000 - 1,
    )
    for stretch in get_speech_timestamps(samples, options):
        yield samples[stretch["start"] : stretch["end"]]
