"""The composition root: settings reach the parts, and a failed start leaves nothing open."""

import asyncio
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.fixtures.bus_ear import Ear

from spyoncino.app import Application, load_modules
from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.contracts import ModuleSettings
from spyoncino.core.paths import DataFolder
from spyoncino.errors import StorageError, UsageError, WiringError
from spyoncino.modules.capture_specs import capture_specs, section_of
from spyoncino.runtime.capture.idle_gate import IdleGateSpec
from spyoncino.runtime.pool_stats import PoolState
from spyoncino.schemas.status import HealthState, HealthSummary, WorkerCheck


def configured(folder: Path, **sections: Any) -> LoadedConfig:
    return load_config(
        load_modules(), overrides=sections, working_folder=folder, config_home=folder
    )


def build(folder: Path, *, lossless: bool = False, **sections: Any) -> Application:
    loaded = configured(folder, **sections)
    return Application(loaded, load_modules(), DataFolder(folder / "data"), lossless=lossless)


def test_every_built_in_module_can_be_loaded() -> None:
    registry = load_modules()

    assert registry.failures == ()
    assert "input.camera" in {module.name for module in registry.modules}


def test_settings_of_a_camera_reach_its_capture_process(tmp_path: Path) -> None:
    triangle = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    application = build(
        tmp_path,
        cameras={
            "door": {
                "source": {"type": "sim", "fps": 7, "realtime": False, "seed": 3},
                "analysis_fps": 2.5,
                "masks": [triangle],
                "motion": {"sensitivity": 0.9},
            }
        },
        motion={"min_area": 0.5},
        shared_memory={"ring_slots": 5, "ring_max_bytes": "7MB"},
        packets={"keep_s": 40, "max_bytes": "9MB"},
    )

    spec = capture_specs(application.loaded)["door"]

    assert spec.camera_id == "door"
    assert (spec.source.kind, spec.source.realtime, spec.source.loop) == ("sim", False, False)
    assert spec.source.options["fps"] == 7
    assert spec.source.options["seed"] == 3
    assert (spec.analysis_fps, spec.ring_slots, spec.ring_max_bytes) == (2.5, 5, 7_000_000)
    assert (spec.packet_ring_s, spec.packet_ring_max_bytes) == (40, 9_000_000)
    assert spec.masks == (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),)
    assert spec.motion is not None
    assert (spec.motion.sensitivity, spec.motion.min_area) == (0.9, 0.5)
    assert not spec.is_lossless


def gate_of(folder: Path, camera: dict[str, Any], **sections: Any) -> IdleGateSpec | None:
    door = {"source": {"type": "sim"}, **camera}
    application = build(folder, cameras={"door": door}, **sections)
    return capture_specs(application.loaded)["door"].idle_gate


def test_a_camera_sleeps_no_earlier_than_its_objects_are_looked_for_less(tmp_path: Path) -> None:
    assert gate_of(tmp_path, {}) == IdleGateSpec(quiet_s=30)
    assert gate_of(tmp_path, {"idle_gate": {"quiet_s": 60}}) == IdleGateSpec(quiet_s=60)
    assert gate_of(tmp_path, {"idle_gate": {"quiet_s": 5}}) == IdleGateSpec(quiet_s=30)
    shorter = {"idle_gate": {"quiet_s": 5}, "objects": {"active_s": 8}}
    assert gate_of(tmp_path, shorter) == IdleGateSpec(quiet_s=8)
    assert gate_of(tmp_path, {}, objects={"active_s": 90}) == IdleGateSpec(quiet_s=90)
    assert gate_of(tmp_path, {"idle_gate": {"enabled": False}}) is None


def test_a_lossless_run_is_lossless_down_to_the_capture_process(tmp_path: Path) -> None:
    application = build(tmp_path, lossless=True, cameras={"door": {"source": {"type": "sim"}}})

    spec = capture_specs(application.loaded, lossless=True)["door"]
    assert spec.is_lossless
    assert spec.idle_gate is None


def test_a_section_that_another_module_took_is_a_wiring_fault(tmp_path: Path) -> None:
    application = build(tmp_path)

    class Other(ModuleSettings):
        """Not the settings that the root expects."""

    with pytest.raises(WiringError, match="section motion belongs to another module"):
        section_of(application.loaded, "motion", Other)


@pytest.fixture
def whole(tmp_path: Path) -> Application:
    """A system without cameras and with a detector that needs no model."""
    return build(
        tmp_path,
        pool={"workers": 1},
        objects={"detector": "mock"},
        shared_memory={"folder": str(tmp_path)},
        web={"port": 0},
    )


@pytest.mark.processes
def test_it_opens_everything_and_closes_everything(whole: Application, tmp_path: Path) -> None:
    ear = Ear()

    async def live() -> HealthSummary:
        async with whole:
            whole.bus.subscribe("worker_health_responses|system_shutdown", ear, name="old code")
            await whole.bus.publish("worker_health_check", WorkerCheck(event_id="asked"))
            owner = await asyncio.to_thread(lambda: whole.data.running_process)
            assert owner == os.getpid()
            assert whole.pool.stats().state is PoolState.RUNNING
            assert whole.captures._folder is not None
            return await whole.orchestrator.check_health()

    parts = asyncio.run(live()).modules

    answer, farewell = ear.heard
    assert (answer.correlation_id, answer.detector_type, answer.worker_count) == (
        *("asked", "mock"),
        1,
    )
    assert farewell.reason == "it was told to stop"
    parts.pop("machine", None)  # says how busy the machine is, with whatever else it does
    assert {part.state for part in parts.values()} == {HealthState.OK}, parts
    assert whole.data.running_process is None
    assert whole.pool.stats().state is PoolState.STOPPED
    assert list(tmp_path.glob("spyoncino-*")) == []
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        *("access-token", "config", "logs", "media", "outbox.db", "presses.journal"),
        *("spyoncino.db", "spyoncino.lock"),
    ]


@pytest.mark.processes
def test_what_was_opened_is_closed_when_a_later_part_fails(
    whole: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(besides: Awaitable[None] | None = None) -> None:
        del besides
        await asyncio.sleep(0)
        raise UsageError("no modules today")

    monkeypatch.setattr(whole.orchestrator, "start", refuse)

    with pytest.raises(UsageError, match="no modules today"):
        asyncio.run(_enter(whole))

    assert whole.data.running_process is None
    assert whole.pool.stats().state is PoolState.STOPPED
    assert list(tmp_path.glob("spyoncino-*")) == []


def test_a_damaged_database_stops_the_start_and_gives_the_folder_back(
    whole: Application, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "spyoncino.db").write_bytes(b"no database at all, " * 99)

    with pytest.raises(StorageError, match="is damaged"):
        asyncio.run(_enter(whole))

    assert whole.data.running_process is None


def test_a_folder_that_somebody_else_runs_on_is_refused(whole: Application) -> None:
    with whole.data, pytest.raises(StorageError, match="already running"):
        asyncio.run(_enter(build(whole.data.root.parent)))


async def _enter(application: Application) -> None:
    async with application:
        pytest.fail("it must not open")


@pytest.mark.processes
def test_the_memory_of_a_killed_run_is_removed_and_told(whole: Application, tmp_path: Path) -> None:
    left = tmp_path / f"spyoncino-{os.getuid()}-killed"
    left.mkdir()
    (left / "main.lock").write_text("1\n")

    async def live() -> None:
        async with whole:
            assert not left.exists()

    with structlog.testing.capture_logs() as lines:
        asyncio.run(live())

    told = [line for line in lines if line.get("folder") == str(left)]
    assert len(told) == 1
    assert "killed run" in told[0]["event"]


async def test_the_pools_health_says_how_many_workers_are_missing(whole: Application) -> None:
    health = await whole._pool_health()

    assert health.state in (HealthState.STOPPED, HealthState.DEGRADED)
    assert health.detail == "0 of 1 workers are ready"
    assert set(health.numbers) == {
        *("queue", "in_flight", "done", "errors", "restarts"),
        *("workers", "workers_ready", "error_rate"),
    }


def test_auto_is_for_live_runs_only(tmp_path: Path) -> None:
    live = build(tmp_path, objects={"detector": "auto"})._object_task_settings(1)
    lossless = build(tmp_path, lossless=True, objects={"detector": "auto"})

    assert live["detector"] == "auto"
    assert live["choices"] == str(tmp_path / "data" / "detector-choices.json")
    assert live["max_threads"] == len(os.sched_getaffinity(0))
    assert lossless._object_task_settings(1)["detector"] == "cpu"
    assert build(tmp_path)._object_task_settings(1)["detector"] == "cpu"
