from pathlib import Path

from pydantic import ByteSize

from spyoncino.core.disk_watch import DiskProbe
from spyoncino.core.settings import HealthSettings
from spyoncino.schemas.status import HealthState

ROOM = HealthSettings(disk_free_bytes=ByteSize(0), disk_free_percent=0)


async def test_a_disk_with_room_is_well(tmp_path: Path) -> None:
    health = await DiskProbe(ROOM, tmp_path)()
    assert health.state is HealthState.OK
    assert health.numbers["free_bytes"] > 0


async def test_too_few_bytes_or_per_cent_degrade_and_say_what_to_do(tmp_path: Path) -> None:
    few = ROOM.model_copy(update={"disk_free_bytes": ByteSize(10**18)})
    small = ROOM.model_copy(update={"disk_free_percent": 99.999})
    for settings in (few, small):
        health = await DiskProbe(settings, tmp_path)()
        assert health.state is HealthState.DEGRADED
        assert "make room, or lower media.max_bytes" in health.detail


async def test_a_folder_that_is_gone_has_failed(tmp_path: Path) -> None:
    health = await DiskProbe(ROOM, tmp_path / "pulled out")()
    assert health.state is HealthState.FAILED
