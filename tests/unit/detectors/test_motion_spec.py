import pickle

import pytest

from spyoncino.detectors.motion_spec import MotionFacts, MotionSpec
from spyoncino.geometry.boxes import Box


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"method": "magic"}, "method"),
        ({"sensitivity": 1.1}, "sensitivity"),
        ({"sensitivity": -0.1}, "sensitivity"),
        ({"min_area": 1.0}, "min_area"),
        ({"min_area": -0.1}, "min_area"),
        ({"absorb_s": 0.0}, "absorb_s"),
    ],
)
def test_a_setting_outside_its_range_is_refused_by_name(
    settings: dict[str, float], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        MotionSpec(**settings)  # type: ignore[arg-type]  # wrong on purpose


def test_the_ends_of_the_ranges_are_allowed() -> None:
    assert MotionSpec(sensitivity=0.0, min_area=0.0).method == "average"
    assert MotionSpec(sensitivity=1.0, method="off").sensitivity == 1.0


def test_facts_cross_a_process_border() -> None:
    facts = MotionFacts(0.25, (Box(0.1, 0.2, 0.3, 0.4),), light_change=True, noise=1.5)
    assert pickle.loads(pickle.dumps(facts)) == facts  # noqa: S301 - our own bytes
