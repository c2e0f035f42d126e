"""Settings of a capture process that no process could work with are refused."""

import pickle

import pytest

from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.spec import CaptureSpec

SOURCE = SourceSpec(kind="file", path="/clip.mp4")


def test_a_spec_travels_to_another_process() -> None:
    spec = CaptureSpec("door", SOURCE, masks=(((0.0, 0.0), (0.5, 0.0), (0.0, 0.5)),))

    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 -- our own


def test_values_no_process_could_work_with_are_refused() -> None:
    with pytest.raises(ValueError, match="analysis_fps 0"):
        CaptureSpec("door", SOURCE, analysis_fps=0)
    with pytest.raises(ValueError, match="at least 2 ring slots"):
        CaptureSpec("door", SOURCE, ring_slots=1)
    with pytest.raises(ValueError, match="1 pinned slot"):
        CaptureSpec("door", SOURCE, pinned_slots=0)
