"""What is built where: phases, halls, turnovers and blocks by name, and who orders what when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sim.config.project import Project
from sim.plan.outlook import planned_orders


@dataclass(frozen=True)
class Place:
    """A phase, hall, turnover or block: its name, the phase and hall it lies in, its blocks, and its order.

    `built_mw` is what it is built to serve, which may be more than what is ordered; `order_day` counts from t0.
    """

    name: str
    phase: str
    hall: str
    blocks: tuple[str, ...]
    built_mw: float
    order_day: int
    sequence: int = 0
    """Place in the order of the work: halls and blocks that come online earlier are served first."""


@dataclass(frozen=True)
class Layout:
    """All places of a project, in order."""

    phases: tuple[Place, ...]
    halls: tuple[Place, ...]
    turnovers: tuple[Place, ...]
    blocks: tuple[Place, ...]


def lay_out(project: Project, released: Mapping[str, int] | None = None) -> Layout:
    """Divide a project into phases, halls, turnovers and blocks; a place is ordered with its first block.

    `released` is the day of release by place where that is agreed by itself.
    """
    days = _order_days(project)
    mw = project.block.mw_gross.value
    per_phase = -(-project.blocks // project.scale.phases)
    groups: dict[str, list[Place]] = {"p": [], "h": [], "t": []}
    blocks: list[Place] = []
    for p, of_phase in enumerate(_split(range(project.blocks), per_phase), 1):
        phase = f"p{p}"
        groups["p"].append(_place(phase, phase, "", of_phase, days, mw * len(of_phase)))
        for of_hall in _split(of_phase, project.hall.blocks):
            hall = f"h{len(groups['h']) + 1}"
            groups["h"].append(_place(hall, phase, hall, of_hall, days, mw * project.hall.blocks))
            for of_turnover in _split(of_hall, project.turnover_blocks):
                turnover = f"t{len(groups['t']) + 1}"
                groups["t"].append(_place(turnover, phase, hall, of_turnover, days, mw * len(of_turnover)))
            blocks += [_place(f"b{b + 1}", phase, hall, (b,), days, mw) for b in of_hall]
    groups["b"] = blocks
    dated = [
        tuple(replace(place, order_day=(released or {}).get(place.name, place.order_day)) for place in groups[kind])
        for kind in "phtb"
    ]
    return Layout(*dated)


def _place(name: str, phase: str, hall: str, blocks: Sequence[int], days: Sequence[int], mw: float) -> Place:
    first = 0 if name == phase else blocks[0] + 1
    return Place(name, phase, hall, tuple(f"b{b + 1}" for b in blocks), mw, min(days[b] for b in blocks), first)


def _split(blocks: Sequence[int], size: int) -> list[Sequence[int]]:
    return [blocks[at : at + size] for at in range(0, len(blocks), size)]


def _order_days(project: Project) -> list[int]:
    """Return the order day of every block: as planned where demand decides, from the given orders, else its phase's."""
    if project.orders.policy == "follow_demand":
        return list(planned_orders(project))
    if not project.orders.given:
        per_phase = -(-project.blocks // project.scale.phases)
        interval = round(project.scale.phase_interval_days.value)
        return [block // per_phase * interval for block in range(project.blocks)]
    mw, ordered = project.block.mw_gross.value, 0.0
    days: list[int] = []
    for order in sorted(project.orders.given, key=lambda order: order.day):
        ordered += order.mw
        days += [order.day] * (min(project.blocks, round(ordered / mw)) - len(days))
    return days + [days[-1]] * (project.blocks - len(days))


def generating_units(project: Project, layout: Layout) -> list[Place]:
    """Return the places of all generating units: each with the blocks from the first that needs its power on.

    Units that are spare stand before the first: without them no block has its power.
    """
    units, block = project.energization.units, project.block.mw_gross.value
    found = []
    for phase in layout.phases:
        for number in range(units.count):
            first = int(max(0, number - units.spare) * units.mw.value / block + 1e-9)
            blocks = phase.blocks[min(first, len(phase.blocks) - 1) :]
            name = f"{phase.name}.g{number + 1}"
            found.append(Place(name, phase.name, "", blocks, units.mw.value, phase.order_day))
    return found
