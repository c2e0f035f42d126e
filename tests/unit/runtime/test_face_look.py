from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import spyoncino
from spyoncino.detectors.base import FaceDetector, Image
from spyoncino.detectors.embedders import Embedder, create_embedder
from spyoncino.detectors.factory import create_face_detector
from spyoncino.detectors.results import DetectionMetrics, FaceDetectionResult
from spyoncino.geometry.boxes import Box
from spyoncino.runtime.face_look import FaceLook
from spyoncino.runtime.tasks import FaceRegion

VISITOR = Path(spyoncino.__file__).parent / "assets" / "demo" / "visitor.png"
WIDTH, HEIGHT = 1280, 720
AT = ((100, 200), (700, 150))
"""Where the visitor stands twice, left and top in pixels."""


class Boxes(FaceDetector):
    """Finds white squares, without landmarks, and keeps the sizes it was shown."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        del config
        self.shown: list[tuple[int, int]] = []
        self.is_closed = False

    @classmethod
    def is_available(cls) -> bool:
        return True

    @property
    def name(self) -> str:
        return "boxes"

    def detect_faces(self, image: Image) -> tuple[list[FaceDetectionResult], DetectionMetrics]:
        self.shown.append(image.shape[:2])
        height, width = image.shape[:2]
        count, _, stats, _ = cv2.connectedComponentsWithStats(
            (image.min(axis=2) > 200).astype(np.uint8)
        )
        faces = [
            FaceDetectionResult(0.8, Box(x / width, y / height, (x + w) / width, (y + h) / height))
            for x, y, w, h, _ in stats[1:count].tolist()
        ]
        return faces, DetectionMetrics(self.name, 1, len(faces), 0.5, 2.0, 0.25)

    def close(self) -> None:
        self.is_closed = True


class Brightness(Embedder):
    """Two numbers of a face, and how many it was asked for at once."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.is_closed = False

    @classmethod
    def is_available(cls) -> bool:
        return True

    @property
    def name(self) -> str:
        return "brightness"

    @property
    def dimensions(self) -> int:
        return 2

    def embed(self, aligned: Sequence[Image]) -> NDArray[np.float32]:
        self.asked.append(len(aligned))
        return np.array([[0.6, 0.8]] * len(aligned), np.float32)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(scope="module")
def real() -> Iterator[FaceLook]:
    look = FaceLook(create_face_detector("cpu", {}), create_embedder({}))
    yield look
    look.close()


@pytest.fixture(scope="module")
def scene() -> Image:
    visitor = np.asarray(cv2.imread(str(VISITOR)), np.uint8)
    picture = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for left, top in AT:
        height, width = visitor.shape[:2]
        picture[top : top + height, left : left + width] = visitor
    return picture


def person(number: int) -> Box:
    left, top = AT[number]
    return Box(left / WIDTH, top / HEIGHT, (left + 378) / WIDTH, (top + 498) / HEIGHT)


def squares(*places: tuple[int, int, int]) -> Image:
    picture = np.zeros((240, 320, 3), np.uint8)
    for left, top, side in places:
        picture[top : top + side, left : left + side] = 255
    return picture


def test_faces_of_regions_are_found_measured_embedded_and_assigned(
    real: FaceLook, scene: Image
) -> None:
    regions = [FaceRegion(person(0), 7), FaceRegion(person(1), 8)]
    result = real.look(scene, regions, whole=True)
    assert {face.track_id for face in result.faces} == {7, 8}
    assert len(result.faces) == 2
    assert (result.detector, result.embedder) == ("cpu:centerface", "mobilefacenet")
    assert result.metrics.image_count == 3
    assert result.metrics.detection_count == 2
    assert result.embed_ms > 0
    first, second = (np.frombuffer(face.vector, "<f4") for face in result.faces)
    assert np.linalg.norm(first) == pytest.approx(1.0, abs=1e-5)
    assert float(first @ second) > 0.97


def test_face_of_a_region_is_placed_in_the_whole_picture(real: FaceLook, scene: Image) -> None:
    (face,) = real.look(scene, [FaceRegion(person(1), 8)], whole=False).faces
    left, top = AT[1]
    eye, *_ = face.landmarks
    assert eye[0] * WIDTH == pytest.approx(left + 184, abs=6)
    assert eye[1] * HEIGHT == pytest.approx(top + 89, abs=6)
    assert face.quality.size_px == pytest.approx(90, abs=12)
    assert face.quality.inside == 1.0


def test_crop_gives_the_same_vector_again(real: FaceLook, scene: Image) -> None:
    (face,) = real.look(scene, [FaceRegion(person(0), 7)], whole=False).faces
    crop = cv2.imdecode(np.frombuffer(face.crop, np.uint8), cv2.IMREAD_COLOR)
    assert crop is not None
    assert crop.shape == (112, 112, 3)
    assert real.embedder is not None
    again = real.embedder.embed([np.asarray(crop, np.uint8)])[0]
    assert float(again @ np.frombuffer(face.vector, "<f4")) > 0.99


def test_only_faces_better_than_the_track_has_are_embedded(real: FaceLook, scene: Image) -> None:
    regions = [FaceRegion(person(0), 7, embed_above=1.0), FaceRegion(person(1), 8)]
    by_track = {face.track_id: face for face in real.look(scene, regions, whole=False).faces}
    assert by_track[7].vector == b""
    assert by_track[7].crop == b""
    assert by_track[7].quality.score > 0.8
    assert by_track[8].vector


def test_faces_outside_of_regions_obey_the_jobs_own_limit(real: FaceLook, scene: Image) -> None:
    regions = [FaceRegion(person(0), 7)]
    by_track = {f.track_id: f for f in real.look(scene, regions, embed_above=1.0).faces}
    assert by_track[7].vector
    assert not by_track[None].vector


def test_only_the_best_faces_are_given_back_and_embedded() -> None:
    embedder = Brightness()
    picture = squares((10, 10, 40), (100, 10, 30), (200, 10, 20))
    noise = np.random.default_rng(2).integers(0, 50, picture.shape, dtype=np.uint8)
    result = FaceLook(Boxes({}), embedder).look(
        np.asarray(cv2.subtract(picture, noise), np.uint8), max_faces=2
    )
    assert len(result.faces) == 2
    assert result.metrics.detection_count == 3
    assert embedder.asked == [2]
    scores = [face.quality.score for face in result.faces]
    assert scores == sorted(scores, reverse=True)


def test_face_without_landmarks_is_cut_out_by_its_box_and_marked_poor() -> None:
    picture = squares((10, 10, 40))
    picture[20:30, 20:40] = 210
    (face,) = FaceLook(Boxes({}), Brightness()).look(picture).faces
    assert face.landmarks == ()
    assert face.quality.pose == 0.0
    assert face.quality.score <= 0.2
    assert face.vector == np.array([0.6, 0.8], "<f4").tobytes()


def test_without_an_embedder_faces_are_only_found_and_measured() -> None:
    result = FaceLook(Boxes({}), None).look(squares((10, 10, 40)))
    assert result.embedder == ""
    assert [face.vector for face in result.faces] == [b""]


def test_picture_without_faces_costs_no_embedding() -> None:
    embedder = Brightness()
    assert FaceLook(Boxes({}), embedder).look(squares()).faces == ()
    assert embedder.asked == []


def test_tiny_pictures_and_regions_at_the_edge_are_no_trouble() -> None:
    detector = Boxes({})
    look = FaceLook(detector, None)
    look.look(np.zeros((1, 1, 3), np.uint8))
    look.look(squares(), [FaceRegion(Box(0.999, 0.999, 1.0, 1.0), 1)], whole=False)
    assert detector.shown[0] == (1, 1)


def test_same_region_twice_is_looked_at_once() -> None:
    detector = Boxes({})
    region = FaceRegion(Box(0.1, 0.1, 0.5, 0.9), 1)
    FaceLook(detector, None).look(squares(), [region, region], whole=False)
    assert len(detector.shown) == 1


def test_closing_gives_both_models_back() -> None:
    detector, embedder = Boxes({}), Brightness()
    FaceLook(detector, embedder).close()
    assert detector.is_closed
    assert embedder.is_closed
