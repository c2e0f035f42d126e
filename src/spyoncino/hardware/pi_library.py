"""The border to picamera2: the only file that imports it, and only when a Pi camera is opened.

Written against the Picamera2 manual and its source; never run on a Raspberry Pi so far. The library
comes from the system's packages (it is bound to the system's libcamera), never from PyPI.
"""

import atexit
import importlib
import threading
from types import ModuleType
from typing import Any

from spyoncino.errors import SourceError, SourceStuckError
from spyoncino.hardware.platform_detector import is_raspberry_pi

LET_GO_S = 2.0
"""How long closing is waited for; it takes about 0.1 s, and for ever once the cable is off."""

STUCK_S = 5.0
"""How much longer the next try waits for it."""

FAULTS = (RuntimeError, ValueError, OSError, LookupError, TypeError, SystemError, AssertionError)
"""What picamera2 and libcamera raise; which one depends on their version."""

INSTALL = (
    "install it with `sudo apt install python3-picamera2`, and make the virtual environment with "
    "`python3 -m venv --system-site-packages`"
)


def library(name: str = "picamera2") -> ModuleType:
    """picamera2, a part of it, or libcamera, imported now.

    Raises:
        SourceError: It is not here, or broken; the sentence says what to do.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not is_raspberry_pi():
            raise SourceError(
                "A pi camera needs a Raspberry Pi, which this computer is not; use type: usb or "
                "type: rtsp."
            ) from error
        raise SourceError(f"The library {error.name} is missing; {INSTALL}.") from error
    except (ImportError, AttributeError, *FAULTS) as error:
        # For example a NumPy that the system's libcamera was not built for.
        raise SourceError(
            f"The library {name} is installed but broken ({error}); {INSTALL}."
        ) from error


def camera_of(index: int) -> Any:
    """The camera of a number, acquired for this process.

    Raises:
        SourceError: There is none, another program has it, or it does not answer.
        SourceStuckError: This process still holds it and cannot let go.
    """
    _wait_until_let_go(index)
    picamera2 = library()
    try:
        found = picamera2.Picamera2.global_camera_info()
    except FAULTS as error:
        raise SourceError(f"The cameras cannot be listed: {_reason(error)}.") from error
    if index >= len(found):
        there = ", ".join(f"{each['Num']} ({each['Model']})" for each in found)
        listed = f"there is {there}" if found else "there is none at all"
        raise SourceError(
            f"There is no Pi camera {index}; {listed}. Check the ribbon cable with the power off, "
            f"then `rpicam-hello --list-cameras`."
        )
    try:
        return picamera2.Picamera2(index)
    except FAULTS as error:
        reason = _reason(error)
        if "busy" in reason.lower() or "-16" in reason or "in use" in reason.lower():
            reason = "another program uses it; end that program"
        raise SourceError(f"Pi camera {index} cannot be opened: {reason}.") from error


def let_go(index: int, camera: Any) -> None:
    """Stop and release a camera; returns after ``LET_GO_S`` even when the library hangs.

    Once the cable is off, ``stop`` never returns (picamera2, issues 1065 and 1264). What hangs is
    left to a thread whose name tells the next try, and to the end of the process.
    """
    thread = threading.Thread(target=_close, args=(camera,), name=_name(index), daemon=True)
    thread.start()
    thread.join(LET_GO_S)
    if thread.is_alive():
        # The library closes it again at the end of the process, which would then hang as well.
        atexit.unregister(camera.close)


def _close(camera: Any) -> None:
    for step in (camera.stop_recording, camera.close):
        try:
            step()
        except FAULTS:
            continue  # what did not start cannot be stopped; release it all the same


def _wait_until_let_go(index: int) -> None:
    for thread in threading.enumerate():
        if thread.name == _name(index):
            thread.join(STUCK_S)
            if thread.is_alive():
                raise SourceStuckError(
                    f"The library does not let go of Pi camera {index}; beginning with a new "
                    f"process. Check the ribbon cable with the power off."
                )


def _name(index: int) -> str:
    return f"close Pi camera {index}"


def _reason(error: BaseException) -> str:
    """The first cause: the outer errors of picamera2 only say that it did not work."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).strip().rstrip(".") or type(error).__name__
