"""Utterances as the recogniser hears them: `python -m eval.routing.hear held_out|training [most]`.

Those whose source says that they are spoken, and that nobody has listened to, are spoken and heard
(`eval/heard.py`) in an order by chance, ``most`` of them; what the recogniser writes is kept beside
what was said. A second each on two idle cores.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import replace

from agent.cli.output import err
from agent.settings import Settings
from eval.heard import Ear
from eval.routing.utterances import HELD_OUT, TRAINING, load, save

_FILES = {path.stem: path for path in (HELD_OUT, TRAINING)}
#: After so many the file is written, so that stopping loses little.
_KEPT_AFTER = 25


def main() -> None:
    """Write the file anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", choices=sorted(_FILES))
    parser.add_argument("most", type=int, nargs="?")
    arguments = parser.parse_args()
    path = _FILES[arguments.file]
    ear = Ear(Settings())
    utterances = load(path)
    numbers = [number for number, one in enumerate(utterances) if one.is_spoken and not one.heard]
    random.Random(1).shuffle(numbers)
    numbers = numbers[: arguments.most]
    for done, number in enumerate(numbers, start=1):
        one = utterances[number]
        utterances[number] = replace(one, heard=ear.hear(one.text, one.language, number))
        if done % _KEPT_AFTER == 0 or done == len(numbers):
            save(path, utterances)
            err.print(f"{done} of {len(numbers)}", highlight=False)


if __name__ == "__main__":
    main()
