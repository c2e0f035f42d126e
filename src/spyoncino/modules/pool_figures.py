"""The worker pool in figures."""

from spyoncino.runtime.pool_stats import PoolStats
from spyoncino.web.metrics import Figure


def pool_figures(stats: PoolStats) -> list[Figure]:
    """Queue, jobs and workers."""
    return [
        Figure("pool_workers_ready", "Workers that are up.", [({}, stats.workers_ready)]),
        Figure(
            "pool_queue",
            "Jobs that wait, by priority.",
            [
                ({"priority": priority.name.lower()}, count)
                for priority, count in stats.queue_by_priority.items()
            ],
        ),
        Figure(
            "pool_jobs",
            "Jobs by what became of them.",
            [
                ({"fate": "done"}, stats.job_count),
                ({"fate": "failed"}, stats.job_errors),
                ({"fate": "expired"}, stats.expired),
                ({"fate": "rejected"}, stats.rejected),
                ({"fate": "evicted"}, stats.evicted),
            ],
            "counter",
        ),
        Figure(
            "pool_restarts",
            "Worker processes started after the first.",
            [({}, stats.restarts)],
            "counter",
        ),
        Figure(
            "pool_processing_seconds",
            "Time inside a task, over the last jobs.",
            [
                ({"quantile": "0.5"}, stats.processing.p50_ms / 1000),
                ({"quantile": "0.95"}, stats.processing.p95_ms / 1000),
            ],
        ),
        Figure(
            "worker_busy_share",
            "Share of the last ten seconds that a worker was busy.",
            [({"worker": row.worker_id}, row.busy_share) for row in stats.workers],
        ),
        Figure(
            "worker_jobs",
            "Answers of a worker, good or bad.",
            [({"worker": row.worker_id}, row.jobs_done) for row in stats.workers],
            "counter",
        ),
    ]
