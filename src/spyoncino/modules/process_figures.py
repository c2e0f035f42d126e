"""Every process in figures: memory and processor time."""

from collections.abc import Mapping

from spyoncino.runtime.process_cost import ProcessCost
from spyoncino.web.metrics import Figure


def process_figures(costs: Mapping[str, ProcessCost]) -> list[Figure]:
    """Memory and processor time by name of process."""
    return [
        Figure(
            "process_pss_bytes",
            "Proportional share of physical memory.",
            [({"process": name}, cost.pss_bytes) for name, cost in costs.items()],
        ),
        Figure(
            "process_cpu_seconds",
            "Processor time since the process was started.",
            [({"process": name}, cost.cpu_s) for name, cost in costs.items()],
            "counter",
        ),
    ]
