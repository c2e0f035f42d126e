"""The person of ``spyoncino demo``, enrolled from a picture that the camera never shows."""

import asyncio
import os
import sys
from contextlib import suppress

import cv2
import numpy as np

from spyoncino.core.bus import Bus
from spyoncino.core.paths import DataFolder
from spyoncino.hardware.sprites import demo_picture
from spyoncino.persistence.people import FaceDatabase
from spyoncino.schemas.status import HealthState, StatusNotice
from spyoncino.schemas.topics import STATUS_NOTICE

NAME = "Livia"
"""Made up; the picture is of somebody else, see ``assets/demo/README.md``."""

PORTRAIT = "livia.jpg"

_WALL_LUMA = 200
_ALPHA, _BETA, _JPEG_QUALITY = 0.85, 12, 70
"""Other light and another encoding than the camera's."""


def portrait() -> bytes:
    """A JPEG of the visitor as another camera might have it: mirrored, darker, on a grey wall."""
    drawn = demo_picture("visitor.png")
    opaque = drawn[..., 3:] / 255.0
    on_wall = (drawn[..., :3] * opaque + _WALL_LUMA * (1 - opaque)).astype(np.uint8)
    relit = cv2.convertScaleAbs(np.ascontiguousarray(on_wall[:, ::-1]), alpha=_ALPHA, beta=_BETA)
    coded = cv2.imencode(".jpg", relit, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    return bytes(coded.tobytes())


class DemoPerson:
    """Makes the visitor known in a data folder where nobody is known yet.

    Args:
        data: The demo's own folder.
    """

    def __init__(self, data: DataFolder) -> None:
        self._data = data
        self._root = data.root.resolve()
        self._path = self._root / PORTRAIT
        self._is_known = False
        self._has_others = False

    def look_up(self) -> None:
        """See who is known; before the system starts, with the folder locked.

        Raises:
            StorageError: The database of people cannot be read.
        """
        if self._data.face_database.exists():
            with FaceDatabase(self._data.face_database) as people:
                self._is_known = people.person(NAME) is not None
                self._has_others = bool(people.people()) and not self._is_known

    async def introduce(self, bus: Bus) -> str:
        """Enrol the visitor while the system runs, and tell the page who that is.

        A process of its own looks at the picture: main runs no model, and nothing waits for it.

        Args:
            bus: Where the notice is published.

        Returns:
            What was done or why it failed, in one sentence; empty where real people are known.
        """
        if self._has_others:
            return ""
        problem = "" if self._is_known else await self._enrol()
        if problem:
            told = f"The visitor could not be enrolled and stays unknown: {problem}"
        else:
            told = (
                f"The visitor has a made-up name, {NAME}, and was enrolled from {PORTRAIT}, "
                "a picture that the camera does not show."
            )
        notice = StatusNotice(
            source="demo",
            component="demo",
            message=told,
            severity="warning" if problem else "info",
            state=HealthState.DEGRADED,
        )
        await bus.publish(STATUS_NOTICE, notice)
        return told

    async def _enrol(self) -> str:
        await asyncio.to_thread(lambda: self._path.write_bytes(portrait()))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "spyoncino", "--data", str(self._root)),
            *("faces", "enroll", NAME, str(self._path)),
            cwd=self._root,  # not the configuration of the folder in which the demo began
            env={**os.environ, "XDG_CONFIG_HOME": str(self._root)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode == 0:
            return ""
        return (said.decode(errors="replace").strip().splitlines() or ["no reason was given"])[0]
