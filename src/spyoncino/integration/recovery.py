"""One application in an event loop, replaced when it has failed for good.

The orchestrator restarts single modules. When that has not helped for a cool-down, everything is
closed and opened anew, a bounded number of times, with a cool-down between.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from spyoncino.app import Application
from spyoncino.core.guard import guarded, sentence
from spyoncino.core.message import Message
from spyoncino.core.settings import HealthSettings
from spyoncino.integration.health import SystemState
from spyoncino.schemas import topics
from spyoncino.schemas.status import HealthState, HealthSummary

STABLE_COOLDOWNS = 10
"""After so many cool-downs without an error its restarts are forgotten, like those of modules."""


class Recovery:
    """Opens an application, watches its health, replaces it. Used from the event loop alone.

    Args:
        build: Makes a new application.
        settings: Whether, how often and how soon to recover.
        on_open: Called with each opened application.
        on_error: Called with a sentence when a recovery did not succeed.
    """

    def __init__(
        self,
        build: Callable[[], Application],
        settings: HealthSettings,
        on_open: Callable[[Application], Awaitable[None]],
        on_error: Callable[[str], Awaitable[None]],
    ) -> None:
        self._build = build
        self._settings = settings
        self._on_open = on_open
        self._on_error = on_error
        self._log = structlog.get_logger("spyoncino.manager")
        self._watching: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._stop_wanted = asyncio.Event()
        self._well_since_s = 0.0
        self.application: Application | None = None
        self.summary: HealthSummary | None = None
        self.state = SystemState.STOPPED
        self.last_error: str | None = None
        self.opened_s = 0.0
        self.attempts = 0
        self.max_attempts = settings.max_restart_attempts

    async def start(self) -> None:
        """Open the first application and begin to watch it; raises what opening does."""
        self.state = SystemState.STARTING
        # An asyncio.Event belongs to the first loop that waits for it; each start has a new loop.
        self._news, self._stop_wanted = asyncio.Event(), asyncio.Event()
        self._watching = None
        try:
            await self._open()
        except BaseException as error:
            self.state = SystemState.ERROR
            self.last_error = str(error) or type(error).__name__
            await self._close()
            raise
        self._log.info("the system runs")
        self._watching = asyncio.create_task(self._watch(), name="recovery")

    async def stop(self) -> None:
        """Finish open work and close; an error of closing is noted, not raised."""
        self._stop_wanted.set()
        self._news.set()
        if self._watching is not None:
            await self._watching  # a recovery is not torn apart: it would leave halves behind
        self.state = SystemState.STOPPING
        await self._close()
        self.state = SystemState.STOPPED
        self._log.info("the system has stopped")

    def note(self, summary: HealthSummary) -> None:
        """Take note of a summary: failed is an error, anything better ends it."""
        self.summary = summary
        if summary.state is HealthState.FAILED and self.state is SystemState.RUNNING:
            self.state, self.last_error = SystemState.ERROR, summary.detail
            self._log.error("the system has failed", reason=summary.detail)
            self._news.set()
        elif summary.state is not HealthState.FAILED and self.state is SystemState.ERROR:
            self.state, self._well_since_s = SystemState.RUNNING, time.monotonic()
            self._log.warning("recovery: the system is well again")
        well_s = time.monotonic() - self._well_since_s
        stable_s = STABLE_COOLDOWNS * self._settings.restart_cooldown_s
        if self.state is SystemState.RUNNING and well_s > stable_s:
            self.attempts = 0

    async def _open(self) -> None:
        application = self._build()
        await application.__aenter__()
        self.application = application
        application.bus.subscribe(topics.STATUS_HEALTH, self._on_health, name="manager")
        await self._on_open(application)
        self.state = SystemState.RUNNING
        self.opened_s = self._well_since_s = time.monotonic()
        self.note(await application.orchestrator.check_health())

    async def _on_health(self, message: Message) -> None:
        self.note(message.payload)

    def _has_failed(self) -> bool:
        return self.state is SystemState.ERROR

    async def _close(self) -> None:
        application, self.application, self.summary = self.application, None, None
        if application is not None:
            error = await guarded(application.__aexit__(None, None, None))
            if error is not None:
                self.last_error = sentence(error)
                self._log.error("the system did not close cleanly", error=self.last_error)

    async def _watch(self) -> None:
        while not self._stop_wanted.is_set():
            await self._news.wait()
            self._news.clear()
            is_told = False
            while self._has_failed() and not await self._stops_within_cooldown():
                if not self._has_failed():
                    break
                if self._settings.auto_recovery and self.attempts < self.max_attempts:
                    await self._recover()
                elif not is_told:
                    is_told = True
                    self._log.error(
                        "recovery given up; set restart_attempts to 0 to have it tried again",
                        attempts=self.attempts,
                        reason=self.last_error,
                    )

    async def _stops_within_cooldown(self) -> bool:
        try:
            await asyncio.wait_for(self._stop_wanted.wait(), self._settings.restart_cooldown_s)
        except TimeoutError:
            return False
        return True

    async def _recover(self) -> None:
        self.attempts += 1
        self.state = SystemState.RECOVERING
        log = self._log.bind(attempt=self.attempts, of=self.max_attempts)
        log.warning("recovery: restarting the system", reason=self.last_error)
        await self._close()
        if self._stop_wanted.is_set():
            return
        error = await guarded(self._open())
        if error is None:
            works = not self._has_failed()
            log.warning("recovery: the system runs again" if works else "recovery did not help")
            return
        self.state, self.last_error = SystemState.ERROR, sentence(error)
        log.error("recovery: the system does not start", error=self.last_error)
        await self._on_error(self.last_error)
