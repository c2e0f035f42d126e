"""Levels that change while the program runs."""

import json
import logging
from pathlib import Path

import pytest
import structlog
from structlog.typing import FilteringBoundLogger

from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.core.log_levels import SET, SHOW, level_table, register_log_levels, set_level
from spyoncino.core.logs import configure_logging
from spyoncino.errors import UsageError
from spyoncino.modules.status.log_control import LogControl
from spyoncino.schemas import topics
from spyoncino.schemas.control import ControlCommand
from spyoncino.testing.harness import ModuleHarness

MODULES = {"process.tracker", "event.builder"}


def bound_tracker() -> FilteringBoundLogger:
    """A logger that was bound before any level changed, as every module's is."""
    configure_logging("info", json=True)
    log: FilteringBoundLogger = structlog.get_logger("spyoncino").bind(module="process.tracker")
    return log


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]


def test_one_module_tells_more_while_all_others_stay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tracker = bound_tracker()
    other = structlog.get_logger("spyoncino").bind(module="event.builder")
    tracker.debug("before")
    set_level("process.tracker", "debug", MODULES)
    tracker.debug("now")
    other.debug("not wanted")
    set_level("process.tracker", "default", MODULES)
    tracker.debug("after")
    tracker.info("always")
    assert told(capsys) == ["now", "always"]


def test_a_stage_stands_for_its_modules_and_the_nearest_name_wins(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tracker = bound_tracker()
    set_level("process", "error", MODULES)
    tracker.warning("quiet")
    set_level("process.tracker", "debug", MODULES)
    tracker.debug("loud")
    assert told(capsys) == ["loud"]
    assert set_level("all", "warning", MODULES) == {"all": "warning"}
    tracker.info("quiet again")
    assert told(capsys) == []


def test_libraries_and_our_standard_loggers_follow_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json=True)
    ours, library = logging.getLogger("spyoncino.runtime.crew"), logging.getLogger("somewhere")
    ours.debug("no")
    library.debug("no")
    set_level("runtime", "debug", MODULES)
    set_level("somewhere", "debug", MODULES)
    ours.debug("a worker")
    library.debug("a library")
    set_level("somewhere", "default", MODULES)
    library.debug("no")
    assert told(capsys) == ["a worker", "a library"]


def test_exceptions_are_errors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tracker = bound_tracker()
    set_level("all", "error", MODULES)
    tracker.exception("broken")
    tracker.warning("no")
    assert told(capsys) == ["broken"]


def test_a_mistyped_name_or_level_is_refused_with_the_nearest_one() -> None:
    configure_logging("info", json=True)
    with pytest.raises(UsageError, match=r"did you mean process\.tracker\?"):
        set_level("process.trakcer", "debug", MODULES)
    with pytest.raises(UsageError, match="is no log level; use debug, info"):
        set_level("process.tracker", "loud", MODULES)


def test_who_embeds_the_system_keeps_its_own_levels() -> None:
    assert level_table() is None
    with pytest.raises(UsageError, match="set up no log"):
        set_level("all", "debug")


async def test_a_running_main_obeys_orders_about_levels(tmp_path: Path) -> None:
    configure_logging("info", json=True)
    desk = ControlDesk(tmp_path / "socket")
    register_log_levels(desk, MODULES)
    await desk.open()
    try:
        assert await ask_main(tmp_path / "socket", SHOW) == {"all": "info"}
        answer = await ask_main(tmp_path / "socket", SET, module="event", level="debug")
        assert answer == {"all": "info", "event": "debug"}
        with pytest.raises(UsageError, match="nobody of the name"):
            await ask_main(tmp_path / "socket", SET, module="nobody", level="debug")
    finally:
        await desk.close()


async def test_the_bus_changes_levels_too(module_harness: ModuleHarness) -> None:
    configure_logging("info", json=True)
    module = await module_harness.add(LogControl)

    def command(**arguments: str) -> ControlCommand:
        return ControlCommand(target="logs", command="level", arguments=arguments, source="page")

    await module_harness.feed(
        topics.CONTROL_COMMAND,
        command(module="bus", level="debug"),
        command(module="bus", level="loud"),
        ControlCommand(target="door", command="level"),
    )
    table = level_table()
    assert table is not None
    assert table.shown() == {"all": "info", "bus": "debug"}
    (notice,) = module_harness.received(topics.STATUS_CONTRACT)
    assert "'loud' is no log level" in notice.message
    assert (await module.health()).numbers == {"obeyed": 1.0}
