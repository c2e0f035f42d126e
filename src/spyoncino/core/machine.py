"""How busy the machine is: a health probe over ``/proc``; says nothing where there is none."""

import asyncio
from pathlib import Path

from spyoncino.core.settings import HealthSettings
from spyoncino.schemas.status import HealthState, HealthStatus

IDLE_FIELDS = (3, 4)
"""Places of idle and iowait among the times of ``/proc/stat`` (proc(5))."""


class MachineProbe:
    """Compares processor and memory use with ``health.cpu_threshold`` and ``.memory_threshold``.

    Processor use is the average since the last question, over all cores; the first answer is the
    average since the machine was started.

    Args:
        settings: The thresholds, in per cent.
        proc: Another folder for tests.
    """

    def __init__(self, settings: HealthSettings, proc: Path = Path("/proc")) -> None:
        self._settings = settings
        self._proc = proc
        self._busy = 0
        self._total = 0

    async def __call__(self) -> HealthStatus:
        """The machine's health: degraded above a threshold."""
        try:
            cpu_percent, memory_percent = await asyncio.to_thread(self._read)
        except (OSError, ValueError, KeyError, IndexError):
            return HealthStatus(detail="this machine does not tell how busy it is")
        troubles = [
            f"{what} use is {percent:.0f} %, above health.{key} ({limit:g} %)"
            for what, percent, key, limit in (
                ("processor", cpu_percent, "cpu_threshold", self._settings.cpu_threshold),
                ("memory", memory_percent, "memory_threshold", self._settings.memory_threshold),
            )
            if percent > limit
        ]
        return HealthStatus(
            state=HealthState.DEGRADED if troubles else HealthState.OK,
            detail="; ".join(troubles),
            numbers={"cpu_percent": cpu_percent, "memory_percent": memory_percent},
        )

    def _read(self) -> tuple[float, float]:
        times = [
            int(word) for word in (self._proc / "stat").read_text().splitlines()[0].split()[1:]
        ]
        total = sum(times)
        busy = total - sum(times[place] for place in IDLE_FIELDS)
        passed, worked = total - self._total, busy - self._busy
        self._total, self._busy = total, busy
        rows = (line.split(":") for line in (self._proc / "meminfo").read_text().splitlines())
        sizes = {name: int(rest.split()[0]) for name, rest in rows}
        free = sizes["MemAvailable"] / sizes["MemTotal"]
        return (100.0 * worked / passed if passed > 0 else 0.0), 100.0 * (1.0 - free)
