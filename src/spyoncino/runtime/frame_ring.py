"""Pictures in shared memory: one file of slots per camera, written by its capture process.

The writer takes free slots only, fills them and announces them already held for main; main frees
a slot when its last lease ends. Readers in any process copy a picture out by its handle, and notice
when the slot holds another one by now. Nothing here knows leases, processes or the bus.

Layout of the file, little-endian: 64 bytes of ``(magic, slots, picture offset, slot stride,
slot bytes)``, one 32-byte record per slot ``(generation, width, height, state)``, then the slots,
each beginning on a page. Each state is one byte and each generation one aligned word, so a store is
seen whole or not at all; the announcement travels through a socket, which orders the stores before
it.
"""

import contextlib
import errno
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import RingFullError, StaleFrameError

MAGIC = b"SPYRING1"
PAGE_BYTES = 4096

_HEADER = struct.Struct("<8sIIQQ")
_HEADER_BYTES = 64
_RECORD = np.dtype(
    {
        "names": ["generation", "width", "height", "state"],
        "formats": ["<u8", "<u4", "<u4", "u1"],
        "offsets": [0, 8, 12, 16],
        "itemsize": 32,
    }
)
_STATE_OFFSET = 16

FREE = 0
HELD = 1
WRITING = 2


@dataclass(frozen=True, slots=True)
class FrameHandle:
    """Where one picture lies; what jobs and messages carry instead of pixels.

    Args:
        ring: Path of the ring file.
        slot: Number of the slot, from 0.
        generation: Count of writes to that slot, from 1.
        width_px: Width of the picture, even.
        height_px: Height of the picture, even.
    """

    ring: str
    slot: int
    generation: int
    width_px: int
    height_px: int


class SlotRef(Protocol):
    """Anything that names one picture of a ring: a ``FrameHandle`` or a frame payload."""

    @property
    def ring(self) -> str:
        """Path of the ring file."""
        ...

    @property
    def slot(self) -> int:
        """Number of the slot."""
        ...

    @property
    def generation(self) -> int:
        """Count of writes to that slot."""
        ...


def _i420_bytes(width_px: int, height_px: int) -> int:
    """As ``media.pictures.i420_size_bytes``, which is too heavy to import into main."""
    return width_px * height_px * 3 // 2


class FrameRing:
    """The writing side of a ring; one process writes, one thread at a time.

    Args:
        path: The ring file, already of its full size.
        slots: Number of slots.
        slot_bytes: Room of each.
    """

    def __init__(self, path: Path, slots: int, slot_bytes: int) -> None:
        self.path = str(path)
        self.slots = slots
        self.slot_bytes = slot_bytes
        offset, self._stride = _layout(slots, slot_bytes)
        self._picture_offset = offset
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._map[: _HEADER.size] = _HEADER.pack(MAGIC, slots, offset, self._stride, slot_bytes)
        self._records = np.frombuffer(self._map, _RECORD, slots, _HEADER_BYTES)
        self._next = 0

    @classmethod
    def create(cls, folder: Path, name: str, slots: int, slot_bytes: int) -> "FrameRing":
        """Make a ring file and allocate all of it, so that a later write cannot fail.

        Args:
            folder: A private folder in shared memory.
            name: File name without ending; must not exist yet.
            slots: Number of slots, at least 1.
            slot_bytes: Room of each.

        Raises:
            RingFullError: The shared memory has no room for it; one sentence with the sizes.
        """
        path = folder / f"{name}.ring"
        offset, stride = _layout(slots, slot_bytes)
        size = offset + slots * stride
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            path.unlink()
            if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
                raise
            raise RingFullError(_no_room(folder, name, slots, size)) from error
        finally:
            os.close(descriptor)
        return cls(path, slots, slot_bytes)

    @property
    def held(self) -> int:
        """Slots that main or its jobs still hold."""
        return int(np.count_nonzero(self._records["state"] == HELD))

    def claim(self) -> int | None:
        """Take a free slot to write to, or ``None`` when there is none.

        The slot's generation moves here, before the first byte changes: whoever still reads the
        old picture notices. Slots are taken in turn, so that a picture survives as long as it can.
        """
        states = self._records["state"]
        for step in range(self.slots):
            slot = (self._next + step) % self.slots
            if states[slot] == FREE:
                self._next = (slot + 1) % self.slots
                self._records["generation"][slot] += 1
                states[slot] = WRITING
                return slot
        return None

    def picture(self, slot: int, width_px: int, height_px: int) -> NDArray[np.uint8]:
        """The pixels of a claimed slot as a writable ``(height * 3 / 2, width)`` uint8 array.

        Raises:
            ValueError: The picture does not fit, or a side is odd.
        """
        size = _i420_bytes(width_px, height_px)
        if size > self.slot_bytes or width_px % 2 or height_px % 2:
            raise ValueError(f"{width_px}x{height_px} does not fit a slot of {self.slot_bytes} B")
        start = self._picture_offset + slot * self._stride
        flat = np.frombuffer(self._map, np.uint8, size, start)
        return flat.reshape(height_px * 3 // 2, width_px)

    def publish(self, slot: int, width_px: int, height_px: int) -> FrameHandle:
        """Hold a written slot for main and return what to announce."""
        record = self._records[slot]
        record["width"], record["height"] = width_px, height_px
        record["state"] = HELD
        generation = int(record["generation"])
        return FrameHandle(self.path, slot, generation, width_px, height_px)

    def close(self) -> None:
        """Let go of the memory; the file stays for its readers until somebody removes it."""
        del self._records
        # A picture that somebody still looks at keeps the memory mapped until it is dropped.
        with contextlib.suppress(BufferError):
            self._map.close()


class RingStates:
    """Main's side of a ring: sets slots free again. Touches no pixels."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise StaleFrameError(f"The frame ring {path} is gone.") from error

    def free(self, slot: int) -> None:
        """Let the writer use a slot again."""
        position = _HEADER_BYTES + slot * _RECORD.itemsize + _STATE_OFFSET
        os.pwrite(self._descriptor, bytes((FREE,)), position)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_frame(handle: FrameHandle) -> NDArray[np.uint8]:
    """Copy a picture out of its ring; works in every process.

    The file is read, not mapped: a copy is needed anyway, no mapping outlives a camera's restart,
    and a reader cannot harm the ring.

    Returns:
        ``(height * 3 / 2, width)`` uint8, I420: luma rows, then the two chroma planes.

    Raises:
        StaleFrameError: The slot holds another picture by now, or the ring is gone.
    """
    try:
        descriptor = os.open(handle.ring, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise StaleFrameError(f"The frame ring {handle.ring} is gone.") from error
    try:
        header = os.pread(descriptor, _HEADER.size, 0)
        magic, slots, offset, stride, slot_bytes = _HEADER.unpack(header)
        size = _i420_bytes(handle.width_px, handle.height_px)
        if magic != MAGIC or handle.slot >= slots or size > slot_bytes:
            raise StaleFrameError(f"{handle} names no slot of that ring.")
        picture = np.empty((handle.height_px * 3 // 2, handle.width_px), np.uint8)
        _check_generation(descriptor, handle)
        read_bytes = os.preadv(descriptor, [picture.data], offset + handle.slot * stride)
        _check_generation(descriptor, handle)
    finally:
        os.close(descriptor)
    if read_bytes != size:
        raise StaleFrameError(f"The frame ring {handle.ring} was cut short.")
    return picture


def _check_generation(descriptor: int, handle: FrameHandle) -> None:
    position = _HEADER_BYTES + handle.slot * _RECORD.itemsize
    generation = int.from_bytes(os.pread(descriptor, 8, position), "little")
    if generation != handle.generation:
        raise StaleFrameError(
            f"Slot {handle.slot} of {handle.ring} holds picture {generation}, "
            f"not {handle.generation}, by now."
        )


def _layout(slots: int, slot_bytes: int) -> tuple[int, int]:
    """Offset of the first slot and distance between slots, both whole pages."""
    offset = _whole_pages(_HEADER_BYTES + slots * _RECORD.itemsize)
    return offset, _whole_pages(slot_bytes)


def _whole_pages(size_bytes: int) -> int:
    return -(-size_bytes // PAGE_BYTES) * PAGE_BYTES


def _no_room(folder: Path, name: str, slots: int, size_bytes: int) -> str:
    facts = os.statvfs(folder)
    free_mb = facts.f_bavail * facts.f_frsize / 1e6
    return (
        f"Shared memory is too small: {name} needs {size_bytes / 1e6:.1f} MB ({slots} pictures) in "
        f"{folder.parent}, where {free_mb:.1f} MB are free; make it larger, set "
        "shared_memory.folder to another place, or lower shared_memory.ring_max_bytes."
    )
