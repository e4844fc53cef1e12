"""What the speech server takes and says; light enough for every process to import."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from common.languages import Language

#: final: a turn waits for it. partial: captions. file: a recording, nobody is on the line.
Purpose = Literal["final", "partial", "file"]

#: What the speech server hears, and what it speaks; both mono, 16-bit little-endian.
HEARING_RATE_HZ = 16_000
SPEAKING_RATE_HZ = 24_000

#: Longest utterance the server takes; longer recordings are cut at pauses first.
MAX_UTTERANCE_S = 30.0
#: Its bytes: 16-bit samples.
MAX_UTTERANCE_BYTES = round(MAX_UTTERANCE_S * HEARING_RATE_HZ) * 2

#: Characters of what was said to the speaker just before that are of use to hear them by.
LONGEST_AFTER = 160


@dataclass(frozen=True)
class Transcript:
    """What was heard in one utterance. Empty text: nothing was said."""

    text: str
    language: Language
    language_probability: float
    no_speech_probability: float
    mean_log_probability: float
    #: Whether the text passed the guards against invention.
    reliable: bool
    #: Length of the utterance, and the time Whisper took for it.
    seconds: float
    ms: float

    @property
    def confidence(self) -> float:
        """From 0 to 1: that somebody spoke, and that these were the words."""
        return math.exp(self.mean_log_probability) * (1 - self.no_speech_probability)

    def as_json(self) -> dict[str, Any]:
        """The fields, numbers rounded for people."""
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(self).items()}
