import json

import pytest
from pydantic import ValidationError

from spyoncino.core.settings import CameraSettings, PoolSettings, Settings
from spyoncino.core.source_settings import SimSource

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
