"""What the running system counts about itself: stages, cameras, what was seen, errors.

Plain numbers without a bus; ``core.stage_meter`` fills them, ``/metrics`` and ``spyoncino top``
read them.
"""

from collections import Counter, deque
from dataclasses import dataclass, field

from spyoncino.core.histogram import SCORE_BOUNDS, Histogram, Rate
from spyoncino.core.latency_budget import STAGES
from spyoncino.schemas.events import Event
from spyoncino.schemas.status import CameraState, HealthSummary

EVENTS_KEPT = 12
"""Newest events that are kept to be shown."""


@dataclass(slots=True)
class StageFigures:
    """One stage of the line.

    Attributes:
        own_s: Time that the stage took by itself, in seconds.
        age_s: Time since the frame arrived, at the end of the stage.
        rates: Camera to how often the stage ended.
    """

    own_s: Histogram = field(default_factory=Histogram)
    age_s: Histogram = field(default_factory=Histogram)
    rates: dict[str, Rate] = field(default_factory=dict)

    def note(self, camera: str, now_ns: int) -> None:
        """The stage ended for something of this camera."""
        rate = self.rates.get(camera)
        if rate is None:
            rate = self.rates[camera] = Rate()
        rate.note(now_ns)


class Availability:
    """How much of its time a camera was live.

    Args:
        now_ns: Monotonic time at which counting begins.
    """

    __slots__ = ("_begun_ns", "_changed_ns", "_live_ns", "state")

    def __init__(self, now_ns: int) -> None:
        self._begun_ns = now_ns
        self._changed_ns = now_ns
        self._live_ns = 0
        self.state = CameraState.CONNECTING

    def note(self, state: CameraState, now_ns: int) -> None:
        """The camera changed its state."""
        if self.state is CameraState.LIVE:
            self._live_ns += now_ns - self._changed_ns
        self.state = state
        self._changed_ns = now_ns

    def share(self, now_ns: int) -> float:
        """Share of the time since counting began in which it was live, 0..1."""
        live_ns = self._live_ns
        if self.state is CameraState.LIVE:
            live_ns += now_ns - self._changed_ns
        return live_ns / max(1, now_ns - self._begun_ns)


class Meters:
    """All counters of one run."""

    def __init__(self) -> None:
        self.begun_ns: int | None = None
        """Monotonic time at which the run began."""
        self.stages = {stage.name: StageFigures() for stage in STAGES}
        self.cameras: dict[str, Availability] = {}
        self.errors: Counter[tuple[str, str]] = Counter()
        """By component and type of error."""
        self.scores: dict[str, Histogram] = {}
        """Label to the confidences of its detections."""
        self.tracks: Counter[tuple[str, str]] = Counter()
        """By label and fate: confirmed, or discarded because it was not seen often enough."""
        self.events: Counter[tuple[str, str]] = Counter()
        """Closed events by type and final state."""
        self.event_labels: Counter[str] = Counter()
        """Closed events by label; one with two labels counts for both."""
        self.escalations: Counter[str] = Counter()
        """By part: how often its failures were called repeated."""
        self.health: HealthSummary | None = None
        """The latest summary; ``None`` before the first."""
        self.newest_events: deque[Event] = deque(maxlen=EVENTS_KEPT)

    def score(self, label: str, score: float) -> None:
        """Count the confidence of one detection."""
        histogram = self.scores.get(label)
        if histogram is None:
            histogram = self.scores[label] = Histogram(SCORE_BOUNDS)
        histogram.observe(score)

    def camera(self, camera: str, state: CameraState, now_ns: int) -> None:
        """A camera told its state."""
        known = self.cameras.get(camera)
        if known is None:
            known = self.cameras[camera] = Availability(now_ns)
        known.note(state, now_ns)

    def event(self, event: Event, *, is_closed: bool) -> None:
        """Take the newest state of an event."""
        kept = [each for each in self.newest_events if each.event_id != event.event_id]
        self.newest_events.clear()
        self.newest_events.extend([*kept, event])
        if is_closed:
            self.events[event.type, event.state.value] += 1
            self.event_labels.update(event.labels)
