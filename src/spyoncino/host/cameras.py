"""Asks the configured network cameras, all at once and briefly, and says one line about each.

What ``spyoncino cameras test`` says at length; the doctor has less time to wait for key frames.
"""

import queue
import threading
import time
from collections.abc import Mapping

from spyoncino.errors import SourceError
from spyoncino.hardware.sources import SourceSpec, build_source
from spyoncino.hardware.stream_watch import watched
from spyoncino.host.advice import Remark, Verdict
from spyoncino.media.stream_advice import advice
from spyoncino.media.stream_facts import StreamFacts

NETWORK_KINDS = frozenset({"rtsp", "http"})
WATCH_S = 4.0
"""Enough for the rate, the codec and a good distance of key frames."""

KEY_WAIT_S = 5.0
"""Above the distance that is advised; who has a longer one hears so."""

LIMIT_S = 15.0
"""Longest wait for all cameras together: reaching one takes at most 5 s, describing it 10 s."""

MAX_AT_ONCE = 16
"""More would compete for the network and measure each other."""


def ask_cameras(
    cameras: Mapping[str, tuple[SourceSpec, float]], limit_s: float = LIMIT_S
) -> list[Remark]:
    """Try each camera on the network.

    Args:
        cameras: Name to its source and the pictures per second that are analysed; those that are
            not on the network are left out.
        limit_s: Longest wait for all together.

    Returns:
        One remark for each, in the order given.
    """
    asked = {name: each for name, each in cameras.items() if each[0].kind in NETWORK_KINDS}
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in asked:
        waiting.put(name)
    answers: queue.SimpleQueue[tuple[str, Remark]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            answers.put((name, _asked(name, *asked[name])))

    # Daemons, because a connection that hangs cannot be interrupted and must not hold the end.
    for _ in range(min(MAX_AT_ONCE, len(asked))):
        threading.Thread(target=work, name="ask a camera", daemon=True).start()
    until_s = time.monotonic() + limit_s
    remarks: dict[str, Remark] = {}
    while len(remarks) < len(asked):
        try:
            name, remark = answers.get(timeout=max(0.0, until_s - time.monotonic()))
        except queue.Empty:
            break
        remarks[name] = remark
    return [remarks.get(name) or _late(name, limit_s) for name in asked]


def _asked(name: str, spec: SourceSpec, analysis_fps: float) -> Remark:
    try:
        source = build_source(spec)
        try:
            facts = watched(source, source.open(), WATCH_S, key_wait_s=KEY_WAIT_S)
        finally:
            source.close()
    except SourceError as error:
        return Remark(
            Verdict.WRONG, "cameras", f"{name}: {error}", f"try: spyoncino cameras test {name}"
        )
    wishes = advice(facts, analysis_fps)
    if not wishes:
        return Remark(Verdict.GOOD, "cameras", f"{name}: {_in_words(facts)}")
    more = f" ({len(wishes) - 1} more: spyoncino cameras test {name})" if len(wishes) > 1 else ""
    return Remark(Verdict.NOTE, "cameras", f"{name}: {_in_words(facts)}", f"{wishes[0]}{more}")


def _late(name: str, limit_s: float) -> Remark:
    return Remark(
        Verdict.WRONG,
        "cameras",
        f"{name}: did not answer within {limit_s:g} s",
        f"try: spyoncino cameras test {name}",
    )


def _in_words(facts: StreamFacts) -> str:
    least = "more than " if facts.is_gop_open else ""
    return (
        f"{facts.codec} {facts.width_px}x{facts.height_px}, {facts.fps:.0f} pictures a second, key "
        f"frames {least}{facts.gop_s:.1f} s apart, {facts.bits_s / 1e6:.1f} Mbit/s"
    )
