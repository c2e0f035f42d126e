"""The system for programs that embed it: start, stop, ask and ring from any thread."""

import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from spyoncino.app import Application, load_modules
from spyoncino.core.config_load import load_config
from spyoncino.core.logs import configure_logging
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.core.performance import performance_score
from spyoncino.core.settings import Settings
from spyoncino.errors import SpyoncinoError, UsageError
from spyoncino.integration.callbacks import Callbacks, EventCallback, join
from spyoncino.integration.health import SystemHealth, SystemState
from spyoncino.integration.loop_thread import LoopThread
from spyoncino.integration.pipeline import Pipeline
from spyoncino.integration.pressing import PressResult, press_at
from spyoncino.integration.recovery import Recovery
from spyoncino.schemas import topics
from spyoncino.schemas.status import HealthSummary

if TYPE_CHECKING:
    from spyoncino.integration.legacy import LegacyAdapter

T = TypeVar("T")


class OrchestratorManager:
    """One system over one data folder.

    Call it under ``if __name__ == "__main__":``, because cameras and workers are processes that
    import the program's main file again.

    Args:
        config: Settings, nested as in the configuration file, over that file if there is one.
        file: The configuration file; searched for as by ``spyoncino run`` when not given.
        writes_log: Set up logging as ``spyoncino run`` does, with ``logs/doorbell.log``; ``False``
            leaves it to the embedding program.

    Attributes:
        orchestrator: The running pipeline: ``get_pipeline_metrics()`` and its other reports.
        settings: The settings in force.

    Raises:
        ConfigError: One sentence for every wrong setting.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        file: Path | None = None,
        writes_log: bool = True,
    ) -> None:
        registry = load_modules()
        loaded = load_config(registry, file=file, overrides=config)
        self.settings: Settings = loaded.settings
        self.data = DataFolder(resolve_data_dir(loaded.settings.data_dir, loaded.user_file))
        self.orchestrator = Pipeline(self)
        self._writes_log = writes_log
        self._thread = LoopThread("spyoncino")
        self._callbacks = Callbacks()
        self._recovery = Recovery(
            lambda: Application(loaded, registry, self.data),
            loaded.settings.health,
            lambda application: self._callbacks.join_all(application.bus),
            self._on_recovery_failed,
        )

    @property
    def state(self) -> SystemState:
        """Where the system is in its life."""
        return self._recovery.state

    def note(self, summary: HealthSummary) -> None:
        """Take note of a fresh summary, in the event loop."""
        self._recovery.note(summary)

    @property
    def application(self) -> Application | None:
        """What runs; it belongs to the event loop's thread, see ``call``."""
        return self._recovery.application

    @property
    def restart_attempts(self) -> int:
        """Restarts of the whole since it was well; 0 has recovery tried again."""
        return self._recovery.attempts

    @restart_attempts.setter
    def restart_attempts(self, count: int) -> None:
        self._recovery.attempts = count

    @property
    def max_restart_attempts(self) -> int:
        """Restarts after which recovery is given up; ``health.max_restart_attempts``."""
        return self._recovery.max_attempts

    @max_restart_attempts.setter
    def max_restart_attempts(self, count: int) -> None:
        self._recovery.max_attempts = count

    def start(self) -> None:
        """Start everything; returns when it is ready. Nothing happens when it runs already.

        Raises:
            SpyoncinoError: It cannot be started; nothing runs then.
        """
        if self._thread.is_running:
            return
        if self._writes_log:
            with self.data:
                log = self.settings.log
                file = self.data.log if log.file else None
                configure_logging(log.level, json=log.format == "json", file=file)
        self._thread.start()
        try:
            self._thread.call(self._recovery.start())
        except BaseException:
            self._thread.stop()
            raise

    def stop(self) -> None:
        """Finish what is open, then close everything. Safe to call twice; not for callbacks."""
        if self._thread.is_running:
            self._thread.call(self._recovery.stop())
        self._thread.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_ended: object) -> None:
        self.stop()

    def get_health_status(self) -> SystemHealth:
        """Ask every part now."""
        pipeline = self.orchestrator.get_pipeline_metrics()
        summary, health = self._recovery.summary, self.settings.health
        return SystemHealth(
            state=self.state,
            performance_score=performance_score(summary, health) if summary else 0.0,
            uptime=time.monotonic() - self._recovery.opened_s if summary else 0.0,
            last_error=self._recovery.last_error,
            pipeline_status=pipeline,
        )

    def register_event_callback(self, name: str, callback: EventCallback) -> None:
        """Have a function called with the data of every event of a name, also after a recovery.

        Args:
            name: ``system_error``, ``performance_warning`` (data has ``score``), another of the
                doorbell's names such as ``doorbell_pressed``, or any topic or pattern.
            callback: Takes the data; what it raises is logged and counted.

        Raises:
            WiringError: The name is malformed.
        """
        self._callbacks.add(name, callback)
        if self.application is not None:
            self.call(join(self.application.bus, name, callback))

    def trigger_doorbell(self, camera: str | None = None, **metadata: Any) -> PressResult:
        """Ring, as if somebody had pressed the button.

        Args:
            camera: Whose door; the first camera with a doorbell, else the first, when not given.
            **metadata: Facts to note with the press, such as the channel of the button.
        """
        try:
            press = press_at(self.settings, camera, metadata)
            if self.application is None:
                raise UsageError(f"the system is {self.state}; start it first")
            topic = topics.DOORBELL_PRESSED.of(press.doorbell)
            self.call(self.application.bus.publish(topic, press))
        except SpyoncinoError as error:
            return PressResult(False, detail=str(error))
        return PressResult(True, press.event_id, press.doorbell, press.camera)

    def get_legacy_interface(self) -> "LegacyAdapter":
        """This system in the shape of the doorbell's old main class."""
        from spyoncino.integration.legacy import LegacyAdapter  # noqa: PLC0415 - it may make us

        return LegacyAdapter(self)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the system's event loop; returns or raises what it does."""
        return self._thread.call(work)

    async def _on_recovery_failed(self, error: str) -> None:
        """Nothing runs that could tell it on the bus."""
        data = {"component": "system", "error": error, "error_type": "recovery"}
        await self._callbacks.tell("system_error", data)
