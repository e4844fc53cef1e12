"""Entries for tests of what walks through them, and what a search says that it found."""

from __future__ import annotations

from collections.abc import Sequence

from common.languages import Language
from knowledge.contract import (
    Look,
    Passage,
    PlaybookStep,
    Retrieval,
    SourceEntry,
    language_of_entry,
)


def entry(
    entry_id: str,
    title: str = "",
    *,
    steps: Sequence[str] = (),
    playbook: Sequence[PlaybookStep] = (),
    codes: Sequence[str] = (),
    topic: str = "troubleshooting",
) -> SourceEntry:
    """An entry that says this."""
    return SourceEntry(
        id=entry_id,
        version=3,
        language=language_of_entry(entry_id),
        title=title or entry_id,
        scenario=(),
        region=(),
        topic=topic,
        product=(),
        platform=(),
        error_codes=tuple(codes),
        source="",
        opening="",
        body="",
        sections=(),
        steps=tuple(steps),
        names={},
        playbook=tuple(playbook),
    )


def step(name: str, say: str, *looks: tuple[str, str], otherwise: str) -> PlaybookStep:
    """A step; each look: "yes", "no" or a word, and where that leads."""
    read = [
        Look("yes" if sign == "yes" else "no" if sign == "no" else None, _words(sign), place)
        for sign, place in looks
    ]
    return PlaybookStep(name, say, tuple(read), otherwise)


def _words(sign: str) -> tuple[str, ...]:
    return () if sign in ("yes", "no") else (sign,)


def found(
    *entries: SourceEntry, scores: Sequence[float] = (0.9, 0.1), supported: bool = True
) -> Retrieval:
    """What a search found, best first."""
    passages = tuple(
        Passage(one.id, one.title, one.language, "", "", one.version, score)
        for one, score in zip(entries, scores, strict=False)
    )
    best = entries[0] if entries and supported else None
    return Retrieval(passages, supported and best is not None, None, {}, best)


NOTHING = found()

#: A playbook of an entry that there is in both languages, and one without.
CORPUS: dict[str, SourceEntry] = {
    one.id: one
    for one in (
        entry(
            "zh/echo-howling",
            "回声和啸叫怎么消除",
            playbook=[
                step("room", "同一个房间里有几台设备吗？", ("yes", "mute"), otherwise="headphones"),
                step("mute", "请只留一台开着。好了吗？", ("yes", "solved"), otherwise="headphones"),
                step(
                    "headphones",
                    "请对面戴上耳机。回声没了吗？",
                    ("蓝牙", "entry:bluetooth"),
                    ("yes", "solved"),
                    otherwise="person",
                ),
            ],
        ),
        entry(
            "en/echo-howling",
            "Echo and howling",
            playbook=[
                step("room", "Are several in one room?", ("yes", "mute"), otherwise="headphones"),
                step("mute", "Keep one. Is it gone?", ("yes", "solved"), otherwise="headphones"),
                step(
                    "headphones",
                    "Have the other end put on headphones. Is it gone?",
                    ("bluetooth", "entry:bluetooth"),
                    ("yes", "solved"),
                    otherwise="person",
                ),
            ],
        ),
        entry(
            "zh/bluetooth",
            "蓝牙耳机",
            playbook=[
                step("profile", "重连。好了吗？", ("yes", "solved"), otherwise="entry:echo-howling")
            ],
        ),
        entry(
            "zh/stall-rate",
            "卡顿率高怎么办",
            steps=["先记下时段和机型。", "先降码率。"],
            topic="stability",
        ),
        entry(
            "en/stall-rate",
            "Stutter, freezes and choppy sound",
            steps=["Note time and device.", "Lower the bitrate first."],
            topic="stability",
        ),
        entry("zh/weak-network", steps=["请先关掉高清。"], topic="network"),
        entry("zh/black-screen", "黑屏、没有画面", steps=["先看摄像头。"]),
        entry("zh/frozen-picture", "画面定住不动", steps=["取消订阅，再订阅。"]),
        entry("zh/join-failure", "加入房间失败", steps=["看错误码。"], topic="access"),
        entry("zh/token-renewal", "续期", steps=["到期前换。"], codes=["109"], topic="access"),
        entry("en/token-renewal", "Renewing", steps=["Renew it."], codes=["109"], topic="access"),
        entry("en/join-failure", "Cannot join", steps=["Read the code."], topic="access"),
        entry("zh/indonesia", "印尼上线", steps=["登记。"], topic="global"),
        entry("en/indonesia", "Going live in Indonesia", steps=["Register."], topic="global"),
    )
}  # fmt: skip


async def find(entry_id: str) -> SourceEntry | None:
    """An entry of this corpus."""
    return CORPUS.get(entry_id)


def title(subject: str, language: Language) -> str:
    """What an entry is called."""
    return CORPUS[f"{language}/{subject}"].title
