"""How the system is doing: asking parts, listening to what they tell, one summary of all.

Where a summary goes is pluggable (``HealthReporter``), and so is what else is asked
(``HealthProbe``: pool, captures, disk).
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

from spyoncino.core.bus import Bus
from spyoncino.core.guard import TimeLimitError, limited, sentence
from spyoncino.core.message import Message
from spyoncino.errors import BusClosedError
from spyoncino.schemas import topics
from spyoncino.schemas.status import (
    BusStatus,
    CameraState,
    CameraStatus,
    ErrorReport,
    HealthState,
    HealthStatus,
    HealthSummary,
    StatusReport,
)

ASK_TIMEOUT_S = 2.0
"""A part that needs longer to say how it is doing is taken as failed."""

ASKED = "health"
"""Source of reports about parts that were asked; others spoke by themselves."""

HealthProbe = Callable[[], Awaitable[HealthStatus]]
"""Answers how one part is doing; fast."""

_ORDER = (HealthState.OK, HealthState.STOPPED, HealthState.DEGRADED, HealthState.FAILED)

_CAMERA_STATES = {
    CameraState.CONNECTING: HealthState.OK,
    CameraState.LIVE: HealthState.OK,
    CameraState.ENDED: HealthState.STOPPED,
    CameraState.OFF: HealthState.STOPPED,
    CameraState.STALLED: HealthState.DEGRADED,
    CameraState.RETRYING: HealthState.DEGRADED,
}


class HealthReporter(Protocol):
    """Somebody who is told every summary."""

    async def report(self, summary: HealthSummary) -> None:
        """Take note of a summary."""


class BusHealthReporter:
    """Publishes each part as ``module.{id}.health`` and ``status.report``, then the whole."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def report(self, summary: HealthSummary) -> None:
        """Publish it; nothing happens when the bus is already closed."""
        try:
            for name, health in summary.modules.items():
                report = StatusReport(source=ASKED, module=name, health=health)
                word = name.replace(".", "_")
                await self._bus.publish(topics.MODULE_HEALTH.of(word), report)
                await self._bus.publish(topics.STATUS_REPORT, report)
            await self._bus.publish(topics.STATUS_HEALTH, summary)
        except BusClosedError:
            return


async def ask(probe: HealthProbe, timeout_s: float = ASK_TIMEOUT_S) -> HealthStatus:
    """Ask one part; a part that raises or does not answer has failed."""
    answers: list[HealthStatus] = []

    async def take() -> None:
        answers.append(await probe())

    error = await limited(take(), timeout_s)
    if error is None:
        return answers[0]
    detail = (
        f"does not answer within {timeout_s:g} s; it hangs or the machine is overloaded"
        if isinstance(error, TimeLimitError)
        else f"cannot say how it is doing ({sentence(error)})"
    )
    return HealthStatus(state=HealthState.FAILED, detail=detail)


def summarise(
    parts: Mapping[str, HealthStatus], essential: Collection[str], uptime_s: float
) -> HealthSummary:
    """The health of the whole: as good as its worst part that matters.

    Args:
        parts: Name of each part with its health.
        essential: Parts without which the line of a frame is broken; only they make the whole
            ``failed``, any other makes it ``degraded``.
        uptime_s: Seconds since the start.
    """
    state = HealthState.OK
    troubles = []
    for name, health in parts.items():
        if health.state in (HealthState.OK, HealthState.STOPPED):
            continue
        troubles.append(f"{name}: {health.detail or health.state}")
        counts_as = health.state if name in essential else HealthState.DEGRADED
        state = max(state, counts_as, key=_ORDER.index)
    return HealthSummary(
        source="health",
        state=state,
        modules=dict(parts),
        detail="; ".join(troubles),
        uptime_s=uptime_s,
    )


class StatusBoard:
    """The latest of what parts tell by themselves: cameras, the bus, errors that were survived."""

    PATTERN = "|".join(
        topic.pattern
        for topic in (
            topics.STATUS_CAMERA,
            topics.STATUS_BUS,
            topics.STATUS_ERROR,
            topics.MODULE_HEALTH,
        )
    )

    def __init__(self) -> None:
        self._parts: dict[str, HealthStatus] = {}
        self._errors: dict[str, int] = {}

    async def on_status(self, message: Message) -> None:
        """Note one message of ``PATTERN``."""
        payload = message.payload
        if isinstance(payload, CameraStatus):
            self._parts[f"camera.{payload.camera}"] = HealthStatus(
                state=_CAMERA_STATES[payload.state],
                detail=payload.detail or payload.state,
                numbers=payload.numbers,
            )
        elif isinstance(payload, BusStatus):
            self._parts["bus"] = HealthStatus(
                state=HealthState.DEGRADED if payload.warning else HealthState.OK,
                detail=payload.warning,
                numbers={
                    "published": payload.published,
                    "delivered": payload.delivered,
                    "dropped": payload.dropped,
                    "failed": payload.failed,
                },
            )
        elif isinstance(payload, StatusReport) and payload.source != ASKED:
            self._parts[payload.module] = payload.health
        elif isinstance(payload, ErrorReport):
            self._errors[payload.component] = self._errors.get(payload.component, 0) + 1

    @property
    def parts(self) -> dict[str, HealthStatus]:
        """Name of each part that spoke, with its latest state."""
        return dict(self._parts)

    def errors_of(self, component: str) -> int:
        """Errors that a component reported so far."""
        return self._errors.get(component, 0)
