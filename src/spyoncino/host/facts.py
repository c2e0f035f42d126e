"""What this computer has: read from the kernel and the libraries, judged elsewhere (``advice``).

Everything is read below one root folder, so that tests describe other computers by files. What
cannot be read is zero, empty or ``None``; nothing here raises for it.
"""

import importlib.util
import os
import platform
import re
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import av

from spyoncino.detectors.factory import DetectorFactory
from spyoncino.detectors.store import ModelStore
from spyoncino.hardware.platform_detector import board_name
from spyoncino.media.hardware_decode import DecoderKind, is_built_in

VIDEO_CODECS = ("h264", "hevc", "mjpeg", "av1", "vp9")
"""What cameras send; the first two are recorded as they come."""

CGROUP_MEMORY = "sys/fs/cgroup/memory.max"
CGROUP_CPU = "sys/fs/cgroup/cpu.max"


@dataclass(frozen=True, slots=True)
class Room:
    """A place that holds bytes.

    Args:
        path: The folder, or the nearest one above it that exists.
        total_bytes: Its size; 0 where it is not there.
        free_bytes: What this user may still write.
        is_writable: Whether this user may write there at all.
    """

    path: str
    total_bytes: int
    free_bytes: int
    is_writable: bool


@dataclass(frozen=True, slots=True)
class Device:
    """A device file.

    Args:
        path: For example ``/dev/video0``.
        name: What the driver calls it; may be empty.
        is_usable: Whether this user may read and write it.
    """

    path: str
    name: str
    is_usable: bool


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """One computer as this program sees it.

    Args:
        system: Operating system in words.
        board: Name of the board, where the device tree has one (Raspberry Pi).
        architecture: For example ``x86_64`` or ``aarch64``.
        python: Version of the interpreter.
        cpu: Name of the processor.
        cores: Cores that this program may use.
        cores_allowed: Share of them that a container allows, in cores.
        busy_cores: Mean of the last minute: how many cores had or wanted something to do.
        memory_bytes: Memory, or what a container allows where that is less.
        memory_free_bytes: What programs may still take without swapping.
        shared_memory: Where decoded pictures wait.
        data: Where events and media are written.
        data_on_card: The data folder lies on an SD card (``mmcblk``).
        video_devices: Cameras and video encoders of V4L2.
        gpio_chips: GPIO controllers.
        decoders: Codecs that PyAV can decode.
        hardware_decoders: Kinds of hardware decoding that PyAV was built with *and* for which a
            device is here.
        has_picamera2: Whether the library of Pi cameras can be found; it is not loaded for this.
        detectors: Detector back ends that can run here.
        broken_detectors: Back ends that are installed but cannot be loaded, with the reason.
        models: Bundled models.
        face_detectors: Back ends that can look for faces here.
        broken_face_detectors: Those that are installed but cannot be loaded, with the reason.
        untried_face_detectors: Those that the authors never ran on the hardware named there.
    """

    system: str
    board: str
    architecture: str
    python: str
    cpu: str
    cores: int
    cores_allowed: float
    busy_cores: float
    memory_bytes: int
    memory_free_bytes: int
    shared_memory: Room
    data: Room
    data_on_card: bool
    video_devices: tuple[Device, ...]
    gpio_chips: tuple[Device, ...]
    decoders: tuple[str, ...]
    hardware_decoders: tuple[DecoderKind, ...]
    has_picamera2: bool
    detectors: tuple[str, ...]
    broken_detectors: dict[str, str]
    models: tuple[str, ...]
    face_detectors: tuple[str, ...] = ()
    broken_face_detectors: dict[str, str] = field(default_factory=dict)
    untried_face_detectors: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain data with the names of the fields."""
        return asdict(self)


def gather_facts(data: Path, shared_memory: Path, root: Path = Path("/")) -> MachineFacts:
    """Look around.

    Args:
        data: The data folder; need not exist.
        shared_memory: Folder of the frame rings.
        root: Another root folder for tests; ``data`` and ``shared_memory`` are taken as they are.
    """
    cores = len(os.sched_getaffinity(0))
    total_bytes, free_bytes = _memory(root)
    detectors = DetectorFactory()
    faces = DetectorFactory(task="faces")
    return MachineFacts(
        system=_system(root),
        board=board_name(root),
        architecture=platform.machine(),
        python=platform.python_version(),
        cpu=_cpu_name(root),
        cores=cores,
        cores_allowed=min(float(cores), _cpu_quota(root)),
        busy_cores=_load(root),
        memory_bytes=total_bytes,
        memory_free_bytes=free_bytes,
        shared_memory=room_of(shared_memory),
        data=room_of(data),
        data_on_card=_is_on_card(data, root),
        video_devices=_devices(root, "video", "sys/class/video4linux/{}/name"),
        gpio_chips=_devices(root, "gpiochip", "sys/bus/gpio/devices/{}/of_node/name"),
        decoders=tuple(name for name in VIDEO_CODECS if name in av.codecs_available),
        hardware_decoders=_hardware_decoders(root),
        has_picamera2=importlib.util.find_spec("picamera2") is not None,
        detectors=tuple(detectors.list_available()),
        broken_detectors=dict(detectors.failures),
        models=tuple(entry.name for entry in ModelStore().entries()),
        face_detectors=tuple(faces.list_available()),
        broken_face_detectors=dict(faces.failures),
        untried_face_detectors=faces.list_untried(),
    )


def room_of(folder: Path) -> Room:
    """How much room there is, at the folder or the nearest one above it that exists."""
    there = next((path for path in (folder, *folder.absolute().parents) if path.is_dir()), folder)
    try:
        facts = shutil.disk_usage(there)
    except OSError:
        return Room(str(folder), 0, 0, is_writable=False)
    return Room(str(there), facts.total, facts.free, os.access(there, os.W_OK | os.X_OK))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _system(root: Path) -> str:
    named = re.search(r'^PRETTY_NAME="?([^"\n]+)', _text(root / "etc/os-release"), re.MULTILINE)
    return f"{named.group(1) if named else platform.system()}, kernel {platform.release()}"


def _cpu_name(root: Path) -> str:
    named = re.search(
        r"^(?:model name|Model)\s*:\s*(.+)$", _text(root / "proc/cpuinfo"), re.MULTILINE
    )
    return named.group(1).strip() if named else platform.machine()


def _load(root: Path) -> float:
    """Load of the last minute (proc(5), loadavg)."""
    words = _text(root / "proc/loadavg").split()
    return float(words[0]) if words else 0.0


def _memory(root: Path) -> tuple[int, int]:
    """Total and available bytes; a container's limit (cgroup v2) counts where it is less."""
    text = _text(root / "proc/meminfo")
    sizes = {
        name: 1024 * int(kib) for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)
    }
    total, free = sizes.get("MemTotal", 0), sizes.get("MemAvailable", 0)
    limit = _text(root / CGROUP_MEMORY).strip()
    if limit.isdigit() and 0 < int(limit) < total:
        used = _text(root / CGROUP_MEMORY.replace("max", "current")).strip()
        total = int(limit)
        free = min(free, max(0, total - int(used))) if used.isdigit() else min(free, total)
    return total, free


def _cpu_quota(root: Path) -> float:
    """Cores that a container may use (cgroup v2: quota and period in microseconds)."""
    words = _text(root / CGROUP_CPU).split()
    if len(words) == 2 and all(word.isdigit() for word in words):
        return int(words[0]) / int(words[1])
    return float("inf")


def _devices(root: Path, prefix: str, name_at: str) -> tuple[Device, ...]:
    paths = sorted(
        (path for path in (root / "dev").glob(f"{prefix}*") if path.name[len(prefix) :].isdigit()),
        key=lambda path: int(path.name[len(prefix) :]),
    )
    return tuple(
        Device(
            f"/dev/{path.name}",
            _text(root / name_at.format(path.name)).strip("\0 \n"),
            os.access(path, os.R_OK | os.W_OK),
        )
        for path in paths
    )


def _hardware_decoders(root: Path) -> tuple[DecoderKind, ...]:
    """What PyAV was built with, as far as its device file is here."""
    found: list[DecoderKind] = []
    if (root / "dev/nvidia0").exists():
        found.append("cuda")
    if any((root / "dev/dri").glob("renderD*")):
        found += ["vaapi", "qsv", "drm"]
    names = (_text(path) for path in root.glob("sys/class/video4linux/video*/name"))
    if any("codec" in name for name in names):
        found.append("v4l2m2m")
    return tuple(kind for kind in found if is_built_in("h264", kind))


def _is_on_card(data: Path, root: Path) -> bool:
    """Whether the file system with the longest fitting mount point is on an SD card."""
    wanted = data.absolute()
    best, device = -1, ""
    for line in _text(root / "proc/mounts").splitlines():
        words = line.split()
        if len(words) > 1 and wanted.is_relative_to(words[1]) and len(words[1]) > best:
            best, device = len(words[1]), words[0]
    return device.startswith("/dev/mmcblk")
