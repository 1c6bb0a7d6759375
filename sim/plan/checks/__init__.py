"""What can be said about a plan before it is run: mistakes, deadlocks, loose ends. `sim check` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sim.plan.analysis.prerequisites import Prerequisites
from sim.plan.analysis.route_classes import route_classes
from sim.plan.checks.capacity import (
    blocked_by_others,
    gone_too_early,
    over_capacity,
    stuck_in_groups,
    too_large,
    used_up,
    yards,
)
from sim.plan.checks.deadlocks import (
    DeadlockSearch,
    has_waits_on_some_path,
    never_finishing,
    never_finishing_on_some_path,
)
from sim.plan.checks.finding import Finding, Remark, collected
from sim.plan.checks.quality import few_at_once, long_tasks, loose_ends, unlimited_work
from sim.plan.checks.reachability import Reach, route_findings
from sim.plan.compiled_plan import CompiledPlan

__all__ = ["Remark", "check"]


def check(plan: CompiledPlan, values: Sequence[int] | None = None) -> list[Remark]:
    """Return what is wrong with a plan or worth a look, errors first; the rules are those of `docs/engine.md`.

    With planned `values` (minutes per input) long tasks are remarked on too. A plan without errors can still
    stall in replications that no check foresees; a plan with one that says "never" stalls for certain.
    """
    return collected(_findings(plan, values))


def _findings(plan: CompiledPlan, values: Sequence[int] | None) -> Iterator[Finding]:
    """Yield the findings of all checks; holds that are known to be impossible count in how far every unit can come."""
    classes = route_classes(plan)
    # what is needed on every path of a route proves an error; what some path needs shows what can happen at worst
    certain_prerequisites = Prerequisites(plan, classes)
    possible_prerequisites = Prerequisites(plan, classes, on_some_path=True)
    all_yards = yards(plan, classes, certain_prerequisites.circulating_pools)
    yield from route_findings(plan, classes)
    ruled_out: set[tuple[int, int]] = set()
    impossible = [*too_large(plan, classes, certain_prerequisites)]
    for yard in all_yards:
        impossible += over_capacity(plan, classes, yard)
    for route_class, step, sentence in impossible:
        ruled_out.add((route_class.units[0], step))
        yield Finding(
            "error", plan.units[route_class.units[0]], sentence, tuple(plan.units[unit] for unit in route_class.units)
        )
    for finding, groups in stuck_in_groups(plan, certain_prerequisites, possible_prerequisites):
        ruled_out.update((certain_prerequisites.class_of[group.unit].units[0], group.step) for group in groups)
        yield finding
    yield from used_up(plan, classes)
    yield from gone_too_early(plan, classes, certain_prerequisites)
    for yard in all_yards:
        yield from blocked_by_others(plan, classes, possible_prerequisites, yard, all_yards)
    yield from DeadlockSearch(
        plan, classes, possible_prerequisites, certain_prerequisites.circulating_pools, all_yards
    ).findings()
    reach = Reach(plan, classes, ruled_out)
    yield from never_finishing(plan, certain_prerequisites, reach)
    if has_waits_on_some_path(classes):
        yield from never_finishing_on_some_path(
            plan, certain_prerequisites, reach, Reach(plan, classes, ruled_out, every_path=True)
        )
    yield from loose_ends(plan, certain_prerequisites)
    yield from unlimited_work(plan, classes)
    if values is not None:
        yield from few_at_once(plan, classes, values)
        yield from long_tasks(plan, values)
