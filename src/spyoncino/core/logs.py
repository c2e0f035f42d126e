"""Log lines: one shape for ours and for libraries', no secrets, the event they belong to.

``configure_logging`` is called once by the composition root; everybody else asks structlog.
"""

import logging
import re
import sys
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from spyoncino.core.log_levels import OURS, LevelTable
from spyoncino.core.message import CURRENT_MESSAGE
from spyoncino.errors import StorageError

MASK = "***"

MAX_FILE_BYTES = 5_000_000
"""A log file is started anew beyond this size: what an editor on a small board opens at once."""

KEPT_FILES = 5
"""Older log files that are kept."""

_SECRET_KEY = re.compile(
    r"(^|_)pass(word|wd|phrase)?$|secret|token|api_?key|private_?key|authorization|cookie|credential",
    re.IGNORECASE,
)

_SECRET_TEXTS = (
    # scheme://user:password@host
    (re.compile(r"(\w[\w+.-]*://[^\s/:@]*):[^\s/]*@"), rf"\1:{MASK}@"),
    # Authorization: Bearer …, Basic …
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    # token=…, api_key: … in query strings and free text
    (
        re.compile(
            r"\b((?:\w+_)?(?:password|passwd|secret|token|api_?key))(['\"]?\s*[=:]\s*['\"]?)"
            r"[^\s&'\",;}]+",
            re.IGNORECASE,
        ),
        rf"\1\2{MASK}",
    ),
    # Telegram's bot tokens, as they stand in the addresses of its API
    (re.compile(r"\b\d{6,12}:[\w-]{30,}"), MASK),
)


def mask_text(text: str) -> str:
    """The text without passwords and tokens that it quotes."""
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def mask_value(value: object) -> object:
    """The value without secrets, looking into containers; other objects as their masked text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {key: _mask_item(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(inner) for inner in value]
    return mask_text(str(value))


def _mask_item(key: str, value: object) -> object:
    return MASK if value and _SECRET_KEY.search(key) else mask_value(value)


def mask_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: nothing secret leaves through a log line, by its key or inside a text."""
    del logger, method
    for key, value in event.items():
        if not key.startswith("_"):  # structlog's own marks are no part of the line
            event[key] = _mask_item(key, value)
    return event


def add_correlation(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: the correlation id of the message that is being handled."""
    del logger, method
    message = CURRENT_MESSAGE.get()
    correlation_id = getattr(message.payload, "correlation_id", None) if message else None
    if correlation_id is not None:
        event.setdefault("correlation_id", correlation_id)
    return event


def drop_traceback(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: people read one sentence; the traceback is for the file and for debugging."""
    del logger, method
    text = event.pop("exception", None)
    if text:
        event.setdefault("error", str(text).rstrip().rsplit("\n", 1)[-1])
    return event


CHATTY_LIBRARIES = ("alembic", "asyncio")
"""They tell every call at ``debug`` or every start at ``info``: no news to anybody here."""


def configure_logging(level: str = "info", *, json: bool = False, file: Path | None = None) -> None:
    """Send all log lines, structlog's and the standard library's, to stderr and to a file.

    Calling it again replaces what it set up before.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        json: One JSON object a line on stderr, for machines; else text for people, without
            tracebacks unless the level is ``debug``.
        file: A rotating file that gets JSON lines with tracebacks; its folder is made.

    Raises:
        ValueError: The level is unknown.
        StorageError: The file cannot be opened.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f'"{level}" is no log level; use debug, info, warning or error')
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(
        _formatter(_json_line() if json else _text_line(with_traceback=number <= logging.DEBUG))
    )
    handlers: list[logging.Handler] = [console]
    if file is not None:
        handlers.append(_file_handler(file))
    root = logging.getLogger()
    for old in tuple(root.handlers):
        if isinstance(old.formatter, _OurFormatter):
            root.removeHandler(old)
            old.close()
    levels = LevelTable(number)
    for handler in handlers:
        handler.addFilter(levels)
        root.addHandler(handler)
    root.setLevel(number)
    logging.getLogger(OURS).setLevel(logging.DEBUG)  # the table decides
    for library in CHATTY_LIBRARIES:
        logging.getLogger(library).setLevel(max(number, logging.WARNING))
    structlog.configure(
        processors=[levels.gate, *_PREPARE, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=False,
    )


_PREPARE: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    add_correlation,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    mask_secrets,
)
"""What happens to every line, ours or a library's, before it is rendered for one handler."""


class _OurFormatter(structlog.stdlib.ProcessorFormatter):
    """Marks the handlers that ``configure_logging`` made."""


def _formatter(render: Sequence[Processor]) -> _OurFormatter:
    return _OurFormatter(
        foreign_pre_chain=_PREPARE,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    )


def _json_line() -> Sequence[Processor]:
    return (structlog.processors.JSONRenderer(ensure_ascii=False, default=str),)


def _text_line(*, with_traceback: bool) -> Sequence[Processor]:
    text = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return (text,) if with_traceback else (drop_traceback, text)


def _file_handler(file: Path) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            file, maxBytes=MAX_FILE_BYTES, backupCount=KEPT_FILES, encoding="utf-8"
        )
    except OSError as error:
        raise StorageError(
            f"The log file {file} cannot be opened: {error.strerror}. "
            "Choose another folder with --data, or make this one writable."
        ) from error
    handler.setFormatter(_formatter(_json_line()))
    return handler
