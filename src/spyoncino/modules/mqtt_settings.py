"""Section ``mqtt``: a broker, and Home Assistant behind it."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import ByteSize, Field, SecretStr, StringConstraints, model_validator

from spyoncino.clients.far_host import is_loopback
from spyoncino.modules.delivery_settings import DeliverySettings

Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")]


class MqttSettings(DeliverySettings):
    """Section ``mqtt``: a broker, and Home Assistant behind it."""

    host: str = Field(default="", description="Name or address of the MQTT broker.")
    port: int = Field(default=8883, ge=1, le=65535, description="8883 with tls, 1883 without.")
    security: Literal["tls", "none"] = Field(
        default="tls", description="none is refused unless the broker is this machine."
    )
    user: str = Field(default="", description="Who logs in; empty: nobody.")
    password: SecretStr = Field(default=SecretStr(""), description="Of the user.")
    certificate_file: Path | None = Field(
        default=None, description="Authorities to trust instead of the system's."
    )
    protocol: Literal["5", "3.1.1"] = Field(
        default="5", description="Version of MQTT; 3.1.1 for brokers that know no other."
    )
    topic_prefix: Prefix = Field(
        default="spyoncino",
        description="Begins every topic, and is the client id; another one for each house.",
    )
    discovery: bool = Field(
        default=True, description="Show cameras and house in Home Assistant (2024.11 or newer)."
    )
    discovery_prefix: Prefix = Field(
        default="homeassistant", description="Where Home Assistant looks for them."
    )
    take_orders: bool = Field(
        default=True,
        description="Whether whoever may publish at the broker chooses the mode and switches "
        "cameras.",
    )
    max_picture_bytes: ByteSize = Field(
        default=ByteSize(2_000_000),
        description="A larger picture is not published; 0 publishes none.",
    )
    longest_retry_s: float = Field(default=60.0, gt=0, description="No pause is longer.")

    @property
    def reaches_out(self) -> bool:
        """A broker on this machine is no outside, whatever it does with what it is told."""
        return self.enabled and not is_loopback(self.host)

    @model_validator(mode="after")
    def _can_connect(self) -> Self:
        if not self.enabled:
            return self
        if not self.host:
            raise ValueError("host is empty: name the MQTT broker")
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(f"security is none, but {self.host} is another machine: use tls")
        if self.password.get_secret_value() and not self.user:
            raise ValueError("password is set, but user is empty: a broker wants both")
        return self


FIXED_AT_START: Final = frozenset(
    set(MqttSettings.model_fields) - set(DeliverySettings.model_fields) - {"max_picture_bytes"}
    | {"enabled", "timeout_s"}
)
"""What the connection is made with: a change of it is taken over by a start of the module."""
