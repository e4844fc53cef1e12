"""What `make bench-voice` asks: corpus and customers' wordings, or clips, in; spoken files out."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from agent.settings import Settings
from agent.speech.contract import SPEAKING_RATE_HZ
from agent.speech.say.kokoro import Kokoro
from agent.speech.say.lexicon import load_lexicon
from agent.speech.say.spoken import spoken
from common.errors import InputError, SetupError
from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT
from knowledge.entries.entry import Corpus

QUESTIONS_DIR = PROJECT_ROOT / "eval" / "questions"
#: The choice of questions is a sample of the corpus, and the same one each time.
SEED = 3
#: Of each language.
QUESTIONS = 12
QUICK_QUESTIONS = 3
CROWDED_QUESTIONS = 6
#: Topic of the entries about the call itself ("who are you?"), which no customer calls for.
SMALL_TALK = "conversation"
#: Voices of customers, by language; the assistant's own is left out.
CUSTOMERS: Mapping[Language, tuple[str, ...]] = {
    "zh": ("zf_xiaoyi", "zm_yunxi"),
    "en": ("af_bella", "am_michael"),
}


@dataclass(frozen=True)
class Question:
    """What a customer asks. ``own_wording``: in the words of a knowledge entry; None: a clip."""

    text: str
    language: Language
    own_wording: bool | None
    clip: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What is asked: before it counts, in one call at a time, and in several at once.

    No question comes twice where there are enough: its clauses would be in the speech cache.
    """

    warm_up: tuple[Question, ...]
    single: tuple[Question, ...]
    crowded: tuple[Question, ...]


def corpus_questions(corpus: Corpus, asked: Mapping[str, Sequence[str]]) -> list[Question]:
    """One question about each entry, every other one in the entry's own words.

    ``asked``: customers' own wordings by the id of the entry that answers them.
    """
    questions: list[Question] = []
    for language in LANGUAGES:
        entries = [
            entry
            for entry in corpus.entries
            if entry.language == language and entry.topic != SMALL_TALK and asked.get(entry.id)
        ]
        shuffled = random.Random(SEED).sample(entries, len(entries))
        for number, entry in enumerate(shuffled):
            # Own wording first in one language and second in the other: half of an odd number too.
            own = (number % 2 == 0) == (language == LANGUAGES[0])
            text = (entry.questions if own else asked[entry.id])[0]
            questions.append(Question(text, language, own))
    return questions


def customers_wordings(folder: Path) -> dict[str, list[str]]:
    """Customers' wordings by entry id, from the answerable question files."""
    asked: dict[str, list[str]] = {}
    for path in sorted(folder.glob("answerable*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            asked.setdefault(f"{row['language']}/{row['entries'][0]}", []).append(row["text"])
    return asked


def clip_questions(folder: Path) -> list[Question]:
    """The clips that `speech/manifest.tsv` in ``folder`` lists in a language we speak.

    Raises InputError when there are none.
    """
    manifest = folder / "speech" / "manifest.tsv"
    try:
        with manifest.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        clips = [
            Question(row["text"], language, None, manifest.parent / row["file"])
            for language in LANGUAGES
            for row in rows
            if row["lang"] == language
        ]
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise InputError(
            f"{manifest} cannot be read as a list of clips: {error!r}.",
            "It needs the columns file, lang (zh or en) and text, separated by tabs.",
        ) from None
    if not clips:
        raise InputError(f"{manifest} lists no clips.", "Give a folder with some in zh or en.")
    return clips


def make_plan(questions: Sequence[Question], *, quick: bool) -> Plan:
    """As much of each language. Raises SetupError when there is too little to ask.

    Where a language has not enough for all parts, the later parts ask again what was asked.
    """
    wanted = QUICK_QUESTIONS if quick else QUESTIONS
    single: list[Question] = []
    others: list[list[Question]] = []
    for language in LANGUAGES:
        mine = [question for question in questions if question.language == language]
        if mine:
            single += mine[:wanted]
            others.append(mine[wanted:] or mine)
    if len(single) < QUICK_QUESTIONS:
        raise SetupError(
            f"There are only {len(single)} questions to ask.",
            f"Add entries to the corpus and questions about them to {QUESTIONS_DIR}.",
        )
    crowded = [question for other in others for question in other[:CROWDED_QUESTIONS]]
    return Plan(
        warm_up=tuple(other[-1] for other in others),
        single=tuple(single),
        crowded=() if quick else tuple(crowded),
    )


def record(settings: Settings, questions: Iterable[Question]) -> dict[Question, Path]:
    """The file of each question: its clip, or its text as a customer says it, kept in `bench/`.

    Customers take turns; none has the assistant's voice. Blocks, for some seconds the first time.
    """
    files: dict[Question, Path] = {}
    missing: dict[tuple[str, str], list[Question]] = {}
    for number, question in enumerate(dict.fromkeys(questions)):
        if question.clip:
            files[question] = question.clip
            continue
        voices = _customers(settings, number)
        key = f"{voices[question.language]}\n{question.text}"
        name = f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.wav"
        files[question] = settings.paths.data_dir / "bench" / "questions" / name
        if not files[question].exists():
            missing.setdefault((voices["zh"], voices["en"]), []).append(question)
    for (zh, en), unspoken in missing.items():
        voice = _voice(settings, {"zh": zh, "en": en})
        for question in unspoken:
            _say(voice, question, files[question])
    return files


def _customers(settings: Settings, number: int) -> dict[Language, str]:
    own = {settings.speech.voice_zh, settings.speech.voice_en}
    voices = {lang: [name for name in CUSTOMERS[lang] if name not in own] for lang in LANGUAGES}
    return {lang: names[number % len(names)] for lang, names in voices.items()}


def _voice(settings: Settings, names: Mapping[Language, str]) -> Kokoro:
    return Kokoro(
        settings.paths.cache_dir / "models" / "kokoro",
        names,
        load_lexicon(),
        speed=1.0,
        threads=settings.speech.model_threads,
    )


def _say(voice: Kokoro, question: Question, path: Path) -> None:
    words = spoken(question.text, question.language)
    samples = np.frombuffer(voice.synthesize(words, question.language), dtype="<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    soundfile.write(unfinished, samples, SPEAKING_RATE_HZ, format="WAV", subtype="PCM_16")
    unfinished.replace(path)
