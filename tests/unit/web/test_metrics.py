from spyoncino.web.metrics import Figure, render


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


def test_names_with_odd_characters_are_quoted() -> None:
    text = render([Figure("x", "X.", [({"name": 'a"b\n'}, 1)])]).decode()
    assert '{name="a\\"b\\n"}' in text
