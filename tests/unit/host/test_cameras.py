"""What the doctor says about cameras on the network."""

import socket
import time
from pathlib import Path

import pytest
from tests.fixtures.mjpeg_camera import MjpegCamera
from tests.fixtures.odd_rtsp import Habits, OddCamera
from tests.fixtures.rtsp_camera import camera_clip, free_port

from spyoncino.hardware.sources import SourceSpec
from spyoncino.host import cameras
from spyoncino.host.advice import Verdict
from spyoncino.host.cameras import ask_cameras


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "WATCH_S", 0.5)
    monkeypatch.setattr(cameras, "KEY_WAIT_S", 3.0)


def test_each_camera_has_its_line_in_the_order_of_the_configuration(tmp_path: Path) -> None:
    clip = camera_clip(tmp_path, seconds=10)
    with OddCamera(clip) as door, MjpegCamera() as yard:
        remarks = ask_cameras(
            {
                "gone": (SourceSpec("rtsp", f"rtsp://127.0.0.1:{free_port()}/live"), 5.0),
                "door": (SourceSpec("rtsp", door.url), 5.0),
                "late": (SourceSpec("file", str(clip)), 5.0),
                "yard": (SourceSpec("http", yard.url), 5.0),
            }
        )
    assert [each.verdict for each in remarks] == [Verdict.WRONG, Verdict.GOOD, Verdict.NOTE]
    gone, good, note = remarks
    assert "gone: 127.0.0.1 is there, but nothing listens on port" in gone.sentence
    assert gone.help == "try: spyoncino cameras test gone"
    assert good.sentence.startswith("door: h264 160x96, 10 pictures a second, key frames 1.")
    assert "The video is MJPEG" in note.help
    assert {each.subject for each in remarks} == {"cameras"}


def test_all_further_wishes_are_counted(tmp_path: Path) -> None:
    clip = camera_clip(tmp_path, seconds=10)
    with OddCamera(clip, habits=Habits(clock_off_s=-900)) as camera:
        (remark,) = ask_cameras({"door": (SourceSpec("rtsp", camera.url), 1.0)})
    assert "10 pictures a second, and 1 are analysed" in remark.help
    assert "(1 more: spyoncino cameras test door)" in remark.help


def test_a_camera_that_hangs_does_not_hold_the_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/live"
        began_s = time.monotonic()
        remarks = ask_cameras(
            {
                "silent": (SourceSpec("rtsp", url), 5.0),
                "gone": (SourceSpec("rtsp", f"rtsp://127.0.0.1:{free_port()}/live"), 5.0),
            },
            limit_s=1.0,
        )
    assert time.monotonic() - began_s < 5
    assert "silent: did not answer within 1 s" in remarks[0].sentence
    assert "nothing listens" in remarks[1].sentence


def test_no_camera_is_nothing_to_say() -> None:
    assert ask_cameras({}) == []
