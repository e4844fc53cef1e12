"""Sentences as calls hear them: a sentence in; what our own recogniser makes of it, spoken, out."""

from __future__ import annotations

from typing import Final

import numpy as np

from agent.settings import Settings
from agent.speech.contract import HEARING_RATE_HZ
from agent.speech.hear.recording import read_recording
from agent.speech.hear.whisper import load_whisper
from common.languages import Language
from eval.audio import mixed, pink_noise
from eval.speaking import CUSTOMERS, Studio

_SNR_DB: Final = 15.0


class Ear:
    """Hears customers' voices with noise 15 dB under them, terms and all. Blocks."""

    def __init__(self, settings: Settings) -> None:
        self._whisper = load_whisper(settings.paths, settings.speech)
        self._studio = Studio(settings)

    def hear(self, text: str, language: Language, number: int) -> str:
        """What is heard of it, the same each time; ``number`` picks the voice and the noise."""
        speaker = CUSTOMERS[number % len(CUSTOMERS)]
        clean = read_recording(self._studio.record(text, language, speaker))
        noise = pink_noise(len(clean) * 1000 / HEARING_RATE_HZ, np.random.default_rng(number))
        return self._whisper.transcribe(mixed(clean, noise, _SNR_DB)).text
