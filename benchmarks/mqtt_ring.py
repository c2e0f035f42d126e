"""How long a ring takes from the bus to somebody who listens at a real MQTT broker with TLS.

python benchmarks/mqtt_ring.py --rings 200
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from pydantic import SecretStr  # noqa: E402 - the path comes first
from tests.fixtures.mosquitto_broker import PASSWORD, Ear, Mosquitto  # noqa: E402

from spyoncino.clock import FakeClock  # noqa: E402
from spyoncino.modules.output.mqtt import MqttModule  # noqa: E402
from spyoncino.persistence.database import Database  # noqa: E402
from spyoncino.schemas.events import DoorbellEvent  # noqa: E402
from spyoncino.schemas.topics import DOORBELL_PRESSED  # noqa: E402
from spyoncino.testing.harness import ModuleHarness  # noqa: E402

RING, STATUS = "spyoncino/cameras/door/ring", "spyoncino/status"
STEP_S = 0.0005


async def measure(folder: Path, broker: Mosquitto, rings: int) -> list[float]:
    """Milliseconds from the press on the bus to the ear, for each ring."""
    database = Database(folder / "spyoncino.db")
    await database.open()
    took_ms = []
    async with ModuleHarness(folder, FakeClock()) as harness:
        harness.context.database = database
        harness.set_camera(doorbell="front")
        settings = {**broker.settings, "password": SecretStr(PASSWORD)}
        await harness.add(MqttModule, **settings)
        with Ear(broker) as ear:
            while ear.last(STATUS) != b"online":  # noqa: ASYNC110 - it hears in a thread
                await asyncio.sleep(STEP_S)
            for number in range(1, rings + 1):
                press = DoorbellEvent(doorbell="front", camera="door")
                began = time.perf_counter()
                await harness.publish(DOORBELL_PRESSED.of("front"), press)
                while len(ear.on(RING)) < number:  # noqa: ASYNC110 - it hears in a thread
                    await asyncio.sleep(STEP_S)
                took_ms.append((time.perf_counter() - began) * 1000)
    await database.close()
    return sorted(took_ms)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rings", type=int, default=200)
    rings = parser.parse_args().rings
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        try:
            took_ms = asyncio.run(measure(folder, broker, rings))
        finally:
            broker.stop()
    p50, p95 = took_ms[len(took_ms) // 2], took_ms[int(len(took_ms) * 0.95)]
    print(f"{rings} rings: p50 {p50:.1f} ms, p95 {p95:.1f} ms, worst {took_ms[-1]:.1f} ms")


if __name__ == "__main__":
    main()
