"""What is done by the end of a day: midnight ends it, whichever part of the program counts."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from sim.metrics.delivery import Online, mw_online
from sim.metrics.event_log import DAY, Record
from sim.metrics.schedule import earned_by_day, skids_by_day
from sim.study.analyses.forecast.earned_value import cumulative_earned_hours
from sim.study.case import Case
from sim.world.working_time import day_of_finish, end_of_day, finish_date
from tests.plan.bench import notes
from tests.tiny_project import tiny_case

START = date(2026, 1, 5)
DAYS = 60


@pytest.mark.parametrize(("minute", "day"), [(0, 0), (1, 0), (DAY - 1, 0), (DAY, 0), (DAY + 1, 1), (10 * DAY, 9)])
def test_midnight_ends_a_day_in_numbers_as_in_dates(minute: int, day: int) -> None:
    assert day_of_finish(minute) == day
    assert finish_date(START, minute / DAY) == START + timedelta(days=day) == finish_date(START, end_of_day(day))


def recorded(*overrides: str) -> tuple[Case, Record]:
    """The tiny project and its run without luck."""
    case = tiny_case(*overrides)
    content, factors = case.planned.content, case.planned.factors
    return case, case.metric_context.record(case.planned_run.log, content, case.planned_calendars, factors)


def test_hours_earned_and_earned_value_are_the_same_curve() -> None:
    case, record = recorded()
    earned = earned_by_day(record, DAYS)
    assert np.allclose(earned, cumulative_earned_hours(case.plan, case.planned_run.log, case.planned.content, DAYS))
    # grading, the first work of people on site, ends with the twelfth day: two days, round the clock, of a crew of four
    assert (earned[10], earned[11]) == (0, 2 * 24 * 4)


def test_a_skid_that_comes_at_midnight_is_there_on_the_day_that_ends() -> None:
    case, record = recorded("logistics.load_hours=21")
    assert (312, "delivered", "electrical/b1", 1) in notes(case.plan)
    assert skids_by_day(record, DAYS)[[11, 12]].tolist() == [0, 1]


def test_a_block_that_is_online_at_midnight_is_so_on_the_day_that_ends() -> None:
    minute = np.array([5 * DAY, 5 * DAY + 1, -1, DAYS * DAY])
    blocks = Online(minute, np.full(4, 2.5), np.zeros(4, np.int64), np.zeros(4, np.bool_))
    curve = mw_online(blocks, DAYS)
    assert (curve[3], curve[4], curve[5], curve[-2], curve[-1]) == (0, 2.5, 5, 5, 7.5)
