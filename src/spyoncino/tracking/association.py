"""Pairs tracks with detections at the lowest total cost."""

from dataclasses import dataclass

import lap
import numpy as np
from numpy.typing import NDArray

from spyoncino.geometry.boxes import iou_matrix

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Row ``rows[i]`` belongs to column ``columns[i]``; no row and no column occurs twice."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]

    def plus(self, other: "Pairs") -> "Pairs":
        """These pairs, then the others."""
        return Pairs(
            np.concatenate([self.rows, other.rows]), np.concatenate([self.columns, other.columns])
        )


NO_PAIRS = Pairs(np.empty(0, np.intp), np.empty(0, np.intp))

FORBIDDEN = 1e3
"""Cost of a pair that must not be; above any limit."""


def inflated(boxes: FloatArray, share: float) -> FloatArray:
    """Boxes grown on each side by a share of their size (buffered IoU, Yang et al. 2023).

    Two boxes of a thing that moved by more than its own width overlap again.
    """
    grow = (boxes[:, 2:] - boxes[:, :2]) * share
    return np.concatenate([boxes[:, :2] - grow, boxes[:, 2:] + grow], axis=1)


def overlap_cost(
    tracks: FloatArray,
    detections: FloatArray,
    scores: FloatArray,
    is_allowed: NDArray[np.bool_],
    inflate_share: float = 0.0,
) -> FloatArray:
    """``(n, m)`` cost of each pair: 1 - IoU times the detection's score raised to 1/2 .. 1.

    Args:
        tracks: ``(n, 4)`` predicted boxes.
        detections: ``(m, 4)`` detected boxes.
        scores: ``(m,)`` scores in 0..1; of two boxes that fit alike the surer one wins.
        is_allowed: ``(n, m)`` False where labels do not go together.
        inflate_share: Compare boxes grown by this share of their size.
    """
    if inflate_share:
        tracks, detections = inflated(tracks, inflate_share), inflated(detections, inflate_share)
    cost = 1.0 - iou_matrix(tracks, detections) * (0.5 + 0.5 * scores)
    return np.where(is_allowed, cost, FORBIDDEN)


def assign(cost: FloatArray, limit: float) -> Pairs:
    """Rows and columns that belong together (Jonker and Volgenant 1987); rows ascend.

    Args:
        cost: ``(n, m)``.
        limit: A pair that costs more is not made.
    """
    if cost.size == 0 or float(cost.min()) > limit:
        return NO_PAIRS
    _, columns, _ = lap.lapjv(cost, extend_cost=True, cost_limit=limit)
    rows = np.flatnonzero(columns >= 0)
    return Pairs(rows, columns[rows].astype(np.intp))


def assign_within(
    cost: FloatArray, limit: float, may_row: NDArray[np.bool_], may_column: NDArray[np.bool_]
) -> Pairs:
    """``assign`` among some of the rows and columns; numbers are those of the whole matrix."""
    rows, columns = np.flatnonzero(may_row), np.flatnonzero(may_column)
    pairs = assign(cost[np.ix_(rows, columns)], limit)
    return Pairs(rows[pairs.rows], columns[pairs.columns])
