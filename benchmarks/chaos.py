"""Everything that may break, breaks, in an order that a seed decides, while the bell is rung.

Four cameras (``chaos_house.py``); a plug-in (``chaos_part.py``) rings every second or two and
misbehaves on order. One fault at a time (``chaos_faults.py``, ``chaos_pushes.py``); the next comes
when the last is recovered, or after a minute. Recovered means: what the fault hit works again by
itself and every camera shows pictures.

A press is accepted when ``publish`` has returned. Lost is one that its durable subscriber never
heard, or that lies in no event of the database. With root the data folder is a tmpfs that is
filled; with a C compiler the program's wall clock jumps.

    python benchmarks/chaos.py --minutes 20 --seed 7
"""

import argparse
import itertools
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from chaos_clock import WallClock
from chaos_faults import Fault, Faults
from chaos_house import STEP_S, Cameras, House, Watcher, plug_in, small_disk, wait_until
from chaos_pushes import Pushes
from chaos_report import Outcome, availability_rows, fault_rows, held_rows, loss_rows
from report import Row, write_report
from spyoncino.runtime.children import shared_memory_base

RECOVER_WITHIN_S = 60.0
START_WITHIN_S = 180.0
SETTLE_S = 12.0
"""At the end without faults, so that open events close."""


def faults_until(
    end_s: float, order: Iterator[str], kinds: Mapping[str, Fault]
) -> Iterator[Outcome]:
    """One fault after the other until the time is over."""
    while time.monotonic() < end_s:
        kind = next(order)
        broken = kinds[kind]()
        until_s = time.monotonic() + RECOVER_WITHIN_S
        took_s = None
        while took_s is None and time.monotonic() < until_s:
            if broken.works():
                took_s = time.monotonic() - broken.since_s
            else:
                time.sleep(STEP_S)
        told = "not recovered" if took_s is None else f"recovered after {took_s:.1f} s"
        print(f"{kind}: {told}", flush=True)
        yield Outcome(kind, took_s)


def shuffled(names: list[str], chance: random.Random) -> Iterator[str]:
    """Every kind once in a random order, then again in another."""
    for _ in itertools.count():
        yield from chance.sample(names, len(names))


def run(minutes: float, seed: int, only: list[str], log: Path | None = None) -> list[Row]:
    """The whole run.

    Args:
        minutes: Its length, without the start.
        seed: Of the order, the victims and the moments.
        only: Words of which a kind of fault must hold one; empty: all kinds.
        log: Where what the program said is kept.
    """
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        memory = tempfile.TemporaryDirectory(prefix="chaos-", dir=shared_memory_base())
        shared = Path(stack.enter_context(memory))
        has_disk = stack.enter_context(small_disk(folder / "disk"))
        stack.enter_context(plug_in(folder / "plug-in"))
        house = House(folder, shared, Cameras(stack, folder), WallClock(folder), seed)
        stack.callback(house.end)
        if not wait_until(house.all_live, START_WITHIN_S):
            raise SystemExit(f"it does not start:\n{house.said_since(0)[-3000:]}")
        time.sleep(SETTLE_S)
        before = house.held()
        watcher = Watcher(house)
        watcher.start()
        kinds = {
            **Faults(house, chance).kinds(has_disk=has_disk),
            **Pushes(house, chance).kinds(),
        }
        chosen = [name for name in kinds if not only or any(word in name for word in only)]
        end_s = time.monotonic() + 60 * minutes - SETTLE_S
        outcomes = list(faults_until(end_s, shuffled(chosen, chance), kinds))
        time.sleep(SETTLE_S)
        watcher.over.set()
        watcher.join()
        watcher.note_errors()
        after = house.held()
        house.running.interrupt()
        code = house.running.wait(60)
        losses = loss_rows(house)
        if log is not None:
            shutil.copyfile(house.log, log)
        left = len(list(shared.iterdir()))
    return [
        *fault_rows(outcomes),
        *losses,
        *availability_rows(house, watcher, outcomes),
        *held_rows(before, after),
        Row("exit code", code, "", 0),
        Row("folders left in shared memory", left, "folders", 0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=[], help="kinds of faults with these words")
    parser.add_argument("--log", type=Path, help="keep what the program said here")
    parser.add_argument("--name", default="chaos", help="of the result")
    parser.add_argument(
        "--json", type=Path, help="write the rows here and no result of the machine"
    )
    wanted = parser.parse_args()
    rows = run(wanted.minutes, wanted.seed, wanted.only, wanted.log)
    if wanted.json is None:
        write_report(wanted.name, rows)
    else:
        print(*(f"{row.name}: {row.value:g} {row.unit}".rstrip() for row in rows), sep="\n")
        wanted.json.write_text(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
