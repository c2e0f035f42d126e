"""Decoding CenterFace: a face is a peak of a heat map, everything else is read at that place.

Xu et al. 2019, arXiv:1911.03599. All outputs have a quarter of the input's width and height: the
heat map, the logarithm of the size (height, width), the offset of the centre inside its cell
(y, x), and five landmarks (y, x) relative to the upper left corner of the box in units of its size.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from spyoncino.detectors.faces_head import POINT_COUNT, FaceCandidates, FaceHead
from spyoncino.detectors.objects_head import InputNorm, Shape, Tensor

STRIDE_PX: Final = 4
CHANNELS: Final = (1, 2, 2, 2 * POINT_COUNT)
MAX_LOG_SIZE: Final = 8.0
"""Sizes are capped at exp(8) cells, 12,000 pixels: a broken model must not overflow."""


class CenterFaceHead(FaceHead):
    """The family ``centerface``; its landmarks come in our order."""

    norm: ClassVar[InputNorm] = InputNorm("rgb", centred=False)
    expects: ClassVar[str] = "heat map, size, offset and landmarks at a quarter of the input's size"

    def fits(self, shapes: Sequence[Shape], width_px: int, height_px: int) -> bool:
        """Four maps with 1, 2, 2 and 10 channels."""
        rows, columns = height_px // STRIDE_PX, width_px // STRIDE_PX
        return list(shapes) == [(1, channels, rows, columns) for channels in CHANNELS]

    def decode(
        self, outputs: Sequence[Tensor], width_px: int, height_px: int, score_floor: float
    ) -> FaceCandidates:
        """See ``FaceHead.decode``."""
        del width_px, height_px
        heat, log_size, offset, points = (output[0] for output in outputs)
        row, column = np.nonzero(heat[0] >= score_floor)
        size = np.exp(np.minimum(log_size[:, row, column], MAX_LOG_SIZE)) * STRIDE_PX
        centre = (np.stack([row, column]) + offset[:, row, column] + 0.5) * STRIDE_PX
        top_left = centre - size / 2
        placed = (
            points[:, row, column].reshape(POINT_COUNT, 2, -1) * size[None] + top_left[None]
        )  # landmarks, (y, x), faces
        boxes = np.concatenate([top_left[::-1], (top_left + size)[::-1]])
        return FaceCandidates(
            boxes.T.astype(np.float32),
            heat[0, row, column],
            placed[:, ::-1].transpose(2, 0, 1).astype(np.float32),
        )
