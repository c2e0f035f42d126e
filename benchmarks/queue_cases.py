"""What the length and the policy of a queue are good for: a burst, and a load that does not end.

A handler takes 4 ms. Burst: 200 messages at once. Overload: a message each 2 ms, twice what can be
handled, for some seconds. Told are what was lost, the age at which the rest was handled, and how
much longer the publisher took than it wanted to.

    python benchmarks/queue_cases.py --seconds 4
"""

import argparse
import asyncio
import statistics
import time

from report import Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.schemas.status import CameraState, CameraStatus
from spyoncino.schemas.topics import STATUS_CAMERA

HANDLER_S = 0.004
BURST = 200
CASES = (
    ("drop oldest, 16", Policy.DROP_OLDEST, 16),
    ("drop oldest, 256", Policy.DROP_OLDEST, 256),
    ("drop oldest, 2048", Policy.DROP_OLDEST, 2048),
    ("latest", Policy.LATEST, 256),
    ("block (the publisher pauses), 16", Policy.BLOCK, 16),
)


async def measured(word: str, policy: Policy, capacity: int, pauses_s: list[float]) -> list[Row]:
    """Publish with these pauses to one subscriber."""
    ages_s: list[float] = []

    async def handle(message: Message) -> None:
        await asyncio.sleep(HANDLER_S)
        ages_s.append((time.monotonic_ns() - message.published_ns) / 1e9)

    status = CameraStatus(camera="door", state=CameraState.LIVE)
    async with Bus(SystemClock()) as bus:
        bus.subscribe(STATUS_CAMERA, handle, name="slow", policy=policy, capacity=capacity)
        began_s = due_s = time.monotonic()
        for pause_s in pauses_s:
            await bus.publish(STATUS_CAMERA, status)
            due_s += pause_s
            if (left_s := due_s - time.monotonic()) > 0:
                await asyncio.sleep(left_s)
        late_s = time.monotonic() - began_s - sum(pauses_s)
        await bus.drain()
    return [
        Row(f"{word}: lost", len(pauses_s) - len(ages_s), "messages", None, f"of {len(pauses_s)}"),
        Row(f"{word}: age when handled, median", 1000 * statistics.median(ages_s), "ms"),
        Row(f"{word}: publisher held back", late_s, "s"),
    ]


async def all_cases(seconds: float) -> list[Row]:
    """Every case of both loads."""
    loads = (("burst", [0.0] * BURST), ("overload", [0.002] * round(seconds / 0.002)))
    return [
        row
        for load, pauses_s in loads
        for word, policy, capacity in CASES
        for row in await measured(f"{load}, {word}", policy, capacity, pauses_s)
    ]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of overload")
    parser.add_argument("--name", default="queues", help="of the result")
    wanted = parser.parse_args()
    write_report(wanted.name, asyncio.run(all_cases(wanted.seconds)))


if __name__ == "__main__":
    main()
