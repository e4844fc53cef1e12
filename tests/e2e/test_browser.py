"""A customer's call in a real browser: a recorded question as its microphone, its own ears."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from livekit import api, rtc
from playwright.async_api import expect

from agent.rooms.messages import ANSWER_TOPIC, AnswerBegun, CitedEntry
from tests.e2e.browser import ANSWER_TIMEOUT_MS, browser_page, heard_by, microphone
from tests.e2e.conftest import Installation, Questions

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

#: As on a page over plain http, which is no secure context.
INSECURE = "delete Crypto.prototype.randomUUID;"

#: The microphone is unplugged by `__unplug()`, and there is no other.
ONE_MICROPHONE = """
(() => {
  const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const tracks = [];
  let gone = false;
  navigator.mediaDevices.getUserMedia = async (...wishes) => {
    if (gone) throw new DOMException('Requested device not found', 'NotFoundError');
    const stream = await get(...wishes);
    tracks.push(...stream.getAudioTracks());
    return stream;
  };
  window.__unplug = () => {
    gone = true;
    for (const track of tracks) { track.stop(); track.dispatchEvent(new Event('ended')); }
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  };
})();
"""


@pytest.mark.parametrize(
    ("language", "question", "entry", "facts"),
    [
        (
            "zh",
            "我们直播间里回声特别大，应该怎么办？",
            "zh/echo-howling",
            ("耳机", "回声", "消除", "扬声器", "啸叫"),
        ),
        (
            "en",
            "My token has expired. What should I do?",
            "en/token-errors",
            ("token", "server", "expire", "renew"),
        ),
    ],
)
async def test_a_spoken_question_is_answered_with_its_source(
    installation: Installation,
    questions: Questions,
    tmp_path: Path,
    language: str,
    question: str,
    entry: str,
    facts: tuple[str, ...],
) -> None:
    clip = await asyncio.to_thread(questions.say, f"browser-{language}", question)
    # The greeting takes about 6 s; the customer speaks after it.
    file = microphone(tmp_path, 10.0, clip, 60.0)
    async with browser_page(installation.url, file, "zh-CN" if language == "zh" else "en") as page:
        await page.get_by_test_id("start-call").click()
        card = page.get_by_test_id("source-card").first
        await expect(card).to_be_visible(timeout=ANSWER_TIMEOUT_MS)
        await expect(card).to_have_attribute("data-entry-id", entry)
        await expect(page.get_by_test_id("caption-user").first).to_be_visible()
        state = page.get_by_test_id("agent-state")
        await expect(state).to_have_attribute("data-state", "speaking", timeout=ANSWER_TIMEOUT_MS)
        await expect(state).to_have_attribute("data-state", "listening", timeout=ANSWER_TIMEOUT_MS)
        text = (await heard_by(page, installation, tmp_path)).lower()
        assert any(fact in text for fact in facts), text
        await card.click()
        await expect(page.get_by_test_id("source-dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.get_by_test_id("hang-up").click()
        await expect(page.get_by_test_id("call-summary")).to_be_visible()


async def test_the_customer_interrupts(
    installation: Installation, questions: Questions, tmp_path: Path
) -> None:
    question = await asyncio.to_thread(
        questions.say, "browser-zh", "我们直播间里回声特别大，应该怎么办？"
    )
    stop = await asyncio.to_thread(questions.say, "stop", "等一下，先停一下，我想问别的问题。")
    file = microphone(tmp_path, 10.0, question, 4.0, stop, 60.0)
    async with browser_page(installation.url, file, "zh-CN") as page:
        await page.get_by_test_id("start-call").click()
        state = page.get_by_test_id("agent-state")
        await expect(page.get_by_test_id("source-card").first).to_be_visible(
            timeout=ANSWER_TIMEOUT_MS
        )
        await expect(state).to_have_attribute("data-state", "speaking", timeout=ANSWER_TIMEOUT_MS)
        # What was said over it is written down as a second turn, and the first answer as cut short:
        # one that had come to its end by itself would not be.
        await expect(page.get_by_test_id("caption-user").nth(1)).to_be_visible(
            timeout=ANSWER_TIMEOUT_MS
        )
        await expect(page.get_by_test_id("cut")).to_be_visible(timeout=ANSWER_TIMEOUT_MS)


async def test_a_typed_question_is_answered_without_a_microphone(
    installation: Installation,
) -> None:
    async with browser_page(installation.url, None, "en", width=360, script=INSECURE) as page:
        await page.get_by_test_id("start-call").click()
        await expect(page.get_by_test_id("error-message")).to_be_visible(timeout=15_000)
        box = page.get_by_test_id("chat-input")
        await expect(box).to_be_enabled(timeout=30_000)
        await box.fill("My token has expired. What should I do?")
        await page.get_by_test_id("chat-send").click()
        card = page.get_by_test_id("source-card").first
        await expect(card).to_be_visible(timeout=ANSWER_TIMEOUT_MS)
        await expect(card).to_have_attribute("data-entry-id", "en/token-errors")
        fits = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert fits, "the page is wider than a phone"


async def test_the_page_believes_the_assistant_alone(installation: Installation) -> None:
    async with browser_page(installation.url, None, "en") as page:
        async with page.expect_response("**/api/calls") as begun:
            await page.get_by_test_id("start-call").click()
        grant = await (await begun.value).json()
        await expect(page.get_by_test_id("chat-input")).to_be_enabled(timeout=30_000)
        await _forge(installation, grant)
        await page.get_by_test_id("chat-input").fill("My token has expired. What should I do?")
        await page.get_by_test_id("chat-send").click(timeout=30_000)
        await expect(page.get_by_test_id("source-card").first).to_be_visible(
            timeout=ANSWER_TIMEOUT_MS
        )
        await expect(page.get_by_text("Forged")).to_have_count(0)


async def _forge(installation: Installation, grant: dict[str, str]) -> None:
    """Somebody else in the room says what only the assistant may."""
    keys = json.loads((installation.data_dir / "keys.json").read_text())
    token = (
        api.AccessToken(keys["api_key"], keys["api_secret"])
        .with_identity("somebody")
        .with_grants(api.VideoGrants(room_join=True, room=grant["room"]))
    )
    cited = CitedEntry(id="en/forged", title="Forged entry", language="en", version=1, score=1)
    answer = AnswerBegun(
        turn=1,
        question="",
        language="en",
        declined=False,
        acknowledged=False,
        citations=[cited],
    )
    room = rtc.Room()
    await room.connect(grant["livekit_url"], token.to_jwt())
    await room.local_participant.send_text(answer.model_dump_json(), topic=ANSWER_TOPIC)
    await room.local_participant.send_text("Forged words", topic="lk.transcription")
    await room.disconnect()


async def test_a_microphone_that_is_gone_is_told_at_once(
    installation: Installation, tmp_path: Path
) -> None:
    file = microphone(tmp_path, 60.0)
    async with browser_page(installation.url, file, "en", script=ONE_MICROPHONE) as page:
        await page.get_by_test_id("start-call").click()
        await expect(page.get_by_test_id("mute")).to_have_text("Mute", timeout=30_000)
        # The microphone is open and published, and nothing else is to be told meanwhile.
        state = page.get_by_test_id("agent-state")
        await expect(state).not_to_have_attribute("data-state", "calling", timeout=60_000)
        await page.evaluate("__unplug()")
        notice = page.get_by_test_id("error-message")
        await expect(notice).to_have_attribute("data-kind", "microphone_gone", timeout=15_000)
        await expect(page.get_by_test_id("mute")).to_have_text("Use microphone")


@pytest.mark.parametrize(
    ("locale", "heading"), [("zh-CN", "这里还没有内容"), ("en", "Nothing here yet")]
)
async def test_the_console_says_that_nothing_is_behind_it(
    installation: Installation, locale: str, heading: str
) -> None:
    async with browser_page(f"{installation.url}/console", None, locale) as page:
        await expect(page.get_by_role("heading", name=heading)).to_be_visible(timeout=15_000)
        await page.goto(f"{installation.url}/console/calls/42")
        await expect(page.get_by_text("/calls/42")).to_be_visible(timeout=15_000)


async def test_no_call_begins_without_a_text_to_agree_to(installation: Installation) -> None:
    async with browser_page(installation.url, None, "en") as page:
        await page.route("**/api/consent*", lambda route: route.abort())
        await page.reload()
        notice = page.get_by_test_id("error-message")
        await expect(notice).to_have_attribute("data-kind", "consent_unreachable", timeout=15_000)
        await expect(page.get_by_test_id("start-call")).to_be_disabled()
        await page.unroute("**/api/consent*")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_test_id("start-call")).to_be_enabled(timeout=15_000)


async def test_the_page_says_so_when_the_server_is_away(installation: Installation) -> None:
    async with browser_page(installation.url, None, "en") as page:
        await page.route("**/api/calls", lambda route: route.abort())
        await page.get_by_test_id("start-call").click()
        await expect(page.get_by_test_id("error-message")).to_be_visible(timeout=15_000)
