from pathlib import Path

import pytest
from tests.fixtures.config_house import running_house

from spyoncino.core.config_orders import ROLLBACK, UPDATE, register_config
from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.errors import UsageError


async def test_commands_change_the_settings_of_the_running_main(tmp_path: Path) -> None:
    desk = ControlDesk(tmp_path / "control.sock")
    async with running_house(tmp_path) as house:
        register_config(desk, house.service)
        await desk.open()
        try:
            path = tmp_path / "control.sock"
            changes = {"bell": {"loudness": 9}}
            result = await ask_main(path, UPDATE, changes=changes, persist=False)
            assert (result["fate"], result["keys"]) == ("applied", ["bell.loudness"])
            result = await ask_main(path, ROLLBACK, version=1)
            assert (result["fate"], len(result["problems"])) == ("rejected", 1)
            with pytest.raises(UsageError, match="changes are a group of settings"):
                await ask_main(path, UPDATE, changes=3)
        finally:
            await desk.close()
