"""The head of YOLOv8, YOLOv11 and models exported the same way: boxes and scores ready made."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from spyoncino.detectors.objects_head import (
    Candidates,
    Head,
    InputNorm,
    Shape,
    Tensor,
    best_class,
)


class YoloHead(Head):
    """One output: middle x and y, width, height, then a score 0..1 for each label.

    Usually ``1 x (4+labels) x N``; ``1 x N x (4+labels)`` is understood too.
    """

    norm: ClassVar[InputNorm] = InputNorm(colour="rgb", std=(255.0, 255.0, 255.0))
    expects: ClassVar[str] = "one output 1 x (4+labels) x N"

    def fits(self, shapes: Sequence[Shape]) -> bool:
        """Whether there is one output with 4+labels rows or columns."""
        if len(shapes) != 1 or len(shapes[0]) != 3:
            return False
        _, rows, columns = shapes[0]
        return 4 + self.class_count in (rows, columns)

    def decode(self, outputs: Sequence[Tensor], score_floor: float) -> Candidates:
        """Middle and size in pixels of the input to corners."""
        table = outputs[0][0]
        if table.shape[0] == 4 + self.class_count:
            table = table.T
        places, strongest, classes = best_class(table[:, 4:], score_floor)
        middle, size = table[places, :2], table[places, 2:4]
        boxes = np.concatenate([middle - size / 2, middle + size / 2], axis=1)
        return Candidates(boxes.astype(np.float32), strongest, classes)
