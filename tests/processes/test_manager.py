"""The manager: the system in a thread, its state, its callbacks, its recovery."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from spyoncino.app import Application
from spyoncino.core.logs import configure_logging
from spyoncino.errors import BusClosedError, ConfigError, StorageError, WiringError
from spyoncino.integration import OrchestratorManager, SystemState
from spyoncino.schemas.status import HealthState, HealthStatus, HealthSummary

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

WAIT_S = 30.0


def config_for(folder: Path, **sections: Any) -> dict[str, Any]:
    """A system without cameras and models that recovers at once."""
    return {
        "data_dir": str(folder / "data"),
        "pool": {"workers": 1},
        "objects": {"detector": "mock"},
        "shared_memory": {"folder": str(folder)},
        "web": {"enabled": False},
        "log": {"level": "warning"},
        "health": {"interval_s": 0.05, "restart_cooldown_s": 0.05, "max_restart_attempts": 2},
        "cameras": {
            "yard": {"source": {"type": "sim"}, "enabled": False, "doorbell": "yard"},
            "door": {"source": {"type": "sim"}, "doorbell": "front"},
        },
        "modules": {"disabled": ["input.camera"]},
        **sections,
    }


@pytest.fixture(autouse=True)
def _settings_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    yield
    configure_logging()  # closes the log file


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[OrchestratorManager]:
    with OrchestratorManager(config_for(tmp_path)) as running:
        yield running


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def log_of(manager: OrchestratorManager) -> list[dict[str, Any]]:
    return [json.loads(line) for line in manager.data.log.read_text().splitlines()]


class Doctor:
    """Says how the system is doing, in place of the modules."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = HealthState.OK
        self.lives = 0
        self.refusal: Exception | None = None
        opened, doctor = Application._open, self

        def summary_of(names: Iterable[str]) -> HealthSummary:
            modules = dict.fromkeys(names, HealthStatus())
            modules["disk"] = HealthStatus(state=doctor.state, detail="no disk")
            full = {"memory_percent": 100.0 if doctor.state is HealthState.FAILED else 0.0}
            modules["machine"] = HealthStatus(numbers=full)
            return HealthSummary(state=doctor.state, modules=modules, detail="no disk")

        async def open_(application: Application) -> None:
            doctor.lives += 1
            if doctor.refusal is not None:
                raise doctor.refusal
            await opened(application)

            async def tell(modules: Mapping[str, HealthStatus]) -> HealthSummary:
                summary = summary_of(modules)
                for reporter in application.orchestrator._reporters:
                    await reporter.report(summary)
                return summary

            application.orchestrator._tell = tell  # type: ignore[method-assign]

        monkeypatch.setattr(Application, "_open", open_)


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> Doctor:
    return Doctor(monkeypatch)


def test_it_runs_from_start_to_stop_and_again(tmp_path: Path) -> None:
    manager = OrchestratorManager(config_for(tmp_path))
    assert manager.state is SystemState.STOPPED
    for _ in range(2):
        manager.start()
        manager.start()
        health = manager.get_health_status()
        assert health.state is SystemState.RUNNING
        assert 0.7 <= health.performance_score <= 1
        assert health.uptime > 0
        assert health.last_error is None
        assert health.pipeline_status["pipeline_status"] in ("ok", "degraded")
        manager.stop()
        manager.stop()
    assert manager.state is SystemState.STOPPED
    stopped = manager.get_health_status()
    assert (stopped.performance_score, stopped.uptime) == (0, 0)
    assert stopped.pipeline_status["pipeline_status"] == "stopped"
    assert manager.data.running_process is None
    assert not [each for each in threading.enumerate() if each.name == "spyoncino"]


def test_the_pipeline_answers_from_other_threads(manager: OrchestratorManager) -> None:
    metrics = manager.orchestrator.get_pipeline_metrics()
    assert metrics["worker_status"]["worker_count"] == 1
    assert metrics["events_per_minute"] == 0
    check = manager.orchestrator.pipeline_health_check()
    assert check["memory_usage_mb"] > 10
    assert check["overall_status"] in ("ok", "degraded")
    assert manager.orchestrator.restart("process.tracker")
    with pytest.raises(WiringError, match="there is no module"):
        manager.orchestrator.restart("process.nothing")


def test_a_press_is_accepted_and_every_callback_hears_it(manager: OrchestratorManager) -> None:
    heard: list[dict[str, Any]] = []
    manager.register_event_callback("doorbell_pressed", heard.append)

    result = manager.trigger_doorbell(channel=18)

    assert (result.success, result.doorbell, result.camera) == (True, "front", "door")
    wait_until(lambda: len(heard) == 1)
    assert heard[0]["camera"] == "door"


def test_a_press_that_cannot_be_accepted_says_why(tmp_path: Path) -> None:
    manager = OrchestratorManager(config_for(tmp_path))
    assert manager.trigger_doorbell().detail == "the system is stopped; start it first"
    nowhere = manager.trigger_doorbell("garage")
    assert (nowhere.success, nowhere.event_id) == (False, "")
    assert nowhere.detail == "there is no camera 'garage' that runs; there is: yard, door"
    assert "'yard'" in manager.trigger_doorbell("yard").detail
    empty = OrchestratorManager(config_for(tmp_path, cameras={}))
    assert empty.trigger_doorbell().detail == "there is no camera '' that runs; there is: none"


def test_nothing_that_runs_is_a_sentence_too(tmp_path: Path) -> None:
    manager = OrchestratorManager(config_for(tmp_path))
    with pytest.raises(BusClosedError, match="start it first"):
        manager.orchestrator.pipeline_health_check()
    with pytest.raises(BusClosedError, match="start it first"):
        manager.orchestrator.restart("process.tracker")
    with pytest.raises(WiringError, match="is no pattern"):
        manager.register_event_callback("doorbell..pressed", print)


def test_a_wrong_setting_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="sensitivity"):
        OrchestratorManager({"motion": {"sensitivity": 7}})


def test_a_start_that_fails_leaves_nothing_behind(tmp_path: Path, doctor: Doctor) -> None:
    manager = OrchestratorManager(config_for(tmp_path))
    doctor.refusal = StorageError("the disk is gone")
    with pytest.raises(StorageError, match="the disk is gone"):
        manager.start()
    assert manager.state is SystemState.ERROR
    assert manager.get_health_status().last_error == "the disk is gone"
    assert not [each for each in threading.enumerate() if each.name == "spyoncino"]
    doctor.refusal = None
    with manager:
        assert manager.trigger_doorbell().success


def test_a_failed_system_is_opened_anew_and_its_callbacks_hear_again(
    tmp_path: Path, doctor: Doctor
) -> None:
    errors: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    presses: list[dict[str, Any]] = []
    manager = OrchestratorManager(config_for(tmp_path))
    manager.register_event_callback("system_error", errors.append)
    manager.register_event_callback("performance_warning", warnings.append)
    manager.register_event_callback("doorbell_pressed", presses.append)
    with manager:
        doctor.state = HealthState.FAILED
        wait_until(lambda: doctor.lives == 2)
        doctor.state = HealthState.OK
        wait_until(lambda: manager.state is SystemState.RUNNING)
        assert manager.trigger_doorbell().success
        wait_until(lambda: bool(presses and errors and warnings))
        assert manager.get_health_status().last_error == "no disk"
    assert errors[0]["error"] == "no disk"
    assert warnings[0]["score"] < 0.7
    said = [line["event"] for line in log_of(manager)]
    assert "recovery: restarting the system" in said


def test_recovery_gives_up_and_is_tried_again_when_told(tmp_path: Path, doctor: Doctor) -> None:
    errors: list[dict[str, Any]] = []
    manager = OrchestratorManager(config_for(tmp_path))
    manager.register_event_callback("system_error", errors.append)
    with manager:
        doctor.refusal = StorageError("the disk is gone")
        doctor.state = HealthState.FAILED
        wait_until(lambda: "recovery given up" in manager.data.log.read_text())
        assert (manager.restart_attempts, manager.max_restart_attempts) == (2, 2)
        assert manager.state is SystemState.ERROR
        assert manager.trigger_doorbell().detail == "the system is error; start it first"
        assert errors[-1]["error"] == "the disk is gone"
        doctor.refusal, doctor.state = None, HealthState.OK
        manager.restart_attempts, manager.max_restart_attempts = 0, 1
        wait_until(lambda: manager.state is SystemState.RUNNING)
    attempts = [line["attempt"] for line in log_of(manager) if "attempt" in line]
    assert attempts[:2] == [1, 1]
    assert "the system runs again" in manager.data.log.read_text()


def test_a_system_that_mends_itself_is_left_alone(tmp_path: Path, doctor: Doctor) -> None:
    config = config_for(tmp_path)
    config["health"] = {"interval_s": 0.05, "restart_cooldown_s": 30}
    with OrchestratorManager(config) as manager:
        doctor.state = HealthState.FAILED
        wait_until(lambda: manager.state is SystemState.ERROR)
        doctor.state = HealthState.OK
        wait_until(lambda: manager.state is SystemState.RUNNING)
        assert (doctor.lives, manager.restart_attempts) == (1, 0)


def test_stopping_in_the_middle_of_a_failure_stops(tmp_path: Path, doctor: Doctor) -> None:
    config = config_for(tmp_path)
    config["health"] = {"interval_s": 0.05, "auto_recovery": False, "restart_cooldown_s": 0.01}
    with OrchestratorManager(config) as manager:
        doctor.state = HealthState.FAILED
        wait_until(lambda: "recovery given up" in manager.data.log.read_text())
    assert manager.state is SystemState.STOPPED
    assert doctor.lives == 1


def test_stopping_in_the_middle_of_a_recovery_waits_for_it(tmp_path: Path, doctor: Doctor) -> None:
    with OrchestratorManager(config_for(tmp_path)) as manager:
        doctor.state = HealthState.FAILED
        wait_until(lambda: manager.state is SystemState.RECOVERING)
    assert manager.state is SystemState.STOPPED
    assert manager.data.running_process is None


def test_the_log_is_the_file_of_the_specification_and_can_be_left_out(tmp_path: Path) -> None:
    with OrchestratorManager(config_for(tmp_path)) as manager:
        assert manager.data.log == tmp_path / "data" / "logs" / "doorbell.log"
        assert manager.data.log.exists()
    configure_logging()
    other = config_for(tmp_path, data_dir=str(tmp_path / "other"))
    with OrchestratorManager(other, writes_log=False) as manager:
        assert not manager.data.log.exists()
