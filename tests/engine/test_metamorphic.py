"""What must not change a plan's answer, or must change it in a known way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.plan.vocabulary import Chance, Hold, Jump, Label, Plan, Span, Step, Until, Work
from sim.world.distributions import Distribution, Fixed, Lognormal, Pert, Triangular, Uniform
from sim.world.working_time import always
from tests.engine.random_plans import random_plan
from tests.engine.small_plans import Routes, replications, told, write

PLANS = st.builds(random_plan, st.integers(0, 2**32), st.integers(1, 10), st.integers(1, 4), sound=st.booleans())


def changed(plan: Plan, step: Callable[[Step], Step], *before: Step) -> Plan:
    """Return a plan with every step changed, and some steps put before every route."""
    other = replace(plan, calendars={"always": always(200_000), "shift": always(200_000)})
    other.units = {name: [*before, *map(step, route)] for name, route in plan.units.items()}
    return other


def plain(step: Step) -> Step:
    """Take curves, areas, nights and spread out of a step."""
    if isinstance(step, Work):
        minutes = round(step.span.shape.planned())
        return replace(step, span=Span(Fixed(minutes)), mode="pausing", learning=None, area=None)
    return step


def slower(step: Step, times: int) -> Step:
    """Multiply every time in a step."""
    if isinstance(step, Work):
        return replace(step, span=replace(step.span, minutes=times))
    if isinstance(step, Until):
        found = step.net_level and replace(
            step.net_level, minutes=step.net_level.minutes * times, last=step.net_level.last * times
        )
        return replace(step, date=replace(step.date, minutes=times), net_level=found)
    if isinstance(step, Hold) and step.patience is not None:
        return replace(step, patience=step.patience * times)
    return step


@given(PLANS, st.integers(2, 1440))
def test_a_plan_in_slow_motion_does_the_same_later(plan: Plan, times: int) -> None:
    quick = changed(plan, plain)
    slow = told(changed(quick, lambda step: slower(step, times)))
    begun = {0, 2, 3, 4}
    operations = slow.compiled.rows[:, 0].tolist()
    assert slow.log == [
        (minute * times, step, x * times if operations[step] in begun else x) for minute, step, x in told(quick).log
    ]


@given(PLANS, st.integers(1, 5_000))
def test_a_plan_that_begins_later_does_the_same_later(plan: Plan, delay: int) -> None:
    def shift(step: Step) -> Step:
        if isinstance(step, Until):
            found = step.net_level and replace(step.net_level, last=step.net_level.last + delay)
            return replace(step, date=Span(Fixed(step.date.shape.planned() + delay)), net_level=found)
        return step

    now = told(changed(plan, plain)).rows
    later = told(changed(changed(plan, plain), shift, Until("begin", Span(Fixed(delay))))).rows
    moved = [(minute - delay, unit, what) for minute, unit, what in later if not what.startswith("until begin")]
    assert [row[:2] for row in moved] == [row[:2] for row in now]
    assert [row[2].split(" since ")[0] for row in moved] == [row[2].split(" since ")[0] for row in now]


@settings(max_examples=80)
@given(PLANS, st.integers(0, 2**32))
def test_the_order_in_which_a_plan_is_written_does_not_matter(plan: Plan, seed: int) -> None:
    def shuffled(mapping: dict[str, object]) -> dict[str, object]:
        names = list(mapping)
        Random(seed).shuffle(names)
        return {name: mapping[name] for name in names}

    parts = ("calendars", "pools", "gates", "units", "learning", "areas")
    other = replace(plan, **{part: shuffled(getattr(plan, part)) for part in parts})  # type: ignore[arg-type]
    assert told(other).log == told(plan).log


def test_what_cannot_vary_does_not() -> None:
    def routes(shape: Distribution, never: Chance, sure: Chance) -> Routes:
        route: list[Step] = [Label("top"), Hold({"rig": 1}), Work("dig", Span(shape), "always")]
        route += [Jump("top", "never", never), Jump("past", "sure", sure), Label("past")]
        return {f"u{number}": route for number in range(5)}

    certain = told(write(routes(Fixed(7), Chance(0.0), Chance(1.0)), {"rig": 9})).log
    for shape in (Triangular(7, 7, 7), Pert(7, 7, 7), Uniform(7, 7), Lognormal(7, 7), Triangular(6.9, 7, 7.1)):
        plan = write(routes(shape, Chance(0.0), Chance(0.0, otherwise=True)), {"rig": 9})
        assert [each.log for each in replications(plan, 20)] == [certain] * 20


@given(PLANS)
def test_curves_and_areas_of_factor_one_are_as_good_as_none(plan: Plan) -> None:
    def without(step: Step) -> Step:
        return replace(step, learning=None, area=None) if isinstance(step, Work) else step

    flat = replace(plan, learning={"curve": (1_000_000,)}, areas={"hall": (1_000_000,)})
    none = replace(plan, units={name: [*map(without, route)] for name, route in plan.units.items()})
    assert told(flat).log == told(none).log
