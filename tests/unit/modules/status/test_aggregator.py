"""The health flow by its names, and repeated failures."""

from typing import Any

from spyoncino.clock import FakeClock
from spyoncino.core.health import BusHealthReporter, StatusBoard, summarise
from spyoncino.core.message import Message
from spyoncino.modules.status.aggregator import StatusAggregator
from spyoncino.schemas import topics
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.status import ErrorReport, HealthState, HealthStatus, StatusReport
from spyoncino.testing.harness import ModuleHarness

BROKEN = HealthStatus(state=HealthState.FAILED, detail="broken; replace it")


class Ear:
    """Hears what is published under a name."""

    def __init__(self) -> None:
        self.payloads: list[Any] = []

    async def hear(self, message: Message) -> None:
        self.payloads.append(message.payload)


def report(state: HealthState = HealthState.FAILED) -> StatusReport:
    health = BROKEN if state is HealthState.FAILED else HealthStatus(state=state)
    return StatusReport(module="remote.sensor", health=health, source="another machine")


async def test_the_health_flow_has_the_names_of_the_specification(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(StatusAggregator, escalate_after=1)
    heard = {name: Ear() for name in ("analytics.health.summary", "dashboard.commands")}
    for name, ear in heard.items():
        module_harness.bus.subscribe(name, ear.hear, name=f"ear of {name}")
    board = StatusBoard()
    module_harness.bus.subscribe(StatusBoard.PATTERN, board.on_status, name="board")
    await module_harness.feed(topics.MODULE_HEALTH.of("remote_sensor"), report())
    summary = summarise(board.parts, (), 1.0)
    await BusHealthReporter(module_harness.bus).report(summary)
    await module_harness.bus.drain()
    names = [message.topic for message in module_harness.messages]
    flow = (
        "module.remote_sensor.health",
        "status.report",
        "status.health.summary",
        "dashboard.control.command",
    )
    assert set(flow) <= set(names)
    assert names.index(flow[0]) < names.index(flow[1]) < names.index(flow[2])
    assert names.index(flow[1]) < names.index(flow[3])
    (told,) = heard["analytics.health.summary"].payloads
    assert told.modules["remote.sensor"] == BROKEN
    (command,) = heard["dashboard.commands"].payloads
    assert (command.target, command.command) == ("dashboard", "show_notice")
    assert "broken; replace it" in command.arguments["message"]


async def test_repeated_failures_become_one_notice_until_all_is_calm(
    module_harness: ModuleHarness, clock: FakeClock
) -> None:
    await module_harness.add(StatusAggregator, escalate_after=2, window_s=60)
    for _ in range(5):
        await module_harness.feed(topics.STATUS_REPORT, report())
        await module_harness.feed(topics.STATUS_REPORT, report(HealthState.OK))
    (notice,) = module_harness.received(topics.STATUS_NOTICE)
    assert (notice.component, notice.severity) == ("remote.sensor", "error")
    assert module_harness.context.meters.escalations == {"remote.sensor": 1}
    await clock.advance(61)
    await module_harness.feed(topics.STATUS_HEALTH, summarise({}, (), 1.0))
    _, calm = module_harness.received(topics.STATUS_NOTICE)
    assert (calm.severity, calm.state) == ("info", HealthState.OK)


async def test_errors_that_a_part_survives_escalate_too(module_harness: ModuleHarness) -> None:
    module = await module_harness.add(StatusAggregator, escalate_after=3)
    error = ErrorReport(
        component="door", error="no", error_type="MediaError", metadata={"repeats": 2}
    )
    await module_harness.feed(topics.STATUS_ERROR.of("door"), error)
    (notice,) = module_harness.received(topics.STATUS_NOTICE)
    assert notice.message.endswith("no")
    assert (await module.health()).numbers == {"escalated": 1.0}


async def test_a_command_goes_by_both_names_exactly_once(module_harness: ModuleHarness) -> None:
    await module_harness.add(StatusAggregator)
    by_alias = Ear()
    module_harness.bus.subscribe("dashboard.commands", by_alias.hear, name="ear")
    for name in ("dashboard.commands", topics.CONTROL_COMMAND.name):
        await module_harness.bus.publish(name, ControlCommand(target="door", command="look"))
    await module_harness.bus.drain()
    heard = module_harness.received(topics.CONTROL_COMMAND)
    for commands in (by_alias.payloads, heard):
        assert [each.command for each in commands] == ["look", "look"]
