"""A running main is told on its desk, and passes the order on to whoever tells."""

from pathlib import Path

import pytest

from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.core.mute_orders import ORDER, register_mutes
from spyoncino.errors import UsageError
from spyoncino.schemas.topics import CONTROL_COMMAND
from spyoncino.testing.harness import ModuleHarness


async def test_an_order_at_the_desk_becomes_a_command_on_the_bus(
    module_harness: ModuleHarness, tmp_path: Path
) -> None:
    desk = ControlDesk(tmp_path / "desk")
    register_mutes(desk, module_harness.bus, {"door"})
    await desk.open()
    await ask_main(tmp_path / "desk", ORDER, camera="door", for_s=60.0)
    with pytest.raises(UsageError, match="no camera 'moon'"):
        await ask_main(tmp_path / "desk", ORDER, camera="moon", for_s=60.0)
    await desk.close()
    await module_harness.settle()
    (command,) = module_harness.received(CONTROL_COMMAND)
    assert (command.target, command.command) == ("alerts", "mute")
    assert command.arguments == {"camera": "door", "for_s": 60.0}
