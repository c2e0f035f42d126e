"""CLEAR-MOT (Bernardin and Stiefelhagen 2008) and IDF1 (Ristani et al. 2016) at IoU 0.5."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import lap
import numpy as np

from spyoncino.geometry.boxes import Box

MATCH_IOU = 0.5

Frames = dict[int, dict[int, Box]]
"""Frame number to the boxes in it by id."""


@dataclass(frozen=True, slots=True)
class MotScore:
    """``mota`` at most 1, ``idf1`` in 0..1, and how often a person got another id."""

    mota: float
    idf1: float
    switches: int


def read_mot(lines: Iterable[str]) -> Frames:
    """Boxes of a MOTChallenge text, in pixels."""
    frames: Frames = defaultdict(dict)
    for line in lines:
        frame, number, left, top, width, height = (float(cell) for cell in line.split(",")[:6])
        frames[int(frame)][int(number)] = Box(left, top, left + width, top + height)
    return frames


def score(truth: Frames, result: Frames) -> MotScore:
    """Compare two sets of tracks; pairs of the frame before are kept while they still fit."""
    missed = false = switches = 0
    total = sum(len(boxes) for boxes in truth.values())
    before: dict[int, int] = {}
    last: dict[int, int] = {}
    together: Counter[tuple[int, int]] = Counter()
    for frame in sorted({*truth, *result}):
        there, told = truth.get(frame, {}), result.get(frame, {})
        fits = {
            (person, track): there[person].iou(told[track])
            for person in there
            for track in told
            if there[person].iou(told[track]) >= MATCH_IOU
        }
        together.update(fits.keys())
        pairs = {person: track for person, track in before.items() if (person, track) in fits}
        pairs.update(_best_pairs(fits, pairs))
        switches += sum(last.get(person, track) != track for person, track in pairs.items())
        last.update(pairs)
        missed += len(there) - len(pairs)
        false += len(told) - len(pairs)
        before = pairs
    mota = 1 - (missed + false + switches) / max(1, total)
    return MotScore(mota, _idf1(truth, result, together), switches)


def _best_pairs(fits: dict[tuple[int, int], float], taken: dict[int, int]) -> dict[int, int]:
    persons = sorted({person for person, _ in fits} - set(taken))
    tracks = sorted({track for _, track in fits} - set(taken.values()))
    if not persons or not tracks:
        return {}
    cost = np.array([[1 - fits.get((p, t), 0.0) for t in tracks] for p in persons])
    _, columns, _ = lap.lapjv(cost, extend_cost=True, cost_limit=MATCH_IOU)
    return {persons[row]: tracks[column] for row, column in enumerate(columns) if column >= 0}


def _idf1(truth: Frames, result: Frames, together: Counter[tuple[int, int]]) -> float:
    persons = sorted({number for boxes in truth.values() for number in boxes})
    tracks = sorted({number for boxes in result.values() for number in boxes})
    count = sum(len(boxes) for boxes in (*truth.values(), *result.values()))
    if not persons or not tracks:
        return 0.0
    gain = np.array([[together[p, t] for t in tracks] for p in persons], np.float64)
    rows = np.flatnonzero((columns := lap.lapjv(-gain, extend_cost=True)[1]) >= 0)
    return 2 * float(gain[rows, columns[rows]].sum()) / count
