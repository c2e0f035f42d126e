"""Removing doubles: several boxes around one thing, and one thing under two names."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SAME_LABEL_IOU: Final = 0.5
"""Two boxes of one label that overlap more than this are one thing. Against the 0.6 of the NanoDet
authors it costs 0.3 % of the persons in a crowd and saves 1 to 2 % of false ones where several
tiles overlap (``benchmarks/bench_detectors.py``)."""

TWIN_IOU: Final = 0.8
"""Two boxes of different labels that overlap more than this are one thing under two names (car and
truck); a rider and the bicycle overlap less."""

MAX_CANDIDATES: Final = 300
"""Only so many of the best boxes are compared: busy streets have about 250 above a score of 0.1."""


def suppress_doubles(
    boxes: NDArray[np.float64],
    scores: NDArray[np.float64],
    classes: NDArray[np.int64],
    same_label_iou: float = SAME_LABEL_IOU,
    twin_iou: float = TWIN_IOU,
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression, stricter within one label than between labels.

    Args:
        boxes: ``(n, 4)`` left, top, right, bottom in any one unit.
        scores: ``(n,)``.
        classes: ``(n,)`` label numbers.
        same_label_iou: Limit for boxes of the same label, 0..1.
        twin_iou: Limit for boxes of different labels, 0..1; 1 keeps all of them.

    Returns:
        Indices of the boxes that stay, best score first; equal scores keep their order.
    """
    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    left, top, right, bottom = boxes[order].T
    names = classes[order]
    width = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    height = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    areas = np.maximum(right - left, 0.0) * np.maximum(bottom - top, 0.0)
    union = areas[:, None] + areas - shared
    limit = np.where(names[:, None] == names, same_label_iou, twin_iou)
    is_double = shared > limit * union
    is_left = np.ones(len(order), np.bool_)
    kept: list[int] = []
    for place in range(len(order)):
        if is_left[place]:
            kept.append(place)
            is_left &= ~is_double[place]
    return order[kept].astype(np.int64)
