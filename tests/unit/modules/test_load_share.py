from spyoncino.modules.load_share import LoadShare
from spyoncino.schemas.status import LoadStage, LoadStatus


def at(stage: LoadStage) -> LoadShare:
    share = LoadShare()
    share.take(LoadStatus(stage=stage, pressure=2.0))
    return share


def looks(share: LoadShare, camera: str = "door") -> int:
    """Frames that get a look in two seconds at ten frames a second."""
    return sum(not share.why_not(camera, step / 10) for step in range(20))


def test_each_stage_leaves_less() -> None:
    assert [looks(at(stage)) for stage in LoadStage] == [20, 4, 4, 0]
    assert [at(stage).regions(4) for stage in LoadStage] == [4, 4, 0, 0]


def test_what_is_left_out_is_counted_and_says_why() -> None:
    share = at(LoadStage.NO_CONTINUOUS)
    assert share.why_not("door", 0.0) == "the machine is overloaded: only presses are looked at"
    assert share.shed == 1


def test_cameras_have_their_share_each_and_a_camera_that_begins_again_is_not_held_back() -> None:
    share = at(LoadStage.FEWER_FRAMES)
    assert not share.why_not("door", 50.0)
    assert not share.why_not("yard", 50.1)
    assert not share.why_not("door", 0.0)
