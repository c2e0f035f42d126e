"""The table of kinds of sources."""

import pickle
from typing import Any, cast

import pytest

from spyoncino.errors import SourceError
from spyoncino.hardware.camera_file import FileCamera
from spyoncino.hardware.camera_http import HttpCamera
from spyoncino.hardware.camera_pi import PiCamera
from spyoncino.hardware.camera_rtsp import RtspCamera
from spyoncino.hardware.camera_sim import SimCamera
from spyoncino.hardware.camera_usb import UsbCamera
from spyoncino.hardware.sources import LIVE_KINDS, SOURCES, SourceSpec, build_source


def test_every_kind_is_built() -> None:
    assert isinstance(build_source(SourceSpec("file", "a.mp4")), FileCamera)
    assert isinstance(build_source(SourceSpec("sim")), SimCamera)
    assert isinstance(build_source(SourceSpec("rtsp", "rtsp://cam")), RtspCamera)
    assert isinstance(build_source(SourceSpec("http", "http://cam")), HttpCamera)
    assert isinstance(build_source(SourceSpec("usb", "0")), UsbCamera)
    assert isinstance(build_source(SourceSpec("pi", "0")), PiCamera)
    assert sorted(SOURCES) == ["file", "http", "pi", "rtsp", "sim", "usb"]
    assert set(SOURCES) > LIVE_KINDS


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(
        SourceError, match="no source of the kind tv; there are file, http, pi, rtsp, sim, usb"
    ):
        build_source(SourceSpec(cast("Any", "tv")))


def test_a_spec_travels_to_another_process() -> None:
    spec = SourceSpec("sim", realtime=False, options={"fps": 5.0, "doorbell": "gate"})
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 - our own bytes
