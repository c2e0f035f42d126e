"""Tells programs by MQTT, and shows the house in Home Assistant by itself.

Two things go out. Messages that the rules want told, one JSON document for each revision, through
the outbox. And facts, told at once and kept by nobody but the broker: who rings, whether somebody
is there, the last picture, which mode holds.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from spyoncino import __version__
from spyoncino.clients.home_assistant import (
    OFF,
    OFFLINE,
    ON,
    ONLINE,
    RING,
    Document,
    Topics,
    camera_document,
    house_document,
    visitors,
)
from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume
from spyoncino.core.guard import limited
from spyoncino.core.queues import Policy
from spyoncino.errors import DeliveryError, RequestError
from spyoncino.modules.delivery import DeliveryModule, Receipt
from spyoncino.modules.mqtt_board import Board
from spyoncino.modules.mqtt_settings import FIXED_AT_START, MqttSettings
from spyoncino.persistence.deliveries import Delivery
from spyoncino.schemas import topics as bus
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.control import ConfigUpdate
from spyoncino.schemas.events import CLOSED_STATES, DoorbellEvent, EventUpdate
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.status import HealthState, HealthStatus

if TYPE_CHECKING:
    from spyoncino.clients.mqtt import Arrival, MqttLink

RING_FRESH_S: Final = 10.0
"""A ring that could not be told for so long is told no more: a late one would only startle."""

WAIT_FOR_BROKER_S: Final = 5.0
"""So long a message waits for a connection before its try counts as failed."""

MAX_RINGING: Final = 32
"""Rings that wait for the broker at a time; further ones are counted as missed."""

RETRY_S: Final = 0.2
"""Pause before something is published anew over a connection that has just broken."""

GOODBYE_S: Final = 2.0
"""What telling that the program goes may take."""


class MqttModule(DeliveryModule[MqttSettings]):
    """One JSON document per revision; a reader replaces the older one of the same ``event_id``."""

    name = "output.mqtt"
    section = "mqtt"
    channel = "mqtt"
    settings_model = MqttSettings
    fixed_at_start = FIXED_AT_START
    camera_keys = frozenset({"enabled", "doorbell"})
    consumes = (
        *DeliveryModule.consumes,
        Consume(bus.DOORBELL_PRESSED, "on_press", Policy.BLOCK),
        Consume(bus.EVENT_CREATED, "on_event", Policy.BLOCK),
        Consume(bus.EVENT_UPDATED, "on_event", Policy.BLOCK),
        Consume(bus.EVENT_COMPLETED, "on_event", Policy.BLOCK),
        Consume(bus.MEDIA_READY, "on_media", Policy.BLOCK),
        Consume(bus.SYSTEM_MODE, "on_mode", Policy.LATEST),
    )
    publishes = (*DeliveryModule.publishes, bus.CONFIG_UPDATE)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._link: MqttLink | None = None
        self._topics = Topics("", "")
        self._board: Board
        self._open: dict[str, dict[str, bool]] = {}
        self._ringing: set[asyncio.Task[None]] = set()
        self._rings_missed = 0
        self._pictures_left_out = 0

    # --- life ------------------------------------------------------------------------------------

    async def configure(self, settings: MqttSettings) -> None:
        """Take settings; cameras may have come or gone."""
        await super().configure(settings)
        if self._link is not None:
            self._set_up_facts()
            if self._link.is_connected:
                self._chores.start(self._introduce_again(), "mqtt cameras")

    async def start(self) -> None:
        """Connect in the background and stay connected."""
        settings = self.settings
        if settings.enabled and not self.context.lossless:
            self._topics = Topics(settings.topic_prefix, settings.discovery_prefix)
            self._board = Board(self._retain, self.context.data.mqtt_topics, self.context.log)
            self._link = self._new_link()
            self._set_up_facts()
            self._chores.start(self._link.run(), "mqtt connection")
            self._chores.start(self._tell_facts(self._link), "mqtt facts")
        await super().start()

    async def stop(self) -> None:
        """Say goodbye, so that nobody takes the last facts for true."""
        if self._link is not None and self._link.is_connected:
            error = await limited(self._retain(self._topics.status, OFFLINE), GOODBYE_S)
            if error is not None:
                self.context.log.debug("no goodbye", error=str(error))
        await super().stop()
        self._link = None

    async def health(self) -> HealthStatus:
        """Degraded while the broker is not there."""
        status = await super().health()
        link = self._link
        if link is None:
            return status
        problem = status.detail
        if not link.is_connected:
            problem = problem or link.last_error or "the MQTT broker is not connected yet"
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={
                **status.numbers,
                "connections": link.connections,
                "rings_missed": self._rings_missed,
                "pictures_left_out": self._pictures_left_out,
                "topics_left_out": len(self._board.left_out),
            },
        )

    def _new_link(self) -> "MqttLink":
        # The library takes a twentieth of a second: only who uses a broker pays it.
        from spyoncino.clients.mqtt import Broker, MqttLink  # noqa: PLC0415

        settings, names = self.settings, self._topics
        broker = Broker(
            host=settings.host,
            port=settings.port,
            client_id=names.node,
            will_topic=names.status,
            will=OFFLINE,
            security=settings.security,
            user=settings.user,
            password=settings.password.get_secret_value(),
            certificate_file=settings.certificate_file,
            protocol=settings.protocol,
            timeout_s=settings.timeout_s,
        )
        heard: list[str] = [names.home_assistant] if settings.discovery else []
        if settings.take_orders:
            heard += [names.mode_order, names.camera_order("+")]
        return MqttLink(broker, tuple(heard), self._introduce, self._on_arrival, self.context.clock)

    # --- messages --------------------------------------------------------------------------------

    def targets(self, alert: AlertNotification) -> Sequence[str]:
        """The topic of the camera, or that of notices."""
        if alert.event is None:
            return (self._topics.notices,)
        return (self._topics.event(alert.event.camera),)

    async def tell(self, delivery: Delivery) -> Receipt:
        """Publish the document and have it acknowledged.

        Raises:
            DeliveryError: The broker did not take it now.
        """
        link, event = self._link, delivery.alert.event
        if link is None:
            raise DeliveryError("the MQTT broker is not connected")
        await limited(link.wait_connected(), min(WAIT_FOR_BROKER_S, self.settings.timeout_s / 2))
        document = json.dumps(self._message(delivery), ensure_ascii=False).encode()
        is_kept = event is not None and event.camera in self.context.cameras
        await link.publish(delivery.key.target, document, retain=is_kept)
        return Receipt(is_confirmed=True)

    def _message(self, delivery: Delivery) -> Document:
        alert, event = delivery.alert, delivery.alert.event
        document: Document = {
            "event_id": alert.event_ref,
            "revision": alert.revision,
            "loud_revision": alert.loud_revision,
            "delivery_id": self.delivery_id(delivery),
            "title": alert.title,
            "text": alert.text,
            "priority": alert.priority.value,
            "rule": alert.rule,
            "media": list(alert.media),
            "is_final": alert.is_final,
            "told_at": alert.timestamp.isoformat(),
        }
        if event is not None:
            document |= {
                "camera": event.camera,
                "type": event.type,
                "state": event.state.value,
                "labels": list(event.labels),
                "names": list(event.names),
                "presses": len(event.presses),
                "started_at": event.started_at.isoformat(),
                "ended_at": event.ended_at.isoformat(),
            }
        return document

    # --- facts -----------------------------------------------------------------------------------

    async def on_press(self, press: DoorbellEvent) -> None:
        """Ring there, too."""
        if self._link is None:
            return
        if len(self._ringing) >= MAX_RINGING:
            self._rings_missed += 1
            return
        ring = self._chores.start(self._ring(press, self._link), "mqtt ring")
        self._ringing.add(ring)
        ring.add_done_callback(self._ringing.discard)

    async def on_event(self, update: EventUpdate) -> None:
        """Say whether somebody is there, and who."""
        event = update.event
        if self._link is None or event.camera not in self.context.cameras:
            return
        is_open = self._open.setdefault(event.camera, {})
        if event.state in CLOSED_STATES:
            is_open.pop(event.event_id, None)
        else:
            is_open[event.event_id] = "person" in event.labels
        self._fact(event.camera, "motion", ON if is_open else OFF)
        self._fact(event.camera, "person", ON if any(is_open.values()) else OFF)
        if names := event.names:
            self._fact(event.camera, "visitor", visitors(names))

    async def on_media(self, artifact: MediaArtifact) -> None:
        """Show the newest picture."""
        if (
            self._link is None
            or artifact.kind is not MediaKind.SNAPSHOT
            or artifact.camera not in self.context.cameras
            or not self.settings.max_picture_bytes
        ):
            return
        if artifact.size_bytes > self.settings.max_picture_bytes:
            self._pictures_left_out += 1
            self.context.log.warning(
                "a picture is not published: it is larger than mqtt.max_picture_bytes",
                path=artifact.path,
                size_bytes=artifact.size_bytes,
            )
            return
        try:
            picture = await asyncio.to_thread((self.context.data.root / artifact.path).read_bytes)
        except OSError as error:
            self._pictures_left_out += 1
            self.context.log.warning("a picture is not published", error=str(error))
            return
        self._fact(artifact.camera, "picture", picture)

    async def on_mode(self, told: SystemMode) -> None:
        """Show the mode."""
        if self._link is not None:
            self._board.put(self._topics.mode, told.mode.value.encode())

    def _fact(self, camera: str, what: str, value: bytes) -> None:
        self._board.put(self._topics.camera(camera, what), value)

    def _set_up_facts(self) -> None:
        for camera, settings in self.context.cameras.items():
            self._fact(camera, "enabled", ON if settings.enabled else OFF)
            for what in ("motion", "person"):
                self._board.put_first(self._topics.camera(camera, what), OFF)
        for camera in self._open.keys() - self.context.cameras.keys():
            del self._open[camera]

    async def _ring(self, press: DoorbellEvent, link: "MqttLink") -> None:
        topic = self._topics.camera(press.camera, "ring")
        document = {
            "event_type": RING,
            "camera": press.camera,
            "doorbell": press.doorbell,
            "press_id": press.event_id,
            "pressed_at": press.timestamp.isoformat(),
        }
        payload = json.dumps(document).encode()
        clock = self.context.clock
        until_ns = clock.monotonic_ns() + int(RING_FRESH_S * 1e9)
        while True:
            try:
                await link.publish(topic, payload, retain=False)
            except DeliveryError as error:
                if clock.monotonic_ns() >= until_ns:
                    self._rings_missed += 1
                    self.context.log.error("a ring was not published", error=str(error))
                    return
                await clock.sleep(RETRY_S)
            else:
                return

    async def _tell_facts(self, link: "MqttLink") -> None:
        while True:
            await link.wait_connected()
            try:
                await self._board.tell_next()
            except DeliveryError as error:
                self.context.log.debug("facts wait for the broker", error=str(error))
                await self.context.clock.sleep(RETRY_S)

    async def _retain(self, topic: str, payload: bytes) -> None:
        if self._link is None:
            raise DeliveryError("the MQTT broker is not connected")
        await self._link.publish(topic, payload, retain=True)

    # --- Home Assistant --------------------------------------------------------------------------

    async def _introduce(self) -> None:
        """Tell which devices there are and that this program runs; of each connection the first.

        Raises:
            DeliveryError: The broker is gone again.
        """
        names, cameras = self._topics, self.context.cameras
        documents: dict[str, Document] = {}
        facts = {names.status, names.mode}
        for camera in cameras:
            facts |= {names.event(camera)}
            facts |= {
                names.camera(camera, what)
                for what in ("person", "motion", "picture", "visitor", "enabled")
            }
        if self.settings.discovery:
            orders = self.settings.take_orders
            documents[names.device()] = house_document(
                names, [mode.value for mode in Mode], takes_orders=orders, version=__version__
            )
            for camera, settings in cameras.items():
                documents[names.device(camera)] = camera_document(
                    names,
                    camera,
                    has_bell=settings.doorbell is not None,
                    takes_orders=orders,
                    version=__version__,
                )
        await self._board.adopt(documents, frozenset(facts))
        await self._retain(names.status, ONLINE)

    async def _introduce_again(self) -> None:
        try:
            await self._introduce()
        except DeliveryError as error:
            self.context.log.debug("introduced with the next connection", error=str(error))

    async def _on_arrival(self, arrival: "Arrival") -> None:
        if arrival.is_retained:  # an old order would be obeyed again with each connection
            self.context.log.debug("a retained message is not heeded", topic=arrival.topic)
            return
        if arrival.topic == self._topics.home_assistant:
            if arrival.payload == ONLINE:
                await self._introduce()
            return
        wish = arrival.payload[:40].decode(errors="replace")
        if arrival.topic == self._topics.mode_order:
            await self._order_mode(wish)
        elif (camera := self._topics.ordered_camera(arrival.topic)) is not None:
            await self._order_camera(camera, wish)

    async def _order_mode(self, wish: str) -> None:
        if wish not in {mode.value for mode in Mode}:
            self.context.log.warning("an order by MQTT names no mode", wish=wish)
        else:
            order = ModeOrder(source=self.name, mode=Mode(wish), author="mqtt")
            try:
                await self.context.bus.request(bus.MODE_ORDER, order)
            except RequestError as error:
                self.context.log.error("an order by MQTT was not obeyed", error=str(error))
        self._board.tell_again(self._topics.mode)  # what holds, whatever was wished

    async def _order_camera(self, camera: str, wish: str) -> None:
        is_on = {ON: True, OFF: False}.get(wish.encode())
        if camera not in self.context.cameras or is_on is None:
            self.context.log.warning("an order by MQTT fits no camera", camera=camera, wish=wish)
            return
        changes = {"cameras": {camera: {"enabled": is_on}}}
        update = ConfigUpdate(source=self.name, changes=changes, author="mqtt")
        await self.publish(bus.CONFIG_UPDATE, update)
        self._board.tell_again(self._topics.camera(camera, "enabled"))
