from pathlib import Path

from tests.fixtures.payloads import CAMERA, EVENT_ID

from spyoncino.errors import JobFailedError
from spyoncino.modules.event.gif_builder import GifBuilderModule
from spyoncino.runtime.jobs import Priority
from spyoncino.runtime.tasks import PREVIEW, PreviewJob, PreviewResult
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import CLIP_READY, GIF_READY, MEDIA_READY
from spyoncino.testing.harness import ModuleHarness

CLIP = MediaArtifact(
    kind=MediaKind.CLIP,
    event_ref=EVENT_ID,
    camera=CAMERA,
    path=f"media/2026-03-01/{EVENT_ID}/clip.mp4",
    content_type="video/mp4",
    size_bytes=1000,
    start_s=5.0,
    duration_s=12.0,
)


def make(job: PreviewJob) -> PreviewResult:
    return PreviewResult(job.gif_path, job.webp_path, 11, 22, job.width_px, 180, 10, 2.5)


async def test_a_finished_clip_gets_both_previews(module_harness: ModuleHarness) -> None:
    module_harness.pool.answers[PREVIEW] = make
    module = await module_harness.add(GifBuilderModule, width_px=240, max_frames=10)
    await module_harness.feed(CLIP_READY, CLIP)
    await module_harness.drain()
    gif, webp = module_harness.received(GIF_READY)
    assert module_harness.received(MEDIA_READY) == [gif, webp]
    assert (gif.kind, gif.content_type, gif.size_bytes) == (MediaKind.GIF, "image/gif", 11)
    assert (webp.kind, webp.content_type, webp.size_bytes) == (MediaKind.WEBP, "image/webp", 22)
    assert [Path(each.path).name for each in (gif, webp)] == ["preview.gif", "preview.webp"]
    assert {Path(each.path).parent for each in (gif, webp)} == {Path(CLIP.path).parent}
    assert (gif.width_px, gif.height_px) == (240, 180)
    assert (gif.start_s, gif.duration_s) == (5.0, 2.5)
    job = module_harness.pool.asked[0].job
    assert job.priority is Priority.BACKGROUND
    assert job.payload.clip_path == str(module_harness.context.data.root / CLIP.path)
    assert job.payload.max_frames == 10
    assert (await module.health()).numbers == {"written": 1, "failed": 0}


async def test_a_preview_that_fails_is_told(module_harness: ModuleHarness) -> None:
    def fail(_: PreviewJob) -> PreviewResult:
        raise JobFailedError("the clip cannot be read")

    module_harness.pool.answers[PREVIEW] = fail
    module = await module_harness.add(GifBuilderModule)
    await module_harness.feed(CLIP_READY, CLIP)
    await module_harness.drain()
    assert not module_harness.received(GIF_READY)
    assert (await module.health()).state is HealthState.DEGRADED
    assert module_harness.reasons("preview") == [
        (False, "the preview failed: the clip cannot be read")
    ]


async def test_it_can_be_switched_off(module_harness: ModuleHarness) -> None:
    await module_harness.add(GifBuilderModule, enabled=False)
    await module_harness.feed(CLIP_READY, CLIP)
    await module_harness.drain()
    assert not module_harness.pool.asked
