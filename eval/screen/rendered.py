"""Rendered: lines of text in, an image of a screen that shows them, in shades of grey, out."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from agent.screen.contract import Grey


def rendered(
    lines: Sequence[str],
    *,
    size: int = 12,
    dark: bool = False,
    width: int = 640,
    height: int = 240,
    font: str = "",
) -> Grey:
    """Lines one below the other, ``size`` pixels high, in ``font``, a file; empty: a console's."""
    paper, ink = (30, 220) if dark else (250, 25)
    image = Image.new("L", (width, height), paper)
    draw = ImageDraw.Draw(image)
    letters = ImageFont.truetype(font or _console_font(), size)
    for number, line in enumerate(lines):
        draw.text((24, 16 + number * round(1.7 * size)), line, font=letters, fill=ink)
    return np.asarray(image)


@cache
def mandarin_font() -> str | None:
    """A font of this machine that has Mandarin characters."""
    if not shutil.which("fc-match"):
        return None
    command = ["fc-match", "--format=%{lang} %{file}", ":lang=zh-cn"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    languages, _, file = found.partition(" ")
    return file if "zh-cn" in languages.split("|") else None


def _console_font() -> str:
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf")
