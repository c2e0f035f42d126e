"""Writes the dashboards of ``deploy/grafana`` from one short table.

A dashboard by hand is five hundred lines of positions; here each panel is a title, a unit and what
is asked. A test compares the files with what this writes.

Usage: python tools/grafana_dashboards.py
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "grafana"

COLUMNS = 2
WIDTH, HEIGHT = 12, 8
"""Of a panel in Grafana's grid, which is 24 wide."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Args:
        title: In words.
        unit: As Grafana names it.
        expr: What is asked.
        legend: Of each line.
        kind: ``timeseries`` or ``stat``.
    """

    title: str
    unit: str
    expr: str
    legend: str
    kind: str = "timeseries"


def _p95(metric: str) -> str:
    return f"histogram_quantile(0.95, sum by (stage, le) (rate({metric}_bucket[5m])))"


DASHBOARDS: dict[str, tuple[str, tuple[Panel, ...]]] = {
    "spyoncino-overview": (
        "Spyoncino: overview",
        (
            Panel("Parts that are not well", "short", "spyoncino_part_ok == 0", "{{part}}", "stat"),
            Panel("Cameras live", "short", "spyoncino_camera_up", "{{camera}}", "stat"),
            Panel(
                "Availability since the start",
                "percentunit",
                "spyoncino_camera_available_share",
                "{{camera}}",
                "stat",
            ),
            Panel(
                "Events closed an hour",
                "short",
                "sum by (type) (increase(spyoncino_events_closed_total[1h]))",
                "{{type}}",
            ),
            Panel("Memory", "bytes", "spyoncino_process_pss_bytes", "{{process}}"),
            Panel(
                "Processor",
                "percentunit",
                "rate(spyoncino_process_cpu_seconds_total[1m])",
                "{{process}}",
            ),
            Panel(
                "Lost a second",
                "cps",
                "sum by (where, reason) (rate(spyoncino_losses_total[5m]))",
                "{{where}}: {{reason}}",
            ),
            Panel(
                "Errors a second",
                "cps",
                "sum by (component, type) (rate(spyoncino_errors_total[5m]))",
                "{{component}} {{type}}",
            ),
        ),
    ),
    "spyoncino-line": (
        "Spyoncino: the line of a frame",
        (
            Panel(
                "Time of each stage, 95 %",
                "s",
                _p95("spyoncino_stage_seconds"),
                "{{stage}}",
            ),
            Panel(
                "Age of a frame, 95 %",
                "s",
                _p95("spyoncino_frame_age_seconds"),
                "{{stage}}",
            ),
            Panel(
                "What a stage may take", "s", "spyoncino_stage_budget_seconds", "{{stage}}", "stat"
            ),
            Panel("Throughput", "cps", "spyoncino_stage_rate", "{{camera}} {{stage}}"),
            Panel("Workers busy", "percentunit", "spyoncino_worker_busy_share", "{{worker}}"),
            Panel("Jobs that wait", "short", "spyoncino_pool_queue", "{{priority}}"),
            Panel("Messages that wait", "short", "spyoncino_bus_depth > 0", "{{subscriber}}"),
            Panel(
                "Waiting on the bus, 99 %",
                "s",
                'max by (subscriber) (spyoncino_bus_wait_seconds{quantile="0.99"})',
                "{{subscriber}}",
            ),
            Panel("Messages a second", "cps", "rate(spyoncino_bus_messages_total[1m])", "{{fate}}"),
            Panel("Jobs a second", "cps", "rate(spyoncino_pool_jobs_total[1m])", "{{fate}}"),
        ),
    ),
    "spyoncino-cameras": (
        "Spyoncino: cameras and what they see",
        (
            Panel(
                "Pictures a second",
                "cps",
                "rate(spyoncino_camera_frames_total[1m])",
                "{{camera}} {{fate}}",
            ),
            Panel("Asleep", "short", "spyoncino_camera_asleep", "{{camera}}"),
            Panel(
                "Gaps an hour", "short", "increase(spyoncino_camera_gaps_total[1h])", "{{camera}}"
            ),
            Panel(
                "Seconds lost an hour",
                "s",
                "increase(spyoncino_camera_lost_seconds_total[1h])",
                "{{camera}}",
            ),
            Panel(
                "Median confidence by label",
                "percentunit",
                "histogram_quantile(0.5, "
                "sum by (label, le) (rate(spyoncino_detection_score_bucket[30m])))",
                "{{label}}",
            ),
            Panel(
                "Share of tracks that were discarded",
                "percentunit",
                'sum by (label) (rate(spyoncino_tracks_total{fate="discarded"}[1h])) '
                "/ sum by (label) (rate(spyoncino_tracks_total[1h]))",
                "{{label}}",
            ),
            Panel(
                "Events a day by label",
                "short",
                "increase(spyoncino_event_labels_total[1d])",
                "{{label}}",
            ),
            Panel("Media", "bytes", "spyoncino_media_bytes", "files"),
        ),
    ),
}


SOURCE = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _target(panel: Panel) -> dict[str, str]:
    return {"refId": "A", "expr": panel.expr, "legendFormat": panel.legend}


def dashboard(name: str) -> dict[str, Any]:
    """One dashboard as Grafana imports it."""
    title, panels = DASHBOARDS[name]
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "uid": name,
        "title": title,
        "tags": ["spyoncino"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "source",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                }
            ]
        },
        "panels": [
            {
                "id": number + 1,
                "title": panel.title,
                "type": panel.kind,
                "datasource": source,
                "gridPos": {
                    "h": HEIGHT,
                    "w": WIDTH,
                    "x": number % COLUMNS * WIDTH,
                    "y": number // COLUMNS * HEIGHT,
                },
                "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
                "targets": [_target(panel)],
            }
            for number, panel in enumerate(panels)
        ],
    }


def text(name: str) -> str:
    """The file of one dashboard."""
    return json.dumps(dashboard(name), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write every file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(text(name), encoding="utf-8")
        sys.stdout.write(f"deploy/grafana/{name}.json\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
