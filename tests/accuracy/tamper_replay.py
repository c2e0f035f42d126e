"""What is told of each scene of ``tamper_scenes``: looks are measured once, and judged often.

A scene is a clip's pictures in a random order, one every ten seconds, which is busier than a real
camera. What is measured does not depend on the judge, so ``--cache`` keeps the numbers, and a run
with other limits takes seconds a clip. Prints the table of ``docs/design/tamper.md``::

    python -m tests.accuracy.tamper_replay --cache /tmp/looks vtest student
"""

import argparse
import os
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tests.accuracy.tamper_scenes import (
    I420,
    LONG,
    NATURAL,
    NIGHTLY,
    TAMPERED,
    Disturb,
    clip_paths,
    nothing,
    pictures_of,
)

from spyoncino.detectors.picture_facts import PictureFacts
from spyoncino.detectors.picture_judge import MAX_STEP_S, JudgeSpec, PictureFault, PictureJudge
from spyoncino.detectors.picture_look import PictureLooker

LOOK_S = 10.0
USUAL_S = 600.0
NATURAL_S = 1500.0
TAMPERED_S = 900.0
AFTER_S = 120.0
LONG_S = 10 * 3600.0
"""A winter night, held as the end of a scene was."""

UNSURE_S = 1800.0
"""A camera that was turned so far that nothing of its view is left needs so long."""

MOVED = PictureFault.MOVED
BEGAN = datetime(2026, 6, 10, 12, 0).astimezone()

Looks = dict[str, list[PictureFacts]]


def measured(pictures: list[I420], scenes: Iterable[str]) -> Looks:
    """The looks at scenes, and as ``usual`` and ``after`` at the clip as it is."""
    looks = {
        "usual": _looks(pictures, nothing, USUAL_S, seed=7),
        "after": _looks(pictures, nothing, AFTER_S, seed=9),
    }
    for name in scenes:
        if name in NATURAL:
            looks[name] = _looks(pictures, NATURAL[name], NATURAL_S, seed=8)
        else:
            shown = pictures[:1] if name == "frozen" else pictures
            looks[name] = _looks(shown, TAMPERED[name][0], TAMPERED_S, seed=8)
    return looks


def _looks(pictures: list[I420], disturb: Disturb, for_s: float, seed: int) -> list[PictureFacts]:
    rng, looker = np.random.default_rng(seed), PictureLooker()
    return [
        looker.look(disturb(pictures[int(rng.integers(len(pictures)))], float(at_s), rng))
        for at_s in np.arange(0, for_s, LOOK_S)
    ]


def kept(path: Path, cache: Path | None) -> Looks:
    """All scenes of a clip, from the cache where they are there."""
    scenes = [*TAMPERED, *NATURAL]
    file = cache / f"{path.stem}.npz" if cache else None
    if file is None or not file.exists():
        looks = measured(pictures_of(path), scenes)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            arrays: dict[str, Any] = {name: _packed(each) for name, each in looks.items()}
            np.savez_compressed(file, **arrays)
        return looks
    with np.load(file) as found:
        return {name: _unpacked(found[name]) for name in found.files}


def _packed(looks: Sequence[PictureFacts]) -> NDArray[np.float32]:
    rows = []
    for each in looks:
        numbers = asdict(each)
        sketch = numbers.pop("sketch")
        numbers["same"] = np.nan if each.same is None else each.same
        rows.append([*numbers.values(), *sketch])
    return np.asarray(rows, np.float32)


def _unpacked(rows: NDArray[np.float32]) -> list[PictureFacts]:
    return [
        PictureFacts(
            brightness_grey=float(row[0]),
            contrast_grey=float(row[1]),
            sharpness_grey=float(row[2]),
            structure=float(row[3]),
            is_grey=bool(row[4]),
            same=None if np.isnan(row[5]) else float(row[5]),
            sketch=row[6:].astype(np.uint8).tobytes(),
        )
        for row in rows
    ]


@dataclass
class Told:
    """What was told of one scene.

    Args:
        faults: Each fault, with the seconds since the disturbance began.
        over_s: Seconds from its end until all was well again; ``None``: it was not.
        lowest: The lowest agreement with the usual view.
    """

    faults: list[tuple[float, PictureFault]] = field(default_factory=list)
    over_s: float | None = None
    lowest: float = 1.0


@dataclass
class Watch:
    """A judge and the time."""

    judge: PictureJudge
    at_s: float = 0.0
    told: Told = field(default_factory=Told)

    def show(self, looks: Iterable[PictureFacts], step_s: float = LOOK_S) -> None:
        """Take looks, and note what is new."""
        for facts in looks:
            self.at_s += step_s
            before = self.judge.fault
            now = self.judge.take(facts, BEGAN + timedelta(seconds=self.at_s), self.at_s)
            self.told.lowest = min(self.told.lowest, self.judge.agreement)
            if now is not None and now is not before:
                self.told.faults.append((self.at_s, now))


def accustomed(looks: Looks, *, days_known: bool = True) -> Watch:
    """A judge who has seen the clip as usual.

    Args:
        looks: Of the clip.
        days_known: Eight days of usual light lie before it.
    """
    watch = Watch(PictureJudge(JudgeSpec()), -USUAL_S)
    for hour in range(192 if days_known else 0):
        then = BEGAN - timedelta(hours=192 - hour)
        watch.judge.hours.note(then, LOOK_S, is_usable=True)
    half = len(looks["usual"]) // 2
    watch.show(looks["usual"][:half])
    watch.told = Told()
    watch.show(looks["usual"][half:])
    return watch


def play(usual: Watch, looks: Looks, name: str, *, for_s: float = 0.0) -> Told:
    """Show one scene, then the clip as usual; ``usual`` is left as it is.

    Args:
        usual: Who watches.
        looks: Of the clip.
        name: The scene.
        for_s: So much longer its last minutes are shown again and again.
    """
    watch = deepcopy(usual)
    watch.told = Told()
    watch.show(looks[name])
    held = round(for_s / MAX_STEP_S)
    watch.show(islice(cycle(looks[name][-30:]), held), MAX_STEP_S)
    ended_s = watch.at_s
    for facts in looks["after"]:
        was_told = watch.judge.fault is not None
        watch.show([facts])
        if was_told and watch.judge.fault is None:
            watch.told.over_s = watch.at_s - ended_s
    return watch.told


def false_alarms(looks: Looks, *, is_long: bool) -> list[str]:
    """A line for each thing that was told of a natural scene."""
    lines = []
    for days_known in (True, False):
        usual = accustomed(looks, days_known=days_known)
        lines += [f"usual known={days_known}: {each}" for each in usual.told.faults]
        for name in NATURAL:
            if days_known and name in NIGHTLY:
                continue
            for_s = LONG_S if is_long and name in LONG and not days_known else 0.0
            told = play(usual, looks, name, for_s=for_s)
            lines += [
                f"{name} known={days_known}: {kind} {at_s:.0f} s" for at_s, kind in told.faults
            ]
    return lines


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- a table for a person


def main() -> None:
    """Print one row a clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", help="names without an ending; else all")
    parser.add_argument("--cache", type=Path, help="folder for the measured numbers")
    parser.add_argument("--quick", action="store_true", help="no whole nights")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for path in clip_paths(Path(os.environ["SPYONCINO_TESTDATA"]) / "clips"):
        if options.clips and path.stem not in options.clips:
            continue
        looks = kept(path, options.cache)
        usual = accustomed(looks)
        row = [path.stem, f"{usual.told.lowest:.2f}"]
        for name, (_, fault) in TAMPERED.items():
            told = play(usual, looks, name, for_s=UNSURE_S if fault is MOVED else 0.0)
            said = "; ".join(
                f"{at_s:.0f}" if kind is fault else f"{kind} {at_s:.0f}"
                for at_s, kind in told.faults
            )
            over = "-" if told.over_s is None else f"{told.over_s:.0f}"
            row.append(f"{said or 'no'} ({told.lowest:.2f}, {over})")
        _say("| " + " | ".join(row) + " |")
        for line in false_alarms(looks, is_long=not options.quick):
            _say(f"  FALSE {path.stem} {line}")


if __name__ == "__main__":
    main()
