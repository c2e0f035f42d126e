"""How busy the machine is: a health probe over ``/proc``; says nothing where there is none."""

import asyncio
from pathlib import Path

from spyoncino.clock import Clock
from spyoncino.core.settings import HealthSettings
from spyoncino.schemas.status import HealthState, HealthStatus

IDLE_FIELDS = (3, 4)
"""Places of idle and iowait among the times of ``/proc/stat`` (proc(5))."""


SUSTAINED_S = 300.0
"""A processor that is busy for less is a computer that works: somebody walks past four cameras, or
plays a game. After five minutes the queues in front of it have grown as far as they can."""


class MachineProbe:
    """Compares processor and memory use with ``health.cpu_threshold`` and ``.memory_threshold``.

    Processor use is the average since the last question, over all cores; the first answer is the
    average since the machine was started. Above its threshold it is a number and a remark; only
    when every answer of ``SUSTAINED_S`` was above it the machine is degraded. Memory degrades at
    once: the kernel kills somebody when it is used up.

    Args:
        settings: The thresholds, in per cent.
        clock: Tells how long the processor has been busy.
        proc: Another folder for tests.
    """

    def __init__(self, settings: HealthSettings, clock: Clock, proc: Path = Path("/proc")) -> None:
        self._settings = settings
        self._clock = clock
        self._proc = proc
        self._busy = 0
        self._total = 0
        self._busy_since_ns: int | None = None

    async def __call__(self) -> HealthStatus:
        """The machine's health: degraded without memory, or without rest."""
        try:
            cpu_percent, memory_percent = await asyncio.to_thread(self._read)
        except (OSError, ValueError, KeyError, IndexError):
            return HealthStatus(detail="this machine does not tell how busy it is")
        busy_s = self._busy_for(cpu_percent)
        is_short_of_memory = memory_percent > self._settings.memory_threshold
        remarks = []
        if busy_s is not None:
            since = f" for {busy_s / 60:.0f} min" if busy_s >= SUSTAINED_S else ""
            limit = self._settings.cpu_threshold
            remarks.append(
                f"processor use is {cpu_percent:.0f} %, above health.cpu_threshold "
                f"({limit:g} %){since}"
            )
        if is_short_of_memory:
            limit = self._settings.memory_threshold
            remarks.append(
                f"memory use is {memory_percent:.0f} %, above health.memory_threshold ({limit:g} %)"
            )
        is_degraded = is_short_of_memory or (busy_s or 0.0) >= SUSTAINED_S
        return HealthStatus(
            state=HealthState.DEGRADED if is_degraded else HealthState.OK,
            detail="; ".join(remarks),
            numbers={
                "cpu_percent": cpu_percent,
                "memory_percent": memory_percent,
                "cpu_busy_s": busy_s or 0.0,
            },
        )

    def _busy_for(self, cpu_percent: float) -> float | None:
        """Seconds since the processor is above its threshold; ``None`` while it is not."""
        if cpu_percent <= self._settings.cpu_threshold:
            self._busy_since_ns = None
            return None
        now_ns = self._clock.monotonic_ns()
        if self._busy_since_ns is None:
            self._busy_since_ns = now_ns
        return (now_ns - self._busy_since_ns) / 1e9

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
