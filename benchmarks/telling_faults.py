"""Far sides fail in turn and together while main is killed again and again: what was told?

Every visit must have its last state at every channel; what arrived twice is counted. Time is
scaled: pauses, timeouts and limits are that much shorter.

    python benchmarks/telling_faults.py --events 500 --kills 50
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from report import Row, write_report
from telling_far import BROWSER, EVERY_CHANNEL, FAULTS, FarSides, ScaledClock
from telling_judged import Verdict

SCALE = 20.0
TIMEOUT_S = 1.0
"""What one try may take: the 20 s of the defaults, scaled."""

SLOW_S = 1.5
"""How late a slow far side answers: 30 s, scaled."""

MAIN = Path(__file__).with_name("telling_main.py")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a drill showed.

    Args:
        verdicts: Of each channel.
        kills: That hit a running main.
        faults: Times that a far side was made to fail.
        given_up: Messages that a channel gave up; none should.
        took_s: The whole of it.
    """

    verdicts: dict[str, Verdict]
    kills: int
    faults: int
    given_up: int
    took_s: float

    def missing(self, channel: str, events: int) -> set[int]:
        """Visits whose last state a channel's far side has not."""
        return set(range(events)) - self.verdicts[channel].final


class Weather:
    """Lets far sides fail: each in each way, then all in the same way, over and over."""

    def __init__(self, far: FarSides, phase_s: float, seed: int) -> None:
        plan = [((channel,), fault) for channel in EVERY_CHANNEL for fault in FAULTS]
        random.Random(seed).shuffle(plan)  # noqa: S311 - no secret hangs on it
        self._plan = [*plan, *((EVERY_CHANNEL, fault) for fault in FAULTS)]
        self._far = far
        self._phase_s = phase_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._change, name="weather")
        self.faults = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_ended: object) -> None:
        self._over.set()
        self._thread.join()

    def _change(self) -> None:
        number = 0
        while not self._over.is_set():
            channels, fault = self._plan[number % len(self._plan)]
            for channel in channels:
                self._far.fail(channel, fault)
                self.faults += 1
            self._over.wait(self._phase_s)
            for channel in channels:
                self._far.fail(channel, "")
            number += 1


def life(folder: Path, kill_after_s: float | None, limit_s: float) -> tuple[bool, int]:
    """Run main once.

    Returns:
        Whether it was killed before its end, and how many messages it says were given up.
    """
    with subprocess.Popen(
        [sys.executable, str(MAIN), str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None or process.stdout.readline().strip() != "running":
            process.kill()
            raise SystemExit("main did not start")
        try:
            process.wait(limit_s if kill_after_s is None else kill_after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            if kill_after_s is None:
                raise SystemExit(f"after {limit_s:g} s something is still owed") from None
            return True, 0
        if process.returncode != 0:
            raise SystemExit(f"main ended with {process.returncode}")
        return False, int(process.stdout.read().split()[-1])


def drill(events: int, kills: int, *, seed: int = 1, phase_s: float = 1.0) -> Outcome:
    """Kill main so often, at random, while its far sides fail; then let it finish."""
    chance = random.Random(seed)  # noqa: S311 - moments of kills
    began_s = time.monotonic()
    clock = ScaledClock(SCALE, time.time())
    with (
        tempfile.TemporaryDirectory() as name,
        FarSides(Path(name), clock.now_s, SLOW_S, EVERY_CHANNEL) as far,
    ):
        folder = Path(name)
        longest_life_s = 3.0
        options = {
            "events": events,
            "pause_s": max(0.01, 0.5 * longest_life_s * max(kills, 1) * 4 / (events * 5)),
            "scale": SCALE,
            "origin_s": clock.origin_s,
            "channels": far.settings(TIMEOUT_S),
            "browser": far.push.subscription(BROWSER),
        }
        (folder / "options.json").write_text(json.dumps(options))
        killed = given_up = 0
        with Weather(far, phase_s, seed) as weather:
            while killed < kills:
                was_killed, given_up = life(folder, chance.uniform(0.1, longest_life_s), 0)
                if not was_killed:
                    break
                killed += 1
        for channel in EVERY_CHANNEL:
            far.fail(channel, "")
        _, given_up = life(folder, None, 60.0 + events)
        time.sleep(0.5)  # what the broker still hands to the ear
        took_s = time.monotonic() - began_s
        return Outcome(far.judged(), killed, weather.faults, given_up, took_s)


def rows_of(outcome: Outcome, events: int) -> list[Row]:
    """The figures."""
    rows = [
        Row("events", events, "events"),
        Row("kills of main", outcome.kills, "kills"),
        Row("faults of far sides", outcome.faults, "faults"),
        Row("given up", outcome.given_up, "messages", 0, "at most"),
        Row("took", outcome.took_s, "s", None, f"time scaled by {SCALE:g}"),
    ]
    for channel, verdict in outcome.verdicts.items():
        missing = len(outcome.missing(channel, events))
        rows += [
            Row(f"{channel}: without their last state", missing, "events", 0, "at most"),
            Row(f"{channel}: seen twice", verdict.doubled, "messages"),
            Row(f"{channel}: repeated with the same key", verdict.repeated, "messages"),
            Row(f"{channel}: arrived", verdict.messages, "messages"),
        ]
    bot = outcome.verdicts["telegram"]
    rows += [
        Row("telegram: seen twice, and the second did not say so", bot.unsaid, "messages"),
        Row("telegram: said so and was the only one", bot.needless, "messages"),
    ]
    return rows


def main() -> None:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phase-s", type=float, default=1.0, help="how long a fault lasts")
    parser.add_argument("--name", default="telling-faults", help="of the result")
    options = parser.parse_args()
    outcome = drill(options.events, options.kills, seed=options.seed, phase_s=options.phase_s)
    write_report(options.name, rows_of(outcome, options.events))
    lost = {
        channel: sorted(missing)
        for channel in EVERY_CHANNEL
        if (missing := outcome.missing(channel, options.events))
    }
    if lost or outcome.given_up:
        raise SystemExit(f"not told to the end: {lost}")


if __name__ == "__main__":
    main()
