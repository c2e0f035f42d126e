"""What a change of the configuration asks of a running system."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.fixtures.config_house import START, house_registry, specs_of

from spyoncino.core.config_changes import patched
from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.config_plan import Plan, held, plan_of

REGISTRY = house_registry()


class Pair:
    """Two configurations, the second with changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.old = self.with_changes({})

    def with_changes(self, changes: dict[str, Any]) -> LoadedConfig:
        file = self._folder / "spyoncino.yaml"
        file.write_text(yaml.safe_dump(patched(START, changes)))
        return load_config(REGISTRY, file=file, variables={})

    def plan(self, changes: dict[str, Any], *, with_captures: bool = True) -> Plan:
        new = self.with_changes(changes)
        if not with_captures:
            return plan_of(self.old, new, REGISTRY, {}, {})
        return plan_of(self.old, new, REGISTRY, specs_of(self.old), specs_of(new))


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def without(loaded: LoadedConfig, section: str) -> LoadedConfig:
    sections = {name: each for name, each in loaded.sections.items() if name != section}
    return replace(loaded, sections=sections)


def test_what_is_read_at_the_start_keeps_its_value_and_waits(pair: Pair) -> None:
    new = pair.with_changes({"album": {"address": "attic"}})
    now, waiting = held(pair.old, new, REGISTRY)
    assert waiting == ("album.address",)
    assert now.sections["album"] == pair.old.sections["album"]
    assert new.sections["album"] != pair.old.sections["album"]


def test_a_module_without_a_section_keeps_no_other_from_waiting(pair: Pair) -> None:
    new = pair.with_changes({"album": {"address": "attic"}})
    assert held(without(pair.old, "bell"), without(new, "bell"), REGISTRY)[1] == ("album.address",)
    assert held(without(pair.old, "album"), new, REGISTRY)[1] == ()


def test_the_end_of_the_line_is_configured_first(pair: Pair) -> None:
    changes = {"bell": {"loudness": 9}, "photo": {"mode": "off"}, "album": {"address": "attic"}}
    plan = pair.plan(changes)
    assert plan.modules == ("storage.album", "event.photographer", "input.bell")
    assert plan.captures == frozenset()


def test_a_camera_that_is_started_anew_is_told_to_who_reads_cameras(pair: Pair) -> None:
    plan = pair.plan({"cameras": {"door": {"analysis_fps": 3}}})
    assert plan.captures == {"door"}
    assert "input.bell" in plan.modules


@pytest.mark.parametrize("door", [{"enabled": False}, None, {"source": {"type": "sim", "seed": 9}}])
def test_who_reads_a_key_of_cameras_is_told_of_that_key(
    pair: Pair, door: dict[str, Any] | None
) -> None:
    plan = pair.plan({"cameras": {"door": door}}, with_captures=False)
    is_told = door is None or "enabled" in door
    assert ("input.bell" in plan.modules) is is_told
