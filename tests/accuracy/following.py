"""Follows what moves in a clip with the real parts, without bus and processes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.motion_factory import build_motion_detector
from spyoncino.detectors.motion_spec import MotionFacts, MotionSpec
from spyoncino.detectors.objects_onnx import OnnxObjectDetector
from spyoncino.detectors.results import RawDetection
from spyoncino.detectors.tiles import merge_tiles
from spyoncino.events.labels import DEFAULT_LABELS
from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.media.colour import i420_crop_to_bgr, i420_to_bgr
from spyoncino.schemas.detections import TrackState
from spyoncino.tracking.mot import MotWriter
from spyoncino.tracking.regions import closer_look
from spyoncino.tracking.spec import Observation, TrackedObject
from spyoncino.tracking.tracker import Tracker

MAX_FPS = 15.0
MAX_WIDTH_PX = 1280


@dataclass(slots=True)
class Followed:
    """What was found: MOT rows of persons, and every confirmed track as it stood at its end."""

    mot_rows: list[str] = field(default_factory=list)
    tracks: list[TrackedObject] = field(default_factory=list)

    def overlaps(self, label: str, start_s: float, end_s: float) -> float:
        """Longest time that a track of this label shares with a span."""
        shared = [
            min(end_s, track.end_s) - max(start_s, track.start_s)
            for track in self.tracks
            if track.label == label
        ]
        return max(0.0, *shared) if shared else 0.0


def analysed(
    path: Path, max_fps: float = MAX_FPS
) -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
    """Index, time and I420 picture of the frames that an analysis takes."""
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        every = max(1, math.ceil(float(stream.average_rate or 1) / max_fps - 0.01))
        first_s: float | None = None
        for index, frame in enumerate(opened.decode(stream)):
            pts_s = float(frame.time or 0.0)
            first_s = pts_s if first_s is None else first_s
            if index % every == 0:
                shrink = min(1.0, MAX_WIDTH_PX / frame.width)
                size = (int(frame.width * shrink) & ~1, int(frame.height * shrink) & ~1)
                picture = frame.reformat(width=size[0], height=size[1], format="yuv420p")
                yield index, pts_s - first_s, np.asarray(picture.to_ndarray(), np.uint8)


def follow(path: Path, detector: OnnxObjectDetector, max_fps: float = MAX_FPS) -> Followed:
    """Motion, objects (the whole picture, then closer), tracks."""
    motion = build_motion_detector(MotionSpec())
    assert motion is not None
    tracker, result = Tracker(), Followed()
    writer: MotWriter | None = None
    last: dict[int, TrackedObject] = {}
    for index, pts_s, picture in analysed(path, max_fps):
        height, width = picture.shape[0] * 2 // 3, picture.shape[1]
        writer = writer or MotWriter(width, height)
        found = _look(detector, picture, motion.measure(picture[:height], pts_s))
        told = tracker.update([Observation(d.label, d.score, d.box) for d in found], pts_s)
        writer.add(index, [track for track in told if track.label == "person"], pts_s)
        last.update({track.track_id: track for track in told})
    last.update({track.track_id: track for track in tracker.finish()})
    result.mot_rows = writer.rows() if writer else []
    result.tracks = [track for track in last.values() if track.state is TrackState.ENDED]
    return result


def _look(
    detector: OnnxObjectDetector, picture: NDArray[np.uint8], moved: MotionFacts
) -> list[RawDetection]:
    size = (picture.shape[1], picture.shape[0] * 2 // 3)
    whole = _wanted(detector.detect(i420_to_bgr(picture))[0])
    tiles: list[tuple[Box, list[RawDetection]]] = [(FULL_PICTURE, whole)]
    for square in closer_look(moved.regions, whole, size):
        left, top, right, bottom = (
            round(edge * side) for edge, side in zip(square, size * 2, strict=True)
        )
        part = detector.detect(i420_crop_to_bgr(picture, (left, top, right, bottom)))[0]
        tiles.append((square, _wanted(part)))
    return merge_tiles(tiles)


def _wanted(found: list[RawDetection]) -> list[RawDetection]:
    return [detection for detection in found if detection.label in DEFAULT_LABELS]
