"""The key pair of a house: made once, kept for its user alone, never shown."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from spyoncino.clients.push_subscription import packed, unpacked
from spyoncino.clients.vapid_key import VapidKey
from spyoncino.errors import DeliveryRefusedError, StorageError

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def test_it_is_made_once_and_only_its_user_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "web-push-key"
    made = VapidKey.load(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert VapidKey.load(path).public_key == made.public_key
    assert VapidKey(path.read_text().strip()).public_key == made.public_key
    assert len(unpacked(made.public_key)) == 65


def test_a_file_without_a_key_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "web-push-key"
    path.write_text("n0-key-at-all\n")
    with pytest.raises(StorageError, match="holds no key") as refused:
        VapidKey.load(path)
    assert "n0-key" not in str(refused.value)
    assert path.read_text() == "n0-key-at-all\n"
    with pytest.raises(StorageError, match="cannot be written"):
        VapidKey.load(tmp_path / "nowhere" / "key")


def test_a_number_that_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match=r".+"):
        VapidKey(packed(b"\0" * 32))


def test_what_cannot_be_signed_is_refused() -> None:
    key = VapidKey(packed(b"\1" * 32))
    with pytest.raises(DeliveryRefusedError, match="no token"):
        key.authorization("https://push.example.org/x", "nobody", NOON)
