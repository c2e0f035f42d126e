"""The cost of decoding is measured for what is here, and a failed device is no bargain."""

import pytest
from tests.fixtures.bench_scene import drawn_once

from spyoncino.host import bench
from spyoncino.host.decoders import DecodeCost, best_of, decode_costs, full_hd


def test_each_decoder_is_measured_and_one_that_is_missing_says_so() -> None:
    video = full_hd(drawn_once()[:3], bench.FPS)
    assert (video[0].width_px, video[0].height_px, len(video[1])) == (1920, 1080, 3)
    software, missing = decode_costs(video, ["vaapi"], 0.01)
    assert (software.kind, software.note) == ("software", "")
    assert 0 < software.cpu_ms < 1000
    assert "not built into PyAV" in missing.note
    assert best_of([software, missing]) is None


@pytest.mark.parametrize(("cpu_ms", "is_worth_it"), [(5.0, True), (7.5, False)])
def test_a_small_gain_is_not_worth_a_driver(cpu_ms: float, is_worth_it: bool) -> None:
    costs = [DecodeCost("software", 10.0, 10.0), DecodeCost("cuda", cpu_ms, 1.0)]
    assert (best_of(costs) is costs[1]) == is_worth_it
    assert best_of(costs[:1]) is None
