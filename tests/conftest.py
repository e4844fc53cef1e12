"""What all tests share: where models and public test data are."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.settings import Settings
from common.settings import PROJECT_ROOT


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Folder of the model packs; `make test` has pulled them."""
    return Settings().paths.cache_dir / "models"


@pytest.fixture(scope="session")
def public_data() -> Path:
    """Recordings of real people and noises, laid beside the checkout as `shared/data`."""
    folder = PROJECT_ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public test data is not beside the checkout")
    return folder
