"""A talk in text: what a caller types in; the dialogue of a call, without a room, answering it out.

It is what a call is but for sound: the same dialogue, the same escalation, the same records.
"""

from __future__ import annotations

from datetime import UTC, datetime

from agent.call.escalation import Escalation
from agent.call.keeping import Keeping
from agent.dialogue.customer import Customer
from agent.dialogue.dialogue import Dialogue
from agent.duty.summing_up import SummingUp
from agent.models.client import Message
from agent.models.endpoint import LanguageModelEndpoint
from agent.prompts import load_phrases
from agent.rooms.principal import Principal
from agent.service.accounts.store import AccountStore
from agent.service.calls.store import CallStore, Claim
from agent.service.database import Database
from agent.service.paging.store import Paging
from agent.service.promises.store import Promises
from agent.service.quality.targets import DEFAULT_TARGETS
from agent.service.scope import Scope
from agent.service.support import Support
from agent.service.tickets.store import TicketStore
from knowledge.client import KnowledgeClient


class TextTalk:
    """One call, typed."""

    def __init__(
        self,
        database: Database,
        knowledge: KnowledgeClient,
        endpoint: LanguageModelEndpoint | None,
        support: Support,
        principal: Principal,
        claim: Claim,
    ) -> None:
        """``endpoint`` None: no language model."""
        self._calls = CallStore(database)
        customer = Customer(
            database,
            support,
            DEFAULT_TARGETS,
            account=principal.account,
            contact=principal.contact,
            call_id=claim.call_id,
        )
        self._dialogue = Dialogue(knowledge, endpoint, customer)
        self._keeping = Keeping(
            database,
            support.policy,
            account=principal.account,
            contact=principal.contact,
            claim=claim,
        )
        self._summing_up = SummingUp(database, support)
        self._scope = Scope(principal.account, claim.call_id)
        self._escalation = Escalation(
            TicketStore(database, support.policy),
            Paging(database, support.rota, patience=support.patience),
            AccountStore(database),
            Promises(database),
            account=principal.account,
            contact=principal.contact,
            claim=claim,
        )
        self.heard = ""
        self._language = principal.language
        self._claim = claim
        self._turn = claim.next_turn
        self._history: list[Message] = []

    async def greeting(self) -> str:
        """As the page's language has it."""
        disclosure = load_phrases()[self._language].disclosure
        return " ".join([disclosure, *await self._dialogue.greet(self._language)])

    async def say(self, text: str, *, cut_short: bool = False) -> str:
        """A turn; of an answer that is cut short the first text is heard.

        Raises ServiceError when the knowledge server is away.
        """
        self.heard = text
        if not text.strip():
            return ""
        number, self._turn = self._turn, self._turn + 1
        answer = self._dialogue.compose(text, self._history)
        await self._calls.open_turn(
            self._claim,
            number,
            asked_at=datetime.now(UTC),
            language=answer.language,
            question=text,
        )
        parts = [part async for part in answer.texts]
        said = "".join(parts[:1] if cut_short else parts)
        self._dialogue.stands(answer)
        self._keeping.take(answer)
        self._keeping.stands(self._dialogue.course)
        if answer.action:
            outcome = await self._escalation.act(answer.action, text, answer.language)
            said += await self._dialogue.report(answer, outcome)
        await self._calls.close_turn(
            self._claim,
            number,
            question=text,
            answer=said,
            declined=answer.declined,
            interrupted=cut_short,
            citations=answer.citations_json(),
            timings_ms=answer.timings_ms,
        )
        self._history += [Message("user", text), Message("assistant", said)]
        return said

    async def end(self) -> None:
        """What was begun is written; the call has its end."""
        await self._escalation.aclose()
        await self._keeping.aclose()
        await self._calls.conclude(self._claim, "left")
        await self._calls.end_call(self._claim)
        await self._summing_up.at_the_end(self._scope, self._claim.call_id)
        await self._dialogue.aclose()
