"""The few best pictures of one track's face, spread over the time it is in view.

Five neighbours of one frame are one opinion told five times; so pictures that lie close together
in time compete with each other, and the best of each moment stays.
"""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

KEEP: Final = 5
APART_S: Final = 0.4
"""Two pictures closer than this are of one moment: two frames at the usual 5 a second."""

BETTER_BY: Final = 0.03
"""A picture must be so much better to be worth embedding in place of one that is there: quality
itself trembles by 0.02 from frame to frame of somebody who stands still."""


@dataclass(frozen=True, slots=True)
class Shot(Generic[Item]):
    """One kept picture.

    Args:
        pts_s: Camera time of its frame.
        quality: ``FaceQuality.score``, 0..1.
        item: Whatever belongs to it, for example vector and crop.
    """

    pts_s: float
    quality: float
    item: Item


@dataclass(frozen=True, slots=True)
class Offer:
    """What became of an offered picture.

    Args:
        is_kept: It is among the best now.
        is_best: It is better than all before it; the first one is.
    """

    is_kept: bool
    is_best: bool


class BestShots(Generic[Item]):
    """Keeps the best pictures of one track.

    Args:
        keep: At most so many, at least 1.
        apart_s: Of pictures closer together than this only the best is kept.
        better_by: Used by ``embed_above`` alone, 0..1.

    Raises:
        ValueError: ``keep`` is below 1.
    """

    def __init__(
        self, keep: int = KEEP, apart_s: float = APART_S, better_by: float = BETTER_BY
    ) -> None:
        if keep < 1:
            raise ValueError(f"keep is {keep}, but at least one picture must be kept.")
        self._keep = keep
        self._apart_s = apart_s
        self._better_by = better_by
        self._shots: list[Shot[Item]] = []

    @property
    def shots(self) -> tuple[Shot[Item], ...]:
        """What is kept, best first; of equals the older."""
        return tuple(self._shots)

    @property
    def best(self) -> Shot[Item] | None:
        """The best one; ``None`` before the first."""
        return self._shots[0] if self._shots else None

    def offer(self, pts_s: float, quality: float, item: Item) -> Offer:
        """Take a picture, if it is good enough.

        Args:
            pts_s: Camera time of its frame, in any order.
            quality: ``FaceQuality.score``, 0..1.
            item: What to keep with it.

        Returns:
            Whether it stayed, and whether it is the best so far.
        """
        if quality <= self._to_beat(pts_s):
            return Offer(is_kept=False, is_best=False)
        is_best = self.best is None or quality > self.best.quality
        shots = [shot for shot in self._shots if not self._is_same_moment(shot, pts_s)]
        shots.append(Shot(pts_s, quality, item))
        shots.sort(key=lambda shot: (-shot.quality, shot.pts_s))
        self._shots = shots[: self._keep]
        return Offer(is_kept=True, is_best=is_best)

    def embed_above(self, pts_s: float, floor: float = 0.0) -> float:
        """How good a face of this moment must be to be worth an embedding.

        Args:
            pts_s: Camera time of the frame that will be looked at.
            floor: Worse ones are never wanted, 0..1.

        Returns:
            0..1, for ``FaceRegion.embed_above``.
        """
        to_beat = self._to_beat(pts_s)
        return floor if to_beat < 0 else min(1.0, max(floor, to_beat + self._better_by))

    def _to_beat(self, pts_s: float) -> float:
        """Quality that an offer must exceed; below 0 when there is a free place."""
        rivals = [shot.quality for shot in self._shots if self._is_same_moment(shot, pts_s)]
        if rivals:
            return max(rivals)
        return -1.0 if len(self._shots) < self._keep else self._shots[-1].quality

    def _is_same_moment(self, shot: Shot[Item], pts_s: float) -> bool:
        return abs(shot.pts_s - pts_s) < self._apart_s
