"""What is said for a written text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.speech.say.lexicon import load_lexicon
from agent.speech.say.spoken import spoken
from common.errors import SetupError
from common.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("请检查 UDP 端口 4000", "请检查 U-D-P 端口四千"),
        ("打开 SDK 的 AEC 开关", "打开 S-D-K 的 A-E-C 开关"),
        ("走443的TLS中转", "走四四三的T-L-S中转"),
        ("端口 80/443", "端口八十、四四三"),
        ("动态端口49152到65535", "动态端口四九一五二到六五五三五"),
        ("错误码 110", "错误码一一零"),
        ("SDK报109，请重试", "S-D-K报一零九，请重试"),
        ("RFC 7874第5节", "R-F-C 七八七四第五节"),
        ("600 ms", "六百毫秒"),
        ("600ms以内", "六百毫秒以内"),
        ("低于 1%。", "低于百分之一。"),
        ("99.9%", "百分之九十九点九"),
        ("1%-2%", "百分之一到百分之二"),
        ("丢包 ≥ 5%", "丢包不低于百分之五"),
        ("1080p 或 720P", "一零八零 P 或七二零 P"),
        ("7×24 小时", "七乘二十四小时"),
        ("24/7", "七乘二十四"),
        ("2-3 天", "两到三天"),
        ("5 到 7 倍", "五到七倍"),
        ("2 个，第 2 步，12 个，2000 路", "两个，第二步，十二个，两千路"),
        ("H.264", "H 二六四"),
        ("1v1", "一对一"),
        ("10:30", "十点三十分"),
        ("2:05", "两点零五分"),
        ("16:9", "十六比九"),
        ("3.5 秒", "三点五秒"),
        ("50 kbps", "五十千比特每秒"),
        ("版本 1.13.5", "版本一点十三点五"),
        ("192.168.1.1", "一九二点一六八点一点一"),
        ("2026-11-23", "二零二六年十一月二十三日"),
        ("-5 dB", "负五分贝"),
        ("200+ 国家", "两百多国家"),
        ("1,000 元", "一千元"),
        ("1/3 的用户", "三分之一的用户"),
        ("MP4 和 4K", "M-P 四和四 K"),
        ("１０ 秒", "十秒"),
    ],
)
def test_mandarin(written: str, said: str) -> None:
    assert spoken(written, "zh") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("within 600 ms", "within 600 milliseconds"),
        ("1 ms", "1 millisecond"),
        ("1%", "1 percent"),
        ("99.9%", "99 point nine percent"),
        ("port 443", "port four four three"),
        ("port 4000", "port 4000"),
        ("error 110", "error one one zero"),
        ("H.264", "H two six four"),
        ("TURN/TLS", "turn over T-L-S"),
        ("STUN/TURN", "stun, turn"),
        ("24/7", "24 7"),
        ("5-7x", "5 to 7 times"),
        ("2-3 days", "2 to 3 days"),
        ("at 10:30", "at 10 30"),
        ("10:05", "10 oh 5"),
        ("1080p", "10 80 P"),
        ("50 kbps", "50 kilobits per second"),
        ("1,000 users", "1000 users"),
        ("$5/month", "5 dollars per month"),
        ("SDKs and WebRTC", "S-D-Ks and web R-T-C"),
        ("e.g. GDPR", "for example G-D-P-R"),
        ("A token isn't real-time.", "A token isn't real-time."),
    ],
)
def test_english(written: str, said: str) -> None:
    assert spoken(written, "en") == said


def test_markup_is_not_read_out() -> None:
    text = "## 步骤\n1. **打开** `joinChannel`\n- 见 [文档](https://a.b/c)"
    assert spoken(text, "zh") == "步骤。第一，打开 join Channel。见文档"
    assert spoken("Run this:\n```\nrm -rf x\n```", "en") == "Run this:"
    assert spoken("See https://docs.example.com/a/b?c=1.", "en") == "See docs dot example dot com."
    assert spoken("好的👍🏻，没问题😀！", "zh") == "好的，没问题！"
    assert spoken("（重要）请“重连”", "zh") == "重要，请重连"


@pytest.mark.parametrize("nothing", ["", "  \n", "😀", "**", "——", "。"])
def test_nothing_to_say(nothing: str) -> None:
    assert spoken(nothing, "zh") == ""
    assert spoken(nothing, "en") == ""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_said_stays_as_it_is(language: str) -> None:
    """Clauses may pass twice: words and spelled letters are not changed again."""
    text = "检查 UDP 端口，600 ms，WebRTC" if language == "zh" else "Check UDP, 600 ms, WebRTC"
    once = spoken(text, language)  # type: ignore[arg-type]
    assert spoken(once, language) == once  # type: ignore[arg-type]


def test_an_operator_can_extend_the_lexicon(tmp_path: Path) -> None:
    shipped = Path(load_lexicon.__wrapped__.__globals__["_FILE"]).read_text("utf-8")
    file = tmp_path / "lexicon.toml"
    file.write_text(shipped.replace("[say]\n", '[say]\n"ACME" = "ack me"\n'), "utf-8")
    assert spoken("Use ACME now", "en", load_lexicon(file)) == "Use ack me now"
    assert spoken("Use ACME now", "en") == "Use A-C-M-E now"


def test_a_wrong_lexicon_names_the_entry(tmp_path: Path) -> None:
    shipped = Path(load_lexicon.__wrapped__.__globals__["_FILE"]).read_text("utf-8")
    file = tmp_path / "lexicon.toml"
    file.write_text(shipped.replace('"chong2 lian2"', '"chong2"'), "utf-8")
    with pytest.raises(SetupError, match="重连"):
        load_lexicon(file)
    file.write_text("[say", "utf-8")
    with pytest.raises(SetupError, match=r"lexicon\.toml"):
        load_lexicon(file)


def test_the_lexicon_reads_the_same_in_every_process() -> None:
    """The speech cache's keys hold it: audio made at set-up must be found by later processes."""
    program = "from agent.speech.say.lexicon import load_lexicon; print(repr(load_lexicon()))"
    readings = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(readings) == 1
