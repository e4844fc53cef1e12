"""The process that makes audio ahead: lines of JSON in, clips out, where a core is free.

`python -m agent.speech.say.maker`. A line is `{"text","language"}`, words that `spoken` has
prepared; the answer is the length of its PCM in bytes (32 bits, big-endian), and the PCM (s16le
mono, 24 kHz). It ends with its standard input. Text comes through the pipe, not as an argument,
which all users of the machine could read.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import Final

from agent.speech.settings import SpeechSettings
from common.errors import LiukeError
from common.settings import PathSettings, read_settings

#: What comes before the PCM of a clip.
LENGTH: Final = struct.Struct(">I")


def main() -> None:
    """Stand back, then make clips until there is nothing more to be read."""
    stand_back()
    serve()


def serve() -> None:
    """Make clips until there is nothing more to be read."""
    clips = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no clip
    # Seconds of a core: not before all others go first.
    from agent.speech.say.kokoro import load_kokoro

    try:
        kokoro = load_kokoro(read_settings(PathSettings), read_settings(SpeechSettings), threads=1)
    except LiukeError as error:
        sys.exit(f"Error: {error}")
    for line in sys.stdin.buffer:
        wanted = json.loads(line)
        pcm = kokoro.synthesize(wanted["text"], wanted["language"])
        clips.write(LENGTH.pack(len(pcm)) + pcm)
        clips.flush()


def stand_back() -> None:
    """Run only where a core has nothing else to do, as far as the system can do that."""
    os.nice(19)
    if sys.platform == "linux":
        # Niceness alone leaves a third of a core beside the language model, which is nice as well.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


if __name__ == "__main__":
    main()
