"""Figures in the text format that Prometheus reads; it knows the format, not the figures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
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


class _Figures(Collector):
    def __init__(self, figures: Iterable[Figure]) -> None:
        self._figures = tuple(figures)

    def collect(self) -> Iterator[Metric]:
        """The figures as the library wants them."""
        for figure in self._figures:
            if not figure.rows:
                continue
            names = list(figure.rows[0][0])
            family = (CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily)(
                PREFIX + figure.name, figure.words, labels=names
            )
            for labels, value in figure.rows:
                family.add_metric([labels[name] for name in names], value)
            yield family


def render(figures: Iterable[Figure]) -> bytes:
    """The text of ``/metrics``; figures without rows are left out."""
    registry = CollectorRegistry()
    registry.register(_Figures(figures))
    return generate_latest(registry)
