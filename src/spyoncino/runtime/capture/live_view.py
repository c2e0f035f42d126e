"""The live view of one camera inside its capture process: muxed only while main watches."""

from spyoncino.errors import MediaError
from spyoncino.media.live_mux import Fragment, LiveMuxer
from spyoncino.media.packet_ring import PacketRing
from spyoncino.media.packets import MediaPacket, VideoFormat
from spyoncino.runtime.capture.live_way import LiveWay
from spyoncino.runtime.capture.messages import LiveBegun, LiveFragment, LiveUnavailable


class LiveView:
    """Lives as long as the process: the wish to watch outlasts every connection.

    Args:
        way: The way to main; ``None`` where nobody can ever watch.
    """

    def __init__(self, way: LiveWay | None = None) -> None:
        self._way = way
        self._is_wanted = False
        self._connection = 0
        self._video: VideoFormat | None = None
        self._ring: PacketRing | None = None
        self._muxer: LiveMuxer | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether main watches."""
        return self._is_wanted

    @property
    def sent(self) -> int:
        """Pictures that main was given."""
        return self._way.sent if self._way else 0

    @property
    def dropped(self) -> int:
        """Pictures left out because main was behind."""
        return self._way.dropped if self._way else 0

    def connect(self, video: VideoFormat, ring: PacketRing) -> None:
        """A connection begins; who watches already goes on with it.

        Args:
            video: Format of its packets.
            ring: Where its packets of the last seconds are.
        """
        self.disconnect()
        self._video, self._ring = video, ring
        if self._is_wanted:
            self._begin()

    def disconnect(self) -> None:
        """The connection is over."""
        self._end()
        self._video = self._ring = None

    def watch(self) -> None:
        """Send the kept pictures since the last key frame at once, then each as it comes."""
        if not self._is_wanted:
            self._is_wanted = True
            self._begin()

    def unwatch(self) -> None:
        """Make nothing any more."""
        self._is_wanted = False
        if self._muxer is not None:
            self._muxer.close()
            self._muxer = None
        if self._way is not None:
            self._way.clear()

    def take(self, packet: MediaPacket) -> None:
        """Pass a packet on while somebody watches; never waits."""
        if self._muxer is None:
            return
        try:
            fragment = self._muxer.write(packet)
        except MediaError as error:
            self._give_up(error)
        else:
            self._send(fragment)

    def close(self) -> None:
        """Stop, and give back the way to main."""
        self.unwatch()
        self.disconnect()
        if self._way is not None:
            self._way.close()

    def _begin(self) -> None:
        if self._way is None or self._video is None or self._ring is None:
            return
        try:
            self._muxer = muxer = LiveMuxer(self._video)
        except MediaError as error:
            self._give_up(error)
            return
        self._connection += 1
        size_px = self._video.width_px, self._video.height_px
        self._way.send(LiveBegun(self._connection, muxer.mime, *size_px, muxer.init))
        newest_s = self._ring.newest_s
        if newest_s is not None:
            for packet in self._ring.since(newest_s):
                self.take(packet)

    def _end(self) -> None:
        """The last picture of a connection, which waited for the next one."""
        if self._muxer is not None:
            muxer, self._muxer = self._muxer, None
            self._send(muxer.close())

    def _give_up(self, error: MediaError) -> None:
        self._muxer = None
        if self._way is not None:
            self._way.send(LiveUnavailable(str(error)))

    def _send(self, fragment: Fragment | None) -> None:
        if fragment is not None and self._way is not None:
            self._way.send(
                LiveFragment(self._connection, fragment.data, fragment.is_key, fragment.pts_s)
            )
