import pytest

from spyoncino.app import load_modules
from spyoncino.core.config_load import load_config
from spyoncino.core.config_presets import PRESETS, measured_preset, preset_layer
from spyoncino.errors import ConfigError

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("cores", "memory", "preset"),
    [
        (4, 2 * GB, "raspberry-pi"),
        (2, 64 * GB, "raspberry-pi"),
        (4, 8 * GB, "none"),
        (8, 8 * GB, "none"),
        (8, 32 * GB, "high-performance"),
    ],
)
def test_auto_goes_by_memory_and_cores(cores: int, memory: int, preset: str) -> None:
    assert measured_preset(cores, memory) == preset


def test_analysis_measures_nothing() -> None:
    assert preset_layer("auto", frozenset({"pool", "objects"}), measure=False).data == {}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_valid_configuration(name: str) -> None:
    try:
        loaded = load_config(load_modules(), variables={}, overrides={"preset": name})
    except ConfigError as error:  # pragma: no cover - shows the sentences
        raise AssertionError(str(error)) from error
    assert loaded.settings.preset == name
