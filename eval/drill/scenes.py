"""The scenes of the drill: a running installation in; what each matter must come to, out.

A scene raises SceneError where something does not happen that it waits for. What it returns is
judged when all scenes are over, and everything that is due has come.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.probe.call import Grant
from agent.rooms.messages import HAND_BACK_TOPIC, INTRODUCE_TOPIC
from agent.service.outbox.store import WAITS, Outbox
from agent.service.support import read_support
from agent.service.tickets.tables import Ticket
from common.languages import Language
from eval.drill import clocks
from eval.drill.installation import ALARMS, Installation
from eval.drill.judging import Matter, Notice
from eval.drill.people import Participant, SceneError, answer_page, calling, coming, until
from eval.drill.receiver import Mode

EMERGENCY: Final[dict[Language, str]] = {
    "en": "Our whole service is down, all users cannot join, it is an emergency!",
    "zh": "我们的服务全部挂了，所有用户都进不了房间，非常紧急！",
}
WANTS_A_PERSON: Final = "I want to talk to a person, please."
QUESTION: Final = "My token has expired. What should I do?"
COLLEAGUE_SAYS: Final = "Hello, I am the engineer on duty. Which region are your users in?"

#: A page whose first attempts were missed is tried again after a minute.
_TRIED_AGAIN_S: Final = 90.0

_Told = Counter[Notice]


def _alarm(type_: str) -> _Told:
    return Counter({(type_, name): 1 for name in ALARMS})


#: To whom a page goes, one after the other.
_LIN: Final = Counter({("ticket.page", "lin"): 1})
_EMMA: Final = Counter({("ticket.page", "emma"): 1})
#: Both were called, and neither came.
_NOBODY: Final = _LIN + _EMMA + _alarm("ticket.nobody")
#: The promise of a call back rings, and who is on call first is reminded; then its time is up.
_RINGS: Final = Counter({("promise.due", "lin"): 1})
_BROKEN: Final = _alarm("promise.broken")
#: The clock of the first human response was up.
_LATE: Final = _alarm("ticket.missed")
#: All that comes of an emergency for which nobody does anything.
UNATTENDED: Final = _NOBODY + _RINGS + _BROKEN + _LATE


@dataclass(frozen=True)
class Scene:
    """One scene."""

    name: str
    play: Callable[[Installation], Awaitable[list[Matter]]]


def _matter(name: str, grants: Sequence[Grant], asked: int, told: _Told, promises: int) -> Matter:
    return Matter(name, [f"call:{g.call_id}" for g in grants], asked, told, promises)


async def _ticket(liuke: Installation, call_id: str) -> Ticket:
    """The call's ticket, as soon as there is one."""
    found: Ticket | None = None

    async def there() -> bool:
        nonlocal found
        found = await liuke.records.ticket_of(call_id)
        return found is not None

    await until(there, f"call {call_id} has a ticket")
    assert found
    return found


async def _reports(liuke: Installation, customer: Participant, language: Language = "en") -> Ticket:
    """An emergency is typed, and its ticket is there."""
    await customer.sends(EMERGENCY[language])
    return await _ticket(liuke, customer.call_id)


async def _link(liuke: Installation, who: str, ticket: int, nth: int = 1) -> str:
    """What their ``nth`` page to the ticket holds to answer with."""
    receiver = liuke.receivers[who]
    await until(lambda: len(receiver.links(ticket)) >= nth, f"{who} is called to ticket {ticket}")
    return receiver.links(ticket)[nth - 1]


async def _has_asked(liuke: Installation, ticket: int, times: int) -> None:
    async def written() -> bool:
        return [e.actor for e in await liuke.records.events(ticket)].count("customer") >= times

    await until(written, f"wish {times} is in ticket {ticket}")


# --- the scenes


async def shared_outage(liuke: Installation) -> list[Matter]:
    """Three customers at once, one of them aloud: a ticket of severity 1 each, with its clock."""
    aloud = await liuke.spoken(EMERGENCY["en"])

    async def one(grant: Grant, language: Language | None) -> None:
        async with calling(grant) as customer:
            if language is None:
                await customer.says(aloud)
                ticket = await _ticket(liuke, grant.call_id)
            else:
                ticket = await _reports(liuke, customer, language)
            if ticket.severity != 1 or ticket.next_due_at != ticket.opened_at + timedelta(
                minutes=2
            ):
                raise SceneError(f"Ticket {ticket.number} is no emergency with a clock.")
            await customer.reads(str(ticket.number))

    grants = [await liuke.grant(), await liuke.grant("globex"), await liuke.grant(language="zh")]
    await asyncio.gather(*map(one, grants, (None, "en", "zh")))
    return [
        _matter(f"outage, customer {nth}", [grant], 1, UNATTENDED, 1)
        for nth, grant in enumerate(grants, start=1)
    ]


async def endpoint_down(liuke: Installation) -> list[Matter]:
    """Lin's endpoint refuses, fails and hangs; Emma is called by the clock; hers is given up."""
    lin, emma = liuke.receivers["lin"], liuke.receivers["emma"]
    await lin.behave("refuses")
    await emma.behave("fails")
    grant = await liuke.grant()
    async with calling(grant) as customer:
        number = (await _reports(liuke, customer)).number
    modes: tuple[tuple[Mode, str], ...] = (
        ("fails", "Connect"),
        ("hangs", "status 503"),
        ("well", "no answer within"),
    )
    for mode, problem in modes:
        await _problem(liuke, number, "lin", problem)
        await lin.behave(mode)
    await _problem(liuke, number, "emma", "status 503")
    page = await liuke.records.message(number, "ticket.page", "emma")
    assert page
    # As many attempts later, a day and a half.
    await liuke.records.wear_out(page.id, len(WAITS), datetime.now(UTC))

    async def is_dead() -> bool:
        return page.id in {one.id for one in await Outbox(liuke.database).dead()}

    await until(is_dead, "what never arrived is given up")
    await emma.behave("well")
    await liuke.liuke("outbox", "retry", str(page.id))
    told = UNATTENDED + _alarm("outbox.undelivered")
    return [_matter("endpoint down", [grant], 1, told, 1)]


async def _problem(liuke: Installation, ticket: int, who: str, begins: str) -> None:
    async def so() -> bool:
        page = await liuke.records.message(ticket, "ticket.page", who)
        return page is not None and page.problem.startswith(begins)

    await until(so, f"a page at {who} meets {begins!r}", _TRIED_AGAIN_S)


async def nobody_answers(liuke: Installation) -> list[Matter]:
    """The customer hears of a call back; it is kept; they ask again, and nobody comes again."""
    grant = await liuke.grant()
    async with calling(grant) as customer:
        number = (await _reports(liuke, customer)).number
        await customer.reads("calling (Lin|Emma)")  # one may be called while the other is told
        before = customer.now_ms()
        await customer.reads("calls you back within")
        await until(lambda: customer.sounds_after(before), "the promise is heard")
        (promise,) = await liuke.records.promises(number)
        if promise.due_at - promise.promised_at != timedelta(minutes=1):
            raise SceneError(f"The call back is due at {promise.due_at}, not after a minute.")
        reminder = await _link(liuke, "lin", number, 2)
        await answer_page(liuke.url, reminder, "acknowledge")
        await customer.reads("Lin has taken it")
        await customer.reads("somebody will get in touch")  # Lin does not come
        await customer.sends(WANTS_A_PERSON)
        await _has_asked(liuke, number, 2)
    told = _NOBODY + _RINGS + UNATTENDED
    return [_matter("nobody answers", [grant], 2, told, 2)]


async def human_joins(liuke: Installation) -> list[Matter]:
    """Lin comes in time: the clock is met, the assistant is silent, and comes back."""
    hello = await liuke.spoken(COLLEAGUE_SAYS, speaker=1)
    grant = await liuke.grant()
    async with calling(grant) as customer:
        number = (await _reports(liuke, customer)).number
        async with coming(liuke.url, await _link(liuke, "lin", number)) as lin:
            await lin.floor_is("brief")
            await lin.sends("", INTRODUCE_TOPIC)
            await lin.floor_is("human")
            await lin.says(hello)
            await customer.reads("region")
            await _has_answered(liuke, number)
            await customer.silence()
            turns, before = await liuke.records.turns(grant.call_id), customer.now_ms()
            await customer.sends(QUESTION)
            await asyncio.sleep(5)
            if await liuke.records.turns(grant.call_id) != turns:
                raise SceneError("The assistant took up a question while Lin had the customer.")
            if customer.sounds_after(before):
                raise SceneError(f"Somebody spoke while Lin listened: {customer.texts()}")
        await customer.reads("Lin has left")
        await customer.sends(QUESTION)
        await until(lambda: _is_more(liuke, grant.call_id, turns), "the assistant answers again")
    shown = await liuke.liuke("tickets", "show", str(number))
    states = {clock["clock"]: clock["state"] for clock in shown["clocks"]}
    if states["human response"] != "met":
        raise SceneError(f"The first human response is {states['human response']}.")
    return [_matter("human joins", [grant], 1, _LIN, 0)]


async def _has_answered(liuke: Installation, ticket: int) -> None:
    async def said() -> bool:
        events = await liuke.records.events(ticket)
        return any(event.kind == "said" and event.actor == "human" for event in events)

    await until(said, f"a person's words are in ticket {ticket}")


async def _is_more(liuke: Installation, call_id: str, turns: int) -> bool:
    return await liuke.records.turns(call_id) > turns


async def hangs_up_and_calls_again(liuke: Installation) -> list[Matter]:
    """In the middle of a read-back. An account's ticket is found; a guest is new each time."""

    async def hangs_up(grant: Grant) -> int:
        async with calling(grant) as customer:
            await customer.sends(EMERGENCY["en"])
            await customer.reads("ticket")
            return (await _ticket(liuke, grant.call_id)).number

    known = [await liuke.grant("initech")]
    guest = [await liuke.grant()]
    numbers = await asyncio.gather(hangs_up(known[0]), hangs_up(guest[0]))
    known.append(await liuke.grant("initech"))
    guest.append(await liuke.grant())

    async def again(grant: Grant) -> int:
        async with calling(grant) as customer:
            number = (await _reports(liuke, customer)).number
            await customer.reads(str(number))
            page = await answer_page(liuke.url, await _link(liuke, "lin", number), "open")
            if page["call"]["call_id"] != grant.call_id:
                raise SceneError(f"Lin's page to ticket {number} leads to the call before.")
            return number

    found = await asyncio.gather(again(known[1]), again(guest[1]))
    if found[0] != numbers[0] or found[1] == numbers[1]:
        raise SceneError(f"Tickets {numbers} became {found}.")
    return [
        _matter("an account calls again", known, 2, UNATTENDED, 1),
        _matter("a guest, the first call", guest[:1], 1, UNATTENDED, 1),
        _matter("a guest, the second call", guest[1:], 1, UNATTENDED, 1),
    ]


async def worker_killed(liuke: Installation) -> list[Matter]:
    """While people are called. Another process takes it up, and Emma, who waits in the room."""
    grant = await liuke.grant()
    async with calling(grant) as customer:
        number = (await _reports(liuke, customer)).number
        await customer.reads(str(number))
        await customer.sends(WANTS_A_PERSON)
        await _has_asked(liuke, number, 2)
        lost = customer.assistants()
        await liuke.kill_holder(grant.call_id)
        back = asyncio.create_task(customer.assistant_is_back(lost))
        async with coming(liuke.url, await _link(liuke, "emma", number)) as emma:
            await back
            await emma.floor_is("brief")
            await emma.sends("", INTRODUCE_TOPIC)
            await emma.floor_is("human")
            await emma.sends("", HAND_BACK_TOPIC)
            await customer.reads("Emma has handed back")
        await customer.sends(WANTS_A_PERSON)
        await _has_asked(liuke, number, 3)
        await _link(liuke, "emma", number, 2)
    told = _LIN + _EMMA + UNATTENDED
    return [_matter("worker killed", [grant], 3, told, 1)]


async def worker_killed_beside_a_human(liuke: Installation) -> list[Matter]:
    """Lin goes, too, and so does the customer, who calls again: people are called again."""
    grants = [await liuke.grant("umbrella")]
    async with calling(grants[0]) as customer:
        number = (await _reports(liuke, customer)).number
        async with coming(liuke.url, await _link(liuke, "lin", number)) as lin:
            await lin.floor_is("brief")
            await lin.sends("", INTRODUCE_TOPIC)
            await lin.floor_is("human")
            await liuke.kill_holder(grants[0].call_id)
    grants.append(await liuke.grant("umbrella"))
    async with calling(grants[1]) as customer:
        await customer.sends(WANTS_A_PERSON)
        await _has_asked(liuke, number, 2)
        await _link(liuke, "lin", number, 2)
    return [_matter("worker killed beside a person", grants, 2, _LIN + UNATTENDED, 1)]


async def api_killed(liuke: Installation) -> list[Matter]:
    """Before the ticket, while Lin's page is on its way, and again while Emma's is."""
    lin, emma = liuke.receivers["lin"], liuke.receivers["emma"]
    await lin.behave("hangs")
    await emma.behave("hangs")
    grant = await liuke.grant()
    async with calling(grant) as customer:
        await liuke.kill_api()
        number = (await _reports(liuke, customer)).number
        for receiver in (lin, emma):
            await _link(liuke, receiver.name, number)
            await liuke.kill_api()
            await receiver.behave("well")
            await liuke.api_is_back()
        await customer.reads("calls you back within")
    return [_matter("API killed", [grant], 1, UNATTENDED, 1)]


async def clocks_across_restarts(liuke: Installation) -> list[Matter]:
    """Daylight saving, holidays in a pause, a reopening: to the second, also after a restart."""
    policy = read_support(liuke.settings.support_file).policy
    wrong = [line for story in clocks.STORIES for line in story.wrong(policy)]
    await liuke.kill_api()  # whoever tells of them has seen nothing of it happen
    async with liuke.database.transaction() as session:
        numbers = [await clocks.write(session, story) for story in clocks.STORIES]
    await liuke.api_is_back()
    for story, number in zip(clocks.STORIES, numbers, strict=True):
        up = await _told_missed(liuke, number, len(story.up))
        wrong += [
            f"{story.name}: after a restart {clock} was up {up.get(clock)}"
            for clock, at in story.up.items()
            if clock not in up or datetime.fromisoformat(up[clock]) != datetime.fromisoformat(at)
        ]
    await liuke.kill_api()
    await liuke.api_is_back()
    if wrong:
        raise SceneError("; ".join(wrong))
    return [
        Matter(
            story.name,
            [story.key],
            [actor for _, kind, actor, _ in story.events if kind in ("opened", "said")].count(
                "customer"
            ),
            {notice: len(story.up) for notice in _LATE},
        )
        for story in clocks.STORIES
    ]


async def _told_missed(liuke: Installation, ticket: int, clocks: int) -> dict[str, str]:
    """When each of so many clocks of a ticket was up, as those who hear alarms are told."""
    ops = liuke.receivers[ALARMS[0]]
    await until(lambda: len(ops.told(ticket)) >= clocks, f"ticket {ticket} is told to be late")
    return {told["clock"]: told["until"] for told in ops.told(ticket)}


#: Those of a row are played at once; a machine takes four calls.
ACTS: Final = (
    (Scene("shared outage", shared_outage),),
    (
        Scene("paging endpoint down", endpoint_down),
        Scene("nobody answers", nobody_answers),
        Scene("hangs up and calls again", hangs_up_and_calls_again),
    ),
    (
        Scene("human joins", human_joins),
        Scene("worker killed", worker_killed),
        Scene("worker killed beside a human", worker_killed_beside_a_human),
    ),
    (Scene("API killed", api_killed),),
    (Scene("clocks", clocks_across_restarts),),
)
