"""The stage: a scenario in; it is played in a database of its own, and what came of it out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agent.duty.summing_up import SummingUp
from agent.models.endpoint import LanguageModelEndpoint
from agent.service.calls.store import CallStore
from agent.service.database import Database
from agent.service.migrate import upgrade
from agent.service.outbox.mail import Mailbox
from agent.service.quality.targets import Targets
from agent.service.support import Support
from common.errors import LiukeError, ServiceError
from eval.dialogue.caller import Caller
from eval.dialogue.evidence import Evidence, Fault
from eval.dialogue.grading import grade
from eval.dialogue.kept import Kept, Row, read_kept
from eval.dialogue.scenario import Scenario
from eval.dialogue.talk import Transcript, converse
from eval.dialogue.text import TextTalk
from eval.dialogue.world import World, begin_call
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC

log = logging.getLogger(__name__)

#: Beyond what a scenario allows, so that it can be seen how the call goes on.
TURNS_BEYOND: Final = 2
#: After so long nobody is let into the call again.
_GRANT_IS_OVER: Final = timedelta(hours=2)


@dataclass(frozen=True)
class Run:
    """What came of a scenario once."""

    scenario: Scenario
    number: int
    transcript: Transcript
    faults: list[Fault]
    seconds: float

    @property
    def is_passed(self) -> bool:
        """Nothing is wrong."""
        return not self.faults


@dataclass(frozen=True)
class TextStage:
    """Plays scenarios as text, each in a copy of an empty database."""

    empty: Path
    knowledge_url: str
    token: str
    endpoint: LanguageModelEndpoint | None
    support: Support
    targets: Targets

    async def play(self, scenario: Scenario, number: int) -> Run:
        """Once, in the wordings of run ``number``. What breaks off has failed."""
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="liuke-dialogue-") as folder:
            file = Path(folder) / "liuke.db"
            await asyncio.to_thread(shutil.copy, self.empty, file)
            database = Database(f"sqlite+aiosqlite:///{file}")
            try:
                transcript, faults = await self._play(database, scenario, number)
            except Exception as error:  # whatever it is, the others are played
                transcript, faults = Transcript("", (), is_over=False), [broken(error)]
            finally:
                await database.aclose()
        return Run(scenario, number, transcript, faults, round(time.monotonic() - began, 1))

    async def _play(
        self, database: Database, scenario: Scenario, number: int
    ) -> tuple[Transcript, list[Fault]]:
        now, support = datetime.now(UTC), _support_of(scenario, self.support)
        await World(database, support, self.targets).fill(scenario, now)
        account = scenario.caller.account
        call_id, principal = await begin_call(database, scenario, now)
        before = await read_kept(database, account, self.support.policy, now)
        claim = await CallStore(database).claim_call(call_id, f"eval of {call_id}")
        knowledge = KnowledgeClient(self.knowledge_url, self.token, tenant=account or PUBLIC)
        try:
            talk = TextTalk(database, knowledge, self.endpoint, support, principal, claim)
            most = scenario.expected.turns + TURNS_BEYOND
            transcript = await converse(talk, Caller(scenario, number), most)
            await _sum_up(SummingUp(database, support))
            after = await read_kept(database, account, self.support.policy, datetime.now(UTC))
            sources = await cited_texts(knowledge, call_id, after)
        finally:
            await knowledge.aclose()
        evidence = Evidence(
            scenario, transcript, before, after, call_id, sources, self.targets, now.date()
        )
        return transcript, faults_of(evidence)


def _support_of(scenario: Scenario, support: Support) -> Support:
    """With a mailbox for summaries, where the scenario has one."""
    if not scenario.before.mails:
        return support
    mailbox = Mailbox("mail", "127.0.0.1", 25, "none", "liuke@example.com", "ops@example.com")
    return replace(
        support,
        destinations={"mail": mailbox},
        summaries_by="mail",
        never_mailed=frozenset(scenario.before.never_mailed),
    )


async def _sum_up(summing_up: SummingUp) -> None:
    """What whoever is on duty does, once nobody can come back into the call."""
    later = datetime.now(UTC) + _GRANT_IS_OVER
    for call in await summing_up.due(later):
        await summing_up.sum_up(call, later)


def faults_of(evidence: Evidence) -> list[Fault]:
    """All that is wrong with a call; first, that it broke off."""
    broke = evidence.transcript.broke
    return [*([broken(broke)] if broke else []), *grade(evidence)]


def broken(error: Exception) -> Fault:
    """A call that broke off; of what is nobody's fault but ours the log has the whole story."""
    if isinstance(error, LiukeError):
        return Fault("broken off", f"{error.message} {error.remedy}")
    log.exception("a call broke off", exc_info=error)
    return Fault("broken off", repr(error))


async def cited_texts(knowledge: KnowledgeClient, call_id: str, kept: Kept) -> Mapping[str, str]:
    """The texts of all entries that a call's answers cite, by id."""
    turns = (row for row in kept.rows("turns") if row["call_id"] == call_id)
    texts: dict[str, str] = {}
    for entry_id in dict.fromkeys(_cited(turns)):
        if entry := await knowledge.find_entry(entry_id):
            steps = [step.say for step in entry.playbook]
            texts[entry_id] = "\n".join([entry.title, entry.opening, entry.body, *steps])
    return texts


def _cited(turns: Iterable[Row]) -> list[str]:
    cited: list[Any] = [one for row in turns for one in row["citations"]]
    return [str(one["id"]) for one in cited]


@contextlib.asynccontextmanager
async def text_stage(
    knowledge_url: str,
    token: str,
    endpoint: LanguageModelEndpoint | None,
    support: Support,
    targets: Targets,
) -> AsyncIterator[TextStage]:
    """A stage, with the knowledge server that answers there. Raises ServiceError without one."""
    client = KnowledgeClient(knowledge_url, token, tenant=PUBLIC)
    try:
        if not await client.is_healthy():
            raise ServiceError(
                f"The knowledge server at {knowledge_url} does not answer.",
                "Start it: `liuke up`.",
                retryable=True,
            )
    finally:
        await client.aclose()
    with tempfile.TemporaryDirectory(prefix="liuke-dialogue-") as folder:
        empty = Path(folder) / "empty.db"
        await asyncio.to_thread(upgrade, f"sqlite+aiosqlite:///{empty}")
        yield TextStage(empty, knowledge_url, token, endpoint, support, targets)
