"""Presets: defaults for a kind of machine, below everything that the user writes.

Whether faces are looked at is never a preset's decision.
"""

import os
from collections.abc import Mapping
from typing import Any

from spyoncino.core.config_layers import Layer, Origin
from spyoncino.core.settings import BYTES_PER_SMALL_MACHINE

NONE, AUTO = "none", "auto"
ORIGIN = "preset "
"""How the place of such a value begins."""

A_DAY_S = 86_400.0

PRESETS: Mapping[str, Mapping[str, Any]] = {
    NONE: {},
    "raspberry-pi": {
        "pool": {"workers": 1},
        "objects": {"detector": "cpu", "threads": 1},
        "faces": {"detector": "cpu", "threads": 1},
    },
    # Every analysed picture is looked at, whether something moves or not; a camera that never
    # counts as quiet does not sleep either.
    "high-performance": {
        "pool": {"workers": 4},
        "objects": {
            "detector": "auto",
            "active_s": A_DAY_S,
            "active_every_s": 0.05,
            "idle_every_s": 0.05,
        },
    },
}

SMALL_CORES = 2
LARGE_CORES = 8
LARGE_BYTES = 16_000_000_000


def measured_preset(cores: int, memory_bytes: int) -> str:
    """The preset for a machine of this size.

    Args:
        cores: Processor cores that this program may use.
        memory_bytes: Memory of the machine.
    """
    if memory_bytes < BYTES_PER_SMALL_MACHINE or cores <= SMALL_CORES:
        return "raspberry-pi"
    if cores >= LARGE_CORES and memory_bytes >= LARGE_BYTES:
        return "high-performance"
    return NONE


def preset_layer(name: object, sections: frozenset[str], *, measure: bool) -> Layer:
    """The values of a preset; none for a name that there is not, which validation refuses.

    Args:
        name: As the user wrote it.
        sections: Groups that exist; what a preset says about others is left out.
        measure: Whether ``auto`` may look at this machine; else it is ``none``.
    """
    chosen = str(name)
    if chosen == AUTO:
        chosen = measured_preset(*_this_machine()) if measure else NONE
    values = {key: group for key, group in PRESETS.get(chosen, {}).items() if key in sections}
    return Layer.of(values, Origin(f"{ORIGIN}{chosen}"))


def _this_machine() -> tuple[int, int]:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return len(os.sched_getaffinity(0)), memory_bytes
