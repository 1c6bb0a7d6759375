"""Short tests of mechanisms that no other test names alone; each must notice the mistake that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sim.metrics.event_log import DAY
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.plan_context import Mobilisation
from sim.plan.project import write_plan
from sim.plan.vocabulary import HOLD, NOTE, WORK
from sim.study.case import Case
from sim.study.verification import CHECKS
from sim.study.verification.harness import run_check
from sim.world.project_calendars import day_minutes, project_calendars
from sim.world.working_time import Calendar
from tests.tiny_project import tiny_case, works

CREWS = "labour.trades.electricians"


def textbook(name: str) -> Callable[[], None]:
    """The textbook check whose name begins so."""

    def holds() -> None:
        found = run_check(next(check for check in CHECKS if check.name.startswith(name)))
        assert found.outcome == "holds", found

    return holds


def conserved(*overrides: str) -> Callable[[], None]:
    """What is checked in every run of the tests."""

    def holds() -> None:
        case = tiny_case(*overrides)
        for luck in case.draws(1).chunk(0, 3):
            case.measured(luck, case.simulate(luck))

    return holds


def timeline(part: dict[tuple[str, str], tuple[float, float]], *overrides: str) -> Callable[[], None]:
    """The dates of the tiny project that were worked out by hand."""

    def holds() -> None:
        found = works(tiny_case(*overrides))
        assert {key: found.get(key) for key in part} == part

    return holds


def _done(case: Case, activity: str, hours: dict[str, Calendar]) -> int:
    """When an activity is last done, on other calendars where they are given."""
    given = [hours.get(name, base) for name, base in zip(case.plan.calendars, case.plan.base_calendars, strict=True)]
    log = case.simulate(case.planned, given).log
    return int(log[np.isin(log[:, 1], _steps(case.plan, activity)), 0].max())


def _steps(plan: CompiledPlan, activity: str) -> list[int]:
    number = plan.activities.index(activity)
    return [at for at, which in enumerate(plan.activity_of.tolist()) if which == number and plan.rows[at, 0] == WORK]


def a_step_outside_waits_for_the_storm_to_pass() -> None:
    case = tiny_case("shell.steps.slab.exposure=earthwork")
    last = case.plan.base_calendars[0].horizon
    storm = Calendar.of("site.earthwork", [(0, 12 * DAY), (40 * DAY, last)], last)
    slab = _done(case, "shell.slab", {})
    assert 12 * DAY < slab < 40 * DAY
    assert _done(case, "shell.slab", {"site.earthwork": storm}) > 40 * DAY


def rework_earns_nothing_and_a_repeated_test_earns_once() -> None:
    def earned(fails: float) -> list[float]:
        case = tiny_case(f"commissioning.l3.fails={fails}", "commissioning.l3.retests=5")
        runs = [(luck, case.simulate(luck)) for luck in case.draws(1).chunk(0, 4)]
        return [case.measured(luck, done)[0]["hours_earned"] for luck, done in runs]

    assert earned(0.9) == earned(0)


def tests_fail_as_often_as_is_stated() -> None:
    case = tiny_case("scale.capacity_mw=50", "hall.blocks=20", "systems.electrical.factory.test.fails=0.4",
                     "systems.electrical.factory.test.retests=9", "scale.target_days=300", "scale.horizon_days=900",
                     "energization.units.count=11", "energization.units.weeks_between=0.1")  # fmt: skip
    steps, tests = _steps(case.plan, "electrical factory test"), 0
    for luck in case.draws(1).chunk(0, 10):
        tests += int(np.isin(case.simulate(luck).log[:, 1], steps).sum())
    assert abs(tests / 200 - 1 / 0.6) < 4 * np.sqrt(0.4 / 0.6**2 / 200)  # geometric: mean 1/p, variance (1 − p)/p²


def indirect_people_are_whole_people() -> None:
    case = tiny_case("labour.indirect_ratio=0.3")
    metrics, curves = case.measured(case.planned, case.simulate(case.planned))
    log, plan = case.simulate(case.planned).log, case.plan
    notes = [(minute, x) for minute, step, x in log.tolist()
             if plan.rows[step, 0] == NOTE and plan.notes[plan.rows[step, 1]][0] == "people"]  # fmt: skip
    most = max(sum(x for minute, x in notes if minute <= at) for at, _ in notes)
    assert most == 24
    assert metrics["peak_workforce_onsite"] >= 24 + 8  # 7.2 of them, rounded up
    assert curves["headcount"].max() == metrics["peak_workforce_onsite"]


def hiring_goes_by_the_week() -> None:
    """One crew of four a week at most: two that are called in the same minute begin a week apart."""
    case = tiny_case(f"{CREWS}.hired_per_week=4")
    project, resources = case.project, case.crew_plan.resource_plan
    # the crew plan calls crews as far apart as the queue of hiring needs, so that it is never felt: call both at once
    together = tuple(Mobilisation(0, stay.until_hours) for stay in resources.mobilisations["electricians"])
    called = replace(resources, mobilisations={**resources.mobilisations, "electricians": together})
    plan = compile_plan(write_plan(project, project_calendars(project), day_minutes(project), called))
    found = works(replace(case, plan=plan))
    first, second = sorted(found[f"crew.electricians.{n}", "week of hiring"] for n in (1, 2))
    assert second[0] >= first[1]


def a_crew_that_may_leave_lets_all_other_work_go_first() -> None:
    case = tiny_case(f"{CREWS}.crews=4", "systems.electrical.hook_up.connect.hours=1", "scale.capacity_mw=15",
                     "hall.blocks=6", "energization.units.count=4")  # fmt: skip
    plan, pools = case.plan, case.plan.pools
    holds = [step for step in np.flatnonzero(plan.rows[:, 0] == HOLD).tolist()
             if plan.units[plan.unit_of[step]].startswith("crew.")]  # fmt: skip
    leaving = [step for step in holds
               if any(pools[pool].startswith("crew.") for pool, _ in plan.bundles[plan.rows[step, 1]])]  # fmt: skip
    assert leaving
    assert all(case.plan.rows[step, 2] > 100_000 for step in leaving)


def luck_of_two_units_differs_and_stays_when_others_change() -> None:
    spread = "systems.electrical.factory.stations=[{id: assemble, days: {low: 1, mode: 4, high: 9}}]"

    def drawn(*overrides: str) -> list[int]:
        case = tiny_case(spread, *overrides)
        (luck,) = case.draws(3).chunk(0, 1)
        return [luck.values[case.plan.inputs.names.index(f"electrical.assemble/electrical.s{n}")] for n in (1, 2)]

    one, other = drawn()
    assert one != other
    assert drawn("logistics.cranes=3", f"{CREWS}.crews=4") == [one, other]
