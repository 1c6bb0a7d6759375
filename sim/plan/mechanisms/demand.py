"""Demand: one unit that signals block after block, at a drawn pace that is the same for every strategy.

A block is *in sight* a look-ahead before it is needed. The unit signals a gate when blocks come in sight, for which
orders that follow demand wait; the date of need is that moment plus the look-ahead.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.config.sections.orders import Demand, Ending
from sim.plan.layout import Rise, look_ahead, rises, scenario_days
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import (
    MINUTES_PER_DAY,
    Chance,
    Jump,
    Label,
    Note,
    Signal,
    Span,
    UnitInfo,
    Until,
    Wait,
    Work,
    days,
    fixed,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Fixed, to_distribution
from sim.world.working_time import ALWAYS_OPEN

NEEDS = "blocks in sight"
BROKEN_OFF = "demand broken off"
CLOSED = "orders closed"
PACE, SCENARIO = "demand.days per MW", "demand.scenario"
DEMAND = UnitInfo("demand", "order_date")


def write_demand(context: PlanContext) -> None:
    """Write the units of demand: its growth, its end if it has one, and one that keeps the run going until all is known."""
    orders, demand = context.project.orders, context.project.orders.demand
    if demand is None:
        return
    look_ahead_days = look_ahead(context.project)
    for gate in (NEEDS, CLOSED, BROKEN_OFF):
        context.plan.gate(gate)
    if orders.until_day is not None:
        last = Until("orders close", days(max(0.0, orders.until_day - look_ahead_days)))
        context.plan.unit("demand.closing", [last, Signal(CLOSED)], DEMAND)
    if demand.ending is not None:
        context.plan.unit("demand.ending", _ending(demand.ending, context.project.scale.horizon_days), DEMAND)
    factors = _factors(context, demand)
    context.plan.unit("demand", _growth_route(context, rises(context.project), factors, look_ahead_days), DEMAND)
    _run_until_known(context)


def _factors(context: PlanContext, demand: Demand) -> tuple[str, ...]:
    """Write the factors on the growth of demand; return the names of those on all of it, not only on one wave."""
    if demand.growth is None:
        return ()
    names = [context.plan.factor(PACE, to_distribution(demand.growth.days_per_mw), group="demand")]
    if demand.scenarios:
        names.append(context.plan.factor(SCENARIO, scenario_days(demand.scenarios), group="demand"))
    for wave in {rise.wave for rise in rises(context.project) if rise.mw}:
        context.plan.factor(f"demand.wave {wave + 1}", to_distribution(demand.growth.wave), group="demand")
    return tuple(names)


def _growth_route(
    context: PlanContext, planned_rises: Sequence[Rise], factors: tuple[str, ...], look_ahead_days: float
) -> list[PlanStep]:
    """Return the route of demand: rise after rise; once growth has stopped or orders are closed, it jumps to its end."""
    route: list[PlanStep] = []
    for number, rise in enumerate(planned_rises, 1):
        skip = f"not needed {number}"
        skip_if_closed = [Jump(skip, gate=CLOSED)]
        if rise.mw:
            content = (*factors, f"demand.wave {rise.wave + 1}")
            grows: PlanStep = Work(
                f"demand.{number}", Span(Fixed(rise.mw), MINUTES_PER_DAY, content=content), ALWAYS_OPEN
            )
        else:
            grows = Until(f"demand.{number}", days(max(0.0, rise.day - look_ahead_days)))
        note_of_need = Note("needed", "demand", rise.blocks)
        route += [*skip_if_closed, grows, *skip_if_closed, note_of_need, Label(skip), Signal(NEEDS, rise.blocks)]
    blocks_left = context.project.blocks - sum(rise.blocks for rise in planned_rises)
    if blocks_left:
        route += [Signal(CLOSED), Work("end of the path", fixed(1), ALWAYS_OPEN), Signal(NEEDS, blocks_left)]
    return route


def _ending(ending: Ending, horizon_days: int) -> list[PlanStep]:
    """Return the route that closes orders when demand breaks off, by chance, on a drawn day; else at the horizon."""
    return [
        Jump("it stays", "demand stays", Chance(ending.probability.value, otherwise=True)),
        Until("demand breaks off", Span(to_distribution(ending.day), MINUTES_PER_DAY)),
        Note("broken off", "demand"),
        Jump("known"),
        Label("it stays"),
        Until("demand stays to the end", days(horizon_days - 1)),
        Label("known"),
        Signal(BROKEN_OFF),
        Signal(CLOSED),
    ]


def _run_until_known(context: PlanContext) -> None:
    """Make the run end when all that is ordered is online and the demand is known to its end."""
    gate, level = context.plan.completion
    end_gate = context.plan.gate("over")
    blocks = context.project.blocks
    context.plan.unit("demand.known", [Wait(gate, level), Wait(NEEDS, blocks), Signal(end_gate)], DEMAND)
    context.plan.completion = (end_gate, 1)
