"""A capture process from its first message to its last. Imports PyAV, NumPy and OpenCV only."""

import contextlib
import os
import socket
import traceback
from collections.abc import Callable
from pathlib import Path

import cv2

from spyoncino.errors import SpyoncinoError
from spyoncino.hardware.sources import LIVE_KINDS, build_source
from spyoncino.runtime.capture.line import CaptureLine, build_line
from spyoncino.runtime.capture.live_view import LiveView
from spyoncino.runtime.capture.live_way import LiveWay
from spyoncino.runtime.capture.loop import CaptureLoop
from spyoncino.runtime.capture.messages import CaptureCounters, Heartbeat, SourceFailed
from spyoncino.runtime.capture.messages import SourceStateChanged as StateChanged
from spyoncino.runtime.capture.reconnect import CUT_SHORT, LiveCapture
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.children import LeaveRequest
from spyoncino.runtime.message_pipe import ChildPipe, PipeClosedError

LEAVE_GRACE_S = 10.0
"""Time that main has after SIGTERM to finish events and clips before its children leave."""


def run(end: socket.socket, live_end: socket.socket, spec: CaptureSpec, folder: Path) -> None:
    """Be the capture process of one camera until main says so, or is gone.

    Args:
        end: The child's end of a socket pair.
        live_end: Of the live view's own pair.
        spec: What to do.
        folder: The run's folder in shared memory.
    """
    leave = LeaveRequest(LEAVE_GRACE_S)
    # One camera, one core: OpenCV's own threads would only fight with the other cameras'.
    cv2.setNumThreads(1)
    pipe = ChildPipe(end)
    live = LiveView(LiveWay(live_end))
    name = f"{spec.camera_id}.{os.getpid()}"
    try:
        serve(pipe, spec, folder, name, lambda: leave.is_overdue, live)
    finally:
        live.close()
        pipe.close()


def serve(
    pipe: ChildPipe,
    spec: CaptureSpec,
    folder: Path,
    name: str,
    must_leave: Callable[[], bool],
    live: LiveView | None = None,
) -> None:
    """Open the source, run the loop, and tell main in a sentence when it fails.

    A live source is opened again and again in here; a file or simulator that fails ends the
    process. Returns when it is over, also when main is gone.

    Args:
        pipe: The way to main.
        spec: What to do.
        folder: The run's folder in shared memory.
        name: Prefix of this process's ring files, unique within the folder.
        must_leave: Whether to end without main's order.
        live: The live view; ``None`` where nobody can watch.
    """
    line: CaptureLine | None = None
    with contextlib.suppress(PipeClosedError), contextlib.ExitStack() as stack:
        try:
            pipe.send(StateChanged("connecting"))
            pipe.send(Heartbeat(CaptureCounters()))
            if spec.source.kind in LIVE_KINDS:
                LiveCapture(pipe, spec, folder, name, must_leave, live=live).run()
                return
            source = build_source(spec.source)
            stack.callback(source.close)
            line = build_line(spec, source.open(), folder, name, pipe.send, live)
            stack.callback(line.close)
            pipe.send(line.opened)
            pipe.send(StateChanged("live"))
            loop = CaptureLoop(
                pipe,
                source,
                line,
                is_lossless=spec.is_lossless,
                must_leave=must_leave,
                utc_origin_s=_recorded_at(spec),
            )
            loop.run()
        except PipeClosedError:
            raise
        except Exception as error:  # noqa: BLE001 -- the process's border: main must learn why
            if line is not None:
                line.store.close(CUT_SHORT)
            pipe.send(_failure(error))


def _recorded_at(spec: CaptureSpec) -> float | None:
    """Wall time at which a recording began, so that its results are the same on any day.

    The file was finished with its last picture, so this is late by the file's length, but fixed.
    ``None`` for what is happening now.
    """
    is_recording = spec.is_lossless and spec.source.kind == "file"
    return Path(spec.source.path).stat().st_mtime if is_recording else None


def _failure(error: Exception) -> SourceFailed:
    """What main is told: the sentence of a foreseen error, the traceback of any other."""
    if isinstance(error, SpyoncinoError):
        return SourceFailed(str(error))
    sentence = f"The capture process failed ({type(error).__name__}: {error})."
    return SourceFailed(sentence, "".join(traceback.format_exception(error)))
