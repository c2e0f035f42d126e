from pathlib import Path

from pydantic import ByteSize, Field, SecretStr
from tests.fixtures.fake_modules import _Recorded, fake_registry

from spyoncino.core.config_document import WIDTH, full_document, starter_document
from spyoncino.core.config_load import load_config
from spyoncino.core.contracts import ModuleSettings, OutputModule


class Corner(ModuleSettings):
    """A place."""

    x: float = Field(default=0.0, description="Across.")


class KioskSettings(ModuleSettings):
    """Section ``kiosk``: a stand."""

    token: SecretStr = Field(default=SecretStr(""), description="Key.")
    size: ByteSize = Field(default=ByteSize(1234), description="Odd size.")
    corners: tuple[Corner, ...] = Field(default=(Corner(x=1),), description="Corners.")
    weights: dict[str, float | None] = Field(default={"a": None}, description="Weights.")


class Kiosk(_Recorded, OutputModule[KioskSettings]):
    """Needs a secret."""

    name = "output.kiosk"
    section = "kiosk"
    settings_model = KioskSettings


def test_the_full_document_read_back_is_the_defaults(tmp_path: Path) -> None:
    registry = fake_registry()
    (tmp_path / "spyoncino.yaml").write_text(full_document(registry))
    read = load_config(registry, variables={}, working_folder=tmp_path, config_home=tmp_path)
    none = load_config(
        registry, variables={}, working_folder=tmp_path / "x", config_home=tmp_path / "x"
    )
    assert read.settings == none.settings
    assert read.sections == none.sections


def test_every_setting_stands_there_with_its_meaning_and_its_limits() -> None:
    text = full_document(fake_registry())
    assert "# Whether it sees colours.\n    colour: true\n" in text
    assert "# Of the film. [a number from 0 to 1]\n  sensitivity: 0.5\n" in text
    assert "max_bytes: 10MB\n" in text
    assert "# How pictures are made.\nphoto:\n" in text
    assert "#     analysis_fps: 5.0" in text
    assert max(len(line) for line in text.splitlines()) <= WIDTH + 4


class NeedySettings(KioskSettings):
    """Section ``kiosk``: a stand that is somewhere."""

    address: str = Field(description="Where.")


class Needy(_Recorded, OutputModule[NeedySettings]):
    """Needs something that only the user knows."""

    name = "output.needy"
    section = "needy"
    settings_model = NeedySettings


def test_what_has_no_default_is_a_comment() -> None:
    assert "# needy: (has no default)" in full_document(fake_registry(Needy))


def test_values_of_every_kind_are_written_on_one_line() -> None:
    text = full_document(fake_registry(Kiosk))
    assert "  size: 1234\n" in text
    assert "  weights: {a: null}\n" in text


def test_the_starter_is_valid_and_has_a_camera(tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text(starter_document())
    loaded = load_config(
        fake_registry(), variables={}, working_folder=tmp_path, config_home=tmp_path
    )
    assert [camera.source.type for camera in loaded.settings.cameras.values()] == ["sim"]


def test_a_list_of_groups_is_written_one_below_the_other_with_its_keys_explained() -> None:
    text = full_document(fake_registry(Kiosk))
    assert (
        """
  # Keys of one:
  #   # Across. [a number]
  #   x: 0.0
  corners:
    - {x: 1.0}
"""
        in text
    )
