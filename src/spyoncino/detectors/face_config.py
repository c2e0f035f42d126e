"""The configuration of a face detector: a bundled model by name, or a user's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from spyoncino.detectors.object_config import UserModel, refuse_unknown
from spyoncino.errors import ConfigError

DEFAULT_MODEL: Final = "centerface"
SIZE_STEP_PX: Final = 32
MAX_INPUT_PX: Final = 4096
MAX_THREADS: Final = 64

COMMON_KEYS: Final = ("model", "threads", "score_floor", "max_input_px", "min_input_px")


@dataclass(frozen=True, slots=True)
class FaceDetectorConfig:
    """What a face detector is built from; each strategy may know more keys.

    Args:
        model: Name of a bundled model, or the user's own: ``type`` and ``path`` are required, the
            rest as for objects; labels are not needed.
        threads: Threads inside one operator; one for each worker process gives the same numbers on
            every machine.
        score_floor: Weaker faces are never reported, 0..1.
        max_input_px: A larger picture is shrunk until its longer side is this long; a multiple of
            32. It bounds the memory of a worker.
        min_input_px: A smaller picture, like the crop of a person far away, is enlarged until its
            longer side is this long, at most ``max_input_px``; a multiple of 32, 0 never enlarges.
            Measured: at 12 pixels of face 1.0 instead of 0.9 are found, at 16 the landmarks are a
            third nearer; more than 224 costs time and gains nothing.
    """

    model: str | UserModel = DEFAULT_MODEL
    threads: int = 1
    score_floor: float = 0.5
    max_input_px: int = 640
    min_input_px: int = 224

    @classmethod
    def from_mapping(
        cls,
        raw: Mapping[str, Any],
        *,
        more_keys: Sequence[str] = (),
        default_model: str = DEFAULT_MODEL,
    ) -> Self:
        """Read a mapping with the names of the fields.

        Args:
            raw: The configuration.
            more_keys: Further keys that the strategy reads itself.
            default_model: Taken where the mapping names no model.

        Raises:
            ConfigError: A key is unknown or has a wrong value.
        """
        refuse_unknown(raw, (*COMMON_KEYS, *more_keys), "")
        model = raw.get("model", default_model)
        if isinstance(model, Mapping):
            model = UserModel.from_mapping({"labels": ["face"], **model})
        elif not isinstance(model, str) or not model:
            raise ConfigError(f"model is {model!r}, but must be a name or a mapping with a path.")
        return cls(
            model,
            whole_number(raw, "threads", cls().threads, 1, MAX_THREADS),
            _share(raw, "score_floor"),
            _size(raw, "max_input_px", SIZE_STEP_PX),
            _size(raw, "min_input_px", 0),
        )


def whole_number(raw: Mapping[str, Any], key: str, default: int, low: int, high: int) -> int:
    """One whole number of a configuration.

    Raises:
        ConfigError: It is something else, or outside ``low..high``.
    """
    value = raw.get(key, default)
    if type(value) is not int or not low <= value <= high:
        raise ConfigError(f"{key} is {value!r}, but must be {low}..{high}.")
    return value


def _share(raw: Mapping[str, Any], key: str) -> float:
    value = raw.get(key, getattr(FaceDetectorConfig(), key))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(f"{key} is {value!r}, but must be a number 0..1.")
    return float(value)


def _size(raw: Mapping[str, Any], key: str, low: int) -> int:
    value = whole_number(raw, key, getattr(FaceDetectorConfig(), key), low, MAX_INPUT_PX)
    if value % SIZE_STEP_PX:
        raise ConfigError(f"{key} is {value}, but must be a multiple of {SIZE_STEP_PX}.")
    return value
