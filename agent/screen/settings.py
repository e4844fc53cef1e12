"""What can be configured of the screen server."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from common.settings import settings_config


class ScreenSettings(BaseSettings):
    """The screen server: one per host, reads what customers show."""

    model_config = settings_config("LIUKE_SCREEN_")

    url: str = Field("http://127.0.0.1:8905", description="Where it is; on loopback we start it.")
    cpu_share: float = Field(
        0.12,
        gt=0,
        le=1,
        description="Share of one core that it takes in any minute, at most. A call takes 0.02"
        " besides.",
    )
