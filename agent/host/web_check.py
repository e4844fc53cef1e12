"""The pages' own checks: a script of `web/package.json` in, what it found wrong out.

`python -m agent.host.web_check check` compares types, style, and the types generated from
`web/openapi.json`. Node and the pages' packages are fetched where they are missing.
"""

from __future__ import annotations

import asyncio
import sys

from agent.host.progress import Progress
from agent.host.web_build import run_script
from agent.settings import Settings
from common.errors import SetupError
from common.settings import PROJECT_ROOT


def main() -> None:
    """Run the script; its last lines and status 1 when it fails."""
    (script,) = sys.argv[1:]
    cache_dir = Settings().paths.cache_dir
    try:
        asyncio.run(run_script(script, PROJECT_ROOT / "web", cache_dir, _quiet))
    except SetupError as error:
        sys.exit(str(error))


def _quiet(_progress: Progress) -> None:
    """What the tools write while they work is not worth a line of ours."""


if __name__ == "__main__":
    main()
