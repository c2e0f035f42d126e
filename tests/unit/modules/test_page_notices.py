"""The board of notices: the newest few, repeats counted, what is over taken down."""

from spyoncino.modules.page_notices import KEPT, Notices
from spyoncino.schemas.status import ContractNotice, HealthState, StatusNotice


def notice(component: str, message: str) -> ContractNotice:
    return ContractNotice(component=component, message=message)


def sentences(notices: Notices) -> list[str]:
    return [kept.message for kept in notices]


def test_the_newest_few_are_kept_newest_first() -> None:
    notices = Notices()
    for number in range(KEPT + 2):
        notices.add(notice("web", f"sentence {number}"))
    assert sentences(notices) == [f"sentence {KEPT + 1 - number}" for number in range(KEPT)]


def test_the_same_sentence_again_is_counted_and_comes_first() -> None:
    notices = Notices()
    notices.add(notice("web", "slow"))
    notices.add(notice("bus", "slow"))
    repeated = notices.add(notice("web", "slow"))
    assert (repeated.count, repeated.component) == (2, "web")
    assert [(kept.component, kept.count) for kept in notices] == [("web", 2), ("bus", 1)]


def test_a_part_that_is_well_again_takes_its_notices_down_and_no_others() -> None:
    notices = Notices()
    notices.add(StatusNotice(component="door", message="the camera is gone"))
    notices.add(StatusNotice(component="disk", message="the disk is full"))
    over = StatusNotice(
        component="door", message="the camera is back", severity="info", state=HealthState.OK
    )
    assert notices.add(over).is_over
    assert sentences(notices) == ["the camera is back", "the disk is full"]
