"""What a camera or doorbell may be called."""

from typing import Annotated

from pydantic import StringConstraints

EntityId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
"""Id of a camera or doorbell: one word of a topic, a folder name, part of a variable's name."""
