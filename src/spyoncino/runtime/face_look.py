"""One look for faces: find them, measure them, embed the good ones. Arrays in, values out.

The worker's task and the commands that enrol and identify pictures share it.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.base import FaceDetector, Image
from spyoncino.detectors.embedders import ALIGNED_PX, Embedder
from spyoncino.detectors.results import DetectionMetrics, FaceDetectionResult
from spyoncino.faces.alignment import align, align_box
from spyoncino.faces.quality import measure
from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.runtime.face_regions import assign, head_part, without_doubles
from spyoncino.runtime.tasks import CropsResult, FaceRegion, FaceResult, FoundFace

CROP_QUALITY: Final = 90
"""JPEG quality of the aligned faces, about 5 kB each; an embedding made again from such a crop has
a cosine above 0.99 to the first one."""

REGION_PX: Final = 384
"""Longer side of a person's region as the detector gets it: a face is at least a tenth of it and
so wide enough to be found, at a third of the time and memory of a region of 640 pixels."""

_AROUND: Final = 0.8
"""A face is cut out with so much of its size on each side, more than alignment ever needs."""

PixelBox = tuple[int, int, int, int]


class Picture(Protocol):
    """A picture of which only parts are turned into BGR."""

    @property
    def width_px(self) -> int:
        """Its width."""
        ...

    @property
    def height_px(self) -> int:
        """Its height."""
        ...

    def part(self, box_px: PixelBox) -> Image:
        """Left, top, right, bottom (exclusive), inside the picture, as BGR."""
        ...


class ArrayPicture:
    """A picture that is an array already.

    Args:
        image: ``(h, w, 3)`` uint8 BGR.
    """

    def __init__(self, image: Image) -> None:
        self._image = image

    @property
    def width_px(self) -> int:
        """Its width."""
        return int(self._image.shape[1])

    @property
    def height_px(self) -> int:
        """Its height."""
        return int(self._image.shape[0])

    def part(self, box_px: PixelBox) -> Image:
        """A view."""
        left, top, right, bottom = box_px
        return self._image[top:bottom, left:right]


class FaceLook:
    """Looks at pictures with one detector and one embedder.

    Args:
        detector: Finds faces.
        embedder: Makes their vectors; ``None`` only finds and measures.
    """

    def __init__(self, detector: FaceDetector, embedder: Embedder | None) -> None:
        self.detector = detector
        self.embedder = embedder

    def look(
        self,
        image: Image,
        regions: Sequence[FaceRegion] = (),
        *,
        whole: bool = True,
        embed_above: float = 0.0,
        max_faces: int = 16,
    ) -> FaceResult:
        """Look at an array; see ``look_at``."""
        return self.look_at(
            ArrayPicture(image), regions, whole=whole, embed_above=embed_above, max_faces=max_faces
        )

    def look_at(
        self,
        picture: Picture,
        regions: Sequence[FaceRegion] = (),
        *,
        whole: bool = True,
        embed_above: float = 0.0,
        max_faces: int = 16,
    ) -> FaceResult:
        """Look for faces where the heads of persons should be, in the whole picture, or in both.

        Args:
            picture: Where to look.
            regions: Boxes of persons; each is looked into on its own, at the best scale for it.
            whole: Look at the whole picture too.
            embed_above: Faces outside all regions are embedded when better than this, 0..1.
            max_faces: The best so many are given back.

        Returns:
            Faces, best quality first, each once and with the track of the region it lies in.

        Raises:
            ModelError: A model failed.
        """
        found, cost = self._find(picture, regions, whole=whole)
        began = time.perf_counter()
        owners = assign([face.box for face in found], [region.box for region in regions])
        looked = [
            self._measured(picture, face, None if owner is None else regions[owner], embed_above)
            for face, owner in zip(found, owners, strict=True)
        ]
        looked.sort(key=lambda item: -item[0].quality.score)
        faces = self._embedded(looked[:max_faces])
        return FaceResult(
            faces=faces,
            detector=self.detector.name,
            embedder="" if self.embedder is None else self.embedder.name,
            metrics=replace(cost, detection_count=len(found)),
            embed_ms=1000 * (time.perf_counter() - began),
        )

    def _find(
        self, picture: Picture, regions: Sequence[FaceRegion], *, whole: bool
    ) -> tuple[list[FaceDetectionResult], DetectionMetrics]:
        """Every face once, and what finding them cost."""
        shape = (picture.width_px, picture.height_px)
        tiles = [(_pixels(head_part(item.box, *shape), *shape), REGION_PX) for item in regions]
        if whole:
            tiles.append((_pixels(FULL_PICTURE, *shape), 0))
        cost = DetectionMetrics(self.detector.name, image_count=0)
        found: list[FaceDetectionResult] = []
        for tile, longest_px in dict.fromkeys(tiles):
            began = time.perf_counter()
            part = _shrunk(picture.part(tile), longest_px)
            cut_ms = 1000 * (time.perf_counter() - began)
            faces, tile_cost = self.detector.detect_faces(part)
            cost = cost.plus(tile_cost, 0)
            cost = replace(cost, prepare_ms=cost.prepare_ms + cut_ms)
            found += [_placed(face, tile, *shape) for face in faces]
        return without_doubles(found), cost

    def _measured(
        self,
        picture: Picture,
        face: FaceDetectionResult,
        region: FaceRegion | None,
        embed_above: float,
    ) -> tuple[FoundFace, Image | None]:
        """The face with its quality, and its aligned picture when it is worth embedding."""
        shape = (picture.width_px, picture.height_px)
        around = _pixels(_grown(face.box), *shape)
        part = picture.part(around)
        scale, origin = np.array(shape, np.float64), np.array(around[:2], np.float64)
        points: NDArray[np.float64] | None = None
        if len(face.landmarks) == 5:
            points = np.array(face.landmarks, np.float64) * scale - origin
        left, top, right, bottom = (
            np.array(face.box, np.float64) * np.tile(scale, 2) - np.tile(origin, 2)
        ).tolist()
        box_px = (left, top, right, bottom)
        quality = measure(part, box_px, points)
        limit = embed_above if region is None else region.embed_above
        aligned: Image | None = None
        if self.embedder is not None and quality.score > limit:
            aligned = None if points is None else align(part, points)
            if aligned is None:
                aligned = align_box(part, box_px)
        track_id = None if region is None else region.track_id
        measured = FoundFace(face.box, face.confidence, face.landmarks, track_id, quality)
        return measured, aligned

    def _embedded(self, looked: Sequence[tuple[FoundFace, Image | None]]) -> tuple[FoundFace, ...]:
        """The faces, those with an aligned picture with vector and crop, all in one batch."""
        aligned = [image for _, image in looked if image is not None]
        if self.embedder is None or not aligned:
            return tuple(face for face, _ in looked)
        vectors = iter(self.embedder.embed(aligned).astype("<f4"))
        return tuple(
            face
            if image is None
            else replace(face, vector=next(vectors).tobytes(), crop=_jpeg(image))
            for face, image in looked
        )

    def look_at_crops(self, crops: Sequence[bytes]) -> CropsResult:
        """The vectors of aligned faces that were kept as JPEG.

        Raises:
            ModelError: The model failed.
        """
        if self.embedder is None:
            return CropsResult("", (b"",) * len(crops))
        images = [_aligned_of(crop) for crop in crops]
        usable = [image for image in images if image is not None]
        rows = iter(self.embedder.embed(usable).astype("<f4") if usable else ())
        vectors = tuple(b"" if image is None else next(rows).tobytes() for image in images)
        return CropsResult(self.embedder.name, vectors)

    def close(self) -> None:
        """Give the models back."""
        self.detector.close()
        if self.embedder is not None:
            self.embedder.close()


def _shrunk(image: Image, longest_px: int) -> Image:
    """At most so long on its longer side; 0 leaves it to the detector."""
    scale = longest_px / max(image.shape[:2])
    if not 0 < scale < 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _aligned_of(crop: bytes) -> Image | None:
    """The picture of a kept face; ``None`` for what is none."""
    if not crop:
        return None
    image = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR)
    if image is None or image.shape != (ALIGNED_PX, ALIGNED_PX, 3):
        return None
    return np.asarray(image, np.uint8)


def _jpeg(image: Image) -> bytes:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY])
    return bytes(encoded)


def _grown(box: Box) -> Box:
    across, down = _AROUND * box.width, _AROUND * box.height
    return Box(box.left - across, box.top - down, box.right + across, box.bottom + down)


def _pixels(tile: Box, width_px: int, height_px: int) -> PixelBox:
    """The tile in whole pixels, grown to the next ones; at least one pixel, inside the picture."""
    part = tile.clipped()
    left = min(int(part.left * width_px), width_px - 1)
    top = min(int(part.top * height_px), height_px - 1)
    right = max(left + 1, int(np.ceil(part.right * width_px)))
    bottom = max(top + 1, int(np.ceil(part.bottom * height_px)))
    return left, top, right, bottom


def _placed(
    face: FaceDetectionResult, tile: PixelBox, width_px: int, height_px: int
) -> FaceDetectionResult:
    """A face of a tile as a face of the picture."""
    left, top = tile[0] / width_px, tile[1] / height_px
    across, down = (tile[2] - tile[0]) / width_px, (tile[3] - tile[1]) / height_px
    box = Box(
        left + across * face.box.left,
        top + down * face.box.top,
        left + across * face.box.right,
        top + down * face.box.bottom,
    )
    landmarks = tuple((left + across * x, top + down * y) for x, y in face.landmarks)
    return FaceDetectionResult(face.confidence, box, landmarks)
