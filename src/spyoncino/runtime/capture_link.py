"""Main's end of one capture process: start it, talk to it without blocking, notice its end."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from pathlib import Path

from spyoncino.runtime.capture.entry import capture_main
from spyoncino.runtime.capture.messages import FromChild, LiveMessage, ToChild
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.children import ChildStarter, has_ended, how_it_ended
from spyoncino.runtime.message_pipe import MainPipe, PipeClosedError, socket_pair

KILL_WAIT_S = 5.0
"""How long the kernel may take to end a killed process; longer means it hangs in a driver."""


class CaptureLink:
    """One life of one capture process.

    Args:
        process: Started.
        pipe: Main's end.
        on_message: Gets every message, in order, on the event loop.
        live: Main's end of the live view's own way.
        on_live: Gets what comes on it.
    """

    def __init__(
        self,
        process: SpawnProcess,
        pipe: MainPipe,
        on_message: Callable[[FromChild], None],
        live: MainPipe | None = None,
        on_live: Callable[[LiveMessage], None] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._pipe = pipe
        self._on_message = on_message
        self._is_reading = False
        self.pid = process.pid or 0
        self._was_heard = False
        self.has_spoken = False
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self._live = live
        self._on_live = on_live
        if live is not None:
            self._loop.add_reader(live, self._on_live_readable)
        self.resume()

    @classmethod
    async def open(
        cls,
        spec: CaptureSpec,
        folder: Path,
        starter: ChildStarter,
        on_live: Callable[[LiveMessage], None],
        on_message: Callable[[FromChild], None],
    ) -> "CaptureLink":
        """Start the process.

        Raises:
            OSError: The system refuses another process.
        """
        pipe, child_end = socket_pair()
        live, live_end = socket_pair()
        with contextlib.ExitStack() as on_failure, child_end, live_end:
            on_failure.callback(pipe.close)
            on_failure.callback(live.close)
            arguments = (child_end, live_end, spec, str(folder), os.getpid())
            name = f"capture-{spec.camera_id}"
            process = await starter.start(capture_main, arguments, name)
            on_failure.pop_all()
        return cls(process, pipe, on_message, live, on_live)

    def take_heard(self) -> bool:
        """Whether anything was heard since this was asked last, or nobody listens.

        However long ago that was: who is asked late must not take for silence what came before.
        """
        was_heard, self._was_heard = self._was_heard or not self._is_reading, False
        return was_heard

    def pause(self) -> None:
        """Leave messages in the pipe; the process waits when it is full."""
        if self._is_reading:
            self._loop.remove_reader(self._pipe)
            self._is_reading = False

    def resume(self) -> None:
        """Take messages again."""
        if not self._is_reading and not self.gone.done():
            self._loop.add_reader(self._pipe, self._on_readable)
            self._is_reading = True
            self._was_heard = True

    def send(self, command: ToChild) -> None:
        """Give an order; what the process does not take now follows when it does.

        A dead process is told by ``gone``, not here.
        """
        if self.gone.done():
            return
        try:
            self._pipe.send(command)
        except PipeClosedError:
            return
        if self._pipe.has_unsent:
            self._loop.add_writer(self._pipe, self._on_writable)

    def kill(self) -> None:
        """SIGKILL, which ends a stopped process too; ``gone`` follows."""
        self._process.kill()

    async def reap(self, grace_s: float) -> str:
        """Make sure a process that is ``gone`` has ended too; how it ended, in words.

        Args:
            grace_s: Time to end by itself before it is killed.
        """
        if not await has_ended(self._process, grace_s):
            self._process.kill()
            await has_ended(self._process, KILL_WAIT_S)
        ending = how_it_ended(self._process)
        if self._process.exitcode is not None:
            self._process.close()
        return ending

    def _on_readable(self) -> None:
        try:
            messages = self._pipe.receive()
        except PipeClosedError:
            self._hang_up()
            return
        self._was_heard = self.has_spoken = True
        for message in messages:
            self._on_message(message)

    def _on_live_readable(self) -> None:
        if self._live is None or self._on_live is None:
            return
        try:
            messages = self._live.receive()
        except PipeClosedError:
            self._close_live()
            return
        for message in messages:
            self._on_live(message)

    def _close_live(self) -> None:
        if self._live is not None:
            self._loop.remove_reader(self._live)
            self._live.close()
            self._live = None

    def _on_writable(self) -> None:
        try:
            self._pipe.flush()
        except PipeClosedError:
            self._loop.remove_writer(self._pipe)
            return
        if not self._pipe.has_unsent:
            self._loop.remove_writer(self._pipe)

    def _hang_up(self) -> None:
        self.pause()
        self._loop.remove_writer(self._pipe)
        self._pipe.close()
        self._close_live()
        self.gone.set_result(None)
