"""The head of NanoDet (generalised focal loss: a distribution for each side of a box).

Source of the decoding: "Generalized Focal Loss" (Li et al., 2020) and the NanoDet project.
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
"""Pixels of the input for one cell of each pyramid level (NanoDet-g)."""

BINS: Final = 11
"""Values of each side's distribution, 0..10 strides (``reg_max`` 10)."""

_SIDES: Final = 4


class NanoDetHead(Head):
    """Two outputs for each stride: class scores after the sigmoid, and four distributions."""

    norm: ClassVar[InputNorm] = InputNorm(
        colour="bgr", mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395)
    )
    expects: ClassVar[str] = (
        "for strides 8, 16, 32 one output 1 x cells x labels and one 1 x cells x 44"
    )

    def __init__(self, class_count: int, width_px: int, height_px: int) -> None:
        super().__init__(class_count, width_px, height_px)
        levels = [grid_centres(width_px, height_px, stride) for stride in STRIDES]
        self._cells = [len(level) for level in levels]
        self._centres = np.concatenate(
            [(level + 0.5) * stride for level, stride in zip(levels, STRIDES, strict=True)]
        ).astype(np.float32)
        self._strides = np.repeat(np.array(STRIDES, np.float32), self._cells)
        self._bins = np.arange(BINS, dtype=np.float32)

    def fits(self, shapes: Sequence[Shape]) -> bool:
        """Whether every stride has its pair of outputs; their order does not matter."""
        wanted = [(1, cells, last) for cells in self._cells for last in self._lasts()]
        return sorted(shapes) == sorted(wanted) and len(set(wanted)) == len(wanted)

    def decode(self, outputs: Sequence[Tensor], score_floor: float) -> Candidates:
        """Expectation of each side's distribution, in strides from the middle of the cell."""
        by_shape = {output.shape[1:]: output[0] for output in outputs}
        scores_last, sides_last = self._lasts()
        scores = np.concatenate([by_shape[cells, scores_last] for cells in self._cells])
        sides = np.concatenate([by_shape[cells, sides_last] for cells in self._cells])
        places, strongest, classes = best_class(scores, score_floor)
        logits = sides[places].reshape(-1, _SIDES, BINS)
        weights = np.exp(logits - logits.max(axis=2, keepdims=True))
        expectation = (weights @ self._bins) / weights.sum(axis=2)
        reach = expectation * self._strides[places, None]
        centres = self._centres[places]
        boxes = np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], axis=1)
        return Candidates(boxes.astype(np.float32), strongest, classes)

    def _lasts(self) -> tuple[int, int]:
        return self.class_count, _SIDES * BINS
