"""Screen: what the customer shows in the room in; its text, to the room and to the call, out.

Only a screen of the customer's is looked at, and no other video is received. An image of it is
taken every half second, the others are dropped; one that shows nothing new is forgotten at once.
What is new and rests is read, and only the text of it stays, with the call's records.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from livekit import rtc

from agent.call.screen_reader import ScreenReader
from agent.call.timing import TIMING, Timing
from agent.dialogue.seen import Seen, codes_in, line_key, seen_on
from agent.rooms.messages import SCREEN_TOPIC, ScreenLine, ScreenRead
from agent.screen.changes import Changes
from agent.screen.contract import MOST_PIXELS, Grey, Later, Piece
from agent.screen.shown import Shown
from common.errors import LiukeError

log = logging.getLogger(__name__)

#: Seconds until a reader that is away is tried again.
_AWAY_S: Final = 10.0
#: Seconds without an image after which a screen is taken to rest: some send none meanwhile.
_STILL_S: Final = 2.0


class ScreenWatch:
    """Watches for the screen of one customer in a room that has been joined."""

    def __init__(
        self,
        room: rtc.Room,
        customer: str,
        reader: ScreenReader,
        known_codes: Callable[[], Awaitable[Collection[str]]],
        on_seen: Callable[[Seen | None], None],
        on_new: Callable[[Sequence[Piece]], None],
        timing: Timing = TIMING,
    ) -> None:
        """``known_codes``: the error codes that the corpus explains. ``on_seen``: what the
        screen shows, each time that it can be acted on; None once it is not shown any more.
        ``on_new``: the lines that were not on it before, from top to bottom."""
        self._room = room
        self._customer = customer
        self._reader = reader
        self._known_codes = known_codes
        self._on_seen = on_seen
        self._on_new = on_new
        self._timing = timing
        self._watching: tuple[str, asyncio.Task[None]] | None = None

    def start(self) -> None:
        """Look at what is shown, from now on or since before."""
        room = self._room
        room.on("track_published", self._on_published)
        room.on("track_subscribed", self._on_subscribed)
        room.on("track_unsubscribed", self._on_unsubscribed)
        for participant in room.remote_participants.values():
            for publication in participant.track_publications.values():
                self._on_published(publication, participant)

    async def aclose(self) -> None:
        """Look no more."""
        self._room.off("track_published", self._on_published)
        self._room.off("track_subscribed", self._on_subscribed)
        self._room.off("track_unsubscribed", self._on_unsubscribed)
        if self._watching:
            _, watching = self._watching
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await self._reader.aclose()

    # What is shown.

    def _on_published(
        self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if self._is_their_screen(publication, participant):
            publication.set_subscribed(True)

    def _on_subscribed(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if not self._is_their_screen(publication, participant):
            return
        self._end_watching()
        self._watching = publication.sid, asyncio.create_task(self._watch(track))

    def _on_unsubscribed(
        self,
        _track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        _participant: rtc.RemoteParticipant,
    ) -> None:
        if self._watching and self._watching[0] == publication.sid:
            self._end_watching()

    def _end_watching(self) -> None:
        if self._watching:
            self._watching[1].cancel()
            self._watching = None

    def _is_their_screen(
        self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> bool:
        return (
            participant.identity == self._customer
            and publication.source == rtc.TrackSource.SOURCE_SCREENSHARE
            and publication.kind == rtc.TrackKind.KIND_VIDEO
        )

    async def _watch(self, track: rtc.Track) -> None:
        """Look at one screen until it is not shown any more."""
        look = Look(self._reader, await self._codes(), self._timing)
        told: tuple[str, ...] | None = None
        stream = rtc.VideoStream(track, capacity=1, format=rtc.VideoBufferType.I420)
        try:
            async for image in _images(stream):
                wait_s = await look.at(image)
                if look.seen and look.seen.lines != told:
                    told = look.seen.lines
                    await self._tell(look.seen)
                if new := look.take_new():
                    self._on_new(new)
                if sure := look.take_sure():
                    self._on_seen(sure)
                await asyncio.sleep(wait_s)
        except Exception:
            log.exception("a shared screen is not looked at any more")
        finally:
            self._on_seen(None)
            await stream.aclose()

    async def _codes(self) -> Collection[str]:
        try:
            return await self._known_codes()
        except LiukeError as error:
            log.warning("%s", error)
            return ()

    async def _tell(self, seen: Seen) -> None:
        lines = [ScreenLine(text=line, tells=line in seen.troubles) for line in seen.lines]
        message = ScreenRead(lines=lines, codes=list(seen.codes)).model_dump_json()
        if self._room.isconnected():  # else the customer has hung up
            await self._room.local_participant.send_text(message, topic=SCREEN_TOPIC)


class Look:
    """Looks at one screen, and has read what is new on it."""

    def __init__(
        self, reader: ScreenReader, known_codes: Collection[str], timing: Timing = TIMING
    ) -> None:
        self._reader = reader
        self._known_codes = known_codes
        self._timing = timing
        self._changes = Changes()
        self._shown = Shown()
        self._codes_once: set[str] = set()
        self._given: set[str] = set()
        self._sure: Seen | None = None
        #: What the screen shows, as it was read last; None until it was.
        self.seen: Seen | None = None

    async def at(self, image: Grey) -> float:
        """Look at an image, and read what is new; seconds until the next is worth a look."""
        sight = await asyncio.to_thread(self._changes.look, image)
        if sight.scroll:
            self._shown.scroll(sight.scroll)
        for part in sight.parts:
            whole = self._shown.uncut(part)
            try:
                pieces = await self._reader.read(whole.of(image))
            except LiukeError as error:
                log.warning("%s", error)
                return _AWAY_S
            if isinstance(pieces, Later):
                return max(pieces.seconds, self._timing.screen_look_s)
            self._changes.read(whole)
            self._shown.put(whole, pieces)
            self._understand()
        return self._timing.screen_look_s

    def take_sure(self) -> Seen | None:
        """What the screen shows, where it can be acted on: once for each time it was read."""
        sure, self._sure = self._sure, None
        return sure

    def take_new(self) -> tuple[Piece, ...]:
        """The lines of the screen that have not been taken before, from top to bottom."""
        lines = {line_key(line.text): line for line in self._shown.lines}
        new = [line for key, line in lines.items() if key not in self._given]
        self._given.update(lines)
        return tuple(new)

    def _understand(self) -> None:
        """Codes that were read once only are read again: a digit may have been another."""
        lines = self._shown.lines
        self.seen = seen_on([line.text for line in lines], self._known_codes, datetime.now(UTC))
        if self._codes_once.issuperset(self.seen.codes):
            self._sure = self.seen
            return
        for line in lines:
            if not self._codes_once.issuperset(codes_in(line.text, self._known_codes)):
                self._changes.read_again(line.box)
        self._codes_once.update(self.seen.codes)


async def _images(stream: rtc.VideoStream) -> AsyncIterator[Grey]:
    """The newest image whenever it is asked for; where none comes any more the last one again."""
    image: Grey | None = None
    while True:
        try:
            event = await asyncio.wait_for(anext(stream), _STILL_S)
            image = luma_of(event.frame)
        except TimeoutError:
            pass
        except StopAsyncIteration:
            return
        if image is not None:
            yield image


def luma_of(frame: rtc.VideoFrame) -> Grey:
    """The brightness of a frame, which is the first plane of I420; halved until it can be read."""
    luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height)
    image = luma.reshape(frame.height, frame.width)
    while image.size > MOST_PIXELS:
        height, width = (side // 2 * 2 for side in image.shape)
        halves = image[:height, :width].reshape(height // 2, 2, width // 2, 2)
        image = halves.mean(axis=(1, 3)).astype(np.uint8)
    return image
