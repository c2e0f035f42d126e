"""How the service of settings ends, what it tells, and what it keeps of what has ended."""

import asyncio
import gc
import weakref
from pathlib import Path

import pytest
import structlog
from tests.fixtures.config_house import START, FaultyPhotographer, house_registry, running_house

from spyoncino.clock import FakeClock
from spyoncino.core import config_service as config_service_file
from spyoncino.core.config_keeper import ConfigKeeper
from spyoncino.core.config_terms import Fate
from spyoncino.schemas import topics
from spyoncino.schemas.control import ConfigUpdate

BY_ANNA = "config change by anna"
"""Name of the task of a change."""


def keeper_in(folder: Path) -> ConfigKeeper:
    return ConfigKeeper(folder / "versions", house_registry(), FakeClock())


def tasks_of_anna() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == BY_ANNA]


async def test_a_service_that_was_stopped_hears_no_update_any_more(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        await house.service.stop()
        update = ConfigUpdate(changes={"bell": {"loudness": 9}}, author="page", persist=False)
        await house.bus.publish(topics.CONFIG_UPDATE, update)
        await house.bus.drain()
        assert house.configured() == []
        assert "config" not in [each.name for each in house.bus.status().subscribers]


async def test_a_stop_waits_for_the_change_that_is_being_made(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        asking = asyncio.create_task(
            house.service.apply_changes({"bell": {"loudness": 9}}, author="anna")
        )
        await asyncio.sleep(0)
        await house.service.stop()
        assert tasks_of_anna() == []
        assert (await asking).fate is Fate.APPLIED


async def test_a_stop_interrupts_a_change_that_takes_too_long_and_sees_it_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_service_file, "STOP_S", 0.01)
    async with running_house(tmp_path) as house:
        begun = asyncio.Event()

        async def hangs(name: str, settings: object = None) -> None:
            del name, settings
            begun.set()
            await asyncio.Event().wait()

        house.orchestrator.configure = hangs  # type: ignore[method-assign]  # what takes too long
        asking = asyncio.create_task(
            house.service.apply_changes({"bell": {"loudness": 9}}, author="anna")
        )
        await begun.wait()
        await house.service.stop()
        assert tasks_of_anna() == []
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_a_change_that_has_ended_is_forgotten(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        asking = asyncio.create_task(
            house.service.apply_changes({"bell": {"loudness": 9}}, author="anna")
        )
        await asyncio.sleep(0)
        [work] = (weakref.ref(task) for task in asyncio.all_tasks() if task.get_name() == BY_ANNA)
        await asking
        await asyncio.sleep(0)
        gc.collect()
        assert work() is None


async def test_every_change_is_a_line_of_the_log(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        with structlog.testing.capture_logs() as lines:
            await house.service.apply_changes({"bell": {"loudness": 9}}, author="anna")
            await house.service.apply_changes({"bell": {"loudnes": 9}}, author="ben")
        told = [line for line in lines if line["event"] == "configuration change"]
        assert [(line["author"], line["fate"], line["version"]) for line in told] == [
            ("anna", "applied", 2),
            ("ben", "rejected", 2),
        ]
        assert [line["keys"] for line in told] == [["bell.loudness"], []]


async def test_what_the_file_could_not_hold_is_refused_before_anything_is_touched(
    tmp_path: Path,
) -> None:
    async with running_house(tmp_path, keeper_in(tmp_path)) as house:
        changes = {"bell": {"loudness": 9}, "album": {"token": "s3"}}
        result = await house.service.update(changes, author="anna")
        assert result.fate is Fate.REJECTED
        assert "album.token is a secret" in result.problems[0]
        assert house.configured() == []
        result = await house.service.apply_changes(changes, author="anna")
        assert result.fate is Fate.APPLIED  # in memory, a secret is as good as any other


async def test_who_reads_cameras_is_told_again_when_a_process_was_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaultyPhotographer, "camera_keys", frozenset({"enabled"}))
    async with running_house(tmp_path) as house:
        await house.service.apply_changes({"cameras": {"yard": {"analysis_fps": 2}}})
        told = house.configured()
        # What is known of cameras has changed; then their processes, which only inputs read.
        assert sorted(told) == ["event.photographer", "input.bell", "input.bell"]
        assert told[-1] == "input.bell"


async def test_what_waits_for_the_next_start_is_said_in_the_answer_too(tmp_path: Path) -> None:
    async with running_house(tmp_path, keeper_in(tmp_path)) as house:
        result = await house.service.update({"album": {"address": "attic"}}, author="anna")
        assert (result.fate, result.waiting) == (Fate.APPLIED, ("album.address",))
        assert "album.address will hold from the next start on" in result.notices
        assert result.keys == ("album.address",)


async def test_only_as_many_versions_are_kept_as_are_wanted(tmp_path: Path) -> None:
    keeper = keeper_in(tmp_path)
    start = {**START, "updates": {**START["updates"], "keep_versions": 2}}
    async with running_house(tmp_path, keeper, start) as house:
        for loudness in (7, 8, 9):
            await house.service.update({"bell": {"loudness": loudness}}, author="anna")
        assert house.service.version == 4
        assert await asyncio.to_thread(keeper.numbers) == [3, 4]
