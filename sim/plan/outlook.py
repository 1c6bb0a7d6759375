"""When each block will be needed, as far as the project says: the rises of demand and their planned days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from sim.config.demand import Demand, Growth, Scenario
from sim.config.project import Project
from sim.world.distributions import Discrete


@dataclass(frozen=True)
class Rise:
    """Demand rises by some blocks: on a day that is given, or so many MW of growth after the rise before."""

    blocks: int
    day: float = 0.0
    mw: float = 0.0
    wave: int = 0


def rises(project: Project) -> list[Rise]:
    """Return the rises of a project's demand up to its capacity; fewer where a given path ends below it."""
    demand, block = project.orders.demand, project.block.mw_gross.value
    if demand is None:
        return []
    if demand.growth is None:
        return list(_given(demand, project.blocks, block))
    growth = demand.growth
    first = min(project.blocks, max(1, _blocks(growth.first_mw.value, block)))
    wave = max(block, growth.wave_mw.value)
    later = [Rise(1, mw=block, wave=int((k + 1e-9) * block / wave)) for k in range(project.blocks - first)]
    return [Rise(first, day=growth.first_day.value), *later]


def _given(demand: Demand, blocks: int, mw: float) -> Iterator[Rise]:
    """Yield the rises of a given path."""
    before = 0
    for point in sorted(demand.path, key=lambda point: point.day):
        upto = min(blocks, _blocks(point.mw, mw))
        if upto > before:
            yield Rise(upto - before, day=float(point.day))
            before = upto


def _blocks(mw: float, block: float) -> int:
    return -(-round(mw * 1000) // round(block * 1000))


def planned_needs(project: Project) -> list[float]:
    """Return the planned day on which each block is needed, by block; infinite for those that never are."""
    growth = project.orders.demand.growth if project.orders.demand else None
    needs: list[float] = []
    day = 0.0
    for rise in rises(project):
        day = day + rise.mw * _planned_days_per_mw(project, growth) if rise.mw and growth else rise.day
        needs += [day] * rise.blocks
    return needs + [inf] * (project.blocks - len(needs))


def _planned_days_per_mw(project: Project, growth: Growth) -> float:
    scenarios = project.orders.demand.scenarios if project.orders.demand else ()
    factor = scenario_days(scenarios).planned() if scenarios else 1.0
    return growth.days_per_mw.planned * growth.wave.planned * factor


def scenario_days(scenarios: Sequence[Scenario]) -> Discrete:
    """Return the factor on days per MW of the scenario that comes true."""
    total = sum(scenario.weight for scenario in scenarios)
    return Discrete(
        tuple(scenario.days_factor for scenario in scenarios),
        tuple(scenario.weight / total for scenario in scenarios),
    )


def planned_orders(project: Project) -> Iterator[int]:
    """Yield the planned day of every block's order where orders follow demand: a look-ahead before its lot's need."""
    orders, needs = project.orders, planned_needs(project)
    last = project.scale.horizon_days if orders.until_day is None else orders.until_day
    for block in range(project.blocks):
        lot = block - block % orders.lot_blocks
        yield int(max(0.0, min(needs[lot], last) - look_ahead(project)))


def look_ahead(project: Project) -> float:
    """Return the days by which a block is in sight before it is needed."""
    follows = project.orders.policy == "follow_demand"
    return project.orders.look_ahead_days.value if follows else 0.0
