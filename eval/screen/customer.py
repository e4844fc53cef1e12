"""A customer's side of the bench: a room in; a screen that changes, then rests, shown in it, out.

`python -m eval.screen.customer URL TOKEN CHANGING_S STILL_S`. Each change is told on standard
output as it is shown, and each text as it is read: a line of JSON with the code on the page and the
time.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Final

import numpy as np
from livekit import rtc

from agent.rooms.messages import SCREEN_TOPIC, ScreenRead
from agent.screen.contract import Grey
from eval.screen.rendered import rendered

WIDTH, HEIGHT = 1280, 720
#: Images a second, as the page shows them; and seconds between two changes.
_FRAMES: Final = 5
_CHANGES_EVERY_S: Final = 3.0
_LOG: Final = """
joining channel publishing track codec bitrate candidate relay subscriber token renewed audio level
packets lost keyframe requested reconnect attempt region jitter
"""


async def show(url: str, token: str, changing_s: float, still_s: float) -> None:
    """Join, and show the screen for so long."""
    room = rtc.Room()
    reading = set[asyncio.Task[None]]()

    def on_text(stream: rtc.TextStreamReader, _sender: str) -> None:
        reading.add(asyncio.create_task(_tell_read(stream)))

    room.register_text_stream_handler(SCREEN_TOPIC, on_text)
    await room.connect(url, token)
    source = rtc.VideoSource(WIDTH, HEIGHT, is_screencast=True)
    track = rtc.LocalVideoTrack.create_video_track("screen", source)
    options = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_SCREENSHARE,
        simulcast=False,
        video_encoding=rtc.VideoEncoding(max_framerate=_FRAMES, max_bitrate=1_500_000),
    )
    await room.local_participant.publish_track(track, options)
    pages, began_s = _pages(), time.monotonic()
    code, page = next(pages)
    changed_s = time.monotonic()
    _tell("shown", code)
    while (now_s := time.monotonic()) < began_s + changing_s + still_s:
        if now_s < began_s + changing_s and now_s > changed_s + _CHANGES_EVERY_S:
            (code, page), changed_s = next(pages), now_s
            _tell("shown", code)
        source.capture_frame(as_frame(page))
        await asyncio.sleep(1 / _FRAMES)
    await room.disconnect()


async def _tell_read(stream: rtc.TextStreamReader) -> None:
    for code in ScreenRead.model_validate_json(await stream.read_all()).codes:
        _tell("read", code)


def _tell(what: str, code: str) -> None:
    print(json.dumps({"what": what, "code": code, "at_s": time.monotonic()}), flush=True)


def as_frame(image: Grey) -> rtc.VideoFrame:
    """An image as the room takes it."""
    height, width = image.shape
    data = np.repeat(image[:, :, np.newaxis], 4, axis=2).tobytes()
    return rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, data)


def _pages() -> Iterator[tuple[str, Grey]]:
    """A console that grows by three lines and then scrolls; the last line has a code."""
    rng, log = random.Random(1), list[str]()
    while True:
        code = str(rng.randint(1000, 9999))
        for number in range(3):
            words = " ".join(rng.choices(_LOG.split(), k=rng.randint(4, 9)))
            log.append(f"[12:{rng.randint(10, 59)}:{number}0] INFO {words}")
        log[-1] = f"[12:00:59] ERROR rtc: error code {code}"
        yield code, rendered(log[-30:], width=WIDTH, height=HEIGHT, dark=True)


if __name__ == "__main__":
    asyncio.run(show(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
