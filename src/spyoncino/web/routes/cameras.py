"""Cameras: their states, a picture of now, live pictures.

Live is video as the camera compressed it (fragmented MP4), or JPEG where that cannot be played. The
page takes both from a WebSocket, because a browser opens only six ordinary connections to one
server; ``live.mjpeg`` is for everything that is not our page.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, WebSocket
from starlette.responses import Response, StreamingResponse

from spyoncino.web.backend import Backend
from spyoncino.web.live import LiveFeed
from spyoncino.web.live_video import VideoFeed, VideoStart
from spyoncino.web.routes.socket import until_gone
from spyoncino.web.views import CameraView

PICTURE_TIMEOUT_S = 5.0
"""A live camera has a picture within a second; who waits longer looks at one that is not."""

BOUNDARY = "spyoncino-picture"
NO_SUCH_CAMERA = 4404
"""WebSocket close code, in the range that applications may use (RFC 6455, 7.4.2)."""


def cameras_router(backend: Backend) -> APIRouter:
    """Routes about cameras."""
    router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])

    def feed_of(camera: str) -> LiveFeed:
        feed = backend.live(camera)
        if feed is None:
            raise HTTPException(404, f"There is no camera '{camera[:80]}'.")
        return feed

    @router.get("")
    async def cameras() -> tuple[CameraView, ...]:
        """Every camera and its state."""
        return backend.cameras()

    @router.get("/{camera}/picture.jpg", response_class=Response)
    async def picture(camera: str) -> Response:
        """The next picture as the analysis sees it; 503 when none comes."""
        with feed_of(camera).watched() as viewer:
            try:
                async with asyncio.timeout(PICTURE_TIMEOUT_S):
                    found = await viewer.next()
            except TimeoutError:
                found = None
        if found is None:
            raise HTTPException(503, f"Camera '{camera}' shows no picture at the moment.")
        return Response(found, media_type="image/jpeg")

    @router.get("/{camera}/live.mjpeg", response_class=StreamingResponse)
    async def live_mjpeg(camera: str) -> StreamingResponse:
        """Live pictures, one after the other, for as long as the connection lasts."""
        return StreamingResponse(
            _parts(feed_of(camera)),
            media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}",
        )

    _add_live(router, backend)
    return router


def _add_live(router: APIRouter, backend: Backend) -> None:
    """The WebSocket of the live view, video or pictures."""

    @router.websocket("/{camera}/live")
    async def live(
        socket: WebSocket,
        camera: str,
        form: Annotated[Literal["jpeg", "mp4"], Query(alias="format")] = "jpeg",
    ) -> None:
        await socket.accept()
        feed = backend.live(camera)
        video = backend.video(camera)
        if feed is None or video is None:
            await socket.close(NO_SUCH_CAMERA, "There is no such camera.")
        elif form == "mp4":
            await until_gone(socket, _send_video(socket, video))
        else:
            await until_gone(socket, _send_pictures(socket, feed))


async def _send_pictures(socket: WebSocket, feed: LiveFeed) -> None:
    with feed.watched() as viewer:
        while (picture := await viewer.next()) is not None:
            await socket.send_bytes(picture)


async def _send_video(socket: WebSocket, feed: VideoFeed) -> None:
    with feed.watched() as viewer:
        while (item := await viewer.next()) is not None:
            if isinstance(item, bytes):
                await socket.send_bytes(item)
            else:
                await socket.send_text(item.text())
                if isinstance(item, VideoStart):
                    await socket.send_bytes(item.init)


async def _parts(feed: LiveFeed) -> AsyncIterator[bytes]:
    with feed.watched() as viewer:
        while (picture := await viewer.next()) is not None:
            head = (
                f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                f"Content-Length: {len(picture)}\r\n\r\n"
            )
            yield head.encode() + picture + b"\r\n"
