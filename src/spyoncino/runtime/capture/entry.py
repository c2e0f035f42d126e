"""Where a capture process begins; light, because main imports it to start one.

PyAV and OpenCV together cost main 25 MB and 0.1 s that it never needs, so the process itself is
imported by name, by the child alone, after it is tied to its parent.
"""

import importlib
import socket
from pathlib import Path

from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.children import prepare_child


def capture_main(
    end: socket.socket,
    live_end: socket.socket,
    spec: CaptureSpec,
    folder: str,
    parent_pid: int,
) -> None:
    """Be the capture process of one camera.

    Args:
        end: The child's end of a socket pair.
        live_end: Of the live view's own pair.
        spec: What to do.
        folder: The run's folder in shared memory.
        parent_pid: Process id of main.
    """
    prepare_child(parent_pid)
    process = importlib.import_module("spyoncino.runtime.capture.process")
    process.run(end, live_end, spec, Path(folder))
