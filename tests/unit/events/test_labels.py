from spyoncino.events.labels import DEFAULT_LABELS, in_order_of_telling, label_rank


def test_a_person_tells_more_than_a_press_than_a_vehicle_than_an_animal_than_motion() -> None:
    ranks = [label_rank(each) for each in ("person", "doorbell", "car", "cat", "parcel", "motion")]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == 6


def test_labels_are_told_once_and_equals_by_name() -> None:
    labels = in_order_of_telling(["dog", "truck", "person", "car", "dog", "cat"])
    assert labels == ("person", "car", "truck", "cat", "dog")


def test_every_default_label_is_ranked_above_unknown_ones() -> None:
    assert min(label_rank(label) for label in DEFAULT_LABELS) > label_rank("umbrella")
