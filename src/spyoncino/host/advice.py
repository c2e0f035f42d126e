"""What is missing on this computer or would be slow, and which setting helps. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from spyoncino.hardware.pi_library import INSTALL
from spyoncino.hardware.platform_detector import RASPBERRY_PI
from spyoncino.host.decoders import DecodeCost, best_of
from spyoncino.host.facts import Device, MachineFacts

MAIN_BYTES = 200_000_000
WORKER_BYTES = 200_000_000
CAPTURE_BYTES = 100_000_000
"""Memory of each process, the budgets that ``benchmarks/`` hold them to; packets come on top."""

CAMERA_SHARE_MAX = 0.5
"""Of one core: beyond this, decoding and motion of one camera leave too little for the rest."""

CAMERA_FPS = 15
"""What a camera is reckoned with; doorbells and cameras send 10 to 30."""

BUSY_SHARE = 0.5
"""Of the cores: a machine busier than this measures somebody else's work too."""


class Verdict(StrEnum):
    """How bad it is."""

    GOOD = "good"
    NOTE = "note"
    SLOW = "slow"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing worth saying.

    Args:
        verdict: How bad it is.
        subject: What it is about, one word.
        sentence: What was found, in plain words.
        help: What to do, with the setting; empty where nothing needs doing.
    """

    verdict: Verdict
    subject: str
    sentence: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the configuration asks of the computer.

    Args:
        analysis_fps: Pictures per second that are analysed, of each enabled camera; of one with
            the defaults where none is configured.
        is_example: No camera is configured.
        missing: Files and devices of cameras that are not there, as camera, key and path.
        workers: Worker processes.
        packet_bytes: Compressed video kept in memory, of each camera.
        ring_bytes: Decoded pictures in shared memory, of each camera.
        media_bytes: Cap of all event media.
        media_free_bytes: Space that must stay free on the disk.
        model: Detector and model that look for objects, in words.
        pi_cameras: Names of the cameras of type ``pi``.
        buttons: Ids of the doorbells with a button at a pin.
    """

    analysis_fps: tuple[float, ...]
    is_example: bool
    missing: tuple[tuple[str, str, str], ...]
    workers: int
    packet_bytes: int
    ring_bytes: int
    media_bytes: int
    media_free_bytes: int
    model: str
    pi_cameras: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()

    @property
    def memory_bytes(self) -> int:
        """Memory of all processes at most, pictures in shared memory included."""
        cameras = len(self.analysis_fps)
        each = CAPTURE_BYTES + self.packet_bytes + self.ring_bytes
        return MAIN_BYTES + self.workers * WORKER_BYTES + cameras * each


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured.

    Args:
        look_ms: One look at a 1280x720 picture; ``None`` when it was not measured.
        looks_per_second: By all workers of the plan together.
        motion_ms: Motion in one such picture.
        decode_ms: Decoding one such picture of H.264.
        decoders: Decoding one picture of 1080p, software first; empty without hardware.
        trouble: Why objects could not be looked for; empty when they could.
    """

    look_ms: float | None = None
    looks_per_second: float = 0.0
    motion_ms: float | None = None
    decode_ms: float | None = None
    decoders: tuple[DecodeCost, ...] = ()
    trouble: str = ""


def remarks_on(facts: MachineFacts, plan: Plan, speed: Speed) -> list[Remark]:
    """Everything worth saying, in the order of a picture's way; trouble is not put first."""
    return [
        *_of_load(facts),
        *_of_cameras(facts, plan),
        *_of_looking(facts, plan, speed),
        *_of_decoding(facts, speed),
        *_of_hardware_decoding(facts, speed),
        *_of_memory(facts, plan),
        *_of_shared_memory(facts, plan),
        *_of_disk(facts, plan),
        *_of_gpio(facts, plan),
    ]


def _of_load(facts: MachineFacts) -> Iterator[Remark]:
    if facts.busy_cores > BUSY_SHARE * facts.cores_allowed:
        yield Remark(
            Verdict.NOTE,
            "load",
            f"the machine is busy (load {facts.busy_cores:.1f} on {facts.cores_allowed:g} cores); "
            "times measured now are longer than on a quiet one",
            "try again when it is quiet",
        )


def _of_cameras(facts: MachineFacts, plan: Plan) -> Iterator[Remark]:
    count = len(plan.analysis_fps)
    for camera, key, path in plan.missing:
        yield Remark(
            Verdict.WRONG,
            "cameras",
            f"what camera {camera} reads is not there: {path}",
            f"plug it in, or correct cameras.{camera}.source.{key}",
        )
    if not plan.is_example:
        plural = "camera is" if count == 1 else "cameras are"
        yield Remark(Verdict.GOOD, "cameras", f"{count} {plural} configured")
    else:
        yield Remark(
            Verdict.NOTE,
            "cameras",
            "no camera is configured; what follows is reckoned for one",
            "`spyoncino run` writes a configuration to begin with",
        )
    if facts.video_devices:
        names = ", ".join(f"{each.path} ({each.name or 'no name'})" for each in facts.video_devices)
        yield Remark(
            Verdict.NOTE,
            "cameras",
            f"video devices here: {names}; USB and Pi cameras were tested against fakes only, "
            "never on a real device",
        )
    yield from _closed_devices(facts.video_devices, "video")
    yield from _of_pi_cameras(facts, plan)


def _of_pi_cameras(facts: MachineFacts, plan: Plan) -> Iterator[Remark]:
    """Whether a Pi camera could be opened; the library is not loaded to find out."""
    is_pi = facts.board.startswith(RASPBERRY_PI)
    if facts.has_picamera2 and (is_pi or plan.pi_cameras):
        yield Remark(
            Verdict.NOTE,
            "cameras",
            "picamera2 is here; Pi cameras (type: pi) were tested against a double of it only, "
            "never on a Raspberry Pi",
        )
    elif plan.pi_cameras:
        names = ", ".join(plan.pi_cameras)
        yield Remark(
            Verdict.WRONG,
            "cameras",
            f"the library picamera2 is missing, which {names} needs",
            INSTALL if is_pi else "a Pi camera needs a Raspberry Pi; use type: usb or type: rtsp",
        )
    elif is_pi:
        yield Remark(
            Verdict.NOTE,
            "cameras",
            "no library for a Pi camera (type: pi); needed for the ribbon cable only",
            INSTALL,
        )


def _closed_devices(devices: Sequence[Device], group: str) -> Iterator[Remark]:
    closed = [each.path for each in devices if not each.is_usable]
    if closed:
        yield Remark(
            Verdict.WRONG,
            "cameras" if group == "video" else group,
            f"this user may not open {', '.join(closed)}",
            f"sudo usermod -aG {group} $USER, then log in again",
        )


def _of_looking(facts: MachineFacts, plan: Plan, speed: Speed) -> Iterator[Remark]:
    for name, reason in facts.broken_detectors.items():
        yield Remark(
            Verdict.WRONG, "objects", f"the back end {name} cannot be loaded: {reason}",
            "install its libraries, or set objects.detector: cpu",
        )  # fmt: skip
    if speed.trouble:
        yield Remark(
            Verdict.WRONG, "objects", speed.trouble,
            "set objects.model to a bundled model, or install spyoncino again",
        )  # fmt: skip
        return
    if speed.look_ms is None:
        yield Remark(Verdict.NOTE, "objects", f"{plan.model} was not measured")
        return
    can_hz = speed.looks_per_second
    wanted_hz = sum(plan.analysis_fps)
    words = (
        f"{plan.model} takes {speed.look_ms:.0f} ms a picture; {plan.workers} "
        f"{'worker looks' if plan.workers == 1 else 'workers look'} at up to {can_hz:.0f} "
        "pictures a second"
    )
    if wanted_hz <= can_hz:
        yield Remark(Verdict.GOOD, "objects", words)
        return
    fair_fps = max(1, math.floor(can_hz / len(plan.analysis_fps)))
    more = "" if plan.workers >= facts.cores_allowed else f", or pool.workers: {plan.workers + 1}"
    yield Remark(
        Verdict.SLOW,
        "objects",
        f"{words}, but {wanted_hz:.0f} are analysed while every camera sees motion; "
        "the rest is left out",
        f"set cameras.<id>.analysis_fps: {fair_fps}{more}, or take a smaller model",
    )


def _of_decoding(facts: MachineFacts, speed: Speed) -> Iterator[Remark]:
    missing = [name for name in ("h264", "hevc", "mjpeg") if name not in facts.decoders]
    if missing:
        yield Remark(
            Verdict.WRONG, "decoding", f"no decoder for {', '.join(missing)}",
            "install the av package from PyPI, whose wheels have them",
        )  # fmt: skip
    hardware = ", ".join(facts.hardware_decoders) or "none"
    words = f"decoders: {', '.join(facts.decoders)}; hardware: {hardware}"
    if speed.decode_ms is None or speed.motion_ms is None:
        yield Remark(Verdict.GOOD, "decoding", words)
        return
    share = CAMERA_FPS * (speed.decode_ms + speed.motion_ms) / 1000.0
    words += (
        f"; a picture of 1280x720 takes {speed.decode_ms:.1f} ms to decode and "
        f"{speed.motion_ms:.1f} ms for motion; "
        f"a camera with {CAMERA_FPS} a second about {share:.0%} of a core"
    )
    if share <= CAMERA_SHARE_MAX:
        yield Remark(Verdict.GOOD, "decoding", words)
    else:
        yield Remark(
            Verdict.SLOW, "decoding", words,
            "let the cameras send smaller pictures or fewer of them (their sub-stream)",
        )  # fmt: skip


def _of_hardware_decoding(facts: MachineFacts, speed: Speed) -> Iterator[Remark]:
    """Whether a device is worth using, by what was measured, never by its name."""
    if not facts.hardware_decoders:
        return
    never = "this program was never run on such a device before"
    if not speed.decoders:
        named = ", ".join(facts.hardware_decoders)
        yield Remark(Verdict.NOTE, "decoding", f"{named} was not measured; {never}")
        return
    costs = ", ".join(
        f"{each.kind} {each.cpu_ms:.1f} ms" if not each.note else f"{each.kind}: {each.note}"
        for each in speed.decoders
    )
    words = f"processor time of one 1080p picture, copied back: {costs}; {never}"
    best = best_of(speed.decoders)
    if best is None:
        yield Remark(Verdict.NOTE, "decoding", f"{words}; software is the better choice")
    else:
        yield Remark(Verdict.NOTE, "decoding", words, f"set cameras.<id>.decoder: {best.kind}")


def _of_memory(facts: MachineFacts, plan: Plan) -> Iterator[Remark]:
    needed = f"all processes may need up to {_size(plan.memory_bytes)}"
    if plan.memory_bytes > facts.memory_bytes:
        yield Remark(
            Verdict.WRONG,
            "memory",
            f"{needed}, and this machine has {_size(facts.memory_bytes)}",
            _less_memory(plan),
        )
    elif plan.memory_bytes > facts.memory_free_bytes:
        yield Remark(
            Verdict.SLOW,
            "memory",
            f"{needed}, and {_size(facts.memory_free_bytes)} of "
            f"{_size(facts.memory_bytes)} are free now",
            _less_memory(plan),
        )
    else:
        yield Remark(Verdict.GOOD, "memory", f"{needed}; {_size(facts.memory_free_bytes)} are free")


def _less_memory(plan: Plan) -> str:
    fewer = "pool.workers: 1 and " if plan.workers > 1 else ""
    return f"set {fewer}packets.max_bytes: 16MB, or stop other programs"


def _of_shared_memory(facts: MachineFacts, plan: Plan) -> Iterator[Remark]:
    cameras = len(plan.analysis_fps)
    needed, room = cameras * plan.ring_bytes, facts.shared_memory
    if not room.is_writable:
        yield Remark(
            Verdict.WRONG, "pictures", f"{room.path} cannot be written",
            "set shared_memory.folder to a folder of yours",
        )  # fmt: skip
    elif needed > room.free_bytes:
        fits = max(1, room.free_bytes // cameras // 1_000_000)
        yield Remark(
            Verdict.WRONG,
            "pictures",
            f"the rings of decoded pictures need {_size(needed)} in {room.path}, where "
            f"{_size(room.free_bytes)} are free",
            f"set shared_memory.ring_max_bytes: {fits}MB, or in a container --shm-size",
        )
    else:
        yield Remark(
            Verdict.GOOD,
            "pictures",
            f"{room.path} has {_size(room.free_bytes)} free, the rings take {_size(needed)}",
        )


def _of_disk(facts: MachineFacts, plan: Plan) -> Iterator[Remark]:
    room = facts.data
    if not room.is_writable:
        yield Remark(
            Verdict.WRONG, "disk", f"{room.path} cannot be written by this user",
            "choose another data folder with --data DIR, or change its owner",
        )  # fmt: skip
    elif room.free_bytes <= plan.media_free_bytes:
        yield Remark(
            Verdict.WRONG,
            "disk",
            f"{room.path} has {_size(room.free_bytes)} free, less than stays free always "
            f"({_size(plan.media_free_bytes)}): every clip would be deleted at once",
            "make room, or choose another data folder with --data DIR",
        )
    elif room.free_bytes - plan.media_free_bytes < plan.media_bytes:
        yield Remark(
            Verdict.NOTE,
            "disk",
            f"{room.path} has {_size(room.free_bytes)} free, less than the cap for media "
            f"({_size(plan.media_bytes)}): the oldest go earlier",
            "nothing needs doing; media.max_bytes sets the cap",
        )
    else:
        yield Remark(Verdict.GOOD, "disk", f"{room.path} has {_size(room.free_bytes)} free")
    if facts.data_on_card:
        yield Remark(
            Verdict.NOTE,
            "disk",
            "events and media are written to an SD card, which wears out",
            "a USB disk or SSD lasts longer: --data DIR",
        )


def _of_gpio(facts: MachineFacts, plan: Plan) -> Iterator[Remark]:
    if facts.gpio_chips:
        names = ", ".join(each.path for each in facts.gpio_chips)
        note = "buttons were tested at mock pins only, never on a Raspberry Pi"
        yield Remark(Verdict.NOTE, "gpio", f"GPIO is here ({names}); {note}")
        yield from _closed_devices(facts.gpio_chips, "gpio")
    else:
        yield Remark(
            Verdict.WRONG if plan.buttons else Verdict.GOOD,
            "gpio",
            "no GPIO; it is needed for a wired button only",
            f"remove gpio from doorbell {plan.buttons[0]}" if plan.buttons else "",
        )
    if plan.buttons and not facts.has_gpio_library:
        lack = f"gpiozero or lgpio is missing, which the button of {plan.buttons[0]} needs"
        yield Remark(Verdict.WRONG, "gpio", lack, "pip install 'spyoncino[gpio]'")


def _size(size_bytes: int) -> str:
    """Bytes for people, in the units of the settings."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1_000_000_000:.1f} GB"
    return f"{size_bytes / 1_000_000:.0f} MB"
