"""Every camera's capture process under one roof, with the shared memory they write into."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from spyoncino.clock import Clock
from spyoncino.errors import UsageError
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture_handle import CaptureHandle
from spyoncino.runtime.capture_limits import CaptureLimits
from spyoncino.runtime.children import ChildStarter, RunFolder, remove_leftovers
from spyoncino.runtime.frame_ring import SlotRef
from spyoncino.runtime.leases import LeaseBook


class Captures:
    """Camera id to its handle; owns the run's shared memory. Used from the event loop alone.

    Args:
        clock: Source of time for pauses between restarts.
        limits: How patient to be with the processes.
        base: Where the run's folder is made; ``/dev/shm`` when not given.
    """

    def __init__(
        self, clock: Clock, limits: CaptureLimits | None = None, base: Path | None = None
    ) -> None:
        self._clock = clock
        self._limits = limits or CaptureLimits()
        self._base = base
        self._folder: RunFolder | None = None
        self._starter: ChildStarter | None = None
        self._handles: dict[str, CaptureHandle] = {}
        self.leases = LeaseBook()

    async def open(self) -> list[Path]:
        """Remove what killed runs left in shared memory, and make this run's folder.

        Returns:
            The leftovers that were removed.

        Raises:
            StorageError: No folder can be made.
        """
        removed = await asyncio.to_thread(remove_leftovers, self._base)
        self._folder = await asyncio.to_thread(RunFolder.create, self._base)
        self._starter = ChildStarter()
        return removed

    def add(self, spec: CaptureSpec) -> CaptureHandle:
        """Make the handle of a camera; its process starts with ``CaptureHandle.start``.

        Raises:
            UsageError: There is a camera of that id, or ``open`` was not called.
        """
        if self._folder is None or self._starter is None:
            raise UsageError("Open the captures before adding a camera.")
        if spec.camera_id in self._handles:
            raise UsageError(f"There is a camera '{spec.camera_id}' already.")
        handle = CaptureHandle(
            spec, self._folder.path, self._starter, self.leases, self._clock, self._limits
        )
        self._handles[spec.camera_id] = handle
        return handle

    async def put(self, spec: CaptureSpec) -> CaptureHandle:
        """Make the handle of a camera in place of the one of that id; the others run on.

        Whoever watches the live view of the old one goes on watching the new one.

        Raises:
            UsageError: ``open`` was not called.
        """
        old = self._handles.get(spec.camera_id)
        await self.remove(spec.camera_id)
        handle = self.add(spec)
        if old is not None:
            handle.live = old.live
        return handle

    async def remove(self, camera_id: str) -> None:
        """Stop a camera and forget it; nothing happens when there is none of that id."""
        handle = self._handles.pop(camera_id, None)
        if handle is not None:
            await handle.stop()

    def __getitem__(self, camera_id: str) -> CaptureHandle:
        try:
            return self._handles[camera_id]
        except KeyError:
            known = ", ".join(sorted(self._handles)) or "none"
            raise UsageError(f"There is no camera '{camera_id}'; there is: {known}.") from None

    def __contains__(self, camera_id: object) -> bool:
        return camera_id in self._handles

    def __iter__(self) -> Iterator[CaptureHandle]:
        return iter(list(self._handles.values()))

    def __len__(self) -> int:
        return len(self._handles)

    def hold(self, ref: SlotRef) -> None:
        """Add a lease to a picture of any camera; see ``LeaseBook.hold``."""
        self.leases.hold(ref)

    def release(self, ref: SlotRef) -> None:
        """End a lease on a picture of any camera; see ``LeaseBook.release``."""
        self.leases.release(ref)

    async def close(self) -> None:
        """Stop every camera at once and remove the shared memory; may be called twice."""
        await asyncio.gather(*(handle.stop() for handle in self))
        self._handles.clear()
        self.leases.close()
        if self._starter is not None:
            await asyncio.to_thread(self._starter.close)
            self._starter = None
        if self._folder is not None:
            await asyncio.to_thread(self._folder.remove)
            self._folder = None
