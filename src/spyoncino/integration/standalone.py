"""``main(config=…)``: the system without the page, until it is told to stop."""

import signal
import sys
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

from spyoncino.errors import ConfigError, SpyoncinoError, UsageError
from spyoncino.integration.manager import OrchestratorManager

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2


def main(config: Mapping[str, Any] | None = None, *, stop_after_s: float | None = None) -> int:
    """Run until SIGINT, SIGTERM or Ctrl-C.

    The page is not served, unless ``config`` has a section ``web``. Outside the main thread no
    signal can be heard: give ``stop_after_s`` there.

    Args:
        config: Settings, as ``OrchestratorManager`` takes them.
        stop_after_s: Stop by itself after so long.

    Returns:
        0 when it was told to stop, 1 when it could not run, 2 when the configuration is wrong; the
        reason is written to stderr in a sentence.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {each: signal.signal(each, on_signal) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with OrchestratorManager({"web": {"enabled": False}, **(config or {})}):
            stop.wait(stop_after_s)
    except (ConfigError, UsageError) as error:
        return _tell(error, EXIT_USAGE)
    except SpyoncinoError as error:
        return _tell(error, EXIT_FAILED)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return EXIT_DONE


def _tell(error: SpyoncinoError, code: int) -> int:
    sys.stderr.write(f"spyoncino: {error}\n")
    return code
