"""From words to phonemes: a spoken clause in, one string of Kokoro's phonemes out.

A sentence that mixes languages becomes one string for one voice: each run has the G2P of its own
script. Mandarin is segmented (jieba), read (pypinyin), given its tone sandhi and written in IPA
(misaki). English is espeak's. Inside Mandarin, letters have tones (`lexicon.toml`) and p, t, k are
aspirated: that is how the Mandarin voice knows them, and otherwise they are heard as b, d, g.
"""

from __future__ import annotations

import re
from functools import lru_cache

import jieba
import jieba.posseg
import pypinyin
from kokoro_onnx.tokenizer import Tokenizer
from misaki.tone_sandhi import ToneSandhi
from misaki.zh import ZHG2P
from pypinyin.contrib.tone_convert import tone3_to_tone

from agent.speech.say.lexicon import Lexicon
from common.dictionary import load_dictionary
from common.languages import HAN, HAN_CHARACTER, Language

#: Words of one script with the spaces between them, or marks.
_RUNS = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9'’ -]*[A-Za-z0-9])?|[{HAN}]+|[^\sA-Za-z0-9{HAN}]+")
#: Letters to be spelled, as `spoken` writes them, perhaps with a plural's s.
_SPELLED = re.compile(r"(?<![\w-])([A-Z](?:-[A-Z])+s?)(?![\w-])")
_LONE_LETTER = re.compile(r"[A-Z]")
_MARKS = str.maketrans("，、；：。！？", ",,;:.!?")

_VOWELS = "aeiouæɑɐɒɔəɚɛɜɪʊʌᵻAIOWY"
_VOICELESS_STOP = re.compile(rf"(?<!s)([ptk])(?=[ˈˌ]?[{_VOWELS}ɹljw])")


class Phonemizer:
    """Reads both languages. Loading takes seconds; not for several threads at once."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._espeak = Tokenizer()
        self._sandhi = ToneSandhi()
        load_dictionary()
        for word, syllables in lexicon.pinyin.items():
            jieba.add_word(word, tag="n")
            pypinyin.load_phrases_dict({word: [[tone3_to_tone(s)] for s in syllables]})

    def tokens(self, phonemes: str) -> list[int]:
        """The model's tokens; what its vocabulary lacks is left out."""
        return list(self._espeak.tokenize(phonemes, limit=None))

    def phonemes(self, clause: str, language: Language) -> str:
        """Phonemes of a clause that `spoken` has prepared, with its punctuation."""
        english = self._english_in_mandarin if language == "zh" else self._english
        parts: list[str] = []
        for run in _RUNS.findall(clause):
            if HAN_CHARACTER.match(run):
                parts.append(self._mandarin(run))
            elif run[0].isalnum():
                parts.extend(english(part) for part in _SPELLED.split(run) if part.strip())
            else:
                parts.append(run.translate(_MARKS))
        return re.sub(r" (?=[,;:.!?])", "", " ".join(" ".join(parts).split()))

    def _mandarin(self, text: str) -> str:
        words: list[str] = []
        tagged = [(word, tag) for word, tag in jieba.posseg.lcut(text)]
        for word, tag in self._sandhi.pre_merge_for_modify(tagged):
            plain = pypinyin.lazy_pinyin(
                word, style=pypinyin.Style.TONE3, neutral_tone_with_five=True
            )
            said = self._sandhi.modified_tone(word, tag, plain)
            words.append("".join(_pinyin_to_phonemes(syllable) for syllable in said))
        return " ".join(words)

    def _english(self, text: str) -> str:
        """espeak's phonemes; an acronym is one word, stressed on its last letter."""
        if not _SPELLED.fullmatch(text):
            return str(self._espeak.phonemize(text, "en-us"))
        *first, last = (
            str(self._espeak.phonemize(letter, "en-us")) for letter in text.rstrip("s").split("-")
        )
        plural = "z" if text.endswith("s") else ""
        return "".join(first).replace("ˈ", "ˌ") + last + plural

    def _english_in_mandarin(self, text: str) -> str:
        if _SPELLED.fullmatch(text):
            letters = text.rstrip("s").split("-")
            return " ".join(self._lexicon.mandarin_letters[letter] for letter in letters)
        return " ".join(self._word_in_mandarin(word) for word in text.split())

    def _word_in_mandarin(self, word: str) -> str:
        if _LONE_LETTER.fullmatch(word):
            return self._lexicon.mandarin_letters[word]
        return _VOICELESS_STOP.sub(r"\1ʰ", self._espeak.phonemize(word, "en-us"))


@lru_cache(maxsize=2048)
def _pinyin_to_phonemes(syllable: str) -> str:
    # misaki leaves the mark of a glide (U+032F), which the model's vocabulary lacks.
    return str(ZHG2P.py2ipa(syllable)).replace("\u032f", "")
