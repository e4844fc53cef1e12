"""Whisper: one utterance (mono float32 at 16 kHz) in, its text and language out.

Whisper pads every utterance to 30 s and spends most of its time encoding that silence.
CTranslate2's encoder takes a shorter window, so an utterance gets one of its own length. A window
that is too short makes the model loop and invent; the guards below catch that, and the utterance is
heard again with a longer one. Window and guards were measured on recordings of real people:
`docs/decisions/002-short-hearing-window.md`.

Text that earlier readings of the same utterance agreed on (`agent/call/agreement.py`) is given to
the decoder as the beginning of what it writes, so that it cannot change any more.
"""

from __future__ import annotations

import math
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens
from numpy.typing import NDArray
from opencc import OpenCC
from threadpoolctl import threadpool_limits

from agent.speech.contract import HEARING_RATE_HZ, Purpose, Transcript
from agent.speech.hear.terms import Terms, load_terms
from agent.speech.settings import SpeechSettings
from common.errors import SetupError
from common.languages import Language, language_of
from common.settings import PROJECT_ROOT, PathSettings

#: Encoder window: at least this long, or the speech and a tail of silence. Seconds.
_MIN_WINDOW_S, _WINDOW_TAIL_S = 6.0, 2.0
#: And where that did not go well.
_SECOND_MIN_WINDOW_S, _SECOND_WINDOW_TAIL_S = 12.0, 5.0
_FULL_WINDOW_S = 30.0
#: A text that breaks one of these was invented, and is heard again with a longer window; so is one
#: that would be dropped as no speech.
_MAX_TOKENS_PER_SECOND = 12.0
_MAX_COMPRESSION_RATIO = 2.0
_MIN_MEAN_LOG_PROBABILITY = -1.0
#: Nothing was said where both marks are bad; speech is never dropped for one of them alone. Real
#: people's clips, in noise too, were under 0.07 or over -0.2; noises that gave words were not.
_NO_SPEECH_PROBABILITY = 0.1
_NO_SPEECH_LOG_PROBABILITY = -0.6
#: Below this, the text is a guess whatever else is said of it.
_GUESS_LOG_PROBABILITY = -1.5
#: Behind given text, the probability of so few new tokens is too rough a mark by itself.
_FEW_TOKENS = 8
#: Length from which a piece of the prompt is no term any more but recited: 8 Mandarin characters.
_RECITED_BYTES = 24

#: An utterance of at most so many seconds, half of which are the silence around it, is "mm-hm",
#: "stop" and the like rather than a question: a prompt of terms makes a term of it ("token."), a
#: short window a loop, and what its language is shows only in the words of both (decision 010).
_SHORT_S = 1.3
_SHORT_WINDOW_S = 12.0
#: What the language of the sound adds to the mean log-probability of the words in it.
_LANGUAGE_WEIGHT, _LEAST_SHARE = 0.1, 0.001
#: So much likelier is the language that was spoken last: a short answer over a telephone tells
#: little of its own, and whoever changes the language is heard to do so in a hundred to one.
_SAME_LANGUAGE = 8.0
_QUESTION = ("?", "？")
_PROMPT_FILE = PROJECT_ROOT / "prompts" / "hearing.toml"

Samples = NDArray[np.float32]


class AbandonedError(Exception):
    """The reading was given up halfway: nobody waits for it, or somebody with a better right."""


@dataclass(frozen=True)
class _Hypothesis:
    text: str
    token_count: int
    #: Without the tokens that were given to the decoder.
    mean_log_probability: float
    no_speech_probability: float

    def is_trustworthy(self, seconds: float) -> bool:
        return (
            self.token_count <= _token_limit(seconds)
            and self.mean_log_probability >= _MIN_MEAN_LOG_PROBABILITY
            and (not self.text or get_compression_ratio(self.text) <= _MAX_COMPRESSION_RATIO)
        )


class Whisper:
    """whisper-base on the CPU. Not for use by two threads at once."""

    def __init__(self, model_dir: Path, threads: int, terms: Terms) -> None:
        """Load the weights from ``model_dir``, about 2 s. Raises SetupError when it cannot."""
        try:
            self._model = WhisperModel(
                str(model_dir), device="cpu", compute_type="int8", cpu_threads=threads
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise SetupError(
                f"Whisper, in {model_dir}, does not load: {error}.",
                "Run `liuke models pull whisper-base`.",
            ) from error
        # NumPy's threads spin on after the mel filter's product and take a core from the encoder.
        threadpool_limits(1, user_api="blas")
        self._terms = terms
        self._to_simplified = OpenCC("t2s")
        self._tokenizers: dict[Language, Tokenizer] = {}
        self._short_prompts: dict[Language, list[int]] = {}
        short = tomllib.loads(_PROMPT_FILE.read_text("utf-8"))
        for language in ("zh", "en"):
            tokenizer = Tokenizer(
                self._model.hf_tokenizer, multilingual=True, task="transcribe", language=language
            )
            self._tokenizers[language] = tokenizer
            self._short_prompts[language] = self._prompt(tokenizer, short[language]["short"])
        self._suppressed = get_suppressed_tokens(self._tokenizers["en"], [-1])

    def _prompt(self, tokenizer: Tokenizer, text: str) -> list[int]:
        previous = tokenizer.encode(f" {text}")
        prompt: list[int] = self._model.get_prompt(tokenizer, previous, without_timestamps=True)
        return prompt

    def transcribe(
        self,
        samples: Samples,
        *,
        language: Language | None = None,
        confirmed: str = "",
        after: str = "",
        purpose: Purpose = "final",
        goes_on: Callable[[], bool] = lambda: True,
    ) -> Transcript:
        """Hear one utterance of at most 30 s.

        ``language``: None lets the speech decide. ``confirmed``: what the text begins with, as
        earlier readings in this language agreed. ``after``: what was said to the speaker just
        before: they are likelier to go on in its language, and to answer in its words where it asks
        something. A partial is heard once: if its text breaks a
        guard, the transcript is marked as unreliable, and the next one may do better. Raises
        AbandonedError when ``goes_on`` says no between two steps.
        """
        started = time.perf_counter()
        seconds = len(samples) / HEARING_RATE_HZ
        is_short = seconds <= _SHORT_S and purpose != "partial"
        encoded = self._encode(
            samples,
            _SHORT_WINDOW_S if is_short else _window_s(seconds, _MIN_WINDOW_S, _WINDOW_TAIL_S),
        )
        shares = {language: 1.0} if language else self._language_shares(encoded, after)
        _check(goes_on)
        if is_short:
            spoken, heard = self._decode_short(encoded, shares, confirmed, seconds)
        else:
            spoken = max(shares, key=shares.__getitem__)
            prompt = self._prompt(self._tokenizers[spoken], self._shown(spoken, after))
            heard = self._decode(encoded, spoken, prompt, confirmed, seconds)
            if purpose != "partial" and not self._is_sure(heard, spoken, seconds, after):
                _check(goes_on)
                window_s = _window_s(seconds, _SECOND_MIN_WINDOW_S, _SECOND_WINDOW_TAIL_S)
                encoded = self._encode(samples, window_s)
                heard = self._decode(encoded, spoken, prompt, confirmed, seconds)
        text = heard.text if self._is_speech(heard, spoken, seconds, after) else ""
        return Transcript(
            text=self._written(text, spoken, confirmed),
            language=spoken,
            language_probability=shares[spoken],
            no_speech_probability=heard.no_speech_probability,
            mean_log_probability=heard.mean_log_probability,
            reliable=heard.is_trustworthy(seconds),
            seconds=seconds,
            ms=(time.perf_counter() - started) * 1000,
        )

    def _encode(self, samples: Samples, window_s: float) -> ctranslate2.StorageView:
        window = np.zeros(int(window_s * HEARING_RATE_HZ), dtype=np.float32)
        kept = samples[: len(window)]
        window[: len(kept)] = kept
        return self._model.encode(self._model.feature_extractor(window, padding=0))

    def _shown(self, language: Language, after: str) -> str:
        """What the model is shown before it listens: terms, and the question that is answered."""
        terms = self._terms.prompt(language)
        asks = after.endswith(_QUESTION) and language_of(after) == language
        return f"{terms} {after}" if asks else terms

    def _language_shares(
        self, encoded: ctranslate2.StorageView, after: str
    ) -> dict[Language, float]:
        """How likely each of the two languages we speak is; Cantonese counts as Mandarin."""
        found: dict[str, float] = {
            token[2:-2]: probability
            for token, probability in self._model.model.detect_language(encoded)[0]
        }
        zh = found.get("zh", 0.0) + found.get("yue", 0.0)
        en = found.get("en", 0.0)
        if after:
            expected = language_of(after)
            zh, en = (zh * _SAME_LANGUAGE, en) if expected == "zh" else (zh, en * _SAME_LANGUAGE)
        share = zh / (zh + en) if zh + en > 0 else 0.5
        return {"zh": share, "en": 1.0 - share}

    def _decode_short(
        self,
        encoded: ctranslate2.StorageView,
        shares: dict[Language, float],
        confirmed: str,
        seconds: float,
    ) -> tuple[Language, _Hypothesis]:
        """The likeliest reading in any of the languages."""
        read: dict[Language, _Hypothesis] = {
            language: self._decode(
                encoded, language, self._short_prompts[language], confirmed, seconds
            )
            for language in shares
        }

        def score(language: Language) -> float:
            share = max(shares[language], _LEAST_SHARE)
            return read[language].mean_log_probability + _LANGUAGE_WEIGHT * math.log(share)

        likeliest = max(read, key=score)
        return likeliest, read[likeliest]

    def _decode(
        self,
        encoded: ctranslate2.StorageView,
        language: Language,
        prompt: list[int],
        confirmed: str,
        seconds: float,
    ) -> _Hypothesis:
        tokenizer = self._tokenizers[language]
        # A word begins with its space in English; without a word, no space may be given either.
        given = tokenizer.encode(f" {confirmed}" if confirmed and language == "en" else confirmed)
        # One token more than the guard allows, so that a loop is seen and does not run on.
        limit = int(_token_limit(seconds)) + 1
        result = self._model.model.generate(
            encoded,
            [prompt + given],
            beam_size=1,
            # CTranslate2 takes half of this for the text, or what the prompt leaves of it.
            max_length=min(max(len(prompt) + limit, 2 * limit), self._model.max_length),
            return_scores=True,
            return_no_speech_prob=True,
            # Nothing but silence may follow what is confirmed.
            suppress_blank=not given,
            suppress_tokens=self._suppressed,
        )[0]
        tokens = result.sequences_ids[0]
        scored = max(len(tokens) - len(given), min(len(given), _FEW_TOKENS))
        return _Hypothesis(
            text=tokenizer.decode(tokens).strip(),
            token_count=len(tokens),
            # faster-whisper's form: the end token, which has no id in the list, counts too.
            # Given tokens score nothing; a single doubtful token behind them is no invention yet.
            mean_log_probability=result.scores[0] * len(tokens) / (scored + 1),
            no_speech_probability=result.no_speech_prob,
        )

    def _written(self, text: str, language: Language, confirmed: str) -> str:
        """The text as customers and the rest of the call see it; it begins with ``confirmed``."""
        whole = self._mended(text, language)
        if whole.startswith(confirmed):
            return whole
        rest = text.removeprefix(confirmed) if text.startswith(confirmed) else ""
        return confirmed + self._mended(rest, language)

    def _mended(self, text: str, language: Language) -> str:
        simplified = self._to_simplified.convert(text) if language == "zh" else text
        return self._terms.mend(simplified, language)

    def _is_sure(self, heard: _Hypothesis, language: Language, seconds: float, after: str) -> bool:
        """Whether to leave it at this: before words are dropped, they are heard again."""
        dropped = bool(heard.text) and not self._is_speech(heard, language, seconds, after)
        return heard.is_trustworthy(seconds) and not dropped

    def _is_speech(
        self, heard: _Hypothesis, language: Language, seconds: float, after: str
    ) -> bool:
        """Whether somebody spoke; in noise the model loops, guesses, or recites its own prompt."""
        log_probability = heard.mean_log_probability
        doubtful = heard.no_speech_probability > _NO_SPEECH_PROBABILITY
        return (
            bool(heard.text)
            and log_probability >= _GUESS_LOG_PROBABILITY
            and not (doubtful and log_probability < _NO_SPEECH_LOG_PROBABILITY)
            and heard.token_count <= _token_limit(seconds)
            and get_compression_ratio(heard.text) <= _MAX_COMPRESSION_RATIO
            and not self._recites(heard.text, self._shown(language, after))
        )

    def _recites(self, text: str, shown: str) -> bool:
        """A stretch of the prompt; a single term of it may well be what the customer said."""
        return len(text.encode()) >= _RECITED_BYTES and text.rstrip(".。?？") in shown


def load_whisper(paths: PathSettings, settings: SpeechSettings) -> Whisper:
    """The model and the terms of this installation, about 3 s. Raises SetupError."""
    folder = paths.cache_dir / "models" / "whisper-base"
    return Whisper(folder, settings.model_threads, load_terms(paths))


def _window_s(seconds: float, at_least_s: float, tail_s: float) -> float:
    return min(max(at_least_s, seconds + tail_s), _FULL_WINDOW_S)


def _token_limit(seconds: float) -> float:
    return 8 + _MAX_TOKENS_PER_SECOND * seconds


def _check(goes_on: Callable[[], bool]) -> None:
    if not goes_on():
        raise AbandonedError
