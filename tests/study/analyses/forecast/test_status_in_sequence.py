"""What a status has out of sequence, and what only looks so: a test that failed, was mended and is done again."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest

from sim.plan.vocabulary import SIGNAL, WAIT, WORK
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.sheet.status_checks import check_status, findings_of
from sim.study.analyses.forecast.status import Fact
from sim.study.analyses.forecast.unit_status import working_day
from sim.world.project_calendars import day_minutes
from tests.study.analyses.forecast.test_forecast import CONFIG, as_planned, planned, steps
from tests.tiny_project import tiny_case


def test_a_skid_that_is_lifted_before_it_is_unloaded_is_told_as_out_of_sequence(tmp_path: Path) -> None:
    """A predecessor in another unit is seen in the history of the project: accepted and said by `sim status check`."""
    reported = as_planned(tmp_path, 0.8, "activities")
    assert findings_of(steps(), reported) == []
    unloading = "mechanical.s1/mechanical unload"
    facts = [
        replace(fact, finish=None, remaining_days=3.0) if fact.what == unloading else fact for fact in reported.facts
    ]
    assert check_status(steps(), replace(reported, facts=tuple(facts))) == []
    (found,) = findings_of(steps(), replace(reported, facts=tuple(facts)))
    assert found.severity == "note"
    assert found.problem.message == "out of sequence: b1.mechanical: it went on before mechanical.skid; accepted"


def test_a_test_under_way_is_before_its_mending_that_has_not_begun(tmp_path: Path) -> None:
    """A skid that may be damaged on the road comes by its factory test three times: with nothing reported, by the first."""
    reported = as_planned(tmp_path, 0.8, "activities")
    test, rework = "mechanical.s2/mechanical factory test", "mechanical.s2/mechanical factory test rework"
    unit = test.partition("/")[0]
    before = [
        fact for fact in reported.facts if not fact.what.startswith(unit) or (fact.finish or 0) < steps_done(test)
    ]
    facts = (*before, Fact(90_000, "activity", test, start=steps_done(test)), Fact(90_001, "activity", rework))
    given = replace(reported, facts=facts)
    assert [found for found in findings_of(steps().copy(), given) if unit in found.problem.message] == []
    progress = forecast_case(CONFIG, given, base=planned()).progress
    number, step = steps().work_steps[test]
    route = progress.plan_steps.routes[number].steps
    assert (
        len(progress.done_minutes[number])
        == route.index(step)
        < max(at for at, other in enumerate(route) if other == step)
    )


def steps_done(activity: str) -> int:
    """Return the minute in which the plan has done what is before an activity."""
    unit, position = steps().activities[activity]
    return steps().routes[unit].planned[position - 1]


L2, FIX = "b1.commissioning/L2", "b1.commissioning/L2 fix"
FIXED = Fact(5, "activity", FIX, None, 484_308, 500_000)


@pytest.mark.parametrize(
    ("facts", "remaining"),
    [
        (
            (Fact(4, "activity", L2, start=520_000, remaining_days=5.0), FIXED),
            [L2],
        ),
        ((Fact(4, "activity", L2, None, 478_810, 484_308), Fact(5, "activity", FIX, start=490_000)), [FIX, L2]),
        ((Fact(4, "activity", L2, None, 478_810, 484_308), Fact(5, "activity", FIX)), [FIX, L2]),
    ],
    ids=["the repeated test is in progress", "rework is in progress", "rework has not started"],
)
def test_a_test_that_failed_and_is_done_again_is_no_work_out_of_sequence(
    tmp_path: Path, facts: tuple[Fact, ...], remaining: list[str]
) -> None:
    """The expected plan has no failure: what is reported of one gives its unit the route with a failure."""
    reported = as_planned(tmp_path, 0.93, "activities")
    facts = (*facts, *(fact for fact in reported.facts if fact.what != L2))
    given = replace(reported, facts=tuple(replace(fact, row=row) for row, fact in enumerate(facts, 4)))
    assert not [found for found in findings_of(steps().copy(), given) if "b1." in found.problem.message]
    case = forecast_case(CONFIG, given, base=planned())
    plan = case.plan
    for done in case.replications(1, 0, 4):
        log = done.outcome.log
        rows = log[(log[:, 0] > given.minute) & (plan.rows[log[:, 1], 0] == WORK)]
        unit = steps().units["b1.commissioning"]
        names = [plan.activities[plan.activity_of[step]] for step in rows[:, 1] if plan.unit_of[step] == unit]
        assert names[: len(remaining)] == [name.partition("/")[2] for name in remaining]


@pytest.mark.parametrize(
    "fact",
    [
        Fact(4, "activity", L2, start=520_000, remaining_days=5.0),
        Fact(4, "activity", L2, start=520_000, percent=25.0),
        Fact(4, "activity", L2, start=520_000, suspended=530_000, resumed=540_000),
    ],
    ids=["days", "percent", "suspended"],
)
def test_what_remains_of_a_repeated_test_is_what_is_reported_of_it(tmp_path: Path, fact: Fact) -> None:
    """It is the second time that its step is in the route: what was reported of it was looked for at the first."""
    reported = as_planned(tmp_path, 0.93, "activities")
    facts = (fact, FIXED, *(other for other in reported.facts if other.what != L2))
    case = forecast_case(
        CONFIG,
        replace(reported, facts=tuple(replace(one, row=row) for row, one in enumerate(facts, 4))),
        base=planned(),
    )
    unit, step = steps().work_steps[L2]
    day = working_day(case.plan_steps, step, day_minutes(case.project))
    for history in case.histories:
        work = history.state.under_way.tolist().index(unit)
        remains = history.remaining[work]
        assert history.steps[work] == step
        assert (remains.suspended, remains.resumed) == (fact.suspended, fact.resumed)
        assert remains.share == (fact.percent and 0.75)
        assert remains.minutes == (fact.remaining_days and (5.0 * day,) * 3)
    for done in case.replications(1, 0, 4) if fact.remaining_days else ():
        log = done.outcome.log
        finish = int(log[(log[:, 1] == step) & (log[:, 0] > reported.minute), 0][0])
        assert steps().working_minutes(step, reported.minute, finish) == 5 * day


def test_a_wait_ends_when_its_gate_opens(tmp_path: Path) -> None:
    """Counts put what was done between dates; what a unit waited for then is no longer than the gate was shut."""
    given = as_planned(tmp_path, 0.8, "counts")
    facts = tuple(replace(fact, count=max(0, (fact.count or 0) - 1)) if fact.count else fact for fact in given.facts)
    progress = forecast_case(CONFIG, replace(given, facts=facts), base=planned()).progress
    routes, rows = progress.plan_steps.routes, progress.plan_steps.rows
    signals: dict[int, list[tuple[int, int]]] = {}
    for unit, minutes in enumerate(progress.done_minutes):
        for step, minute in zip(routes[unit].steps, minutes, strict=False):
            if rows[step][0] == SIGNAL:
                signals.setdefault(rows[step][1], []).append((minute, rows[step][2]))
    waits = 0
    for unit, minutes in enumerate(progress.done_minutes):
        for place, (step, minute) in enumerate(zip(routes[unit].steps, minutes, strict=False)):
            operation, gate, level = rows[step][:3]
            if operation == WAIT and progress.plan.unit_info[unit].kind != "crew":
                waits += 1
                given_by = sorted(signals[gate])
                levels = list(accumulate(amount for _, amount in given_by))
                opened = next(at for (at, _), reached in zip(given_by, levels, strict=True) if reached >= level)
                assert minute == max(minutes[place - 1] if place else 0, opened)
            elif place and not progress.plan_steps.takes_time[step]:
                assert minute == minutes[place - 1]  # what takes no time is done with what is before it
    assert waits


def test_a_remaining_day_is_one_of_the_calendar_that_the_step_names() -> None:
    hours = {day: [{"start": "08:00", "end": "16:00"}] for day in ("mon", "tue", "wed", "thu", "fri")}
    steps_of_site = [
        {"id": "grading", "days": 5, "after": [], "calendar": "planner"},
        {"id": "services", "days": 0, "after": ["grading"]},
        {"id": "pads", "days": 0, "after": ["grading"]},
    ]
    case = tiny_case(
        f"calendars.named={json.dumps({'planner': {'hours': hours}})}", f"site_works.steps={json.dumps(steps_of_site)}"
    )
    plan_steps = PlanSteps.of(case)
    minutes = day_minutes(case.project)
    _, step = next(found for name, found in plan_steps.work_steps.items() if "grading" in name)
    assert working_day(plan_steps, step, minutes) == 8 * 60 != minutes["site"]
