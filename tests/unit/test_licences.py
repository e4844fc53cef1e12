"""What installed libraries state of their licences is what docs/licences.md says."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement

from common.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

_PERMISSIVE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|ISCL|PSF|Python Software Foundation|Zlib|CC0|CNRI|HPND)\b", re.I
)
_FURTHER = re.compile(r"\b(A?L?GPL|GNU|MPL|Mozilla|Proprietary|LicenseRef|EUPL|CC-BY)", re.I)


def runtime_distributions() -> Iterator[importlib.metadata.Distribution]:
    """Liuke's dependencies and theirs, as installed."""
    waiting, seen = ["liuke"], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        if name != "liuke":
            yield found
        for line in found.requires or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting.append(needed.name.lower().replace("_", "-"))


def stated_licence(found: importlib.metadata.Distribution) -> str:
    """The expression, or the classifiers, or the first line of the text."""

    def said(field: str) -> list[str]:
        return found.metadata.get_all(field) or []

    classifiers = [c for c in said("Classifier") if c.startswith("License ::")]
    texts = [text.strip().partition("\n")[0] for text in said("License")]
    return "; ".join(said("License-Expression") or classifiers or texts)


def test_a_licence_that_asks_for_more_than_a_notice_is_told() -> None:
    told = (PROJECT_ROOT / "docs" / "licences.md").read_text("utf-8")
    found = {d.metadata["Name"].lower(): stated_licence(d) for d in runtime_distributions()}
    assert len(found) > 100
    further = {
        name: licence
        for name, licence in found.items()
        if _FURTHER.search(licence) or not _PERMISSIVE.search(licence)
    }
    assert {"certifi", "livekit-local-inference"} <= set(further)
    untold = {name: licence for name, licence in further.items() if f"`{name}" not in told}
    assert untold == {}


def test_what_a_wheel_links_beside_what_it_states_is_told() -> None:
    """PyAV states BSD and carries x264 and x265."""
    files = importlib.metadata.distribution("av").files or []
    linked = {m[1] for f in files if (m := re.match(r"lib(x26[45])", f.name))}
    told = (PROJECT_ROOT / "docs" / "licences.md").read_text("utf-8")
    assert all(name in told for name in linked)
