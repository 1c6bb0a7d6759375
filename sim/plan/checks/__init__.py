"""What can be said about a plan before it is run: mistakes, deadlocks, loose ends. `sim check` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sim.plan.analysis.prerequisites import Prerequisites
from sim.plan.analysis.route_classes import route_classes
from sim.plan.checks.capacity import (
    blocked_by_others,
    crowded,
    gone_too_early,
    stuck_in_groups,
    too_large,
    used_up,
    yards,
)
from sim.plan.checks.deadlocks import Locks, has_choices, in_vain, out_of_luck
from sim.plan.checks.finding import Finding, Remark, collected
from sim.plan.checks.quality import few_at_once, long_tasks, loose_ends, unlimited_work
from sim.plan.checks.reachability import Reach, on_routes
from sim.plan.compile import CompiledPlan

__all__ = ["Remark", "check"]


def check(plan: CompiledPlan, values: Sequence[int] | None = None) -> list[Remark]:
    """Return what is wrong with a plan or worth a look, errors first; the rules are those of `docs/engine.md`.

    With planned `values` (minutes per input) long tasks are remarked on too. A plan without errors can still
    stall where luck takes a turn no check foresees; a plan with one that says "never" stalls for certain.
    """
    return collected(_findings(plan, values))


def _findings(plan: CompiledPlan, values: Sequence[int] | None) -> Iterator[Finding]:
    """Yield everything there is to say; what is known to be impossible goes into how far everyone can come."""
    classes = route_classes(plan)
    prerequisites, possible = Prerequisites(plan, classes), Prerequisites(plan, classes, perhaps=True)
    lying = yards(plan, classes, prerequisites.slots)
    yield from on_routes(plan, classes)
    hopeless: set[tuple[int, int]] = set()
    impossible = [*too_large(plan, classes, prerequisites)]
    impossible += [place for yard in lying for place in crowded(plan, classes, yard)]
    for route_class, step, sentence in impossible:
        hopeless.add((route_class.units[0], step))
        yield Finding(
            "error", plan.units[route_class.units[0]], sentence, tuple(plan.units[unit] for unit in route_class.units)
        )
    for finding, groups in stuck_in_groups(plan, prerequisites, possible):
        hopeless.update((prerequisites.class_of[group.unit].units[0], group.step) for group in groups)
        yield finding
    yield from used_up(plan, classes)
    yield from gone_too_early(plan, classes, prerequisites)
    for yard in lying:
        yield from blocked_by_others(plan, classes, possible, yard, lying)
    yield from Locks(plan, classes, possible, prerequisites.slots, lying).findings()
    reach = Reach(plan, classes, hopeless)
    yield from in_vain(plan, prerequisites, reach)
    if has_choices(classes):
        yield from out_of_luck(plan, prerequisites, reach, Reach(plan, classes, hopeless, every_way=True))
    yield from loose_ends(plan, prerequisites)
    yield from unlimited_work(plan, classes)
    if values is not None:
        yield from few_at_once(plan, classes, values)
        yield from long_tasks(plan, values)
