import pickle

from spyoncino.detectors.results import DetectionMetrics, FaceDetectionResult, RawDetection
from spyoncino.geometry.boxes import Box


def test_metrics_of_two_calls_add_up() -> None:
    first = DetectionMetrics("cpu:x", 1, 2, 1.0, 20.0, 3.0)
    both = first.plus(DetectionMetrics("cpu:x", 2, 3, 0.5, 10.0, 1.0), detection_count=4)
    assert both == DetectionMetrics("cpu:x", 3, 4, 1.5, 30.0, 4.0)
    assert both.processing_time_ms == 35.5


def test_metrics_as_dictionary_name_every_cost() -> None:
    facts = DetectionMetrics("cpu:x", 1, 2, 1.0, 20.0, 3.0).as_dict()
    assert facts["processing_time_ms"] == 24.0
    assert facts["detector"] == "cpu:x"
    assert facts["detection_count"] == 2


def test_results_travel_between_processes() -> None:
    found = RawDetection("person", 0.9, Box(0.1, 0.2, 0.3, 0.4))
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes
    face = FaceDetectionResult(0.9, found.box, ((0.1, 0.2),))
    assert pickle.loads(pickle.dumps(face)) == face  # noqa: S301 - our own bytes
