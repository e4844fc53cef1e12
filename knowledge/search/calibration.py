"""Calibration: `thresholds.toml` in, the weights and thresholds that retrieval goes by out."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from common.errors import SetupError
from knowledge.search.evidence import EVIDENCE, SUPPORT, Array

#: Weights and thresholds as measured.
THRESHOLDS: Final = Path(__file__).with_name("thresholds.toml")


@dataclass(frozen=True)
class Calibration:
    """Measured weights and thresholds."""

    ranking: Array
    """Weight per EVIDENCE."""
    words_of_documents: float
    """Weight of words where nobody has written down how customers ask."""
    support: Array
    """Weight per SUPPORT."""
    support_bias: float
    support_of_documents: Array
    """The same for documents: nobody has written down how customers ask for them."""
    support_of_documents_bias: float
    supported: float
    """Least probability of support at which we answer."""
    opening: float
    """Least score at which the opening is spoken."""

    @classmethod
    def load(cls, path: Path = THRESHOLDS) -> Calibration:
        """Read the file that `eval/retrieval/calibrate.py` writes."""
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            return cls(
                ranking=np.array([values["ranking"][name] for name in EVIDENCE]),
                words_of_documents=values["ranking"]["words_of_documents"],
                support=np.array([values["support"][name] for name in SUPPORT]),
                support_bias=values["support"]["bias"],
                support_of_documents=np.array(
                    [values["support_of_documents"].get(name, 0.0) for name in SUPPORT]
                ),
                support_of_documents_bias=values["support_of_documents"]["bias"],
                supported=values["thresholds"]["supported"],
                opening=values["thresholds"]["opening"],
            )
        except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
            raise SetupError(
                f"{path} cannot be used ({error!r}).",
                "Restore it, or write it with `python -m eval.retrieval.calibrate`.",
            ) from error
