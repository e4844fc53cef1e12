"""Shelves of documents: a tenant in, the index of its documents out, open for searches.

A shelf is opened when it is first asked for, and taken up anew when a newer build has gone live.
One that cannot be opened is its tenant's own trouble: the others are served, and it is tried again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from common.errors import LiukeError
from knowledge.search.evidence import Shelf
from knowledge.search.index import Index
from knowledge.search.place import Place

log = logging.getLogger(__name__)

#: Shelves open at once, each with a dozen files and its word index in memory; the one that was
#: asked for the longest ago makes room.
MOST_OPEN: Final = 64
#: Seconds until one that could not be opened is tried again.
RETRY_S: Final = 5.0

#: Approved openings of a tenant's sections, by section and version.
Openings = Mapping[tuple[str, int], str]


@dataclass(frozen=True)
class _Opened:
    shelf: Shelf
    state: int
    """Of its place, when it was opened."""


class DocumentShelves:
    """Those that are open. Safe to use from several threads. Blocks while one is opened."""

    def __init__(
        self, place_of: Callable[[str], Place], openings: Callable[[str], Openings], embedding: str
    ) -> None:
        """``embedding``: id of the model that embeds questions."""
        self._place_of = place_of
        self._openings = openings
        self._embedding = embedding
        self._opened: OrderedDict[str, _Opened] = OrderedDict()
        #: When each that failed is tried again, on the monotonic clock.
        self._retry_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._opening = threading.Lock()

    def get(self, tenant: str) -> Shelf | None:
        """A tenant's documents; None where there are none, or they cannot be opened.

        Raises InputError for a name that cannot be a tenant's.
        """
        place = self._place_of(tenant)
        if (shelf := self._at_hand(tenant)) or not place.state:
            return shelf
        with self._opening:
            return self._at_hand(tenant) or self._open(tenant, place)

    def refresh(self) -> None:
        """Take up newer builds, and openings that were approved since."""
        with self._lock:
            opened = dict(self._opened)
        for tenant, before in opened.items():
            place = self._place_of(tenant)
            if place.state not in (0, before.state):
                with self._opening:
                    self._open(tenant, place)
            elif before.shelf.openings != (openings := self._openings(tenant)):
                newer = replace(before, shelf=replace(before.shelf, openings=openings))
                with self._lock:
                    if self._opened.get(tenant) is before:
                        self._opened[tenant] = newer

    def _at_hand(self, tenant: str) -> Shelf | None:
        with self._lock:
            if tenant not in self._opened:
                return None
            self._opened.move_to_end(tenant)
            return self._opened[tenant].shelf

    def _open(self, tenant: str, place: Place) -> Shelf | None:
        if time.monotonic() < self._retry_at.get(tenant, 0.0):
            return None
        state = place.state
        try:
            index = Index(place, self._embedding)
            shelf = Shelf(index, self._openings(tenant), situations={})
        except LiukeError as error:
            self._retry_at[tenant] = time.monotonic() + RETRY_S
            log.error("the documents of %s cannot be taken up: %s", tenant or "all", error)
            return None
        self._retry_at.pop(tenant, None)
        with self._lock:
            self._opened[tenant] = _Opened(shelf, state)
            self._opened.move_to_end(tenant)
            while len(self._opened) > MOST_OPEN:
                self._opened.popitem(last=False)
        log.info("documents of %s: %d sections", tenant or "all", index.manifest.passages)
        return shelf
