"""A customer's whole call: files to say in, the recording of both sides and its timeline out.

A real participant: it asks the API for a room as a browser does, joins it on the LiveKit server,
speaks with a microphone that never pauses and measures what its own ear receives.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from livekit import rtc

from agent.probe.audio import (
    LASTING_SILENCE_MS,
    Clip,
    load_clip,
    prepare_recording,
    write_recording,
)
from agent.probe.ear import Ear
from agent.probe.microphone import LEAD_MS, Microphone, Placement
from agent.probe.observer import Observer
from agent.probe.report import Scene, Timeline, make_timeline
from common.errors import InputError, ServiceError
from common.languages import Language

API_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 10.0
AGENT_TIMEOUT_S = 30.0
#: Without an assistant it is asked for again this often, as the call page does it:
#: web/src/call/useAssistantAbsence.ts.
ASK_AGAIN_S = 6.0
ANSWER_TIMEOUT_S = 60.0
#: The longest answer worth waiting for; the next turn then speaks into it.
LONGEST_ANSWER_S = 90.0
#: An answer is over when nothing has been heard for this long and the assistant listens again.
SETTLED_S = 1.2
#: An assistant that has not begun to greet by then does not greet.
GREETING_S = 5.0
#: After an interruption the assistant may need this long to decide that it was one.
AFTER_INTERRUPTION_S = 3.0
#: The closing word on an answer follows its last sound within this time.
CLOSING_S = 2.0
POLL_S = 0.02


@dataclass(frozen=True)
class Interruption:
    """What the customer says over the last answer, ``after_s`` after it began to be heard.

    Later where the answer is silent then: until it goes on.
    """

    clip: Clip
    after_s: float


@dataclass(frozen=True)
class Script:
    """What the customer does in a call."""

    language: Language
    turns: tuple[Clip, ...]
    interruption: Interruption | None = None


@dataclass(frozen=True)
class Grant:
    """What the API gives to a customer who consents: where to call, and the right to.

    ``assistant_url`` and ``call_token``: where the assistant is asked for again, and the right to;
    empty where the call was begun without the API.
    """

    call_id: str
    livekit_url: str
    token: str
    room: str
    assistant_url: str = ""
    call_token: str = ""


@dataclass(frozen=True)
class CallReport:
    """A finished call. ``microphone_late_ms``: how late speech was sent at worst."""

    call_id: str
    room: str
    recording: Path | None
    microphone_late_ms: float
    timeline: Timeline

    def as_json(self) -> dict[str, Any]:
        """As printed."""
        return {
            "call_id": self.call_id,
            "room": self.room,
            "recording": str(self.recording) if self.recording else None,
            "microphone_late_ms": round(self.microphone_late_ms),
            **self.timeline.as_json(),
        }


async def load_script(
    language: Language, files: list[Path], interruption: tuple[Path, float] | None
) -> Script:
    """The files of a call, read. Raises InputError for one that cannot be played."""
    turns = [await load_clip(file) for file in files]
    if interruption is None:
        return Script(language, tuple(turns))
    file, after_s = interruption
    return Script(language, tuple(turns), Interruption(await load_clip(file), after_s))


async def place_call(
    api_url: str,
    script: Script,
    *,
    record: Path | None = None,
    progress: Callable[[str], None] = lambda _step: None,
) -> CallReport:
    """Call, say everything in ``script``, hang up and report.

    What was recorded is written also when the call fails. Raises ServiceError when a part of Liuke
    is away or does not answer.
    """
    if record:
        await prepare_recording(record)
    grant = await request_grant(api_url, script.language)
    async with joined(grant, record) as line:
        interruption = await _converse(line, script, progress)
    return await line.report(interruption)


async def request_grant(api_url: str, language: Language, principal: str = "") -> Grant:
    """Ask the API for a room, as the call page does once the customer has consented.

    ``principal``: what the operator's site signed; empty: a guest.
    """
    api = f"{api_url.rstrip('/')}/api"
    try:
        async with httpx.AsyncClient(timeout=API_TIMEOUT_S, trust_env=False) as client:
            shown = await client.get(f"{api}/consent", params={"language": language})
            version = _body_of(shown)["version"]
            wish = {"language": language, "consent": True, "consent_version": version}
            wish["principal"] = principal
            body = _body_of(await client.post(f"{api}/calls", json=wish))
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise InputError(
            f"{api_url!r} is no address of an API: {error}", "Give one like http://127.0.0.1:8900."
        ) from None
    except httpx.HTTPError as error:
        raise ServiceError(
            f"The API at {api_url} does not answer ({type(error).__name__}).",
            "Start Liuke with `liuke up`, or give the address of a running one with --api.",
            retryable=True,
        ) from None
    call_id = body["call_id"]
    return Grant(
        call_id,
        body["livekit_url"],
        body["token"],
        body["room"],
        assistant_url=f"{api}/calls/{call_id}/assistant",
        call_token=body["call_token"],
    )


async def ask_again(grant: Grant) -> None:
    """Ask the assistant to join again; what comes of it the room tells."""
    headers = {"Authorization": f"Bearer {grant.call_token}"}
    with contextlib.suppress(httpx.HTTPError):
        async with httpx.AsyncClient(timeout=API_TIMEOUT_S, trust_env=False) as client:
            await client.post(grant.assistant_url, headers=headers)


def _body_of(response: httpx.Response) -> dict[str, Any]:
    """What the API answered. Raises ServiceError when it refused, or is something else."""
    try:
        body: dict[str, Any] = response.json()
        if response.is_success:
            return body
        refusal = body["error"]
        message, remedy = str(refusal["message"]), str(refusal["remedy"])
    except (ValueError, KeyError, TypeError):
        url = response.request.url
        message = f"{url} answered with status {response.status_code}, not as Liuke's API does."
        remedy = "Check that --api is the address of Liuke's API; `liuke doctor` tests it."
    raise ServiceError(message, remedy, retryable=response.status_code >= 500)


class Line:
    """One side of a call: the room, and this customer's microphone, ear and eyes in it."""

    def __init__(self, grant: Grant, record: Path | None) -> None:
        self.grant = grant
        self.room = rtc.Room()
        self.microphone = Microphone()
        self.ear = Ear(self.microphone.now_ms)
        self.observer = Observer(self.room, self.microphone.now_ms)
        self._record = record
        self._tasks: set[asyncio.Task[None]] = set()
        self._agent: rtc.RemoteParticipant | None = None
        self._lost: str | None = None
        self.room.on("track_subscribed", self._on_track)
        self.room.on("participant_disconnected", self._on_left)
        self.room.on("disconnected", self._on_disconnected)

    async def join(self) -> None:
        """Enter the room and open the microphone."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self.room.connect(self.grant.livekit_url, self.grant.token)
                options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
                await self.room.local_participant.publish_track(self.microphone.track, options)
        except (rtc.ConnectError, TimeoutError) as error:
            reason = getattr(error, "message", f"no connection within {CONNECT_TIMEOUT_S:.0f} s")
            raise ServiceError(
                f"The LiveKit server at {self.grant.livekit_url} cannot be joined: {reason}",
                "Check that it runs and that its keys are the API's; `liuke doctor` tests both.",
                retryable=True,
            ) from None
        self._spawn(self.microphone.run())

    async def until(self, happened: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until ``happened``; false if it does not. Raises ServiceError if the call breaks."""
        deadline_ms = self.microphone.now_ms() + timeout_s * 1000
        while not happened():
            if self._lost:
                raise self.failed(self._lost)
            if self.microphone.now_ms() > deadline_ms:
                return False
            await asyncio.sleep(POLL_S)
        return True

    async def must(self, happened: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
        """As ``until``, and raises ServiceError saying ``otherwise`` when it does not happen."""
        if not await self.until(happened, timeout_s):
            raise self.failed(otherwise)

    async def wait_till(self, at_ms: float) -> None:
        """Let the call go on until that moment of it."""
        await self.until(lambda: False, (at_ms - self.microphone.now_ms()) / 1000)

    def agent_is_here(self) -> bool:
        """The assistant has joined."""
        if self._agent is None:
            kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
            here = (p for p in self.room.remote_participants.values() if p.kind == kind)
            self._agent = next(here, None)
            if self._agent:
                self.observer.see(self._agent)
        return self._agent is not None

    def settled(self, for_s: float = SETTLED_S) -> bool:
        """The assistant says nothing any more and listens."""
        return self.observer.state == "listening" and self.ear.silent_for_ms() >= for_s * 1000

    async def leave(self) -> None:
        """Hang up."""
        await self.room.disconnect()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.observer.aclose()
        await self.microphone.aclose()

    async def keep_recording(self) -> None:
        """Write what was said and heard so far, where somebody wants it."""
        if self._record:
            heard = await self.ear.recording()
            await write_recording(self._record, self.microphone.recording(), heard)

    async def report(self, interruption: Placement | None = None) -> CallReport:
        """What has happened until now; everything said but ``interruption`` is a turn."""
        scene = Scene(
            heard=await self.ear.recording(),
            turns=tuple(p for p in self.microphone.placements if p is not interruption),
            interruption=interruption,
            captions=tuple(self.observer.captions),
            states=tuple(self.observer.states),
            notices=tuple(self.observer.notices),
        )
        return CallReport(
            call_id=self.grant.call_id,
            room=self.grant.room,
            recording=self._record,
            microphone_late_ms=self.microphone.worst_lateness_ms,
            timeline=await asyncio.to_thread(make_timeline, scene),
        )

    def failed(self, what: str) -> ServiceError:
        """The error for a call in which ``what`` happened."""
        remedy = "See the worker's log, or run `liuke doctor`."
        return ServiceError(f"{what} (room {self.grant.room})", remedy, retryable=True)

    def _on_track(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, _: rtc.RemoteParticipant
    ) -> None:
        microphone = rtc.TrackSource.SOURCE_MICROPHONE
        if isinstance(track, rtc.RemoteAudioTrack) and publication.source == microphone:
            self._spawn(self.ear.listen(track))

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        if self._agent and participant.identity == self._agent.identity:
            self._lost = "The assistant has left the call."

    def _on_disconnected(self, *_reason: object) -> None:
        self._lost = "The connection to the LiveKit server is lost."

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@contextlib.asynccontextmanager
async def joined(grant: Grant, record: Path | None = None) -> AsyncIterator[Line]:
    """A call from the first ring to hanging up; ``record``: where its sound is written at the end.

    Raises ServiceError when the room cannot be joined.
    """
    line = Line(grant, record)
    try:
        await line.join()
        yield line
    finally:
        try:
            await line.keep_recording()
        finally:
            await line.leave()


async def _converse(
    line: Line, script: Script, progress: Callable[[str], None]
) -> Placement | None:
    """Say everything in ``script``, each turn when the answer before it is over."""
    progress("waiting for the assistant")
    await hear_greeting(line)
    for number, clip in enumerate(script.turns, start=1):
        progress(f"turn {number} of {len(script.turns)}: {clip.path.name}")
        began_ms = await ask(line, clip)
        if script.interruption and number == len(script.turns):
            progress(f"interrupting: {script.interruption.clip.path.name}")
            return await _interrupt(line, script.interruption, began_ms)
        await hear_out(line)
    return None


async def hear_greeting(line: Line) -> None:
    """Wait for the assistant, and until it has greeted and listens. Raises ServiceError."""
    await _meet_assistant(line)
    opened_ms = line.microphone.now_ms()

    def greeted() -> bool:
        waited = line.microphone.now_ms() - opened_ms >= GREETING_S * 1000
        return line.settled() and (waited or line.ear.first_sound_after(0) is not None)

    deaf = f"The assistant did not begin to listen within {LONGEST_ANSWER_S:.0f} s."
    await line.must(greeted, LONGEST_ANSWER_S, deaf)


async def _meet_assistant(line: Line) -> None:
    for _ in range(int(AGENT_TIMEOUT_S / ASK_AGAIN_S)):
        if await line.until(line.agent_is_here, ASK_AGAIN_S):
            return
        if line.grant.assistant_url:
            await ask_again(line.grant)
    raise line.failed(f"The assistant did not join within {AGENT_TIMEOUT_S:.0f} s.")


async def ask(line: Line, clip: Clip) -> float:
    """Say ``clip``; returns when the answer begins to be heard, in milliseconds of the call.

    Raises ServiceError when none is heard.
    """
    speech = line.microphone.play(clip).speech
    await line.wait_till(speech.end_ms)
    began_ms: float | None = None

    def answered() -> bool:
        nonlocal began_ms
        began_ms = line.ear.first_sound_after(speech.end_ms)
        return began_ms is not None

    late = f"No answer to {clip.path.name} was heard within {ANSWER_TIMEOUT_S:.0f} s."
    await line.must(answered, ANSWER_TIMEOUT_S, late)
    assert began_ms is not None
    return began_ms


async def _interrupt(line: Line, interruption: Interruption, began_ms: float) -> Placement:
    at_ms = began_ms + interruption.after_s * 1000
    # The clip is placed just before it begins; its speech, not the silence ahead, begins at at_ms.
    await line.wait_till(at_ms - interruption.clip.speech.start_ms - 3 * LEAD_MS)
    # In a long pause, of a model that still thinks, there is nothing to stop yet.
    await line.until(lambda: line.ear.silent_for_ms() < LASTING_SILENCE_MS, ANSWER_TIMEOUT_S)
    placement = line.microphone.play(interruption.clip, speech_at_ms=at_ms)
    await line.wait_till(placement.speech.end_ms + AFTER_INTERRUPTION_S * 1000)
    await hear_out(line)
    return placement


async def hear_out(line: Line, longest_s: float = LONGEST_ANSWER_S) -> bool:
    """Wait until the answer is over, with its closing word on `liuke.answer`; whether it was."""
    if not await line.until(line.settled, longest_s):
        return False
    notices = line.observer.notices
    await line.until(
        lambda: bool(notices) and "timings_ms" in notices[-1].content, timeout_s=CLOSING_S
    )
    return True
