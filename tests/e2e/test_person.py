"""A person comes when called: two browsers in one call, a page that was delivered between them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import ANSWER_TIMEOUT_MS, MOUTH, browser_page, heard_by, say
from tests.e2e.conftest import Installation, Pager, Questions

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

EMERGENCY = "Our whole service is down, all users cannot join, it is an emergency!"
HUMAN_SAYS = "Hello, I am the engineer on duty. Which region are your users in?"
CUSTOMER_SAYS = "They are all in Singapore and Indonesia."


async def test_an_emergency_brings_a_person_into_the_call(
    installation: Installation, pager: Pager, questions: Questions, tmp_path: Path
) -> None:
    clips = {
        name: await asyncio.to_thread(questions.say, name, text)
        for name, text in (
            ("emergency", EMERGENCY),
            ("human", HUMAN_SAYS),
            ("customer", CUSTOMER_SAYS),
        )
    }
    async with browser_page(installation.url, None, "en", script=MOUTH) as customer:
        await customer.get_by_test_id("start-call").click()
        state = customer.get_by_test_id("agent-state")
        await expect(state).to_have_attribute("data-state", "speaking", timeout=60_000)
        await expect(state).to_have_attribute("data-state", "listening", timeout=60_000)
        await say(customer, clips["emergency"])
        person = customer.get_by_test_id("ticket-person")
        await expect(person).to_have_attribute("data-state", "calling", timeout=30_000)
        number = int(await customer.get_by_test_id("ticket-card").get_attribute("data-number") or 0)
        page = await asyncio.to_thread(pager.page_of, number)
        assert page["severity"] == 1
        async with browser_page(page["link"], None, "en", width=1200, script=MOUTH) as human:
            await expect(human.get_by_test_id("join-transcript")).to_contain_text("service is down")
            await human.get_by_test_id("join-call").click()
            await expect(person).to_have_attribute("data-state", "here", timeout=30_000)
            await _told_alone(human)
            alone = await heard_by(human, installation, tmp_path)
            assert "guest" in alone.lower() and "when you are ready" in alone.lower(), alone
            for speaker, listener, words in (
                (human, customer, "region"),
                (customer, human, "Singapore"),
            ):
                await say(speaker, clips["human" if speaker is human else "customer"])
                await expect(listener.get_by_text(words).first).to_be_visible(timeout=30_000)
            told = await heard_by(customer, installation, tmp_path)
            assert "region" in told.lower() and "are ready" not in told.lower(), told
            await human.get_by_test_id("hand-back").click()
            await expect(person).not_to_have_attribute("data-state", "here", timeout=30_000)
            await expect(customer.get_by_text("handed back").first).to_be_visible(
                timeout=ANSWER_TIMEOUT_MS
            )
            await customer.get_by_test_id("hang-up").click()
            await _called_back(customer, human)
            await say(human, clips["human"])
            await expect(customer.get_by_text("region").first).to_be_visible(timeout=30_000)
            await customer.get_by_test_id("hang-up").click()
    record = await asyncio.to_thread(installation.report, "tickets", "show", str(number))
    clocks = {clock["clock"]: clock["state"] for clock in record["clocks"]}
    assert clocks["human response"] == "met"


async def _called_back(customer: Page, human: Page) -> None:
    """Who had the ticket rings in the page of the customer, who has left, and is answered."""
    await human.get_by_test_id("ring-customer").click(timeout=30_000)
    await customer.get_by_test_id("answer-call").click(timeout=30_000)
    await expect(human.get_by_test_id("join-state")).to_have_attribute(
        "data-state", "in_room", timeout=60_000
    )
    # They are introduced without having asked, or been told anything.
    await expect(human.get_by_test_id("introduce-me")).to_have_count(0, timeout=30_000)
    person = customer.get_by_test_id("ticket-person")
    await expect(person).to_have_attribute("data-state", "here", timeout=30_000)


async def _told_alone(human: Page) -> None:
    """Wait until the person has been told what it is about, and is introduced."""
    introduce = human.get_by_test_id("introduce-me")
    await expect(introduce).to_be_visible(timeout=30_000)
    await expect(introduce).to_have_count(0, timeout=60_000)
