"""A project of two blocks with every kind of fact in its status, every date worked out by hand.

The data date is Saturday, 31 October 2026, so that the next working minute on site is Monday, 2 November at 7:00. The site
works from Monday to Saturday, 7:00 to 15:30; a day of work is what these 510 minutes are worth: 508 min.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache

import numpy as np
import pytest

import sim
from sim.plan.vocabulary import WORK
from sim.study.analyses.forecast.case_under_way import ForecastCase
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.progress import Progress
from sim.study.analyses.forecast.status import Fact, Status, read_status
from sim.study.analyses.forecast.unit_status import StatusByUnit, UnitStatus, overdue_delay, overdue_remaining_share
from sim.study.case import Case, prepare_case
from sim.world.project_calendars import day_minutes

CONFIG = sim.load(
    "configs/one_block.yaml",
    ["scale.capacity_mw=5", "hall.blocks=2", "turnover_blocks=2", "energization.units.count=3", "name=two_blocks"],
)
START = datetime.combine(CONFIG.value.scale.start_date, datetime.min.time())
SHEET = """\
kind,what,date,start,finish,suspended,resumed,count,remaining_days,percent,value,state
data_date,,2026-10-31,,,,,,,,,
milestone,h1.shell.dry_in,,,2026-09-19,,,,,,,
milestone,p1.g2,,,,,,,,,,
count,electrical.on_site,2026-10-20,,,,,4,,,,
count,mechanical.on_site,2026-10-07,,,,,6,,,,
count,electrical.set,2026-10-31,,,,,1,,,,
count,compute.on_site,2026-10-31,,,,,4,,,,
activity,b1.mechanical/mechanical.connect,,2026-10-19T07:00,2026-10-28T12:00,,,,,,,
activity,b1.electrical/electrical.connect,,2026-10-27T07:00,,,,,3,,,
activity,b2.mechanical/mechanical.connect,,2026-10-28T07:00,,2026-10-30T12:00,2026-11-05T07:00,,0.5,,,
activity,b2.electrical/electrical lift 1,,2026-10-31T07:00,,,,,,40,,
promise,p1.g3,,,2027-02-15,,,,,,,
people,electricians,2026-10-31,,,,,8,,,,
people,controls,2026-10-31,,,,,0,,,,
hours,earned,2026-10-31,,,,,8000,,,,
hours,spent,2026-10-31,,,,,10000,,,,
money,paid,2026-10-31,,,,,,,,150000000,
risk,ground,,,,,,,,,,closed
risk,switchgear,,,,,,,,,4,happened
risk,storm_year,,,,,,,,,0.35,open
"""


def minute(text: str) -> int:
    """Return the minute of a date and time."""
    return round((datetime.fromisoformat(text) - START).total_seconds() / 60)


NOW, DAY = minute("2026-11-01T00:00"), 1440


@cache
def planned() -> Case:
    return prepare_case(CONFIG, engine="auto")


@cache
def steps() -> PlanSteps:
    return PlanSteps.of(planned())


@pytest.fixture(scope="module")
def status(tmp_path_factory: pytest.TempPathFactory) -> Status:
    path = tmp_path_factory.mktemp("by_hand") / "october.csv"
    path.write_text(SHEET, encoding="utf-8")
    return read_status(path, CONFIG.value.scale.start_date)


@pytest.fixture(scope="module")
def case(status: Status) -> ForecastCase:
    return forecast_case(CONFIG, status, base=planned(), engine="auto")


@pytest.fixture(scope="module")
def logs(case: ForecastCase) -> list[np.ndarray]:
    return [done.outcome.log for done in case.replications(1, 0, 20)]


def ends(logs: list[np.ndarray], step: int) -> set[int]:
    """Return when a step is done first, in all replications: a failed test may have it done again."""
    return {int(log[log[:, 1] == step, 0][0]) for log in logs}


def was(case: ForecastCase, step: int) -> int:
    """Return when a step was done, seen by the expected plan."""
    history = case.state.history
    return int(history[history[:, 1] == step, 0][-1])


def step_of(activity: str) -> int:
    return steps().work_steps[activity][1]


def last_step(unit: str) -> int:
    return steps().routes[steps().units[unit]].steps[-1]


def test_a_milestone_is_reached_with_its_day(case: ForecastCase, logs: list[np.ndarray]) -> None:
    assert ends(logs, last_step("h1.shell.dry_in")) == {minute("2026-09-20T00:00")}
    # what it needs was done before
    assert was(case, last_step("h1.shell.walls")) <= minute("2026-09-20T00:00")
    # a milestone that is reported as not reached comes after the data date
    assert min(ends(logs, last_step("p1.g2"))) > NOW


def test_counts_are_units_in_the_plans_order_and_the_plans_rhythm_stretched_to_the_date(
    case: ForecastCase,
) -> None:
    order = [
        (unit, position, steps().routes[unit].planned[position]) for unit, position in steps().stages["compute.on_site"]
    ]
    first, fifth = order[0][2], order[4][2]
    for unit, position, at in order[:4]:
        # between the plan's first and fifth skid lie so many days, between the first and the data date so many more
        by_hand = first + (at - first) / (fifth - first) * (NOW - first)
        assert was(case, steps().routes[unit].steps[position]) == round(by_hand)
    # which four they are is not stated: every history that replications go on from has four
    arrivals = [steps().routes[unit].steps[position] for unit, position, _ in order]
    assert {int(np.isin(history.state.history[:, 1], arrivals).sum()) for history in case.histories} == {4}


def test_activities_end_when_they_ended_or_so_many_working_days_from_now(
    logs: list[np.ndarray],
) -> None:
    by_hand: Mapping[str, str] = {
        "b1.mechanical/mechanical.connect": "2026-10-28T12:00",  # actual finish
        "b1.electrical/electrical.connect": "2026-11-04T15:24",  # 1,524 min: 510 on Monday, 510 on Tuesday, 504 on Wednesday
        "b2.mechanical/mechanical.connect": "2026-11-05T11:14",  # half a day of 508 min from Thursday, 7:00
    }
    for activity, date in by_hand.items():
        assert ends(logs, step_of(activity)) == {minute(date)}, activity
    # of 40 % the rest is drawn: it ends after the data date, at different times
    rest = ends(logs, step_of("b2.electrical/electrical lift 1"))
    assert min(rest) >= minute("2026-11-02T07:00")
    assert len(rest) > 1


def test_a_promise_is_kept_to_the_day(logs: list[np.ndarray]) -> None:
    unit = steps().units["p1.g3"]
    position = steps().lead_time_position(unit)
    assert position is not None
    assert ends(logs, steps().routes[unit].steps[position]) == {minute("2027-02-16T00:00")}


def test_people_are_the_crews_that_have_come(logs: list[np.ndarray]) -> None:
    (_, size, unit, position), *_ = steps().crews["electricians"].arrivals
    assert size == 8
    assert max(ends(logs, steps().routes[unit].steps[position])) <= NOW
    # nobody of controls was counted: the crew that the plan has on site by then comes from now on
    (at, _, unit, position), *_ = steps().crews["controls"].arrivals
    assert at < NOW
    assert min(ends(logs, steps().routes[unit].steps[position])) >= NOW


def test_hours_and_money_are_earned_value_and_its_actual_cost(case: ForecastCase) -> None:
    value = case.earned_value()
    assert value["hours"]["earned"] == 8000
    assert value["hours"]["cpi"] == 0.8
    assert value["usd"]["actual"] == 150e6
    (done,) = case.replications(1, 0, 1)
    _, curves = case.measured(done, done.outcome, done.calendars)  # type: ignore[arg-type]
    # what falls due on the first minute after the data date is paid then: the day before ends with what was paid
    cents = case.ledger(1, 0)
    paid = float(np.asarray(cents["usd"], float)[np.asarray(cents["day"], float) <= NOW / 1440].sum())
    assert paid == pytest.approx(150e6, abs=0.01)
    assert curves["capital_deployed_usd"][NOW // 1440] >= 150e6 - 0.01


def test_risks_that_happened_are_facts_and_closed_ones_are_gone(case: ForecastCase) -> None:
    chances = {driver.id: current for driver, current in case.project.risks.active()}
    assert "ground" not in chances or chances["ground"].probability.value == 0
    assert chances["switchgear"].probability.value == 1
    assert chances["storm_year"].probability.value == 0.35
    untouched = next(one for one in chances if one not in {"ground", "switchgear", "storm_year"})
    stated = {driver.id: current for driver, current in planned().project.risks.active()}
    assert chances[untouched].probability.value <= stated[untouched].probability.value


def test_both_engines_go_on_alike_and_all_is_conserved(case: ForecastCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIM_CHECK", "1")
    assert case.simulate_chunk(1, 0, 4).count == 4


def test_a_count_is_shared_out_among_units_without_facts_of_their_own() -> None:
    # four skids by the data date; the third in the planned order is reported as not on site, the second with its own date
    on_site = steps().stages["compute.on_site"]
    facts = StatusByUnit(steps(), Status("x.csv", CONFIG.value.scale.start_date, NOW, ()), day_minutes(CONFIG.value))
    (second, position), (third, not_done) = on_site[1], on_site[2]
    facts.of_unit = {second: UnitStatus({position: NOW - 600}, {position}), third: UnitStatus(not_done_from=not_done)}
    facts.share_out(on_site, [(NOW, 4)])
    arrived = [unit for unit, own_position in on_site if own_position in facts.of_unit[unit].done_at]
    assert arrived == [on_site[0][0], second, on_site[3][0], on_site[4][0]]
    assert facts.of_unit[second].done_at[position] == NOW - 600
    assert facts.of_unit[third].not_done_from <= not_done


def test_the_remaining_time_of_an_overdue_unit_is_a_share_of_the_planned_time() -> None:
    planned, now = [0, 100, 400, 500], 450
    # the last position was planned to be passed on minute 500 of the plan: not overdue
    assert overdue_delay(planned, 1, 3, 0, now, lambda: 0.5) == 0
    # 100 later it is due on 400 + 0 = 400 < 450; half of its 300 minutes from position 1 remain at 450: it ends on 600
    assert overdue_delay(planned, 1, 2, 0, now, lambda: 0.5) == 200
    # never before the data date, even where nothing remains
    assert 400 + overdue_delay(planned, 1, 2, 0, now, lambda: 0.0) == now + 1


def test_the_remaining_share_of_an_overdue_unit_is_the_upper_half_of_a_normal_distribution() -> None:
    # the median and the 95 % point of |Z| are 0.6745 and 1.960 (tables of the normal distribution), here times 0.25
    assert overdue_remaining_share(0.5) == pytest.approx(0.25 * 0.6745, abs=1e-4)
    assert overdue_remaining_share(0.95) == pytest.approx(0.25 * 1.95996, abs=1e-4)


def test_a_block_that_is_stated_as_not_online_still_has_its_last_test_before_it() -> None:
    late = steps().planned_finish + DAY
    first, _ = steps().stages["online"][0]
    given = Status("x.csv", CONFIG.value.scale.start_date, late, (Fact(1, "milestone", planned().plan.units[first]),))
    state = Progress(steps(), given, day_minutes(CONFIG.value)).state(planned().planned)
    # by the plan it would have been online long ago; all after its last test happens in its minute
    assert WORK in planned().plan.rows[state.at[first] : planned().plan.first[first + 1], 0]
