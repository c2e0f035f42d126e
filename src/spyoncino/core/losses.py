"""Every loss with its place and its reason, gathered from those who count them."""

from collections.abc import Mapping

from spyoncino.runtime.capture_limits import CaptureStats
from spyoncino.runtime.pool_stats import PoolStats
from spyoncino.schemas.status import BusStatus


def losses(
    bus: BusStatus, pool: PoolStats, captures: Mapping[str, CaptureStats]
) -> dict[tuple[str, str], int]:
    """What was lost, by place and reason; places and reasons that never lost anything included."""
    found = {
        ("pool", "late: the deadline was over before a worker was free"): pool.expired,
        ("pool", "rejected: the queue was full"): pool.rejected,
        ("pool", "evicted: something more urgent took the place"): pool.evicted,
        ("pool", "failed: the job raised or its worker died, retries included"): pool.job_errors,
    }
    dropped: dict[str, int] = {}
    for row in bus.subscribers:
        reason = f"{row.policy}: the queue of {row.name} was full"
        dropped[reason] = dropped.get(reason, 0) + row.dropped
    found |= {("bus", reason): count for reason, count in dropped.items()}
    for camera, stats in captures.items():
        place = f"camera {camera}"
        found[place, "skipped: no slot was free for the picture"] = stats.counters.frames_skipped
        found[place, "corrupt: the packet could not be decoded"] = stats.counters.corrupt_packets
        found[place, "live: the viewer or main was behind"] = stats.counters.live_dropped
    return found
