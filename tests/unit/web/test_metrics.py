import pytest
from tests.fixtures.exposition import ExpositionError, read_exposition

from spyoncino.core.histogram import Histogram
from spyoncino.web.metrics import BucketRow, Buckets, Figure, render


def test_figures_become_lines_that_prometheus_reads() -> None:
    text = render(
        [
            Figure("camera_up", "1 while live.", [({"camera": "door"}, 1)]),
            Figure("jobs", "Jobs.", [({}, 3)], "counter"),
            Figure("nothing", "Has no rows.", []),
        ]
    ).decode()
    assert 'spyoncino_camera_up{camera="door"} 1.0\n' in text
    assert "# TYPE spyoncino_camera_up gauge\n" in text
    assert "spyoncino_jobs_total 3.0\n" in text
    assert "nothing" not in text
    assert set(read_exposition(text)) == {"spyoncino_camera_up", "spyoncino_jobs_total"}


def test_names_with_odd_characters_are_quoted() -> None:
    text = render([Figure("x", "X.", [({"name": 'a"b\n'}, 1)])]).decode()
    assert '{name="a\\"b\\n"}' in text
    assert read_exposition(text)["spyoncino_x"].samples[""] == {(("name", 'a\\"b\\n'),): 1.0}


def test_a_histogram_is_told_with_buckets_sum_and_count() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.5, 3.0):
        histogram.observe(value)
    row = BucketRow({"stage": "zoning"}, histogram.cumulative(), histogram.total)
    text = render([Buckets("stage_seconds", "Times.", [row])]).decode()
    family = read_exposition(text)["spyoncino_stage_seconds"]
    assert family.kind == "histogram"
    assert family.samples["_bucket"] == {
        (("le", "0.1"), ("stage", "zoning")): 1.0,
        (("le", "1.0"), ("stage", "zoning")): 2.0,
        (("le", "+Inf"), ("stage", "zoning")): 3.0,
    }
    assert family.samples["_count"] == {(("stage", "zoning"),): 3.0}
    assert family.samples["_sum"] == {(("stage", "zoning"),): 3.55}


@pytest.mark.parametrize(
    "text",
    [
        "a 1",  # no end of line
        "a 1\n",  # no head
        "# HELP a A.\n# TYPE a gauge\nb 1\n",  # of another family
        "# HELP a A.\n# TYPE a gauge\na 1\na 2\n",  # one series twice
        '# HELP a A.\n# TYPE a gauge\na{x="1"} 1\na{y="1"} 1\n',  # other labels
        '# HELP a A.\n# TYPE a gauge\na{x="1} 1\n',  # open quote
        "# HELP a A.\n# TYPE a gauge\na one\n".replace("one", "1 2 3"),
        "# HELP a A.\n# TYPE a counter\na 1\n",  # a counter is called _total
        "# HELP a_total A.\n# TYPE a_total counter\na_total -1\n",
        "# HELP a A.\n# HELP a A.\n",
        "# HELP a A.\n",
        "# HELP a A.\n# TYPE a wrong\n",
        "# wrong\n",
        "# HELP a A.\n# TYPE a histogram\na_bucket 1\na_sum 1\na_count 1\n",
        '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n',
        '# HELP a A.\n# TYPE a histogram\na_bucket{le="+Inf"} 1\na_sum 1\na_count 2\n',
        '# HELP a A.\n# TYPE a histogram\na_bucket{le="+Inf"} 1\na_count 1\n',
    ],
)
def test_the_reader_of_these_tests_is_strict(text: str) -> None:
    with pytest.raises(ExpositionError):
        read_exposition(text)
