"""Measures the detectors that are here with the model in force, and picks one; type ``auto``.

The same for objects and for faces: each has its own detectors, model and choices.

The reference is ``cpu`` with one thread: what every other way finds is compared with it, and it
stays when nothing is clearly faster, or when the machine is too busy to tell. A choice is kept in
a file with its figures, so that only the first start with a model, a machine and a version
measures. Never used where results must be the same everywhere: ``analyze`` takes the reference.
"""

import fcntl
import hashlib
import json
import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from spyoncino import __version__
from spyoncino.detectors.base import BaseDetector, Image, Task
from spyoncino.detectors.face_config import FaceDetectorConfig
from spyoncino.detectors.object_config import ObjectDetectorConfig
from spyoncino.detectors.results import RawDetection
from spyoncino.detectors.store import ModelStore, read_verified
from spyoncino.errors import SpyoncinoError
from spyoncino.hardware.front_door import FrontDoor, Script
from spyoncino.media.colour import i420_crop_to_bgr

REFERENCE: Final = "cpu"
NEVER: Final = frozenset({"auto", "mock", "dlib"})
"""Not candidates: what does not really look, and what has models of its own."""

CLEARLY_FASTER: Final = 0.85
"""A candidate must need less than this share of the reference's time: start-up is a noisy moment,
and the reference is the one whose results are the same everywhere."""

BUSY_LOAD_PER_CORE: Final = 1.5
"""The start itself (main, workers, cameras) makes a load of about one for each core."""

SURE: Final = 0.5
SAME_PLACE_IOU: Final = 0.8
ROUNDS: Final = 3
CHOICES_KEPT: Final = 8

PACKAGES: Final = ("onnxruntime", "onnxruntime-gpu", "openvino", "ai-edge-litert", "numpy")
"""Another version of one of them is measured again."""

PICTURE_TIMES_S: Final = (6.0, 8.0, 10.0)
"""Moments of the simulated front door at which its visitor is far, nearer and at the door."""

Build = Callable[[str, Mapping[str, Any]], BaseDetector]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run the model, and what was measured.

    Args:
        detector: Name that the factory knows.
        threads: Threads inside one operator.
        median_ms: For one picture; 0 when it was not measured.
        p95_ms: The same, 95 of 100 are faster.
        agreement: Share of sure boxes that it and the reference have in common, 0..1.
        refused: Why it cannot be chosen; empty when it can.
    """

    detector: str
    threads: int
    median_ms: float = 0.0
    p95_ms: float = 0.0
    agreement: float = 1.0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen among what; the reference is the first candidate."""

    chosen: Candidate
    candidates: tuple[Candidate, ...]

    @property
    def sentence(self) -> str:
        """For a person."""
        found = f"auto: {self.chosen.detector} with {self.chosen.threads} thread(s)"
        if len(self.candidates) == 1:
            return f"{found}, there is nothing else to choose from"
        others = "; ".join(
            f"{each.detector} with {each.threads}: "
            + (each.refused or f"{each.median_ms:.1f} ms, agreement {each.agreement:.2f}")
            for each in self.candidates
        )
        return f"{found} ({others})"


def choose(
    names: Sequence[str],
    build: Build,
    config: Mapping[str, Any],
    *,
    max_threads: int,
    cache: Path,
    task: Task = "objects",
) -> Choice:
    """The fastest way to run this model here; measured once, then read from the cache.

    Several processes may ask at the same time: one measures, the others wait for it.

    Args:
        names: Detectors that can run on this machine.
        build: Builds one from its name and configuration.
        config: Of the detector; ``threads`` is what is chosen.
        max_threads: Processor cores that one worker may use.
        cache: The file of earlier choices; made when it is not there.
        task: What the detectors look for.

    Raises:
        SpyoncinoError: The reference itself cannot be built or fails.
    """
    ways = _ways(names, max_threads)
    if len(ways) == 1:
        return Choice(ways[0], (ways[0],))
    key = _key(ways, config, task)
    with cache.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = _read(file.read())
        if key in known:
            return _choice_of(known[key])
        if is_too_busy():
            return Choice(ways[0], (ways[0],))  # not kept: the next start may find it quiet
        choice = pick(measure(ways, build, config, front_door_pictures()))
        kept = list(known.items())[1 - CHOICES_KEPT :]
        file.truncate(0)
        json.dump({**dict(kept), key: asdict(choice)}, file, indent=1)
    return choice


def is_too_busy() -> bool:
    """Whether so much runs here that times say more about the others than about a detector."""
    return os.getloadavg()[0] > BUSY_LOAD_PER_CORE * len(os.sched_getaffinity(0))


def read_choices(cache: Path) -> list[Choice]:
    """Every choice that was kept, oldest first; none when there is no such file."""
    try:
        return [_choice_of(raw) for raw in _read(cache.read_text("utf-8")).values()]
    except OSError:
        return []


def measure(
    ways: Sequence[Candidate], build: Build, config: Mapping[str, Any], images: Sequence[Image]
) -> list[Candidate]:
    """Time every way and compare its boxes with those of the first.

    Args:
        ways: The reference first.
        build: Builds a detector.
        config: Of the detector.
        images: At least one.

    Raises:
        SpyoncinoError: The reference fails.
    """
    measured: list[Candidate] = []
    reference: list[list[RawDetection]] = []
    for way in ways:
        try:
            with build(way.detector, {**config, "threads": way.threads}) as detector:
                found = [answer for answer, _ in detector.detect_batch(images)]
                facts = detector.benchmark([*images] * ROUNDS)
        except SpyoncinoError as error:
            if not measured:
                raise
            measured.append(Candidate(way.detector, way.threads, refused=str(error)))
            continue
        reference = reference or found
        measured.append(
            Candidate(
                way.detector,
                way.threads,
                facts["median_ms"],
                facts["p95_ms"],
                agreement(reference, found),
            )
        )
    return measured


def pick(measured: Sequence[Candidate]) -> Choice:
    """The fastest that finds the same and is clearly faster than the first; else the first."""
    reference, *others = measured
    fitting = [
        each
        for each in others
        if not each.refused
        and each.agreement == 1.0
        and each.median_ms < CLEARLY_FASTER * reference.median_ms
    ]
    return Choice(min(fitting, key=lambda each: each.median_ms, default=reference), tuple(measured))


def agreement(
    reference: Sequence[Sequence[RawDetection]], found: Sequence[Sequence[RawDetection]]
) -> float:
    """Share of the sure boxes of both that the other has too: same label, IoU at least 0.8.

    Args:
        reference: Detections of each picture.
        found: The same pictures, looked at by somebody else.

    Returns:
        0..1; 1 when neither found anything.
    """
    boxes = common = 0
    for one, other in zip(reference, found, strict=True):
        for mine, theirs in ((one, other), (other, one)):
            sure = [item for item in mine if item.score >= SURE]
            boxes += len(sure)
            common += sum(_has(theirs, item) for item in sure)
    return common / boxes if boxes else 1.0


def front_door_pictures() -> list[Image]:
    """Drawn pictures with a visitor, 1280x720, the same on every machine."""
    width, height = 1280, 720
    door = FrontDoor(width, height, 1, Script())
    return [i420_crop_to_bgr(door.draw(pts_s), (0, 0, width, height)) for pts_s in PICTURE_TIMES_S]


def _has(detections: Sequence[RawDetection], wanted: RawDetection) -> bool:
    # A box just above the limit here may be just below it there: half the score still counts.
    return any(
        item.label == wanted.label
        and item.score >= SURE / 2
        and item.box.iou(wanted.box) >= SAME_PLACE_IOU
        for item in detections
    )


def _ways(names: Sequence[str], max_threads: int) -> list[Candidate]:
    threads = sorted({1, max(1, max_threads)})
    ways = [Candidate(REFERENCE, count) for count in threads]
    return ways + [Candidate(name, 1) for name in names if name not in {*NEVER, REFERENCE}]


def _key(ways: Sequence[Candidate], config: Mapping[str, Any], task: Task) -> str:
    """Changes with whatever may change the answer."""
    kind = FaceDetectorConfig if task == "faces" else ObjectDetectorConfig
    model = kind.from_mapping(config).model
    known_hash = (
        ModelStore().entry(model).sha256
        if isinstance(model, str)
        else hashlib.sha256(read_verified(model.path, None)).hexdigest()
    )
    facts = [
        known_hash,
        [[way.detector, way.threads] for way in ways],
        [platform.machine(), _processor(), len(os.sched_getaffinity(0))],
        [__version__, *(f"{name} {_version(name)}" for name in PACKAGES)],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return ""
    named = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", text, re.MULTILINE)
    return named[1] if named else ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _read(text: str) -> dict[str, Any]:
    """What the file says; nothing when it is empty or damaged: then it is measured again."""
    try:
        known = json.loads(text)
        for raw in known.values():
            _choice_of(raw)
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    return dict(known)


def _choice_of(raw: Mapping[str, Any]) -> Choice:
    return Choice(
        Candidate(**raw["chosen"]), tuple(Candidate(**each) for each in raw["candidates"])
    )
