"""Four cameras at once, of which one is broken, one stalls every minute, one changes what it sends.

What the fourth one's RTSP server sent is counted against the frames that its capture process
announced: none may be missing. Needs GStreamer's RTSP server (``make services``). Run from the
repository root::

    python benchmarks/four_cameras.py --minutes 3
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from report import Row, write_report

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.fixtures.four_cameras import FRAME_S, Outcome, Plan, run_four
from tests.fixtures.rtsp_camera import is_there


def rows_of(outcome: Outcome) -> list[Row]:
    """The fourth camera in numbers, and what the others went through."""
    well, stalling, changing = outcome.well, outcome.stalling, outcome.changing
    restarts = sum(w.handle.stats().restarts for w in (outcome.broken, stalling, changing, well))
    formats = {(f.width_px, f.height_px, f.codec) for f in changing.sizes}
    return [
        Row("frames sent by the server of the fourth camera", outcome.sent, "frames"),
        Row("frames announced", len(well.times), "frames"),
        Row("frames lost between first and last", well.lost, "frames", 0, "by their numbers"),
        Row("frames skipped for want of a slot", outcome.skipped, "frames", 0),
        Row("packets that could not be decoded", outcome.corrupt, "packets", 0),
        Row("longest step of camera time", 1000 * well.longest_step_s, "ms", 1000 * FRAME_S * 1.05),
        Row("reconnects of the fourth camera", well.count("retrying"), "times", 0),
        Row("capture processes started again, all four", restarts, "times", 0),
        Row("the broken one: tries", outcome.broken.count("retrying"), "times"),
        Row("the stalling one: stalls", stalling.count("stalled"), "times"),
        Row("the stalling one: frames", len(stalling.times), "frames"),
        Row("the changing one: connections", len(changing.sizes), "times"),
        Row("the changing one: different sizes and codecs", len(formats), "formats"),
        Row("the changing one: frames", len(changing.times), "frames"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    wanted = parser.parse_args()
    if not is_there():
        raise SystemExit("GStreamer's RTSP server is missing; `make services` installs it")
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(run_four(Path(folder), Plan(60 * wanted.minutes)))
    write_report("four-cameras", rows_of(outcome))
    for witness in (outcome.broken, outcome.stalling, outcome.changing, outcome.well):
        print(witness.handle.camera_id, *witness.states, sep="\n  ")


if __name__ == "__main__":
    main()
