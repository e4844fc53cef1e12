"""A customer's call in a real browser: a recorded question as its microphone, its own ears."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from livekit import api, rtc
from playwright.async_api import Page, async_playwright, expect

from agent.rooms.messages import ANSWER_TOPIC, AnswerBegun, CitedEntry
from tests.e2e.conftest import Installation, Questions

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

MICROPHONE_RATE_HZ = 48_000
#: A slow machine's model may need this long for an answer.
ANSWER_TIMEOUT_MS = 90_000

#: Records what the page receives: every audio element's stream, as 16-bit samples.
EARS = """
(() => {
  const context = new AudioContext({ sampleRate: 16000 });
  const chunks = [];
  const heard = new WeakSet();
  window.__ears = () => {
    const all = new Int16Array(chunks.reduce((n, c) => n + c.length, 0));
    let at = 0;
    for (const chunk of chunks) { all.set(chunk, at); at += chunk.length; }
    let text = '';
    const bytes = new Uint8Array(all.buffer);
    for (let i = 0; i < bytes.length; i += 32768) {
      text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    }
    return btoa(text);
  };
  setInterval(() => {
    for (const element of document.querySelectorAll('audio')) {
      const stream = element.srcObject;
      if (!stream || heard.has(stream) || !stream.getAudioTracks().length) continue;
      heard.add(stream);
      const tap = context.createScriptProcessor(4096, 1, 1);
      tap.onaudioprocess = (event) => {
        const samples = event.inputBuffer.getChannelData(0);
        chunks.push(Int16Array.from(samples, (x) => Math.max(-1, Math.min(1, x)) * 32767));
      };
      context.createMediaStreamSource(stream).connect(tap);
      tap.connect(context.destination);
    }
  }, 100);
})();
"""


#: Notes what the page's own content policy refuses it.
REFUSALS = """
window.__refused = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.__refused.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""

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


def microphone(folder: Path, *parts: Path | float) -> Path:
    """A file for Chromium's fake microphone: clips and silences (seconds), 48 kHz."""
    samples = [np.zeros(0)]
    for part in parts:
        if isinstance(part, Path):
            clip, rate = soundfile.read(part)
            at = np.arange(int(len(clip) * MICROPHONE_RATE_HZ / rate)) * rate / MICROPHONE_RATE_HZ
            samples.append(np.interp(at, np.arange(len(clip)), clip))
        else:
            samples.append(np.zeros(int(part * MICROPHONE_RATE_HZ)))
    path = folder / "microphone.wav"
    soundfile.write(path, np.concatenate(samples), MICROPHONE_RATE_HZ, subtype="PCM_16")
    return path


@asynccontextmanager
async def browser_page(
    url: str, microphone_file: Path | None, locale: str, *, width: int = 390, script: str = ""
) -> AsyncIterator[Page]:
    """The call page, with ``script`` run before its own; without a file the microphone is refused.

    Its content policy must refuse it nothing.
    """
    chromium = shutil.which("chromium")
    assert chromium, "the browser tests need Chromium: apt-get install chromium"
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-device-for-media-stream",
    ]
    if microphone_file:
        arguments += [
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone_file}%noloop",
        ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        context = await browser.new_context(locale=locale, viewport={"width": width, "height": 844})
        page = await context.new_page()
        await page.add_init_script(EARS + REFUSALS + script)
        await page.goto(url)
        yield page
        assert await page.evaluate("__refused") == []
        await browser.close()


async def heard_by(page: Page, installation: Installation, folder: Path) -> str:
    """What the page has received so far, transcribed."""
    pcm = np.frombuffer(base64.b64decode(await page.evaluate("__ears()")), dtype="<i2")
    path = folder / "heard.wav"
    soundfile.write(path, pcm, 16_000)
    report = await asyncio.to_thread(installation.report, "transcribe", str(path))
    return str(report["text"])


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
