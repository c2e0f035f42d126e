"""Decoding YuNet: one face at most in each cell of three levels.

Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector"; outputs as in the files of
OpenCV's model zoo since March 2023: classes, objectness, boxes (centre offset, log size) and
landmarks, each for strides 8, 16, 32.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from spyoncino.detectors.faces_head import POINT_COUNT, FaceCandidates, FaceHead
from spyoncino.detectors.objects_head import InputNorm, Shape, Tensor, grid_centres

STRIDES_PX: Final = (8, 16, 32)
WIDTHS: Final = (1, 1, 4, 2 * POINT_COUNT)
MAX_LOG_SIZE: Final = 8.0


class YuNetHead(FaceHead):
    """The family ``yunet``."""

    norm: ClassVar[InputNorm] = InputNorm("bgr", centred=False)
    expects: ClassVar[str] = "classes, objectness, boxes and landmarks of strides 8, 16 and 32"

    def fits(self, shapes: Sequence[Shape], width_px: int, height_px: int) -> bool:
        """Twelve tables ``1 x cells x 1 | 1 | 4 | 10``."""
        cells = [-(-width_px // step) * -(-height_px // step) for step in STRIDES_PX]
        return list(shapes) == [(1, count, width) for width in WIDTHS for count in cells]

    def decode(
        self, outputs: Sequence[Tensor], width_px: int, height_px: int, score_floor: float
    ) -> FaceCandidates:
        """See ``FaceHead.decode``."""
        levels = len(STRIDES_PX)
        parts = []
        for level, stride in enumerate(STRIDES_PX):
            classes, objectness, boxes, points = (
                outputs[level + levels * part][0] for part in range(len(WIDTHS))
            )
            scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objectness[:, 0], 0, 1))
            places = np.flatnonzero(scores >= score_floor)
            cell = grid_centres(width_px, height_px, stride)[places]
            centre = (cell + boxes[places, :2]) * stride
            size = np.exp(np.minimum(boxes[places, 2:], MAX_LOG_SIZE)) * stride
            marks = (points[places].reshape(-1, POINT_COUNT, 2) + cell[:, None]) * stride
            edges = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
            parts.append(FaceCandidates(edges, scores[places], marks))
        return FaceCandidates.joined(parts)
