"""Practice: the hundredth block is connected faster than the first, because the same people have done it before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from sim.plan.brief import Brief
from sim.plan.plan import Plan
from sim.plan.vocabulary import Work
from sim.world.productivity import unit_curve


def practise(brief: Brief) -> None:
    """Let every activity of crews that is stated in hours and done more than once follow the unit curve.

    The units of one activity are counted together, in the order in which their work begins.
    """
    learning, plan = brief.project.labour.learning, brief.plan
    if learning is None:
        return
    counts = Counter(work.activity for _, _, work in _repeatable(plan))
    curves = {
        activity: plan.learns(f"site {activity}", unit_curve(learning, count))
        for activity, count in counts.items()
        if count > 1
    }
    for unit, at, work in list(_repeatable(plan)):
        if work.activity in curves:
            route = list(plan.units[unit])
            route[at] = replace(work, learning=curves[work.activity])
            plan.units[unit] = route


def _repeatable(plan: Plan) -> Iterator[tuple[str, int, Work]]:
    """Yield (unit, place in its route, work) of all work whose hours are stated: it has a trade's losses."""
    for unit, route in plan.units.items():
        for at, step in enumerate(route):
            if isinstance(step, Work) and any(name.startswith("loss.") for name in step.span.losses):
                yield unit, at, step
