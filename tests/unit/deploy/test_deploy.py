"""Dashboards and alert rules name only what the program exports."""

import ast
import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FIGURES = sorted((ROOT / "src/spyoncino/modules").glob("*_figures.py"))
DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))
ALERTS = ROOT / "deploy/prometheus/alerts.yml"

_METRIC = re.compile(r"\bspyoncino_[a-z0-9_]+")
_LABEL = re.compile(r"\{\{ ?(?:\$labels\.)?([a-z_]+) ?\}\}")


def exported() -> dict[str, set[str]]:
    """Name of every series that the code writes, with the labels that its file uses."""
    found: dict[str, set[str]] = {}
    for path in (*FIGURES, ROOT / "src/spyoncino/modules/page_metrics.py"):
        nodes = tuple(ast.walk(ast.parse(path.read_text())))
        labels = {
            str(key.value)
            for node in nodes
            if isinstance(node, ast.Dict)
            for key in node.keys
            if isinstance(key, ast.Constant)
        }
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found |= dict.fromkeys(_series(node.func.id, node), labels | {"stage", "label"})
    return found


def _series(kind: str, call: ast.Call) -> list[str]:
    if kind not in ("Figure", "Buckets") or not isinstance(call.args[0], ast.Constant):
        return []
    name = f"spyoncino_{call.args[0].value!s}"
    if kind == "Buckets":
        return [name + ending for ending in ("_bucket", "_sum", "_count")]
    is_counter = any(isinstance(a, ast.Constant) and a.value == "counter" for a in call.args)
    return [name + "_total" if is_counter else name]


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(ALERTS.read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]]


def test_the_search_finds_what_the_code_writes() -> None:
    names = exported()
    assert {"spyoncino_stage_seconds_bucket", "spyoncino_losses_total", "spyoncino_info"} <= set(
        names
    )
    assert {"where", "reason"} <= names["spyoncino_losses_total"]
    assert len(names) > 40


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_alert_asks_for_what_is_exported_and_says_what_to_do(rule: dict[str, Any]) -> None:
    asked = set(_METRIC.findall(rule["expr"]))
    assert asked <= set(exported())
    assert asked or rule["expr"].startswith("up{")
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    known = {"instance", *(label for name in asked for label in exported()[name])}
    told = " ".join(rule["annotations"].values())
    assert set(_LABEL.findall(told)) <= known


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_every_panel_asks_for_what_is_exported(panel: dict[str, Any]) -> None:
    (target,) = panel["targets"]
    asked = set(_METRIC.findall(target["expr"]))
    assert asked
    assert asked <= set(exported())
    labels = {label for name in asked for label in exported()[name]}
    assert set(_LABEL.findall(target["legendFormat"])) <= labels


def test_alert_names_are_unique_and_parentheses_close() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for expr in (*(rule["expr"] for rule in rules()), *(p["targets"][0]["expr"] for p in panels())):
        for left, right in ("()", "[]", "{}"):
            assert expr.count(left) == expr.count(right)


def test_the_dashboards_are_those_that_the_tool_writes() -> None:
    tool = runpy.run_path(str(ROOT / "tools/grafana_dashboards.py"))
    assert {path.stem for path in DASHBOARDS} == set(tool["DASHBOARDS"])
    for path in DASHBOARDS:
        assert path.read_text() == tool["text"](path.stem), "run python tools/grafana_dashboards.py"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")
def test_prometheus_itself_takes_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", str(ALERTS)], check=True)
