"""Where an index is kept, and which of its builds is live."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

#: Form of the folder; another one has to be built again.
FORM: Final = 9


@dataclass(frozen=True)
class ChromaServer:
    """A Chroma server that indexes are kept on."""

    url: str
    token: str = field(repr=False)
    """Sent with each request as `Authorization: Bearer …`; empty: none is sent."""
    installation: str
    """Begins the names of collections: several installations may share a server."""


@dataclass(frozen=True)
class Place:
    """Where an index is kept."""

    folder: Path
    server: ChromaServer | None = None
    """None: Chroma in this process, below ``folder``."""

    @property
    def vectors(self) -> Path:
        """Where embeddings are kept, so that no text is embedded twice."""
        return self.folder.parent / "vectors.db"

    @property
    def state(self) -> int:
        """Changes when another build goes live; 0: there is none."""
        try:
            return (self.folder / "manifest.json").stat().st_mtime_ns
        except OSError:
            return 0

    def __str__(self) -> str:
        return f"{self.folder} and {self.server.url}" if self.server else str(self.folder)


@dataclass(frozen=True)
class Manifest:
    """What the live build was made of."""

    form: int
    texts: str
    """Digest of everything that was indexed."""
    embedding: str
    build: str
    """Name of its folder, and of its collections."""
    entries: int
    passages: int
    questions: int

    def write(self, folder: Path) -> None:
        """Make the build live: whoever reads sees it or the one before."""
        beside = folder / "manifest.tmp"
        beside.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")
        beside.replace(folder / "manifest.json")


def read_manifest(folder: Path) -> Manifest | None:
    """What the live build in a folder was made of; None where there is none."""
    try:
        manifest = Manifest(**json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return manifest if (folder / manifest.build).is_dir() else None
