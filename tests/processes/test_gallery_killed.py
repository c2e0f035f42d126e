"""A gallery whose writer is killed: what was told as done is there, and nothing is half there."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from spyoncino.errors import StorageError
from spyoncino.persistence.people import FaceDatabase

pytestmark = pytest.mark.processes

KEY = b"k" * 32
CROP = np.random.default_rng(5).bytes(20_000)


def start(code: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(child: "subprocess.Popen[str]") -> str:
    os.kill(child.pid, signal.SIGKILL)
    told, _ = child.communicate()
    return told


ENROL = """
    import sys
    from pathlib import Path
    import numpy as np
    from spyoncino.persistence.people import FaceDatabase
    from spyoncino.persistence.people_rows import NewFace
    people = FaceDatabase(Path(sys.argv[1]))
    while True:
        faces = [NewFace(np.ones(192), {}, bytes(5000), 0.5) for _ in range(5)]
        print(*people.add_faces("ann", faces, model="m"), sep="\\n", flush=True)
"""


def test_what_was_enrolled_before_a_kill_is_there_in_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "faces" / "faces.db"
    for _ in range(3):
        child = start(ENROL, str(path))
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(20)]
        told += kill(child).splitlines()
        with FaceDatabase(path) as people:
            kept = {face.face_id for face in people.list_faces()}
        whole = [line.strip() for line in told[:-1]]  # the last line may be cut
        assert set(whole) <= kept
        assert len(kept) % 5 == 0


def opened(path: Path) -> FaceDatabase:
    """With the key, or without where it was not encrypted."""
    try:
        return FaceDatabase(path, KEY)
    except StorageError:
        return FaceDatabase(path)


RESEAL = """
    import sys
    from pathlib import Path
    from spyoncino.persistence.people import FaceDatabase
    people = FaceDatabase(Path(sys.argv[1]))
    print("open", flush=True)
    people.file.reseal(bytes.fromhex(sys.argv[2]))
    print("done", flush=True)
"""


@pytest.mark.parametrize("delay_s", [0.0, 0.01, 0.03, 0.1])
def test_encrypting_is_done_or_not_begun_when_it_is_killed(tmp_path: Path, delay_s: float) -> None:
    path = tmp_path / "faces" / "faces.db"
    with FaceDatabase(path) as people:
        for _ in range(60):
            people.add_face("ann", np.ones(192), model="m", crop=CROP)
    child = start(RESEAL, str(path), KEY.hex())
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    time.sleep(delay_s)
    kill(child)
    with opened(path) as people:
        assert [face.crop == CROP for face in people.list_faces()] == [True] * 60
        written = b"".join(each.read_bytes() for each in path.parent.iterdir())
        assert (CROP[9_000:9_024] in written) is not people.file.is_encrypted


FORGET = """
    import sys
    from pathlib import Path
    from spyoncino.persistence.people import FaceDatabase
    people = FaceDatabase(Path(sys.argv[1]))
    print("open", flush=True)
    people.forget("ann")
"""


@pytest.mark.parametrize("delay_s", [0.0, 0.005, 0.02, 0.06])
def test_a_person_is_forgotten_whole_or_not_at_all_when_it_is_killed(
    tmp_path: Path, delay_s: float
) -> None:
    path = tmp_path / "faces" / "faces.db"
    with FaceDatabase(path) as people:
        for _ in range(30):
            people.add_face("ann", np.ones(192), model="m", crop=CROP)
        people.add_face("bob", np.ones(192), model="m", crop=b"bob")
    child = start(FORGET, str(path))
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    time.sleep(delay_s)
    kill(child)
    with FaceDatabase(path) as people:
        left = len(people.list_faces("ann"))
        assert left in (0, 30)
        assert people.list_faces("bob")[0].crop == b"bob"
        written = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert (CROP[9_000:9_024] in written) is bool(left)
