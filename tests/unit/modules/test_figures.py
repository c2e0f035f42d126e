"""Every subject's figures, written and read again by a strict reader."""

import os
from pathlib import Path
from typing import Any

from tests.fixtures.exposition import read_exposition
from tests.fixtures.payloads import CAMERA, event

from spyoncino.core.meters import Meters
from spyoncino.modules.bus_figures import bus_figures
from spyoncino.modules.loss_figures import loss_figures
from spyoncino.modules.process_figures import process_figures
from spyoncino.modules.quality_figures import quality_figures
from spyoncino.modules.stage_figures import stage_figures
from spyoncino.runtime.capture.messages import CaptureCounters
from spyoncino.runtime.capture_limits import CaptureStats
from spyoncino.runtime.jobs import Priority
from spyoncino.runtime.pool_stats import PoolState, PoolStats, Quantiles
from spyoncino.runtime.process_cost import cost_of, cpu_s
from spyoncino.schemas.events import EventState
from spyoncino.schemas.status import BusStatus, CameraState, SubscriberStatus
from spyoncino.web.metrics import Buckets, Figure, render

SECOND_NS = 1_000_000_000


def subscriber(name: str, pattern: str, **numbers: Any) -> SubscriberStatus:
    values: dict[str, Any] = {
        "policy": "drop_oldest",
        "depth": 0,
        "capacity": 256,
        "in_flight": 0,
        "delivered": 0,
        "dropped": 0,
        "failed": 0,
        "lag_s": 0.0,
        "latency_p50_ms": 0.0,
        "latency_p99_ms": 0.0,
    }
    return SubscriberStatus(name=name, pattern=pattern, **{**values, **numbers})


def bus(*subscribers: SubscriberStatus) -> BusStatus:
    return BusStatus(published=1, delivered=2, dropped=0, failed=0, subscribers=subscribers)


def pool(**numbers: Any) -> PoolStats:
    values: dict[str, Any] = {
        **dict.fromkeys(
            (
                *("worker_count", "workers_ready", "queue_size", "pending_jobs", "in_flight"),
                *("job_count", "job_errors", "retried", "expired", "rejected", "evicted"),
                *("cancelled", "restarts", "job_rate", "error_rate", "avg_processing_time_ms"),
            ),
            0,
        ),
        **dict.fromkeys(("waited", "processing", "total"), Quantiles()),
        "state": PoolState.RUNNING,
        "queue_by_priority": dict.fromkeys(Priority, 0),
        "shed_by_priority": {},
        "workers": (),
    }
    return PoolStats(**{**values, **numbers})


def samples(figures: list[Figure] | list[Figure | Buckets]) -> dict[str, float]:
    found: dict[str, float] = {}
    for family in read_exposition(render(figures).decode()).values():
        for suffix, series in family.samples.items():
            for labels, value in series.items():
                inner = ",".join(f"{key}={text}" for key, text in labels)
                found[f"{family.name.removeprefix('spyoncino_')}{suffix}{{{inner}}}"] = value
    return found


def test_stages_tell_latencies_budget_and_throughput() -> None:
    meters = Meters()
    figures = meters.stages["zoning"]
    for tenth in range(31):
        figures.note(CAMERA, tenth * SECOND_NS // 10)
        figures.own_s.observe(0.004)
        figures.age_s.observe(0.15)
    told = samples(stage_figures(meters, 3 * SECOND_NS))
    assert told["stage_seconds_bucket{le=0.005,stage=zoning}"] == 31
    assert told["stage_seconds_bucket{le=0.002,stage=zoning}"] == 0
    assert told["frame_age_seconds_count{stage=zoning}"] == 31
    assert told["stage_messages_total{camera=door,stage=zoning}"] == 31
    assert told["stage_rate{camera=door,stage=zoning}"] == 10
    assert told["stage_budget_seconds{stage=detection}"] == 0.5
    assert "stage_seconds_count{stage=clip}" not in told


def test_quality_is_told_without_claiming_to_know_the_truth() -> None:
    meters = Meters()
    meters.score("person", 0.42)
    meters.tracks["person", "discarded"] += 2
    meters.event(event(EventState.COMPLETED, labels=("person", "cat")), is_closed=True)
    meters.camera(CAMERA, CameraState.LIVE, 0)
    meters.errors["event.builder", "ValueError"] += 3
    meters.escalations["pool"] += 1
    told = samples(quality_figures(meters, 10 * SECOND_NS))
    assert told["detection_score_bucket{label=person,le=0.5}"] == 1
    assert told["tracks_total{fate=discarded,label=person}"] == 2
    assert told["events_closed_total{state=completed,type=person}"] == 1
    assert told["event_labels_total{label=cat}"] == 1
    assert told["camera_available_share{camera=door}"] == 1.0
    assert told["errors_total{component=event.builder,type=ValueError}"] == 3
    assert told["escalations_total{part=pool}"] == 1


def test_every_loss_has_a_place_and_a_reason() -> None:
    counters = CaptureCounters(frames_skipped=3, corrupt_packets=2)
    captures = {CAMERA: CaptureStats("live", 1, 0, 0, "", counters)}
    subscribers = (
        subscriber("a", "x", dropped=4),
        subscriber("a", "y", dropped=1),
        subscriber("b", "x", dropped=2, policy="latest"),
    )
    told = samples(loss_figures(bus(*subscribers), pool(expired=5), captures))
    assert told["losses_total{reason=drop_oldest,where=bus}"] == 5
    assert told["losses_total{reason=latest,where=bus}"] == 2
    assert told["losses_total{reason=late,where=pool}"] == 5
    assert told["losses_total{reason=skipped,where=camera door}"] == 3
    assert told["losses_total{reason=corrupt,where=camera door}"] == 2


def test_queues_are_told_by_subscriber() -> None:
    told = samples(bus_figures(bus(subscriber("a", "x", depth=7, failed=1, latency_p99_ms=20.0))))
    assert told["bus_depth{pattern=x,subscriber=a}"] == 7
    assert told["bus_failed_total{pattern=x,subscriber=a}"] == 1
    assert told["bus_wait_seconds{pattern=x,quantile=0.99,subscriber=a}"] == 0.02


def test_processes_are_told_by_name() -> None:
    costs = cost_of({"main": os.getpid(), "gone": None})
    told = samples(process_figures(costs))
    assert set(told) == {
        "process_pss_bytes{process=main}",
        "process_cpu_seconds_total{process=main}",
    }
    assert told["process_pss_bytes{process=main}"] > 1_000_000


def test_processor_time_of_a_process_with_an_odd_name_is_read(tmp_path: Path) -> None:
    assert cpu_s(7, tmp_path) == 0.0
    (tmp_path / "7").mkdir()
    fields = " ".join(str(number) for number in range(3, 30))
    (tmp_path / "7" / "stat").write_text(f"7 (a ) b) S {fields}")
    ticks = os.sysconf("SC_CLK_TCK")
    assert cpu_s(7, tmp_path) == (13 + 14) / ticks
