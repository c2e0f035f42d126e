"""The two answers that the specification gives by their keys."""

from dataclasses import replace

import pytest

from spyoncino.core.pipeline_report import (
    PipelineFacts,
    frames_per_second,
    health_check,
    pipeline_metrics,
    stopped_metrics,
    worker_report,
)
from spyoncino.runtime.jobs import Priority
from spyoncino.runtime.pool_stats import PoolState, PoolStats, Quantiles, WorkerStats
from spyoncino.schemas.status import (
    BusStatus,
    HealthState,
    HealthStatus,
    HealthSummary,
    SubscriberStatus,
)

WORKER = WorkerStats("worker-1", "busy", 4711, 10, 0, 0.5, 150_000_000, 800.0, "")
POOL = PoolStats(
    state=PoolState.RUNNING,
    worker_count=2,
    workers_ready=1,
    queue_size=4,
    queue_by_priority={Priority.PRESS: 1, Priority.CONTINUOUS: 3},
    pending_jobs=5,
    in_flight=1,
    job_count=99,
    job_errors=1,
    retried=0,
    expired=0,
    rejected=0,
    evicted=0,
    cancelled=0,
    shed_by_priority={},
    restarts=3,
    job_rate=12.5,
    error_rate=0.01,
    avg_processing_time_ms=40.0,
    waited=Quantiles(),
    processing=Quantiles(),
    total=Quantiles(),
    workers=(WORKER,),
)
BUS = BusStatus(published=1, delivered=1, dropped=0, failed=0)


def summary_at(uptime_s: float, **frames: float) -> HealthSummary:
    numbers = {f"{camera}.frames": count for camera, count in frames.items()}
    return HealthSummary(
        state=HealthState.DEGRADED,
        modules={"input.camera": HealthStatus(numbers={**numbers, "door.gaps": 7})},
        uptime_s=uptime_s,
    )


FACTS = PipelineFacts(
    summary=summary_at(60, door=300),
    pool=POOL,
    bus=BUS,
    pipeline_fps=5.0,
    events_per_minute=2.0,
    memory_bytes=300 * 1024 * 1024,
)


def subscriber(depth: int, capacity: int) -> SubscriberStatus:
    return SubscriberStatus(
        name="slow",
        pattern="a",
        policy="block",
        depth=depth,
        capacity=capacity,
        in_flight=0,
        delivered=0,
        dropped=0,
        failed=0,
        lag_s=0,
        latency_p50_ms=0,
        latency_p99_ms=0,
    )


def test_the_health_check_has_the_specified_keys() -> None:
    assert health_check(FACTS) == {
        "overall_status": "degraded",
        "pipeline_fps": 5.0,
        "queue_backlogs": {"face_detection": 4, "recognition": 0},
        "worker_status": {"detection_workers": 1, "recognition_workers": 0},
        "error_rate": 0.01,
        "memory_usage_mb": 300.0,
    }


def test_the_metrics_have_the_specified_keys() -> None:
    metrics = pipeline_metrics(FACTS)
    assert list(metrics) == [
        *("pipeline_status", "uptime", "events_per_minute", "queue_status", "worker_status")
    ]
    assert (metrics["pipeline_status"], metrics["uptime"]) == ("degraded", 60)
    assert metrics["queue_status"] == {
        "queue_size": 4,
        "pending_jobs": 5,
        "by_priority": {"press": 1, "continuous": 3},
        "subscribers": {},
        "backlog_warning": False,
    }
    assert metrics["worker_status"]["workers"] == {"worker-1": "busy"}


def test_a_stopped_system_answers_with_the_same_keys() -> None:
    stopped, running = stopped_metrics("stopped"), pipeline_metrics(FACTS)
    assert stopped.keys() == running.keys()
    for key in ("queue_status", "worker_status"):
        assert stopped[key].keys() <= running[key].keys()
    assert stopped["pipeline_status"] == "stopped"


@pytest.mark.parametrize(
    ("queue_size", "row", "is_behind"),
    [
        (4, subscriber(8, 10), False),
        (5, subscriber(0, 10), True),
        (0, subscriber(9, 10), True),
        (0, subscriber(1, 1), False),  # latest only: full is its rest
    ],
)
def test_it_warns_of_a_backlog(queue_size: int, row: SubscriberStatus, is_behind: bool) -> None:
    facts = replace(
        FACTS,
        pool=replace(POOL, queue_size=queue_size),
        bus=BUS.model_copy(update={"subscribers": (row,)}),
    )
    assert pipeline_metrics(facts)["queue_status"]["backlog_warning"] is is_behind


def test_pictures_per_second_are_those_of_all_cameras_since_the_summary_before() -> None:
    now = summary_at(70, door=300, yard=100)
    assert frames_per_second(now) == pytest.approx(400 / 70)
    assert frames_per_second(now, summary_at(60, door=250, yard=50)) == 10
    assert frames_per_second(now, summary_at(60, door=999)) == 0
    assert frames_per_second(now, now) == 0
    assert frames_per_second(HealthSummary(state=HealthState.OK, modules={}, uptime_s=1)) == 0


def test_the_pool_answers_with_the_specified_fields() -> None:
    report = worker_report(POOL, "cpu", "asked")
    assert report.correlation_id == "asked"
    assert report.data == {
        "worker_id": "pool",
        "detector_type": "cpu",
        "worker_count": 2,
        "workers_ready": 1,
        "queue_size": 4,
        "pending_jobs": 5,
        "detection_rate": 12.5,
        "error_rate": 0.01,
        "avg_processing_time": 0.04,
    }
