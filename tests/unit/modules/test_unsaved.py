"""What cannot be saved waits, in order, and is saved when the disk is willing again."""

import asyncio

import structlog

from spyoncino.clock import FakeClock
from spyoncino.errors import StorageError
from spyoncino.modules.unsaved import Unsaved


class Disk:
    """Takes items, unless it refuses."""

    def __init__(self) -> None:
        self.refuses = False
        self.saved: list[str] = []
        self.followed: list[str] = []

    async def save(self, item: str) -> None:
        if self.refuses:
            raise StorageError("The disk is full.")
        self.saved.append(item)

    async def follow(self, item: str) -> None:
        self.followed.append(item)


def unsaved_on(disk: Disk, clock: FakeClock) -> Unsaved[str]:
    log = structlog.get_logger()
    return Unsaved(disk.save, clock, 1.0, log, "not saved yet", disk.follow)


async def test_a_newer_item_of_a_key_replaces_one_that_waits_and_order_is_kept() -> None:
    disk = Disk()
    unsaved = unsaved_on(disk, FakeClock())
    disk.refuses = True
    for key, item in (("a", "a1"), ("b", "b1"), ("a", "a2")):
        await unsaved.add(key, item)
    assert (len(unsaved), unsaved.last_error) == (2, "The disk is full.")
    disk.refuses = False
    assert await unsaved.drain()
    assert (disk.saved, unsaved.last_error) == (["a2", "b1"], "")
    assert disk.followed == disk.saved


async def test_what_waits_is_tried_again_by_itself_until_it_is_stopped() -> None:
    disk, clock = Disk(), FakeClock()
    unsaved = unsaved_on(disk, clock)
    unsaved.start("retry")
    await asyncio.sleep(0)  # the task begins to wait
    disk.refuses = True
    await unsaved.add("a", "a1")
    disk.refuses = False
    await clock.advance(1.0)
    assert disk.saved == ["a1"]
    await unsaved.stop()


async def test_draining_gives_up_after_a_few_tries() -> None:
    disk, clock = Disk(), FakeClock()
    unsaved = unsaved_on(disk, clock)
    disk.refuses = True
    await unsaved.add("a", "a1")
    draining = asyncio.create_task(unsaved.drain())
    while not draining.done():
        await clock.advance(1.0)
    assert not draining.result()
    assert len(unsaved) == 1
