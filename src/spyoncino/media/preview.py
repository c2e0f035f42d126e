"""Small moving pictures of a clip, as GIF and as animated WebP, for messages and lists."""

import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from spyoncino.errors import MediaError, SourceError
from spyoncino.media.decode import DecodedFrame, FrameDecoder
from spyoncino.media.demux import Demuxer
from spyoncino.media.files import replacing
from spyoncino.media.packets import MediaPacket, VideoFormat

PREVIEW_FPS = 6.0
"""Pictures a second when played: 24 of them last 4 s."""

WEBP_QUALITY = 60
"""0..100; about half the bytes of the GIF at a better look (320 px wide)."""

MIN_SIDE_PX = 2
"""The smallest picture that both encoders take in 4:2:0."""


@dataclass(frozen=True, slots=True)
class PreviewFacts:
    """What was made; plain values, so that they travel to other processes.

    Args:
        gif_path: The GIF.
        webp_path: The animated WebP.
        width_px: Width of both.
        height_px: Height of both.
        frame_count: Pictures in each.
        duration_s: How long each plays.
        gif_size_bytes: Size of the GIF.
        webp_size_bytes: Size of the WebP.
    """

    gif_path: str
    webp_path: str
    width_px: int
    height_px: int
    frame_count: int
    duration_s: float
    gif_size_bytes: int
    webp_size_bytes: int


def make_preview(
    clip_path: Path,
    gif_path: Path,
    webp_path: Path,
    *,
    width_px: int = 320,
    max_frames: int = 24,
    fps: float = PREVIEW_FPS,
) -> PreviewFacts:
    """Sample a clip evenly and write both previews, each whole or not at all.

    Where a clip has enough key frames only these are decoded; otherwise each group of pictures is
    decoded up to the last picture wanted from it.

    Args:
        clip_path: Any video file.
        gif_path: Where the GIF goes.
        webp_path: Where the WebP goes.
        width_px: Width of the previews; narrower clips keep theirs.
        max_frames: Pictures at most.
        fps: Pictures a second when played.

    Raises:
        MediaError: The clip cannot be read or decoded, or the disk refused.
    """
    pictures = sampled_pictures(clip_path, width_px, max_frames)
    step = Fraction(1) / Fraction(fps).limit_denominator(100)
    try:
        with replacing(gif_path) as temporary:
            _write_gif(pictures, temporary, step)
        with replacing(webp_path) as temporary:
            _write_webp(pictures, temporary, step)
    except FFmpegError as error:
        raise MediaError(f"The preview {gif_path} cannot be encoded: {error}.") from error
    return PreviewFacts(
        gif_path=str(gif_path),
        webp_path=str(webp_path),
        width_px=pictures[0].width,
        height_px=pictures[0].height,
        frame_count=len(pictures),
        duration_s=float(step * len(pictures)),
        gif_size_bytes=gif_path.stat().st_size,
        webp_size_bytes=webp_path.stat().st_size,
    )


def sampled_pictures(clip_path: Path, width_px: int, max_frames: int) -> list[VideoFrame]:
    """Pictures spread evenly over a clip, small, in RGB, in order.

    The clip is read twice, first for its times alone, so that its packets need not be kept.

    Raises:
        MediaError: The clip cannot be read, or nothing in it can be decoded.
    """
    try:
        with contextlib.closing(Demuxer(str(clip_path))) as demuxer:
            keys, others = _times(demuxer.packets())
        moments = _moments(keys, others, max_frames)
        with contextlib.closing(Demuxer(str(clip_path))) as demuxer:
            reformatter = VideoReformatter()
            width, height = _preview_size(demuxer.video, width_px)
            pictures = [
                reformatter.reformat(picture, width, height, "rgb24", interpolation="AREA")
                for picture in _pictures_at(demuxer, keys, moments)
            ]
    except SourceError as error:
        raise MediaError(f"No preview can be made. {error}") from error
    if not pictures:
        raise MediaError(f"No preview can be made: no picture of {clip_path} can be decoded.")
    return pictures


def _preview_size(video: VideoFormat, width_px: int) -> tuple[int, int]:
    width = max(MIN_SIDE_PX, min(width_px, video.width_px) // 2 * 2)
    height = round(video.height_px * width / video.width_px / 2) * 2
    return width, max(MIN_SIDE_PX, height)


def _times(packets: Iterable[MediaPacket]) -> tuple[list[float], list[float]]:
    """Times of the key frames and of all other pictures behind the first key frame."""
    keys: list[float] = []
    others: list[float] = []
    for packet in packets:
        if packet.kind != "video":
            continue
        if packet.is_key:
            keys.append(packet.pts_s)
        elif keys:
            others.append(packet.pts_s)
    return keys, others


def _moments(keys: Sequence[float], others: Sequence[float], max_frames: int) -> list[float]:
    """Times of the pictures to take: key frames where there are enough of them, else any."""
    has_enough_keys = len(keys) * 2 >= max_frames
    candidates = list(keys) if has_enough_keys else sorted([*keys, *others])
    count = min(max_frames, len(candidates))
    if count <= 1:
        return candidates[:count]
    step = (len(candidates) - 1) / (count - 1)
    return [candidates[round(index * step)] for index in range(count)]


def _pictures_at(
    demuxer: Demuxer, keys: Sequence[float], moments: Sequence[float]
) -> Iterator[VideoFrame]:
    """The pictures shown at the given rising times, decoding each group only as far as needed."""
    wanted: dict[int, list[float]] = {}
    for moment in moments:
        wanted.setdefault(max(0, bisect_right(keys, moment) - 1), []).append(moment)
    slack_s = 0.5 * demuxer.video.frame_s
    decoder, due, index = FrameDecoder(demuxer.video), list[float](), -1
    for packet in demuxer.packets():
        if packet.kind != "video":
            continue
        if packet.is_key:
            yield from _taken(decoder.flush() if due else (), due, slack_s)
            index += 1
            decoder, due = FrameDecoder(demuxer.video), wanted.get(index, [])
        if due:
            yield from _taken(decoder.decode(packet), due, slack_s)
    yield from _taken(decoder.flush() if due else (), due, slack_s)


def _taken(
    frames: Iterable[DecodedFrame], due: list[float], slack_s: float
) -> Iterator[VideoFrame]:
    """The pictures that are due; takes their times off the list."""
    for frame in frames:
        if due and frame.pts_s >= due[0] - slack_s:
            due.pop(0)
            yield frame.picture


def _write_gif(pictures: Sequence[VideoFrame], path: Path, step: Fraction) -> None:
    """GIF with one palette of 256 colours made for these pictures."""
    with av.open(f"file:{path}", mode="w", format="gif", options={"loop": "0"}) as container:
        stream = container.add_stream("gif", rate=1 / step)
        _prepare(stream, pictures[0], "pal8", step)
        graph = _palette_graph(pictures[0], step)
        for index, picture in enumerate(pictures):
            picture.pts, picture.time_base = index, step
            graph.vpush(picture)
        graph.vpush(None)
        while True:
            try:
                frame = graph.vpull()
            except (BlockingIOError, EOFError):
                break
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _palette_graph(picture: VideoFrame, step: Fraction) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=picture.width, height=picture.height, format=picture.format, time_base=step
    )
    split = graph.add("split")
    generate = graph.add("palettegen", "stats_mode=full")
    use = graph.add("paletteuse", "dither=bayer:bayer_scale=5:diff_mode=rectangle")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(generate, 1, 0)
    generate.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


def _write_webp(pictures: Sequence[VideoFrame], path: Path, step: Fraction) -> None:
    with av.open(f"file:{path}", mode="w", format="webp", options={"loop": "0"}) as container:
        stream = container.add_stream("libwebp_anim", rate=1 / step)
        _prepare(stream, pictures[0], "yuv420p", step)
        stream.codec_context.options = {"quality": str(WEBP_QUALITY)}
        _encode_all(pictures, container, stream, step)


def _encode_all(
    pictures: Sequence[VideoFrame], container: OutputContainer, stream: VideoStream, step: Fraction
) -> None:
    for index, picture in enumerate(pictures):
        picture.pts, picture.time_base = index, step
        container.mux(stream.encode(picture))
    container.mux(stream.encode(None))


def _prepare(stream: VideoStream, picture: VideoFrame, pix_fmt: str, step: Fraction) -> None:
    stream.width, stream.height = picture.width, picture.height
    stream.pix_fmt = pix_fmt
    stream.codec_context.time_base = step
