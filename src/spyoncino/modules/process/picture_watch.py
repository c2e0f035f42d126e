"""Tells when a camera is covered, moved, frozen or dark: judges the looks made beside the decoder.

What each camera usually shows is learned slowly and kept in a small file per camera, so that a
restart neither forgets a view nor takes a camera that was turned for a new one.
"""

import asyncio
import json
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, ModuleSettings, ProcessModule
from spyoncino.core.queues import Policy
from spyoncino.detectors.picture_facts import PictureFacts
from spyoncino.detectors.picture_judge import JudgeSpec, PictureFault, PictureJudge
from spyoncino.errors import MediaError
from spyoncino.media.files import write_atomic
from spyoncino.schemas.picture import PictureLook, PictureState, PictureStatus
from spyoncino.schemas.status import HealthState, HealthStatus
from spyoncino.schemas.topics import CAMERA_LOOK, STATUS_PICTURE

KEEP_EVERY_S: Final = 600.0
"""What was learned is kept this often, and at once when a fault begins or ends."""

TELL_EVERY_S: Final = 60.0
"""A picture that is fine is told so this often; one that is not, with every look."""

_SHAPE: Final = 1

_DEFAULTS = JudgeSpec()


class PictureSettings(ModuleSettings):
    """Section ``picture``: when a camera's picture is bad enough to be told."""

    enabled: bool = Field(
        default=True,
        description="Whether it is looked at; cameras.<id>.picture.enabled for one camera.",
    )
    look_every_s: float = Field(
        default=5.0, ge=1, le=15, description="Seconds between two looks at a picture."
    )
    covered_after_s: float = Field(
        default=_DEFAULTS.covered_after_s,
        ge=30,
        description="Everything indistinct all at once, and for so many seconds: covered.",
    )
    moved_after_s: float = Field(
        default=_DEFAULTS.moved_after_s,
        ge=30,
        description="The usual view for so many seconds at another place of the picture: moved. "
        "Ten times as long where it is nowhere in the picture.",
    )
    frozen_after_s: float = Field(
        default=_DEFAULTS.frozen_after_s,
        ge=60,
        description="Byte for byte the same picture for so many seconds: frozen. Three times as "
        "long as the longest such time so far, if that is more.",
    )
    dark_after_s: float = Field(
        default=_DEFAULTS.dark_after_s,
        ge=60,
        description="Black for so many seconds at an hour at which it was not on former days: "
        "dark. At other hours it needs slow_after_s.",
    )
    slow_after_s: float = Field(
        default=_DEFAULTS.slow_after_s,
        ge=600,
        description="So many seconds if it became indistinct slowly, as by fog or dirt, or dim "
        "or black at an hour that is not known to be light.",
    )
    accept_after_s: float = Field(
        default=_DEFAULTS.accept_after_s,
        ge=600,
        description="A new view that stays for so many seconds becomes a usual one.",
    )

    def to_spec(self) -> JudgeSpec:
        """The same as the pure part wants it."""
        return JudgeSpec(
            covered_after_s=self.covered_after_s,
            moved_after_s=self.moved_after_s,
            frozen_after_s=self.frozen_after_s,
            dark_after_s=self.dark_after_s,
            slow_after_s=self.slow_after_s,
            accept_after_s=self.accept_after_s,
        )


@dataclass(slots=True)
class _Watched:
    """One camera; a lock keeps its file's writers apart."""

    judge: PictureJudge
    kept_s: float
    told_s: float = float("-inf")
    told: PictureFault | None = None
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)


class PictureWatch(ProcessModule[PictureSettings]):
    """Publishes ``status.picture``; the watchman tells people."""

    name = "process.picture_watch"
    section = "picture"
    settings_model = PictureSettings
    per_camera = True
    camera_keys = frozenset({"enabled"})
    consumes = (Consume(CAMERA_LOOK, "on_look", Policy.DROP_OLDEST),)
    publishes = (STATUS_PICTURE,)

    FAULTS: ClassVar[dict[PictureFault, PictureState]] = {
        fault: PictureState(fault.value) for fault in PictureFault
    }

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._watched: dict[str, _Watched] = {}
        self._looks = 0
        self._problem = ""
        self._is_started = False

    async def configure(self, settings: PictureSettings) -> None:
        """Take new settings; a camera that is no longer looked at has nothing wrong."""
        await super().configure(settings)
        for camera, watched in list(self._watched.items()):
            own = self.camera_settings(camera)
            watched.judge.spec = own.to_spec()
            if camera not in self.context.cameras or not own.enabled:
                del self._watched[camera]
                if self._is_started:
                    await self._tell(camera, PictureState.FINE, "it is no longer looked at", {})

    async def start(self) -> None:
        """Read what is known of each camera, and say what was wrong with it when that was kept."""
        self._is_started = True
        if self.context.lossless:
            return
        for camera in self.context.cameras:
            if self.camera_settings(camera).enabled:
                watched = await self._watch(camera)
                await self._say(camera, watched, {})

    async def stop(self) -> None:
        """Keep what was learned."""
        self._is_started = False
        for camera, watched in self._watched.items():
            await self._keep(camera, watched)

    async def health(self) -> HealthStatus:
        """Degraded when what was learned cannot be kept."""
        bad = sum(watched.judge.fault is not None for watched in self._watched.values())
        return HealthStatus(
            state=HealthState.DEGRADED if self._problem else HealthState.OK,
            detail=self._problem,
            numbers={"looks": float(self._looks), "bad_pictures": float(bad)},
        )

    async def on_look(self, look: PictureLook) -> None:
        """Judge one look."""
        camera = look.camera
        if camera not in self.context.cameras or not self.camera_settings(camera).enabled:
            return
        self._looks += 1
        watched = await self._watch(camera)
        judge, before = watched.judge, watched.judge.fault
        local = self.context.clock.utc_now().astimezone()
        await asyncio.to_thread(judge.take, _facts(look), local, self._now_s())
        if judge.fault is not before:
            self._record(look, judge)
        if judge.fault is not before or self._now_s() - watched.kept_s >= KEEP_EVERY_S:
            await self._keep(camera, watched)
        await self._say(
            camera,
            watched,
            {
                "brightness_grey": look.brightness_grey,
                "contrast_grey": look.contrast_grey,
                "sharpness_grey": look.sharpness_grey,
                "structure": look.structure,
                "agreement": judge.agreement,
            },
        )

    # --- telling ---------------------------------------------------------------------------------

    def _record(self, look: PictureLook, judge: PictureJudge) -> None:
        self.context.decisions.record(
            self.name,
            look.camera,
            "picture",
            judge.fault is None,
            f"{judge.fault.value}: {judge.why}" if judge.fault else "the picture is fine again",
            quantity="share of the usual view",
            value=judge.agreement,
            at_s=look.pts_s,
        )

    async def _say(self, camera: str, watched: _Watched, numbers: dict[str, float]) -> None:
        fault = watched.judge.fault
        is_due = self._now_s() - watched.told_s >= TELL_EVERY_S
        if fault is None and watched.told is None and not is_due:
            return
        watched.told, watched.told_s = fault, self._now_s()
        state = self.FAULTS[fault] if fault else PictureState.FINE
        await self._tell(camera, state, watched.judge.why, numbers)

    async def _tell(
        self, camera: str, state: PictureState, detail: str, numbers: dict[str, float]
    ) -> None:
        status = PictureStatus(
            source=self.name,
            timestamp=self.context.clock.utc_now(),
            camera=camera,
            state=state,
            detail=detail,
            numbers=numbers,
        )
        await self.publish(STATUS_PICTURE, status)

    # --- keeping ---------------------------------------------------------------------------------

    async def _watch(self, camera: str) -> _Watched:
        found = self._watched.get(camera)
        if found is None:
            spec = self.camera_settings(camera).to_spec()
            judge = await asyncio.to_thread(_read, self._path(camera), spec)
            found = self._watched.setdefault(camera, _Watched(judge, self._now_s()))
        return found

    async def _keep(self, camera: str, watched: _Watched) -> None:
        watched.kept_s = self._now_s()
        kept = {"shape": _SHAPE, **watched.judge.to_json()}
        async with watched.saving:
            try:
                await asyncio.to_thread(_write, self._path(camera), kept)
            except (MediaError, OSError) as error:
                self._problem = f"What camera {camera} usually shows cannot be kept: {error}"
            else:
                self._problem = ""

    def _path(self, camera: str) -> Path:
        return self.context.data.views / f"{camera}.json"

    def _now_s(self) -> float:
        return self.context.clock.monotonic_ns() / 1e9


def _facts(look: PictureLook) -> PictureFacts:
    return PictureFacts(
        brightness_grey=look.brightness_grey,
        contrast_grey=look.contrast_grey,
        sharpness_grey=look.sharpness_grey,
        structure=look.structure,
        is_grey=look.is_grey,
        same=look.same,
        sketch=b64decode(look.sketch),
    )


def _read(path: Path, spec: JudgeSpec) -> PictureJudge:
    """What was kept; a file that is missing or cannot be read is learned anew."""
    try:
        kept = json.loads(path.read_bytes())
        if kept["shape"] == _SHAPE:
            return PictureJudge.from_json(spec, kept)
    except (OSError, ValueError, TypeError, KeyError):
        pass
    return PictureJudge(spec)


def _write(path: Path, kept: dict[str, object]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(path, json.dumps(kept).encode())
