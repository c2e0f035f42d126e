"""Older names of settings in files and variables: read as the settings of today, with a notice.

The specification wrote ``face_detection``, ``face_recognition``, ``motion_detection`` and
``orchestrator_config``, the first three also inside ``pipeline_config``. A setting of today that is
written too always wins.
"""

import difflib
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from spyoncino.core.config_changes import leaves
from spyoncino.core.config_errors import dotted
from spyoncino.core.config_layers import Layer, Location, Origin, nearest_origin
from spyoncino.errors import ConfigError

WRAPPER: Final = "pipeline_config"
DETECTORS: Final = ("face_detection", "detectors")
"""Below it one group for each back end; the one of ``detector_type`` counts."""

MOVED: Final[Mapping[Location, Location]] = MappingProxyType(
    {
        ("face_detection", "enabled"): ("faces", "enabled"),
        ("face_detection", "worker_count"): ("pool", "workers"),
        ("face_detection", "detector_type"): ("faces", "detector"),
        ("face_detection", "model"): ("faces", "model"),
        ("face_detection", "max_queue_size"): ("pool", "max_queue_size"),
        ("face_detection", "job_timeout"): ("faces", "job_timeout_s"),
        ("face_detection", "performance", "max_concurrent_jobs"): ("faces", "max_in_flight"),
        ("face_detection", "error_handling", "max_retries"): ("faces", "max_retries"),
        ("face_detection", "error_handling", "retry_delay_seconds"): ("faces", "retry_delay_s"),
        ("face_detection", "error_handling", "worker_restart_threshold"): (
            "pool",
            "worker_restart_threshold",
        ),
        ("face_recognition", "tolerance"): ("recognition", "tolerance"),
        ("orchestrator_config", "health_check_interval"): ("health", "interval_s"),
        ("orchestrator_config", "auto_recovery_enabled"): ("health", "auto_recovery"),
        ("orchestrator_config", "max_restart_attempts"): ("health", "max_restart_attempts"),
        ("orchestrator_config", "restart_cooldown_seconds"): ("health", "restart_cooldown_s"),
        ("orchestrator_config", "cpu_threshold"): ("health", "cpu_threshold"),
        ("orchestrator_config", "memory_threshold"): ("health", "memory_threshold"),
    }
)
"""Where each older setting is today; units and meanings are the same."""

GONE: Final[Mapping[Location, str]] = MappingProxyType(
    {
        ("face_detection", "performance", "priority_levels"): "there are three, always",
        ("face_detection", "performance", "doorbell_priority"): "a press is first, always",
        ("face_detection", "performance", "continuous_priority"): "it is the second, always",
        ("face_recognition", "worker_count"): "vectors are made by pool.workers",
        ("face_recognition", "encoding_model"): "faces.embedder says what makes vectors",
        ("motion_detection", "enabled"): "motion.method: off looks for objects in every picture",
        ("orchestrator_config", "metrics_collection_interval"): "metrics are always up to date",
    }
)
"""What is no setting today, and why."""

_ROOTS: Final = tuple(dict.fromkeys(location[0] for location in (*MOVED, *GONE)))


def take_old_keys(layer: Layer, sections: Collection[str]) -> tuple[str, ...]:
    """Move what is written under older names to where it is today, in place.

    Args:
        layer: What the user wrote, all places together.
        sections: Groups that there are today; an older name that is one of them is left alone.

    Returns:
        A notice for each key that was moved or is ignored.

    Raises:
        ConfigError: Such a group has a key that there never was, or is no group.
    """
    notices: list[str] = []
    problems: list[str] = []
    for root in (*_ROOTS, WRAPPER):
        if root in layer.data and root not in sections:
            _take(layer, root, sections, notices.append, problems.append)
            del layer.data[root]
            for location in [one for one in layer.origins if one[0] == root]:
                del layer.origins[location]
    if problems:
        raise ConfigError(*problems)
    return tuple(notices)


def _take(
    layer: Layer,
    root: str,
    sections: Collection[str],
    tell: Callable[[str], None],
    refuse: Callable[[str], None],
) -> None:
    for written, value in leaves({root: layer.data[root]}):
        origin = nearest_origin(layer.origins, written) or Origin("settings")
        place = f"{origin}: {dotted(written)}"
        old = written[1:] if root == WRAPPER else written
        chosen = _chosen(layer, root)
        if value in ({}, None):
            continue
        target = _target(old, chosen)
        if old in GONE:
            tell(f"{place} is ignored; {GONE[old]}")
        elif target is None and old[:2] == DETECTORS and len(old) == len(DETECTORS) + 2:
            tell(f"{place} is ignored; the face detector is {chosen}")
        elif target is None:
            refuse(f"{place} is unknown{_hint(old)}")
        elif target[0] not in sections:
            tell(f"{place} is ignored; there is no section {target[0]} in this version")
        elif _put(layer, target, value, origin):
            tell(f"{place} is an older name; it is read as {dotted(target)}")
        else:
            tell(f"{place} is ignored; {dotted(target)} is set too")


def _chosen(layer: Layer, root: str) -> str:
    """The back end whose group counts."""
    group = layer.data[root]
    if root == WRAPPER and isinstance(group, Mapping):
        group = group.get(DETECTORS[0])
    faces = layer.data.get("faces")
    for each, key in ((faces, "detector"), (group, "detector_type")):
        if isinstance(each, Mapping) and key in each:
            return str(each[key])
    return "cpu"


def _target(old: Location, chosen: str) -> Location | None:
    if old[:3] == (*DETECTORS, chosen) and len(old) == len(DETECTORS) + 2:
        return ("faces", "model") if old[-1] == "model" else ("faces", "detector_options", old[-1])
    return MOVED.get(old)


def _hint(old: Location) -> str:
    known = [dotted(each) for each in (*MOVED, *GONE)]
    near = difflib.get_close_matches(dotted(old), known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _put(layer: Layer, target: Location, value: Any, origin: Origin) -> bool:
    """Write a value where nothing is; whether that was so."""
    group = layer.data
    for depth, key in enumerate(target[:-1], start=1):
        if key not in group:
            group[str(key)] = {}
            layer.origins[target[:depth]] = origin
        group = group[str(key)]
        if not isinstance(group, dict):
            return False
    if target[-1] in group:
        return False
    group[str(target[-1])] = value
    layer.origins[target] = origin
    return True
