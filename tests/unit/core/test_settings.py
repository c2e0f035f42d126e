import json

import pytest
from pydantic import ValidationError

from spyoncino.core.settings import CameraSettings, FileSource, PoolSettings, Settings, SimSource

GIGABYTE = 1_000_000_000


@pytest.mark.parametrize(
    ("workers", "cores", "memory", "count"),
    [
        ("auto", 4, 8 * GIGABYTE, 2),
        ("auto", 2, 8 * GIGABYTE, 2),
        ("auto", 1, 8 * GIGABYTE, 1),
        ("auto", 4, 2 * GIGABYTE, 1),
        (5, 1, 1 * GIGABYTE, 5),
    ],
)
def test_auto_takes_one_worker_on_a_small_machine_and_two_on_others(
    workers: int, cores: int, memory: int, count: int
) -> None:
    assert PoolSettings(workers=workers).worker_count(cores, memory) == count


def test_sources_name_their_own_options() -> None:
    assert FileSource.model_validate({"type": "file", "path": "a.mp4"}).options == {}
    sim = SimSource(type="sim", seed=3, width_px=640, height_px=360)
    assert sim.options["seed"] == 3
    assert (sim.options["width"], sim.options["height"]) == (640, 360)
    assert not sim.loop


def test_the_simulator_takes_every_option_it_is_given() -> None:
    camera_sim = pytest.importorskip("spyoncino.hardware.camera_sim")
    options = SimSource(type="sim", fps=5, press_at_s=-1).options
    built = camera_sim.SimOptions.of(options)
    assert {name: getattr(built, name) for name in options} == options


def test_defaults_of_the_simulator_are_those_of_the_settings() -> None:
    camera_sim = pytest.importorskip("spyoncino.hardware.camera_sim")
    options = SimSource(type="sim").options
    assert camera_sim.SimOptions.of(options) == camera_sim.SimOptions()


def test_settings_cannot_be_changed_and_refuse_unknown_keys() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.data_dir = None  # type: ignore[misc]  # that is the point
    with pytest.raises(ValidationError):
        Settings.model_validate({"nope": 1})


def test_a_camera_needs_no_more_than_a_source() -> None:
    camera = CameraSettings(source=SimSource(type="sim"))
    assert camera.enabled
    assert camera.analysis_fps == 5
    assert camera.overrides == {}
    json.dumps(camera.model_dump(mode="json"))
