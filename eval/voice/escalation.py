"""Escalation in `make bench-voice`: spoken wishes for a person in; what came of each, when, out.

Each wish is a call of its own. Every time counts from the end of the customer's speech; ticket and
page are dated by this host's clock, on which the stacks' processes and the receiver run, too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy import select

from agent.cli.output import err
from agent.probe.audio import load_clip, prepare_recording
from agent.probe.call import Line, ask, hear_greeting, hear_out, joined
from agent.rooms.principal import guest
from agent.service.database import Database
from agent.service.tickets.tables import Ticket
from agent.settings import Settings
from common.errors import LiukeError
from eval.installation import quiet
from eval.voice.escalation_scores import LATEST_S, Called
from eval.voice.pager import Pager
from eval.voice.people import ticket_key
from eval.voice.questions import Question
from eval.voice.scores import Asked, Known, judge
from eval.voice.stacks import Stack
from eval.voice.wishes import Wish

#: An assistant that has answered, and has been silent for so long, calls nobody any more.
_GIVEN_UP_S: Final = 5.0
#: The longest answer that is listened to, to its end.
_LONGEST_ANSWER_S: Final = 12.0


class Records:
    """The tickets that the stacks write."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.database_url)

    async def of_call(self, call_id: str) -> Ticket | None:
        """The ticket that a call has opened."""
        async with self._database.transaction() as session:
            ticket: Ticket | None = await session.scalar(
                select(Ticket).where(Ticket.key == ticket_key(call_id))
            )
            return ticket

    async def aclose(self) -> None:
        """Close the connections."""
        await self._database.aclose()


class CustomerInNeed:
    """Wants a person of one stack; keeps what it heard under ``folder``."""

    def __init__(
        self,
        stack: Stack,
        files: Mapping[Question, Path],
        known: Known,
        pager: Pager,
        records: Records,
        folder: Path,
    ) -> None:
        self._stack = stack
        self._files = files
        self._known = known
        self._pager = pager
        self._records = records
        self._folder = folder
        self._calls = count(1)

    async def wish_all(self, wishes: Sequence[Wish]) -> list[Called]:
        """A call for each."""
        called = []
        for wish in wishes:
            await quiet(self._stack.roots)
            one = await self._call(wish)
            err.print(f"  {_line(self._stack, one)}", highlight=False, markup=False)
            called.append(one)
        return called

    async def _call(self, wish: Wish) -> Called:
        recording = self._folder / f"{next(self._calls):02}.wav"
        await prepare_recording(recording)
        line: Line | None = None
        ticket: Ticket | None = None
        trouble = ""
        try:
            grant = await self._stack.grant(guest(wish.said.language))
            async with joined(grant, recording) as line:
                await self._wish(line, wish)
        except LiukeError as error:
            trouble = error.message
        if line is None or not line.microphone.placements:
            return Called(wish, Asked(wish.said, 1, failure=trouble))
        ticket = await self._records.of_call(line.grant.call_id)
        turn = (await line.report()).timeline.turns[0]
        asked = judge(wish.said, turn, self._known, 1)
        spoken_at = _spoken_at(line)
        return Called(
            wish,
            asked,
            ticket_ms=_since(spoken_at, ticket.opened_at.timestamp()) if ticket else None,
            page_ms=_since(spoken_at, self._pager.came_at.get(ticket.number)) if ticket else None,
            severity=ticket.severity if ticket else None,
        )

    async def _wish(self, line: Line, wish: Wish) -> None:
        """Say it, and stay until a page has come, or none comes any more."""
        clip = await load_clip(self._files[wish.said])
        await hear_greeting(line)
        await quiet(self._stack.roots)
        await line.until(line.settled, _LONGEST_ANSWER_S)  # a greeting that came late
        before = len(self._pager.came_at)
        await ask(line, clip)
        left_s = LATEST_S - (line.microphone.now_ms() - _speech_end_ms(line)) / 1000
        await line.until(
            lambda: len(self._pager.came_at) > before or line.settled(_GIVEN_UP_S), left_s
        )
        await hear_out(line, _LONGEST_ANSWER_S)


def _speech_end_ms(line: Line) -> float:
    return line.microphone.placements[0].speech.end_ms


def _spoken_at(line: Line) -> float:
    """When the customer had spoken, seconds of the host's clock."""
    call_began = time.time() - line.microphone.now_ms() / 1000
    return call_began + _speech_end_ms(line) / 1000


def _since(began: float, at: float | None) -> float | None:
    return None if at is None else (at - began) * 1000


def _line(stack: Stack, called: Called) -> str:
    """What is printed of a wish when its call is over."""
    parts = [stack.name, called.wish.kind, called.wish.said.text]
    if turn := called.asked.turn:
        parts.append(f"heard {turn.transcript!r}")
    times = {
        "first words": called.first_words_ms,
        "ticket": called.ticket_ms,
        "page": called.page_ms,
    }
    parts += [f"{name} {ms:.0f} ms" for name, ms in times.items() if ms is not None]
    parts += ["MISSED"] * called.is_missed
    parts += [f"FAILED: {called.asked.failure}"] if called.asked.failure else []
    return " · ".join(parts)
