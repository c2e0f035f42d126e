"""Live pictures of one camera for any number of viewers; each gets the newest, never a backlog."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Viewer:
    """One who watches: holds at most one picture, the newest."""

    def __init__(self) -> None:
        self._picture: bytes | None = None
        self._wake = asyncio.Event()
        self._closed = False
        self.skipped = 0

    def show(self, picture: bytes) -> None:
        """Replace what waits."""
        self.skipped += self._picture is not None
        self._picture = picture
        self._wake.set()

    def close(self) -> None:
        """Let ``next`` end."""
        self._closed = True
        self._wake.set()

    async def next(self) -> bytes | None:
        """The next picture (JPEG); ``None`` when the feed has closed."""
        while self._picture is None:
            if self._closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        picture, self._picture = self._picture, None
        return picture


class LiveFeed:
    """The viewers of one camera; used from the event loop alone."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._closed = False
        self._skipped = 0

    @property
    def viewers(self) -> int:
        """How many watch; pictures are made only while somebody does."""
        return len(self._viewers)

    @property
    def skipped(self) -> int:
        """Pictures that slow viewers did not get."""
        return self._skipped + sum(viewer.skipped for viewer in self._viewers)

    @contextmanager
    def watched(self) -> Iterator[Viewer]:
        """Watch for the length of the block."""
        viewer = Viewer()
        if self._closed:
            viewer.close()
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            self._skipped += viewer.skipped

    def show(self, picture: bytes) -> None:
        """A new picture for everybody; never waits."""
        for viewer in self._viewers:
            viewer.show(picture)

    def close(self) -> None:
        """Let every viewer end, and those who still come."""
        self._closed = True
        for viewer in self._viewers:
            viewer.close()
