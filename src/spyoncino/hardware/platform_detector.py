"""Which board this is, as the firmware wrote it into the device tree."""

import functools
from pathlib import Path

MODEL_FILE = "proc/device-tree/model"
RASPBERRY_PI = "Raspberry Pi"


@functools.cache
def board_name(root: Path = Path("/")) -> str:
    """Name of the board, such as ``Raspberry Pi 4 Model B Rev 1.4``; empty where none is written.

    Read once: a board does not change while a program runs.

    Args:
        root: Another root folder for tests.
    """
    try:
        return (root / MODEL_FILE).read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""


def is_raspberry_pi(root: Path = Path("/")) -> bool:
    """Whether this is a Raspberry Pi of any kind, in a container on one too."""
    return board_name(root).startswith(RASPBERRY_PI)
