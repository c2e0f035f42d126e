"""What each camera's capture process is asked to do, from the sections that have a say in it.

The camera's own keys, how long packets are kept (the clip's pre-roll), and the motion detector that
runs beside the decoder.
"""

from typing import TypeVar

from spyoncino.core.config_load import LoadedConfig
from spyoncino.core.contracts import ModuleSettings
from spyoncino.core.doorbell_map import doorbells_of
from spyoncino.core.settings import CameraSettings
from spyoncino.core.source_settings import FileSource, SimSource
from spyoncino.detectors.motion_spec import MotionSpec
from spyoncino.errors import WiringError
from spyoncino.modules.event.clip_builder import ClipSettings
from spyoncino.modules.process.motion_detector import MotionSettings
from spyoncino.modules.process.object_detector import ObjectSettings
from spyoncino.modules.process.picture_watch import PictureSettings
from spyoncino.runtime.capture.idle_gate import IdleGateSpec
from spyoncino.runtime.capture.spec import CaptureSpec

S = TypeVar("S", bound=ModuleSettings)

DECISION_DELAY_S = 15.0
"""Camera time from what happens until its clip is asked for: a track is confirmed within a second
or two, a busy machine may be ten seconds behind."""

LOSSLESS_KEEP_S = 300.0
LOSSLESS_KEEP_BYTES = 256_000_000
"""Packets kept in a lossless run: decoding runs ahead of events by as much as all queues hold."""


def capture_specs(loaded: LoadedConfig, *, lossless: bool = False) -> dict[str, CaptureSpec]:
    """Id of every camera that is used to the spec of its capture process.

    Args:
        loaded: A valid configuration.
        lossless: Nothing may be dropped.

    Raises:
        ConfigError: A source cannot be.
        ValueError: A value no process could work with.
    """
    return {
        name: _spec(loaded, name, camera, lossless=lossless)
        for name, camera in loaded.settings.cameras.items()
        if camera.enabled
    }


def section_of(loaded: LoadedConfig, name: str, model: type[S]) -> S:
    """One section as its owner knows it; its defaults where the module is not there.

    Raises:
        WiringError: Another module has the section.
    """
    section = loaded.sections.get(name, model())
    if not isinstance(section, model):
        raise WiringError(f"section {name} belongs to another module; it must be a {model}")
    return section


def _spec(
    loaded: LoadedConfig, name: str, camera: CameraSettings, *, lossless: bool
) -> CaptureSpec:
    memory = loaded.settings.shared_memory
    packets = loaded.settings.packets
    pre_roll_s = section_of(loaded, "clip", ClipSettings).pre_roll_s
    keep_s = max(packets.keep_s, pre_roll_s + DECISION_DELAY_S)
    keep_bytes = int(packets.max_bytes)
    if lossless:
        keep_s, keep_bytes = max(keep_s, LOSSLESS_KEEP_S), max(keep_bytes, LOSSLESS_KEEP_BYTES)
    bells = doorbells_of(loaded.settings.cameras, loaded.settings.doorbells).values()
    here = [] if lossless else [each.settings for each in bells if each.camera == name]
    return CaptureSpec(
        camera_id=name,
        source=camera.source.to_spec(),
        analysis_fps=camera.analysis_fps,
        ring_slots=memory.ring_slots,
        ring_max_bytes=int(memory.ring_max_bytes),
        recent_s=max((each.before_s for each in here), default=0.0),
        recent_every_s=min((each.burst_interval_s for each in here), default=0.2),
        packet_ring_s=keep_s,
        packet_ring_max_bytes=keep_bytes,
        motion=_motion(loaded, camera),
        masks=camera.masks,
        decoder="software" if lossless else camera.decoder,
        idle_gate=None if lossless else _idle_gate(loaded, camera),
        look_every_s=0.0 if lossless else _look_every_s(loaded, camera),
        is_lossless=lossless,
    )


def _motion(loaded: LoadedConfig, camera: CameraSettings) -> MotionSpec:
    settings = section_of(loaded, "motion", MotionSettings)
    overrides = camera.overrides.get("motion", {})
    return MotionSettings(**{**settings.model_dump(), **overrides}).to_spec()


def _look_every_s(loaded: LoadedConfig, camera: CameraSettings) -> float:
    """Only cameras are looked at: a recording or a drawn door is what it is."""
    if isinstance(camera.source, FileSource | SimSource):
        return 0.0
    settings = section_of(loaded, "picture", PictureSettings)
    merged = PictureSettings(**{**settings.model_dump(), **camera.overrides.get("picture", {})})
    return merged.look_every_s if merged.enabled else 0.0


def _idle_gate(loaded: LoadedConfig, camera: CameraSettings) -> IdleGateSpec | None:
    """How a camera sleeps; not before the object detector has become as idle as that."""
    if not camera.idle_gate.enabled:
        return None
    objects = section_of(loaded, "objects", ObjectSettings)
    active_s = camera.overrides.get("objects", {}).get("active_s", objects.active_s)
    return IdleGateSpec(quiet_s=max(camera.idle_gate.quiet_s, active_s))
