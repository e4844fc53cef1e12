"""What all tests share: where models and recordings are."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.settings import Settings
from common.settings import PROJECT_ROOT

#: Recordings and texts that every checkout has, and the larger set that may lie beside it: of that
#: one the tests read texts; its recordings are for the benches.
DATA = PROJECT_ROOT / "tests" / "data"
BESIDE = PROJECT_ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Folder of the model packs; `make test` has pulled them."""
    return Settings().paths.cache_dir / "models"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """People reading and noises."""
    return DATA


#: What a test costs: seconds without weights or room, model weights, or whole calls.
CATEGORIES = ("unit", "models", "e2e")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test says what it costs; what needs weights or a room may take longer."""
    for item in items:
        if not any(item.get_closest_marker(category) for category in CATEGORIES):
            raise pytest.UsageError(
                f"{item.nodeid} has no category: mark it, or its file, {' or '.join(CATEGORIES)}."
            )
        if not item.get_closest_marker("unit"):
            item.add_marker(pytest.mark.timeout(600))
