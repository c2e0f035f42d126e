from spyoncino.events.recent_ids import RecentIds


def test_ids_are_remembered_up_to_a_limit_and_the_oldest_goes_first() -> None:
    ids = RecentIds(limit=2)
    for each in ("a", "b", "b", "c"):
        ids.add(each)
    assert len(ids) == 2
    assert [each in ids for each in ("a", "b", "c")] == [False, True, True]
