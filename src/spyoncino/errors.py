"""The error family. A class says how to react; its message is the sentence a person reads.

Family tree::

    SpyoncinoError              anything this program raises on purpose
    ├── UsageError              wrong command line or argument: change the call (exit code 2)
    ├── ConfigError             a setting is wrong: names file, line, key and what would be right
    ├── SourceError             a camera or file cannot be opened or read
    │   ├── SourceEndedError    the file is over; nothing is broken
    │   ├── SourceRefusedError  name or password are wrong: ask the user, try rarely
    │   └── SourceChangedError  its picture has another size now: open it again at once
    ├── SourceStuckError        a library holds on to a camera: end this process, begin a new one
    ├── PinError                a pin of this computer cannot be used: no library, no chip, taken
    ├── MediaError              packets or pictures cannot be written, cut or encoded
    ├── ModelError              a model file is missing, altered or of an unknown shape
    ├── StaleFrameError         its slot holds another frame by now: drop and count
    ├── RingFullError           shared memory or the pinned area is full
    ├── JobError                a job of the worker pool could not be done
    │   ├── JobExpiredError     its deadline passed before a worker was free
    │   ├── JobRejectedError    the queue was full and the job could be shed
    │   └── JobFailedError      it failed after all its retries
    ├── StorageError            the database or the disk refused: locked, corrupt, full
    │   └── DamagedFileError    the file is corrupt: waiting does not mend it
    ├── DeliveryError           a message did not reach its channel: try again later
    │   ├── DeliveryLaterError  it was not tried yet: the channel's pace wants a pause
    │   └── DeliveryRefusedError  the channel will never take it: give up, tell the user
    ├── RequestError            nobody answered a question on the bus in time, or could not
    ├── WiringError             modules do not fit: unknown name, cyclic topics, wrong type
    └── BusClosedError          publish or subscribe after the bus was stopped

Every message says what happened, to which camera, file or key, and what to do next.
"""


class SpyoncinoError(Exception):
    """Base of every deliberate error; ``str(error)`` is one sentence for a person."""


class UsageError(SpyoncinoError):
    """The command line or a call argument is wrong."""


class ConfigError(SpyoncinoError):
    """One or more settings are wrong.

    Args:
        problems: One sentence for each wrong setting, with file, line and key.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SourceError(SpyoncinoError):
    """A source of pictures cannot be opened or read."""


class SourceEndedError(SourceError):
    """A source with an end, such as a file, is over."""


class SourceRefusedError(SourceError):
    """A camera does not accept the name and password; trying often would lock the account."""


class SourceChangedError(SourceError):
    """A live source goes on with pictures of another size."""


class SourceStuckError(SpyoncinoError):
    """A library of this process holds on to a camera; only a new process can open it again.

    No ``SourceError``: whoever tries again in the same process would try for ever.
    """


class PinError(SpyoncinoError):
    """A pin of this computer cannot be had."""


class MediaError(SpyoncinoError):
    """Packets or pictures cannot be written, cut or encoded."""


class ModelError(SpyoncinoError):
    """A model file is missing, altered or of an unknown shape."""


class StaleFrameError(SpyoncinoError):
    """The slot of a frame reference holds another frame by now."""


class RingFullError(SpyoncinoError):
    """Shared memory cannot be had, or every slot is leased."""


class JobError(SpyoncinoError):
    """A job of the worker pool could not be done."""


class JobExpiredError(JobError):
    """The deadline of a job passed before it was done."""


class JobRejectedError(JobError):
    """The job queue was full and this job could be shed."""


class JobFailedError(JobError):
    """A job failed after all its retries."""


class StorageError(SpyoncinoError):
    """The database or the disk refused."""


class DamagedFileError(StorageError):
    """A database file is corrupt; unlike a lock or a full disk, this does not pass."""


class DeliveryError(SpyoncinoError):
    """A message did not reach its channel this time.

    Args:
        sentence: What happened.
        retry_after_s: How long the channel asked to be left alone; ``None`` where it did not say.
    """

    def __init__(self, sentence: str, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class DeliveryLaterError(DeliveryError):
    """A message was not tried yet: the limits of its channel want a pause. No failure."""


class DeliveryRefusedError(DeliveryError):
    """A channel will never take this message; trying again is useless."""


class RequestError(SpyoncinoError):
    """A question on the bus has no answer."""


class WiringError(SpyoncinoError):
    """Modules do not fit together."""


class BusClosedError(SpyoncinoError):
    """The bus was used after it was stopped."""
