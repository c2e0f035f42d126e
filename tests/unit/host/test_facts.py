import json
from pathlib import Path

import pytest

from spyoncino.host.facts import gather_facts, room_of


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """A Raspberry Pi by files: 2 GB, a USB camera, its own encoder, an SD card."""
    root = tmp_path / "pi"
    files = {
        "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Raspberry Pi OS"\n',
        "proc/device-tree/model": "Raspberry Pi 4 Model B\0",
        "proc/cpuinfo": "processor : 0\nModel : Raspberry Pi 4 Model B Rev 1.4\n",
        "proc/meminfo": "MemTotal: 2000000 kB\nMemFree: 1 kB\nMemAvailable: 1500000 kB\n",
        "proc/loadavg": "0.50 0.40 0.30 1/100 4242\n",
        "proc/mounts": "/dev/mmcblk0p2 / ext4 rw 0 0\n/dev/sda1 /mnt/disk ext4 rw 0 0\n",
        "dev/video0": "",
        "dev/video10": "",
        "dev/video-nonsense": "",
        "dev/gpiochip0": "",
        "sys/class/video4linux/video0/name": "HD Webcam\n",
        "sys/class/video4linux/video10/name": "bcm2835-codec-decode\n",
        "sys/bus/gpio/devices/gpiochip0/of_node/name": "gpio\0",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_raspberry_pi_is_described_from_its_files(pi: Path, tmp_path: Path) -> None:
    facts = gather_facts(tmp_path / "data", tmp_path, pi)
    assert facts.board == "Raspberry Pi 4 Model B"
    assert facts.cpu == "Raspberry Pi 4 Model B Rev 1.4"
    assert facts.system.startswith("Raspberry Pi OS, kernel ")
    assert (facts.memory_bytes, facts.memory_free_bytes) == (2_048_000_000, 1_536_000_000)
    assert facts.busy_cores == 0.5
    assert [(each.path, each.name) for each in facts.video_devices] == [
        ("/dev/video0", "HD Webcam"),
        ("/dev/video10", "bcm2835-codec-decode"),
    ]
    assert [each.path for each in facts.gpio_chips] == ["/dev/gpiochip0"]
    assert facts.hardware_decoders == ("v4l2m2m",)
    assert facts.data_on_card


def test_the_longest_mount_point_decides_what_the_data_lie_on(pi: Path) -> None:
    facts = gather_facts(Path("/mnt/disk/spyoncino"), Path("/dev/shm"), pi)  # noqa: S108
    assert not facts.data_on_card


def test_a_container_gets_what_it_is_allowed(pi: Path, tmp_path: Path) -> None:
    group = pi / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("800000000\n")
    (group / "memory.current").write_text("300000000\n")
    (group / "cpu.max").write_text("50000 100000\n")
    facts = gather_facts(tmp_path, tmp_path, pi)
    assert (facts.memory_bytes, facts.memory_free_bytes) == (800_000_000, 500_000_000)
    assert facts.cores_allowed == 0.5


def test_a_container_without_limits_has_the_whole_machine(pi: Path, tmp_path: Path) -> None:
    group = pi / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    (group / "cpu.max").write_text("max 100000\n")
    facts = gather_facts(tmp_path, tmp_path, pi)
    assert facts.memory_bytes == 2_048_000_000
    assert facts.cores_allowed == facts.cores


def test_where_nothing_can_be_read_the_rest_is_still_said(tmp_path: Path) -> None:
    facts = gather_facts(tmp_path / "data", tmp_path, tmp_path / "nowhere")
    assert facts.memory_bytes == 0
    assert facts.video_devices == ()
    assert facts.board == ""
    assert "h264" in facts.decoders
    assert "cpu" in facts.detectors
    assert "nanodet_416" in facts.models
    json.dumps(facts.as_json())


def test_this_machine_has_memory_and_cores(tmp_path: Path) -> None:
    facts = gather_facts(tmp_path, tmp_path)
    assert facts.memory_bytes > facts.memory_free_bytes > 0
    assert facts.cores >= 1


def test_graphics_devices_decide_which_hardware_decoding_there_is(pi: Path, tmp_path: Path) -> None:
    for name in ("dev/nvidia0", "dev/dri/renderD128"):
        (pi / name).parent.mkdir(exist_ok=True)
        (pi / name).touch()
    assert "cuda" in gather_facts(tmp_path, tmp_path, pi).hardware_decoders


def test_room_is_measured_at_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    room = room_of(tmp_path / "not" / "yet")
    assert room.path == str(tmp_path)
    assert room.total_bytes >= room.free_bytes > 0
    assert room.is_writable
