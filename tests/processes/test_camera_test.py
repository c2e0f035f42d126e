"""``spyoncino cameras test`` against GStreamer's RTSP server, and in a network of its own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.clips import ClipPlan, write_clip
from tests.fixtures.rtsp_camera import RtspCamera, needs_rtsp_server
from typer.testing import CliRunner

from spyoncino.cli.app import app
from spyoncino.errors import SourceError

pytestmark = pytest.mark.processes

SECONDS = "2"

WIRE = (
    "ip link add name cam0 type veth peer name cam1 && ip link set cam0 up && "
    "ip link set cam1 up && ip address add 192.0.2.1/24 dev cam0"
)


def clip_of(folder: Path, codec: str, fps: int, gop: int, b_frames: int = 0) -> Path:
    """A minute as a camera would send it."""
    times = tuple(number / fps for number in range(60 * fps))
    options = {"preset": "ultrafast"} | (
        {"x265-params": "log-level=none:bframes=0"} if codec == "libx265" else {}
    )
    plan = ClipPlan(times=times, codec=codec, gop=gop, b_frames=b_frames, options=options)
    return write_clip(folder / "clip.mkv", plan)


def watch(url: str, *more: str) -> dict[str, Any]:
    done = CliRunner().invoke(
        app, ["cameras", "test", url, "--seconds", SECONDS, "--json", *more], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@needs_rtsp_server
@pytest.mark.parametrize(
    ("codec", "fps", "gop", "b_frames", "wishes"),
    [
        ("libx264", 10, 20, 0, []),
        ("libx264", 30, 60, 0, ["30 pictures a second, and 5 are analysed"]),
        ("libx264", 10, 60, 0, ["Key frames are 6.0 s apart"]),
        ("libx264", 10, 20, 2, ["B-frames"]),
        ("libx265", 10, 20, 0, ["H.265"]),
    ],
)
def test_each_fault_of_a_real_stream_is_found(
    tmp_path: Path, codec: str, fps: int, gop: int, b_frames: int, wishes: list[str]
) -> None:
    clip = clip_of(tmp_path, codec, fps, gop, b_frames)
    kind = "hevc" if codec == "libx265" else "h264"
    with RtspCamera(clip, kind) as camera:
        facts = watch(camera.url)
    assert facts["codec"] == kind
    assert facts["fps"] == pytest.approx(fps, rel=0.1)
    assert facts["gop_s"] == pytest.approx(gop / fps, abs=0.2)
    assert len(facts["advice"]) == len(wishes), facts["advice"]
    for wish, sentence in zip(wishes, facts["advice"], strict=True):
        assert wish in sentence


@needs_rtsp_server
@pytest.mark.parametrize(
    ("account", "path", "sentence"),
    [
        ("anna:wr0ng@", "live", "does not accept the name 'anna' with this password"),
        ("", "live", "asks for a name and a password"),
        ("anna:s3cret@", "nope", "has no stream at this path"),
    ],
)
def test_a_wrong_account_and_a_wrong_path_are_told_apart(
    tmp_path: Path, account: str, path: str, sentence: str
) -> None:
    with RtspCamera(clip_of(tmp_path, "libx264", 10, 10), account=("anna", "s3cret")) as camera:
        url = f"rtsp://{account}127.0.0.1:{camera.port}/{path}"
        with pytest.raises(SourceError, match=sentence) as caught:
            watch(url)
    assert "wr0ng" not in str(caught.value)


def _may_have_a_network() -> bool:
    if not all(map(shutil.which, ("unshare", "ip"))):
        return False
    done = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not _may_have_a_network(), reason="needs unshare, ip and user namespaces")
@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ("true", "There is no route to 192.0.2.7"),
        # A wire with nobody at its other end: the machine is in this network and off.
        (
            WIRE,
            "is it switched on and in this network?",
        ),
        # A router that swallows everything.
        (
            f"{WIRE} && ip neighbour add 192.0.2.7 lladdr 02:00:00:00:00:07 dev cam0",
            "192.0.2.7 does not answer on port 554 within 5 s",
        ),
    ],
)
def test_machines_that_cannot_be_reached(network: str, sentence: str) -> None:
    program = f"'{sys.executable}' -m spyoncino cameras test rtsp://192.0.2.7/live"
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", f"{network} && {program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not _may_have_a_network(), reason="needs unshare, ip and user namespaces")
def test_discovery_without_a_network_is_one_sentence() -> None:
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-m", "spyoncino", "cameras", "discover"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "This computer has no network with an IPv4 address" in done.stderr
