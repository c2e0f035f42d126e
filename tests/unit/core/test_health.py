import asyncio

import pytest

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.health import BusHealthReporter, StatusBoard, ask, summarise
from spyoncino.core.message import Message
from spyoncino.errors import StorageError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.status import (
    BusStatus,
    CameraState,
    CameraStatus,
    HealthState,
    HealthStatus,
)

OK = HealthStatus()
STOPPED = HealthStatus(state=HealthState.STOPPED)
BENT = HealthStatus(state=HealthState.DEGRADED, detail="bent")
BROKEN = HealthStatus(state=HealthState.FAILED, detail="broken; replace it")


@pytest.mark.parametrize(
    ("parts", "state"),
    [
        ({}, HealthState.OK),
        ({"a": OK, "b": STOPPED}, HealthState.OK),
        ({"a": OK, "b": BENT}, HealthState.DEGRADED),
        ({"a": BROKEN, "b": BENT}, HealthState.FAILED),
        ({"a": OK, "b": BROKEN}, HealthState.DEGRADED),
    ],
)
def test_the_whole_is_as_good_as_its_worst_part_that_matters(
    parts: dict[str, HealthStatus], state: HealthState
) -> None:
    assert summarise(parts, {"a"}, 1.0).state is state


def test_a_summary_names_every_trouble() -> None:
    silent = HealthStatus(state=HealthState.DEGRADED)
    summary = summarise({"a": BROKEN, "b": silent, "c": OK}, {"a"}, 5.0)
    assert summary.detail == "a: broken; replace it; b: degraded"
    assert summary.uptime_s == 5.0


async def test_a_part_that_does_not_answer_or_raises_has_failed() -> None:
    async def hangs() -> HealthStatus:
        await asyncio.Event().wait()
        return OK

    async def raises() -> HealthStatus:
        raise StorageError("the disk is full")

    async def answers() -> HealthStatus:
        return BENT

    assert "does not answer within 0.01 s" in (await ask(hangs, 0.01)).detail
    assert (await ask(raises)).detail == "cannot say how it is doing (the disk is full)"
    assert await ask(answers) is BENT


async def test_cancelling_the_question_is_not_an_answer() -> None:
    async def hangs() -> HealthStatus:
        await asyncio.Event().wait()
        return OK

    asking = asyncio.create_task(ask(hangs))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize(
    ("state", "health"),
    [
        (CameraState.LIVE, HealthState.OK),
        (CameraState.CONNECTING, HealthState.OK),
        (CameraState.ENDED, HealthState.STOPPED),
        (CameraState.RETRYING, HealthState.DEGRADED),
    ],
)
async def test_a_camera_is_as_good_as_its_state(state: CameraState, health: HealthState) -> None:
    board = StatusBoard()
    await board.on_status(message(CameraStatus(camera="door", state=state)))
    part = board.parts["camera.door"]
    assert part.state is health
    assert part.detail == state.value


async def test_a_bus_that_lost_something_is_degraded() -> None:
    board = StatusBoard()
    status = BusStatus(published=9, delivered=8, dropped=1, failed=0)
    await board.on_status(message(status))
    assert board.parts["bus"] == HealthStatus(numbers=board.parts["bus"].numbers)
    await board.on_status(message(status.model_copy(update={"warning": "lost 1"})))
    assert board.parts["bus"].state is HealthState.DEGRADED
    assert board.parts["bus"].numbers["dropped"] == 1


async def test_other_messages_change_nothing() -> None:
    board = StatusBoard()
    await board.on_status(message(Payload()))
    assert board.parts == {}
    assert board.errors_of("anybody") == 0


async def test_reporting_to_a_closed_bus_is_harmless(clock: FakeClock) -> None:
    bus = Bus(clock)
    await bus.start()
    await bus.stop()
    await BusHealthReporter(bus).report(summarise({"a": OK}, (), 0.0))


def message(payload: Payload) -> Message:
    return Message("status.x", payload, 0)
