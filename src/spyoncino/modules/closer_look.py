"""Looking a second time, closer, where something moves that the first look did not explain."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from spyoncino.detectors.results import RawDetection
from spyoncino.detectors.tiles import merge_tiles
from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.runtime.tasks import ObjectResult
from spyoncino.schemas.frames import Frame
from spyoncino.tracking.regions import RegionSpec, closer_look


def only(result: ObjectResult, labels: Collection[str]) -> ObjectResult:
    """The result with detections of these labels only; of all labels when there is none."""
    if not labels:
        return result
    kept = tuple(each for each in result.detections if each.label in labels)
    return replace(result, detections=kept)


def closer_tiles(frame: Frame, first: ObjectResult, max_regions: int) -> tuple[Box, ...]:
    """Squares around what moves and was not found in the whole picture; often none.

    Args:
        frame: The frame with its motion.
        first: What was found in the whole picture, of the wanted labels only.
        max_regions: At most so many.
    """
    if frame.motion is None or not frame.motion.regions or max_regions == 0:
        return ()
    size_px = (frame.frame.width_px, frame.frame.height_px)
    spec = RegionSpec(max_regions=max_regions)
    return closer_look(frame.motion.regions, first.detections, size_px, spec)


def joined(first: ObjectResult, closer: Sequence[tuple[Box, ObjectResult]]) -> ObjectResult:
    """Both looks as one, without doubles and without boxes that a square cut.

    Args:
        first: The look at the whole picture.
        closer: Each square with what was found in it, normalised to the picture.
    """
    if not closer:
        return first
    tiles: list[tuple[Box, Sequence[RawDetection]]] = [(FULL_PICTURE, first.detections)]
    tiles += [(tile, _within(tile, result.detections)) for tile, result in closer]
    looked_at = (*first.looked_at, *(tile for tile, _ in closer))
    return replace(first, detections=tuple(merge_tiles(tiles)), looked_at=looked_at)


def _within(tile: Box, found: Sequence[RawDetection]) -> list[RawDetection]:
    """Detections of the picture as fractions of a tile, as ``merge_tiles`` takes them."""
    return [replace(each, box=_fraction(each.box, tile)) for each in found]


def _fraction(box: Box, tile: Box) -> Box:
    return Box(
        (box.left - tile.left) / tile.width,
        (box.top - tile.top) / tile.height,
        (box.right - tile.left) / tile.width,
        (box.bottom - tile.top) / tile.height,
    )
