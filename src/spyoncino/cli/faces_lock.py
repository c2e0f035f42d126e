"""``spyoncino faces encrypt|decrypt|reembed``: changes of the whole gallery, while main rests."""

from pathlib import Path
from typing import Annotated

import typer

from spyoncino.cli.faces_look import open_looker
from spyoncino.cli.faces_place import FacesPlace, faces_place
from spyoncino.cli.options import options_of, stdout
from spyoncino.errors import UsageError
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_cipher import KeyCipher, read_key, write_new_key
from spyoncino.persistence.people_renewal import reembed as reembed_faces

KeyFile = Annotated[Path, typer.Argument(metavar="KEYFILE", help="Where the key is, or shall be.")]


def encrypt(ctx: typer.Context, key_file: KeyFile) -> None:
    """Encrypt all faces with a key file, which is made where there is none.

    Vectors, pictures and their notes are encrypted, names are not. A kill in the middle changes
    nothing. Keep a copy of the key elsewhere: without it the faces are lost.

    Example: spyoncino faces encrypt ~/spyoncino.key
    """
    place = faces_place(options_of(ctx))
    path = key_file.expanduser().absolute()
    if path.is_relative_to(place.folder.root):
        raise UsageError(
            f"a key in the data folder {place.folder.root} lies beside what it locks; "
            "keep it somewhere else"
        )
    _check_database(place)
    KeyCipher(bytes(32))  # says now that the library is missing, before a key is made
    key = read_key(path) if path.exists() else write_new_key(path)
    with place.folder, FaceDatabase(place.folder.face_database) as people:
        count = people.file.reseal(key)
    stdout().print(
        f"{count} values are encrypted; set this, or nothing can be read:\n"
        f"gallery:\n  key_file: {path}",
        markup=False,
        soft_wrap=True,
    )


def decrypt(ctx: typer.Context, key_file: KeyFile) -> None:
    """Take the encryption of all faces off.

    Example: spyoncino faces decrypt ~/spyoncino.key
    """
    place = faces_place(options_of(ctx))
    _check_database(place)
    key = read_key(key_file.expanduser())
    with place.folder, FaceDatabase(place.folder.face_database, key) as people:
        count = people.file.reseal(None)
    stdout().print(
        f"{count} values are decrypted; leave gallery.key_file out of the configuration",
        markup=False,
        soft_wrap=True,
    )


def reembed(ctx: typer.Context) -> None:
    """After a change of faces.embedder: make its vectors from the pictures that were kept.

    Example: spyoncino faces reembed
    """
    place = faces_place(options_of(ctx))
    _check_database(place)
    looker = open_looker(place.faces)
    with place.folder, FaceDatabase(place.folder.face_database, place.key) as people:
        made, without = reembed_faces(people, looker.vectors_of, looker.embedder)
    left = f"; {without} have no picture that can be used" if without else ""
    stdout().print(f"{made} faces have vectors of {looker.embedder} now{left}", markup=False)


def _check_database(place: FacesPlace) -> None:
    if not place.folder.face_database.exists():
        raise UsageError("nobody is known yet; begin with: spyoncino faces enroll NAME IMAGE...")
