"""The figures of face detection, by the names of the specification."""

from collections import deque

from spyoncino.clock import Clock
from spyoncino.schemas.faces import FaceDetectionEvent

RATE_OVER_S = 10.0
"""Rates are told over the last ten seconds, like those of the pool."""

_LOOKS_REMEMBERED = 1024


class LookFigures:
    """Counts looks of all cameras.

    Args:
        clock: For the rate.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looked_ns: deque[int] = deque(maxlen=_LOOKS_REMEMBERED)
        self._spent_ms = 0.0
        self.looks = 0
        self.faces = 0
        self.embedded = 0
        self.failed = 0
        self.overtaken = 0

    def note(self, found: FaceDetectionEvent) -> None:
        """A look has succeeded."""
        self._looked_ns.append(self._clock.monotonic_ns())
        self.looks += 1
        self.faces += len(found.faces)
        self.embedded += sum(bool(face.vector) for face in found.faces)
        self._spent_ms += found.detection_metadata.processing_time_ms

    def metrics(self) -> dict[str, float | int | str]:
        """What is counted here; times in seconds, the rate in looks per second."""
        since_ns = self._clock.monotonic_ns() - RATE_OVER_S * 1e9
        return {
            "detection_count": self.looks,
            "detection_errors": self.failed,
            "avg_detection_time": self._spent_ms / 1000 / max(1, self.looks),
            "detection_rate": sum(at_ns > since_ns for at_ns in self._looked_ns) / RATE_OVER_S,
            "error_rate": self.failed / max(1, self.looks + self.failed),
            "faces": self.faces,
            "faces_embedded": self.embedded,
            "looks_overtaken": self.overtaken,
        }
