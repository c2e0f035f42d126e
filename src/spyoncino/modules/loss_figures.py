"""Every loss with its reason, in one figure: where it happened and why."""

from collections.abc import Mapping

from spyoncino.core.losses import losses
from spyoncino.runtime.capture_limits import CaptureStats
from spyoncino.runtime.pool_stats import PoolStats
from spyoncino.schemas.status import BusStatus
from spyoncino.web.metrics import Figure


def loss_figures(
    bus: BusStatus, pool: PoolStats, captures: Mapping[str, CaptureStats]
) -> list[Figure]:
    """The same for ``/metrics``; the reason is the word before the colon."""
    rows: dict[tuple[str, str], int] = {}
    for (place, reason), count in losses(bus, pool, captures).items():
        key = (place, reason.partition(":")[0])
        rows[key] = rows.get(key, 0) + count
    return [
        Figure(
            "losses",
            "What was lost, by place and reason.",
            [
                ({"where": place, "reason": reason}, count)
                for (place, reason), count in rows.items()
            ],
            "counter",
        )
    ]
