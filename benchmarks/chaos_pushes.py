"""Settings pushed into the running house: good ones, wrong ones, and such as a module cannot bear.

They go the way of ``spyoncino config set``, by main's socket to its configuration service, and that
of an editor, by the file. What became of each is checked by the service's answer and by asking for
the state from before once more, which must change nothing.
"""

import random
import time
from collections.abc import Mapping
from typing import Any

from chaos_faults import Broken, Fault
from chaos_house import QUICK_FPS, SLOW_FPS, House, wait_until
from spyoncino.core.config_orders import UPDATE
from spyoncino.core.config_terms import Fate
from spyoncino.errors import SpyoncinoError

CAMERA = "gate"
NOTICED_WITHIN_S = 10.0
"""Until a saved file has been read."""

IMPOSSIBLE: tuple[Mapping[str, Any], ...] = (
    {"cameras": {CAMERA: {"analysis_fps": -1}}},
    {"cameras": {CAMERA: {"source": {"type": "rtsp", "url": ""}}}},
    {"chaosmonkey": {"mood": "seventh heaven"}},
    {"no_such_section": {"key": 1}},
)


class Pushes:
    """Each method pushes settings; the house is left with those it had, or with good ones."""

    def __init__(self, house: House, chance: random.Random) -> None:
        self._house = house
        self._chance = chance
        self._fps = SLOW_FPS

    def kinds(self) -> Mapping[str, Fault]:
        """Name to fault."""
        return {
            "valid settings pushed": self._valid,
            "invalid settings pushed": self._invalid,
            "settings pushed that a module refuses": lambda: self._unbearable("refuse"),
            "settings pushed that make a module ill": lambda: self._unbearable("ill"),
            "broken configuration file saved": self._broken_file,
        }

    def _camera_with(self, fps: int) -> dict[str, Any]:
        return {"cameras": {CAMERA: {"analysis_fps": fps}}}

    def _other_fps(self) -> int:
        return QUICK_FPS if self._fps == SLOW_FPS else SLOW_FPS

    def _fate(self, changes: Mapping[str, Any]) -> str:
        """What became of a push; a sentence where main did not answer."""
        try:
            answer = self._house.order(UPDATE, changes=changes, author="chaos")
        except SpyoncinoError as error:
            return str(error)
        for problem in answer["problems"]:
            print(f"main: {problem}", flush=True)
        return str(answer["fate"])

    def _judged(self, began_s: float, is_right: bool, said: str) -> Broken:
        if not is_right:
            print(f"the push ended otherwise: {said}", flush=True)
        return Broken(lambda: is_right and self._house.all_live(), began_s)

    def _valid(self) -> Broken:
        """One camera is decoded at another rate: its capture process is started anew."""
        began_s = time.monotonic()
        wanted = self._other_fps()
        fate = self._fate(self._camera_with(wanted))
        if fate == Fate.APPLIED:
            self._fps = wanted
        return self._judged(began_s, fate == Fate.APPLIED, fate)

    def _invalid(self) -> Broken:
        began_s = time.monotonic()
        fate = self._fate(self._chance.choice(IMPOSSIBLE))
        return self._judged(began_s, fate == Fate.REJECTED and self._is_as_before(), fate)

    def _unbearable(self, mood: str) -> Broken:
        """A camera and a module change together; the module does not bear it, both go back."""
        began_s = time.monotonic()
        changes = {**self._camera_with(self._other_fps()), "chaosmonkey": {"mood": mood}}
        fate = self._fate(changes)
        return self._judged(began_s, fate == Fate.ROLLED_BACK and self._is_as_before(), fate)

    def _is_as_before(self) -> bool:
        """Whether asking for the settings from before changes nothing: they are in force."""
        before = {**self._camera_with(self._fps), "chaosmonkey": {"mood": "calm"}}
        return self._fate(before) == Fate.UNCHANGED

    def _broken_file(self) -> Broken:
        """Somebody saves a file that is no YAML, is told, and saves the right one again."""
        began_s, offset = time.monotonic(), self._house.log.stat().st_size
        right = self._house.config.read_text()
        self._house.config.write_text(right + "\ncameras: [broken\n")
        is_told = wait_until(
            lambda: "fate=rejected" in self._house.said_since(offset), NOTICED_WITHIN_S
        )
        self._house.config.write_text(right)
        return self._judged(began_s, is_told and self._is_as_before(), "nobody was told")
