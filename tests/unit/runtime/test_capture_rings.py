"""Whose shared memory is given back, and when."""

from pathlib import Path

from spyoncino.runtime.capture_rings import CaptureRings
from spyoncino.runtime.leases import LeaseBook


def folder_with(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.touch()
    return paths


def test_everything_of_the_camera_goes_and_nothing_of_another(tmp_path: Path) -> None:
    one, two, other = folder_with(
        tmp_path, "door.1-frames.ring", "door.2-full0.ring", "yard.1.ring"
    )
    CaptureRings(tmp_path, "door", LeaseBook()).remove()
    assert (one.exists(), two.exists(), other.exists()) == (False, False, True)


def test_of_a_lost_connection_only_its_own_files_go_and_once(tmp_path: Path) -> None:
    names = ("door.1.1-frames.ring", "door.1.1-burst0.ring", "door.1.2-frames.ring")
    frames, burst, newer = folder_with(tmp_path, *names)
    rings = CaptureRings(tmp_path, "door", LeaseBook())
    assert rings.take_lost_connection() is None
    rings.opened(str(frames))
    lost = rings.take_lost_connection()
    assert lost == "door.1.1"
    assert rings.take_lost_connection() is None
    rings.remove(lost)
    assert (frames.exists(), burst.exists(), newer.exists()) == (False, False, True)


def test_retired_rings_are_forgotten() -> None:
    retired: list[str] = []

    class Book(LeaseBook):
        def retire(self, ring: str) -> None:
            retired.append(ring)

    rings = CaptureRings(Path("/nowhere"), "door", Book())
    rings.note("a", "b")
    rings.note("b")
    rings.retire()
    rings.retire()
    assert sorted(retired) == ["a", "b"]
