"""Tracks as MOTChallenge text, for scoring by outside tools.

One row a decoded frame and track: ``frame, id, left, top, width, height, confidence, -1, -1, -1``;
frames count from 1, boxes are in pixels of the source. Frames between two detections of a track
are filled by straight lines, at most ``MAX_COAST_FRAMES`` of them beyond what was not analysed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from spyoncino.geometry.boxes import Box
from spyoncino.schemas.detections import TrackState
from spyoncino.tracking.spec import TrackedObject

MAX_COAST_FRAMES = 3
"""Decoded frames a track may go on between two detections."""


@dataclass(slots=True)
class _Path:
    points: list[tuple[int, Box, float]] = field(default_factory=list)
    is_told: bool = False


class MotWriter:
    """Collects the tracks of analysed frames and writes rows for all decoded ones.

    A track's rows are kept from its first detection and written only if the system would tell of
    it: it was confirmed and has moved. What stood there all the time is no row.

    Args:
        width_px: Width of the source's picture.
        height_px: Height of the source's picture.
    """

    def __init__(self, width_px: int, height_px: int) -> None:
        self._size = (width_px, height_px)
        self._paths: dict[int, _Path] = {}
        self._analysed: list[int] = []

    def add(self, frame_index: int, tracks: Iterable[TrackedObject], pts_s: float) -> None:
        """Take the tracks of one analysed frame.

        Args:
            frame_index: Number of the decoded frame, from 0.
            tracks: What the tracker told for it.
            pts_s: Time of the frame; only tracks detected in it (``end_s == pts_s``) are taken.
        """
        self._analysed.append(frame_index)
        for track in tracks:
            if track.end_s != pts_s or track.state is TrackState.ENDED:
                continue
            path = self._paths.setdefault(track.track_id, _Path())
            path.points.append((frame_index, track.box, track.score))
            is_sure = track.state is TrackState.CONFIRMED
            path.is_told = path.is_told or (is_sure and track.moved)

    def rows(self) -> list[str]:
        """All rows, by frame and id."""
        longest_gap = self._longest_gap()
        rows: list[tuple[int, int, str]] = []
        for track_id, path in self._paths.items():
            if path.is_told:
                rows.extend(self._rows_of(track_id, path.points, longest_gap))
        return [text for _, _, text in sorted(rows)]

    def _rows_of(
        self, track_id: int, points: list[tuple[int, Box, float]], longest_gap: int
    ) -> Iterable[tuple[int, int, str]]:
        previous: tuple[int, Box, float] | None = None
        for point in points:
            if previous is not None and point[0] - previous[0] - 1 <= longest_gap:
                for frame in range(previous[0] + 1, point[0]):
                    share = (frame - previous[0]) / (point[0] - previous[0])
                    box = _between(previous[1], point[1], share)
                    yield self._row(frame, track_id, box, min(previous[2], point[2]))
            yield self._row(point[0], track_id, point[1], point[2])
            previous = point

    def _longest_gap(self) -> int:
        """Frames between two analysed ones, or the coasting limit where that is longer."""
        steps = sorted(b - a for a, b in zip(self._analysed, self._analysed[1:], strict=False))
        return max(MAX_COAST_FRAMES, steps[len(steps) // 2] - 1) if steps else MAX_COAST_FRAMES

    def _row(self, frame: int, track_id: int, box: Box, score: float) -> tuple[int, int, str]:
        width, height = self._size
        text = (
            f"{frame + 1},{track_id},{box.left * width:.2f},{box.top * height:.2f},"
            f"{box.width * width:.2f},{box.height * height:.2f},{score:.3f},-1,-1,-1"
        )
        return frame, track_id, text


def _between(first: Box, second: Box, share: float) -> Box:
    return Box(*(a + (b - a) * share for a, b in zip(first, second, strict=True)))
