"""Clips for hearing benchmarks: a data folder in, recordings with their texts and error rates out.

A data folder is laid out as `shared/data`: `speech/` and `noise/`, each with a `manifest.tsv` and
its clips. Sentences with domain terms (`eval/questions/terms.jsonl`) are spoken by voices other
than the assistant's; music is made from numbers.

Two texts are compared without case and punctuation, in simplified characters, numbers written one
way (NFKC; digits where `common/numbers/digits.py` puts them, words for single digits): English by
words, Mandarin by characters.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jiwer
import numpy as np
from opencc import OpenCC

from agent.settings import Settings
from agent.speech.contract import HEARING_RATE_HZ
from agent.speech.hear.recording import read_recording
from common.errors import InputError
from common.languages import HAN, Language
from common.numbers.digits import with_digits
from common.settings import PROJECT_ROOT
from eval.audio import Samples, music, pink_noise
from eval.speaking import CUSTOMERS, Speaker, Studio

#: Beside the checkout, where nobody says otherwise.
DATA_DIR = PROJECT_ROOT.parent / "shared" / "data"
TERM_QUESTIONS = PROJECT_ROOT / "eval" / "questions" / "terms.jsonl"

#: Who says the sentences with terms, in turn.
_SPEAKERS = (*CUSTOMERS, Speaker("zm_yunyang", "bf_emma"))
_DIGIT_WORDS: dict[Language, list[str]] = {
    "zh": list("零一二三四五六七八九"),
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
}


@dataclass(frozen=True)
class Clip:
    """What is said (nothing, in a noise), with which terms, and its sound at 16 kHz."""

    name: str
    text: str
    language: Language
    terms: tuple[str, ...]
    samples: Samples

    @property
    def seconds(self) -> float:
        return len(self.samples) / HEARING_RATE_HZ


# Clips


def readings(data: Path) -> list[Clip]:
    """People reading. Raises InputError when the folder is not laid out as it should be."""
    folder = data / "speech"
    return [
        Clip(row["file"], row["text"], _language(row), (), read_recording(folder / row["file"]))
        for row in _manifest(folder, ("file", "lang", "text"))
    ]


def noises(data: Path) -> list[Clip]:
    """Sounds in which nobody speaks: those of the folder, silence, hiss and music made here."""
    rng = np.random.default_rng(0)
    recorded = [
        (row["file"], read_recording(data / "noise" / row["file"]))
        for row in _manifest(data / "noise", ("file",))
    ]
    made = [
        ("silence", np.zeros(5 * HEARING_RATE_HZ, np.float32)),
        ("hiss", (pink_noise(5000, rng) * np.float32(0.05)).astype(np.float32)),
        ("plucked chords", music(5000)),
        ("melody", melody(5.0, rng)),
        ("drums", drums(5.0, rng)),
    ]
    return [Clip(name, "", "en", (), samples) for name, samples in recorded + made]


def term_questions(settings: Settings, *, every: int = 1) -> Iterator[Clip]:
    """Each ``every``-th sentence with domain terms, spoken once and kept in the data directory."""
    rows = [json.loads(line) for line in TERM_QUESTIONS.read_text("utf-8").splitlines()]
    studio = Studio(settings)
    said = [
        (row, speaker)
        for turn, speaker in enumerate(_SPEAKERS)
        for row in rows[turn :: len(_SPEAKERS)]
    ]
    for row, speaker in said[::every]:
        text, language = row["text"], row["language"]
        recording = studio.record(text, language, speaker)
        yield Clip(text, text, language, tuple(row["terms"]), read_recording(recording))


def melody(seconds: float, rng: np.random.Generator) -> Samples:
    """A tune of struck tones, three a second, each with seven overtones that die away."""
    tune = np.zeros(int(seconds * HEARING_RATE_HZ))
    step = HEARING_RATE_HZ // 3
    for start in range(0, len(tune) - step + 1, step):
        time = np.arange(step) / HEARING_RATE_HZ
        pitch = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
        for n in range(1, 8):
            tune[start : start + step] += np.sin(2 * np.pi * pitch * n * time) / n
        tune[start : start + step] *= np.exp(-4 * time)
    return _at_half(tune)


def drums(seconds: float, rng: np.random.Generator) -> Samples:
    """A beat of four a second: a bass drum on every other one, a cymbal on each."""
    beat = np.zeros(int(seconds * HEARING_RATE_HZ))
    step = HEARING_RATE_HZ // 4
    for number, start in enumerate(range(0, len(beat) - step + 1, step)):
        time = np.arange(step) / HEARING_RATE_HZ
        beat[start : start + step] += 0.5 * rng.standard_normal(step) * np.exp(-40 * time)
        if number % 2 == 0:
            falling = 60 * time + 80 * (1 - np.exp(-30 * time)) / 30
            beat[start : start + step] += 2 * np.sin(2 * np.pi * falling) * np.exp(-12 * time)
    return _at_half(beat)


def _at_half(samples: np.ndarray) -> Samples:
    scaled: Samples = (samples / np.abs(samples).max() / 2).astype(np.float32)
    return scaled


def _manifest(folder: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    path = folder / "manifest.tsv"
    remedy = "Give a folder laid out as shared/data: DATA=DIR with speech/ and noise/."
    if not path.is_file():
        raise InputError(f"There is no {path}.", remedy)
    lines = path.read_text("utf-8").splitlines()
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows or not set(columns) <= rows[0].keys():
        raise InputError(f"{path} lacks rows or one of the columns {', '.join(columns)}.", remedy)
    return rows


def _language(row: dict[str, str]) -> Language:
    return "zh" if row["lang"].lower().startswith("zh") else "en"


# Scores


def error_rate(texts: Iterable[tuple[str, str]], language: Language) -> float:
    """Errors per word or character over pairs of (said, heard); 0 when nothing was said."""
    pairs = [(normalised(said, language), normalised(heard, language)) for said, heard in texts]
    said, heard = [a for a, _ in pairs], [b for _, b in pairs]
    if not said:
        return 0.0
    return float(jiwer.cer(said, heard) if language == "zh" else jiwer.wer(said, heard))


def term_recall(clips: Iterable[tuple[Clip, str]]) -> float:
    """Share of the terms that stand in what was heard, written as listed; case does not count."""
    found = [
        term.lower() in simplified(heard).lower() for clip, heard in clips for term in clip.terms
    ]
    return sum(found) / len(found) if found else 0.0


def word_count(text: str) -> int:
    """Words; a Mandarin character counts as one."""
    return len(re.findall(rf"[{HAN}]|[^\W{HAN}]+", text))


def normalised(text: str, language: Language) -> str:
    """Only what the error rates compare: words in English, characters in Mandarin."""
    text = unicodedata.normalize("NFKC", simplified(text)).lower()
    text = with_digits(text, language).lower()
    text = re.sub(r"(?<=\w)['’](?=\w)", "", text)
    text = re.sub(r"(?<=\d)[.,](?=\d)", "", text)
    digit = r"(?<![a-z\d])\d(?![a-z\d])" if language == "zh" else r"\b\d\b"
    text = re.sub(digit, lambda match: _DIGIT_WORDS[language][int(match[0])], text)
    words = re.sub(r"[\W_]", " ", text).split()
    return "".join(words) if language == "zh" else " ".join(words)


def simplified(text: str) -> str:
    """In simplified characters: stock Whisper writes Mandarin in traditional ones at times."""
    converted: str = _converter().convert(text)
    return converted


@cache
def _converter() -> OpenCC:
    return OpenCC("t2s")
