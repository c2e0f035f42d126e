"""What ``detection_bench.py --task faces`` measures; part of that benchmark, not one of its own."""

import csv
import statistics
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from report import Row
from spyoncino.detectors.auto import front_door_pictures
from spyoncino.detectors.base import DetectorUnavailableWarning, FaceDetector, Image
from spyoncino.detectors.faces_onnx import OnnxFaceDetector
from spyoncino.detectors.factory import DetectorFactory, create_face_detector

INPUT_SIZES_PX = (320, 480, 640)
CROP_PX = (90, 240)
"""A person far away, cut out of a 720p picture."""


def face_rows(rounds: int, data: Path | None) -> list[Row]:
    """Every strategy that can run here, with its defaults."""
    rows: list[Row] = []
    images = front_door_pictures()
    factory = DetectorFactory(task="faces")
    for name in factory.list_available():
        if name == "mock":
            continue
        for config in _configs(name):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DetectorUnavailableWarning)
                detector = create_face_detector(name, config)
            with detector:
                rows += _cost(detector, config, images, rounds)
                if data is not None and config.get("max_input_px", 640) in (320, 640):
                    rows += _found(detector, config, data)
    rows.append(_overhead(images, rounds))
    for name, hardware in factory.list_untried().items():
        rows.append(Row(f"{name}: not run on {hardware}", float("nan"), "", None))
    return rows


def _configs(name: str) -> list[dict[str, Any]]:
    """Input sizes where the network takes any; else the defaults alone."""
    if name == "edgetpu":
        return [{}]
    return [{"max_input_px": size} for size in INPUT_SIZES_PX]


def _title(detector: FaceDetector, config: dict[str, Any]) -> str:
    size = config.get("max_input_px")
    return f"{detector.name}, input {size} px" if size else detector.name


def _cost(
    detector: FaceDetector, config: dict[str, Any], images: Sequence[Image], rounds: int
) -> list[Row]:
    facts = detector.benchmark([*images] * rounds)
    title = _title(detector, config)
    note = f"median of {facts['image_count']} pictures of 1280x720, one thread"
    crop = np.asarray(cv2.resize(images[0], CROP_PX), np.uint8)
    small = detector.benchmark([crop] * rounds)
    return [
        Row(f"{title}: one picture", facts["median_ms"], "ms", None, note),
        Row(f"{title}: one picture, p95", facts["p95_ms"], "ms"),
        Row(f"{title}: crop of a person, 90x240", small["median_ms"], "ms"),
    ]


def _found(detector: FaceDetector, config: dict[str, Any], data: Path) -> list[Row]:
    """Counts against the truth: a face too many is one that nobody is."""
    with (data / "faces" / "groups.csv").open(encoding="utf-8") as file:
        groups = [(row["file"], int(row["faces"])) for row in csv.DictReader(file)]
    with (data / "faces" / "labels.csv").open(encoding="utf-8") as file:
        portraits = [row["file"] for row in csv.DictReader(file)]

    def count(name: str) -> int:
        return len(detector.detect_faces(np.asarray(cv2.imread(str(data / name)), np.uint8))[0])

    pairs = [(count(name), there) for name, there in groups]
    right = sum(min(pair) for pair in pairs)
    reported, there = sum(found for found, _ in pairs), sum(there for _, there in pairs)
    with_face = sum(count(name) > 0 for name in portraits)
    title = _title(detector, config)
    note = f"{there} faces in {len(groups)} pictures, by number in each picture"
    return [
        Row(f"{title}: recall in groups", right / there, "ratio", None, note),
        Row(f"{title}: precision in groups", right / max(1, reported), "ratio"),
        Row(f"{title}: portraits with a face", with_face / len(portraits), "ratio"),
    ]


def _overhead(images: Sequence[Image], rounds: int) -> Row:
    """The whole of ``cpu`` against its network alone, run in turn on the same input."""
    whole: list[float] = []
    bare: list[float] = []
    with OnnxFaceDetector({}) as detector:
        for image in [*images] * rounds:
            width, height = detector.input_size_px(image.shape[1], image.shape[0])
            tensor = np.zeros((1, 3, height, width), np.float32)
            began = time.perf_counter()
            detector.detect_faces(image)
            between = time.perf_counter()
            detector._session.run(tensor)  # noqa: SLF001 - the thing itself is what is compared
            whole.append(between - began)
            bare.append(time.perf_counter() - between)
    ratio = statistics.median(whole) / statistics.median(bare)
    return Row("cpu: whole detector / bare network", ratio, "ratio", None, "run in turn, 640x384")
