import asyncio
from pathlib import Path

import pytest
import yaml
from tests.fixtures.config_house import (
    HANGS,
    KEEPS_RAISING,
    RAISES,
    START,
    STUBBORN,
    TWICE,
    running_house,
)

from spyoncino.core import orchestrator as orchestrator_file
from spyoncino.core.config_terms import Fate
from spyoncino.schemas import topics
from spyoncino.schemas.control import ConfigUpdate
from spyoncino.schemas.status import HealthState, HealthStatus


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orchestrator_file, "CONFIGURE_TIMEOUT_S", 0.05)
    monkeypatch.setattr("spyoncino.core.guard.GRACE_S", 0.05)


async def test_only_the_module_whose_section_changed_is_configured(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        before = dict(house.cameras.cameras)
        result = await house.service.apply_changes({"bell": {"loudness": 9}})
        assert (result.fate, result.keys) == (Fate.APPLIED, ("bell.loudness",))
        assert house.configured() == ["input.bell"]
        assert house.state() == house.expected(house.service.loaded)
        assert house.cameras.cameras == before
        assert yaml.safe_load(house.file.read_text()) == START


async def test_the_same_change_twice_does_nothing_the_second_time(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        await house.service.apply_changes({"bell": {"loudness": 9}})
        house.configured()
        result = await house.service.apply_changes({"bell": {"loudness": 9}})
        assert result.fate is Fate.UNCHANGED
        assert house.configured() == []


async def test_a_wrong_change_is_told_and_touches_nothing(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        before = house.state()
        result = await house.service.apply_changes({"bell": {"loudnes": 9}}, author="anna")
        await house.bus.drain()
        assert result.fate is Fate.REJECTED
        sentence = (
            'change by anna: bell.loudnes: there is no such setting; did you mean "loudness"?'
        )
        assert result.problems == (sentence,)
        [rejected] = house.told("config.rejected")
        assert (rejected.problems, rejected.author) == ((sentence,), "anna")
        assert sentence in house.told("status.contract")[0].message
        assert house.state() == before
        assert house.configured() == []


async def test_an_update_on_the_bus_is_carried_out_and_a_snapshot_follows(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        update = ConfigUpdate(changes={"photo": {"mode": "off"}}, author="page", persist=False)
        await house.bus.publish(topics.CONFIG_UPDATE, update)
        await house.bus.drain()
        assert house.configured() == ["event.photographer"]
        first, second = house.told("config.snapshot")
        assert second.version == first.version + 1
        assert second.settings["photo"]["mode"] == "off"


async def test_another_override_of_a_camera_configures_its_module_only(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        changes = {"cameras": {"yard": {"photo": {"sensitivity": 0.1}}}}
        before = dict(house.cameras.cameras)
        result = await house.service.apply_changes(changes)
        assert result.fate is Fate.APPLIED
        assert house.configured() == ["event.photographer"]
        assert house.context.section_override("yard", "photo") == {"sensitivity": 0.1}
        assert house.cameras.cameras == before


async def test_a_camera_that_changes_begins_anew_and_the_other_is_not_touched(
    tmp_path: Path,
) -> None:
    async with running_house(tmp_path) as house:
        before = dict(house.cameras.cameras)
        await house.service.apply_changes({"cameras": {"yard": {"analysis_fps": 2}}})
        assert house.cameras["door"] is before["door"]
        assert house.cameras["yard"] is not before["yard"]
        assert house.cameras["yard"].spec.analysis_fps == 2
        assert "input.bell" in house.configured()


async def test_cameras_come_go_and_are_switched_off_at_run_time(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        door = house.cameras["door"]
        garden = {"source": {"type": "sim", "seed": 5}}
        await house.service.apply_changes({"cameras": {"garden": garden, "yard": None}})
        assert list(house.cameras.cameras) == ["door", "garden"]
        assert list(house.context.cameras) == ["door", "garden"]
        await house.service.apply_changes({"cameras": {"garden": {"enabled": False}}})
        assert list(house.cameras.cameras) == ["door"]
        assert house.cameras["door"] is door
        assert house.state() == house.expected(house.service.loaded)


@pytest.mark.parametrize("fault", [RAISES, HANGS, STUBBORN])
async def test_all_goes_back_when_one_module_fails_to_take_it(tmp_path: Path, fault: str) -> None:
    async with running_house(tmp_path) as house:
        before, loaded = house.state(), house.service.loaded
        house.faults["input.bell"] = fault
        changes = {
            "album": {"max_bytes": 1},
            "bell": {"loudness": 9},
            "cameras": {"yard": {"photo": {"sensitivity": 0.1}}},
        }
        result = await house.service.apply_changes(changes)
        await house.bus.drain()
        assert result.fate is Fate.ROLLED_BACK
        assert house.state() == before == house.expected(loaded)
        assert house.service.loaded is loaded
        [rollback] = house.told("config.rollback")
        assert rollback.part == "input.bell"
        assert rollback.is_complete
        assert rollback.changes == (
            "cameras.yard.overrides.photo.sensitivity",
            "bell.loudness",
            "album.max_bytes",
        )
        assert rollback.diagnostics[-1] == "cameras has its old settings again"
        assert rollback.diagnostics[0] == "input.bell has its old settings again"


async def test_a_module_that_does_not_go_back_either_is_started_anew(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        before = house.state()
        first = house.orchestrator.module("input.bell")
        house.faults["input.bell"] = TWICE
        result = await house.service.apply_changes({"bell": {"loudness": 9}})
        await house.bus.drain()
        assert result.fate is Fate.ROLLED_BACK
        assert house.orchestrator.module("input.bell") is not first
        assert house.state() == before
        [rollback] = house.told("config.rollback")
        assert not rollback.is_complete
        assert "it was started anew with them" in rollback.diagnostics[0]
        assert house.told("status.contract")[-1].severity == "error"


async def test_a_module_that_cannot_be_had_any_more_stays_out_and_is_told(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        before = house.state()
        house.faults["event.photographer"] = KEEPS_RAISING
        changes = {"bell": {"loudness": 9}, "photo": {"mode": "off"}}
        result = await house.service.apply_changes(changes)
        await house.bus.drain()
        assert result.fate is Fate.ROLLED_BACK
        assert house.orchestrator.module("event.photographer") is None
        before["modules"]["event.photographer"] = None
        assert house.state() == before
        [rollback] = house.told("config.rollback")
        assert "stays out of the system (the attic is locked" in rollback.diagnostics[0]
        assert (await house.orchestrator.health_of("event.photographer")).state is (
            HealthState.FAILED
        )
        house.faults.clear()
        result = await house.service.apply_changes(changes)
        assert result.fate is Fate.APPLIED
        assert house.state() == house.expected(house.service.loaded)


async def test_a_module_that_fails_in_the_time_of_proof_takes_all_back(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        before = house.state()
        ill = HealthStatus(state=HealthState.FAILED, detail="the clapper fell off")
        house.context.healths["input.bell"] = ill
        result = await house.service.apply_changes({"photo": {"mode": "off"}})
        assert result.fate is Fate.APPLIED  # another module is no concern of this change
        before = house.state()
        house.context.healths.clear()

        original = house.orchestrator.configure

        async def breaks(name: str, settings: object = None) -> None:
            await original(name, settings)  # type: ignore[arg-type]  # passed on
            house.context.healths["input.bell"] = ill

        house.orchestrator.configure = breaks  # type: ignore[method-assign]  # what breaks it
        result = await house.service.apply_changes({"bell": {"loudness": 1}})
        assert result.fate is Fate.ROLLED_BACK
        assert "the clapper fell off" in result.problems[0]
        assert house.state() == before


async def test_a_camera_that_worked_must_show_pictures_again(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        before = house.state()
        house.cameras.dark.add(7)
        result = await house.service.apply_changes({"cameras": {"door": {"source": {"seed": 7}}}})
        assert result.fate is Fate.ROLLED_BACK
        assert "camera door shows no pictures any more" in result.problems[0]
        assert house.state() == before
        garden = {"source": {"type": "sim", "seed": 7}}
        result = await house.service.apply_changes({"cameras": {"garden": garden}})
        assert result.fate is Fate.APPLIED  # a new one harms nobody


async def test_cameras_that_cannot_be_started_go_back_one_by_one(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        before = house.state()
        house.cameras.broken["yard"] = 1
        changes = {"cameras": {"door": {"analysis_fps": 1}, "yard": {"analysis_fps": 1}}}
        result = await house.service.apply_changes(changes)
        assert (result.fate, house.state()) == (Fate.ROLLED_BACK, before)
        house.cameras.broken["door"] = 3
        result = await house.service.apply_changes(changes)
        await house.bus.drain()
        assert result.fate is Fate.ROLLED_BACK
        rollback = house.told("config.rollback")[-1]
        assert "camera door stays off (there is no shared memory left)" in rollback.diagnostics[0]
        assert list(house.cameras.cameras) == ["yard"]


async def test_what_is_read_at_the_start_only_is_refused_in_memory(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        result = await house.service.apply_changes(
            {"pool": {"workers": 2}, "album": {"address": "attic"}, "bell": {"loudness": 8}}
        )
        assert result.fate is Fate.REJECTED
        once = (
            "is read once, at the start; write it into the configuration file and "
            "start Spyoncino again"
        )
        assert result.problems == (f"pool.workers {once}", f"album.address {once}")
        assert house.configured() == []


async def test_an_edit_of_the_file_takes_what_it_can_and_says_what_waits(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        await house.service.apply_changes({"photo": {"mode": "manual"}, "bell": {"loudness": 1}})
        house.configured()
        edited = {**START, "bell": {"loudness": 8}, "data_dir": "elsewhere"}
        await asyncio.to_thread(house.file.write_text, yaml.safe_dump(edited))
        result = await house.service.reload()
        await house.bus.drain()
        assert (result.fate, result.waiting) == (Fate.APPLIED, ("data_dir",))
        assert house.configured() == ["input.bell"]
        assert house.service.loaded.settings.data_dir is None
        assert house.state()["modules"]["event.photographer"].mode == "manual"
        assert house.state()["modules"]["input.bell"].loudness == 8
        assert "data_dir will hold from the next start on" in (
            house.told("status.contract")[-1].message
        )
        result = await house.service.apply_changes({"bell": {"loudness": 2}})
        assert (result.fate, result.waiting) == (Fate.APPLIED, ())  # is said once


async def test_a_broken_edit_is_told_and_the_old_settings_stay(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        before = house.state()
        await asyncio.to_thread(house.file.write_text, "bell:\n\tloudness: 3\n")
        result = await house.service.reload()
        await house.bus.drain()
        assert result.fate is Fate.REJECTED
        assert "spyoncino.yaml:2: this is not YAML: there is a tab" in result.problems[0]
        assert "the edited file is not taken" in house.told("status.contract")[-1].message
        assert house.state() == before


async def test_a_change_goes_on_when_whoever_asked_goes_away(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        asking = asyncio.create_task(house.service.apply_changes({"bell": {"loudness": 9}}))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await house.service.stop()
        assert house.state()["modules"]["input.bell"].loudness == 9


async def test_changes_are_made_one_after_the_other(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        results = await asyncio.gather(
            *(house.service.apply_changes({"bell": {"loudness": n}}) for n in (5, 6, 7))
        )
        assert [result.version for result in results] == [2, 3, 4]
        assert house.state()["modules"]["input.bell"].loudness == 7


async def test_without_versions_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        result = await house.service.restore(1, author="anna")
        assert result.fate is Fate.REJECTED


def test_the_house_begins_as_it_is_configured(tmp_path: Path) -> None:
    async def look() -> tuple[object, object]:
        async with running_house(tmp_path) as house:
            return house.state(), house.expected(house.loaded)

    state, expected = asyncio.run(look())
    assert state == expected


async def test_a_camera_that_was_taken_away_comes_back_as_it_is_described_anew(
    tmp_path: Path,
) -> None:
    async with running_house(tmp_path) as house:
        await house.service.apply_changes({"cameras": {"yard": None}})
        again = {"source": {"type": "sim", "seed": 8}}
        await house.service.apply_changes({"cameras": {"yard": again}})
        assert house.context.cameras["yard"].overrides == {}
        result = await house.service.apply_changes({"cameras": {"yard": None}})
        assert result.fate is Fate.APPLIED


async def test_a_change_without_a_place_to_keep_it_holds_until_the_end(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        result = await house.service.update({"bell": {"loudness": 9}}, author="anna")
        assert result.fate is Fate.APPLIED
        assert house.state() == house.expected(house.service.loaded)
        assert yaml.safe_load(house.file.read_text()) == START
        again = await house.service.update({"bell": {"loudness": 9}}, author="anna")
        assert again.fate is Fate.UNCHANGED


async def test_a_source_that_cannot_be_is_a_sentence_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_house(tmp_path) as house:
        before = house.state()

        def impossible(_source: object) -> None:
            raise ValueError("a picture of 3 pixels cannot be shown")

        kind = type(house.service.loaded.settings.cameras["door"].source)
        monkeypatch.setattr(kind, "to_spec", impossible)
        result = await house.service.apply_changes({"bell": {"loudness": 9}})
        monkeypatch.undo()
        assert result.fate is Fate.REJECTED
        assert result.problems == ("a picture of 3 pixels cannot be shown",)
        assert house.state() == before


async def test_a_service_that_was_stopped_can_be_stopped_again(tmp_path: Path) -> None:
    async with running_house(tmp_path) as house:
        await house.service.stop()
        await house.service.stop()
        result = await house.service.apply_changes({"bell": {"loudness": 9}})
        assert result.fate is Fate.APPLIED
