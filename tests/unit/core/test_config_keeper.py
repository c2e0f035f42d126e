import asyncio
import json
from pathlib import Path

import pytest
import yaml
from tests.fixtures.config_house import START, house_registry, running_house

from spyoncino.clock import FakeClock
from spyoncino.core.config_keeper import ConfigKeeper
from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.config_terms import Fate
from spyoncino.errors import ConfigError, StorageError

FILE = """\
# mine
cameras:
  door: {source: {type: sim}}   # front
  yard:
    source: {type: sim, seed: 2}
bell:
  loudness: 3   # not too loud
updates: {proof_s: 0, camera_wait_s: 0}
"""


def keeper_in(folder: Path) -> ConfigKeeper:
    return ConfigKeeper(folder / "versions", house_registry(), FakeClock())


async def text_of(file: Path) -> str:
    return await asyncio.to_thread(file.read_text)


async def numbers(keeper: ConfigKeeper) -> list[int]:
    return await asyncio.to_thread(keeper.numbers)


async def test_an_update_of_a_person_is_written_and_kept_as_a_version(tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text(FILE)
    keeper = keeper_in(tmp_path)
    async with running_house(tmp_path, keeper) as house:
        assert (house.service.version, await numbers(keeper)) == (1, [1])
        result = await house.service.update({"bell": {"loudness": 9}}, author="anna")
        assert (result.fate, result.version) == (Fate.APPLIED, 2)
        assert await text_of(house.file) == FILE.replace("loudness: 3 ", "loudness: 9 ")
        version = await asyncio.to_thread(keeper.version, 2)
        assert (version.author, version.keys) == ("anna", ("bell.loudness",))
        result = await house.service.reload()  # what the file watch does next
        assert (result.fate, await numbers(keeper)) == (Fate.UNCHANGED, [1, 2])


async def test_a_change_in_memory_is_written_nowhere(tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text(FILE)
    keeper = keeper_in(tmp_path)
    async with running_house(tmp_path, keeper) as house:
        result = await house.service.apply_changes({"bell": {"loudness": 9}})
        assert (result.fate, result.version) == (Fate.APPLIED, 1)
        assert (await text_of(house.file), await numbers(keeper)) == (FILE, [1])


async def test_any_version_can_be_gone_back_to(tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text(FILE)
    keeper = keeper_in(tmp_path)
    async with running_house(tmp_path, keeper) as house:
        first = house.state()
        await house.service.update({"bell": {"loudness": 9}}, author="anna")
        await house.service.update({"photo": {"mode": "off"}}, author="ben")
        result = await house.service.restore(1, author="anna")
        assert (result.fate, result.version) == (Fate.APPLIED, 4)
        assert house.state() == first
        assert yaml.safe_load(await text_of(house.file))["bell"] == {"loudness": 3}
        assert "# not too loud" in await text_of(house.file)
        result = await house.service.restore(77, author="anna")
        assert result.problems[0].startswith("there is no version 77")


async def test_a_change_that_the_file_could_not_hold_is_refused(tmp_path: Path) -> None:
    keeper = keeper_in(tmp_path)
    file = tmp_path / "spyoncino.yaml"
    file.write_text(FILE)

    def load() -> LoadedConfig:
        variables = {"SPYONCINO_BELL__LOUDNESS": "5"}
        return load_config(house_registry(), file=file, variables=variables)

    loaded = await asyncio.to_thread(load)
    with pytest.raises(ConfigError) as caught:
        keeper.check(loaded, {"bell": {"loudness": 9}, "album": {"token": "s3"}})
    by_variable = (
        "bell.loudness is set by environment variable SPYONCINO_BELL__LOUDNESS, which wins over "
        f"{file}; change it there"
    )
    secret = (
        f"album.token is a secret and is not written into {file}; "
        "write SPYONCINO_ALBUM__TOKEN=… into the .env file beside it"
    )
    assert caught.value.problems == (by_variable, secret)


def test_a_version_has_no_secret_and_going_back_takes_the_present_one(tmp_path: Path) -> None:
    keeper = keeper_in(tmp_path)
    address = "rtsp://anna:s3cret@door/1"
    document = {**START, "album": {"token": "s3cret"}, "x": [address]}
    keeper.record(document, "anna", ())
    text = (tmp_path / "versions" / "000001.json").read_text()
    assert "s3cret" not in text
    assert keeper.changes_to(1, {**document, "bell": {"loudness": 1}}) == {"bell": {"loudness": 3}}
    with pytest.raises(ConfigError, match=r"version 1 has a secret at album.token"):
        keeper.changes_to(1, {**document, "album": {}})


def test_the_same_document_makes_no_second_version_and_old_ones_go(tmp_path: Path) -> None:
    keeper = keeper_in(tmp_path)
    assert [keeper.record({"a": n}, "x", ()) for n in (1, 1, 2, 3)] == [1, 1, 2, 3]
    keeper.prune(2)
    assert keeper.numbers() == [2, 3]
    assert keeper.record({"a": 3}, "x", ()) == 3
    (tmp_path / "versions" / "000003.json").write_text("{")
    with pytest.raises(ConfigError, match="is damaged"):
        keeper.version(3)
    assert keeper.record({"a": 3}, "x", ()) == 4
    assert json.loads((tmp_path / "versions" / "000004.json").read_text())["document"] == {"a": 3}


async def test_a_disk_that_refuses_is_told_and_the_change_stays_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spyoncino.yaml").write_text(FILE)
    keeper = keeper_in(tmp_path)

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    async with running_house(tmp_path, keeper) as house:
        monkeypatch.setattr(keeper, "write", full)
        result = await house.service.update({"bell": {"loudness": 9}}, author="anna")
        assert (result.fate, result.version) == (Fate.APPLIED, 1)
        assert "is not kept over the next start: the disk is full" in result.notices[0]
        await house.bus.drain()
        [notice] = house.told("status.contract")
        assert (notice.message, notice.severity) == (result.notices[0], "error")
        assert house.state() == house.expected(house.service.loaded)
        monkeypatch.undo()
        monkeypatch.setattr(keeper, "record", full)
        result = await house.service.update({"bell": {"loudness": 2}}, author="anna")
        await house.bus.drain()
        assert result.fate is Fate.APPLIED
        assert "loudness: 2" in await text_of(house.file)
        assert "not kept: the disk is full" in house.told("status.contract")[-1].message


async def test_without_a_file_a_change_cannot_be_kept(tmp_path: Path) -> None:
    loaded = await asyncio.to_thread(
        lambda: load_config(
            house_registry(), variables={}, working_folder=tmp_path, config_home=tmp_path
        )
    )
    with pytest.raises(ConfigError, match="there is no configuration file"):
        keeper_in(tmp_path).check(loaded, {"bell": {"loudness": 9}})
