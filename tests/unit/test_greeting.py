"""The first words of a call say that this is an AI, in both voices, within a second and a half."""

from __future__ import annotations

import re

import pytest

from agent.prompts import fixed_phrases, load_phrases
from agent.settings import Settings
from agent.speech.clauses import ClauseSplitter
from agent.speech.contract import SPEAKING_RATE_HZ
from agent.speech.say.kokoro import Kokoro
from agent.speech.say.lexicon import load_lexicon
from agent.speech.say.spoken import spoken
from common.languages import LANGUAGES, Language
from tests.unit.scripted import Answers, scripted_call
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.models

#: They are heard whole, so they must be short, seconds.
LONGEST_S = 1.5


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_words_name_what_speaks(language: Language) -> None:
    assert re.search(r"\bAI\b|人工智能", load_phrases()[language].disclosure, re.ASCII)


def test_their_audio_is_made_ahead_with_that_of_every_phrase() -> None:
    made_ahead = fixed_phrases()
    for language, phrases in load_phrases().items():
        for text in (
            phrases.disclosure,
            phrases.greeting,
            phrases.too_long,
            *phrases.acknowledgements,
            *phrases.warnings.values(),
            *phrases.goodbyes.values(),
        ):
            assert (text, language) in made_ahead


@pytest.mark.models
@pytest.mark.parametrize("language", LANGUAGES)
def test_they_are_short_in_the_real_voice(language: Language) -> None:
    settings = Settings()
    voice = Kokoro(
        settings.paths.cache_dir / "models" / "kokoro",
        {"zh": settings.speech.voice_zh, "en": settings.speech.voice_en},
        load_lexicon(),
        speed=settings.speech.speed,
        threads=2,
    )
    splitter = ClauseSplitter()
    clauses = [*splitter.push(load_phrases()[language].disclosure), *splitter.flush()]
    pcm = b"".join(voice.synthesize(spoken(clause, language), language) for clause in clauses)
    assert 0.5 < len(pcm) / 2 / SPEAKING_RATE_HZ <= LONGEST_S


@virtual_time
async def test_who_speaks_into_the_first_words_hears_them_whole_and_is_answered() -> None:
    answers = Answers()
    async with scripted_call(answers, greeted=False) as call:
        await call.wait_until(lambda: call.loudspeaker.playing, 5000)
        await call.says("我们的通话里有回声怎么办", 1.8)
        assert await call.answering()
        await call.quiet()
        first = next(item for item in call.items if item.role == "assistant")
    assert first.message.text_content == load_phrases()["zh"].disclosure
    assert not first.interrupted
    assert answers.questions[-1:] == ["我们的通话里有回声怎么办"]
