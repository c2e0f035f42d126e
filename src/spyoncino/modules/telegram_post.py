"""What of an alert is shown in a Telegram message: words, the right file, buttons by role."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from spyoncino.clients.telegram import (
    MAX_PHOTO_BYTES,
    MAX_PHOTO_RATIO,
    MAX_PHOTO_SIDES_PX,
    MAX_UPLOAD_BYTES,
    Attachment,
    Button,
    MediaType,
    Post,
)
from spyoncino.errors import MediaError
from spyoncino.media.picture_header import HEAD_BYTES, read_header
from spyoncino.modules.telegram_settings import Role
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.events import Event, EventState, Verdict

MUTE_S: Final = 3600.0
"""How long the button mutes a camera."""

_SHOWN: Final[tuple[tuple[str, MediaType, int], ...]] = (
    (".mp4", "video", MAX_UPLOAD_BYTES),
    (".gif", "animation", MAX_UPLOAD_BYTES),
    (".jpg", "photo", MAX_PHOTO_BYTES),
)
"""Ending, how it is shown and its largest size; the most telling first."""


@dataclass(frozen=True, slots=True)
class RemoteMessage:
    """A message at Telegram, and what it shows; kept as the ``remote_id`` of a delivery.

    Args:
        chat_id: Where it is; differs from the target after a group has moved.
        message_id: Its number there.
        shows: Digest of its file; empty: text only.
    """

    chat_id: int
    message_id: int
    shows: str

    def __str__(self) -> str:
        return f"{self.chat_id}/{self.message_id}/{self.shows}"

    @classmethod
    def parse(cls, remote_id: str) -> Self | None:
        """The message that a ``remote_id`` names; ``None`` when it names none."""
        chat_id, _, rest = remote_id.partition("/")
        message_id, _, shows = rest.partition("/")
        try:
            return cls(int(chat_id), int(message_id), shows)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which file is shown.

    Args:
        attachment: The file; ``None``: none fits or is there.
        digest: Tells it from any other and from an older state of itself; empty: none.
        note: What was left out and why.
    """

    attachment: Attachment | None = None
    digest: str = ""
    note: str = ""


def choose(root: Path, paths: Sequence[str]) -> Choice:
    """The most telling file that Telegram takes; reads sizes from the disk.

    Args:
        root: The data folder.
        paths: Relative to it.
    """
    notes: list[str] = []
    for ending, kind, most_bytes in _SHOWN:
        for path in paths:
            if not path.endswith(ending):
                continue
            file = root / path
            try:
                facts = file.stat()
            except OSError:
                continue  # removed meanwhile; the next one is shown
            size = f"{facts.st_size / 1e6:.0f} MB" if facts.st_size > most_bytes else ""
            if size or (kind == "photo" and (size := _too_wide(file))):
                notes.append(f"The {kind} is too large for Telegram ({size}); the page has it.")
                continue
            identity = f"{path}:{facts.st_size}:{facts.st_mtime_ns}"
            digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
            return Choice(Attachment(kind, file), digest, " ".join(notes))
    return Choice(note=" ".join(notes))


def _too_wide(file: Path) -> str:
    """The size of a picture that has more pixels than Telegram takes; empty: it takes it.

    What is no picture after all is left to Telegram to judge.
    """
    try:
        with file.open("rb") as opened:
            header = read_header(opened.read(HEAD_BYTES))
    except (OSError, MediaError):
        return ""
    sides = sorted((header.width_px, header.height_px))
    if sum(sides) <= MAX_PHOTO_SIDES_PX and sides[1] <= MAX_PHOTO_RATIO * sides[0]:
        return ""
    return f"{header.width_px} × {header.height_px}"


def compose(alert: AlertNotification, choice: Choice, rank: Role) -> Post:
    """The message of an alert for a chat of this rank."""
    repeats_title = alert.text.startswith(alert.title)
    return Post(
        title="" if repeats_title else alert.title,
        text="\n".join(part for part in (alert.text, choice.note) if part),
        attachment=choice.attachment,
        buttons=buttons(alert, rank),
        is_silent=alert.priority is AlertPriority.LOW,
    )


def buttons(alert: AlertNotification, rank: Role) -> tuple[tuple[Button, ...], ...]:
    """What may be pressed under an alert; the console obeys ``verb:argument``."""
    event = alert.event
    if event is None:
        return ()
    first = [Button("Live picture", f"live:{event.camera}")]
    if rank >= Role.MEMBER:
        first.append(Button("Mute 1 h", f"mute:{event.camera}"))
    rows = [tuple(first)]
    if rank >= Role.MEMBER and has_stranger(event):
        rows.append((Button("Name this person", f"name:{event.event_id}"),))
    if rank >= Role.ADMIN:
        rows.append((Button("Arm", "mode:away"), Button("Disarm", "mode:home")))
    return tuple(rows)


def has_stranger(event: Event) -> bool:
    """Whether faces of an event may be named.

    Faces are kept when the event is over (``storage.face_keeper``), of tracks that nobody knows.
    """
    return event.state is EventState.COMPLETED and any(
        each.decision is Verdict.UNKNOWN and each.track_id is not None and each.face_count > 0
        for each in event.identities
    )
