from __future__ import annotations

import numpy as np
import pytest

from sim.config.project import Project
from sim.metrics.event_log import PlanIndex, Record
from sim.metrics.workforce import headcount, hours, paid_hours_by_day, payroll
from sim.plan.compile import compile_plan
from sim.plan.deterministic_draws import most_likely_draws
from sim.plan.vocabulary import Note, Plan, Signal, Until, Work, fixed
from sim.study.case import Case
from sim.world.working_time import Calendar, weekly
from tests.engine.small_plans import told
from tests.tiny_project import tiny, tiny_case

DAY = 1440
TEN = weekly("shift", tiny().scale.start_date, 30, days="mon-sun", shifts=[("07:00", "17:00")])
NINE = weekly("site.interior", tiny().scale.start_date, 30, days="mon-sun", shifts=[("07:00", "16:00")])
"""Shifts of ten hours, of which nine are productive."""


def record(plan: Plan) -> Record:
    """The run without luck of a plan that comes to its end."""
    compiled = compile_plan(plan)
    log = told(plan).outcome.log
    return Record.of(
        PlanIndex.of(compiled), log, most_likely_draws(compiled.inputs).content, compiled.base_calendars, np.zeros(0)
    )


def crew(came: int, left: int, people: int, trade: str = "civil") -> list[Until | Note | Signal]:
    """A unit that comes at a minute, and leaves."""
    return [
        Until("comes", fixed(came)),
        Note("people", trade, people),
        Until("goes", fixed(left)),
        Note("people", trade, -people),
        Signal("over"),
    ]


def plan_of(*crews: list[Until | Note | Signal], **calendars: Calendar) -> Plan:
    """A plan of these units."""
    plan = Plan(("over", len(crews)))
    plan.gate("over")
    plan.works_on(calendars)
    for number, route in enumerate(crews, 1):
        plan.unit(f"crew.{number}", route)
    return plan


def test_who_comes_or_goes_on_a_day_is_there_on_that_day() -> None:
    people = headcount(record(plan_of(crew(2 * DAY + 5, 4 * DAY, 8), crew(4 * DAY + 1, 6 * DAY, 3))), tiny(), 10)
    civil = people.direct[people.trades.index("civil")]
    assert civil.tolist() == [0, 0, 8, 8, 11, 3, 3, 0, 0, 0]
    assert people.total.tolist() == [0, 0, 10, 10, 14, 4, 4, 0, 0, 0]  # one indirect for four, rounded up


def test_the_peak_is_the_highest_day_of_a_run_not_the_sum_of_peaks() -> None:
    people = headcount(record(plan_of(crew(0, DAY - 1, 8), crew(3 * DAY, 4 * DAY, 8, "riggers"))), tiny(), 10)
    assert people.total.max() == 10


@pytest.mark.parametrize(("on", "off", "spare", "expected"), [(3, 1, 0.0, 14), (2, 2, 0.0, 20), (3, 1, 0.1, 15)])
def test_the_payroll_has_those_at_home_and_the_spare_ones_too(on: int, off: int, spare: float, expected: int) -> None:
    pattern = (
        f"labour.patterns={{way: {{days: [mon], shifts: [{{start: '07:00', end: '17:00'}}],"
        f" weeks_on: {on}, weeks_off: {off}}}}}"
    )
    absent = f"absence: {{share: {spare}, covered: 1, in_losses: 0}}"
    week = "calendars.site={days: [mon], shifts: [{start: '07:00', end: '17:00'}], holidays: null}"
    project = tiny(week, pattern, "labour.pattern=way", f"labour.productivity={{stated_for: way, {absent}}}")
    assert payroll(headcount(record(plan_of(crew(0, DAY, 8))), project, 10), project) == expected


def test_hours_paid_are_those_of_the_shifts_on_every_day_there() -> None:
    found = record(plan_of(crew(0, 3 * DAY - 1, 8), site=NINE, shift=TEN))
    people = headcount(found, tiny(), 10)
    assert hours(found, people, paid_hours_by_day(TEN, 10))["hours_paid"] == 3 * 10 * 10


def test_minutes_lost_in_the_shifts_are_worked_and_not_earned() -> None:
    plan = Plan(("over", 1))
    plan.gate("over")
    plan.works_on({"site.interior": NINE, "shift": TEN})
    # 18 productive hours of four people take two shifts of ten hours
    plan.unit("a", [Work("dig", fixed(18 * 60), "site.interior", people={"civil": 4}), Signal("over")])
    found = record(plan)
    found_hours = hours(found, headcount(found, tiny(), 10), paid_hours_by_day(TEN, 10))
    assert found.minute[-1] == DAY + 16 * 60
    assert found_hours["hours_earned"] == 18 * 4
    # the second day's lost hour comes after the work is done: 19 of 18 h
    assert found_hours["hours_worked"] == pytest.approx(19 * 4)


def test_without_losses_in_the_calendar_worked_is_earned() -> None:
    metrics = measured(tiny_case())
    assert metrics["hours_worked"] == metrics["hours_earned"]
    assert metrics["peak_payroll"] == metrics["peak_workforce_onsite"]


def measured(case: Case) -> dict[str, float]:
    """The metrics of the run without luck."""
    return case.measured(case.planned, case.simulate(case.planned))[0]


def test_worked_hours_do_not_depend_on_where_a_shift_loses_its_minutes_in_the_long_run() -> None:
    project: Project = tiny()
    plan = Plan(("over", 1))
    plan.gate("over")
    plan.works_on({"site.interior": NINE, "shift": TEN})
    plan.unit("a", [Work("dig", fixed(25 * 9 * 60), "site.interior", people={"civil": 1}), Signal("over")])
    found = record(plan)
    found_hours = hours(found, headcount(found, project, 30), paid_hours_by_day(TEN, 30))
    assert found_hours["hours_worked"] / found_hours["hours_earned"] == pytest.approx(10 / 9, rel=0.005)


def test_curves_and_hours_go_to_the_end_of_the_project_where_money_is_counted_for_less() -> None:
    whole, short = (
        tiny_case(*of)
        for of in (
            ("scale.preparation_days=30",),
            (
                "money.horizon_days=30",
                "scale.preparation_days=30",
            ),
        )
    )
    (of_whole, curves), (of_short, cut) = (
        case.measured(case.planned, case.simulate(case.planned)) for case in (whole, short)
    )
    assert of_whole["lead_time_full_days"] > 40
    assert {name: of_whole[name] for name in HOURS} == {name: of_short[name] for name in HOURS}
    days = np.flatnonzero(curves["headcount"])[-1] + 1
    for name in ("mw_online", "headcount", "capital_deployed_usd"):
        assert np.array_equal(cut[name][:days], curves[name][:days]), name
    assert cut["mw_online"][-1] == 5
    assert of_short["censored"] == 1


HOURS = ("hours_paid", "hours_worked", "peak_workforce_onsite", "capital_total_usd")
