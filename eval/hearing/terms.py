"""Domain terms with and without: spoken questions in, how many of their terms are heard right out.

`python -m eval.hearing.terms` hears `eval/questions/terms.jsonl` with and without the terms in the
recogniser's prompt, and counts before and after mending; and it hears people who say no terms,
where errors must not become more. `make bench-stt` compares all of hearing with the stock model.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from agent.settings import Settings
from agent.speech.contract import HEARING_RATE_HZ
from agent.speech.hear.terms import Terms, load_terms
from agent.speech.hear.whisper import Whisper
from common.languages import Language
from eval.audio import mixed, pink_noise
from eval.clips import DATA_DIR, Clip, error_rate, readings, term_questions, term_recall


@dataclass(frozen=True)
class Heard:
    """A clip, the text as recognised, and as mended."""

    clip: Clip
    recognised: str
    mended: str


class _Unmended:
    """Terms that are shown to the recogniser, or not even that, and mend nothing."""

    def __init__(self, terms: Terms, *, shown: bool) -> None:
        self._terms = terms
        self._shown = shown

    def prompt(self, language: Language) -> str:
        prompt = self._terms.prompt(language)
        return prompt if self._shown else prompt[: max(map(prompt.find, "：:")) + 1]

    def mend(self, text: str, language: Language) -> str:
        return text


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA_DIR)
    parser.add_argument("--noise-db", type=float, help="Signal-to-noise ratio of added noise.")
    parser.add_argument("--misses", action="store_true", help="Also list what was not heard.")
    options = parser.parse_args()
    settings = Settings()
    terms = load_terms(settings.paths)
    questions = list(term_questions(settings))
    if options.noise_db is not None:
        questions = [_noisy(clip, options.noise_db) for clip in questions]
    people = readings(options.data)
    result: dict[str, Any] = {}
    for name, shown in (("without prompt", False), ("with prompt", True)):
        unmended: Any = _Unmended(terms, shown=shown)
        folder = settings.paths.cache_dir / "models" / "whisper-base"
        whisper = Whisper(folder, settings.speech.model_threads, unmended)
        asked = [_hear(whisper, terms, clip) for clip in questions]
        read = [_hear(whisper, terms, clip) for clip in people]
        for language in ("zh", "en"):
            result[f"{language} {name}"] = _scores(asked, read, language)
    if options.misses:
        result["misses"] = _misses(asked)
    print(json.dumps(result, ensure_ascii=False, indent=1))


def _noisy(clip: Clip, snr_db: float) -> Clip:
    duration_ms = len(clip.samples) * 1000 / HEARING_RATE_HZ
    noise = pink_noise(duration_ms, np.random.default_rng(len(clip.samples)))
    return replace(clip, samples=mixed(clip.samples, noise, snr_db))


def _hear(whisper: Whisper, terms: Terms, clip: Clip) -> Heard:
    raw = whisper.transcribe(clip.samples, language=clip.language).text
    return Heard(clip, raw, terms.mend(raw, clip.language))


def _scores(asked: Sequence[Heard], read: Sequence[Heard], language: Language) -> dict[str, Any]:
    """Recall of the terms, and error rates over the questions and over what people read."""
    asked = [heard for heard in asked if heard.clip.language == language]
    read = [heard for heard in read if heard.clip.language == language]
    return {
        "recognised": {
            "term_recall": round(term_recall((h.clip, h.recognised) for h in asked), 3),
            "questions": round(
                error_rate(((h.clip.text, h.recognised) for h in asked), language), 3
            ),
            "readings": round(error_rate(((h.clip.text, h.recognised) for h in read), language), 3),
        },
        "mended": {
            "term_recall": round(term_recall((h.clip, h.mended) for h in asked), 3),
            "questions": round(error_rate(((h.clip.text, h.mended) for h in asked), language), 3),
            "readings": round(error_rate(((h.clip.text, h.mended) for h in read), language), 3),
        },
    }


def _misses(asked: Sequence[Heard]) -> list[dict[str, Any]]:
    return [
        {"said": h.clip.text, "recognised": h.recognised, "mended": h.mended, "missed": missed}
        for h in asked
        if (missed := [t for t in h.clip.terms if t.lower() not in h.mended.lower()])
    ]


if __name__ == "__main__":
    main()
