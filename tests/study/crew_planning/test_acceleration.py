"""The site reacts to a slip: measures that begin and end at reviews, by hand; the switch; and what they cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.config.load import checked, load_as
from sim.config.project import Project
from sim.engine.backends import COMPILED, difference
from sim.engine.simpy_engine import SimpyPlan, simulate
from sim.errors import ConfigError
from sim.jit import available
from sim.metrics.money.contracts import wages
from sim.metrics.workforce import Headcount, headcount, hours
from sim.plan.compile import compile_plan
from sim.plan.deterministic_draws import most_likely_draws
from sim.plan.identical_units import Copy
from sim.plan.mechanisms.acceleration import OVERTIME, SHIFT_PREMIUM, accelerate
from sim.plan.mechanisms.crews import crew, done
from sim.plan.plan_context import Mobilisation, PlanContext, ResourcePlan, Review, TradeReviews
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK, NOTE, Signal, Until, Wait, fixed
from sim.study.case import Case, prepare_case
from tests.plan.bench import bench, goes
from tests.tiny_project import TINY, tiny

TRADE, BEFORE = "electricians", "civil"
POLICY = (
    "labour.acceleration={active: true, every_weeks: 4, slip_days: 7,"
    " overtime: {share: 0.5, loss: 0.2, pay: 1.5, source: test}, crews: {share: 0.5, source: test},"
    " shift: {share: 0.5, loss: 0.2, pay: 1.2, source: test}}"
)
DAY = MINUTES_PER_DAY


def review(day: int, enough: int, caught_up: int) -> Review:
    return Review(day * DAY, (enough,), caught_up)


def site(of: TradeReviews, did: dict[int, int], *, before: dict[int, int] | None = None) -> PlanContext:
    """A bench with one measure, and a site on which so many hours are reported on each of some days."""
    context = bench(POLICY)
    reviews = {TRADE: of}
    if before is not None:
        own = tuple(replace(one, enough_hours=(10,)) for one in of.reviews)
        reviews[BEFORE] = TradeReviews(own, 0, 0)
    stays = dict.fromkeys((TRADE, BEFORE), (Mobilisation(0, 1),))
    context = replace(context, resource_plan=ResourcePlan(mobilisations=stays, reviews=reviews))
    context.plan.pool(crew(TRADE), 0, "supplied", cause="crew", trade=TRADE)
    context.plan.pool(f"hiring.{TRADE}", 1, cause="crew")
    for trade, by_day in ((TRADE, did), (BEFORE, before or {})):
        for day, amount in by_day.items():
            report = [Until("day", fixed(day * DAY), "crew"), Signal(context.plan.gate(done(trade)), amount)]
            context.plan.unit(f"{trade} of day {day}", report)
    goes(context, "site", Until("over", fixed(300 * DAY), "crew"), Wait(context.plan.gate(done(TRADE)), 1))
    accelerate(context)
    return context


def noted(context: PlanContext, kind: str) -> list[tuple[float, int]]:
    """(day, people) of every note of a kind."""
    plan = compile_plan(context.plan)
    outcome = simulate(SimpyPlan(plan), most_likely_draws(plan.inputs), plan.base_calendars)
    assert outcome.deadlock is None, outcome.deadlock.explain()
    return [
        (minute / DAY, amount)
        for minute, step, amount in outcome.log.tolist()
        if plan.rows[step, 0] == NOTE and plan.notes[plan.rows[step, 1]].kind == kind
    ]


REVIEWS = (review(28, 10, 15), review(56, 20, 25), review(84, 30, 35), review(112, 40, 40))
HIRED = MINUTES_PER_WEEK / DAY


def test_a_trade_that_is_behind_has_a_crew_more_from_the_review_on_until_it_has_caught_up() -> None:
    found = noted(site(TradeReviews(REVIEWS, 0, 1), {10: 5, 40: 20, 70: 15}), "people")
    assert found == [(28 + HIRED, 4), (56, -4)]


def test_while_it_has_not_caught_up_the_crew_stays_and_who_falls_behind_again_has_it_again() -> None:
    found = noted(site(TradeReviews(REVIEWS, 0, 1), {10: 5, 40: 16, 70: 20, 200: 4}), "people")
    assert found == [(28 + HIRED, 4), (84, -4)]
    found = noted(site(TradeReviews(REVIEWS, 0, 1), {10: 5, 40: 20, 100: 20}), "people")
    # on day 84 it has done 25 of 30: again, and on day 112 all of it
    assert found == [(28 + HIRED, 4), (56, -4), (84 + HIRED, 4), (112, -4)]


def test_who_is_in_time_at_every_review_costs_nothing() -> None:
    assert noted(site(TradeReviews(REVIEWS, 1, 0), {10: 10, 40: 20, 70: 20}), OVERTIME) == []


def test_behind_at_the_last_review_it_stays_until_all_is_done() -> None:
    found = noted(site(TradeReviews(REVIEWS, 1, 0), {10: 30, 200: 10}), OVERTIME)
    assert found == [(112, 5), (200, -5)]


def test_hours_of_all_units_that_share_a_route_are_to_be_done_before_it_ends() -> None:
    """Two units report 20 of the trade's 40 hours each by one written route: on day 112 half of them are open."""
    context = bench(POLICY)
    reviews = {TRADE: TradeReviews(REVIEWS, 1, 0)}
    context = replace(
        context, resource_plan=ResourcePlan(mobilisations={TRADE: (Mobilisation(0, 1),)}, reviews=reviews)
    )
    context.plan.pool(crew(TRADE), 0, "supplied", cause="crew", trade=TRADE)
    with context.plan.copies.adding_all((Copy({"b1": "b1"}), Copy({"b1": "b2"}, 1))):
        context.plan.unit(
            "b1.work", [Until("day", fixed(200 * DAY), "crew"), Signal(context.plan.gate(done(TRADE)), 20)]
        )
    accelerate(context)
    waits = [step.level for step in context.plan.units[f"{OVERTIME}.{TRADE}.1"] if isinstance(step, Wait)]
    assert max(waits) == 40


def test_overtime_begins_at_once_and_its_lost_hours_are_paid_as_well() -> None:
    """A crew of four, a fifth of whose overtime is lost: five people's hours are paid for one crew's work."""
    assert noted(site(TradeReviews(REVIEWS, 1, 0), {10: 5, 40: 35}), OVERTIME) == [(28, 5), (56, -5)]


def test_a_second_shift_is_hired_as_all_others_and_its_lost_hours_are_people_as_well() -> None:
    """A crew of four, a fifth of whose hours is lost: five people for one crew's work, and their dearer hours."""
    context = site(TradeReviews(REVIEWS, 0, 0, second_shifts=1), {10: 5, 40: 35})
    assert noted(context, "people") == noted(context, SHIFT_PREMIUM) == [(28 + HIRED, 5), (56, -5)]


def test_overtime_comes_first_and_the_second_shift_last() -> None:
    of = TradeReviews(tuple(replace(one, enough_hours=(3, 2, 1)) for one in REVIEWS), 1, 1, second_shifts=1)
    units = [name for name in site(of, {10: 5}).plan.units if name.split(".")[0] in (OVERTIME, "crew", "shift")]
    assert units == [f"{OVERTIME}.{TRADE}.1", f"crew.{TRADE}.2", f"shift.{TRADE}.1"]


def test_nothing_is_added_while_the_trade_before_is_behind_itself() -> None:
    late = TradeReviews(REVIEWS, 0, 1, after=BEFORE)
    assert noted(site(late, {10: 5, 90: 35}, before={10: 5, 40: 40}), "people") == [(56 + HIRED, 4), (112, -4)]


def test_nothing_is_added_before_the_trade_has_done_anything() -> None:
    assert noted(site(TradeReviews(REVIEWS[:2], 0, 1), {100: 5, 150: 35}), "people") == [(107, 4), (150, -4)]


# --- a whole project --------------------------------------------------------------------------------------------------


SHORT = (
    "labour.acceleration={active: true, every_weeks: 1, slip_days: 1,"
    " overtime: {share: 1, loss: 0.2, pay: 1.5, source: test}, crews: {share: 0.5, source: test}}"
)
LATE = ("scale.preparation_days={low: 5, mode: 10, high: 60}", "labour.losses={low: 1, mode: 1.5, high: 4}")


def case(*overrides: str, engine: str = "simpy") -> Case:
    return prepare_case(tiny(*LATE, *overrides), engine=engine)


def extra(of: Case) -> list[str]:
    return [
        name for name, info in zip(of.plan.units, of.plan.unit_info, strict=True) if info.step in (OVERTIME, "extra")
    ]


def test_off_by_one_switch_and_left_out_are_the_same_plan() -> None:
    off, out = case(SHORT.replace("active: true", "active: false")), case("labour.acceleration=null")
    assert extra(case(SHORT))
    assert off.plan.units == out.plan.units
    assert np.array_equal(off.plan.rows, out.plan.rows)


def test_the_expected_plan_is_never_behind_itself() -> None:
    with_it, without = case(SHORT.replace("slip_days: 1", "slip_days: 21")), case("labour.acceleration=null")
    assert with_it.as_planned[0]["hours_paid"] == without.as_planned[0]["hours_paid"]
    assert with_it.as_planned[0]["lead_time_full_days"] == without.as_planned[0]["lead_time_full_days"]


def test_a_project_that_is_late_pays_more_people_and_is_finished_no_later_on_the_mean() -> None:
    found = {
        on: case(SHORT if on else "labour.acceleration=null").simulate_chunk(1, 0, 30).runs for on in (True, False)
    }
    assert found[True]["hours_paid"].mean() > found[False]["hours_paid"].mean()
    assert found[True]["lead_time_full_days"].mean() <= found[False]["lead_time_full_days"].mean()


SHIFT = (
    "labour.acceleration={active: true, every_weeks: 1, slip_days: 1, overtime: null, crews: null,"
    " shift: {share: 1, loss: 0.2, pay: 1.2, source: test}}"
)


def test_a_second_shift_is_added_where_all_work_in_one_and_nobody_caps_the_people() -> None:
    def shifts(*overrides: str) -> int:
        return sum(name.startswith("shift.") for name in case(SHIFT, *overrides).plan.units)

    assert shifts() > 0
    assert shifts("labour.limit=200") == 0
    two = "calendars.site.shifts=[{start: '00:00', end: '12:00'}, {start: '12:00', end: '24:00'}]"
    assert shifts(two) == 0


def test_a_second_shift_is_paid_for_and_makes_a_late_project_no_later_on_the_mean() -> None:
    found = {
        on: case(SHIFT if on else "labour.acceleration=null").simulate_chunk(1, 0, 30).runs for on in (True, False)
    }
    assert found[True]["hours_paid"].mean() > found[False]["hours_paid"].mean()
    assert found[True]["lead_time_full_days"].mean() <= found[False]["lead_time_full_days"].mean()


@pytest.mark.skipif(not available(), reason="the compiled engine is not installed")
@pytest.mark.parametrize("policy", [SHORT, SHIFT])
def test_both_engines_do_the_same_row_by_row(policy: str) -> None:
    both = case(policy, engine=COMPILED)
    for one, other in zip(both.replications(1, 0, 12, engine="simpy"), both.replications(1, 0, 12), strict=True):
        parting = difference(both.plan, one.outcome, other.outcome)
        assert parting is None, parting


def test_no_crews_are_added_where_people_on_site_are_limited() -> None:
    units = extra(case(SHORT, "labour.limit=200"))
    assert not [name for name in units if name.startswith("crew.")]


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_overtime_is_paid_at_its_own_rate_and_has_no_bed() -> None:
    project = tiny(POLICY)
    trades = tuple(project.labour.trades)
    direct, more = np.zeros((2, len(trades), 3), np.int64)
    direct[trades.index(TRADE)], more[trades.index(TRADE), 1] = 4, 2
    crowd = Headcount(trades, direct, direct.sum(axis=0), more)
    plain = replace(crowd, overtime=np.zeros_like(more))
    rate, paid = project.labour.trades[TRADE].paid_rate, np.array([10.0, 10.0, 10.0])
    assert (wages(crowd, paid, project, 1.0) - wages(plain, paid, project, 1.0)).tolist() == [0, 2 * 10 * rate * 1.5, 0]


def test_a_second_shift_costs_what_its_hours_cost_more() -> None:
    project = tiny(POLICY)
    trades = tuple(project.labour.trades)
    direct, more = np.zeros((2, len(trades), 3), np.int64)
    direct[trades.index(TRADE)], more[trades.index(TRADE), 1] = 4, 2
    plain = Headcount(trades, direct, direct.sum(axis=0), np.zeros_like(more))
    crowd = replace(plain, premium=more)
    rate, paid = project.labour.trades[TRADE].paid_rate, np.array([10.0, 10.0, 10.0])
    dearer = wages(crowd, paid, project, 1.0) - wages(plain, paid, project, 1.0)
    assert dearer == pytest.approx([0, 2 * 10 * rate * 0.2, 0])


def test_hours_of_overtime_are_paid_hours() -> None:
    late = case(SHORT)
    for luck in late.draws(1).chunk(0, 40):
        record = late.metric_context.record(
            late.simulate(luck).log, luck.content, late.plan.base_calendars, luck.factors
        )
        people, day = headcount(record, late.project, late.days), np.ones(late.days)
        overtime = 0 if people.overtime is None else int(people.overtime.sum())
        assert hours(record, people, day)["hours_paid"] == people.total.sum() + overtime
        if overtime:
            return
    pytest.fail("no run has overtime")


def test_a_policy_without_a_measure_is_refused() -> None:
    tree = load_as(Project, TINY).tree
    tree["labour"]["acceleration"] = {"every_weeks": 4, "slip_days": 7}
    with pytest.raises(ConfigError, match="nothing to add"):
        checked(Project, tree)
