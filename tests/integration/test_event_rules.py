"""Settings that decide what becomes an event, tried through the whole line."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.door_clips import DoorPlan, draw_door
from tests.fixtures.programs import Records, write_config

from spyoncino.analysis import Analysis, AnalysisRequest, AnalysisResult
from spyoncino.errors import UsageError

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

WHOLE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
SKY = [[0.0, 0.0], [1.0, 0.0], [1.0, 0.1], [0.0, 0.1]]


@pytest.fixture(scope="session")
def early_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of the front door; somebody comes almost at once."""
    plan = DoorPlan(duration_s=5.0, visitor_at_s=0.5)
    return draw_door(tmp_path_factory.getbasetemp() / "early.mp4", plan)


def analyse(clip: Path, folder: Path, camera: dict[str, Any], **sections: Any) -> AnalysisResult:
    source = {"type": "file", "path": str(clip)}
    config = write_config(
        folder / "spyoncino.yaml", cameras={"porch": {"source": source, **camera}}, **sections
    )
    request = AnalysisRequest(
        videos=[clip], out=folder / "out", config=config, camera="porch", workers=1
    )
    return asyncio.run(Analysis(request).run())


def test_motion_alone_makes_an_event_with_all_its_files_when_it_is_wanted(
    early_clip: Path, tmp_path: Path
) -> None:
    result = analyse(
        early_clip, tmp_path, {}, events={"on_motion": True}, objects={"detector": "mock"}
    )

    (event,) = result.events
    assert event["type"] == "motion"
    assert event["labels"] == []
    assert event["tracks"] == []
    for key in ("snapshot", "preview", "clip"):
        assert (tmp_path / "out" / event[key]).stat().st_size > 0
    kinds = {kind for _, kind in Records(tmp_path / "out").media().values()}
    assert kinds == {"snapshot", "gif", "webp", "clip"}


def test_motion_alone_makes_no_event_otherwise(early_clip: Path, tmp_path: Path) -> None:
    result = analyse(early_clip, tmp_path, {}, objects={"detector": "mock"})

    assert result.events == []
    assert result.failures == {}


@pytest.mark.parametrize(
    "zones",
    [
        [{"name": "street", "polygon": WHOLE, "kind": "exclude"}],
        [{"name": "sky", "polygon": SKY}],
    ],
    ids=["inside an exclude zone", "outside every include zone"],
)
def test_a_person_where_nobody_counts_makes_no_event(
    early_clip: Path, tmp_path: Path, zones: list[dict[str, Any]]
) -> None:
    result = analyse(early_clip, tmp_path, {"zones": zones})

    assert result.events == []
    assert result.failures == {}
    assert result.mot_rows["early"], "the person was tracked all the same"


def test_a_camera_that_is_not_configured_is_refused_with_those_that_are(
    early_clip: Path, tmp_path: Path
) -> None:
    config = write_config(
        tmp_path / "spyoncino.yaml", cameras={"porch": {"source": {"type": "sim"}}}
    )
    request = AnalysisRequest(
        videos=[early_clip], out=tmp_path, config=config, camera="portch", workers=1
    )

    with pytest.raises(UsageError, match="no camera 'portch'; it has: porch"):
        Analysis(request)
