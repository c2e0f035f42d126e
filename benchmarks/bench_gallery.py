"""The gallery alone: search, memory, building and changing, with made-up people.

Vectors are random directions of 192 numbers, which is the hardest case for a search: nobody is near
anybody, so nothing could be left out. Each face that is looked for lies at 0.6 from one reference.

Usage: ``python benchmarks/bench_gallery.py [--people 1000 10000 100000] [--searches 100]``
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from report import Row, write_report
from spyoncino.faces.gallery import Gallery, Reference

DIMENSIONS = 192
BUDGETS_MS = {10_000: 0.5, 100_000: 5.0}
BATCH = 5


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths


def times_ms(
    work: Callable[[int], object], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Of each round, the first ones left out."""
    spent = []
    for number in range(rounds + 5):
        began = clock()
        work(number)
        spent.append(1000 * (clock() - began))
    return spent[5:]


def measure(people: int, searches: int) -> list[Row]:
    rng = np.random.default_rng(1)
    vectors = unit(rng.standard_normal((people, DIMENSIONS), dtype=np.float32))
    references = [
        Reference(f"face-{number}", f"person-{number}", "known", vectors[number])
        for number in range(people)
    ]
    began = time.perf_counter()
    gallery = Gallery("benchmark", references)
    built_s = time.perf_counter() - began
    noise = unit(rng.standard_normal((searches + 5, DIMENSIONS), dtype=np.float32))
    faces = 0.6 * vectors[: searches + 5] + 0.8 * noise
    bare = times_ms(lambda number: vectors @ faces[number], searches)
    found = times_ms(lambda number: gallery.search(faces[number]), searches)
    computed = times_ms(lambda number: gallery.search(faces[number]), searches, time.process_time)
    nbytes = gallery.nbytes
    batch = times_ms(lambda number: gallery.search(faces[number : number + BATCH]), searches // 2)
    extra = [
        Reference(f"new-{number}", f"new-{number}", "known", faces[number])
        for number in range(searches + 5)
    ]
    added = times_ms(lambda number: gallery.add(extra[number]), searches)
    removed = times_ms(lambda number: gallery.remove(extra[number].face_id), searches)
    budget = BUDGETS_MS.get(people)
    name = f"{people:,} people"
    slow = statistics.quantiles(found, n=20)[-1]
    return [
        Row(f"{name}: search, median", statistics.median(found), "ms", budget, "at most"),
        Row(f"{name}: search, p95", slow, "ms"),
        Row(f"{name}: search, best", min(found), "ms", None, "what an idle machine gives"),
        Row(f"{name}: search, processor time", statistics.median(computed), "ms", budget, "median"),
        Row(f"{name}: bare matrix @ face, median", statistics.median(bare), "ms"),
        Row(f"{name}: bare matrix @ face, best", min(bare), "ms"),
        Row(f"{name}: a face of {BATCH} at once", statistics.median(batch) / BATCH, "ms/face"),
        Row(
            f"{name}: memory of the vectors",
            nbytes / 1e6,
            "MB",
            100.0 if people == 10_000 else None,
        ),
        Row(f"{name}: building it", built_s, "s"),
        Row(f"{name}: adding a face, median", 1000 * statistics.median(added), "us"),
        Row(f"{name}: removing a face, median", 1000 * statistics.median(removed), "us"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--searches", type=int, default=100)
    chosen = parser.parse_args()
    rows = [row for people in chosen.people for row in measure(people, chosen.searches)]
    write_report("gallery", rows)


if __name__ == "__main__":
    main()
