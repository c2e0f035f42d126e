"""The live view in figures."""

from collections.abc import Mapping
from dataclasses import dataclass

from spyoncino.runtime.capture_limits import CaptureStats
from spyoncino.web.metrics import Figure


@dataclass(frozen=True, slots=True)
class LiveNumbers:
    """The live view of one camera.

    Args:
        picture_viewers: Who watch single pictures.
        video_viewers: Who watch video.
        video_shown: Pieces of video given to everybody who watched.
        video_dropped: Pieces that slow viewers did not get.
    """

    picture_viewers: int
    video_viewers: int
    video_shown: int
    video_dropped: int


def live_figures(
    captures: Mapping[str, CaptureStats], live: Mapping[str, LiveNumbers]
) -> list[Figure]:
    """Who watches, and what slow viewers missed."""
    return [
        Figure(
            "live_viewers",
            "Who watch a camera now.",
            [
                ({"camera": camera, "format": name}, count)
                for camera, row in live.items()
                for name, count in (("jpeg", row.picture_viewers), ("mp4", row.video_viewers))
            ],
        ),
        Figure(
            "live_fragments",
            "Pieces of live video: received by main, dropped for a slow viewer, dropped by the "
            "camera's process because main was behind.",
            [
                *(
                    ({"camera": camera, "fate": fate}, count)
                    for camera, row in live.items()
                    for fate, count in (
                        ("received", row.video_shown),
                        ("dropped_for_viewer", row.video_dropped),
                    )
                ),
                *(
                    ({"camera": camera, "fate": "dropped_for_main"}, stats.counters.live_dropped)
                    for camera, stats in captures.items()
                ),
            ],
            "counter",
        ),
    ]
