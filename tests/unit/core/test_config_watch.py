import asyncio
from pathlib import Path

import structlog

from spyoncino.core.config_watch import ConfigWatch

LOG = structlog.get_logger("tests")


async def test_saving_the_file_is_noticed_however_an_editor_does_it(tmp_path: Path) -> None:
    file = tmp_path / "spyoncino.yaml"
    other = tmp_path / "other.txt"
    seen: asyncio.Queue[int] = asyncio.Queue()

    async def saved() -> None:
        await seen.put(1)

    def rename() -> None:
        part = tmp_path / "part"
        part.write_text("b: 1")
        part.replace(file)

    watch = ConfigWatch((file,), saved, LOG)
    watch.start()
    try:
        for _ in range(40):  # until the watch is set up
            await asyncio.to_thread(file.write_text, "a: 1")
            try:
                await asyncio.wait_for(seen.get(), 0.5)
                break
            except TimeoutError:
                continue
        while not seen.empty():
            seen.get_nowait()
        await asyncio.to_thread(other.write_text, "nothing")
        await asyncio.to_thread(rename)
        await asyncio.wait_for(seen.get(), 10)
    finally:
        await watch.stop()


async def test_without_files_nothing_is_watched(tmp_path: Path) -> None:
    async def saved() -> None:
        raise AssertionError

    watch = ConfigWatch((), saved, LOG)
    watch.start()
    await watch.stop()
    gone = ConfigWatch((tmp_path / "no folder" / "x.yaml",), saved, LOG)
    gone.start()
    await asyncio.sleep(0.1)
    await gone.stop()
