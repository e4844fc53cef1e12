"""Utterances as the recogniser hears them: `python -m eval.wishes.hear held_out|training`.

Those whose source says that they are spoken are spoken and heard (`eval/heard.py`); what the
recogniser writes is kept beside what was said. A second each on two idle cores; run it again when
the utterances or the hearing change.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from agent.cli.output import err
from agent.settings import Settings
from eval.heard import Ear
from eval.wishes.utterances import HELD_OUT, TRAINING, Utterance, load, save

_FILES = {path.stem: path for path in (HELD_OUT, TRAINING)}


def main() -> None:
    """Write the file anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", choices=sorted(_FILES))
    path = _FILES[parser.parse_args().file]
    ear = Ear(Settings())
    utterances = load(path)
    heard: list[Utterance] = []
    for number, one in enumerate(utterances):
        written = ear.hear(one.text, one.language, number) if one.is_spoken else ""
        heard.append(replace(one, heard=written))
        if number % 50 == 0:
            err.print(f"{number} of {len(utterances)}", highlight=False)
    save(path, heard)


if __name__ == "__main__":
    main()
