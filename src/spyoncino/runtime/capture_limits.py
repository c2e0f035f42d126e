"""How patient main is with a capture process, and what it knows about one in numbers."""

from dataclasses import dataclass

from spyoncino.runtime.capture.messages import CaptureCounters, SourceState


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """How patient main is with a capture process.

    Args:
        silence_s: A process that says nothing for this long, and rests, hangs and is killed: ten of
            its heartbeats. With the pause and a new start well below the 30 s of D-REL-03.
        busy_silence_s: The same for one that works or waits for processor or disk: it is slow.
        start_s: The same until its first word: many processes that start at once on a busy machine
            take long, and a killed one would only begin again.
        first_pause_s: Pause before the first restart; each further one is twice as long.
        longest_pause_s: Longest pause between restarts.
        stable_s: A process that lived this long makes the pauses start from the first again.
        stop_s: Time to close clips and end, before a process is killed.
        answer_s: Time for a process to say that it writes a clip.
        inbox: Messages kept for the consumer before the process has to wait.
    """

    silence_s: float = 10.0
    busy_silence_s: float = 20.0
    start_s: float = 60.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    stable_s: float = 30.0
    stop_s: float = 5.0
    answer_s: float = 10.0
    inbox: int = 256


@dataclass(frozen=True, slots=True)
class CaptureStats:
    """A capture process in numbers.

    Args:
        state: Of the source.
        pid: Process id; ``None`` while there is no process.
        restarts: Processes started after the first.
        open_clips: Clips being written.
        last_error: Why the last process ended; empty while none has.
        counters: What the present process said last.
        gaps: Times in which it gave no pictures after it had been live.
        lost_s: Seconds of all of them together, a present one included.
    """

    state: SourceState
    pid: int | None
    restarts: int
    open_clips: int
    last_error: str
    counters: CaptureCounters
    gaps: int = 0
    lost_s: float = 0.0
