"""The configuration of an embedder, and what is known about its similarities without loading it.

Main reads this too, so it stays free of heavy libraries.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

from spyoncino.detectors.object_config import refuse_unknown
from spyoncino.detectors.store import ModelStore, read_verified
from spyoncino.errors import ConfigError

DEFAULT_EMBEDDER: Final = "mobilefacenet"

DLIB: Final = "dlib"
"""Type of the 128 numbers of dlib's ResNet, whose weights come with an extra."""

TOLERANCE: Final = 0.6
"""The usual tolerance of dlib's vectors: faces whose Euclidean distance is below are one person."""

DLIB_RADIUS: Final = 2.0
"""Radius of the sphere on which dlib's vectors are laid, see ``embedder_dlib``; they are 1.2 to
1.6 long."""

_MAX_THREADS: Final = 64

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Family:
    """How the embedders of one family want their picture.

    Args:
        mean: Subtracted from pixels 0..255.
        std: Divides after that.
        colour: Order of the channels.
    """

    mean: float
    std: float
    colour: Literal["bgr", "rgb"] = "rgb"


FAMILIES: Final[Mapping[str, Family]] = {
    "arcface": Family(127.5, 127.5),
    "mobilefacenet": Family(127.5, 128.0),
    "sface": Family(0.0, 1.0),
}
"""Type of a model to its family; ``mean``, ``std`` and ``colour`` of the settings replace it."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How to read the similarities of one embedder; defaults, which a calibration may replace.

    Args:
        known_from: Cosine from which two faces are one person, -1..1.
        unsure_from: Cosine from which they may be one person; at most ``known_from``.
        margin: Lead in cosine over the second person that a name needs, 0..2.
        min_size_px: Smaller faces are not named.
        is_measured: Whether the figures were measured for this model; else they are a guess for
            its family, and ``spyoncino faces report`` should be asked.
    """

    known_from: float
    unsure_from: float
    margin: float
    min_size_px: int
    is_measured: bool = True


FAMILY_GUESS: Final = Likeness(0.45, 0.32, 0.06, 40, is_measured=False)
"""For a model of the user's own until its gallery is calibrated: a careful figure of ours for what
is trained like ArcFace, measured on no such model; ``spyoncino faces report`` says what fits."""

DLIB_LIKENESS: Final = Likeness(
    known_from=1.0 - TOLERANCE**2 / (2 * DLIB_RADIUS**2),
    unsure_from=1.0 - (TOLERANCE + 0.05) ** 2 / (2 * DLIB_RADIUS**2),
    margin=0.005,
    min_size_px=40,
)
"""Cosines on dlib's sphere: the tolerance 0.6 is 0.955 there, 0.65 is 0.947."""


@dataclass(frozen=True, slots=True)
class EmbedderModel:
    """An embedder that the user brings.

    Args:
        type: A name of ``FAMILIES``, or ``dlib``.
        path: The model file; relative to the working directory when not absolute.
        colour: Order of the channels; ``None`` is the family's usual one.
        mean: Subtracted from pixels 0..255; ``None`` is the family's usual one.
        std: Divides after that; ``None`` is the family's usual one.
        sha256: Refuse the file when its hash is another one; ``None`` trusts it.
        known_from: See ``Likeness``; ``None`` is a guess.
        unsure_from: See ``Likeness``.
        margin: See ``Likeness``.
        min_size_px: See ``Likeness``.
    """

    type: str
    path: Path | None
    colour: Literal["bgr", "rgb"] | None = None
    mean: Triple | None = None
    std: Triple | None = None
    sha256: str | None = None
    known_from: float | None = None
    unsure_from: float | None = None
    margin: float | None = None
    min_size_px: int | None = None

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Self:
        """Read a mapping with the names of the fields.

        Raises:
            ConfigError: A key is unknown, missing or has a wrong value.
        """
        refuse_unknown(raw, [field.name for field in fields(cls)], "embedder.model.")
        kind, path, colour = raw.get("type"), raw.get("path"), raw.get("colour")
        known = (*FAMILIES, DLIB)
        if kind not in known:
            raise ConfigError(
                f"embedder.model.type is {kind!r}, but must be one of: {', '.join(known)}."
            )
        if not path and kind != DLIB:
            raise ConfigError("embedder.model.path is missing; a model of your own needs it.")
        if colour not in (None, "bgr", "rgb"):
            raise ConfigError(f"embedder.model.colour is {colour!r}, but must be bgr or rgb.")
        size = _number(raw, "min_size_px", 0, 1000)
        return cls(
            type=str(kind),
            path=Path(path) if path else None,
            colour=cast("Literal['bgr', 'rgb'] | None", colour),
            mean=_triple(raw, "mean"),
            std=_triple(raw, "std", above_zero=True),
            sha256=None if raw.get("sha256") is None else str(raw["sha256"]),
            known_from=_number(raw, "known_from", -1, 1),
            unsure_from=_number(raw, "unsure_from", -1, 1),
            margin=_number(raw, "margin", 0, 2),
            min_size_px=None if size is None else int(size),
        )

    def likeness(self) -> Likeness:
        """The user's own figures, a guess for those left out.

        Raises:
            ConfigError: ``unsure_from`` is above ``known_from``.
        """
        usual = DLIB_LIKENESS if self.type == DLIB else FAMILY_GUESS
        known_from = usual.known_from if self.known_from is None else self.known_from
        unsure_from = (
            min(usual.unsure_from, known_from) if self.unsure_from is None else self.unsure_from
        )
        if unsure_from > known_from:
            raise ConfigError(
                f"embedder.model.unsure_from is {unsure_from}, but must be at most known_from "
                f"({known_from})."
            )
        return Likeness(
            known_from,
            unsure_from,
            usual.margin if self.margin is None else self.margin,
            usual.min_size_px if self.min_size_px is None else self.min_size_px,
            is_measured=self.known_from is not None or usual.is_measured,
        )


@dataclass(frozen=True, slots=True)
class EmbedderConfig:
    """What an embedder is built from.

    Args:
        model: Name of a bundled model, ``dlib``, or the user's own.
        threads: Threads inside one operator; one for each worker process.
        is_mirrored: Embed the mirror image too and take the middle of both: twice the time, and a
            third fewer of the poor pictures are missed (``docs/design/face-vectors.md``).
    """

    model: str | EmbedderModel = DEFAULT_EMBEDDER
    threads: int = 1
    is_mirrored: bool = True

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Self:
        """Read ``model`` (a name or a mapping), ``threads`` and ``is_mirrored``.

        Raises:
            ConfigError: A key is unknown or has a wrong value.
        """
        refuse_unknown(raw, [field.name for field in fields(cls)], "embedder.")
        model = raw.get("model", DEFAULT_EMBEDDER)
        if isinstance(model, Mapping):
            model = EmbedderModel.from_mapping(model)
        elif not isinstance(model, str) or not model:
            raise ConfigError(
                f"embedder.model is {model!r}, but must be a name or a mapping with a path."
            )
        elif model == DLIB:
            model = EmbedderModel(DLIB, None)
        threads = raw.get("threads", 1)
        if type(threads) is not int or not 1 <= threads <= _MAX_THREADS:
            raise ConfigError(f"embedder.threads is {threads!r}, but must be 1..{_MAX_THREADS}.")
        is_mirrored = raw.get("is_mirrored", True)
        if not isinstance(is_mirrored, bool):
            raise ConfigError(
                f"embedder.is_mirrored is {is_mirrored!r}, but must be true or false."
            )
        return cls(model, threads, is_mirrored)


def likeness_of(raw: Mapping[str, Any], store: ModelStore | None = None) -> Likeness:
    """How to read the similarities of the embedder that a configuration means; loads no model.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: There is no such bundled model.
    """
    config = EmbedderConfig.from_mapping(raw)
    if isinstance(config.model, EmbedderModel):
        return config.model.likeness()
    entry = (store or ModelStore()).entry(config.model)
    return Likeness(
        FAMILY_GUESS.known_from if entry.known_from is None else entry.known_from,
        FAMILY_GUESS.unsure_from if entry.unsure_from is None else entry.unsure_from,
        FAMILY_GUESS.margin if entry.margin is None else entry.margin,
        FAMILY_GUESS.min_size_px if entry.min_size_px is None else entry.min_size_px,
        is_measured=entry.known_from is not None,
    )


def read_model(model: EmbedderModel) -> tuple[str, bytes]:
    """Name and verified bytes of a model of the user's own.

    The name carries a part of the hash: another file of the same name is another model, and their
    vectors must not be compared.

    Raises:
        ConfigError: It has no path.
        ModelError: The file cannot be read or has another hash.
    """
    if model.path is None:
        raise ConfigError("embedder.model.path is missing; a model of your own needs it.")
    content = read_verified(model.path, model.sha256)
    return f"{model.path.stem}-{hashlib.sha256(content).hexdigest()[:8]}", content


def _number(raw: Mapping[str, Any], key: str, least: float, most: float) -> float | None:
    value = raw.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ConfigError(f"embedder.model.{key} is {value!r}, but must be {least}..{most}.")
    return float(value)


def _triple(raw: Mapping[str, Any], key: str, *, above_zero: bool = False) -> Triple | None:
    value = raw.get(key)
    if value is None:
        return None
    numbers: Sequence[Any] = [value] * 3 if isinstance(value, int | float) else value
    try:
        first, second, third = (float(number) for number in numbers)
    except (TypeError, ValueError):
        raise ConfigError(
            f"embedder.model.{key} is {value!r}, but must be one number or three."
        ) from None
    if above_zero and min(first, second, third) <= 0:
        raise ConfigError(f"embedder.model.{key} is {value!r}, but every number must be above 0.")
    return first, second, third
