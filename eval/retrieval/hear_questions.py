"""Questions as the recogniser hears them: `python -m eval.retrieval.hear_questions`.

Every second of the held-out questions is spoken and heard (`eval/heard.py`). What the recogniser
writes goes to `questions/heard.jsonl`, which `make eval-retrieval` reads: so its second pass has
the errors that calls have. About 15 minutes on two cores; run it again when the questions or the
hearing change.
"""

from __future__ import annotations

import json

from agent.cli.output import err
from agent.settings import Settings
from eval.heard import Ear
from eval.retrieval.asked import QUESTIONS, load_questions

HEARD = QUESTIONS / "heard.jsonl"


def main() -> None:
    """Write the file."""
    ear = Ear(Settings())
    asked = [question for question in load_questions() if question.subjects][::2]
    rows: list[str] = []
    for number, question in enumerate(asked):
        heard = ear.hear(question.text, question.language, number)
        if heard:  # a question of which nothing is heard is asked again
            row = {"text": question.text, "language": question.language, "heard": heard}
            rows.append(json.dumps(row, ensure_ascii=False))
        if number % 50 == 0:
            err.print(f"{number} of {len(asked)}", highlight=False)
    HEARD.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
