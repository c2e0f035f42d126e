"""What was seen, in figures, and how well; and what went wrong by component.

Nobody tells a running system what really was there, so nothing here is called accuracy: a share of
discarded tracks or of low scores that changes says that something changed, not what is right.
"""

from spyoncino.core.meters import Meters
from spyoncino.modules.stage_figures import bucket_rows
from spyoncino.web.metrics import Buckets, Figure


def quality_figures(meters: Meters, now_ns: int) -> list[Figure | Buckets]:
    """Scores, tracks, events, availability, errors.

    Args:
        meters: What was counted.
        now_ns: Monotonic time.
    """
    return [
        Buckets(
            "detection_score",
            "Confidence of detections, as the model says it.",
            bucket_rows("label", meters.scores),
        ),
        Figure(
            "tracks",
            "Tracks that were confirmed, or discarded because they were not seen often enough.",
            [
                ({"label": label, "fate": fate}, count)
                for (label, fate), count in meters.tracks.items()
            ],
            "counter",
        ),
        Figure(
            "events_closed",
            "Events closed since the start, by type and final state.",
            [
                ({"type": kind, "state": state}, count)
                for (kind, state), count in meters.events.items()
            ],
            "counter",
        ),
        Figure(
            "event_labels",
            "Events closed since the start, by label; one event may count for several.",
            [({"label": label}, count) for label, count in meters.event_labels.items()],
            "counter",
        ),
        *_trouble_figures(meters, now_ns),
    ]


def _trouble_figures(meters: Meters, now_ns: int) -> list[Figure]:
    return [
        Figure(
            "camera_available_share",
            "Share of the time since the start in which a camera was live.",
            [
                ({"camera": camera}, available.share(now_ns))
                for camera, available in meters.cameras.items()
            ],
        ),
        Figure(
            "errors",
            "Errors that a component survived, by type.",
            [
                ({"component": component, "type": kind}, count)
                for (component, kind), count in meters.errors.items()
            ],
            "counter",
        ),
        Figure(
            "escalations",
            "Times that failures of a part were called repeated.",
            [({"part": part}, count) for part, count in meters.escalations.items()],
            "counter",
        ),
    ]
