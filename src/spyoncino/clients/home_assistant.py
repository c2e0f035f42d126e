"""What Home Assistant is told over MQTT so that cameras and the house appear there by themselves.

Device discovery (Home Assistant, integration MQTT, section "Device discovery payload"; needs
2024.11 or newer): one retained JSON document for each camera and one for the house, with all their
entities. Everything here is pure: it builds topics and documents.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
"""What Home Assistant expects on availability topics, and says itself on its status topic."""

ON: Final = b"ON"
OFF: Final = b"OFF"

RING: Final = "ring"
"""Type of event that a doorbell must have (integration Event, device class doorbell)."""

MAX_STATE_CHARACTERS: Final = 255
"""A longer state is refused (Home Assistant, page "State object")."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of topics.

    Args:
        prefix: Before everything of this house; two houses at one broker have different ones.
        discovery_prefix: Where Home Assistant looks for documents.
    """

    prefix: str
    discovery_prefix: str

    @property
    def node(self) -> str:
        """Of this house, in letters that object ids may have."""
        return re.sub(r"[^a-zA-Z0-9_-]", "_", self.prefix)

    @property
    def status(self) -> str:
        """Whether this program runs: online or offline."""
        return f"{self.prefix}/status"

    @property
    def mode(self) -> str:
        """The mode that holds."""
        return f"{self.prefix}/mode"

    @property
    def mode_order(self) -> str:
        """Which mode shall hold."""
        return f"{self.prefix}/mode/set"

    @property
    def notices(self) -> str:
        """Messages that belong to no event."""
        return f"{self.prefix}/notices"

    @property
    def home_assistant(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.discovery_prefix}/status"

    def event(self, camera: str) -> str:
        """The last visit that was told of a camera."""
        return f"{self.prefix}/events/{camera}"

    def camera(self, camera: str, what: str) -> str:
        """One fact about a camera: ring, person, motion, picture, visitor or enabled."""
        return f"{self.prefix}/cameras/{camera}/{what}"

    def camera_order(self, camera: str) -> str:
        """Whether a camera shall be used: ON or OFF; ``+`` for every camera."""
        return f"{self.camera(camera, 'enabled')}/set"

    def ordered_camera(self, topic: str) -> str | None:
        """The camera that an order is about; ``None`` where the topic is no such order."""
        before, _, after = self.camera_order("+").partition("+")
        if not (topic.startswith(before) and topic.endswith(after)):
            return None
        return topic[len(before) : -len(after)]

    def device(self, camera: str = "") -> str:
        """Where the document of a camera is, or that of the house."""
        return f"{self.discovery_prefix}/device/{self.object_id(camera)}/config"

    def object_id(self, camera: str = "") -> str:
        """Of a camera, or of the house; the same for ever."""
        return f"{self.node}_{camera}" if camera else self.node


def camera_document(
    topics: Topics, camera: str, *, has_bell: bool, takes_orders: bool, version: str
) -> Document:
    """A camera and its entities.

    Args:
        topics: Of this house.
        camera: Its id.
        has_bell: A doorbell is at the door that it looks at.
        takes_orders: It may be switched from there.
        version: Of this program.
    """
    person, motion = topics.camera(camera, "person"), topics.camera(camera, "motion")
    entities: dict[str, Document] = {
        "person": {**_two_states(person), "name": "Person", "device_class": "occupancy"},
        "motion": {**_two_states(motion), "name": "Motion", "device_class": "motion"},
        "picture": {
            "platform": "image",
            "name": "Last picture",
            "image_topic": topics.camera(camera, "picture"),
            "content_type": "image/jpeg",
        },
        "visitor": {
            "platform": "sensor",
            "name": "Last known visitor",
            "icon": "mdi:account",
            "state_topic": topics.camera(camera, "visitor"),
            "json_attributes_topic": topics.event(camera),
        },
    }
    if has_bell:
        entities["ring"] = {
            "platform": "event",
            "name": "Doorbell",
            "device_class": "doorbell",
            "event_types": [RING],
            "state_topic": topics.camera(camera, "ring"),
        }
    enabled = _two_states(topics.camera(camera, "enabled"))
    if takes_orders:
        order = {"platform": "switch", "command_topic": topics.camera_order(camera)}
        entities["switch"] = {**enabled, **order, "name": "In use"}
    else:
        entities["enabled"] = {**enabled, "name": "In use"}
    device = {
        "name": camera.replace("_", " ").replace("-", " ").capitalize(),
        "model": "Camera",
        "via_device": topics.object_id(),
    }
    return _document(topics, camera, device, entities, version)


def house_document(
    topics: Topics, modes: Sequence[str], *, takes_orders: bool, version: str
) -> Document:
    """The house and its mode.

    Args:
        topics: Of this house.
        modes: Names of all modes.
        takes_orders: The mode may be chosen from there.
        version: Of this program.
    """
    mode: Document = {"name": "Mode", "icon": "mdi:shield-home", "state_topic": topics.mode}
    if takes_orders:
        order = {"command_topic": topics.mode_order, "options": list(modes)}
        entities = {"mode": {**mode, "platform": "select", **order}}
    else:
        entities = {"mode_shown": {**mode, "platform": "sensor"}}
    device = {"name": "Spyoncino", "model": "House"}
    return _document(topics, "", device, entities, version)


def platforms(document: Mapping[str, Any]) -> dict[str, str]:
    """The entities of a document and of what kind each is."""
    return {name: entity["platform"] for name, entity in document["components"].items()}


def visitors(names: Sequence[str]) -> bytes:
    """Names as the state of one sensor; a crowd is cut short."""
    text = ", ".join(names)
    if len(text) > MAX_STATE_CHARACTERS:
        text = text[: MAX_STATE_CHARACTERS - 1] + "…"
    return text.encode()


def with_farewell(document: Document, gone: Mapping[str, str]) -> Document:
    """A document that also removes entities which the last one had.

    Home Assistant forgets an entity when its document names nothing but its platform; afterwards
    the document is to be told again without it (section "Device discovery payload").

    Args:
        document: As it shall be.
        gone: Former entities and of what kind each was.
    """
    farewells = {name: {"platform": platform} for name, platform in gone.items()}
    return {**document, "components": {**document["components"], **farewells}}


def _two_states(topic: str) -> Document:
    return {
        "platform": "binary_sensor",
        "state_topic": topic,
        "payload_on": ON.decode(),
        "payload_off": OFF.decode(),
    }


def _document(
    topics: Topics,
    camera: str,
    device: Document,
    entities: Mapping[str, Document],
    version: str,
) -> Document:
    object_id = topics.object_id(camera)
    return {
        "device": {
            "identifiers": [object_id],
            "manufacturer": "Spyoncino",
            "sw_version": version,
            **device,
        },
        "origin": {"name": "spyoncino", "sw_version": version},
        "availability": [
            {
                "topic": topics.status,
                "payload_available": ONLINE.decode(),
                "payload_not_available": OFFLINE.decode(),
            }
        ],
        "qos": 1,
        "components": {
            name: {**entity, "unique_id": f"{object_id}_{name}"}
            for name, entity in entities.items()
        },
    }
