"""What the section of every channel has."""

from pydantic import Field

from spyoncino.core.contracts import ModuleSettings


class DeliverySettings(ModuleSettings):
    """What the section of every channel has."""

    enabled: bool = Field(default=False, description="Whether this channel tells anybody.")
    timeout_s: float = Field(default=20.0, gt=0, description="What one try may take.")
    first_retry_s: float = Field(
        default=1.0, gt=0, description="Pause after the first failure; doubles with each further."
    )
    longest_retry_s: float = Field(default=300.0, gt=0, description="No pause is longer.")
    give_up_after_s: float = Field(
        default=86_400.0, gt=0, description="A message that is older is not tried any more."
    )
    at_once: int = Field(
        default=4,
        ge=1,
        le=64,
        description="New messages to one target in work at a time, and as many edits.",
    )

    @property
    def reaches_out(self) -> bool:
        """A section that only stands there tells nobody."""
        return self.enabled
