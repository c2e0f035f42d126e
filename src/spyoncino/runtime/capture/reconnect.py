"""Keeps a live source going: connect, run, and after any fault connect again, in one process.

Each connection is a source of its own: camera time begins anew, with fresh memory and no packets
of the one before. Main's commands are served all the time.
"""

import contextlib
import gc
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from spyoncino.errors import SourceChangedError, SourceError, SourceRefusedError, SpyoncinoError
from spyoncino.hardware.backoff import Backoff
from spyoncino.hardware.source_types import Source, SourceFormat
from spyoncino.hardware.sources import TwoStreams, build_source
from spyoncino.runtime.capture.line import CaptureLine, build_line
from spyoncino.runtime.capture.live_view import LiveView
from spyoncino.runtime.capture.loop import HEARTBEAT_S, CaptureLoop
from spyoncino.runtime.capture.messages import (
    CaptureCounters,
    ClipClosed,
    FrameAt,
    Heartbeat,
    RequestFrame,
    Shutdown,
    SourceStateChanged,
    StartClip,
    ToChild,
    UnwatchLive,
    WatchLive,
)
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture.stall import StallWatch
from spyoncino.runtime.message_pipe import ChildPipe

STABLE_S = 10.0
"""A camera that was live for so long makes the pauses start from the first again."""

SERVE_S = 0.1
"""How long a wait for main's commands lasts while there is no connection."""

CUT_SHORT = "cut short: the source failed"
NOT_CONNECTED = "The camera is not connected at the moment."

_Opened = SourceFormat | Exception


class LiveCapture:
    """Runs a live source until main says it is enough.

    Args:
        pipe: The way to main.
        spec: What to do.
        folder: The run's folder in shared memory.
        name: Prefix of this process's ring files, unique within the folder.
        must_leave: Whether to end without main's order.
        backoff: Pauses between tries.
        live: The live view, which outlasts every connection; ``None`` where nobody can watch.
    """

    def __init__(
        self,
        pipe: ChildPipe,
        spec: CaptureSpec,
        folder: Path,
        name: str,
        must_leave: Callable[[], bool],
        backoff: Backoff | None = None,
        live: LiveView | None = None,
    ) -> None:
        self._pipe = pipe
        self._spec = spec
        self._folder = folder
        self._name = name
        self._must_leave = must_leave
        self._backoff = backoff or Backoff()
        self._live = live or LiveView()
        self._connections = 0
        self._is_over = False
        self._beat_due_s = 0.0
        self._live_since_s: float | None = None

    def run(self) -> None:
        """Connect and run, again and again, until main's order to end.

        Raises:
            MediaError: A picture could not be converted or encoded.
            RingFullError: Shared memory is too small.
            PipeClosedError: Main is gone.
        """
        while not self._is_over:
            try:
                self._connection()
            except SourceChangedError as change:
                self._tell_lost(f"{change} Beginning anew.")
            except SourceError as error:
                if self._was_stable():
                    self._backoff.reset()
                pause_s = self._backoff.pause_s(is_refused=isinstance(error, SourceRefusedError))
                sentence = f"{error} Next try in {pause_s:.0f} s."
                self._tell_lost(sentence)
                self._serve_until(time.monotonic() + pause_s)
            if not self._is_over:
                self._pipe.send(SourceStateChanged("connecting"))

    def _was_stable(self) -> bool:
        since_s = self._live_since_s
        return since_s is not None and time.monotonic() - since_s > STABLE_S

    def _tell_lost(self, sentence: str) -> None:
        """Say that the connection is lost, then let go of what it leaves behind.

        Its parts refer to each other, and a process that makes few objects collects such rings
        rarely; these hold megabytes of pictures and packets that the collector does not see.
        """
        self._pipe.send(SourceStateChanged("retrying", sentence))
        gc.collect()

    def _connection(self) -> None:
        """One connection from its beginning to its end."""
        self._live_since_s = None
        with contextlib.ExitStack() as stack:
            source = build_source(self._spec.source)
            stack.callback(source.close)
            opened = self._opened(source)
            if opened is None:
                return
            self._connections += 1
            name = f"{self._name}.{self._connections}"
            line = build_line(self._spec, opened, self._folder, name, self._pipe.send, self._live)
            stack.callback(line.close)
            self._pipe.send(line.opened)
            self._live_since_s = time.monotonic()
            self._run(source, line)

    def _run(self, source: Source, line: CaptureLine) -> None:
        packets_of = ""
        if isinstance(source, TwoStreams) and not line.feed.is_encoded and line.feed.analysed:
            packets_of = line.feed.codec
            line.feed.analysed.on_blind = source.give_up_sub
        loop = CaptureLoop(
            self._pipe,
            source,
            line,
            is_lossless=False,
            must_leave=self._must_leave,
            watch=StallWatch(self._spec.source.stall_s, packets_of=packets_of),
        )
        try:
            loop.run()
        except SpyoncinoError:
            line.store.close(CUT_SHORT)
            raise
        self._is_over = True

    def _opened(self, source: Source) -> SourceFormat | None:
        """Open the source while main is served; ``None`` when main wants an end.

        Nothing can interrupt an attempt to connect, so an abandoned one ends by its own limits.
        """
        answer: queue.SimpleQueue[_Opened] = queue.SimpleQueue()
        threading.Thread(target=_open, args=(source, answer), name="connect", daemon=True).start()
        while not self._is_over:
            self._serve(SERVE_S)
            with contextlib.suppress(queue.Empty):
                opened = answer.get_nowait()
                if isinstance(opened, Exception):
                    raise opened
                return opened
        return None

    def _serve_until(self, moment_s: float) -> None:
        while not self._is_over and (left_s := moment_s - time.monotonic()) > 0:
            self._serve(min(SERVE_S, left_s))

    def _serve(self, wait_s: float) -> None:
        """Answer commands, waiting up to ``wait_s`` for one, and beat when it is time."""
        for command in self._pipe.receive(wait_s):
            self._answer(command)
        now_s = time.monotonic()
        if now_s >= self._beat_due_s:
            self._beat_due_s = now_s + HEARTBEAT_S
            self._pipe.send(Heartbeat(CaptureCounters(cpu_s=time.process_time())))
        if self._must_leave():
            self._is_over = True

    def _answer(self, command: ToChild) -> None:
        """Refuse what needs a connection; a clip that main ends was closed with its connection."""
        if isinstance(command, StartClip):
            self._pipe.send(ClipClosed(command.clip_id, None, NOT_CONNECTED))
        elif isinstance(command, RequestFrame):
            self._pipe.send(FrameAt(command.request_id, None, NOT_CONNECTED))
        elif isinstance(command, WatchLive):
            self._live.watch()
        elif isinstance(command, UnwatchLive):
            self._live.unwatch()
        elif isinstance(command, Shutdown):
            self._is_over = True


def _open(source: Source, answer: "queue.SimpleQueue[_Opened]") -> None:
    try:
        answer.put(source.open())
    except Exception as error:  # noqa: BLE001 -- the thread's border: raised again by who waits
        answer.put(error)
