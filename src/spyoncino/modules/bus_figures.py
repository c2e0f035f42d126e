"""The bus in figures: fates of messages, and each subscriber's queue."""

from spyoncino.schemas.status import BusStatus
from spyoncino.web.metrics import Figure


def bus_figures(status: BusStatus) -> list[Figure]:
    """What went over the bus, and what waits."""
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
            "bus_capacity",
            "Messages that a subscriber's queue holds at most.",
            _by_subscriber(status, "capacity"),
        ),
        Figure(
            "bus_dropped",
            "Messages that a subscriber's queue lost.",
            _by_subscriber(status, "dropped"),
            "counter",
        ),
        Figure(
            "bus_failed",
            "Messages whose handler raised.",
            _by_subscriber(status, "failed"),
            "counter",
        ),
        Figure(
            "bus_wait_seconds",
            "From publish to the start of handling, over a subscriber's last messages.",
            [
                ({"subscriber": row.name, "pattern": row.pattern, "quantile": quantile}, ms / 1000)
                for row in status.subscribers
                for quantile, ms in (("0.5", row.latency_p50_ms), ("0.99", row.latency_p99_ms))
            ],
        ),
        Figure(
            "bus_dead_letters",
            "Messages given up since the start.",
            [({}, status.dead_letters)],
            "counter",
        ),
    ]


def _by_subscriber(status: BusStatus, field: str) -> list[tuple[dict[str, str], float]]:
    return [
        ({"subscriber": row.name, "pattern": row.pattern}, getattr(row, field))
        for row in status.subscribers
    ]
