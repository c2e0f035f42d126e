"""Sees the page as a person does: a real browser, pixels of its tiles, and what it all costs.

Shared by the benchmarks that look at the page; it finds a ``<video>`` or a ``<canvas>`` in a tile.
"""

import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from spyoncino.hardware.counter import COLUMNS, HEIGHT_SHARE, MODULUS, ROWS, WIDTH_SHARE

CHROMIUM = Path("/usr/bin/chromium")

PICTURE_OF_TILE = """(tile) => ["video", "canvas"]
  .flatMap((name) => [...tile.querySelectorAll(name)])
  .find((shown) => shown.getClientRects().length && (shown.readyState ?? 2) >= 2
    && getComputedStyle(shown).opacity !== "0")"""
"""JavaScript: what a tile shows now, video or canvas."""

COLOURS = f"""(tile) => {{
  const shown = ({PICTURE_OF_TILE})(tile);
  if (!shown) return [];
  const copy = document.createElement("canvas");
  copy.width = 64; copy.height = 36;
  const brush = copy.getContext("2d");
  brush.drawImage(shown, 0, 0, 64, 36);
  return [...brush.getImageData(0, 0, 64, 36).data].filter((_, place) => place % 4 !== 3);
}}"""
"""JavaScript: the picture of a tile or a dialog as 64 x 36 RGB values; empty when there is none."""

WATCH = f"""() => {{
  const columns = {COLUMNS}, rows = {ROWS}, step = 4;
  const copy = document.createElement("canvas");
  copy.width = columns * step; copy.height = rows * step;
  const brush = copy.getContext("2d", {{ willReadFrequently: true }});
  const pictureOf = {PICTURE_OF_TILE};
  const crcOf = (number) => {{
    let crc = 0xff;
    for (let shift = 24; shift >= 0; shift -= 8) {{
      crc ^= (number >>> shift) & 0xff;
      for (let bit = 0; bit < 8; bit += 1)
        crc = (crc & 0x80 ? (crc << 1) ^ 0x07 : crc << 1) & 0xff;
    }}
    return crc;
  }};
  const read = (shown) => {{
    const width = shown.videoWidth ?? shown.width, height = shown.videoHeight ?? shown.height;
    brush.drawImage(shown, 0, 0, width * columns / {WIDTH_SHARE}, height * rows / {HEIGHT_SHARE},
      0, 0, copy.width, copy.height);
    const data = brush.getImageData(0, 0, copy.width, copy.height).data;
    let number = 0, check = 0;
    for (let place = 0; place < columns * rows; place += 1) {{
      const x = (place % columns) * step, y = Math.floor(place / columns) * step;
      let light = 0;
      for (const [right, down] of [[1, 1], [2, 1], [1, 2], [2, 2]])
        light += data[((y + down) * copy.width + x + right) * 4 + 1];
      const bit = light / 4 > 127 ? 1 : 0;
      if (place < 32) number = number * 2 + bit; else check = check * 2 + bit;
    }}
    return check === crcOf(number) ? number : null;
  }};
  const eyes = window.__eyes = {{ running: true, seen: {{}}, unread: 0 }};
  const note = (name, shown) => {{
    const at = performance.timeOrigin + performance.now();
    const value = read(shown);
    const seen = eyes.seen[name] ??= {{ last: null, ages: [], ats: [] }};
    if (value === null) {{ eyes.unread += 1; return; }}
    if (value === seen.last) return;
    seen.last = value;
    seen.ages.push((at - value) % {MODULUS} - (at - value < 0 ? -{MODULUS} : 0));
    seen.ats.push(at);
  }};
  const counts = new Map(), followed = new WeakSet();
  for (const tile of document.querySelectorAll("camera-tile")) // what stands there already is old
    counts.set(tile.querySelector("h3").textContent, tile.dataset.pictures);
  const follow = (name, video) => {{
    if (followed.has(video)) return;
    followed.add(video);
    const next = () => {{
      if (eyes.running) {{ note(name, video); video.requestVideoFrameCallback(next); }}
    }};
    video.requestVideoFrameCallback(next);
  }};
  const look = () => {{
    if (!eyes.running) return;
    for (const tile of document.querySelectorAll("camera-tile")) {{
      const name = tile.querySelector("h3").textContent, shown = pictureOf(tile);
      if (!shown) continue;
      if (shown.requestVideoFrameCallback) {{ follow(name, shown); continue; }}
      if (counts.get(name) === tile.dataset.pictures) continue;
      counts.set(name, tile.dataset.pictures);
      note(name, shown);
    }}
    requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}}"""
"""JavaScript: note when which counter value becomes visible in which tile."""

STOP = """() => {
  window.__eyes.running = false;
  const kinds = {};
  for (const tile of document.querySelectorAll("camera-tile"))
    kinds[tile.querySelector("h3").textContent] = tile.dataset.live
      ?? tile.querySelector("[data-live]")?.dataset.live ?? "jpeg";
  return { seen: window.__eyes.seen, unread: window.__eyes.unread, kinds };
}"""


@dataclass(frozen=True)
class Sight:
    """What was seen in one stretch of time.

    Args:
        ages_ms: Camera to the ages of its pictures when they became visible; empty for none.
        gaps_ms: Camera to the times between two new pictures.
        unread: Pictures whose counter could not be read.
        kinds: How the tiles were served: ``jpeg``, ``mse``.
        seconds: How long it was watched.
    """

    ages_ms: Mapping[str, Sequence[float]]
    gaps_ms: Mapping[str, Sequence[float]]
    unread: int
    kinds: frozenset[str]
    seconds: float

    def all_ages_ms(self, without: str = "") -> list[float]:
        """Ages of every camera but one."""
        return [age for name, ages in self.ages_ms.items() if name != without for age in ages]

    def rates(self, without: str = "") -> list[float]:
        """Pictures a second of each camera but one."""
        ages = self.ages_ms.items()
        return [len(found) / self.seconds for name, found in ages if name != without]


def p95(values: Sequence[float]) -> float:
    """95th percentile; NaN without values."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def median(values: Sequence[float]) -> float:
    """Median; NaN without values."""
    return statistics.median(values) if values else float("nan")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium without a window; it draws in software."""
    if not CHROMIUM.exists():
        sys.exit("Debian's chromium is missing; `make services` installs it")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


def live_sockets(page: Page) -> dict[str, str]:
    """Fills itself with camera to the address of the WebSocket its tile uses; call before goto."""
    found: dict[str, str] = {}

    def on_socket(socket: Any) -> None:
        parts = urlsplit(socket.url).path.split("/")
        if "cameras" in parts:
            found[parts[parts.index("cameras") + 1]] = socket.url

    page.on("websocket", on_socket)
    return found


def watch(page: Page, seconds: float) -> Sight:
    """Look at all tiles for a while.

    Args:
        page: Open, its tiles in view.
        seconds: How long.
    """
    page.evaluate(WATCH)
    began = time.monotonic()
    page.wait_for_timeout(seconds * 1000)
    lasted_s = time.monotonic() - began
    found = page.evaluate(STOP)
    seen = {name: found["seen"].get(name, {"ages": [], "ats": []}) for name in found["kinds"]}
    return Sight(
        {name: tile["ages"] for name, tile in seen.items()},
        {
            name: [
                later - before for before, later in zip(tile["ats"], tile["ats"][1:], strict=False)
            ]
            for name, tile in seen.items()
        },
        found["unread"],
        frozenset(found["kinds"].values()),
        lasted_s,
    )


class CpuMeter:
    """CPU time of groups of processes, as shares of one core.

    Args:
        groups: Name to the processes; the children of none are counted.
    """

    def __init__(self, groups: Mapping[str, Sequence[psutil.Process]]) -> None:
        self._groups = groups
        self._began_s = time.monotonic()
        self._before = {name: _cpu_s(found) for name, found in groups.items()}

    def shares(self) -> dict[str, float]:
        """Share of one core of each group since the beginning; 1.0 is one core."""
        lasted_s = time.monotonic() - self._began_s
        return {
            name: (_cpu_s(found) - self._before[name]) / lasted_s
            for name, found in self._groups.items()
        }


def browser_processes() -> list[psutil.Process]:
    """Chromium's processes below this one."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "chrom" in child.name():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
