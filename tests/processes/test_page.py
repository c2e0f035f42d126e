"""The page in a real browser, over a running system with the simulated front door."""

import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.fixtures.chromium import needs_chromium, started_chromium
from tests.fixtures.exposition import read_exposition
from tests.fixtures.programs import Running, sim, write_config

if TYPE_CHECKING:
    from playwright.sync_api import Page


pytestmark = [
    pytest.mark.processes,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    needs_chromium,
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

VIDEO_PIXELS = """() => {
  const video = document.querySelector("camera-tile video.on");
  const canvas = new OffscreenCanvas(160, 90);
  const drawing = canvas.getContext("2d");
  drawing.drawImage(video, 0, 0, 160, 90);
  return Array.from(drawing.getImageData(0, 0, 160, 90).data);
}"""

BEHIND_S = """() => {
  const { buffered, currentTime } = document.querySelector("camera-tile video");
  return buffered.length ? buffered.end(buffered.length - 1) - currentTime : 99;
}"""

COUNT_STREAMS_LEFT = """() => {
  window.streamsLeft = 0;
  const video = document.querySelector("camera-tile video");
  video.addEventListener("emptied", () => { window.streamsLeft = 1; });
}"""

CANNOT_PLAY = (
    "delete window.MediaSource; delete window.ManagedMediaSource;",
    "MediaSource.isTypeSupported = () => false;",
    "HTMLMediaElement.prototype.play = () => Promise.reject(new Error('not allowed'))",
    "SourceBuffer.prototype.appendBuffer = () => { throw new Error('broken'); }",
)
"""Browsers without live video: an old one, one without the codec, a strict one, a broken one."""

PLAYED_S = "document.querySelector('dialog video')?.currentTime ?? 0"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Running]:
    config = write_config(
        tmp_path / "spyoncino.yaml", cameras={"door": sim()}, events={"linger_s": 1}
    )
    data = tmp_path / "data"
    with Running(tmp_path / "log", "--data", data, "run", "--config", config) as program:
        program.wait_for_line(r"The page: http://\S+")
        yield program


@pytest.fixture
def address(program: Running) -> str:
    found = re.search(r"The page: (http://\S+)", program.said())
    assert found is not None
    return found.group(1)


def test_a_browser_shows_the_camera_an_event_its_preview_and_its_clip(address: str) -> None:
    troubles: list[str] = []
    with started_chromium() as chromium:
        page = chromium.new_page(viewport={"width": 390, "height": 844})
        page.on("console", lambda line: troubles.append(line.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(address)
        page.wait_for_selector("camera-tile[data-state=live][data-pictures]", timeout=30_000)
        assert page.locator("camera-tile .state").inner_text() == "Live"
        assert page.locator("camera-tile").get_attribute("data-live") == "mse"
        _wait_until(lambda: _moves(page))
        _wait_until(lambda: page.evaluate(BEHIND_S) < 1.5)
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
        page.wait_for_selector("dialog[open]", state="detached")
    assert troubles == []


def _moves(page: "Page") -> bool:
    """Whether the video shows a picture with something in it, and another one a moment later."""
    before = page.evaluate(VIDEO_PIXELS)
    page.wait_for_timeout(400)
    after = page.evaluate(VIDEO_PIXELS)
    changed = sum(abs(a - b) > 24 for a, b in zip(before, after, strict=True))
    return len({value >> 4 for value in before}) > 5 and changed > 20


def test_single_pictures_are_shown_where_video_cannot_be_played(address: str) -> None:
    troubles: list[str] = []
    with started_chromium() as chromium:
        for browser in CANNOT_PLAY:
            page = chromium.new_page()
            page.add_init_script(browser)
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.goto(address)
            page.wait_for_selector("camera-tile[data-live=jpeg][data-pictures]", timeout=30_000)
            assert page.evaluate(LIT_PIXELS) > 5

        _wait_until(lambda: 'viewers{camera="door",format="jpeg"} 4.0' in _metrics(address))
    assert troubles == []


def test_video_comes_back_after_the_camera_was_away_or_nobody_looked(
    program: Running, address: str
) -> None:
    with started_chromium() as chromium:
        page = chromium.new_page()
        page.goto(address)
        page.wait_for_selector("camera-tile[data-live=mse] video.on", timeout=30_000)
        page.evaluate(COUNT_STREAMS_LEFT)
        (capture,) = program.captures()
        capture.kill()
        _wait_until(lambda: page.evaluate("window.streamsLeft") == 1)
        assert page.evaluate(LIT_PIXELS) > 5, "the last picture stays until there is a newer one"
        page.wait_for_selector("camera-tile[data-live=mse] video.on", timeout=30_000)
        _wait_until(lambda: _moves(page))

        page.evaluate("document.querySelector('camera-wall').hidden = true")
        _wait_until(lambda: 'viewers{camera="door",format="mp4"} 0.0' in _metrics(address))
        page.evaluate("document.querySelector('camera-wall').hidden = false")
        page.wait_for_selector("camera-tile[data-live=mse] video.on", timeout=30_000)


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
    read_exposition(text)  # raises where Prometheus would
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
