"""The figures of the whole system as ``/metrics`` tells them."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spyoncino import __version__
from spyoncino.core.context import ModuleContext
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore
from spyoncino.runtime.capture.idle_gate import GateCounters
from spyoncino.runtime.pool_stats import PoolStats
from spyoncino.schemas.status import BusStatus, CameraState, HealthState, HealthSummary
from spyoncino.web.metrics import Figure, render
from spyoncino.web.views import CameraView

NO_LABELS: Mapping[str, str] = {}


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


@dataclass(frozen=True, slots=True)
class PageFigures:
    """What the page knows by itself: cameras, the latest health, what it costs."""

    cameras: tuple[CameraView, ...]
    summary: HealthSummary | None
    page: Mapping[str, float]
    live: Mapping[str, LiveNumbers]
    uptime_s: float


async def system_metrics(context: ModuleContext, known: PageFigures) -> bytes:
    """Ask everybody and write it down.

    Raises:
        StorageError: The database does not answer.
    """
    pool = context.pool.stats()
    statistics = await EventStore(context.database).statistics()
    media_bytes = await MediaStore(context.database).total_bytes()
    captures = {handle.camera_id: handle.stats().pid for handle in context.captures}
    memory = await asyncio.to_thread(_memory_of, captures)
    memory |= {row.worker_id: row.pss_bytes for row in pool.workers}
    figures = [
        Figure("info", "Version of the program.", [({"version": __version__}, 1.0)]),
        Figure("uptime_seconds", "Since the start.", [(NO_LABELS, known.uptime_s)]),
        *_health(known.summary),
        *_bus(context.bus.status()),
        *_pool(pool),
        *_cameras(context, known.cameras),
        *_live(context, known.live),
        Figure(
            "events",
            "Events in the database.",
            [({"type": kind}, count) for kind, count in statistics["by_type"].items()],
        ),
        Figure("media_bytes", "Bytes of all files in the media index.", [({}, media_bytes)]),
        Figure(
            "process_pss_bytes",
            "Proportional share of physical memory.",
            [({"process": name}, size) for name, size in memory.items()],
        ),
        Figure(
            "page",
            "Connected pages and viewers, pictures made, failed and skipped.",
            [({"what": name}, value) for name, value in known.page.items()],
        ),
    ]
    return render(figures)


def _health(summary: HealthSummary | None) -> list[Figure]:
    if summary is None:
        return []
    return [
        Figure(
            "part_ok",
            "1 while a part of the system is well or has rightly stopped.",
            [
                ({"part": name}, part.state in (HealthState.OK, HealthState.STOPPED))
                for name, part in summary.modules.items()
            ],
        ),
    ]


def _bus(status: BusStatus) -> list[Figure]:
    return [
        Figure(
            "bus_messages",
            "Messages by what became of them.",
            [
                ({"fate": "published"}, status.published),
                ({"fate": "delivered"}, status.delivered),
                ({"fate": "dropped"}, status.dropped),
                ({"fate": "failed"}, status.failed),
            ],
            "counter",
        ),
        Figure(
            "bus_depth",
            "Messages that wait for a subscriber.",
            _by_subscriber(status, "depth"),
        ),
        Figure(
            "bus_lag_seconds",
            "Age of the oldest message that waits for a subscriber.",
            _by_subscriber(status, "lag_s"),
        ),
        Figure(
            "bus_dropped",
            "Messages that a subscriber's queue lost.",
            _by_subscriber(status, "dropped"),
            "counter",
        ),
    ]


def _by_subscriber(status: BusStatus, field: str) -> list[tuple[dict[str, str], float]]:
    return [
        ({"subscriber": row.name, "pattern": row.pattern}, getattr(row, field))
        for row in status.subscribers
    ]


def _pool(stats: PoolStats) -> list[Figure]:
    return [
        Figure("pool_workers_ready", "Workers that are up.", [(NO_LABELS, stats.workers_ready)]),
        Figure(
            "pool_queue",
            "Jobs that wait, by priority.",
            [
                ({"priority": priority.name.lower()}, count)
                for priority, count in stats.queue_by_priority.items()
            ],
        ),
        Figure(
            "pool_jobs",
            "Jobs by what became of them.",
            [
                ({"fate": "done"}, stats.job_count),
                ({"fate": "failed"}, stats.job_errors),
                ({"fate": "expired"}, stats.expired),
                ({"fate": "rejected"}, stats.rejected),
                ({"fate": "evicted"}, stats.evicted),
            ],
            "counter",
        ),
        Figure(
            "pool_restarts",
            "Worker processes started after the first.",
            [(NO_LABELS, stats.restarts)],
            "counter",
        ),
        Figure(
            "pool_processing_seconds",
            "Time inside a task, over the last jobs.",
            [
                ({"quantile": "0.5"}, stats.processing.p50_ms / 1000),
                ({"quantile": "0.95"}, stats.processing.p95_ms / 1000),
            ],
        ),
        Figure(
            "worker_busy_share",
            "Share of the last ten seconds that a worker was busy.",
            [({"worker": row.worker_id}, row.busy_share) for row in stats.workers],
        ),
    ]


def _cameras(context: ModuleContext, cameras: tuple[CameraView, ...]) -> list[Figure]:
    captures = {handle.camera_id: handle.stats() for handle in context.captures}
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
        *_gates({camera: stats.counters.gate for camera, stats in captures.items()}),
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


def _live(context: ModuleContext, live: Mapping[str, LiveNumbers]) -> list[Figure]:
    captures = {handle.camera_id: handle.stats().counters for handle in context.captures}
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
                    ({"camera": camera, "fate": "dropped_for_main"}, counters.live_dropped)
                    for camera, counters in captures.items()
                ),
            ],
            "counter",
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


def _memory_of(captures: Mapping[str, int | None]) -> dict[str, int]:
    found = {"main": pss_bytes(os.getpid())}
    for camera, process in captures.items():
        if process is not None:
            found[f"capture-{camera}"] = pss_bytes(process)
    return found


def pss_bytes(process: int, proc: Path = Path("/proc")) -> int:
    """A process's proportional share of physical memory; 0 where the kernel does not tell."""
    try:
        text = (proc / str(process) / "smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    sizes = [line.split()[1] for line in text.splitlines() if line.startswith("Pss:")]
    return int(sizes[0]) * 1024 if sizes else 0
