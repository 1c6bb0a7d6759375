"""Work out of sequence by hand: retained logic waits for what comes before, progress override goes on beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pytest

from sim.engine.simpy_engine import SimpyPlan, simulate
from sim.jit import available
from sim.plan.compile import compile_plan
from sim.plan.deterministic_draws import most_likely_draws
from sim.plan.draws import Draws
from sim.plan.vocabulary import Hold, Signal, Span, Until, Wait, Work
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.progress import Progress
from sim.study.analyses.forecast.remaining import CommonFactors, StateSampler, history_of
from sim.study.analyses.forecast.status import Fact, Logic, Status
from sim.world.distributions import Fixed
from tests.plan.bench import bench, goes, told

NOW, HOUR, DAY = 12, 60, 24

Timeline = Mapping[str, list[tuple[str, float, float]]]


def continued(logic: Logic, *facts: Fact) -> tuple[Timeline, Progress]:
    """A wall of 10 h before a roof of 6 h and paint of 4 h, seen after 12 h; works by unit, in hours."""
    context = bench(units=2)
    context.plan.gate("walls")
    goes(context, "wall", Work("wall", Span(Fixed(10 * HOUR)), "always", cause="hall"), Signal("walls"))
    goes(
        context, "top", Wait("walls"), Work("roof", Span(Fixed(6 * HOUR)), "always", cause="hall"),
        Work("paint", Span(Fixed(4 * HOUR)), "always", cause="hall"),
    )  # fmt: skip
    plan = compile_plan(context.plan)
    expected = most_likely_draws(plan.inputs)
    steps = PlanSteps(context.project, plan, simulate(SimpyPlan(plan), expected, plan.base_calendars).log)
    status = Status("status.csv", date(2026, 1, 1), NOW * HOUR, facts)
    progress = Progress(steps, status, {"site": DAY * HOUR, "factory": DAY * HOUR}, logic)
    draws = Draws(plan.inputs, 1)
    state = StateSampler(
        plan, 1, history_of(progress, progress.state(expected)), CommonFactors(plan.inputs, draws.uniforms)
    )(0)
    (sampled,) = draws.chunk(0, 1)
    outcome = simulate(SimpyPlan(plan), sampled, plan.base_calendars, state)
    if available():
        from sim.engine.numba_engine.simulate import KernelPlan, simulate_many

        hours = plan.base_calendars
        (other,) = simulate_many(KernelPlan(plan), 1, 0, 1, lambda _: hours, state_of=lambda _: state)
        assert told(plan, other) == told(plan, outcome)
    return told(plan, outcome), progress


def under_way(row: int, what: str, start: int, hours: float) -> Fact:
    return Fact(row, "activity", what, start=start * HOUR, remaining_days=hours / DAY)


def finished(row: int, what: str, start: int, finish: int) -> Fact:
    return Fact(row, "activity", what, start=start * HOUR, finish=finish * HOUR)


def test_in_sequence_both_are_alike() -> None:
    for logic in ("retained_logic", "progress_override"):
        seen, progress = continued(logic, finished(2, "wall/wall", 0, 9), under_way(3, "top/roof", 10, 5))
        assert seen == {"wall": [("wall", 0, 9)], "top": [("roof", 10, 17), ("paint", 17, 21)]}
        assert progress.out_of_sequence == []


def test_retained_logic_waits_for_the_unit_before() -> None:
    # 5 h of wall are left from 12 on; only then 3 h of roof, and 4 h of paint
    seen, progress = continued("retained_logic", under_way(2, "wall/wall", 0, 5), under_way(3, "top/roof", 8, 3))
    assert seen == {"wall": [("wall", 0, 17)], "top": [("roof", 17, 20), ("paint", 20, 24)]}
    assert progress.out_of_sequence == ["top: roof went on before walls"]


def test_progress_override_goes_on_at_the_data_date() -> None:
    seen, progress = continued("progress_override", under_way(2, "wall/wall", 0, 5), under_way(3, "top/roof", 8, 3))
    assert seen == {"wall": [("wall", 0, 17)], "top": [("roof", 8, 15), ("paint", 15, 19)]}
    assert progress.out_of_sequence == ["top: roof went on before walls"]


def test_retained_logic_within_a_unit_does_one_after_the_other() -> None:
    facts = finished(2, "wall/wall", 0, 8), under_way(3, "top/roof", 8, 3), under_way(4, "top/paint", 9, 2)
    seen, progress = continued("retained_logic", *facts)
    assert seen["top"] == [("roof", 8, 15), ("paint", 15, 17)]
    assert progress.out_of_sequence == ["top: paint went on before roof"]


def test_progress_override_within_a_unit_does_both_at_once() -> None:
    # paint of 2 h is not over before the 3 h of roof beside it are
    facts = finished(2, "wall/wall", 0, 8), under_way(3, "top/roof", 8, 3), under_way(4, "top/paint", 9, 2)
    seen, _ = continued("progress_override", *facts)
    assert seen["top"][-1] == ("paint", 9, 15)


@pytest.mark.parametrize("logic", ["retained_logic", "progress_override"])
def test_what_is_finished_out_of_sequence_stays_finished(logic: Logic) -> None:
    # the roof is done before the wall: nothing is left of it that could wait, and paint begins at the data date
    seen, _ = continued(logic, under_way(2, "wall/wall", 0, 5), finished(3, "top/roof", 4, 10))
    assert seen == {"wall": [("wall", 0, 17)], "top": [("roof", 4, 10), ("paint", 12, 16)]}
    # paint is done before the roof, which has 3 h left: nothing is painted again
    seen, _ = continued(
        logic, finished(2, "wall/wall", 0, 8), under_way(3, "top/roof", 8, 3), finished(4, "top/paint", 9, 11)
    )
    assert seen["top"] == [("roof", 8, 15), ("paint", 15, 15)]


def test_work_not_begun_before_work_that_is() -> None:
    # the sheet's row of the roof is left without dates: it has not begun, 6 h are to do
    facts = finished(2, "wall/wall", 0, 8), Fact(3, "activity", "top/roof"), under_way(4, "top/paint", 9, 2)
    assert continued("retained_logic", *facts)[0]["top"] == [("roof", 12, 18), ("paint", 18, 20)]
    assert continued("progress_override", *facts)[0]["top"][-1] == ("paint", 9, 18)


def test_time_in_suspension_is_no_progress() -> None:
    # 3 h of 6 h were done until it stopped at 11; it goes on at 14, with 3 h left
    stopped = Fact(3, "activity", "top/roof", start=8 * HOUR, suspended=11 * HOUR, resumed=14 * HOUR)
    seen, _ = continued("retained_logic", finished(2, "wall/wall", 0, 8), stopped)
    assert seen["top"] == [("roof", 8, 17), ("paint", 17, 21)]


def test_what_is_assumed_gives_way_to_what_is_reported() -> None:
    """A crew that left by the plan, though work was done with it later, has not left: that is only assumed."""
    context = bench(units=2)
    context.plan.pool("crew", 1, "supplied", cause="crew")
    crew = {"crew": 1}
    goes(context, "wall", Hold(crew), Work("wall", Span(Fixed(2 * HOUR)), "always", cause="hall"))
    leaving = Until("leaving", Span(Fixed(9 * HOUR)), cause="crew")
    goes(context, "leave", leaving, Hold(crew), Work("way home", Span(Fixed(HOUR)), "always", cause="crew"))
    plan = compile_plan(context.plan)
    wall, leave = (int(plan.first[plan.units.index(unit)]) for unit in ("wall", "leave"))
    # the plan has the crew leave at nine, and the wall behind
    log = np.array([(9, leave), (9, leave + 1), (10, leave + 2), (10, wall), (12, wall + 1), (12, wall + 2)])
    steps = PlanSteps(context.project, plan, np.column_stack([log[:, 0] * HOUR, log[:, 1], log[:, 0] * HOUR]))
    status = Status("status.csv", date(2026, 1, 1), NOW * HOUR, (under_way(2, "wall/wall", 10, 1),))
    progress = Progress(steps, status, {"site": DAY * HOUR, "factory": DAY * HOUR})
    assert progress.out_of_sequence == []
    assert {unit: len(times) for unit, times in zip(plan.units, progress.done_minutes, strict=True)} == {
        "wall": 1,
        "leave": 1,
    }
