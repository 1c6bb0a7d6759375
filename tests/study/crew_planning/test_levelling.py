"""The crew plan: a closing by hand, the smallest peak by enumeration, and stays that follow from a rehearsal."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from sim.config.project import Project
from sim.engine import backends
from sim.errors import ConfigError
from sim.jit import available
from sim.plan.draws import SampledInputs
from sim.plan.plan_context import ResourcePlan
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK, NOTE
from sim.study.api import load
from sim.study.case import Case, prepare
from sim.study.crew_planning.crew_plan import plan_crews
from sim.study.crew_planning.levelling import Aim, Levelling
from sim.study.crew_planning.manning import LEAD, Need, _call_minutes, with_valleys_filled
from sim.study.crew_planning.rehearsal import Rehearsal
from sim.world.project_calendars import planned_calendars
from sim.world.weather.project_weather import weather_model
from tests.tiny_project import TINY, tiny

UNTYPED = {"civil": 4, "electricians": 4, "commissioning": 4}
"""Trades whose crews are searched, and the most crews that are tried."""
WITHIN = 1.05
"""The search may miss the best of all plans by so much."""


def some(fast: int, all_of_them: int) -> list[Any]:
    """Seeds; from the `fast`-th on they are left to the slow tests."""
    return [*range(fast), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(fast, all_of_them))]


def small(seed: int) -> Project:
    """A project of four to eight blocks whose work content is random, with crews that are not entered."""
    return load(TINY, small_changes(seed)).value


def small_changes(seed: int) -> list[str]:
    """The changes that make the tiny project such a one."""
    random = Random(seed)
    hours = {"shell.steps.slab": (48, 400), "systems.electrical.hook_up.connect": (48, 500)}
    changes = [f"{path}.hours={random.randint(*range_)}" for path, range_ in hours.items()]
    changes += [f"labour.trades.{trade}.crews=null" for trade in UNTYPED]
    changes += [
        f"scale.capacity_mw={5 * random.randint(2, 4)}",
        "labour.crew_plan=levelled",
        "energization.units.count=9",
    ]
    return [*changes, f"hall.blocks={random.choice([1, 2])}"]


@pytest.mark.parametrize("seed", some(20, 50))
def test_the_peak_is_within_five_percent_of_the_smallest_there_is(seed: int) -> None:
    project = small(seed)
    rehearsal = Rehearsal(project, ResourcePlan())
    entered = [name for name, trade in project.labour.trades.items() if trade.crews is not None]
    search = Levelling(rehearsal, entered)
    begin = {
        trade: UNTYPED.get(trade) or project.labour.trades[trade].crews or 1 for trade in rehearsal.max_crews_at_once
    }
    everybody = search.plan(begin)
    aim = Aim(everybody.finish + 2 * MINUTES_PER_DAY)
    tried = [
        search.plan({**begin, **dict(zip(UNTYPED, crews, strict=True))})
        for crews in product(*(range(1, most + 1) for most in UNTYPED.values()))
    ]
    best = min(plan.manning.peak for plan in tried if plan.keeps(aim))
    found = search.level(aim, begin)
    assert found.keeps(aim)
    assert found.manning.peak <= WITHIN * best


@pytest.mark.parametrize("seed", some(10, 20))
def test_a_limit_of_people_has_nearly_the_earliest_date_there_is(seed: int) -> None:
    project = small(seed)
    rehearsal = Rehearsal(project, ResourcePlan())
    search = Levelling(rehearsal, [name for name, trade in project.labour.trades.items() if trade.crews is not None])
    begin = {
        trade: UNTYPED.get(trade) or project.labour.trades[trade].crews or 1 for trade in rehearsal.max_crews_at_once
    }
    tried = [
        search.plan({**begin, **dict(zip(UNTYPED, crews, strict=True))})
        for crews in product(*(range(1, most + 1) for most in UNTYPED.values()))
    ]
    peaks = sorted(plan.manning.peak for plan in tried)
    limit = peaks[len(peaks) // 3]
    best = min(plan.finish for plan in tried if plan.manning.peak <= limit)
    found = search.within(limit, rehearsal.finish, begin)
    assert found.manning.peak <= limit
    assert found.finish <= WITHIN * best


@pytest.mark.parametrize("seed", some(4, 8))
def test_the_peak_is_bought_without_days_where_things_do_not_go_as_expected(seed: int) -> None:
    """Levelled at expected durations alone, half of such plans end later in replications than the crews they begin with."""
    project = load(TINY, [*small_changes(seed), "labour.content_spread={low: 0.5, mode: 1, high: 3}"]).value
    rehearsal = Rehearsal(project, ResourcePlan())
    search = Levelling(rehearsal, [name for name, trade in project.labour.trades.items() if trade.crews is not None])
    begin = {
        trade: UNTYPED.get(trade) or project.labour.trades[trade].crews or 1 for trade in rehearsal.max_crews_at_once
    }
    everybody = search.plan(begin)
    with_chance = search.with_chance(everybody.crews)
    finish = everybody.finish + 4 * MINUTES_PER_DAY
    found, level = search.level(Aim(finish, with_chance=with_chance), begin), search.level(Aim(finish), begin)
    assert search.with_chance(found.crews) <= with_chance
    assert found.keeps(Aim(finish))
    assert level.manning.peak <= found.manning.peak <= everybody.manning.peak


@pytest.mark.skipif(not available(), reason="the compiled engine is not installed")
def test_both_engines_have_the_same_finishes_with_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    project = load(TINY, [*small_changes(1), "labour.content_spread={low: 0.5, mode: 1, high: 3}"]).value
    crews = {"civil": 2, "electricians": 3, "commissioning": 1}
    found = []
    for compiled in (True, False):
        monkeypatch.setattr(backends, "available", lambda compiled=compiled: compiled)
        rehearsal = Rehearsal(project, ResourcePlan())
        found.append(
            sorted(
                rehearsal.drawn_finishes({trade: crews.get(trade, 2) for trade in rehearsal.max_crews_at_once}).tolist()
            )
        )
    assert found[0] == found[1]
    assert len(set(found[0])) > 8


@pytest.mark.skipif(not available(), reason="the compiled engine is not installed")
def test_given_and_drawn_runs_share_memory_and_do_not_disturb_each_other() -> None:
    project = load(TINY, [*small_changes(1), "labour.content_spread={low: 0.5, mode: 1, high: 3}"]).value
    rehearsal = Rehearsal(project, ResourcePlan())
    few, many = (dict.fromkeys(rehearsal.max_crews_at_once, count) for count in (2, 5))
    log, finishes = rehearsal.log_with(few).copy(), rehearsal.drawn_finishes(many)
    for other in rehearsal.abreast(3):
        assert np.array_equal(other.log_with(few), log)
        assert np.array_equal(rehearsal.drawn_finishes(many), finishes)
        assert not np.array_equal(rehearsal.drawn_finishes(few), finishes)


def test_valleys_are_filled_up_to_the_weeks_a_crew_may_be_idle() -> None:
    busy = np.array([[0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0]])
    assert with_valleys_filled(busy, 3).tolist() == [[0, 2, 2, 2, 2, 2, 0, 0, 0, 0, 1, 0]]
    assert with_valleys_filled(busy, 4).tolist() == [[0, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 0]]
    assert with_valleys_filled(busy, 1).tolist() == busy.tolist()


def test_crews_are_called_as_long_ahead_as_the_queue_of_hiring_needs() -> None:
    """Five crews are needed on day 100; two are hired a week: the first must be called two weeks before the last."""
    needs = [[Need(0, 100 * MINUTES_PER_DAY, "b1", 1)] for _ in range(5)]
    called = [minutes[0] for minutes in _call_minutes(needs, 2, None)]
    last = 100 * MINUTES_PER_DAY - LEAD
    assert called == [last - 2 * MINUTES_PER_WEEK, last - MINUTES_PER_WEEK, last - MINUTES_PER_WEEK, last, last]


@pytest.mark.parametrize("early", [0, 1, 3, 100])
def test_nobody_is_called_to_be_there_longer_before_his_work_than_is_stated(early: int) -> None:
    """Twenty crews are needed on day 200, two are hired a week: the first would have to come nine weeks before."""
    needs = [[Need(0, 200 * MINUTES_PER_DAY, "b1", 1)] for _ in range(20)]
    called = [minutes[0] for minutes in _call_minutes(needs, 2, early)]
    last = 200 * MINUTES_PER_DAY - LEAD
    # counted back from the last one: two are hired in the last week before the need, two in the week before that
    ahead = [(19 - crew) // 2 for crew in range(20)]
    assert called == [last - min(weeks, early) * MINUTES_PER_WEEK for weeks in ahead]


def test_the_levelled_plan_keeps_the_date_of_the_window_rule_with_no_more_people() -> None:
    for seed in range(8):
        plan = plan_crews(small(seed))
        assert plan.manning.peak <= plan.window_peak
        assert plan.finish_days <= max(plan.planned_for_days, plan.window_days)


CONFIGS = sorted(path for path in Path("configs").rglob("*.yaml") if path.parent.name in ("configs", "cases"))
QUICK = ("hybrid", "stick_built", "modular")
TENTH = ("scale.capacity_mw=25", "energization.units.count=2")


@pytest.mark.parametrize(
    ("path", "size"),
    [
        *(pytest.param(path, TENTH, id=f"small {path.stem}") for path in CONFIGS if path.stem in QUICK),
        *(
            pytest.param(path, (), id=path.stem, marks=() if path.stem == "one_block" else pytest.mark.slow)
            for path in CONFIGS
            if path.stem != "base"
        ),
    ],
)
def test_no_shipped_plan_is_worse_than_the_window_rule_in_both_peak_and_date(path: Path, size: tuple[str, ...]) -> None:
    plan = plan_crews(load(path, [*size, "labour.crew_plan=levelled"]).value)
    assert plan.manning.peak <= plan.window_peak or plan.finish_days <= plan.window_days
    # and it keeps the date it is planned for, or is no later than the window rule
    assert plan.finish_days <= max(plan.planned_for_days, plan.window_days) + 1e-9


def test_a_limit_of_people_gives_the_earliest_date_for_so_many() -> None:
    project = small(3)
    free = plan_crews(project)
    labour = project.labour.model_copy(update={"limit": free.manning.peak - 5})
    limited = plan_crews(project.model_copy(update={"labour": labour}))
    assert limited.manning.peak <= free.manning.peak - 5
    assert limited.finish_days >= free.finish_days


def test_crews_are_planned_for_the_winter_that_is_typical() -> None:
    """In Wisconsin half of a year's days for earthwork are lost: a plan that leaves them out is three months late there."""
    changes = ["scale.capacity_mw=50", "weather.kind=wisconsin", "scale.start_date=2026-03-01"]
    project = load("stick_built", changes).value
    weather = weather_model(project.weather)
    calendars = planned_calendars(project, weather)
    finishes = []
    for plan in (plan_crews(project, weather), plan_crews(project)):
        # trades searched one at a time stop short of this date: several are missing together
        assert plan.finish_days <= plan.planned_for_days == project.scale.target_days
        performed = Rehearsal(project.with_risks("none"), plan.resource_plan, calendars=calendars)
        finishes.append(performed.finish / MINUTES_PER_DAY - plan.finish_days)
    ready, unready = finishes
    assert 0 <= ready < 28
    assert unready > 90


@pytest.mark.parametrize(("called_by", "later"), [("progress", 10), ("date", 0)])
def test_crews_follow_the_progress_of_the_work_before_theirs(called_by: str, later: int) -> None:
    """Where grading takes ten days more than planned, electricians come ten days later, if they follow progress."""
    case = prepare(tiny(f"labour.called_by={called_by}", "shell.steps.slab.hours=960"))
    grading = case.plan.inputs.names.index("site_works.grading/p1.site_works.grading")
    arrived = []
    for delay in (0, 10 * MINUTES_PER_DAY):
        values = [value + delay * (number == grading) for number, value in enumerate(case.planned.values)]
        arrived.append(_arrival(case, replace(case.planned, values=values), "electricians"))
    assert arrived[1] - arrived[0] == later * MINUTES_PER_DAY


def _arrival(case: Case, draws: SampledInputs, trade: str) -> int:
    """The minute at which the first people of a trade are on site."""
    note = case.plan.notes.index(("people", trade, ""))
    log = case.simulate(draws).log
    rows = (case.plan.rows[log[:, 1], 0] == NOTE) & (case.plan.rows[log[:, 1], 1] == note)
    return int(log[rows, 0].min())


def test_the_plan_is_the_same_whenever_it_is_made() -> None:
    once, again = (plan_crews(small(1)) for _ in range(2))
    assert once.resource_plan == again.resource_plan
    np.testing.assert_array_equal(once.manning.manned, again.manning.manned)


def test_a_plan_has_no_more_people_of_a_trade_than_the_local_market() -> None:
    """Of the trade that the free plan has most of, the market has one crew less than that."""
    free = plan_crews(small(3)).resource_plan.crews
    trade = max(UNTYPED, key=lambda name: free[name])
    team = small(3).labour.trades[trade].team
    assert free[trade] > 1
    project = load(TINY, [*small_changes(3), f"labour.trades.{trade}.available={(free[trade] - 1) * team}"]).value
    limited = plan_crews(project)
    assert limited.resource_plan.crews[trade] == free[trade] - 1
    assert limited.manning.peak <= sum(limited.resource_plan.crews[t] * project.labour.trades[t].team for t in free) * (
        1 + project.labour.indirect_ratio.value
    )


def test_a_market_too_small_for_one_step_is_told() -> None:
    with pytest.raises(ConfigError, match=r"available: 1 given, at least the \d+ people of \d+ crews"):
        plan_crews(load(TINY, [*small_changes(3), "labour.trades.riggers.available=1"]).value)
