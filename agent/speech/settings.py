"""What can be configured of the speech server, and where its models are."""

from __future__ import annotations

import os

from pydantic import Field
from pydantic_settings import BaseSettings

from common.settings import settings_config


class SpeechSettings(BaseSettings):
    """The speech server: one per host, holds Whisper and Kokoro."""

    model_config = settings_config("LIUKE_SPEECH_")

    url: str = Field("http://127.0.0.1:8902", description="Where it is; on loopback we start it.")
    voice_zh: str = Field("zf_xiaoxiao", description="Kokoro voice for Mandarin.")
    voice_en: str = Field("af_heart", description="Kokoro voice for English.")
    speed: float = Field(1.0, ge=0.5, le=2.0, description="Speaking rate; 1 is the voice's own.")
    threads: int = Field(0, ge=0, description="CPU threads per model. 0: one per core, at most 4.")
    cache_mb: int = Field(512, ge=1, description="Bound of the speech cache on disk, MiB.")

    @property
    def model_threads(self) -> int:
        """CPU threads for one model: the setting, or the cores; past four they add nothing."""
        return self.threads or min(os.cpu_count() or 1, 4)
