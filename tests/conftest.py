"""What all tests share: where models and recordings are."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.settings import Settings
from common.settings import PROJECT_ROOT

#: Recordings and texts that every checkout has, and the larger set that may lie beside it.
DATA = PROJECT_ROOT / "tests" / "data"
BESIDE = PROJECT_ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Folder of the model packs; `make test` has pulled them."""
    return Settings().paths.cache_dir / "models"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """People reading and noises: the larger set where it is there."""
    return BESIDE if BESIDE.is_dir() else DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole calls take longer than what runs without a room."""
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.timeout(600))
