"""Reader: an image of a screen in; the pieces of text on it, with their places, out.

RapidOCR with the models of its wheel. They take some 400 MB while they are loaded, so they are
when something is to be read, and go again when nothing was for a while.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any, Final

import numpy as np

from agent.screen.contract import Box, Grey, Piece

#: Pixels of the longer side at which text is looked for; it is read at its full size. Measured on
#: pages of 12 px at 1280x720 and 1920x1080: all lines are found, in a third of the time that 1920
#: takes.
_LOOKED_FOR_AT: Final = 960
_OPTIONS: Final[dict[str, Any]] = {
    "Global.log_level": "error",  # it would log what it reads
    "Global.use_cls": False,  # screens are not upside down
    "Det.limit_type": "max",
    "Det.limit_side_len": _LOOKED_FOR_AT,
    # Lines of several lengths in a batch are padded to the longest: one by one takes two thirds.
    "Rec.rec_batch_num": 1,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


class Reader:
    """Reads one image at a time; not for several threads at once."""

    def __init__(self) -> None:
        self._ocr: Any = None

    @property
    def is_loaded(self) -> bool:
        """Whether the models are in memory."""
        return self._ocr is not None

    def load(self) -> None:
        """Have the models in memory: about a second."""
        import cv2
        from rapidocr import RapidOCR

        cv2.setNumThreads(1)
        self._ocr = RapidOCR(params=_OPTIONS)

    def unload(self) -> None:
        """Give their memory back to the system."""
        self._ocr = None
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)

    def read(self, image: Grey) -> tuple[Piece, ...]:
        """The text on an image, from top to bottom. The models must be loaded."""
        found = self._ocr(np.repeat(image[:, :, np.newaxis], 3, axis=2))
        if found.txts is None:
            return ()
        return tuple(
            Piece(text.strip(), _upright(corners))
            for text, corners in zip(found.txts, found.boxes, strict=True)
        )


def _upright(corners: Any) -> Box:
    left, top = np.floor(np.min(corners, axis=0)).astype(int)
    right, bottom = np.ceil(np.max(corners, axis=0)).astype(int)
    return Box(int(left), int(top), int(right), int(bottom))
