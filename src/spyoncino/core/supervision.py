"""What becomes of modules that fail: restarted with growing pauses, then put into quarantine.

The supervisor decides and counts; stopping and starting is the orchestrator's part. A module in
quarantine is stopped, the rest runs; after a long pause, or when a person releases it, it gets
one more try. Each step is one line of the log with the word "recovery".
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from spyoncino.clock import Clock
from spyoncino.core.breaker import Breaker, BreakerSpec, BreakerState
from spyoncino.core.registry import Module
from spyoncino.core.settings import HealthSettings
from spyoncino.core.subscription import Subscription
from spyoncino.errors import WiringError
from spyoncino.schemas.status import HealthState, HealthStatus

STABLE_COOLDOWNS = 10
"""A failure counts for so many cool-downs: else a module that fails every few minutes would be
restarted for ever and never be left alone."""

FAULTS_IN_A_ROW = 10
"""Messages in a row that a module cannot handle, or may not publish, before it counts as failed.
One poisonous critical message is tried five times and then a dead letter: that is no reason."""


def misconduct(module: Module, subscriptions: Iterable[Subscription]) -> str:
    """What a module does wrong without knowing it, in a sentence; empty when nothing.

    Handlers that raise on purpose (the error family: a full disk, a busy pool) are not counted:
    a restart would mend nothing.
    """
    faults = max((each.counters.faults_in_a_row for each in subscriptions), default=0)
    if faults >= FAULTS_IN_A_ROW:
        return f"its handlers failed {faults} times in a row; the log has the error"
    breaks = module.contract_breaks
    if breaks >= FAULTS_IN_A_ROW:
        return f"it broke the contract of its topics {breaks} times in a row; see status.contract"
    return ""


@dataclass(slots=True)
class _Ward:
    """One module under supervision."""

    breaker: Breaker
    reason: str = ""
    failed_ns: int | None = None
    restarted_ns: int | None = None
    well_ns: int | None = None


class Supervisor:
    """Decides about every module after each look at them.

    Args:
        names: Of the modules.
        health: Attempts, cool-down and the pause of a quarantine.
        clock: Source of time.
        log: Where each step is written.
        restart: Stops a module and starts a new one; whether it runs.
        isolate: Stops a module for good; the sentence is its health from then on.
    """

    def __init__(
        self,
        names: Iterable[str],
        health: HealthSettings,
        clock: Clock,
        log: FilteringBoundLogger,
        *,
        restart: Callable[[str], Awaitable[bool]],
        isolate: Callable[[str, str], Awaitable[None]],
    ) -> None:
        spec = BreakerSpec(
            failures=health.max_restart_attempts + 1,
            window_s=max(1e-3, health.restart_cooldown_s * STABLE_COOLDOWNS),
            pause_s=health.quarantine_s,
        )
        self._wards = {name: _Ward(Breaker(spec, clock)) for name in names}
        self._health = health
        self._clock = clock
        self._log = log
        self._restart = restart
        self._isolate = isolate
        self._restarts = 0
        self._recovered = 0
        self._longest_s = 0.0

    @property
    def quarantined(self) -> dict[str, str]:
        """Name of each module in quarantine, with the reason."""
        is_open = BreakerState.OPEN
        return {name: w.reason for name, w in self._wards.items() if w.breaker.state is is_open}

    def restarts_of(self, name: str) -> int:
        """Restarts of a module that still count against it."""
        return min(self._wards[name].breaker.recent_failures, self._health.max_restart_attempts)

    def status(self) -> HealthStatus:
        """The supervisor in numbers; degraded while somebody is in quarantine."""
        quarantined = self.quarantined
        return HealthStatus(
            state=HealthState.DEGRADED if quarantined else HealthState.OK,
            detail=f"in quarantine: {', '.join(quarantined)}" if quarantined else "",
            numbers={
                "restarts": float(self._restarts),
                "recovered": float(self._recovered),
                "longest_recovery_s": self._longest_s,
                "quarantined": float(len(quarantined)),
            },
        )

    async def look(self, healths: Mapping[str, HealthStatus]) -> None:
        """Do what is due, after a look at every module.

        Args:
            healths: Name to health, for all modules.
        """
        for name, ward in self._wards.items():
            health = healths[name]
            if health.state is HealthState.FAILED:
                await self._on_failed(name, ward, health.detail)
            else:
                self._on_well(name, ward)

    async def release(self, name: str) -> bool:
        """Let a module out of quarantine by hand: its past is forgotten and it is started now.

        Returns:
            Whether it runs.

        Raises:
            WiringError: There is no such module, or it is not in quarantine.
        """
        ward = self._wards.get(name)
        if ward is None or ward.breaker.state is not BreakerState.OPEN:
            known = ", ".join(self.quarantined) or "none"
            raise WiringError(f"{name} is not in quarantine; in quarantine: {known}")
        ward.breaker.reset()
        ward.restarted_ns = None
        works = await self._restart(name)
        self._log.warning("recovery: module released by hand", module=name, works=works)
        return works

    async def _on_failed(self, name: str, ward: _Ward, reason: str) -> None:
        now_ns = self._clock.monotonic_ns()
        ward.well_ns = None
        ward.failed_ns = now_ns if ward.failed_ns is None else ward.failed_ns
        was = ward.breaker.state
        if was is BreakerState.OPEN:
            if not ward.breaker.may_try():
                return
            self._log.warning("recovery: module in quarantine is tried again", module=name)
        elif was is BreakerState.CLOSED and self._rests(ward, now_ns):
            return
        else:
            ward.reason = reason
            if ward.breaker.failed():
                await self._quarantine(name, ward)
                return
        await self._try(name, ward)

    async def _try(self, name: str, ward: _Ward) -> None:
        self._restarts += 1
        ward.restarted_ns = self._clock.monotonic_ns()
        works = await self._restart(name)
        self._log.warning(
            "recovery: module restarted" if works else "recovery: module does not start",
            module=name,
            attempt=self.restarts_of(name),
            of=self._health.max_restart_attempts,
            reason=ward.reason,
        )

    def _rests(self, ward: _Ward, now_ns: int) -> bool:
        """Whether the pause since the last restart goes on.

        The first restart is at once. Pauses double up to ``restart_cooldown_s``, which comes before
        the last attempt and once more before the quarantine.
        """
        if ward.restarted_ns is None or not ward.breaker.recent_failures:
            return False
        missing = self._health.max_restart_attempts - 1 - ward.breaker.recent_failures
        pause_s = self._health.restart_cooldown_s * 2.0 ** -max(0, missing)
        return now_ns - ward.restarted_ns < pause_s * 1e9

    async def _quarantine(self, name: str, ward: _Ward) -> None:
        pause_s = ward.breaker.opens_in_s
        await self._isolate(
            name,
            f"is in quarantine after {self._health.max_restart_attempts} restarts: {ward.reason}; "
            f"tried again in {pause_s / 60:.0f} min, or by `spyoncino modules release {name}`",
        )
        self._log.error(
            "recovery: module put into quarantine, the others go on",
            module=name,
            reason=ward.reason,
            pause_s=pause_s,
        )

    def _on_well(self, name: str, ward: _Ward) -> None:
        now_ns = self._clock.monotonic_ns()
        if ward.failed_ns is not None:
            took_s = (now_ns - ward.failed_ns) / 1e9
            ward.failed_ns = None
            self._recovered += 1
            self._longest_s = max(self._longest_s, took_s)
            self._log.info("recovery: module is well again", module=name, after_s=round(took_s, 1))
        ward.well_ns = now_ns if ward.well_ns is None else ward.well_ns
        if now_ns - ward.well_ns >= self._health.restart_cooldown_s * 1e9:
            ward.breaker.succeeded()
