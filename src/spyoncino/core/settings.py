"""The settings that belong to no module: cameras, pool, shared memory, logs, health, privacy.

Each module's own section lives in the module's file; ``core.config_model`` joins both to one
document. Every field has a default except what only the user can know.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ByteSize, Field, field_validator

from spyoncino.core.doorbell_settings import DoorbellSettings
from spyoncino.core.entity_id import EntityId
from spyoncino.core.settings_group import SettingsGroup
from spyoncino.core.source_settings import SourceSettings
from spyoncino.media.hardware_decode import DecoderKind
from spyoncino.schemas.control import ZoneDefinition
from spyoncino.schemas.modes import Mode

BYTES_PER_SMALL_MACHINE = 4_000_000_000
"""Below this much memory ``auto`` takes one worker (memory budget of one camera: 600 MB)."""

AUTO_WORKERS_MAX = 2
"""``auto`` takes no more: two workers keep up with a handful of cameras, each costs 200 MB."""

Corner = tuple[
    Annotated[float, Field(ge=0, le=1)],
    Annotated[float, Field(ge=0, le=1)],
]
MaskPolygon = Annotated[tuple[Corner, ...], Field(min_length=3)]
"""Corners as (x, y), each 0..1 of width and height; at least three."""


class IdleGateSettings(SettingsGroup):
    """What a camera saves while nothing happens."""

    enabled: bool = Field(
        default=True,
        description="Decode only key frames while nothing happens; a change wakes the camera, and "
        "what it slept through is looked at first.",
    )
    quiet_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds without motion after which it sleeps; never less than the detector's "
        "objects.active_s.",
    )


class CameraBase(SettingsGroup):
    """One camera, without the sections of modules that it may override."""

    source: SourceSettings = Field(description="Where its pictures come from.")
    enabled: bool = Field(default=True, description="Whether it is used at all.")
    off_in: tuple[Mode, ...] = Field(
        default=(),
        description="Modes in which it captures nothing, for example [privacy].",
    )
    analysis_fps: float = Field(
        default=5.0, gt=0, le=60, description="Pictures per second that are analysed."
    )
    decoder: DecoderKind = Field(
        default="software",
        description="Where its video is decoded. Try hardware with `spyoncino bench`: copying the "
        "pictures back may cost more than it saves; software goes on where it fails.",
    )
    idle_gate: IdleGateSettings = Field(
        default=IdleGateSettings(), description="Sleeping while nothing happens."
    )
    doorbell: EntityId | None = Field(
        default=None,
        description="Id of the doorbell at the door that this camera looks at: the short form of "
        "doorbells.<id>.camera.",
    )
    zones: tuple[ZoneDefinition, ...] = Field(
        default=(), description="Named polygons of its picture."
    )
    masks: tuple[MaskPolygon, ...] = Field(
        default=(),
        description="Polygons in which motion is never looked for, as lists of [x, y] in 0..1.",
    )

    @field_validator("zones")
    @classmethod
    def _zones_have_their_own_names(
        cls, zones: tuple[ZoneDefinition, ...]
    ) -> tuple[ZoneDefinition, ...]:
        names = [zone.name for zone in zones]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two zones are named {twice[0]!r}; give each its own name")
        return zones


class CameraSettings(CameraBase):
    """One camera as modules see it.

    ``overrides`` maps the section of a module to what ``cameras.<id>.<section>`` sets: top-level
    keys of that section only, each with its complete, validated value.
    """

    overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)


class PoolSettings(SettingsGroup):
    """The worker processes that run models and encode pictures."""

    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = Field(
        default="auto",
        description="How many; auto: one below 4 GB of memory or on one core, else two.",
    )
    max_queue_size: int = Field(
        default=100, ge=1, description="Jobs that may wait; a press always may."
    )
    job_timeout_s: float = Field(
        default=30.0, gt=0, description="A worker that is longer at one job is replaced."
    )
    worker_restart_threshold: int = Field(
        default=10, ge=1, description="Failed jobs in a row after which a worker is replaced."
    )

    def worker_count(self, cores: int, memory_bytes: int) -> int:
        """How many workers this machine gets.

        Args:
            cores: Processor cores that this program may use.
            memory_bytes: Memory of the machine.
        """
        if self.workers != "auto":
            return self.workers
        if memory_bytes < BYTES_PER_SMALL_MACHINE:
            return 1
        return max(1, min(AUTO_WORKERS_MAX, cores))


class SharedMemorySettings(SettingsGroup):
    """The rings in which decoded pictures wait to be looked at."""

    folder: Path | None = Field(
        default=None, description="Where they lie; default /dev/shm, else a temporary folder."
    )
    ring_slots: int = Field(
        default=12, ge=2, le=4096, description="Pictures that one camera's ring holds at most."
    )
    ring_max_bytes: ByteSize = Field(
        default=ByteSize(50_000_000),
        description="Bytes that one camera's ring takes at most; wins over ring_slots.",
    )


class PacketSettings(SettingsGroup):
    """The compressed video that is kept in memory: for pre-roll and for pictures of the past."""

    keep_s: float = Field(default=30.0, ge=2, description="Seconds that each camera keeps.")
    max_bytes: ByteSize = Field(
        default=ByteSize(64_000_000),
        description="Bytes that one camera keeps at most; wins over keep_s.",
    )


class LogSettings(SettingsGroup):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important lines that are written."
    )
    format: Literal["console", "json"] = Field(
        default="console", description="console for people, json for machines."
    )
    file: bool = Field(
        default=True, description="Also write logs/doorbell.log in the data folder, rotating."
    )


class BusSettings(SettingsGroup):
    """The message bus."""

    status_interval_s: float = Field(
        default=5.0, gt=0, description="Seconds between two snapshots on status.bus."
    )
    high_mark: float = Field(
        default=0.8, gt=0, le=1, description="Fill of a queue at which pressure is told."
    )
    max_attempts: int = Field(
        default=5,
        ge=1,
        description="Tries to handle a critical message before it is a dead letter.",
    )


class HealthSettings(SettingsGroup):
    """How the system watches itself."""

    interval_s: float = Field(
        default=30.0, gt=0, description="Seconds between two rounds of asking every module."
    )
    auto_recovery: bool = Field(default=True, description="Restart a module that failed.")
    max_restart_attempts: int = Field(
        default=3, ge=0, description="Restarts of one module before it is put into quarantine."
    )
    restart_cooldown_s: float = Field(
        default=60.0,
        ge=0,
        description="Seconds before the last restart of one module; earlier pauses are shorter, "
        "the first restart is at once.",
    )
    quarantine_s: float = Field(
        default=600.0,
        gt=0,
        description="Seconds until a module in quarantine is tried once more; doubles each time.",
    )
    cpu_threshold: float = Field(
        default=80.0, gt=0, le=100, description="Processor use in per cent above which to warn."
    )
    memory_threshold: float = Field(
        default=85.0, gt=0, le=100, description="Memory use in per cent above which to warn."
    )
    process_memory_bytes: ByteSize = Field(
        default=ByteSize(1_000_000_000),
        description="Memory of one process above which to warn; a worker above it that has grown "
        "is replaced when it is idle.",
    )
    disk_free_bytes: ByteSize = Field(
        default=ByteSize(300_000_000), description="Free disk space below which to warn."
    )
    disk_free_percent: float = Field(
        default=0.5, ge=0, lt=100, description="The same in per cent of the disk."
    )
    shutdown_timeout_s: float = Field(
        default=20.0, gt=0, description="Seconds that finishing open work may take at the end."
    )


class ModulesSettings(SettingsGroup):
    """Which modules run."""

    disabled: tuple[str, ...] = Field(
        default=(), description="Names of modules to leave out; `spyoncino modules list` has them."
    )


class UpdateSettings(SettingsGroup):
    """How settings change while the system runs."""

    watch_file: bool = Field(
        default=True, description="Take over the configuration file when it is saved."
    )
    proof_s: float = Field(
        default=5.0,
        ge=0,
        description="Seconds for which every changed part must be well; else all goes back.",
    )
    camera_wait_s: float = Field(
        default=20.0,
        ge=0,
        description="Seconds in which a changed camera that worked must show pictures again.",
    )
    keep_versions: int = Field(
        default=100, ge=2, description="Numbered versions that are kept to go back to."
    )


class PrivacySettings(SettingsGroup):
    """What may leave this machine."""

    local_only: bool = Field(
        default=False, description="Refuse every setting of a module that tells somebody outside."
    )


class Settings(SettingsGroup):
    """The fixed keys of the configuration."""

    preset: Literal["none", "auto", "raspberry-pi", "high-performance"] = Field(
        default="none",
        description="Defaults for a kind of machine, below everything written here; auto: by its "
        "memory and cores (analyze never measures).",
    )
    data_dir: Path | None = Field(
        default=None,
        description="Database, media, logs. Default: ./data beside the configuration file if it "
        "exists, else the platform's data folder.",
    )
    cameras: dict[EntityId, CameraSettings] = Field(
        default_factory=dict, description="Camera id to its settings."
    )
    doorbells: dict[EntityId, DoorbellSettings] = Field(
        default_factory=dict,
        description="Doorbell id to its settings; one that a camera names needs none.",
    )
    pool: PoolSettings = Field(default=PoolSettings(), description="Worker processes.")
    shared_memory: SharedMemorySettings = Field(
        default=SharedMemorySettings(), description="Rings of decoded pictures."
    )
    packets: PacketSettings = Field(
        default=PacketSettings(), description="Compressed video kept in memory."
    )
    bus: BusSettings = Field(default=BusSettings(), description="The message bus.")
    health: HealthSettings = Field(default=HealthSettings(), description="Watching itself.")
    log: LogSettings = Field(default=LogSettings(), description="Logs.")
    modules: ModulesSettings = Field(default=ModulesSettings(), description="Which modules run.")
    updates: UpdateSettings = Field(
        default=UpdateSettings(), description="Changing settings while the system runs."
    )
    privacy: PrivacySettings = Field(
        default=PrivacySettings(), description="What may leave this machine."
    )
