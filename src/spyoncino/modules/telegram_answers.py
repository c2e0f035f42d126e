"""What the bot answers: reads events, cameras, mutes and live pictures, and changes the mode."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from spyoncino.alerts.restraint import end_of_mute
from spyoncino.clients.telegram import Attachment, Post, listed
from spyoncino.core.context import ModuleContext
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.errors import SpyoncinoError, UsageError
from spyoncino.modules.telegram_post import choose
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore
from spyoncino.persistence.mutes import MuteStore
from spyoncino.runtime.frame_ring import FrameHandle
from spyoncino.runtime.jobs import Job, Priority
from spyoncino.runtime.tasks import PICTURE, PictureJob
from spyoncino.schemas.events import Event, Verdict
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.status import CameraStatus, HealthSummary
from spyoncino.schemas.topics import CAMERA_FRAME, MODE_ORDER

NAME: Final = "output.telegram"

EVENTS_SHOWN: Final = 10
EVENTS_SEARCHED: Final = 500
"""Events of a day that are looked through for persons."""

FRAME_WAIT_S: Final = 10.0
"""How long a live picture may take to come: a camera that rests wakes up first."""

PICTURE_QUALITY: Final = 85
"""JPEG quality, 1..100."""


class Answers:
    """Asks the system for what people want to know.

    Args:
        context: Of the module that owns the bot.
    """

    def __init__(self, context: ModuleContext) -> None:
        self._context = context
        self._events = EventStore(context.database)
        self._media = MediaStore(context.database)
        self._mutes = MuteStore(context.database)

    def local_after(self, seconds: float) -> datetime:
        """Local time in so many seconds."""
        return (self._context.clock.utc_now() + timedelta(seconds=seconds)).astimezone()

    async def status(
        self, summary: HealthSummary | None, cameras: Mapping[str, CameraStatus]
    ) -> Post:
        """Mode, health, cameras and mutes."""
        lines = [f"Mode: {(await self._mode(None)).value}"]
        if summary is not None:
            lines.append(f"System: {summary.state.value} {summary.detail}".rstrip())
        for camera in self._context.cameras:
            status = cameras.get(camera)
            state = f"{status.state.value} {status.detail}".rstrip() if status else "connecting"
            lines.append(f"{camera}: {state}")
        muted = await self._mutes.in_force(self._context.clock.utc_now())
        now = self.local_after(0)
        lines += [f"{each.camera} is muted until {end_of_mute(each.until, now)}" for each in muted]
        return Post("", listed(lines))

    async def events(self) -> Post:
        """The newest events."""
        found = await self._events.find(limit=EVENTS_SHOWN)
        return Post("", listed([_line(event) for event in found]) or "Nothing has happened yet.")

    async def who(self) -> Post:
        """Who was seen in the last day, each once, and how many were not known."""
        since = self._context.clock.utc_now() - timedelta(days=1)
        found = await self._events.find(since=since, limit=EVENTS_SEARCHED)
        seen: dict[str, str] = {}
        unknown_count = 0
        for event in found:  # newest first
            for identity in event.identities:
                if identity.decision in (Verdict.KNOWN, Verdict.BLOCKED) and identity.name:
                    when = f"{event.started_at.astimezone():%H:%M} at {event.camera}"
                    seen.setdefault(identity.name, f"{identity.name}, last {when}")
                elif identity.decision is Verdict.UNKNOWN:
                    unknown_count += 1
        lines = list(seen.values())
        if unknown_count:
            lines.append(f"Faces that nobody knows: {unknown_count}")
        return Post("", listed(lines) or "Nobody was recognised in the last 24 hours.")

    async def clip(self, event_id: str) -> Post:
        """The most telling file of an event; of the newest that has one where none is named.

        Raises:
            UsageError: There is no such event, or it has no file.
        """
        if event_id:
            event = await self._events.get(event_id)
            if event is None:
                raise UsageError(f"No single event begins with {event_id!r}; see /events.")
            found = [event]
        else:
            found = await self._events.find(limit=EVENTS_SHOWN)
        files = await self._media.of_events([event.event_id for event in found])
        for event in found:
            paths = [each.path for each in files.get(event.event_id, [])]
            choice = await asyncio.to_thread(choose, self._context.data.root, paths)
            if choice.attachment is not None:
                words = "\n".join(part for part in (_line(event), choice.note) if part)
                return Post("", words, choice.attachment)
        raise UsageError("There is no video or picture that can be sent.")

    async def snapshot(self, camera: str) -> Post:
        """A picture of now.

        Raises:
            UsageError: There is no such camera, or it gives no picture.
            SpyoncinoError: The picture cannot be made.
        """
        cameras = self._context.cameras
        if not camera and len(cameras) == 1:
            (camera,) = cameras
        if camera not in cameras:
            raise UsageError(f"Which camera? There are: {', '.join(cameras) or 'none'}.")
        handle = await self._frame(camera)
        try:
            job = Job(PICTURE, PictureJob(handle, PICTURE_QUALITY), Priority.CONTINUOUS)
            picture: bytes = await self._context.pool.submit(job)
        finally:
            self._context.captures.release(handle)
        words = f"{camera}, {self.local_after(0):%H:%M:%S}"
        return Post("", words, Attachment("photo", picture))

    async def _frame(self, camera: str) -> FrameHandle:
        """The next frame of a camera, leased."""
        coming: asyncio.Future[FrameHandle] = asyncio.get_running_loop().create_future()
        captures = self._context.captures

        async def take(message: Message) -> None:
            frame: Frame = message.payload
            if coming.done() or frame.end_of_stream:
                return
            ref = frame.frame
            handle = FrameHandle(ref.ring, ref.slot, ref.generation, ref.width_px, ref.height_px)
            try:
                captures.hold(handle)
            except SpyoncinoError:  # its slot has another frame by now: the next one
                return
            coming.set_result(handle)

        if camera in captures:
            captures[camera].attend(FRAME_WAIT_S)
        name = f"{NAME} live picture"
        topic = CAMERA_FRAME.of(camera)
        frames = self._context.bus.subscribe(topic, take, name=name, policy=Policy.LATEST)
        try:
            await asyncio.wait({coming}, timeout=FRAME_WAIT_S)
        except asyncio.CancelledError:
            if coming.done():
                captures.release(coming.result())
            raise
        finally:
            frames.close()
        if not coming.done():
            coming.cancel()
            raise UsageError(f"{camera} gives no picture now; see /status.")
        return coming.result()

    async def change_mode(self, mode: Mode) -> Post:
        """Have a mode hold from here on.

        Raises:
            RequestError: It cannot be changed.
        """
        return Post("", f"Mode: {(await self._mode(mode)).value}")

    async def _mode(self, wanted: Mode | None) -> Mode:
        order = ModeOrder(source=NAME, mode=wanted, author="telegram")
        answer = await self._context.bus.request(MODE_ORDER, order)
        return SystemMode.model_validate(answer.model_dump()).mode


def _line(event: Event) -> str:
    when = f"{event.started_at.astimezone():%m-%d %H:%M}"
    what = event.story or f"{event.type} at {event.camera}"
    return f"{when} {what} ({event.event_id[:8]})"
