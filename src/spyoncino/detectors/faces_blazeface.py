"""Decoding small TFLite face models: BlazeFace of MediaPipe, and models that end in SSD boxes.

BlazeFace: Bazarevsky et al. 2019, arXiv:1907.05047; the full-range model has one anchor in the
middle of each of 48x48 cells, and boxes and six key points in pixels of its 192x192 input.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from spyoncino.detectors.faces_head import FaceCandidates, FaceHead
from spyoncino.detectors.objects_head import InputNorm, Shape, Tensor, grid_centres

CELL_PX: Final = 4
KEY_POINTS: Final = 6
"""Right eye, left eye, tip of the nose, middle of the mouth, right ear, left ear."""

MOUTH_HALF_WIDTH: Final = 0.414
"""Half the distance between the corners of the mouth in distances between the eyes: what it is in
the 112x112 template of ArcFace (29.18 of 35.24 pixels). BlazeFace gives only the middle of the
mouth, so the two corners are an estimate: right for a face that looks ahead with a quiet mouth."""

MAX_LOGIT: Final = 80.0

_TFLITE_NORM: Final = InputNorm("rgb", (127.5,) * 3, (127.5,) * 3)


class BlazeFaceHead(FaceHead):
    """The family ``blazeface``: 4-pixel cells, one anchor each."""

    norm: ClassVar[InputNorm] = _TFLITE_NORM
    expects: ClassVar[str] = "1 x cells x 16 and 1 x cells x 1 for cells of 4 pixels"
    is_channels_last: ClassVar[bool] = True

    def fits(self, shapes: Sequence[Shape], width_px: int, height_px: int) -> bool:
        """Two tables, one row for each cell."""
        cells = (width_px // CELL_PX) * (height_px // CELL_PX)
        return list(shapes) == [(1, cells, 4 + 2 * KEY_POINTS), (1, cells, 1)]

    def decode(
        self, outputs: Sequence[Tensor], width_px: int, height_px: int, score_floor: float
    ) -> FaceCandidates:
        """See ``FaceHead.decode``; the corners of the mouth are estimated."""
        table, logits = outputs[0][0], outputs[1][0, :, 0]
        scores = (1 / (1 + np.exp(-np.clip(logits, -MAX_LOGIT, MAX_LOGIT)))).astype(np.float32)
        places = np.flatnonzero(scores >= score_floor)
        anchor = (grid_centres(width_px, height_px, CELL_PX)[places] + 0.5) * CELL_PX
        centre, size = anchor + table[places, :2], table[places, 2:4]
        boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
        key_points = table[places, 4:].reshape(-1, KEY_POINTS, 2) + anchor[:, None]
        return FaceCandidates(boxes, scores[places], five_of_six(key_points))


def five_of_six(key_points: Tensor) -> Tensor:
    """Our five landmarks from BlazeFace's six key points.

    Args:
        key_points: ``(n, 6, 2)``, see ``KEY_POINTS``.

    Returns:
        ``(n, 5, 2)``: eyes and nose as they are, the corners of the mouth at both sides of its
        middle, parallel to the eyes.
    """
    eyes_and_nose, mouth = key_points[:, :3], key_points[:, 3]
    aside = MOUTH_HALF_WIDTH * (key_points[:, 1] - key_points[:, 0])
    corners = np.stack([mouth - aside, mouth + aside], axis=1)
    return np.concatenate([eyes_and_nose, corners], axis=1)


class SsdFaceHead(FaceHead):
    """The family ``ssd_postprocess``: a TFLite file that decodes its own boxes, without landmarks.

    What Coral publishes for the EdgeTPU ends in this operation (boxes, classes, scores, count).
    """

    norm: ClassVar[InputNorm] = _TFLITE_NORM
    expects: ClassVar[str] = "boxes 1 x n x 4, classes and scores 1 x n, and their count"
    is_channels_last: ClassVar[bool] = True

    def fits(self, shapes: Sequence[Shape], width_px: int, height_px: int) -> bool:
        """The four outputs of the operation."""
        del width_px, height_px
        if len(shapes) != 4 or len(shapes[0]) != 3:
            return False
        count = shapes[0][1]
        return list(shapes) == [(1, count, 4), (1, count), (1, count), (1,)]

    def decode(
        self, outputs: Sequence[Tensor], width_px: int, height_px: int, score_floor: float
    ) -> FaceCandidates:
        """See ``FaceHead.decode``; boxes come as top, left, bottom, right, 0..1."""
        count = int(outputs[3][0])
        scores = outputs[2][0, :count]
        places = np.flatnonzero(scores >= score_floor)
        scale = np.array([width_px, height_px] * 2, np.float32)
        boxes = outputs[0][0, places][:, [1, 0, 3, 2]] * scale
        return FaceCandidates(boxes, scores[places], np.empty((len(places), 0, 2), np.float32))
