from typing import Any

from spyoncino.events.zone_presence import Place, Presence, ZonePresence
from spyoncino.geometry.boxes import Box
from spyoncino.schemas.control import ZoneDefinition

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
AT_LEFT = Box(0.1, 0.3, 0.3, 0.9)
AT_RIGHT = Box(0.7, 0.3, 0.9, 0.9)


def zone(name: str, polygon: Any = LEFT, **changes: Any) -> ZoneDefinition:
    values = {"inertia_frames": 1, **changes}
    return ZoneDefinition(name=name, polygon=polygon, **values)


def look(zones: ZonePresence, box: Box, pts_s: float = 0.0, **changes: Any) -> Presence:
    return zones.look(1, changes.pop("label", "person"), box, pts_s, **changes)


def test_without_zones_every_place_is_open() -> None:
    assert look(ZonePresence(()), AT_LEFT) == Presence(Place.OPEN)


def test_feet_decide_where_somebody_stands() -> None:
    lower = zone("lawn", ((0, 0.8), (1, 0.8), (1, 1), (0, 1)))
    assert look(ZonePresence([lower]), Box(0.4, 0.1, 0.6, 0.9)).zones == ("lawn",)
    assert look(ZonePresence([lower]), Box(0.4, 0.1, 0.6, 0.7)).zones == ()


def test_feet_below_the_picture_stand_on_its_border() -> None:
    lower = zone("lawn", ((0, 0.8), (1, 0.8), (1, 1), (0, 1)))
    assert look(ZonePresence([lower]), Box(0.4, 0.1, 0.6, 1.3)).zones == ("lawn",)


def test_inside_needs_some_frames_in_a_row() -> None:
    zones = ZonePresence([zone("porch", inertia_frames=3)])
    waiting = Presence(Place.OUTSIDE, waiting_for=("porch",))
    assert look(zones, AT_LEFT) == waiting
    assert look(zones, AT_LEFT) == waiting
    assert look(zones, AT_LEFT) == Presence(Place.INSIDE, ("porch",))


def test_one_frame_outside_begins_the_count_again() -> None:
    zones = ZonePresence([zone("porch", inertia_frames=2)])
    look(zones, AT_LEFT)
    assert look(zones, AT_RIGHT).place is Place.OUTSIDE
    assert look(zones, AT_LEFT).place is Place.OUTSIDE
    assert look(zones, AT_LEFT).place is Place.INSIDE


def test_frames_that_were_left_out_count() -> None:
    zones = ZonePresence([zone("porch", inertia_frames=3)])
    look(zones, AT_LEFT)
    assert look(zones, AT_LEFT, frame_count=2).place is Place.INSIDE


def test_loitering_needs_time_inside() -> None:
    zones = ZonePresence([zone("gate", loiter_s=5.0)])
    assert look(zones, AT_LEFT, 0.0).waiting_for == ("gate",)
    assert look(zones, AT_LEFT, 4.9).place is Place.OUTSIDE
    assert look(zones, AT_LEFT, 5.0).zones == ("gate",)
    look(zones, AT_RIGHT, 6.0)
    assert look(zones, AT_LEFT, 7.0).place is Place.OUTSIDE


def test_zones_may_overlap_and_keep_the_order_of_the_settings() -> None:
    whole = ((0, 0), (1, 0), (1, 1), (0, 1))
    zones = ZonePresence([zone("all", whole), zone("porch")])
    assert look(zones, AT_LEFT).zones == ("all", "porch")


def test_a_zone_for_some_labels_is_none_for_others() -> None:
    zones = ZonePresence([zone("drive", labels=("car",))])
    assert look(zones, AT_RIGHT, label="person").place is Place.OPEN
    assert look(zones, AT_RIGHT, label="car").place is Place.OUTSIDE
    assert look(zones, AT_LEFT, label="car").place is Place.INSIDE


def test_an_exclude_zone_holds_from_the_first_frame() -> None:
    zones = ZonePresence([zone("street", kind="exclude", inertia_frames=3)])
    assert look(zones, AT_LEFT) == Presence(Place.EXCLUDED, excluded_by="street")


def test_an_exclude_zone_lets_go_after_some_frames_outside() -> None:
    zones = ZonePresence([zone("street", kind="exclude", inertia_frames=2)])
    look(zones, AT_LEFT)
    assert look(zones, AT_RIGHT).place is Place.EXCLUDED
    assert look(zones, AT_RIGHT).place is Place.OPEN


def test_an_include_zone_wins_over_an_exclude_zone() -> None:
    zones = ZonePresence([zone("street", kind="exclude"), zone("gate")])
    presence = look(zones, AT_LEFT)
    assert presence == Presence(Place.INSIDE, ("gate",), excluded_by="street")


def test_only_excluded_although_there_are_include_zones() -> None:
    zones = ZonePresence([zone("street", kind="exclude"), zone("gate", RIGHT)])
    assert look(zones, AT_LEFT).place is Place.EXCLUDED


def test_tracks_do_not_share_their_time_and_are_forgotten() -> None:
    zones = ZonePresence([zone("porch", inertia_frames=2)])
    look(zones, AT_LEFT)
    assert zones.look(2, "person", AT_LEFT, 0.0).place is Place.OUTSIDE
    zones.forget(1)
    assert look(zones, AT_LEFT).place is Place.OUTSIDE
    zones.clear()
    assert zones.look(2, "person", AT_LEFT, 0.0).place is Place.OUTSIDE
