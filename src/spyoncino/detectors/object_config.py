"""The configuration of an object detector: a bundled model by name, or a user's own in full."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

from spyoncino.errors import ConfigError

DEFAULT_MODEL: Final = "nanodet_416"

_MAX_INPUT_PX: Final = 4096
_MAX_THREADS: Final = 64


def refuse_unknown(given: Iterable[str], known: Sequence[str], where: str) -> None:
    """Refuse the first key that nobody knows, and name the nearest that somebody does.

    Raises:
        ConfigError: There is one.
    """
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}."
            raise ConfigError(f"{where}{key} is not a setting here; {hint}")


@dataclass(frozen=True, slots=True)
class UserModel:
    """A model that the user brings.

    Args:
        type: Family that says how its outputs are decoded, for example ``yolov8``.
        path: The ONNX file; relative to the working directory when not absolute.
        labels: Class names in the model's order.
        input_width_px: Width of the input, where the file leaves it open.
        input_height_px: Height of the input, where the file leaves it open.
        colour: Order of the channels; ``None`` is the family's usual one.
        mean: Subtracted from pixels 0..255; ``None`` is the family's usual one.
        std: Divides after that; ``None`` is the family's usual one.
        sha256: Refuse the file when its hash is another one; ``None`` trusts it.
    """

    type: str
    path: Path
    labels: tuple[str, ...]
    input_width_px: int | None = None
    input_height_px: int | None = None
    colour: Literal["bgr", "rgb"] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    sha256: str | None = None

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Self:
        """Read a mapping with the names of the fields; only the first three are required.

        ``labels`` is a list of names, or the path of a text file with one name on each line.

        Raises:
            ConfigError: A key is unknown, missing or has a wrong value.
        """
        refuse_unknown(raw, [field.name for field in fields(cls)], "model.")
        for key in ("type", "path", "labels"):
            if not raw.get(key):
                raise ConfigError(f"model.{key} is missing; a model of your own needs it.")
        colour = raw.get("colour")
        if colour not in (None, "bgr", "rgb"):
            raise ConfigError(f"model.colour is {colour!r}, but must be bgr or rgb.")
        sha256 = raw.get("sha256")
        return cls(
            type=str(raw["type"]),
            path=Path(raw["path"]),
            labels=_labels(raw["labels"]),
            input_width_px=_size(raw, "input_width_px"),
            input_height_px=_size(raw, "input_height_px"),
            colour=cast("Literal['bgr', 'rgb'] | None", colour),
            mean=_triple(raw, "mean"),
            std=_triple(raw, "std", above_zero=True),
            sha256=None if sha256 is None else str(sha256),
        )


@dataclass(frozen=True, slots=True)
class ObjectDetectorConfig:
    """What an object detector on ONNX Runtime is built from.

    Args:
        model: Name of a bundled model, or the user's own.
        threads: Threads inside one operator. One for each worker process gives the same numbers on
            every machine; two workers with one thread do more than one worker with two.
        score_floor: Weaker detections are never reported, 0..1.
    """

    model: str | UserModel = DEFAULT_MODEL
    threads: int = 1
    score_floor: float = 0.1

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Self:
        """Read ``model`` (a name or a mapping), ``threads`` and ``score_floor``.

        Raises:
            ConfigError: A key is unknown or has a wrong value.
        """
        refuse_unknown(raw, [field.name for field in fields(cls)], "")
        model = raw.get("model", DEFAULT_MODEL)
        if isinstance(model, Mapping):
            model = UserModel.from_mapping(model)
        elif not isinstance(model, str) or not model:
            raise ConfigError(f"model is {model!r}, but must be a name or a mapping with a path.")
        threads = raw.get("threads", 1)
        if type(threads) is not int or not 1 <= threads <= _MAX_THREADS:
            raise ConfigError(f"threads is {threads!r}, but must be 1..{_MAX_THREADS}.")
        floor = raw.get("score_floor", 0.1)
        if isinstance(floor, bool) or not isinstance(floor, int | float) or not 0 <= floor <= 1:
            raise ConfigError(f"score_floor is {floor!r}, but must be a number 0..1.")
        return cls(model, threads, float(floor))


def _labels(raw: Any) -> tuple[str, ...]:
    if isinstance(raw, str | Path):
        try:
            lines = Path(raw).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"model.labels: the file {raw} cannot be read ({error}).") from error
        names = tuple(line.strip() for line in lines if line.strip())
    elif isinstance(raw, Sequence):
        names = tuple(str(name).strip() for name in raw)
    else:
        names = ()
    if not names or not all(names):
        raise ConfigError("model.labels must be a list of names, or a text file with one a line.")
    return names


def _size(raw: Mapping[str, Any], key: str) -> int | None:
    value = raw.get(key)
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= _MAX_INPUT_PX:
        raise ConfigError(f"model.{key} is {value!r}, but must be 1..{_MAX_INPUT_PX} pixels.")
    return value


def _triple(
    raw: Mapping[str, Any], key: str, *, above_zero: bool = False
) -> tuple[float, float, float] | None:
    value = raw.get(key)
    if value is None:
        return None
    try:
        first, second, third = (float(number) for number in value)
    except (TypeError, ValueError):
        raise ConfigError(f"model.{key} is {value!r}, but must be three numbers.") from None
    if above_zero and min(first, second, third) <= 0:
        raise ConfigError(f"model.{key} is {value!r}, but every number must be above 0.")
    return first, second, third
