"""Full-size pictures of the last seconds, decoded from kept packets in a thread of their own."""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from spyoncino.errors import MediaError, RingFullError, SpyoncinoError
from spyoncino.media.decode import decode_at
from spyoncino.media.packets import MediaPacket, VideoFormat
from spyoncino.media.pictures import analysis_size, i420_size_bytes, write_i420
from spyoncino.runtime.capture.full_size_ring import FullSizeRing
from spyoncino.runtime.capture.messages import FrameAt
from spyoncino.runtime.frame_ring import FrameHandle
from spyoncino.runtime.message_pipe import PipeClosedError


class OnDemandFrames:
    """Answers requests for full-size pictures without holding up the loop that reads the source.

    The shared memory for them is taken with the first request: most of the time nobody asks.

    Args:
        folder: The run's folder in shared memory.
        name: Prefix of the ring files.
        slots: Pictures that may be held at once.
        video: Format of the packets.
        tell: Sends a message to main; called from the thread.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        slots: int,
        video: VideoFormat,
        tell: Callable[[FrameAt], None],
    ) -> None:
        self._slots = slots
        self._video = video
        self._tell = tell
        self._ring = FullSizeRing(folder, f"{name}-full", slots)
        self._executor = ThreadPoolExecutor(1, "on-demand")

    def request(self, request_id: int, pts_s: float, packets: list[MediaPacket]) -> None:
        """Decode the picture shown at a moment and tell main where it lies, or why there is none.

        Args:
            request_id: Repeated in the answer.
            pts_s: The moment.
            packets: The group of pictures that holds it; empty when it is gone.
        """
        future = self._executor.submit(self._decode, pts_s, packets)
        future.add_done_callback(partial(self._answer, request_id))

    def close(self) -> None:
        """Stop after the picture at hand."""
        self._executor.shutdown(cancel_futures=True)
        self._ring.close()

    def _decode(self, pts_s: float, packets: list[MediaPacket]) -> FrameHandle:
        if not packets:
            raise MediaError(f"No video of second {pts_s:.2f} is kept.")
        picture = decode_at(packets, self._video, pts_s)
        width_px, height_px = analysis_size(picture.width, picture.height, picture.width)
        ring = self._ring.for_bytes(i420_size_bytes(width_px, height_px))
        slot = ring.claim()
        if slot is None:
            raise RingFullError(
                f"All {self._slots} full-size pictures are held; release one before asking again."
            )
        out = ring.picture(slot, width_px, height_px)
        write_i420(picture, width_px, height_px, out, is_colour_exact=True)
        return ring.publish(slot, width_px, height_px)

    def _answer(self, request_id: int, future: "Future[FrameHandle]") -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            answer = FrameAt(request_id, future.result())
        elif isinstance(error, SpyoncinoError):
            answer = FrameAt(request_id, None, str(error))
        else:
            sentence = f"The picture could not be decoded ({type(error).__name__}: {error})."
            answer = FrameAt(request_id, None, sentence)
        with contextlib.suppress(PipeClosedError):
            self._tell(answer)
