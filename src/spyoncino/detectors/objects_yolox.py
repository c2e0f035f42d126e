"""The head of YOLOX as its project exports it: offsets that still need the grid.

Source of the decoding: "YOLOX: Exceeding YOLO Series in 2021" (Ge et al.) and its ONNX export.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from spyoncino.detectors.objects_head import (
    Candidates,
    Head,
    InputNorm,
    Shape,
    Tensor,
    best_class,
    grid_centres,
)

STRIDES: Final = (8, 16, 32)
"""Pixels of the input for one cell of each pyramid level."""

MAX_LOG_SIZE: Final = 10.0
"""Sizes beyond e^10 strides are nonsense of a broken model; keeps the exponential finite."""


class YoloxHead(Head):
    """One output ``1 x N x (5+labels)``: offset, log size, objectness and class scores 0..1."""

    norm: ClassVar[InputNorm] = InputNorm(colour="bgr", centred=False)
    expects: ClassVar[str] = "one output 1 x N x (5+labels) with N cells of strides 8, 16 and 32"

    def __init__(self, class_count: int, width_px: int, height_px: int) -> None:
        super().__init__(class_count, width_px, height_px)
        levels = [grid_centres(width_px, height_px, stride) for stride in STRIDES]
        self._grid = np.concatenate(levels)
        self._strides = np.repeat(np.array(STRIDES, np.float32), [len(level) for level in levels])

    def fits(self, shapes: Sequence[Shape]) -> bool:
        """Whether there is one output with a row for each cell."""
        return list(shapes) == [(1, len(self._grid), 5 + self.class_count)]

    def decode(self, outputs: Sequence[Tensor], score_floor: float) -> Candidates:
        """``(offset + cell) * stride`` and ``exp(log size) * stride`` to corners."""
        table = outputs[0][0]
        places, strongest, classes = best_class(table[:, 5:] * table[:, 4:5], score_floor)
        strides = self._strides[places, None]
        middle = (table[places, :2] + self._grid[places]) * strides
        size = np.exp(np.minimum(table[places, 2:4], MAX_LOG_SIZE)) * strides
        boxes = np.concatenate([middle - size / 2, middle + size / 2], axis=1)
        return Candidates(boxes.astype(np.float32), strongest, classes)
