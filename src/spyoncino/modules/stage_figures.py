"""The stages of the line in figures: how often, how long, within which budget."""

from collections.abc import Callable, Mapping

from spyoncino.core.histogram import Histogram
from spyoncino.core.latency_budget import STAGES
from spyoncino.core.meters import Meters, StageFigures
from spyoncino.web.metrics import BucketRow, Buckets, Figure


def bucket_rows(label: str, histograms: Mapping[str, Histogram]) -> list[BucketRow]:
    """One row for each histogram that counted anything, by the value of its label."""
    return [
        BucketRow({label: name}, histogram.cumulative(), histogram.total)
        for name, histogram in histograms.items()
        if histogram.count
    ]


def stage_figures(meters: Meters, now_ns: int) -> list[Figure | Buckets]:
    """Latencies and throughput of every stage.

    Args:
        meters: What was counted.
        now_ns: Monotonic time.
    """
    stages = meters.stages

    def of_all(pick: Callable[[StageFigures], Histogram]) -> list[BucketRow]:
        return bucket_rows("stage", {name: pick(figures) for name, figures in stages.items()})

    throughput = [
        ({"stage": name, "camera": camera}, rate)
        for name, figures in stages.items()
        for camera, rate in figures.rates.items()
    ]
    return [
        Buckets(
            "stage_seconds",
            "Time that a stage took by itself, waiting in its queue included.",
            of_all(lambda figures: figures.own_s),
        ),
        Buckets(
            "frame_age_seconds",
            "Time from the arrival of a frame to the end of a stage.",
            of_all(lambda figures: figures.age_s),
        ),
        Figure(
            "stage_budget_seconds",
            "What 95 of 100 may take in a stage.",
            [({"stage": each.name}, each.budget_s) for each in STAGES if each.budget_s is not None],
        ),
        Figure(
            "stage_messages",
            "How often a stage ended.",
            [(labels, rate.count) for labels, rate in throughput],
            "counter",
        ),
        Figure(
            "stage_rate",
            "Ends of a stage per second, over the last ten seconds.",
            [(labels, rate.per_s(now_ns)) for labels, rate in throughput],
        ),
    ]
