"""Weather is drawn as far as it is needed, and nobody can tell: neither calendars nor logs nor metrics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.engine.backends import COMPILED, difference
from sim.jit import available
from sim.study.api import load
from sim.study.case import Case, prepare_case
from sim.world.weather.project_weather import WeatherHorizon
from sim.world.working_time import ALL

DAY = 1440
SHARES = pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
needs_numba = pytest.mark.skipif(not available(), reason="the compiled engine is an extra that is not installed")


@pytest.fixture(scope="module")
def block() -> Case:
    """One block with all its luck, in the weather of West Texas."""
    return prepare_case(load(Path(__file__).parents[2] / "configs" / "one_block.yaml").value)


def ahead(case: Case, share: float) -> Case:
    """The case for the compiled engine, with its weather drawn for a share of the planned run at first."""
    fast = replace(case, engine=COMPILED)
    fast.__dict__["_horizon"] = WeatherHorizon(int(share * case.planned_run.log[-1, 0] / 1.5))
    return fast


def test_few_late_runs_get_more_weather_and_many_give_it_to_all() -> None:
    seen = WeatherHorizon(100 * DAY)
    assert seen.days == 150
    for _ in range(100):
        assert seen.of_next_run() == 150
    # steps of a quarter, until a tenth more than the minute is there
    assert seen.extended(200 * DAY) == 235
    assert seen.extended(160 * DAY) == 188
    assert seen.extended(10_000 * DAY) > 11_000
    assert seen.of_next_run() == 150
    # four of a hundred: from now on all but three have enough
    assert seen.extended(160 * DAY) == 188
    assert seen.of_next_run() == 188
    assert seen.extended(10) == 188
    assert WeatherHorizon(0).days == 1


@pytest.mark.parametrize("days", [1, 45, 300])
def test_calendars_are_those_of_all_the_weather_as_far_as_they_are_known(block: Case, days: int) -> None:
    differ = 0
    for replication in range(5):
        hours = block.calendars_of(1, replication), block.calendars_of(1, replication, days), block.plan.base_calendars
        for whole, part, stated in zip(*hours, strict=True):
            assert whole.known == ALL
            assert part.known == (days * DAY if whole is not stated or part is not stated else ALL)
            known, minutes = min(part.known, part.horizon), np.arange(0, whole.horizon, 61)
            worked, there = whole.worked_many(minutes), part.worked_many(minutes)
            assert np.array_equal(worked[minutes <= known], there[minutes <= known])
            left = part.horizon - known
            open_later = stated.worked_many(minutes[-1:]) - stated.worked_many(np.array([known]))
            assert left == 0 or part.worked_many(minutes[-1:]) - part.worked_many(np.array([known])) == open_later
            differ += int(worked[-1] != there[-1])
    assert differ > 5


@needs_numba
@SHARES
def test_runs_that_need_more_weather_get_it(block: Case, share: float) -> None:
    fast = ahead(block, share)
    before = fast._horizon.days
    found = list(fast.replications(1, 0, 30))
    expected = list(fast.replications(1, 0, 30, calendars_of=lambda number: block.calendars_of(1, number)))
    for one, other in zip(expected, found, strict=True):
        assert difference(block.plan, one.outcome, other.outcome) is None
        assert np.array_equal(one.content, other.content)
    assert fast._horizon.days > before


@needs_numba
@SHARES
def test_metrics_do_not_see_how_far_the_weather_was_drawn(block: Case, share: float) -> None:
    expected, found = block.simulate_chunk(1, 3, 6), ahead(block, share).simulate_chunk(1, 3, 6)
    assert {name: values.tobytes() for name, values in found.runs.items()} == {
        name: values.tobytes() for name, values in expected.runs.items()
    }
    assert all(np.array_equal(found.curves[name], lines) for name, lines in expected.curves.items())


@needs_numba
def test_who_is_given_part_of_a_calendar_and_nobody_to_ask_says_so(block: Case) -> None:
    fast = ahead(block, 0.0)
    with pytest.raises(ValueError, match="`calendars_until` is missing"):
        list(fast.replications(1, 0, 1, calendars_of=lambda number: block.calendars_of(1, number, 1)))
