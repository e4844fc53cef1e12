"""What the voice benchmark asks, what counts as an answer, and how it sums up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.probe.audio import Span
from agent.probe.report import TurnReport
from agent.prompts import load_phrases
from common.errors import InputError, SetupError
from common.languages import Language
from common.settings import PROJECT_ROOT
from eval.report import write_report
from eval.voice import bench as bench_voice
from eval.voice.questions import (
    QUESTIONS_DIR,
    Question,
    clip_questions,
    corpus_questions,
    customers_wordings,
    make_plan,
)
from eval.voice.scores import Asked, Known, Run, details, judge, plots, stages, summarise
from knowledge.entries.entry import read_corpus

pytestmark = pytest.mark.unit

CORPUS_DIR = PROJECT_ROOT / "knowledge" / "corpus"
OPENING = "Turn on echo cancellation first."
KNOWN = Known((OPENING,), {"Let me check that.": 900.0})
ANSWER = "Use a headset."


def question(text: str = "Why is there an echo?", language: Language = "en") -> Question:
    return Question(text, language, own_wording=True)


def turn(*sounds_ms: tuple[int, int], answer: str = ANSWER, **more: Any) -> TurnReport:
    """A turn whose speech lasts from 0 to 1000 ms."""
    speech = Span(0, 1000)
    sounds = tuple(Span(*sound) for sound in sounds_ms)
    fields: dict[str, Any] = {
        "file": "q.wav",
        "transcript": "",
        "answer": answer,
        "language": "en",
        "declined": False,
        "interrupted": False,
        "citations": (),
        "timings_ms": {},
        "speech": speech,
        "answer_heard": Span(sounds[0].start_ms, sounds[-1].end_ms) if sounds else None,
        "end_of_turn_ms": None,
        "first_token_ms": None,
        "first_audio_ms": sounds[0].start_ms - speech.end_ms if sounds else None,
        "talked_over_ms": 0.0,
        "sounds": sounds,
    }
    return TurnReport(**fields | more)


def asked(of: Question, ms: float, *, failure: str | None = None, **more: Any) -> Asked:
    heard = turn((1000 + round(ms), 9000), declined=more.pop("declined", False))
    return Asked(of, 1, failure, heard, voice_to_voice_ms=ms, **more)


# --- what is asked


def test_half_are_mandarin_half_in_words_of_the_customers_own_and_none_comes_twice() -> None:
    plan = make_plan(
        corpus_questions(read_corpus(CORPUS_DIR), customers_wordings(QUESTIONS_DIR)), quick=False
    )
    assert Counter(q.language for q in plan.single) == {"zh": 12, "en": 12}
    for language in ("zh", "en"):
        mine = [q.own_wording for q in plan.single if q.language == language]
        assert Counter(mine) == {True: 6, False: 6}
    everything = [*plan.warm_up, *plan.single, *plan.crowded]
    assert len(set(everything)) == len(everything) == 2 + 24 + 12


def test_a_quick_plan_asks_six() -> None:
    plan = make_plan(
        corpus_questions(read_corpus(CORPUS_DIR), customers_wordings(QUESTIONS_DIR)), quick=True
    )
    assert Counter(q.language for q in plan.single) == {"zh": 3, "en": 3}
    assert not plan.crowded


def test_a_corpus_without_questions_says_where_to_add_some() -> None:
    with pytest.raises(SetupError, match="questions"):
        make_plan([], quick=False)


def manifest(folder: Path, rows: Sequence[str]) -> Path:
    (folder / "speech").mkdir()
    (folder / "speech" / "manifest.tsv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def test_clips_of_others_are_asked_in_the_languages_we_speak(tmp_path: Path) -> None:
    rows = ["file\tlang\ttext", "en/a.wav\ten\tHello", "zh/b.wav\tzh\t你好", "c.wav\tfr\tAllô"]
    clips = clip_questions(manifest(tmp_path, rows))
    assert [(c.text, c.language) for c in clips] == [("你好", "zh"), ("Hello", "en")]
    assert clips[1].clip == tmp_path / "speech" / "en" / "a.wav"


def test_a_single_language_is_enough_and_is_asked_again_where_clips_run_out() -> None:
    clips = [Question(str(n), "en", None, Path(f"{n}.wav")) for n in range(5)]
    plan = make_plan(clips, quick=False)
    assert list(plan.single) == clips
    assert set(plan.crowded) <= set(clips)


@pytest.mark.parametrize("rows", [["file\tlang\ttext"], ["name\ttext", "a.wav\thello"]])
def test_a_list_without_clips_says_what_it_needs(tmp_path: Path, rows: list[str]) -> None:
    with pytest.raises(InputError, match=r"manifest\.tsv"):
        clip_questions(manifest(tmp_path, rows))


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.tsv"):
        clip_questions(tmp_path)


# --- what counts as an answer


def test_an_answer_is_timed_from_the_end_of_the_question_with_its_gaps() -> None:
    judged = judge(question(), turn((1500, 2000), (2250, 3000), (3900, 4500)), KNOWN, 1)
    assert judged.failure is None
    assert judged.voice_to_voice_ms == 500
    assert judged.gaps_ms == (250, 900)
    assert not judged.with_opening


def test_a_sentence_that_asks_to_wait_is_not_the_answer_yet() -> None:
    heard = turn((1800, 2700), (4700, 6000), (6400, 7000), answer=f"Let me check that. {ANSWER}")
    judged = judge(question(), heard, KNOWN, 1)
    assert judged.acknowledged
    assert judged.voice_to_voice_ms == 3700
    assert judged.gaps_ms == (400,)


def test_asking_to_wait_and_then_nothing_is_no_answer() -> None:
    judged = judge(question(), turn((1800, 2700), answer="Let me check that."), KNOWN, 1)
    assert judged.failure == "no answer"


@pytest.mark.parametrize("before", ["", "Let me check that. "])
def test_an_answer_begins_with_an_approved_opening_or_with_other_words(before: str) -> None:
    opened = turn((1500, 2400), (2800, 5000), answer=f"{before}{OPENING} {ANSWER}")
    other = turn((1500, 2400), (2800, 5000), answer=f"{before}{ANSWER} {OPENING}")
    assert judge(question(), opened, KNOWN, 1).with_opening
    assert not judge(question(), other, KNOWN, 1).with_opening


@pytest.mark.parametrize(
    ("heard", "failure"),
    [
        (turn(), "no answer"),
        (turn((700, 3000)), "talked over"),
        (turn((1500, 3000), talked_over_ms=120), "talked over"),
        (turn((1500, 3000), answer="请先打开回声消除。"), "wrong language"),
        (turn((1500, 3000), answer=load_phrases()["en"].not_understood), "not understood"),
        (turn((1500, 3000), answer=load_phrases()["en"].not_working), "not understood"),
    ],
)
def test_what_is_no_proper_answer(heard: TurnReport, failure: str) -> None:
    assert judge(question(), heard, KNOWN, 1).failure == failure


# --- how it sums up


def test_stages_are_what_was_measured_and_what_is_left() -> None:
    timings = {
        "transcription": 150,
        "end_of_turn": 300,
        "retrieval": 40,
        "first_token": 190,
        "first_audio": 20,
        "answer_latency": 420,
    }
    heard = turn((1550, 3000), timings_ms=timings)
    common = {
        "stt": 150,
        "end_pointing": 300,
        "retrieval": 40,
        "first_audio": 20,
        "transport": 130,
    }
    assert stages("stock", heard) == common | {"first_token": 190}
    assert stages("liuke", heard) == common | {"first_token": 150}
    assert stages("liuke", turn((1550, 3000))) == {}


def test_failures_are_counted_but_no_part_of_a_time() -> None:
    run = Run([asked(question("a"), 400), asked(question("b"), 9000, failure="wrong language")])
    assert summarise({"liuke": run})["liuke"]["voice_to_voice_ms"]["p50"] == 400
    counts = details({"liuke": run})["counts"]["liuke"]
    assert (counts["questions"], counts["failed"]) == (2, 1)
    assert [row["failure"] for row in details({"liuke": run})["questions"]] == [
        "",
        "wrong language",
    ]


def test_answers_without_an_opening_are_compared_on_the_same_questions() -> None:
    opened, own, declined = question("a"), question("b"), question("c")
    result = summarise(
        {
            "liuke": Run(
                [
                    asked(opened, 500, with_opening=True),
                    asked(own, 2000),
                    asked(declined, 600, declined=True),
                ]
            ),
            "stock": Run([asked(opened, 9000), asked(own, 5000), asked(declined, 7000)]),
        }
    )
    assert result["ratio"] == pytest.approx(7000 / 600, abs=0.01)
    assert result["without_opening"]["voice_to_voice_ms"]["p50"] == 2000
    assert result["without_opening"]["ratio"] == 2.5


def test_gaps_tell_the_pauses_of_the_voice_from_those_it_did_not_mean() -> None:
    run = Run([asked(question(), 400, gaps_ms=(200, 320, 400, 1200))])
    gaps = summarise({"liuke": run})["liuke"]["gap_ms"]
    assert gaps["longest"] == 1200
    assert gaps["over_350"] == 2
    assert gaps["p95"] == pytest.approx(1080, abs=1)


def test_a_stack_that_was_not_measured_leaves_no_figures_and_no_ratio() -> None:
    result = summarise({"liuke": Run([asked(question(), 400)])})
    assert "stock" not in result
    assert result["ratio"] is None
    assert result["liuke"]["stages_ms"]["stt"] == {"p50": None, "p95": None}


def test_languages_and_calls_at_once_are_told_apart() -> None:
    zh = asked(question("回声", "zh"), 600)
    run = Run([asked(question(), 400), zh], {2: [asked(question("x"), 900), zh]})
    found = details({"liuke": run, "stock": Run([asked(question(), 5000)])})
    assert found["by_language"]["zh"] == {
        "liuke": {"p50": 600, "p95": 600},
        "stock": {"p50": None, "p95": None},
    }
    assert found["calls_at_once"]["1"]["voice_to_voice_ms"]["p50"] == 500
    assert found["calls_at_once"]["2"]["questions"] == 2


def test_the_page_shows_both_stacks_and_every_question(tmp_path: Path) -> None:
    silent = Asked(question("nobody there"), 1, failure="The assistant did not join.")
    runs: dict[Any, Run] = {
        "liuke": Run([asked(question(), 400)], {2: [asked(question("x"), 900)], 4: [silent]}),
        "stock": Run([silent]),
    }
    page = write_report(
        tmp_path, "voice", "Voice to voice", summarise(runs) | details(runs), plots(runs)
    )
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 3
    assert "nobody there" in text
    assert "The assistant did not join." in text


# --- several calls at once


class Listener:
    """Takes the place of the customer: notes who would be asked what."""

    def __init__(self) -> None:
        self.calls: list[list[Question]] = []

    async def ask_all(
        self, questions: Sequence[Question], *, per_call: int, calls_at_once: int
    ) -> list[Asked]:
        self.calls.append(list(questions))
        return [Asked(q, calls_at_once, failure=None) for q in questions]


async def test_calls_at_once_ask_questions_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_voice, "DIALLING_APART_S", 0.0)
    plan = make_plan(
        corpus_questions(read_corpus(CORPUS_DIR), customers_wordings(QUESTIONS_DIR)), quick=False
    )
    listener = Listener()
    for calls in bench_voice.CROWDS:
        asked = await bench_voice.crowd(listener, plan.crowded, calls)
        assert len(asked) == 2 * calls
        assert {each.calls_at_once for each in asked} == {calls}
    assert [{q.language for q in call} for call in listener.calls] == [{"zh"}, {"en"}] * 3
    everything = [q for call in listener.calls for q in call]
    assert sorted(q.text for q in everything) == sorted(q.text for q in plan.crowded)
