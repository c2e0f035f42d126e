"""Cameras in figures: pictures, gaps, sleep."""

from collections.abc import Mapping

from spyoncino.runtime.capture.idle_gate import GateCounters
from spyoncino.runtime.capture_limits import CaptureStats
from spyoncino.schemas.status import CameraState
from spyoncino.web.metrics import Figure
from spyoncino.web.views import CameraView


def camera_figures(
    captures: Mapping[str, CaptureStats], cameras: tuple[CameraView, ...]
) -> list[Figure]:
    """Pictures, gaps and sleep of every camera."""
    counted = {
        "decoded": "frames_decoded",
        "published": "frames_published",
        "skipped": "frames_skipped",
    }
    return [
        Figure(
            "camera_up",
            "1 while a camera is live.",
            [({"camera": view.camera}, view.state is CameraState.LIVE) for view in cameras],
        ),
        Figure(
            "camera_frames",
            "Pictures of a camera since its process was started.",
            [
                ({"camera": camera, "fate": fate}, getattr(stats.counters, field))
                for camera, stats in captures.items()
                for fate, field in counted.items()
            ],
            "counter",
        ),
        Figure(
            "camera_restarts",
            "Capture processes started after the first.",
            [({"camera": camera}, stats.restarts) for camera, stats in captures.items()],
            "counter",
        ),
        *_gaps(captures),
        *_gates({camera: stats.counters.gate for camera, stats in captures.items()}),
    ]


def _gaps(captures: Mapping[str, CaptureStats]) -> list[Figure]:
    return [
        Figure(
            "camera_gaps",
            "Times in which a camera gave no pictures after it had been live.",
            [({"camera": camera}, stats.gaps) for camera, stats in captures.items()],
            "counter",
        ),
        Figure(
            "camera_lost_seconds",
            "Seconds of these gaps, a present one included.",
            [({"camera": camera}, stats.lost_s) for camera, stats in captures.items()],
            "counter",
        ),
        Figure(
            "camera_packet_bytes",
            "Compressed video kept in memory.",
            [
                ({"camera": camera}, stats.counters.packet_ring_bytes)
                for camera, stats in captures.items()
            ],
        ),
    ]


def _gates(gates: Mapping[str, GateCounters]) -> list[Figure]:
    """What the cameras' idle gates did since the present connection began."""
    wakes = ("sizes", "change", "asked", "fault")
    fates = ("skipped", "replayed")
    return [
        Figure(
            "camera_asleep",
            "1 while only key frames of a camera are decoded.",
            [({"camera": camera}, gate.state == "asleep") for camera, gate in gates.items()],
        ),
        Figure(
            "camera_asleep_seconds",
            "Camera time in which only key frames were decoded.",
            [({"camera": camera}, gate.asleep_s) for camera, gate in gates.items()],
            "counter",
        ),
        Figure(
            "camera_wakes",
            "What ended a camera's sleep: packet sizes, a changed picture, a press or viewer, "
            "a damaged or missing key frame.",
            [
                ({"camera": camera, "reason": reason}, getattr(gate, f"wakes_{reason}"))
                for camera, gate in gates.items()
                for reason in wakes
            ],
            "counter",
        ),
        Figure(
            "camera_packets_asleep",
            "Packets that came while a camera slept, by what became of them.",
            [
                ({"camera": camera, "fate": fate}, getattr(gate, f"packets_{fate}"))
                for camera, gate in gates.items()
                for fate in fates
            ],
        ),
    ]
