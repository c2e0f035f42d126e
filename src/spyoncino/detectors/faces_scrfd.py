"""Decoding SCRFD: distances to the four sides from two anchors in each cell of three levels.

Guo et al. 2021, arXiv:2105.04714. Each level has scores, distances and, in the files whose names
end in ``kps``, five landmarks, all in units of its stride; levels come one after the other: all
scores, then all distances, then all landmarks.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from spyoncino.detectors.faces_head import POINT_COUNT, FaceCandidates, FaceHead
from spyoncino.detectors.objects_head import InputNorm, Shape, Tensor, grid_centres

STRIDES_PX: Final = (8, 16, 32)
ANCHORS: Final = 2


class ScrfdHead(FaceHead):
    """The family ``scrfd``, with or without landmarks."""

    norm: ClassVar[InputNorm] = InputNorm("rgb", (127.5,) * 3, (128.0,) * 3, centred=False)
    expects: ClassVar[str] = "scores, distances and perhaps landmarks of strides 8, 16 and 32"
    same_face_iou: ClassVar[float] = 0.4  # the authors' value

    def fits(self, shapes: Sequence[Shape], width_px: int, height_px: int) -> bool:
        """Six or nine tables, with or without a leading 1."""
        if len(shapes) not in (6, 9):
            return False
        widths = (1, 4, 2 * POINT_COUNT)[: len(shapes) // 3]
        expected = [(_places(width_px, height_px, step), w) for w in widths for step in STRIDES_PX]
        return [shape[-2:] for shape in shapes] == expected

    def decode(
        self, outputs: Sequence[Tensor], width_px: int, height_px: int, score_floor: float
    ) -> FaceCandidates:
        """See ``FaceHead.decode``."""
        levels = len(STRIDES_PX)
        tables = [output.reshape(-1, output.shape[-1]) for output in outputs]
        parts = []
        for level, stride in enumerate(STRIDES_PX):
            scores = tables[level][:, 0]
            places = np.flatnonzero(scores >= score_floor)
            cells = grid_centres(width_px, height_px, stride)
            centre = cells[places // ANCHORS] * stride
            distances = tables[level + levels][places] * stride
            boxes = np.concatenate([centre - distances[:, :2], centre + distances[:, 2:]], axis=1)
            points = np.empty((len(places), 0, 2), np.float32)
            if len(tables) > 2 * levels:
                offsets = tables[level + 2 * levels][places].reshape(-1, POINT_COUNT, 2)
                points = centre[:, None] + offsets * stride
            parts.append(FaceCandidates(boxes, scores[places], points))
        return FaceCandidates.joined(parts)


def _places(width_px: int, height_px: int, stride: int) -> int:
    return ANCHORS * -(-width_px // stride) * -(-height_px // stride)
