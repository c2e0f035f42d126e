"""What the page asks of the system: events from the database, cameras and live pictures from here.

It is the one implementation of ``web.backend.Backend``; the module that serves the page feeds it
with what the bus says.
"""

from spyoncino.core.context import ModuleContext
from spyoncino.errors import SpyoncinoError
from spyoncino.modules.chores import Chores
from spyoncino.modules.live_figures import LiveNumbers
from spyoncino.modules.page_metrics import PageFigures, system_metrics
from spyoncino.modules.page_notices import Notices
from spyoncino.modules.page_push import PagePush
from spyoncino.modules.page_video import watched_video
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore
from spyoncino.runtime.frame_ring import FrameHandle
from spyoncino.runtime.jobs import Job, Priority
from spyoncino.runtime.tasks import PICTURE, PictureJob
from spyoncino.schemas.base import Record
from spyoncino.schemas.events import DoorbellEvent, Event
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.media import MediaArtifact
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.status import (
    CameraState,
    CameraStatus,
    ContractNotice,
    HealthSummary,
    StatusNotice,
)
from spyoncino.schemas.topics import MODE_ORDER
from spyoncino.web.backend import EventQuery, MediaFile
from spyoncino.web.hub import RESYNC, Hub
from spyoncino.web.live import LiveFeed
from spyoncino.web.live_video import VideoFeed
from spyoncino.web.views import (
    CameraNews,
    CameraView,
    EventNews,
    EventView,
    HealthNews,
    MediaNews,
    MediaView,
    ModeNews,
    NoticeNews,
    NoticeView,
)

PICTURE_DEADLINE_S = 3.0
"""A live picture that waited longer for a worker is not made. Late pictures are better than none:
on a machine that is too busy all of them wait."""

VIEWER_ATTENDS_S = 5.0
"""A camera that somebody watches decodes every picture, and for so long after the last viewer."""


class PageBackend:
    """Answers the web.

    Args:
        context: Of the module that serves the page.
        picture_quality: JPEG quality of live pictures, 1..100.
    """

    def __init__(self, context: ModuleContext, picture_quality: int) -> None:
        self._context = context
        self._quality = picture_quality
        self._events = EventStore(context.database)
        self._media = MediaStore(context.database)
        self._hub = Hub()
        self._feeds: dict[str, LiveFeed] = {}
        self._videos: dict[str, VideoFeed] = {}
        self._states: dict[str, CameraStatus] = {}
        self._frames: dict[str, int] = {}
        self.adopt_cameras()
        self._encoding: set[str] = set()
        self._notices = Notices()
        self._push = PagePush(context)
        self._summary: HealthSummary | None = None
        self._chores = Chores(context.log)
        self._begun_ns = context.clock.monotonic_ns()
        self._pictures = 0
        self._pictures_failed = 0

    def adopt_cameras(self) -> None:
        """Take the cameras as they are configured now; viewers of one that is gone are let go."""
        cameras = self._context.cameras
        for name in [name for name in self._feeds if name not in cameras]:
            self._feeds.pop(name).close()
            self._videos.pop(name).close()
            self._frames.pop(name)
            self._states.pop(name, None)
        for name in cameras:
            if name not in self._feeds:
                self._feeds[name] = LiveFeed()
                self._videos[name] = watched_video(self._context, name)
                self._frames[name] = 0

    @property
    def hub(self) -> Hub:
        """Where pages hear what happens."""
        return self._hub

    @property
    def push(self) -> PagePush:
        """Where browsers say whether they want to be told."""
        return self._push

    async def close(self) -> None:
        """Let every page and viewer go."""
        self._hub.close()
        for feed in self._feeds.values():
            feed.close()
        for video in self._videos.values():
            video.close()
        await self._chores.cancel()

    def cameras(self) -> tuple[CameraView, ...]:
        """Every configured camera, in the order of the configuration."""
        return tuple(self._view(name) for name in self._context.cameras)

    def notices(self) -> tuple[NoticeView, ...]:
        """The newest few sentences that a person should read, newest first."""
        return tuple(self._notices)

    def health(self) -> HealthSummary | None:
        """The latest summary; ``None`` before the first."""
        return self._summary

    async def events(self, query: EventQuery) -> list[EventView]:
        """Events with their files, newest first; none when ``before`` is no event."""
        before = None
        if query.before is not None:
            before = await self._exactly(query.before)
            if before is None:
                return []
        found = await self._events.find(
            camera=query.camera,
            event_type=query.event_type,
            since=query.since,
            until=query.until,
            before=before,
            limit=query.limit,
        )
        files = await self._media.of_events([event.event_id for event in found])
        return [_with_media(event, files.get(event.event_id, [])) for event in found]

    async def event(self, event_id: str) -> EventView | None:
        """One event by its whole id; ``None`` when there is none."""
        found = await self._exactly(event_id)
        if found is None:
            return None
        return _with_media(found, await self._media.of_event(event_id))

    async def media(self, path: str) -> MediaFile | None:
        """One file by its path as the index has it; ``None`` for everything else."""
        found = await self._media.get(path)
        if found is None:
            return None
        return MediaFile(self._context.data.root / found.path, found.content_type, found.kind)

    async def mode(self, wanted: Mode | None = None) -> Mode:
        """The mode of the house; with ``wanted`` the one that holds from here on.

        Raises:
            RequestError: It cannot be changed, or nobody answers.
        """
        order = ModeOrder(source="page", mode=wanted, author="page")
        answer = await self._context.bus.request(MODE_ORDER, order)
        return SystemMode.model_validate(answer.model_dump()).mode

    async def press(self, doorbell: str, press_id: str | None = None) -> DoorbellEvent:
        """Ring a doorbell; the press survives a crash when this returns.

        Raises:
            UsageError: There is no such doorbell, or the id is none.
            StorageError: It was passed on, but could not be kept.
        """
        return await self._context.doorbells.press(doorbell, "http", press_id)

    def live(self, camera: str) -> LiveFeed | None:
        """The live pictures of a camera; ``None`` when there is no such camera."""
        return self._feeds.get(camera)

    def video(self, camera: str) -> VideoFeed | None:
        """The live video of a camera; ``None`` when there is no such camera."""
        return self._videos.get(camera)

    async def metrics(self) -> bytes:
        """Figures in the text format of Prometheus."""
        uptime_s = (self._context.clock.monotonic_ns() - self._begun_ns) / 1e9
        live = {
            camera: LiveNumbers(feed.viewers, video.viewers, video.shown, video.dropped)
            for camera, feed in self._feeds.items()
            for video in (self._videos[camera],)
        }
        figures = PageFigures(self.cameras(), self._summary, self.numbers(), live, uptime_s)
        return await system_metrics(self._context, figures)

    def numbers(self) -> dict[str, float]:
        """What the page costs."""
        return {
            "pages": float(len(self._hub)),
            "updates_lost": float(self._hub.lost),
            "viewers": float(sum(feed.viewers for feed in self._feeds.values())),
            "video_viewers": float(sum(video.viewers for video in self._videos.values())),
            "video_dropped": float(sum(video.dropped for video in self._videos.values())),
            "pictures": float(self._pictures),
            "pictures_failed": float(self._pictures_failed),
            "pictures_skipped": float(sum(feed.skipped for feed in self._feeds.values())),
        }

    def show(self, frame: Frame) -> None:
        """Make a live picture of a frame if somebody watches and none is being made."""
        camera = frame.frame.camera
        feed = self._feeds.get(camera)
        if feed is None or frame.end_of_stream:
            return
        self._frames[camera] += 1
        if feed.viewers and camera in self._context.captures:
            self._context.captures[camera].attend(VIEWER_ATTENDS_S)
        if feed.viewers and camera not in self._encoding:
            ref = frame.frame
            handle = FrameHandle(ref.ring, ref.slot, ref.generation, ref.width_px, ref.height_px)
            self._context.captures.hold(handle)
            self._encoding.add(camera)
            self._chores.start(self._encode(camera, handle, feed), f"live picture {camera}")

    def tell_event(self, event: Event) -> None:
        """Tell the pages about an event."""
        self._tell(EventNews(event=event))

    async def tell_stored(self, event_id: str) -> None:
        """Tell the pages about an event as its row has it."""
        found = await self._exactly(event_id)
        if found is not None:
            self.tell_event(found)

    def tell_resync(self) -> None:
        """Have the pages ask for the newest events again."""
        self._hub.tell(RESYNC)

    async def tell_media(self, path: str) -> None:
        """Tell the pages about a file of the index."""
        artifact = await self._media.get(path)
        if artifact is not None:
            self._tell(MediaNews(event_id=artifact.event_ref, media=MediaView.of(artifact)))

    def tell_camera(self, status: CameraStatus) -> None:
        """Tell the pages about the state of a camera."""
        self._states[status.camera] = status
        if status.camera in self._feeds:
            self._tell(CameraNews(camera=self._view(status.camera)))

    def tell_mode(self, mode: Mode) -> None:
        """Tell the pages which mode holds."""
        self._tell(ModeNews(mode=mode))

    def tell_health(self, summary: HealthSummary) -> None:
        """Tell the pages how the whole is doing."""
        self._summary = summary
        self._tell(HealthNews(state=summary.state, detail=summary.detail))

    def tell_notice(self, told: ContractNotice | StatusNotice) -> None:
        """Tell the pages what a person should read; who comes later is told, too."""
        self._tell(NoticeNews(notice=self._notices.add(told)))

    def _tell(self, news: Record) -> None:
        if len(self._hub):
            self._hub.tell(news.model_dump_json())

    def _view(self, camera: str) -> CameraView:
        settings = self._context.cameras[camera]
        status = self._states.get(camera)
        doorbell = self._context.doorbells.at_camera(camera)
        before = CameraState.CONNECTING if settings.enabled else CameraState.OFF
        return CameraView(
            camera=camera,
            state=status.state if status else before,
            detail=status.detail if status else "",
            doorbell=None if doorbell is None else doorbell.doorbell_id,
            analysis_fps=settings.analysis_fps,
            frames=self._frames[camera],
            viewers=self._feeds[camera].viewers + self._videos[camera].viewers,
        )

    async def _exactly(self, event_id: str) -> Event | None:
        found = await self._events.get(event_id)
        return found if found is not None and found.event_id == event_id else None

    async def _encode(self, camera: str, handle: FrameHandle, feed: LiveFeed) -> None:
        job = Job(
            PICTURE,
            PictureJob(handle, self._quality),
            Priority.CONTINUOUS,  # a detector that is always busy would starve it for ever
            deadline_s=PICTURE_DEADLINE_S,
            max_retries=0,
        )
        try:
            feed.show(await self._context.pool.submit(job))
            self._pictures += 1
        except SpyoncinoError as error:
            self._pictures_failed += 1
            self._context.log.debug("no live picture", camera=camera, error=str(error))
        finally:
            self._encoding.discard(camera)
            self._context.captures.release(handle)


def _with_media(event: Event, artifacts: list[MediaArtifact]) -> EventView:
    return EventView(event=event, media=tuple(MediaView.of(artifact) for artifact in artifacts))
