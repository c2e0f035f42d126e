"""Results that several tests look at; each is made once."""

from pathlib import Path

import pytest
from tests.fixtures.door_clips import DoorPlan, draw_door


@pytest.fixture(scope="session")
def visitor_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of the front door; somebody comes in the fifth."""
    return draw_door(tmp_path_factory.getbasetemp() / "visitor.mp4", DoorPlan())


@pytest.fixture(scope="session")
def still_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of the front door; nobody comes."""
    plan = DoorPlan(duration_s=3.0, visitor_at_s=-1.0)
    return draw_door(tmp_path_factory.getbasetemp() / "still.mp4", plan)
