"""Handover: a person of the operator's who comes in; the assistant's silence until they leave, out.

They are told first what it is about, on a second track that the room lets nobody else hear. Then
the assistant introduces them and is silent; what they and the customer say is recorded, each by
name. It comes back when they hand back, or leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, Literal

from livekit import rtc
from livekit.agents import (
    Agent,
    AgentSession,
    StopResponse,
    UserInputTranscribedEvent,
    llm,
    room_io,
)
from sqlalchemy.exc import SQLAlchemyError

from agent.call.conversation import Conversation
from agent.call.playout import RoomPlayout
from agent.call.stt import WhisperSTT
from agent.call.timing import TIMING
from agent.call.voice_activity import RestedVAD, SharedVAD
from agent.dialogue.escalating import EscalationWords
from agent.rooms.messages import FLOOR_ATTRIBUTE, HAND_BACK_TOPIC, INTRODUCE_TOPIC
from agent.rooms.tokens import is_responder
from agent.service.calls.store import CallStore, Claim
from agent.service.tickets.store import Happening
from agent.speech.client import SpeechClient
from agent.speech.contract import HEARING_RATE_HZ, SPEAKING_RATE_HZ
from common.errors import LiukeError
from common.languages import Language, language_of

log = logging.getLogger(__name__)

#: Name of the track that only the person hears.
BRIEF_TRACK: Final = "brief"
#: A page that does not subscribe to the brief goes without it after so long, seconds.
_HEARD_WITHIN_S: Final = 5.0
#: No introduction takes longer to be heard, seconds.
_INTRODUCED_WITHIN_S: Final = 12.0
_FRAME: Final = SPEAKING_RATE_HZ // 50

#: Writes down what happened to the call's ticket.
Note = Callable[[Happening], Awaitable[None]]


class Handover:
    """Watches one call for a person who comes in."""

    def __init__(
        self,
        room: rtc.Room,
        conversation: Conversation,
        playout: RoomPlayout,
        records: CallStore,
        claim: Claim,
        *,
        customer: str,
        brief: Callable[[], Awaitable[str]],
        note: Note,
    ) -> None:
        """``customer``: their identity. ``brief``: what the person is told alone."""
        self._room = room
        self._conversation = conversation
        self._playout = playout
        self._records = records
        self._claim = claim
        self._customer = customer
        self._brief = brief
        self._note = note
        self._words = EscalationWords()
        self._person: rtc.RemoteParticipant | None = None
        self._attending: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._gone: asyncio.Future[Literal["handed_back", "left"]] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        #: A person has spoken with the customer.
        self.has_spoken = False
        self._is_closing = False

    def start(self) -> None:
        """From now on, and whoever has come already."""
        room = self._room
        room.on("participant_connected", self._on_connected)
        room.on("participant_disconnected", self._on_disconnected)
        room.register_text_stream_handler(INTRODUCE_TOPIC, self._on_ready)
        room.register_text_stream_handler(HAND_BACK_TOPIC, self._on_hand_back)
        self._conversation.session.on("user_input_transcribed", self._on_customer)
        for participant in room.remote_participants.values():
            self._on_connected(participant)

    async def aclose(self) -> None:
        """End what is going on, and wait for what is being written."""
        self._is_closing = True
        self._goes("left")
        if self._attending:
            await asyncio.gather(self._attending, return_exceptions=True)
        await asyncio.gather(*self._tasks)

    def typed(self, text: str) -> bool:
        """The customer writes; whether it is said to the person, and so recorded."""
        if not self._conversation.floor.is_given_away:
            return False
        self._spawn(self._record("customer", "", text))
        return True

    # Who comes and goes.

    def _on_connected(self, participant: rtc.RemoteParticipant) -> None:
        if is_responder(participant.identity) and self._person is None:
            self._person = participant
            self._ready.clear()
            self._gone = asyncio.get_running_loop().create_future()
            self._attending = asyncio.create_task(self._attend(participant, self._gone))

    def _on_disconnected(self, participant: rtc.RemoteParticipant) -> None:
        if self._person and participant.identity == self._person.identity:
            self._goes("left")

    def _on_ready(self, _reader: rtc.TextStreamReader, identity: str) -> None:
        if self._person and identity == self._person.identity:
            self._ready.set()

    def _on_hand_back(self, _reader: rtc.TextStreamReader, identity: str) -> None:
        if self._person and identity == self._person.identity:
            self._goes("handed_back")

    def _goes(self, how: Literal["handed_back", "left"]) -> None:
        if self._gone and not self._gone.done():
            self._gone.set_result(how)

    async def _attend(
        self,
        person: rtc.RemoteParticipant,
        gone: asyncio.Future[Literal["handed_back", "left"]],
    ) -> None:
        floor = self._conversation.floor
        name = person.name or person.identity
        await self._try_note(self._happening("joined", name))
        try:
            await self._tell_alone(person.identity, gone)
            if not gone.done():
                floor.is_given_away = True
                async with self._heard(person):
                    await self._say(self._words.introduced(name, self._language()))
                    await self._show("human")
                    await gone
        except Exception:  # the call ends meanwhile, say: it goes on, or ends, without them
            log.exception("%s has the call no more", name)
            self._goes("left")
        was_given, floor.is_given_away = floor.is_given_away, False
        self._person = None
        await self._try_note(self._happening("left", name))
        await self._show("assistant")
        if was_given and not self._is_closing:
            await self._say(self._words.gone(gone.result(), name, self._language()))

    # What the person alone hears.

    async def _tell_alone(self, identity: str, gone: asyncio.Future[Any]) -> None:
        """The brief, until it is over, the person is ready, or has left.

        Without one they come in all the same: the page shows what it says.
        """
        await self._show("brief")
        telling = asyncio.create_task(self._play(identity))
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({telling, ready, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (telling, ready):
                task.cancel()
            failed, _ = await asyncio.gather(telling, ready, return_exceptions=True)
            if isinstance(failed, Exception):
                log.error("%s was told nothing before: %r", identity, failed)

    async def _play(self, identity: str) -> None:
        """Speak on a track of its own that the room lets ``identity`` alone hear."""
        text = await self._brief()
        local = self._room.local_participant
        source = rtc.AudioSource(SPEAKING_RATE_HZ, 1)
        self._permit(identity, [])  # before anybody could be given the track
        try:
            track = rtc.LocalAudioTrack.create_audio_track(BRIEF_TRACK, source)
            publishing = asyncio.create_task(local.publish_track(track))
            try:
                publication = await asyncio.shield(publishing)
                self._permit(identity, [publication.sid])
                async with asyncio.timeout(_HEARD_WITHIN_S):
                    await publication.wait_for_subscription()
                await _speak(self._conversation.speech, text, self._language(), source)
            except TimeoutError:
                log.warning("%s does not listen to the brief", identity)
            finally:  # also where it is cut off while the room is being told of the track
                await local.unpublish_track((await publishing).sid)
        finally:
            local.set_track_subscription_permissions(allow_all_participants=True)
            await source.aclose()

    def _permit(self, identity: str, tracks: list[str]) -> None:
        """``identity`` hears these tracks of the assistant alone, the customer its voice alone.

        It may be speaking with the customer meanwhile: one voice over the other is no brief.
        """
        heard_by = {identity: tracks, self._customer: [self._playout.track_sid]}
        self._room.local_participant.set_track_subscription_permissions(
            allow_all_participants=False,
            participant_permissions=[
                rtc.ParticipantTrackPermission(participant_identity=who, allowed_track_sids=sids)
                for who, sids in heard_by.items()
            ],
        )

    # What is said while the assistant is silent.

    @contextlib.asynccontextmanager
    async def _heard(self, person: rtc.RemoteParticipant) -> AsyncIterator[None]:
        """Hear the person for the record; the room is shown their words, as the customer's."""
        session = self._listener(person)
        try:
            await session.start(
                Listener(),
                room=self._room,
                room_options=room_io.RoomOptions(
                    participant_identity=person.identity,
                    text_input=False,
                    audio_input=room_io.AudioInputOptions(
                        sample_rate=HEARING_RATE_HZ,
                        frame_size_ms=TIMING.input_frame_ms,
                        pre_connect_audio=False,
                    ),
                    audio_output=False,
                    close_on_disconnect=False,  # the handover ends it
                ),
                session_host=False,
                record=False,
            )
            yield
        finally:
            await session.aclose()

    def _listener(self, person: rtc.RemoteParticipant) -> AgentSession[None]:
        activity = SharedVAD(RestedVAD())
        session: AgentSession[None] = AgentSession(
            stt=WhisperSTT(self._conversation.speech, activity),
            vad=activity,
            turn_handling={
                "turn_detection": "vad",
                "endpointing": {"mode": "fixed", "min_delay": TIMING.nearly_whole_s},
                "interruption": {"mode": "vad"},
                "preemptive_generation": {"enabled": False},
            },
            aec_warmup_duration=None,
            user_away_timeout=None,
        )

        def on_words(event: UserInputTranscribedEvent) -> None:
            if event.is_final and event.transcript.strip():
                name = person.name or person.identity
                self._spawn(self._record("human", name, event.transcript.strip()))

        session.on("user_input_transcribed", on_words)
        return session

    def _on_customer(self, event: UserInputTranscribedEvent) -> None:
        words = event.transcript.strip()
        if self._conversation.floor.is_given_away and event.is_final and words:
            self._spawn(self._record("customer", "", words))

    async def _record(self, speaker: Literal["customer", "human"], who: str, text: str) -> None:
        try:
            await self._records.write_utterance(
                self._claim, speaker, text, language_of(text), who=who
            )
        except (SQLAlchemyError, OSError, LiukeError):
            log.exception("what was said in call %s is not recorded", self._claim.call_id)
        if speaker == "human" and not self.has_spoken:
            self.has_spoken = True
            await self._try_note(self._happening("said", who, text))

    # What the assistant does meanwhile.

    async def _say(self, text: str) -> None:
        session = self._conversation.session
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_INTRODUCED_WITHIN_S):
                await session.interrupt(force=True)
                await session.say(text, allow_interruptions=False, add_to_chat_ctx=False)

    async def _show(self, floor: Literal["assistant", "brief", "human"]) -> None:
        if self._room.isconnected():
            await self._room.local_participant.set_attributes({FLOOR_ATTRIBUTE: floor})

    def _language(self) -> Language:
        return self._conversation.agent.language

    def _happening(
        self, kind: Literal["joined", "left", "said"], who: str, text: str = ""
    ) -> Happening:
        now = datetime.now(UTC)
        key = f"call:{self._claim.call_id}:{kind}:{now.timestamp():.3f}"
        return Happening(key, kind, "human", now, who=who, text=text, call_id=self._claim.call_id)

    async def _try_note(self, happening: Happening) -> None:
        try:
            await self._note(happening)
        except (SQLAlchemyError, OSError, LiukeError):
            log.exception("%s is not in the ticket", happening.key)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Listener(Agent):
    """Hears one person, and says nothing."""

    def __init__(self) -> None:
        super().__init__(instructions="")

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """Nobody answers them here."""
        raise StopResponse


async def _speak(
    speech: SpeechClient, text: str, language: Language, source: rtc.AudioSource
) -> None:
    """Have the text spoken into ``source``, to its end."""
    rest = b""
    async for chunk in speech.speak(text, language):
        rest += chunk
        while len(rest) >= 2 * _FRAME:
            await source.capture_frame(_frame(rest[: 2 * _FRAME]))
            rest = rest[2 * _FRAME :]
    if rest:
        await source.capture_frame(_frame(rest))
    await source.wait_for_playout()


def _frame(pcm: bytes) -> rtc.AudioFrame:
    return rtc.AudioFrame(pcm, SPEAKING_RATE_HZ, 1, len(pcm) // 2)
