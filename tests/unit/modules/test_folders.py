from pathlib import Path

import pytest

from spyoncino.errors import StorageError
from spyoncino.modules.folders import make_folder


async def test_a_folder_is_made_with_its_parents_for_this_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "media" / "day"
    await make_folder(folder)
    await make_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file is in the way")
    with pytest.raises(StorageError, match=r"cannot be created .* rights of the data folder"):
        await make_folder(tmp_path / "media" / "day")
