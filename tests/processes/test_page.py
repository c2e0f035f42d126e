"""The page in a real browser, over a running system with the simulated front door."""

import importlib.util
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.programs import Running, sim, write_config

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.processes,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        not CHROMIUM.exists() or importlib.util.find_spec("playwright") is None,
        reason="needs Debian's chromium (make services) and playwright",
    ),
]

LIT_PIXELS = """() => {
  const canvas = document.querySelector("camera-tile canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set();
  for (let place = 0; place < data.length; place += 4004) {
    colours.add(`${data[place] >> 4},${data[place + 1] >> 4},${data[place + 2] >> 4}`);
  }
  return colours.size;
}"""


PLAYED_S = "document.querySelector('dialog video')?.currentTime ?? 0"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    config = write_config(
        tmp_path / "spyoncino.yaml", cameras={"door": sim()}, events={"linger_s": 1}
    )
    data = tmp_path / "data"
    with Running(tmp_path / "log", "--data", data, "run", "--config", config) as program:
        program.wait_for_line(r"The page: http://\S+")
        found = re.search(r"The page: (http://\S+)", program.said())
        assert found is not None
        yield found.group(1)


def test_a_browser_shows_the_camera_an_event_its_preview_and_its_clip(address: str) -> None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - optional, see the skip

    troubles: list[str] = []
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 390, "height": 844})
        page.on("console", lambda line: troubles.append(line.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(address)
        page.wait_for_selector("camera-tile[data-state=live][data-pictures]", timeout=30_000)
        assert page.locator("camera-tile .state").inner_text() == "Live"
        assert page.evaluate(LIT_PIXELS) > 5
        shown = "event-list .event img.picture:not([hidden])"
        page.wait_for_selector(shown, timeout=40_000)
        _wait_until(lambda: _has_clip_and_preview(address))
        row = page.locator("event-list .event").last
        row.focus()
        page.wait_for_selector(f"{shown}[src*=preview]", timeout=20_000)
        row.press("Enter")
        _wait_until(lambda: page.evaluate(PLAYED_S) > 0.2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.keyboard.press("Escape")
        assert page.locator("dialog[open]").count() == 0
        chromium.close()
    assert troubles == []


def _has_clip_and_preview(address: str) -> bool:
    with urllib.request.urlopen(f"{address}api/v1/events") as answer:  # noqa: S310 - our own
        page: dict[str, Any] = json.load(answer)
    kinds = [{file["kind"] for file in found["media"]} for found in page["events"]]
    return any({"clip", "webp"} <= found for found in kinds)


def _wait_until(what: Callable[[], bool], timeout_s: float = 40.0) -> None:
    over = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < over, "it did not come about"
        time.sleep(0.1)


def test_metrics_tell_of_bus_pool_camera_and_memory(address: str) -> None:
    _wait_until(lambda: 'spyoncino_camera_up{camera="door"} 1.0' in _metrics(address))
    text = _metrics(address)
    for figure in (
        'spyoncino_bus_messages_total{fate="published"}',
        "spyoncino_pool_workers_ready",
        'spyoncino_camera_frames_total{camera="door",fate="decoded"}',
        'spyoncino_camera_wakes_total{camera="door",reason="sizes"} 0.0',
        'spyoncino_process_pss_bytes{process="capture-door"}',
        'spyoncino_part_ok{part="storage.event_log"} 1.0',
    ):
        assert figure in text


def _metrics(address: str) -> str:
    with urllib.request.urlopen(f"{address}metrics") as answer:  # noqa: S310 - our own
        text: str = answer.read().decode()
    return text
