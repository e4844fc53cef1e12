"""The benches' one command line: `python -m eval NAME`, which `make bench-NAME` calls.

A bench is a module with `add_arguments(parser)` and `bench(arguments)`. What it measures goes to
standard output as one line of JSON, everything else to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from importlib import import_module
from typing import Final

from agent.cli.output import err, report_error
from agent.host.supervisor import cancel_on_signals
from common.errors import LiukeError

#: By what they measure, with the module and what `make` calls it.
BENCHES: Final = {
    "dialogue": ("eval.dialogue.bench", "eval-dialogue"),
    "drill": ("eval.drill.bench", "drill"),
    "hearing": ("eval.hearing.bench", "bench-stt"),
    "records": ("eval.records.bench", "bench-records"),
    "retrieval": ("eval.retrieval.bench", "eval-retrieval"),
    "routing": ("eval.routing.bench", "eval-routing"),
    "screen": ("eval.screen.bench", "bench-screen"),
    "start": ("eval.start.bench", "bench-start"),
    "turns": ("eval.turns.bench", "bench-turns"),
    "voice": ("eval.voice.bench", "bench-voice"),
    "wishes": ("eval.wishes.bench", "eval-wishes"),
}


def main(argv: list[str] | None = None) -> None:
    """Run the bench that is named; its exit status is 1 after an error, 130 when stopped."""
    given = sys.argv[1:] if argv is None else argv
    if not given or given[0] not in BENCHES:
        sys.exit(f"Usage: python -m eval {{{','.join(BENCHES)}}} [--help]")
    module, target = BENCHES[given[0]]
    bench = import_module(module)
    parser = argparse.ArgumentParser(
        prog=f"make {target}",
        description=bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    bench.add_arguments(parser)
    arguments = parser.parse_args(given[1:])

    async def run() -> None:
        cancel_on_signals()
        await bench.bench(arguments)

    try:
        asyncio.run(run())
    except LiukeError as error:
        report_error(error)
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        err.print("Stopped.")
        sys.exit(130)


if __name__ == "__main__":
    main()
