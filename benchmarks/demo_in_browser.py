"""What a newcomer sees after ``make demo``, and after how many seconds.

A fresh clone in a temporary folder, ``make demo``, the page in Chromium: moving live pixels, the
first event, its clip playing; first at desktop size, then at phone size. Screenshots are kept.
Every moment counts from the start of ``make``; Chromium is started before and draws in software.

    python benchmarks/demo_in_browser.py --pictures /tmp/demo [--here] [--empty-pip-cache]
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, ElementHandle, Page, ViewportSize

from page_eyes import COLOURS, chromium
from report import ROOT, Row, write_report

sys.path.insert(0, str(ROOT))

from tests.fixtures.programs import clean_environment

INSTALL_TIMEOUT_S = 1200.0
STEP_TIMEOUT_S = 120.0
BETWEEN_SAMPLES_S = 1.0

MOVED = 0.2
"""Mean difference of 64 x 36 RGB values in steps of 255; equal pictures have 0."""

LIT = 10.0
"""Mean value above which a picture is not black."""

SIZES: dict[str, tuple[ViewportSize, Literal["light", "dark"]]] = {
    "desktop": ({"width": 1280, "height": 800}, "light"),
    "phone": ({"width": 390, "height": 844}, "dark"),
}


class Demo:
    """``make demo`` as it runs; a context manager that ends it.

    Args:
        folder: A checkout.
        log: File for what it says.
        more: Variables of the environment.
    """

    def __init__(self, folder: Path, log: Path, more: dict[str, str]) -> None:
        self._folder = folder
        self._log = log
        self._more = more

    def __enter__(self) -> Self:
        self.began_s = time.monotonic()
        with self._log.open("wb") as said:
            self._process = subprocess.Popen(
                ["make", "demo"],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                env={**clean_environment(), **self._more},
            )
        return self

    def __exit__(self, *_ended: object) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)

    def now_s(self) -> float:
        """Seconds since the start of ``make``."""
        return time.monotonic() - self.began_s

    def address(self) -> str:
        """Wait until it says where the page is."""
        while self.now_s() < INSTALL_TIMEOUT_S:
            said = self._log.read_text(errors="replace")
            if found := re.search(r"The page: (http://\S+)", said):
                return found.group(1)
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit(f"make demo did not come up:\n{self._log.read_text()[-2000:]}")


def colours(element: ElementHandle) -> NDArray[np.float64]:
    """What is seen in a tile or the viewer now; empty when there is nothing."""
    return np.asarray(element.evaluate(COLOURS), float)


def until(what: Callable[[], bool], words: str) -> None:
    """Wait for it.

    Raises:
        SystemExit: It did not come about.
    """
    over = time.monotonic() + STEP_TIMEOUT_S
    while not what():
        if time.monotonic() > over:
            raise SystemExit(f"after {STEP_TIMEOUT_S:g} s there is still not: {words}")
        time.sleep(0.05)


def moves(page: Page, selector: str) -> bool:
    """Whether something there is lit and changes within a second."""
    element = page.query_selector(selector)
    if element is None:
        return False
    first = colours(element)
    time.sleep(BETWEEN_SAMPLES_S)
    second = colours(element)
    if not first.size or first.shape != second.shape:
        return False
    return float(np.abs(second - first).mean()) > MOVED and float(second.mean()) > LIT


def tour(browser: Browser, demo: Demo, address: str, name: str, pictures: Path) -> list[Row]:
    """Look at everything at one size."""
    viewport, scheme = SIZES[name]
    page = browser.new_page(viewport=viewport, color_scheme=scheme)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.extend([line.text] if line.type == "error" else []))
    moments: list[tuple[str, float]] = []

    def note(words: str) -> None:
        moments.append((words, demo.now_s()))

    page.goto(address)
    note("page loaded")
    until(lambda: page.query_selector("camera-tile[data-pictures]") is not None, "a live picture")
    note("first live picture")
    until(lambda: moves(page, "camera-tile"), "moving live pixels")
    note("live pixels seen moving (two samples 1 s apart)")
    page.wait_for_selector(".event", timeout=STEP_TIMEOUT_S * 1000)
    note("first event")
    page.wait_for_selector(".event img:not([hidden])", timeout=STEP_TIMEOUT_S * 1000)
    note("its picture")
    page.screenshot(path=pictures / f"page-{name}.png")
    page.locator(".event").last.click()
    page.wait_for_selector("dialog video", timeout=STEP_TIMEOUT_S * 1000)
    note("its clip")
    until(lambda: moves(page, "dialog"), "a clip that plays")
    note("clip seen moving (two samples 1 s apart)")
    page.screenshot(path=pictures / f"page-{name}-clip.png")
    page.keyboard.press("Escape")
    page.locator("camera-tile .open").first.click()
    page.wait_for_selector("camera-tile.large")
    page.wait_for_timeout(500)
    page.screenshot(path=pictures / f"page-{name}-large.png")
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    page.close()
    if errors:
        print("\n".join(errors))
    rows = [Row(f"{name}: {words}", seconds, "s") for words, seconds in moments]
    rows.append(Row(f"{name}: errors in the browser's console", len(errors), "errors", 0))
    rows.append(Row(f"{name}: wider than the window by", overflow, "px", 0))
    return rows


@contextmanager
def checkout(*, is_here: bool) -> Iterator[tuple[Path, float]]:
    """A fresh clone, or this one; and the seconds that cloning took."""
    if is_here:
        yield ROOT, 0.0
        return
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        began_s = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", ROOT, f"{folder}/spyoncino"], check=True)
        yield Path(folder) / "spyoncino", time.monotonic() - began_s


def main() -> None:
    """Start it all, look, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, default=Path(tempfile.gettempdir()) / "demo")
    parser.add_argument("--here", action="store_true", help="this checkout, not a fresh clone")
    parser.add_argument("--empty-pip-cache", action="store_true", help="download everything")
    wanted = parser.parse_args()
    wanted.pictures.mkdir(parents=True, exist_ok=True)
    with checkout(is_here=wanted.here) as (folder, clone_s), chromium() as browser:
        more: dict[str, str] = {}
        with tempfile.TemporaryDirectory(prefix="demo-") as scratch:
            if wanted.empty_pip_cache:
                more["PIP_CACHE_DIR"] = f"{scratch}/pip"
            more["DEMO_ARGS"] = "--for 600"
            if wanted.here:
                more["SPYONCINO_DATA_DIR"] = f"{scratch}/data"
            with Demo(folder, Path(scratch) / "log", more) as demo:
                address = demo.address()
                rows = [
                    Row("clone", clone_s, "s", note="0: this checkout" if wanted.here else ""),
                    Row("make demo says where the page is", demo.now_s(), "s", note=_how(wanted)),
                ]
                for name in SIZES:
                    rows += tour(browser, demo, address, name, wanted.pictures)
    write_report("demo-in-browser", rows)
    print(f"screenshots in {wanted.pictures}")


def _how(wanted: argparse.Namespace) -> str:
    if wanted.here:
        return "installed before"
    return "pip downloads everything" if wanted.empty_pip_cache else "pip with its cache"


if __name__ == "__main__":
    main()
