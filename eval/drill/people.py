"""The drill's people: customers and colleagues who join a call's room; what they see there out.

Participants of their own, as `agent/probe` makes them, who go on where the assistant is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any, Final

import httpx
from livekit import rtc

from agent.probe.audio import Clip
from agent.probe.call import ASK_AGAIN_S, Grant, Line, ask_again, hear_greeting, joined
from agent.rooms.messages import FLOOR_ATTRIBUTE
from common.errors import LiukeError

#: On a busy machine an answer takes its time; nothing here measures it. Seconds.
PATIENCE_S: Final = 60.0
#: A process is dead after 20 s without a sign of life; then the assistant is asked for again.
_BACK_WITHIN_S: Final = 120.0
_POLL_S: Final = 0.1
_TYPED_TOPIC: Final = "lk.chat"


class SceneError(LiukeError):
    """What a scene waited for did not happen."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "See the logs of this run: make drill ARGS=--keep.")


async def until(
    happened: Callable[[], bool] | Callable[[], Awaitable[bool]],
    what: str,
    within_s: float = PATIENCE_S,
) -> None:
    """Wait until it has ``happened``. Raises SceneError where it does not."""
    try:
        async with asyncio.timeout(within_s):
            while True:
                has = happened()
                if await has if isinstance(has, Awaitable) else has:
                    return
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise SceneError(f"Not within {within_s:.0f} s: {what}.") from None


class Participant:
    """Somebody in a call's room."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @property
    def call_id(self) -> str:
        """Which call it is."""
        return self._line.grant.call_id

    async def says(self, clip: Clip) -> None:
        """Say it aloud, to its end."""
        speech = self._line.microphone.play(clip).speech
        await asyncio.sleep((speech.end_ms - self._line.microphone.now_ms()) / 1000)

    async def sends(self, text: str, topic: str = _TYPED_TOPIC) -> None:
        """Send the room a text: typed to the assistant, unless another topic is given."""
        await self._line.room.local_participant.send_text(text, topic=topic)

    def texts(self) -> list[str]:
        """What others than this participant have said, as the room shows it."""
        return [one.text for one in self._line.observer.captions if not one.by_customer]

    async def reads(self, pattern: str, after: int = 0) -> None:
        """Wait until a text after the first ``after`` matches."""
        wanted = re.compile(pattern, re.IGNORECASE)
        try:
            await until(lambda: any(map(wanted.search, self.texts()[after:])), "")
        except SceneError:
            raise SceneError(f"{pattern!r} is not among {self.texts()[after:]}.") from None

    def sounds_after(self, when_ms: float) -> bool:
        """Whether anything has been heard since that moment of the call."""
        return self._line.ear.first_sound_after(when_ms) is not None

    def now_ms(self) -> float:
        """A moment of the call."""
        return self._line.microphone.now_ms()

    async def silence(self, for_s: float = 1.5) -> None:
        """Wait until nothing has been heard for so long."""
        await until(
            lambda: self._line.ear.silent_for_ms() > for_s * 1000,
            f"it is silent in call {self.call_id}",
        )

    def assistants(self) -> set[str]:
        """Those in the room, each by its own id; one that has died is there for a while still."""
        return {one.sid for one in self._agents()}

    async def floor_is(self, whose: str) -> None:
        """Wait until an assistant shows that that one has the customer."""

        def so() -> bool:
            return whose in [one.attributes.get(FLOOR_ATTRIBUTE) for one in self._agents()]

        await until(so, f"the floor of call {self.call_id} is {whose!r}")

    async def assistant_is_back(self, lost: Collection[str]) -> None:
        """Wait for another than those that were ``lost``, and ask for it as the call page does."""
        for _ in range(int(_BACK_WITHIN_S / ASK_AGAIN_S)):
            with contextlib.suppress(SceneError):
                await until(lambda: bool(self.assistants().difference(lost)), "", ASK_AGAIN_S)
                return
            await ask_again(self._line.grant)
        raise SceneError(f"No assistant took call {self.call_id} up.")

    def _agents(self) -> list[rtc.RemoteParticipant]:
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        return [one for one in self._line.room.remote_participants.values() if one.kind == kind]


@contextlib.asynccontextmanager
async def calling(grant: Grant) -> AsyncIterator[Participant]:
    """A customer in a call, who has been greeted, until they hang up."""
    async with joined(grant) as line:
        await hear_greeting(line)
        yield Participant(line)


@contextlib.asynccontextmanager
async def coming(api_url: str, link: str) -> AsyncIterator[Participant]:
    """A colleague who takes a page and joins its call, until they leave."""
    async with joined(await _seat(api_url, link)) as line:
        yield Participant(line)


async def answer_page(api_url: str, link: str, how: str) -> dict[str, Any]:
    """Do with the link of a page: "open", "acknowledge". Raises SceneError where it is refused."""
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
        answer = await client.post(f"{api_url}/api/pages/{how}", json={"link": link})
    if not answer.is_success:
        raise SceneError(f"A page cannot be answered: {answer.status_code} {answer.text}")
    found: dict[str, Any] = answer.json()
    return found


async def _seat(api_url: str, link: str) -> Grant:
    """Take the page until it gives a seat: again, where the assistant is being brought back."""
    seat: dict[str, Any] = {}
    call_id = ""

    async def given() -> bool:
        nonlocal seat, call_id
        taken = await answer_page(api_url, link, "acknowledge")
        seat, call_id = taken["grant"] or {}, taken["call"]["call_id"]
        return bool(seat)

    await until(given, "a page gives a seat in the call")
    return Grant(call_id, seat["livekit_url"], seat["token"], seat["room"])
