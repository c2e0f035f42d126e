"""Polygons in normalised picture coordinates: which points they hold, and how much of a box.

Corners are ``(x, y)`` pairs, 0..1 of the whole picture, in either turning direction; the last
corner is joined to the first. A polygon may be concave; where its edges cross themselves the
even-odd rule decides. Pure, standard library only.
"""

from collections.abc import Sequence

from spyoncino.geometry.boxes import Box

Point = tuple[float, float]
Polygon = Sequence[Point]

EDGE_TOLERANCE = 1e-9
"""Distance (fraction of the picture) within which a point counts as on an edge: float rounding."""


def polygon_area(polygon: Polygon) -> float:
    """Area as a fraction of the picture's area (shoelace formula); 0 below three corners."""
    doubled = 0.0
    for (x1, y1), (x2, y2) in _edges(polygon):
        doubled += x1 * y2 - x2 * y1
    return abs(doubled) / 2


def contains(polygon: Polygon, point: Point) -> bool:
    """Whether the point lies inside or on the edge; a polygon below three corners holds nothing.

    Edges count as inside so that somebody whose feet are cut off by the lower border of the
    picture (y = 1) stands in a zone that is drawn down to that border.
    """
    if len(polygon) < 3:
        return False
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in _edges(polygon):
        if _is_on_edge(point, (x1, y1), (x2, y2)):
            return True
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside


def covered_share(polygon: Polygon, box: Box) -> float:
    """Share of the box that the polygon covers, 0..1 (Sutherland-Hodgman clipping to the box).

    Exact for polygons whose edges do not cross themselves; 0 for a box without area.
    """
    if box.area <= 0 or len(polygon) < 3:
        return 0.0
    corners = list(polygon)
    for axis, limit, keeps_larger in (
        (0, box.left, True),
        (0, box.right, False),
        (1, box.top, True),
        (1, box.bottom, False),
    ):
        corners = _clip(corners, axis, limit, keeps_larger=keeps_larger)
    return min(1.0, polygon_area(corners) / box.area)


def _edges(polygon: Polygon) -> list[tuple[Point, Point]]:
    return [(polygon[i - 1], polygon[i]) for i in range(len(polygon))]


def _is_on_edge(point: Point, start: Point, end: Point) -> bool:
    (x, y), (x1, y1), (x2, y2) = point, start, end
    length_x, length_y = x2 - x1, y2 - y1
    squared = length_x * length_x + length_y * length_y
    along = ((x - x1) * length_x + (y - y1) * length_y) / squared if squared else 0.0
    along = min(1.0, max(0.0, along))
    off_x, off_y = x - (x1 + along * length_x), y - (y1 + along * length_y)
    return off_x * off_x + off_y * off_y <= EDGE_TOLERANCE * EDGE_TOLERANCE


def _clip(corners: list[Point], axis: int, limit: float, *, keeps_larger: bool) -> list[Point]:
    """The part of a polygon on one side of the line ``coordinate[axis] == limit``."""

    def is_kept(corner: Point) -> bool:
        return corner[axis] >= limit if keeps_larger else corner[axis] <= limit

    kept: list[Point] = []
    for start, end in _edges(corners):
        if is_kept(start) != is_kept(end):
            share = (limit - start[axis]) / (end[axis] - start[axis])
            other = start[1 - axis] + share * (end[1 - axis] - start[1 - axis])
            kept.append((limit, other) if axis == 0 else (other, limit))
        if is_kept(end):
            kept.append(end)
    return kept
