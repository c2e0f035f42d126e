"""Random edits against a running house: the old version runs or the new, never a mixture."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fixtures.config_house import HANGS, KEEPS_RAISING, RAISES, House, running_house

from spyoncino.core import orchestrator as orchestrator_file
from spyoncino.core.config_terms import Fate

EDITS_EACH = 10
EXAMPLES = 20
"""Together 200 edits."""

Edit = tuple[dict[str, Any], dict[str, str], bool]
"""Changes, which modules fail in ``configure`` and how, whether the camera shows no picture."""

RIGHT: list[tuple[str, st.SearchStrategy[dict[str, Any]]]] = [
    ("bell", st.fixed_dictionaries({"loudness": st.integers(0, 11)})),
    (
        "photo",
        st.fixed_dictionaries(
            {},
            optional={
                "mode": st.sampled_from(["auto", "manual", "off", None]),
                "sensitivity": st.floats(0, 1),
                "labels": st.lists(st.sampled_from(["person", "cat"]), max_size=2),
                "lens": st.fixed_dictionaries({"colour": st.booleans()}),
            },
        ),
    ),
    ("album", st.fixed_dictionaries({"max_bytes": st.sampled_from(["1MB", 5, None])})),
    ("tracking", st.fixed_dictionaries({"confirm_hits": st.integers(1, 4)})),
    ("zoning", st.fixed_dictionaries({"outside": st.sampled_from(["drop", "keep"])})),
]
ZONE = {"name": "porch", "polygon": [[0, 0], [1, 0], [1, 1]]}
CAMERA = st.fixed_dictionaries(
    {"source": st.fixed_dictionaries({"type": st.just("sim"), "seed": st.integers(0, 2)})},
    optional={
        "analysis_fps": st.sampled_from([1, 5]),
        "enabled": st.booleans(),
        "zones": st.sampled_from([[], [ZONE], None]),
        "photo": st.fixed_dictionaries({"sensitivity": st.floats(0, 1)}),
    },
)
WRONG: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"bell": {"loudness": 12}},
        {"bell": {"loudnes": 3}},
        {"photo": {"mode": "sometimes"}},
        {"cameras": {"door": {"source": {"type": "telescope"}}}},
        {"cameras": {"door": {"zones": [{"name": "x", "polygon": [[0, 0]]}]}}},
        {"cameras": {"Door": {"source": {"type": "sim"}}}},
        {"tracking": 5},
        {"pool": {"workers": 3}},
        {"nothing": True},
    ]
)
FAULTS = st.dictionaries(
    st.sampled_from(["input.bell", "event.photographer", "storage.album"]),
    st.sampled_from([RAISES, HANGS, KEEPS_RAISING]),
    max_size=2,
)


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    changes: dict[str, Any] = {}
    for name, values in draw(st.lists(st.sampled_from(RIGHT), max_size=3)):
        changes[name] = draw(values)
    cameras = st.dictionaries(
        st.sampled_from(["door", "garden"]), st.one_of(CAMERA, st.none()), max_size=2
    )
    if draw(st.booleans()):
        changes["cameras"] = draw(cameras)
    if draw(st.integers(0, 3)) == 0:
        changes |= draw(WRONG)
    faults = draw(FAULTS) if draw(st.booleans()) else {}
    return changes, faults, draw(st.integers(0, 9)) == 0


async def edit(house: House, changes: dict[str, Any], faults: dict[str, str]) -> Fate:
    """One edit; checks everything that must hold after it."""
    old, before, yard = house.service.loaded, house.state(), house.cameras["yard"]
    handles = dict(house.cameras.cameras)
    house.faults.update(faults)
    result = await house.service.apply_changes(changes)
    new = house.service.loaded
    kept = result.fate in (Fate.APPLIED, Fate.UNCHANGED)
    assert (new is old) or kept
    await house.bus.drain()
    rollbacks = house.told("config.rollback")
    out = {name for name in before["modules"] if house.orchestrator.module(name) is None}
    if out:
        assert result.fate is Fate.ROLLED_BACK
        assert not rollbacks[-1].is_complete
        assert out <= {name for name, fault in faults.items() if fault == KEEPS_RAISING}
        said = " ".join(rollbacks[-1].diagnostics)
        assert all(f"{name} did not take its old settings back" in said for name in out)
    expected = house.expected(new)
    expected["modules"] |= dict.fromkeys(out)
    assert house.state() == expected
    if not kept:
        expected = {**before, "modules": before["modules"] | dict.fromkeys(out)}
        assert house.state() == expected
    assert house.cameras["yard"] is yard  # a camera that no edit names is never touched
    for name, spec in house.state()["specs"].items():
        if kept and name in handles and handles[name].spec == spec:
            assert house.cameras[name] is handles[name]
    if result.fate is Fate.REJECTED:
        assert house.cameras.cameras == handles
    house.faults.clear()
    house.cameras.dark.clear()
    for name in out:
        assert await house.orchestrator.restart(name)
    return result.fate


@pytest.mark.timeout(240)
def test_after_each_of_many_edits_the_old_or_the_new_version_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orchestrator_file, "CONFIGURE_TIMEOUT_S", 0.02)
    fates: list[Fate] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(edits(), min_size=EDITS_EACH, max_size=EDITS_EACH))
    def many(sequence: list[Edit]) -> None:
        async def scenario(folder: Path) -> None:
            async with running_house(folder) as house:
                for changes, faults, is_dark in sequence:
                    house.cameras.dark |= {0, 1, 2} if is_dark else set()
                    fates.append(await edit(house, changes, faults))

        with TemporaryDirectory() as folder:
            asyncio.run(scenario(Path(folder)))

    many()
    assert len(fates) >= EXAMPLES * EDITS_EACH
    assert set(fates) == set(Fate)
