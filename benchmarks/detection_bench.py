"""Every detector that can run here: milliseconds for a picture, and whether it finds the same.

The bundled model looks at drawn pictures of a front door with a visitor (1280x720), and at frames
of a real clip when SPYONCINO_TESTDATA names a folder with ``clips/``. The reference is ``cpu`` with
one thread; agreement is the share of sure boxes that both have. The mock shows what the measuring
itself costs. At the end what ``auto`` would choose, by the rule that ``run`` uses.

Faces have a report of their own (``--task faces``): milliseconds at several input sizes, the
overhead against the bare network on the same input, and with SPYONCINO_TESTDATA how many faces of
group pictures and portraits are found.

Usage: detection_bench.py [--task objects|faces|all] [--rounds N] [--threads N ...]
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from face_detection_rows import face_rows
from report import Row, write_report
from spyoncino.detectors.auto import REFERENCE, Candidate, front_door_pictures, measure, pick
from spyoncino.detectors.base import Image
from spyoncino.detectors.factory import DetectorFactory

CLIP = "people-walking.mp4"
CLIP_FRAMES = 6
CLIP_STEP = 25


def clip_pictures(data: Path) -> list[Image]:
    """Some frames of a real clip, far enough apart to differ."""
    pictures: list[Image] = []
    with av.open(str(data / "clips" / CLIP)) as opened:
        for index, picture in enumerate(opened.decode(video=0)):
            if index % CLIP_STEP == 0:
                pictures.append(np.asarray(picture.to_ndarray(format="bgr24"), np.uint8))
            if len(pictures) == CLIP_FRAMES:
                break
    return pictures


def detector_rows(factory: DetectorFactory, images: Sequence[Image], rounds: int) -> list[Row]:
    """Latency, rate and memory of each detector with its own defaults."""
    rows = []
    for name in factory.list_available():
        with factory.create(name, {}) as detector:
            facts = detector.benchmark([*images] * rounds)
        note = f"{facts['detector']}, {facts['image_count']} pictures, warm-up left out"
        rows += [
            Row(f"{name}: one picture", facts["median_ms"], "ms", None, f"median; {note}"),
            Row(f"{name}: one picture, p95", facts["p95_ms"], "ms"),
            Row(f"{name}: one picture, p99", facts["p99_ms"], "ms"),
            Row(f"{name}: rate", facts["images_per_second"], "pictures/s"),
            Row(
                f"{name}: peak memory of the process",
                facts["peak_memory_bytes"] / 1e6,
                "MB",
                None,
                "with everything measured before it",
            ),
        ]
    return rows


def way_rows(
    factory: DetectorFactory, images: Sequence[Image], threads: Sequence[int]
) -> list[Row]:
    """Every way that ``auto`` could choose, against the reference."""
    ways = [Candidate(REFERENCE, count) for count in threads]
    ways += [
        Candidate(name, 1) for name in factory.list_available() if name not in (REFERENCE, "mock")
    ]
    measured = measure(ways, factory.create, {}, images)
    rows = []
    for each in measured:
        way = f"{each.detector}, {each.threads} thread(s)"
        rows.append(Row(f"{way}: one picture", each.median_ms, "ms", None, each.refused))
        rows.append(Row(f"{way}: agreement", each.agreement, "ratio", 1.0, "with the reference"))
    chosen = pick(measured).chosen
    gain = measured[0].median_ms / chosen.median_ms
    note = f"{chosen.detector} with {chosen.threads} thread(s), if a worker may use so many cores"
    return [*rows, Row("auto: times as fast as the reference", gain, "ratio", None, note)]


def report_objects(rounds: int, threads: Sequence[int], data: str | None) -> None:
    """Everything that finds objects."""
    images = front_door_pictures() + (clip_pictures(Path(data)) if data else [])
    factory = DetectorFactory()
    rows = detector_rows(factory, images, rounds)
    rows += way_rows(factory, images, threads)
    for name, reason in factory.failures.items():
        rows.append(Row(f"{name}: cannot be loaded", float("nan"), "", None, reason))
    write_report("detection", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--task", choices=("objects", "faces", "all"), default="all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--threads", type=int, nargs="+", default=sorted({1, len(os.sched_getaffinity(0))})
    )
    chosen = parser.parse_args()
    data = os.environ.get("SPYONCINO_TESTDATA")
    if chosen.task != "faces":
        report_objects(chosen.rounds, chosen.threads, data)
    if chosen.task != "objects":
        write_report("face-detection", face_rows(chosen.rounds, Path(data) if data else None))


if __name__ == "__main__":
    main()
