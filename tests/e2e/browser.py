"""Pages in a real browser: what they hear, what they say, and what their policy refuses them."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import soundfile
from playwright.async_api import Page, async_playwright

from tests.e2e.conftest import Installation

MICROPHONE_RATE_HZ = 48_000
#: A slow machine's model may need this long for an answer.
ANSWER_TIMEOUT_MS = 90_000

#: Records what the page receives: all audio elements' streams together, as 16-bit samples.
EARS = """
(() => {
  const context = new AudioContext({ sampleRate: 16000 });
  const chunks = [];
  const tap = context.createScriptProcessor(4096, 1, 1);
  tap.onaudioprocess = (event) => {
    const samples = event.inputBuffer.getChannelData(0);
    chunks.push(Int16Array.from(samples, (x) => Math.max(-1, Math.min(1, x)) * 32767));
  };
  tap.connect(context.destination);
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
      context.createMediaStreamSource(stream).connect(tap);
    }
  }, 100);
})();
"""


#: The microphone says what `__say(base64 of a WAV file)` is given, and is silent before and after.
MOUTH = """
(() => {
  const context = new AudioContext();
  const mouth = context.createMediaStreamDestination();
  navigator.mediaDevices.getUserMedia = async () => mouth.stream.clone();
  window.__say = async (wav) => {
    await context.resume();
    const bytes = Uint8Array.from(atob(wav), (c) => c.charCodeAt(0));
    const speech = context.createBufferSource();
    speech.buffer = await context.decodeAudioData(bytes.buffer);
    speech.connect(mouth);
    const over = new Promise((resolve) => { speech.onended = resolve; });
    speech.start();
    await over;
  };
})();
"""

#: Notes what the page's own content policy refuses it.
REFUSALS = """
window.__refused = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.__refused.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`);
});
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
        # As whoever closes a tab does: a browser that is gone without a word keeps its place.
        await page.goto("about:blank")
        await browser.close()


async def heard_by(page: Page, installation: Installation, folder: Path) -> str:
    """What the page has received so far, transcribed."""
    pcm = np.frombuffer(base64.b64decode(await page.evaluate("__ears()")), dtype="<i2")
    path = folder / "heard.wav"
    soundfile.write(path, pcm, 16_000)
    report = await asyncio.to_thread(installation.report, "transcribe", str(path))
    return str(report["text"])


async def say(page: Page, clip: Path) -> None:
    """Speak into the microphone of a page that has a `MOUTH`; returns at the end of the speech."""
    wav = await asyncio.to_thread(clip.read_bytes)
    await page.evaluate("wav => __say(wav)", base64.b64encode(wav).decode())
