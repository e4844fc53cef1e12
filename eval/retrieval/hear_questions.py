"""Questions as the recogniser hears them: `python -m eval.retrieval.hear_questions`.

Every second of the held-out questions is spoken by customers' voices, with noise 15 dB under them,
and heard by our own recogniser, terms and all. What it writes goes to `questions/heard.jsonl`,
which `make eval-retrieval` reads: so its second pass has the errors that calls have. About 15
minutes on two cores; run it again when the questions or the hearing change.
"""

from __future__ import annotations

import json

import numpy as np

from agent.cli.output import err
from agent.settings import Settings
from agent.speech.contract import HEARING_RATE_HZ
from agent.speech.hear.recording import read_recording
from agent.speech.hear.whisper import load_whisper
from eval.audio import mixed, pink_noise
from eval.retrieval.asked import QUESTIONS, load_questions
from eval.speaking import CUSTOMERS, Studio

HEARD = QUESTIONS / "heard.jsonl"
_SNR_DB = 15.0


def main() -> None:
    """Write the file."""
    settings = Settings()
    whisper = load_whisper(settings.paths, settings.speech)
    studio = Studio(settings)
    asked = [question for question in load_questions() if question.subjects][::2]
    rows: list[str] = []
    for number, question in enumerate(asked):
        speaker = CUSTOMERS[number % len(CUSTOMERS)]
        clean = read_recording(studio.record(question.text, question.language, speaker))
        noise = pink_noise(len(clean) * 1000 / HEARING_RATE_HZ, np.random.default_rng(number))
        heard = whisper.transcribe(mixed(clean, noise, _SNR_DB)).text
        if heard:  # a question of which nothing is heard is asked again
            row = {"text": question.text, "language": question.language, "heard": heard}
            rows.append(json.dumps(row, ensure_ascii=False))
        if number % 50 == 0:
            err.print(f"{number} of {len(asked)}", highlight=False)
    HEARD.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
