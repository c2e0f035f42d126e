"""Watches what parts tell of themselves: repeated failures become a notice and a command."""

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, ModuleSettings, StatusModule
from spyoncino.core.escalation import WELL, EscalationWatch, Verdict
from spyoncino.core.queues import Policy
from spyoncino.schemas import topics
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.status import (
    ErrorReport,
    HealthState,
    HealthStatus,
    HealthSummary,
    StatusNotice,
    StatusReport,
)


class AggregatorSettings(ModuleSettings):
    """Section ``status``: when failures of a part are called repeated."""

    escalate_after: int = Field(
        default=3, ge=1, le=100, description="Failures of one part within the window."
    )
    window_s: float = Field(
        default=600.0, gt=0, description="Seconds of the window; a part ill for all of it counts."
    )


class StatusAggregator(StatusModule[AggregatorSettings]):
    """Publishes ``status.notice`` when a part fails repeatedly, and when it is calm again."""

    name = "status.aggregator"
    section = "status"
    settings_model = AggregatorSettings
    consumes = (
        Consume(topics.STATUS_REPORT, "on_report"),
        Consume(topics.STATUS_ERROR, "on_error"),
        Consume(topics.STATUS_HEALTH, "on_summary", Policy.LATEST),
    )
    publishes = (topics.STATUS_NOTICE, topics.CONTROL_COMMAND)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._watch: EscalationWatch | None = None
        self._escalated: set[str] = set()

    async def configure(self, settings: AggregatorSettings) -> None:
        """Take new settings; changed ones begin to count anew."""
        if self._watch is None or self.settings != settings:
            self._watch = EscalationWatch(settings.escalate_after, settings.window_s)
        await super().configure(settings)

    async def start(self) -> None:
        """Nothing to acquire."""

    async def stop(self) -> None:
        """Nothing to release."""

    async def health(self) -> HealthStatus:
        """Well; tells how many parts fail repeatedly at present."""
        return HealthStatus(numbers={"escalated": float(len(self._escalated))})

    async def on_report(self, report: StatusReport) -> None:
        """Take a part's health."""
        if self._watch is None:
            return
        verdict = self._watch.on_health(
            report.module,
            report.health.state,
            report.health.numbers.get("restarts", 0.0),
            self.context.clock.monotonic_ns(),
        )
        state = "" if report.health.state in WELL else f"it is {report.health.state}"
        await self._tell(report.module, verdict, report.health.detail or state)

    async def on_error(self, report: ErrorReport) -> None:
        """Take an error that a part survived."""
        if self._watch is None:
            return
        errors = 1 + int(report.metadata.get("repeats", 0))
        now_ns = self.context.clock.monotonic_ns()
        verdict = self._watch.on_error(report.component, errors, now_ns)
        await self._tell(report.component, verdict, report.error)

    async def on_summary(self, summary: HealthSummary) -> None:
        """See, with each summary, who has become calm."""
        del summary
        if self._watch is not None:
            for part in self._watch.look(self.context.clock.monotonic_ns()):
                await self._tell(part, Verdict.CALM, "")

    async def _tell(self, part: str, verdict: Verdict | None, detail: str) -> None:
        if verdict is None:
            return
        minutes = self.settings.window_s / 60
        if verdict is Verdict.ESCALATE:
            self._escalated.add(part)
            self.context.meters.escalations[part] += 1
            severity = "error"
            message = (
                f"{part} fails again and again, or for more than {minutes:g} minutes: {detail}"
            )
            self.context.log.error("escalated", part=part, why=detail)
        else:
            self._escalated.discard(part)
            severity = "info"
            message = f"{part} has been well for {minutes:g} minutes"
            self.context.log.info("calm again", part=part)
        notice = StatusNotice(
            source=self.name,
            component=part,
            message=message,
            severity=severity,
            state=HealthState.FAILED if verdict is Verdict.ESCALATE else HealthState.OK,
            timestamp=self.context.clock.utc_now(),
        )
        await self.publish(topics.STATUS_NOTICE, notice)
        command = ControlCommand(
            source=self.name,
            target="dashboard",
            command="show_notice",
            arguments={"component": part, "message": message, "severity": severity},
            correlation_id=notice.event_id,
            timestamp=notice.timestamp,
        )
        await self.publish(topics.CONTROL_COMMAND, command)
