"""Joins the live view of a camera's process to the feed that the web shows."""

from spyoncino.core.context import ModuleContext
from spyoncino.runtime.capture.messages import LiveBegun, LiveFragment, LiveMessage
from spyoncino.web.live_video import NoVideo, VideoFeed, VideoPiece, VideoStart


def watched_video(context: ModuleContext, camera: str) -> VideoFeed:
    """The live video of a camera: its process makes it only while somebody watches.

    Args:
        context: Of the module that serves the page.
        camera: Name of the camera; one that is off has no video, and whoever watches waits.
    """

    def watch() -> None:
        if camera in context.captures:
            context.captures[camera].live.begin(take)

    def leave() -> None:
        if camera in context.captures:
            context.captures[camera].live.end()

    def take(message: LiveMessage) -> None:
        if isinstance(message, LiveFragment):
            feed.show(VideoPiece(message.data, message.is_key))
        elif isinstance(message, LiveBegun):
            start = VideoStart(message.mime, message.width_px, message.height_px, message.init)
            feed.begin(start)
        else:
            feed.begin(NoVideo(message.detail))

    feed = VideoFeed(watch, leave)
    return feed
