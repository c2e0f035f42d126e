"""Whom an event shows: for each track the best of what was said about its face."""

from typing import Final, TypeVar

from spyoncino.schemas.events import Identity, Verdict

NAMING: Final = (Verdict.KNOWN, Verdict.BLOCKED)
"""Verdicts that name somebody."""

K = TypeVar("K")


class Identities:
    """The identities of one event, one for each track and one for each face without a track."""

    def __init__(self) -> None:
        self._of_tracks: dict[int, Identity] = {}
        self._loose: dict[int | None, Identity] = {}

    def join(self, identity: Identity) -> bool:
        """Take what was said about one face, unless something better was said of the same.

        Who was named stays named: a worse face later is no reason to forget it.

        Returns:
            Whether anything changed.
        """
        if identity.track_id is None:
            return _put(self._loose, identity.loose_id, identity)
        if identity.loose_id is not None and identity.loose_id in self._loose:
            found = self._loose.pop(identity.loose_id)
            update = {"track_id": identity.track_id}
            self._of_tracks.setdefault(identity.track_id, found.model_copy(update=update))
        return _put(self._of_tracks, identity.track_id, identity)

    def told(self) -> tuple[Identity, ...]:
        """All of them, those of tracks first, by number."""
        tracks = (self._of_tracks[key] for key in sorted(self._of_tracks))
        return (*tracks, *self._loose.values())

    @property
    def named(self) -> frozenset[str]:
        """Keys of the persons that are named."""
        every = (*self._of_tracks.values(), *self._loose.values())
        return frozenset(
            each.person_id or each.name or "" for each in every if each.decision in NAMING
        )


def replaces(new: Identity, old: Identity | None) -> bool:
    """Whether a later answer about the same face takes the place of an earlier one.

    A name replaces no name, and never the other way round; of two names, or of unsure and unknown,
    the answer that rests on as many faces or more is taken.
    """
    is_name = new.decision in NAMING
    if old is None or is_name != (old.decision in NAMING):
        return old is None or is_name
    is_same_person = is_name and new.person_id == old.person_id
    return new != old and (is_same_person or new.face_count >= old.face_count)


def _put(among: dict[K, Identity], key: K, identity: Identity) -> bool:
    if not replaces(identity, among.get(key)):
        return False
    among[key] = identity
    return True
