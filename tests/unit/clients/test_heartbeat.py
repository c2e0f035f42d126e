"""A heartbeat is a fetch; whatever goes wrong is told without the address."""

from datetime import UTC, datetime

import pytest
from tests.fixtures.heartbeat_stand_in import listener

from spyoncino.clients.heartbeat import beat
from spyoncino.errors import DeliveryError, DeliveryRefusedError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def test_the_address_is_fetched() -> None:
    async with listener() as far:
        await beat(far.url, 5.0, NOW)
        assert far.beats == 1


async def test_what_is_wrong_is_told_without_the_address() -> None:
    async with listener() as far:
        far.answers = [(302, {"Location": "/elsewhere"}), (404, {}), (503, {"Retry-After": "7"})]
        said = []
        for kind in (DeliveryRefusedError, DeliveryRefusedError, DeliveryError):
            with pytest.raises(kind) as caught:
                await beat(far.url, 5.0, NOW)
            said.append(str(caught.value))
        assert far.beats == 3  # no redirect was followed
        assert caught.value.retry_after_s == 7
        url = far.url
    with pytest.raises(DeliveryError, match="cannot be reached") as caught:
        await beat(url, 5.0, NOW)
    assert "s3cret" not in str([*said, caught.value])
