"""What the mixture of Gaussians promises beyond what every motion detector does."""

import numpy as np

from spyoncino.detectors.motion_mog2 import Mog2MotionDetector
from spyoncino.detectors.motion_spec import MotionSpec


def test_two_states_that_alternate_become_background() -> None:
    detector = Mog2MotionDetector(MotionSpec("mog2", absorb_s=5.0))
    states = []
    for grey in (60, 160):
        picture = np.full((360, 640), 100, np.uint8)
        picture[100:200, 100:200] = grey
        states.append(picture)
    seen = [
        bool(detector.measure(states[frame // 3 % 2], frame * 0.2).regions) for frame in range(300)
    ]
    assert not any(seen[-60:])
