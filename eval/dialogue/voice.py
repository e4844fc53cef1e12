"""A talk in a room: what a caller says, spoken by a voice that is not the assistant's, in; what is
heard back out.

A whole installation in an empty folder, with records of its own, which are emptied before each
call. The caller's room is not quiet, and they call over a telephone.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from sqlalchemy import MetaData

from agent.probe.audio import Clip, load_clip
from agent.probe.call import Grant, Line, hear_greeting, hear_out, joined, request_grant
from agent.rooms.principal import sign
from agent.service.calls.tables import Call
from agent.service.database import Database
from agent.service.support import Support, default_support
from agent.settings import Settings
from common.languages import join_utterances, language_of
from eval.audio import RATE_HZ, in_a_room, mixed, over_telephone, pink_noise, read_recording
from eval.dialogue.caller import Caller
from eval.dialogue.evidence import Evidence, Fault
from eval.dialogue.kept import read_kept
from eval.dialogue.scenario import Scenario
from eval.dialogue.stage import TURNS_BEYOND, Run, broken, cited_texts, faults_of
from eval.dialogue.talk import Transcript, converse
from eval.dialogue.world import World
from eval.installation import new_installation, reuse_facts, set_up, started_stack
from eval.speaking import CUSTOMERS, Speaker, Studio
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC

#: A living room with a street outside, dB under the voice; packets that a mobile line loses.
_SNR_DB: Final = 20.0
#: How long that room sounds; and, with the telephone at the mouth, how loud: 10 dB under the voice
#: in all. (Across the room it would be 3 dB louder than the voice.)
_DECAY_S: Final = 0.25
_ECHO: Final = 0.018
_LOSS: Final = 0.01
#: How long somebody says nothing who says nothing.
_SILENT_S: Final = 15.0
#: An answer begins within this time, or none comes.
_ANSWERS_S: Final = 20.0
#: Who interrupts lets so much of an answer pass.
_PATIENT_S: Final = 1.2
_LONGEST_ANSWER_S: Final = 60.0
_SIGNED_FOR: Final = timedelta(minutes=10)
#: A greeting in two parts has this long a silence between them, while the second is spoken for the
#: first time.
_GREETED_S: Final = 4.0
#: The last of a call is written so long after its caller has left.
_WRITTEN_S: Final = 15.0
#: Rows that are the installation's, not a call's.
_STAYS: Final = ("workers", "alembic_version")


class VoiceTalk:
    """One call, spoken."""

    def __init__(self, line: Line, studio: Studio, speaker: Speaker, folder: Path) -> None:
        self._line = line
        self._studio = studio
        self._speaker = speaker
        self._folder = folder
        self.heard = ""
        #: How many of the caller's own captions have been read.
        self._captions = 0

    async def greeting(self) -> str:
        """As the captions show it."""
        line = self._line
        await hear_greeting(line)
        await line.until(lambda: line.settled(_GREETED_S), _LONGEST_ANSWER_S)
        return self._answered_since(0)

    async def say(self, text: str, *, cut_short: bool = False) -> str:
        """A turn. Raises ServiceError where the call breaks."""
        line = self._line
        began_ms = line.microphone.now_ms()
        if not text.strip():
            await line.wait_till(began_ms + _SILENT_S * 1000)
            return self._answered_since(began_ms)
        speech = line.microphone.play(await self._clip(text)).speech
        await line.wait_till(speech.end_ms)
        if await line.until(
            lambda: line.ear.first_sound_after(speech.end_ms) is not None, _ANSWERS_S
        ):
            if cut_short:
                await line.wait_till(line.microphone.now_ms() + _PATIENT_S * 1000)
            else:
                await hear_out(line, _LONGEST_ANSWER_S)
        captions = line.observer.captions
        mine = [one.text for one in captions if one.by_customer and one.final]
        self.heard = join_utterances(" ".join(mine[self._captions :]))
        self._captions = len(mine)
        return self._answered_since(began_ms)

    async def end(self) -> None:
        """Whoever has joined the room leaves it."""

    def _answered_since(self, at_ms: float) -> str:
        captions = self._line.observer.captions
        heard = [one.text for one in captions if not one.by_customer and one.first_ms >= at_ms]
        return join_utterances(" ".join(heard)).strip()

    async def _clip(self, text: str) -> Clip:
        """As it reaches us: from a room, with noise, over a telephone. The same each time."""
        language = language_of(text)
        studio, speaker = self._studio, self._speaker
        clean = await asyncio.to_thread(studio.record, text, language, speaker)
        recording = await read_recording(clean)
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
        rng = np.random.default_rng(seed)
        wet = in_a_room(recording.samples, rng, _DECAY_S, _ECHO)
        noisy = mixed(wet, pink_noise(4000, rng), _SNR_DB)
        path = self._folder / clean.name
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        carried = over_telephone(noisy, _LOSS, rng)
        await asyncio.to_thread(soundfile.write, path, carried, RATE_HZ)
        # Where somebody speaks is read off what has no noise in it.
        return replace(await load_clip(path), speech=recording.sound)


@dataclass(frozen=True)
class VoiceStage:
    """Plays scenarios in rooms of a running installation, one after the other."""

    settings: Settings
    database: Database
    support: Support
    studio: Studio

    async def play(self, scenario: Scenario, number: int) -> Run:
        """Once, in the wordings of run ``number``. What breaks off has failed."""
        began = time.monotonic()
        try:
            transcript, faults = await self._play(scenario, number)
        except Exception as error:  # whatever it is, the others are played
            transcript, faults = Transcript("", (), is_over=False), [broken(error)]
        return Run(scenario, number, transcript, faults, round(time.monotonic() - began, 1))

    async def _play(self, scenario: Scenario, number: int) -> tuple[Transcript, list[Fault]]:
        now = datetime.now(UTC)
        await _empty(self.database)
        await World(self.database, self.support, self.settings.qos.targets).fill(scenario, now)
        account, policy = scenario.caller.account, self.support.policy
        grant = await self._grant(scenario)
        before = await read_kept(self.database, account, policy, now)
        speaker = CUSTOMERS[number % len(CUSTOMERS)]
        folder = self.settings.paths.data_dir / "bench" / "telephone"
        async with joined(grant) as line:
            talk = VoiceTalk(line, self.studio, speaker, folder)
            most = scenario.expected.turns + TURNS_BEYOND
            transcript = await converse(talk, Caller(scenario, number), most)
        await self._is_written(grant.call_id)
        after = await read_kept(self.database, account, policy, datetime.now(UTC))
        url, token = self.settings.knowledge.url, self.settings.internal_token
        knowledge = KnowledgeClient(url, token, tenant=account or PUBLIC)
        try:
            sources = await cited_texts(knowledge, grant.call_id, after)
        finally:
            await knowledge.aclose()
        targets = self.settings.qos.targets
        call_id, today = grant.call_id, now.date()
        evidence = Evidence(scenario, transcript, before, after, call_id, sources, targets, today)
        return transcript, faults_of(evidence)

    async def _grant(self, scenario: Scenario) -> Grant:
        caller, signed = scenario.caller, ""
        if caller.account:
            secret = self.settings.api.site_secret.get_secret_value()
            signed = sign(caller.account, caller.contact, scenario.language, secret, _SIGNED_FOR)
        return await request_grant(self.settings.api.url_here, scenario.language, signed)

    async def _is_written(self, call_id: str) -> None:
        """Wait until the call has its end in the records, or none comes any more."""
        until = time.monotonic() + _WRITTEN_S
        while time.monotonic() < until:
            async with self.database.transaction() as session:
                call = await session.get(Call, call_id)
                if call and call.ended_at:
                    return
            await asyncio.sleep(0.2)


async def _empty(database: Database) -> None:
    async with database.transaction() as session:
        metadata = MetaData()
        await (await session.connection()).run_sync(metadata.reflect)
        for table in reversed(metadata.sorted_tables):
            if table.name not in _STAYS:
                await session.execute(table.delete())


@contextlib.asynccontextmanager
async def voice_stage(facts: Settings) -> AsyncIterator[VoiceStage]:
    """An installation of its own; what set-up has made for ``facts`` it need not make again.

    Raises ServiceError where it does not start.
    """
    with new_installation("dialogue") as settings:
        folder = settings.paths.data_dir
        await asyncio.to_thread(reuse_facts, facts.paths.data_dir, folder)
        os.environ.update(
            LIUKE_API_SITE_SECRET=secrets.token_hex(32),
            LIUKE_AGENT_NAME="liuke-dialogue",
            LIUKE_SUPPORT_FILE=str(folder / "support.toml"),  # not there: nobody is called
        )
        settings = Settings()
        await set_up()
        database = Database(settings.database_url)
        try:
            async with started_stack(settings):
                yield VoiceStage(settings, database, default_support(), Studio(facts))
        finally:
            await database.aclose()
