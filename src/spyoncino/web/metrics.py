"""Figures in the text format that Prometheus reads; it knows the format, not the figures."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

PREFIX = "spyoncino_"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with all its rows.

    Args:
        name: Without the prefix, with its unit; a counter without ``_total``.
        words: One sentence about it.
        rows: Values with their labels; every row has the same names of labels.
        kind: A counter only grows, a gauge goes up and down.
    """

    name: str
    words: str
    rows: Sequence[tuple[Mapping[str, str], float]]
    kind: Literal["counter", "gauge"] = "gauge"


@dataclass(frozen=True, slots=True)
class BucketRow:
    """One histogram of a figure.

    Args:
        labels: Its labels.
        cumulative: Rising upper ends with the number of values at or below each; the last end is
            infinity.
        total: Sum of all values.
    """

    labels: Mapping[str, str]
    cumulative: Sequence[tuple[float, int]]
    total: float


@dataclass(frozen=True, slots=True)
class Buckets:
    """A figure that is told as histograms.

    Args:
        name: Without the prefix, with its unit.
        words: One sentence about it.
        rows: Every row has the same names of labels.
    """

    name: str
    words: str
    rows: Sequence[BucketRow]


class _Figures(Collector):
    def __init__(self, figures: Iterable[Figure | Buckets]) -> None:
        self._figures = tuple(figures)

    def collect(self) -> Iterator[Metric]:
        """The figures as the library wants them."""
        for figure in self._figures:
            if not figure.rows:
                continue
            if isinstance(figure, Buckets):
                yield _histograms(figure)
                continue
            names = list(figure.rows[0][0])
            family = (CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily)(
                PREFIX + figure.name, figure.words, labels=names
            )
            for labels, value in figure.rows:
                family.add_metric([labels[name] for name in names], value)
            yield family


def _histograms(figure: Buckets) -> Metric:
    names = list(figure.rows[0].labels)
    family = HistogramMetricFamily(PREFIX + figure.name, figure.words, labels=names)
    for row in figure.rows:
        buckets = [
            ("+Inf" if math.isinf(bound) else repr(float(bound)), float(count))
            for bound, count in row.cumulative
        ]
        family.add_metric([row.labels[name] for name in names], buckets, row.total)
    return family


def render(figures: Iterable[Figure | Buckets]) -> bytes:
    """The text of ``/metrics``; figures without rows are left out."""
    registry = CollectorRegistry()
    registry.register(_Figures(figures))
    return generate_latest(registry)
