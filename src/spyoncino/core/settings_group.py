"""What every group of settings has in common."""

from pydantic import BaseModel, ConfigDict


class SettingsGroup(BaseModel):
    """Base of every group of settings: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
