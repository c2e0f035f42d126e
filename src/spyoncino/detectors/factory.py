"""Which detectors there are, and building one by name."""

import difflib
import warnings
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from spyoncino.detectors.base import BaseDetector, DetectorUnavailableWarning, FaceDetector, Task
from spyoncino.errors import ConfigError

ENTRY_POINT_GROUPS: Final[Mapping[Task, str]] = MappingProxyType(
    {"objects": "spyoncino.detectors", "faces": "spyoncino.face_detectors"}
)
"""Groups in which other packages announce detector classes."""

AUTO: Final = "auto"
"""Stands for whichever detector is the fastest here."""

FALLBACK: Final = "cpu"
"""What replaces a detector whose hardware is not there."""

BUILTIN: Final[Mapping[Task, Mapping[str, str]]] = MappingProxyType(
    {
        "objects": {
            "cpu": "spyoncino.detectors.objects_onnx:OnnxObjectDetector",
            "mock": "spyoncino.detectors.mock:MockDetector",
        },
        "faces": {
            "cpu": "spyoncino.detectors.faces_choice:CpuFaceDetector",
            "dlib": "spyoncino.detectors.faces_dlib:DlibFaceDetector",
            "edgetpu": "spyoncino.detectors.faces_edgetpu:LiteRtFaceDetector",
            "gpu": "spyoncino.detectors.faces_choice:GpuFaceDetector",
            "openvino": "spyoncino.detectors.faces_openvino:OpenVinoFaceDetector",
            "mock": "spyoncino.detectors.mock:MockDetector",
        },
    }
)
"""Task to name to class; imported when it is asked for."""


class UnknownDetectorError(ConfigError, ValueError):
    """No detector has this name."""


class DetectorFactory:
    """Detectors by name; the built-in ones and those of entry points are there from the start.

    A plug-in that cannot be loaded stays in the list of names and its reason in ``failures``; it
    counts as known but not available.

    Args:
        choices: Where the choices of ``auto`` are kept; without it ``auto`` is ``cpu``.
        max_threads: Processor cores that ``auto`` may give to one detector.
        task: What its detectors look for; each task has names of its own.
    """

    def __init__(
        self, choices: Path | None = None, max_threads: int = 1, *, task: Task = "objects"
    ) -> None:
        self.task: Final = task
        self._base = FaceDetector if task == "faces" else BaseDetector
        self._choices = choices
        self._max_threads = max_threads
        self._classes: dict[str, type[BaseDetector]] = {}
        group = ENTRY_POINT_GROUPS[task]
        self._announced = {
            name: EntryPoint(name, target, group) for name, target in BUILTIN[task].items()
        }
        for entry in entry_points(group=group):
            self._announced.setdefault(entry.name, entry)
        self.failures: dict[str, str] = {}

    def register(self, name: str, detector_class: type[BaseDetector]) -> None:
        """Add a detector, or replace the one of this name.

        Raises:
            TypeError: It is not a subclass of ``BaseDetector``, or for faces of ``FaceDetector``.
        """
        if not (isinstance(detector_class, type) and issubclass(detector_class, self._base)):
            raise TypeError(f"Detector {name!r} must be a subclass of {self._base.__name__}.")
        self._classes[name] = detector_class
        self.failures.pop(name, None)

    def list_available(self) -> list[str]:
        """Names of the detectors that can run on this machine, sorted."""
        return sorted(name for name in self._names() if self._is_available(name))

    def list_untried(self) -> dict[str, str]:
        """Names of detectors and the hardware on which the authors never ran them."""
        loaded = {name: self._load(name) for name in self._names()}
        return {
            name: found.never_run_on
            for name, found in loaded.items()
            if found and found.never_run_on
        }

    def get_detector_class(self, detector_type: str) -> type[BaseDetector]:
        """The class of one detector, whether it can run here or not.

        Raises:
            UnknownDetectorError: There is no such detector (also a ``ValueError``).
            ConfigError: It is a plug-in that cannot be loaded.
        """
        if detector_type not in self._names():
            near = difflib.get_close_matches(detector_type, self._names(), n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise UnknownDetectorError(
                f"There is no detector {detector_type!r}; {hint}"
                f"Known are: {', '.join(self._names())}."
            )
        found = self._load(detector_type)
        if found is None:
            raise ConfigError(
                f"Detector {detector_type!r} cannot be loaded: {self.failures[detector_type]}."
            )
        return found

    def create(self, detector_type: str, config: Mapping[str, Any]) -> BaseDetector:
        """Build a detector; one that is known but cannot run here is replaced by ``cpu``.

        ``auto`` is the fastest of those that can run here and find the same, see
        ``detectors.auto``. The replacement gets what it knows of the configuration and is
        announced by a ``DetectorUnavailableWarning``; its ``name`` tells it too.

        Raises:
            UnknownDetectorError: There is no such detector (also a ``ValueError``).
            ConfigError: The configuration is wrong.
            ModelError: The model cannot be used.
        """
        if detector_type == AUTO:
            return self._create_chosen(config)
        if detector_type not in self._names():
            self.get_detector_class(detector_type)
        if detector_type == FALLBACK or self._is_available(detector_type):
            return self.get_detector_class(detector_type)(config)
        reason = self.failures.get(detector_type, "its hardware or a library is not there")
        warnings.warn(
            f"Detector {detector_type!r} is not available on this machine ({reason}); "
            f"{FALLBACK!r} takes its place.",
            DetectorUnavailableWarning,
            stacklevel=2,
        )
        known = self._load(detector_type)
        fitting = config if known is None else known.fallback_config(config)
        return self.get_detector_class(FALLBACK)(fitting)

    def _create_chosen(self, config: Mapping[str, Any]) -> BaseDetector:
        if self._choices is None:
            return self.create(FALLBACK, config)
        # The pictures to measure with come from the simulator; only ``auto`` needs it.
        from spyoncino.detectors.auto import choose  # noqa: PLC0415

        choice = choose(
            self.list_available(),
            self.create,
            config,
            max_threads=self._max_threads,
            cache=self._choices,
            task=self.task,
        )
        return self.create(choice.chosen.detector, {**config, "threads": choice.chosen.threads})

    def _names(self) -> list[str]:
        return sorted({*self._announced, *self._classes})

    def _is_available(self, name: str) -> bool:
        found = self._load(name)
        return found is not None and found.is_available()

    def _load(self, name: str) -> type[BaseDetector] | None:
        if name in self._classes:
            return self._classes[name]
        if name in self.failures:
            return None
        entry = self._announced[name]
        try:
            self.register(name, entry.load())
        except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
            self.failures[name] = f"{type(error).__name__}: {error}"
            return None
        return self._classes[name]


def create_face_detector(
    detector_type: str,
    config: Mapping[str, Any],
    *,
    choices: Path | None = None,
    max_threads: int = 1,
) -> FaceDetector:
    """Build a detector of faces; see ``DetectorFactory`` and its ``create``."""
    found = DetectorFactory(choices, max_threads, task="faces").create(detector_type, config)
    if not isinstance(found, FaceDetector):  # the factory takes no other class
        raise TypeError(f"Detector {detector_type!r} finds no faces.")
    return found
