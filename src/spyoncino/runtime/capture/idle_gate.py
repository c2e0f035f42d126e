"""Decides which packets of a camera are worth decoding: all of them, or key frames alone.

Pure: packet facts and motion facts go in, verdicts come out; all times are camera time. A wake
costs a few decoded pictures, a missed visitor costs the visit, so it wakes rather too often.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from spyoncino.runtime.capture.packet_sizes import PacketSizes

GateState = Literal["off", "awake", "asleep", "unfit"]
"""``unfit``: the stream has key frames too rarely, or nothing else."""

MAX_GOP_S = 4.2
"""Longest time between key frames with which a camera may sleep: cameras ship with 1 to 4 s, and a
visitor whom the packet sizes do not betray is noticed that late (the event starts in time)."""

MIN_GOPS = 2
"""Regular groups of pictures in a row before the stream is trusted to go on like that."""

SETTLE_S = 1.0
"""Packet sizes count as those of a quiet scene this long after the last motion."""

MAX_UNMEASURED_S = 2.0
"""A longer time without a measurement while awake may hide motion, and counts as motion."""


@dataclass(frozen=True, slots=True)
class IdleGateSpec:
    """How a camera falls asleep.

    Args:
        quiet_s: Seconds without motion after which only key frames are decoded. While somebody may
            stand still in view the object detector looks once a second; so as long as that.
        look_s: Seconds that it stays awake after a wake in which nothing moved.
    """

    quiet_s: float = 30.0
    look_s: float = 3.0

    def __post_init__(self) -> None:
        """Refuse values no gate could work with.

        Raises:
            ValueError: One sentence that names the setting and its value.
        """
        if self.quiet_s <= 0 or self.look_s <= 0:
            raise ValueError(f"idle gate: {self.quiet_s} and {self.look_s} must be more than 0 s")


class Verdict(StrEnum):
    """What to do with a packet."""

    DECODE = "decode it"
    PROBE = "decode it alone and compare it with the background"
    SKIP = "leave it alone"
    WAKE = "decode everything since the last key frame, it included"


class WakeReason(StrEnum):
    """What ended a sleep."""

    SIZES = "sizes"
    CHANGE = "change"
    ASKED = "asked"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class GateCounters:
    """What a gate did since the source was opened.

    Args:
        state: Now.
        asleep_s: Camera time slept through.
        packets_skipped: Packets that were never decoded.
        packets_replayed: Packets decoded later, when something woke it.
        wakes_sizes: Wakes because packets grew.
        wakes_change: Wakes because a key frame differed from the background.
        wakes_asked: Wakes because main asked for pictures.
        wakes_fault: Wakes because a key frame was damaged or did not come.
    """

    state: GateState = "off"
    asleep_s: float = 0.0
    packets_skipped: int = 0
    packets_replayed: int = 0
    wakes_sizes: int = 0
    wakes_change: int = 0
    wakes_asked: int = 0
    wakes_fault: int = 0


class IdleGate:
    """The gate of one connection. ``take`` each video packet once, in decoding order.

    It falls asleep at a key frame only, so that what was skipped can always be decoded later.

    Args:
        spec: How it falls asleep.
    """

    def __init__(self, spec: IdleGateSpec) -> None:
        self._spec = spec
        self._sizes = PacketSizes()
        self._now_s: float | None = None
        self._key_s: float | None = None
        self._regular_gops = 0
        self._since_key = 0
        self._is_asleep = False
        self._is_false_alarm = False
        self._wake_wanted: WakeReason | None = None
        self._awake_until_s = float("-inf")
        self._moved_s = float("-inf")
        self._measured_s = 0.0
        self._asleep_s = 0.0
        self._skipped = 0
        self._replayed = 0
        self._wakes = dict.fromkeys(WakeReason, 0)

    @property
    def is_asleep(self) -> bool:
        """Whether only key frames are decoded."""
        return self._is_asleep

    @property
    def counters(self) -> GateCounters:
        """What it did so far."""
        state: GateState = "awake"
        if self._is_asleep:
            state = "asleep"
        elif self._regular_gops < MIN_GOPS and self._now_s is not None:
            state = "unfit"
        return GateCounters(
            state=state,
            asleep_s=self._asleep_s,
            packets_skipped=self._skipped,
            packets_replayed=self._replayed,
            wakes_sizes=self._wakes[WakeReason.SIZES],
            wakes_change=self._wakes[WakeReason.CHANGE],
            wakes_asked=self._wakes[WakeReason.ASKED],
            wakes_fault=self._wakes[WakeReason.FAULT],
        )

    def take(self, dts_s: float, size_bytes: int, *, is_key: bool) -> Verdict:
        """What to do with the next packet.

        Args:
            dts_s: When it is decoded.
            size_bytes: Its size.
            is_key: Decoding may begin here.
        """
        if self._is_asleep and self._now_s is not None:
            self._asleep_s += max(0.0, dts_s - self._now_s)
        if self._now_s is None:
            self._awake_until_s = dts_s + self._spec.quiet_s
            self._measured_s = dts_s
        self._now_s = dts_s
        return self._take_key(dts_s) if is_key else self._take_other(dts_s, size_bytes)

    def note_motion(self, pts_s: float, *, is_moving: bool) -> None:
        """A decoded picture was compared with the background."""
        measured_s = self._measured_s
        self._measured_s = pts_s
        is_blind = (
            not self._is_asleep and measured_s is not None and pts_s - measured_s > MAX_UNMEASURED_S
        )
        if not is_moving and not is_blind:
            return
        self._moved_s = pts_s
        self._awake_until_s = max(self._awake_until_s, pts_s + self._spec.quiet_s)
        self._is_false_alarm = False
        if self._is_asleep:
            self._wake_wanted = WakeReason.CHANGE

    def attend(self, for_s: float) -> bool:
        """Main needs every picture for a while; whether that ends a sleep."""
        if self._now_s is not None:
            self._awake_until_s = max(self._awake_until_s, self._now_s + for_s)
        if not self._is_asleep:
            return False
        self.wake(WakeReason.ASKED)
        return True

    def wake(self, reason: WakeReason) -> None:
        """End the sleep; everything skipped since the last key frame must be decoded now."""
        self._wakes[reason] += 1
        self._is_asleep = False
        self._wake_wanted = None
        self._is_false_alarm = reason is WakeReason.SIZES
        now_s = self._now_s or 0.0
        self._measured_s = now_s
        self._awake_until_s = max(self._awake_until_s, now_s + self._spec.look_s)
        if reason is WakeReason.FAULT:
            self._regular_gops = 0

    def note_replayed(self, count: int) -> None:
        """So many packets that had been skipped are decoded after all."""
        self._skipped -= count
        self._replayed += count

    def _take_key(self, dts_s: float) -> Verdict:
        if self._key_s is not None:
            is_regular = dts_s - self._key_s <= MAX_GOP_S and self._since_key > 0
            self._regular_gops = self._regular_gops + 1 if is_regular else 0
        self._key_s, self._since_key = dts_s, 0
        if not self._is_asleep:
            if not self._may_sleep(dts_s):
                return Verdict.DECODE
            self._fall_asleep()
        return Verdict.PROBE

    def _take_other(self, dts_s: float, size_bytes: int) -> Verdict:
        self._since_key += 1
        if self._is_asleep:
            reason = self._wake_reason(dts_s, size_bytes)
            self._skipped += 1
            if reason is None:
                self._sizes.learn(size_bytes)
                return Verdict.SKIP
            self.wake(reason)
            return Verdict.WAKE
        if dts_s - self._moved_s > SETTLE_S:
            self._sizes.learn(size_bytes)
        return Verdict.DECODE

    def _wake_reason(self, dts_s: float, size_bytes: int) -> WakeReason | None:
        if self._wake_wanted is not None:
            return self._wake_wanted
        if self._key_s is not None and dts_s - self._key_s > MAX_GOP_S:
            return WakeReason.FAULT
        return WakeReason.SIZES if self._sizes.is_jump(size_bytes) else None

    def _may_sleep(self, dts_s: float) -> bool:
        return (
            dts_s >= self._awake_until_s
            and self._regular_gops >= MIN_GOPS
            and self._sizes.is_known
            and dts_s - self._measured_s <= MAX_UNMEASURED_S
        )

    def _fall_asleep(self) -> None:
        if self._is_false_alarm:
            self._sizes.blame()
        self._is_false_alarm = False
        self._is_asleep = True
        self._sizes.restart()
