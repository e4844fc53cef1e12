"""Domain terms with and without: spoken questions in, how many of their terms are heard right out.

`python -m eval.terms` hears `eval/questions/terms.jsonl`, spoken by voices other than the
assistant's, with and without the terms in the recogniser's prompt, and counts before and after
mending; and the same on recordings of people who say no terms, where errors must not become more.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soundfile

from agent.settings import PROJECT_ROOT, Language, Settings
from agent.speech.clauses import split_clauses
from agent.speech.digits import with_digits
from agent.speech.hearing import Samples, Whisper
from agent.speech.lexicon import load_lexicon
from agent.speech.recording import read_recording
from agent.speech.spoken import spoken
from agent.speech.terms import Terms, load_terms
from agent.speech.transcript import SPEAKING_RATE_HZ
from agent.speech.voice import Voice
from eval.audio import mixed, pink_noise

QUESTIONS = PROJECT_ROOT / "eval" / "questions" / "terms.jsonl"
#: Who asks, in turn: Mandarin and English.
VOICES = (("zf_xiaoyi", "af_bella"), ("zm_yunxi", "am_michael"), ("zm_yunyang", "bf_emma"))
#: Before and behind each clip, seconds: what a call's voice activity detection leaves.
_PADDING_S = 0.3


@dataclass(frozen=True)
class Clip:
    """What is said, in which language, with which terms, and its sound."""

    text: str
    language: Language
    terms: tuple[str, ...]
    samples: Samples


class _Unmended:
    """The terms as the recogniser is told them, or only the prompt's first words."""

    def __init__(self, terms: Terms, *, shown: bool) -> None:
        self._terms = terms
        self._shown = shown

    def prompt(self, language: Language) -> str:
        prompt = self._terms.prompt(language)
        return prompt if self._shown else prompt[: max(map(prompt.find, ("：", ":"))) + 1]

    def mend(self, text: str, language: Language) -> str:
        return text


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=PROJECT_ROOT.parent / "shared" / "data")
    parser.add_argument("--noise-db", type=float, help="Signal-to-noise ratio of added noise.")
    parser.add_argument("--misses", action="store_true", help="Also list what was not heard.")
    options = parser.parse_args()
    settings = Settings()
    terms = load_terms(settings)
    questions = list(_questions(settings, options.noise_db))
    readings = list(_readings(options.data / "speech"))
    result: dict[str, Any] = {}
    for name, shown in (("without prompt", False), ("with prompt", True)):
        unmended: Any = _Unmended(terms, shown=shown)
        folder = settings.paths.cache_dir / "models" / "whisper-base"
        whisper = Whisper(folder, settings.speech.model_threads, unmended)
        heard = [(clip, *_hear(whisper, terms, clip)) for clip in questions]
        read = [(clip, *_hear(whisper, terms, clip)) for clip in readings]
        result[name] = _scores(heard, read)
        if options.misses and shown:
            result["misses"] = [
                {"said": clip.text, "heard": raw, "mended": mended, "missed": missed}
                for clip, raw, mended in heard
                if (missed := [term for term in clip.terms if not _has(mended, term)])
            ]
    print(json.dumps(result, ensure_ascii=False, indent=1))


def _questions(settings: Settings, noise_db: float | None) -> Iterator[Clip]:
    """The sentences with terms, spoken once and kept."""
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    folder = settings.paths.data_dir / "bench" / "spoken"
    folder.mkdir(parents=True, exist_ok=True)
    for turn, (zh, en) in enumerate(VOICES):
        voice: Voice | None = None
        names: dict[Language, str] = {"zh": zh, "en": en}
        for row in rows[turn :: len(VOICES)]:
            text, language = row["text"], row["language"]
            key = hashlib.sha256(f"{names[language]}\n{text}".encode()).hexdigest()[:16]
            file = folder / f"{key}.wav"
            if not file.exists():
                voice = voice or _voice(settings, names)
                soundfile.write(file, _speak(voice, text, language), SPEAKING_RATE_HZ)
            samples = np.pad(read_recording(file), round(_PADDING_S * 16_000))
            if noise_db is not None:
                noise = pink_noise(len(samples) / 16, np.random.default_rng(turn))
                samples = mixed(samples, noise, noise_db)
            yield Clip(text, language, tuple(row["terms"]), samples)


def _voice(settings: Settings, names: dict[Language, str]) -> Voice:
    folder = settings.paths.cache_dir / "models" / "kokoro"
    threads = settings.speech.model_threads
    return Voice(folder, names, load_lexicon(), speed=1.0, threads=threads)


def _speak(voice: Voice, text: str, language: Language) -> np.ndarray[Any, Any]:
    clauses = (spoken(clause, language, load_lexicon()) for clause in split_clauses(text))
    pcm = b"".join(voice.synthesize(clause, language) for clause in clauses if clause)
    return np.frombuffer(pcm, dtype="<i2")


def _readings(folder: Path) -> Iterator[Clip]:
    """People who read sentences without terms."""
    with (folder / "manifest.tsv").open(encoding="utf-8") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t"):
            language: Language = "zh" if row["lang"] == "zh" else "en"
            yield Clip(row["text"], language, (), read_recording(folder / row["file"]))


def _hear(whisper: Whisper, terms: Terms, clip: Clip) -> tuple[str, str]:
    """The text as recognised, and as mended."""
    raw = whisper.transcribe(clip.samples, language=clip.language).text
    return raw, terms.mend(raw, clip.language)


def _scores(
    heard: list[tuple[Clip, str, str]], read: list[tuple[Clip, str, str]]
) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    for language in ("zh", "en"):
        mine = [row for row in heard if row[0].language == language]
        for name, column in (("recognised", 1), ("mended", 2)):
            hits = [_has(row[column], term) for row in mine for term in row[0].terms]  # type: ignore[arg-type]
            scores[f"{language} {name}"] = {
                "term_recall": round(sum(hits) / len(hits), 3),
                "error_rate_questions": _error_rate(mine, column, language),
                "error_rate_readings": _error_rate(
                    [row for row in read if row[0].language == language], column, language
                ),
            }
    return scores


def _has(text: str, term: str) -> bool:
    return term.lower() in text.lower()


def _error_rate(rows: list[tuple[Clip, str, str]], column: int, language: Language) -> float:
    """Characters in Mandarin, words in English; without case and punctuation, numbers as digits."""
    said = [_plain(clip.text, language) for clip, *_ in rows]
    texts = [_plain(str(row[column]), language) for row in rows]
    rate = jiwer.cer(said, texts) if language == "zh" else jiwer.wer(said, texts)
    return round(float(rate), 3)


def _plain(text: str, language: Language) -> str:
    kept = "".join(c if c.isalnum() else " " for c in with_digits(text, language).lower())
    return "".join(kept.split()) if language == "zh" else " ".join(kept.split())


if __name__ == "__main__":
    main()
