"""How old is what a person sees? From the picture that a camera hands out to pixels in a browser.

Simulated cameras write the wall clock into their pictures (``counter: wall``); Chromium on the same
machine reads it back from what its tiles show. Three stretches: one camera; nine cameras in nine
tiles; the same nine while a viewer of one of them has stopped reading. Chromium draws in software
here and takes the same cores: its share is reported beside the others.

    python benchmarks/live_latency.py --seconds 20 --cameras 9 [--rtsp]
"""

import argparse
import math
import re
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from playwright.sync_api import Browser, Page, ViewportSize
from websockets.sync.client import ClientConnection, connect

from page_eyes import (
    CpuMeter,
    Sight,
    browser_processes,
    chromium,
    live_sockets,
    median,
    p95,
    watch,
)
from report import Row, write_report

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fixtures.programs import Running, sim, write_config
from tests.fixtures.rtsp_camera import RtspCamera, camera_clip

SETTLE_S = 5.0
START_TIMEOUT_S = 90.0
PICTURES_WITHIN_S = 60.0
"""A tile that has none after so long is measured as it is: with none."""

VIEWPORT: ViewportSize = {"width": 1920, "height": 1600}
"""Large enough for nine tiles: a tile that cannot be seen does not watch."""

NOBODY = {"visitor_at_s": -1, "press_at_s": -1, "cat_at_s": -1}
"""An empty door: detectors and clips are measured elsewhere."""

LOST_BY_PAGE = re.compile(
    r'spyoncino_(?:page|live_\w+)\{.*"(\w*(?:failed|skipped|lost|dropped)\w*)"'
)
FOR_VIEWER = ("live view: pictures skipped", "live view: dropped for viewer")
STUCK_WITHIN_S = 15.0
STUCK_SECONDS = 15.0
"""The server lets a viewer go that answers no ping (20 s, then 20 s more): look before that."""


HELD_BYTES = 4096
"""Receive buffer of the viewer that does not read."""


@contextmanager
def house(folder: Path, cameras: dict[str, Any]) -> Iterator[tuple[Running, str]]:
    """A running system with these cameras, and the address of its page."""
    folder.mkdir()
    config = write_config(folder / "spyoncino.yaml", cameras=cameras)
    with Running(folder / "log", "--data", folder / "data", "run", "--config", config) as running:
        running.wait_for_line(r"The page: http://\S+", START_TIMEOUT_S)
        found = re.search(r"The page: (http://\S+)", running.said())
        if found is None:
            raise SystemExit("it does not say where the page is")
        yield running, found.group(1)
        running.interrupt()
        running.wait(START_TIMEOUT_S)


def open_page(browser: Browser, address: str, tiles: int) -> tuple[Page, dict[str, str]]:
    """The page with pictures in every tile, or after a while, and its WebSockets' addresses."""
    page = browser.new_page(viewport=VIEWPORT)
    sockets = live_sockets(page)
    page.goto(address)
    over = time.monotonic() + PICTURES_WITHIN_S
    shown = page.locator("camera-tile[data-pictures]")
    while shown.count() < tiles and time.monotonic() < over:
        page.wait_for_timeout(200)
    page.wait_for_timeout(SETTLE_S * 1000)
    return page, sockets


def metrics_of(address: str) -> dict[str, float]:
    """Every figure of ``/metrics`` by its name with labels."""
    with urllib.request.urlopen(f"{address}metrics") as answer:  # noqa: S310 - our own
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def losses(figures: dict[str, float]) -> dict[str, float]:
    """What was lost so far, by where."""
    page: dict[str, float] = {}
    for name, value in figures.items():
        if found := LOST_BY_PAGE.match(name):
            words = f"live view: {found.group(1).replace('_', ' ')}"
            page[words] = page.get(words, 0.0) + value
    return {
        "bus messages dropped": figures['spyoncino_bus_messages_total{fate="dropped"}'],
        "pool jobs expired": figures['spyoncino_pool_jobs_total{fate="expired"}'],
        **page,
    }


def wait_until_skipped(address: str) -> float:
    """Wait until the server has something to skip for a viewer; the buffers below fill up first.

    Returns:
        Seconds that it took; not a number when it never happened.
    """
    before, began = losses(metrics_of(address)), time.monotonic()
    while time.monotonic() - began < STUCK_WITHIN_S:
        time.sleep(1.0)
        now = losses(metrics_of(address))
        if any(now[name] > before[name] for name in now if name in before and name in FOR_VIEWER):
            return time.monotonic() - began
    return math.nan


def stretch(
    title: str, running: Running, address: str, page: Page, wanted_s: float
) -> tuple[Sight, list[Row]]:
    """Watch for a while; what was seen, and the figures of it."""
    before = losses(metrics_of(address))
    main = psutil.Process(running.process.pid)
    meter = CpuMeter(
        {
            "main": [main],
            "captures": running.captures(),
            "workers": running.workers(),
            "Chromium (draws in software)": browser_processes(),
        }
    )
    sight = watch(page, wanted_s)
    shares = meter.shares()
    after = losses(metrics_of(address))
    ages = sight.all_ages_ms()
    kinds = " and ".join(sorted(sight.kinds))
    rates = sight.rates()
    rows = [
        Row(f"{title}: age of a picture when seen, median", median(ages), "ms", note=kinds),
        Row(f"{title}: age of a picture when seen, p95", p95(ages), "ms", note=kinds),
        Row(
            f"{title}: time between pictures of a tile, p95",
            p95([gap for gaps in sight.gaps_ms.values() for gap in gaps]),
            "ms",
        ),
        Row(f"{title}: pictures shown, slowest tile", min(rates, default=0.0), "1/s"),
        Row(f"{title}: pictures shown, fastest tile", max(rates, default=0.0), "1/s"),
        Row(f"{title}: tiles without a new picture", rates.count(0.0), "tiles", 0),
        Row(f"{title}: pictures whose counter was not readable", sight.unread, "pictures", 0),
    ]
    rows += [Row(f"{title}: CPU of {name}", share, "cores") for name, share in shares.items()]
    rows += [Row(f"{title}: {name}", after[name] - before[name], "times") for name in after]
    return sight, rows


@contextmanager
def stuck_viewer(address: str, url: str) -> Iterator[ClientConnection]:
    """Somebody who opens the live view of a camera and then reads nothing more."""
    where = urlsplit(address)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HELD_BYTES)
    plain.connect((where.hostname, where.port))
    origin: Any = address.rstrip("/")
    with connect(
        url,
        sock=plain,
        origin=origin,
        max_queue=1,
        max_size=None,
        close_timeout=1,
        ping_interval=None,
        compression=None,
    ) as viewer:
        yield viewer


def one_camera(browser: Browser, folder: Path, seconds: float) -> list[Row]:
    """The simplest house: 1280 x 720 at 15 pictures a second."""
    source = sim(width_px=1280, height_px=720, fps=15, counter="wall", **NOBODY)
    with house(folder, {"door": source}) as (running, address):
        page, _ = open_page(browser, address, 1)
        rows = stretch("one camera", running, address, page, seconds)[1]
        page.close()
    return rows


def many_cameras(browser: Browser, folder: Path, seconds: float, count: int) -> list[Row]:
    """Many tiles, then the same while a viewer of the first camera is stuck."""
    source = sim(width_px=640, height_px=360, fps=10, counter="wall", **NOBODY)
    cameras = {f"door-{number + 1}": {"source": source["source"]} for number in range(count)}
    with house(folder, cameras) as (running, address):
        page, sockets = open_page(browser, address, count)
        title = f"{count} cameras"
        calm, rows = stretch(title, running, address, page, seconds)
        main = psutil.Process(running.process.pid)
        with stuck_viewer(address, sockets["door-1"]):
            filled_s = wait_until_skipped(address)
            memory_bytes = main.memory_info().rss
            watched_s = min(seconds, STUCK_SECONDS)
            stuck, more = stretch(f"{title}, one viewer stuck", running, address, page, watched_s)
            grown_mb = (main.memory_info().rss - memory_bytes) / 1e6
        rows += more
        rows.append(Row(f"{title}, one viewer stuck: its first loss after", filled_s, "s"))
        rows.append(Row(f"{title}, one viewer stuck: main grew by", grown_mb, "MB"))
        ratio = median(stuck.all_ages_ms()) / median(calm.all_ages_ms())
        rows.append(
            Row("a stuck viewer makes pictures of the others older by", ratio, "ratio", 1.0)
        )
        page.close()
    return rows


def rtsp_cameras(browser: Browser, folder: Path, seconds: float, count: int) -> list[Row]:
    """Real streams, so that drawing costs nothing here; their pictures carry no counter."""
    folder.mkdir()
    clip = camera_clip(folder, seconds=600, size=(640, 360))
    with ExitStack() as stack:
        servers = [stack.enter_context(RtspCamera(clip)) for _ in range(count)]
        cameras = {
            f"door-{number + 1}": {"source": {"type": "rtsp", "url": server.url}}
            for number, server in enumerate(servers)
        }
        running, address = stack.enter_context(house(folder / "house", cameras))
        page, _ = open_page(browser, address, count)
        shown = (
            "[...document.querySelectorAll('camera-tile')].map((t) => +(t.dataset.pictures ?? 0))"
        )
        before, began = page.evaluate(shown), time.monotonic()
        _, rows = stretch(f"{count} RTSP cameras", running, address, page, seconds)
        lasted_s = time.monotonic() - began
        rates = [
            (after - first) / lasted_s
            for after, first in zip(page.evaluate(shown), before, strict=True)
        ]
        page.close()
    kept = [row for row in rows if "CPU" in row.name or row.unit == "times"]
    title = f"{count} RTSP cameras: pictures shown"
    return [
        Row(f"{title}, slowest tile", min(rates), "1/s"),
        Row(f"{title}, fastest tile", max(rates), "1/s"),
        *kept,
    ]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--cameras", type=int, default=9)
    parser.add_argument("--rtsp", action="store_true", help="also with real RTSP streams")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="live-") as name, chromium() as browser:
        folder = Path(name)
        rows = one_camera(browser, folder / "one", wanted.seconds)
        rows += many_cameras(browser, folder / "many", wanted.seconds, wanted.cameras)
        if wanted.rtsp:
            rows += rtsp_cameras(browser, folder / "rtsp", wanted.seconds, wanted.cameras)
    write_report("live-latency", rows)


if __name__ == "__main__":
    main()
