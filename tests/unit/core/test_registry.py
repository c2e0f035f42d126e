from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.fake_modules import (
    Album,
    AlbumSettings,
    Bell,
    Photographer,
    PhotoSettings,
    fake_registry,
)

from spyoncino.core.contracts import Category, Consume, ModuleSettings
from spyoncino.core.plugin_imports import BUILT_IN
from spyoncino.core.registry import Registry
from spyoncino.errors import WiringError
from spyoncino.schemas import topics

HERE = "tests.fixtures.fake_modules"


def entry(name: str, value: str) -> metadata.EntryPoint:
    return metadata.EntryPoint(name, value, "spyoncino.modules")


def test_built_ins_come_first_in_their_order_then_plug_ins_by_name() -> None:
    registry = Registry.discover(
        [f"{HERE}:Photographer"], [entry("b", f"{HERE}:Bell"), entry("a", f"{HERE}:Album")]
    )
    assert registry.modules == (Photographer, Album, Bell)
    assert registry.failures == ()


def test_plug_ins_of_installed_packages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def entry_points(*, group: str) -> list[metadata.EntryPoint]:
        asked.append(group)
        return [entry("bell", f"{HERE}:Bell")]

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    assert Registry.discover([]).modules == (Bell,)
    assert asked == ["spyoncino.modules"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no.such.package:Thing", "ModuleNotFoundError"),
        (f"{HERE}:Gong", "AttributeError"),
        (f"{HERE}:FAKES", "is not a class that extends BaseModule"),
        ("nothing", "cannot be loaded"),
    ],
)
def test_a_module_that_cannot_be_loaded_is_a_record_and_the_rest_works(
    value: str, reason: str
) -> None:
    registry = Registry.discover([value, f"{HERE}:Bell"], [])
    assert registry.modules == (Bell,)
    assert registry.failures[0].name == value
    assert reason in registry.failures[0].error


def module(**attributes: Any) -> type[Bell]:
    return type("Odd", (Bell,), attributes)


class Bare(ModuleSettings):
    """Has a setting without a default."""

    must: int


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"name": "Bell"}, "is named 'Bell'"),
        ({"name": None}, "does not declare its name (str)"),
        ({"category": "input"}, "does not declare its category (Category)"),
        ({"section": "My Section"}, "a section is one word in small letters"),
        ({"section": "cameras"}, "which is a key of the system itself"),
        ({"section": "zones", "per_camera": True}, "which is a key of every camera"),
        ({"settings_model": dict}, "does not declare a settings_model"),
        ({"settings_model": Bare, "per_camera": True}, "its setting 'must' has no default"),
        ({"consumes": (topics.TRACKS,)}, "which is no Consume"),
        ({"consumes": (Consume("a.b", "ring"),)}, "consumes 'a.b', which is no Topic"),  # type: ignore[arg-type]  # the very mistake
        ({"consumes": [Consume(topics.TRACKS, "ring")]}, "which is no tuple"),
        ({"publishes": ("a.b",)}, "publishes 'a.b', which is no Topic"),
        ({"adapters": (topics.TRACKS,)}, "which is no TopicAdapter"),
        (
            {"consumes": (Consume(topics.TRACKS, "on_tracks"),)},
            "consumes process.tracks with 'on_tracks', which it does not have",
        ),
    ],
)
def test_a_wrong_declaration_is_one_sentence(attributes: dict[str, Any], reason: str) -> None:
    registry = fake_registry(module(**attributes))
    assert registry.modules == ()
    assert reason in registry.failures[0].error


def test_an_abstract_module_says_what_it_lacks() -> None:
    from spyoncino.core.contracts import InputModule  # noqa: PLC0415 - named in this test only

    attributes = {"name": "input.x", "section": "x", "settings_model": AlbumSettings}
    registry = fake_registry(type("Half", (InputModule,), attributes))
    assert registry.failures[0].error == "does not implement health, start, stop"


def test_names_and_sections_are_unique() -> None:
    registry = fake_registry(Bell, module(section="other"), module(name="input.other"))
    assert registry.modules == (Bell,)
    assert "as another module is" in registry.failures[0].error
    assert "as another module has" in registry.failures[1].error


def test_sections_and_those_of_a_camera_are_told_apart() -> None:
    registry = fake_registry()
    assert list(registry.sections) == ["bell", "photo", "album"]
    assert registry.camera_sections == {"photo": PhotoSettings}


def test_modules_can_be_left_out_and_found_by_name() -> None:
    registry = fake_registry().without(["input.bell"])
    assert registry.modules == (Photographer, Album)
    assert registry.by_name("storage.album") is Album
    with pytest.raises(WiringError, match=r"no module 'input\.bell'; there are: event"):
        registry.by_name("input.bell")
    with pytest.raises(WiringError, match=r"no module 'x\.y' to leave out"):
        registry.without(["x.y"])


def test_start_order_is_a_property_of_the_category() -> None:
    assert Category.STATUS < Category.STORAGE < Category.EVENT < Category.PROCESS < Category.INPUT


def test_a_plug_in_that_imports_another_module_is_left_out_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"from {HERE} import Bell as Base\nclass Gong(Base):\n    name = 'input.%s'\n"
    (tmp_path / "pack_a").mkdir()
    (tmp_path / "pack_a" / "__init__.py").write_text("")
    (tmp_path / "pack_a" / "gong.py").write_text(text % "gong" + "    section = 'gong'\n")
    (tmp_path / "pack_b.py").write_text(f"from pack_a import gong\n{text % 'b'}")
    (tmp_path / "pack_c.py").write_text(f"import {BUILT_IN}.folders\n{text % 'c'}")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry.discover(
        [], [entry("a", "pack_a.gong:Gong"), entry("b", "pack_b:Gong"), entry("c", "pack_c:Gong")]
    )
    assert [kind.name for kind in registry.modules] == ["input.gong"]
    assert registry.plug_ins == {"input.gong"}
    words = "; modules meet on the bus only"
    assert [(each.name, each.error) for each in registry.failures] == [
        ("b", f"imports another module (pack_b.py imports pack_a.gong){words}"),
        ("c", f"imports another module (pack_c.py imports {BUILT_IN}.folders){words}"),
    ]
