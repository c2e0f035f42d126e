"""Which log lines are wanted, by the name of who writes them; may change while the program runs.

The table hangs on the log handlers, as the levels of the standard library hang on its loggers, so
that there is one of it for a process and none before ``configure_logging``.
"""

import difflib
import logging
from collections.abc import Collection
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from spyoncino.core.control_desk import ControlDesk
from spyoncino.errors import UsageError

OURS = "spyoncino"
ALL = "all"
DEFAULT = "default"
LEVELS = ("debug", "info", "warning", "error")

SHOW, SET = "logs.levels", "logs.level"
"""Orders of the control desk."""

_METHODS = {
    **{name.lower(): number for name, number in logging.getLevelNamesMapping().items()},
    "exception": logging.ERROR,
}
"""Method of a logger to the level of its lines."""


class LevelTable(logging.Filter):
    """Least important level by name; a name counts for all below it: ``process`` for the stage.

    Args:
        default: Level of names that are not in the table.
    """

    def __init__(self, default: int) -> None:
        super().__init__()
        self._default = default
        self._levels: dict[str, int] = {}
        self._found: dict[str, int] = {}

    def set(self, name: str, level: str) -> None:
        """Have lines of this name from this level on.

        Args:
            name: A module (``process.tracker``), a part of the program (``bus``), a library, or
                ``all``, which also forgets all others.
            level: One of ``LEVELS``, or ``default``: as everything else.

        Raises:
            UsageError: The level is unknown.
        """
        if level not in (*LEVELS, DEFAULT):
            raise UsageError(f"{level!r} is no log level; use {', '.join(LEVELS)} or {DEFAULT}")
        number = logging.getLevelNamesMapping().get(level.upper())
        if name == ALL:
            for known in tuple(self._levels):
                self.set(known, DEFAULT)
            if number is not None:
                self._default = number
                logging.getLogger().setLevel(number)
        else:
            full = _full(name)
            if number is None:
                self._levels.pop(full, None)
            else:
                self._levels[full] = number
            if not _is_ours(full):
                logging.getLogger(full).setLevel(logging.NOTSET if number is None else number)
        self._found.clear()

    def of(self, name: str) -> int:
        """The level from which on lines of this logger are wanted."""
        found = self._found.get(name)
        if found is None:
            place = name
            while place not in self._levels and "." in place:
                place = place.rpartition(".")[0]
            found = self._found[name] = self._levels.get(place, self._default)
        return found

    def shown(self) -> dict[str, str]:
        """Name to level, ``all`` first."""
        named = {ALL: self._default, **dict(sorted(self._levels.items()))}
        return {
            name.removeprefix(f"{OURS}."): logging.getLevelName(level).lower()
            for name, level in named.items()
        }

    def gate(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Processor: stops what nobody wants before anything is done for it.

        Raises:
            structlog.DropEvent: The line is not wanted.
        """
        module = event.get("module")
        name = f"{OURS}.{module}" if module else getattr(logger, "name", OURS)
        if _METHODS.get(method, logging.CRITICAL) < self.of(name):
            raise structlog.DropEvent
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line of the standard library's loggers is wanted; ours came by the gate."""
        return isinstance(record.msg, dict) or record.levelno >= self.of(record.name)


def level_table() -> LevelTable | None:
    """The table of this process; ``None`` before ``configure_logging``."""
    for handler in logging.getLogger().handlers:
        for each in handler.filters:
            if isinstance(each, LevelTable):
                return each
    return None


def set_level(name: str, level: str, modules: Collection[str] | None = None) -> dict[str, str]:
    """Change the level of one name, and return all that are set.

    Args:
        name: See ``LevelTable.set``.
        level: See ``LevelTable.set``.
        modules: Names of the modules there are; with them a mistyped name is refused.

    Raises:
        UsageError: There is no such name or level, or this process writes no log of ours.
    """
    table = level_table()
    if table is None:
        raise UsageError("this process has set up no log; the levels are those of who embeds it")
    if modules is not None:
        _check_name(name.removeprefix(f"{OURS}."), modules, table)
    table.set(name, level)
    return table.shown()


def _check_name(name: str, modules: Collection[str], table: LevelTable) -> None:
    known = {ALL, *_PARTS, *modules, *(module.partition(".")[0] for module in modules)}
    known |= {logger.removeprefix(f"{OURS}.") for logger in logging.Logger.manager.loggerDict}
    if name not in known and name not in table.shown():
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"nobody of the name {name!r} writes log lines{hint}")


_PARTS = ("bus", "orchestrator", "runtime", "dead_letters")
"""Writers that are no modules and may not have written yet."""


def register_log_levels(desk: ControlDesk, modules: Collection[str]) -> None:
    """Have the running main obey orders about its log levels."""

    async def show(_: dict[str, Any]) -> dict[str, str]:
        table = level_table()
        return {} if table is None else table.shown()

    async def change(arguments: dict[str, Any]) -> dict[str, str]:
        return set_level(str(arguments["module"]), str(arguments["level"]), modules)

    desk.register(SHOW, show)
    desk.register(SET, change)


def _full(name: str) -> str:
    if _is_ours(name) or (name in logging.Logger.manager.loggerDict and "." not in name):
        return name
    return f"{OURS}.{name}"


def _is_ours(name: str) -> bool:
    return name == OURS or name.startswith(f"{OURS}.")
