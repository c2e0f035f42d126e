"""The house tells when it is ill itself: one message for each trouble, edited."""

from datetime import timedelta

from spyoncino.modules.output.watchman import TICK_S, Watchman
from spyoncino.persistence.alert_sheets import AlertSheet, AlertSheetStore
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.status import (
    CameraState,
    CameraStatus,
    HealthState,
    HealthStatus,
    HealthSummary,
)
from spyoncino.schemas.topics import NOTIFY_QUEUED, STATUS_CAMERA, STATUS_HEALTH
from spyoncino.testing.harness import ModuleHarness

QUEUED = NOTIFY_QUEUED.of("pigeon")


async def watchman(harness: ModuleHarness, **settings: object) -> Watchman:
    harness.context.channels = lambda: ("pigeon",)
    harness.set_camera("door")
    return await harness.add(Watchman, **settings)


async def camera(harness: ModuleHarness, state: CameraState, camera: str = "door") -> None:
    await harness.feed(STATUS_CAMERA, CameraStatus(camera=camera, state=state, detail="no answer"))


async def parts(harness: ModuleHarness, **ill: str) -> None:
    modules = {
        name.replace("__", "."): HealthStatus(state=HealthState.DEGRADED, detail=detail)
        for name, detail in ill.items()
    }
    state = HealthState.DEGRADED if ill else HealthState.OK
    await harness.feed(STATUS_HEALTH, HealthSummary(state=state, modules=modules))


async def pass_s(harness: ModuleHarness, seconds: float) -> None:
    for _ in range(round(seconds / TICK_S)):
        await harness.clock.advance(TICK_S)
        await harness.settle_writes()


def told(harness: ModuleHarness) -> list[AlertNotification]:
    return harness.received(QUEUED)


async def test_a_camera_that_is_gone_is_told_and_its_return_edits_the_message(
    harness: ModuleHarness,
) -> None:
    module = await watchman(harness, offline_after_s=60)
    await parts(harness)
    await camera(harness, CameraState.RETRYING)
    await camera(harness, CameraState.STALLED, "camera-that-was-removed")
    await pass_s(harness, 55)
    assert told(harness) == []
    await pass_s(harness, 15)
    (alert,) = told(harness)
    assert alert.event_ref.startswith("camera-door-offline-2026")
    assert (alert.title, alert.priority) == ("door is offline", AlertPriority.HIGH)
    assert alert.text.endswith(": no answer.")
    assert alert.event is None
    assert (await module.health()).numbers == {"troubles": 1, "told": 1}
    await camera(harness, CameraState.LIVE)
    await pass_s(harness, 40)
    assert [(each.event_ref, each.revision) for each in told(harness)] == [
        (alert.event_ref, 1),
        (alert.event_ref, 2),
    ]
    assert told(harness)[-1].text.startswith("The camera door is back; it was so from ")


async def test_a_camera_that_is_off_or_over_is_no_trouble(harness: ModuleHarness) -> None:
    await watchman(harness, offline_after_s=10)
    await parts(harness)
    for state in (CameraState.OFF, CameraState.ENDED, CameraState.LIVE):
        await camera(harness, state)
        await pass_s(harness, 30)
    assert told(harness) == []


async def test_a_full_disk_isolated_parts_and_the_file_of_people_are_told(
    harness: ModuleHarness,
) -> None:
    await watchman(harness, ill_after_s=10)
    ill = {"disk": "10 MB are free", "process__face_recognizer": "the file is damaged"}
    await parts(harness, **ill, supervisor="in quarantine: output.mqtt")
    await pass_s(harness, 20)
    await parts(harness, **ill, supervisor="in quarantine: output.mqtt, event.gif_builder")
    await pass_s(harness, 20)
    texts = [(each.title, each.revision) for each in told(harness)]
    assert texts == [
        ("A part of the house does not work", 1),
        ("The disk is nearly full", 1),
        ("Faces cannot be looked up", 1),
        ("A part of the house does not work", 2),
    ]
    assert "event.gif_builder" in told(harness)[-1].text


async def test_nothing_is_told_before_anybody_said_how_it_is_or_while_it_is_switched_off(
    harness: ModuleHarness,
) -> None:
    module = await watchman(harness, offline_after_s=5, enabled=False)
    await camera(harness, CameraState.RETRYING)
    await parts(harness)
    await pass_s(harness, 30)
    assert told(harness) == []
    await module.configure(module.settings.model_copy(update={"enabled": True}))
    await pass_s(harness, 15)
    assert len(told(harness)) == 1


async def test_a_clock_that_jumps_is_told_once_in_a_while_and_a_slow_one_is_not(
    harness: ModuleHarness,
) -> None:
    await watchman(harness, channels=("pigeon", "smoke"))
    clock = harness.clock
    await pass_s(harness, 10)
    clock.set_wall(clock.utc_now() + timedelta(seconds=59))
    await pass_s(harness, 10)
    assert told(harness) == []
    clock.set_wall(clock.utc_now() - timedelta(hours=3))
    await pass_s(harness, 10)
    clock.set_wall(clock.utc_now() + timedelta(hours=3))
    await pass_s(harness, 10)
    (alert,) = told(harness)
    assert alert.text.startswith("The clock of this machine went back by 3:00:00: it was set. ")
    assert alert.is_final
    assert len(harness.received(NOTIFY_QUEUED.of("smoke"))) == 1


async def test_a_clock_that_was_never_set_is_told(harness: ModuleHarness) -> None:
    harness.clock.set_wall(harness.clock.utc_now().replace(year=1970))
    await watchman(harness)
    await parts(harness)
    await pass_s(harness, 10)
    (alert,) = told(harness)
    assert "shows the year 1970" in alert.text


async def test_after_a_restart_the_same_message_is_edited(harness: ModuleHarness) -> None:
    ref = "camera-door-offline-20251231T230000Z"
    before = AlertNotification(
        event_ref=ref,
        channel="pigeon",
        title="door is offline",
        text="The camera door shows nothing",
        revision=2,
        rule="watchman",
    )
    store = AlertSheetStore(harness.context.database)
    kept = AlertSheet(ref, "watchman", (before,), is_open=True)
    await store.keep(kept, harness.clock.utc_now())
    await watchman(harness, offline_after_s=10)
    await parts(harness)
    await camera(harness, CameraState.RETRYING)
    await pass_s(harness, 60)
    assert told(harness) == [before]  # it may have been kept and not published
    await camera(harness, CameraState.LIVE)
    await pass_s(harness, 40)
    (_, back) = told(harness)
    assert (back.event_ref, back.revision) == (ref, 3)
