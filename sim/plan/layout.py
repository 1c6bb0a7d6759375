"""What is built where, and when it is ordered: phases, halls, turnovers, blocks and generating units.

Where demand decides, a block is ordered a look-ahead before the planned day on which it is needed; the rises of
demand are worked out here, up to the project's capacity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, fsum, inf

from sim.config.project import Project
from sim.config.sections.orders import Demand, Growth, Scenario
from sim.world.distributions import Discrete

# --- planned demand ---------------------------------------------------------------------------------------------------


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
    total = fsum(scenario.weight for scenario in scenarios)
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


# --- places -----------------------------------------------------------------------------------------------------------


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
    unit: int = 0
    """Number of a generating unit in its phase, from 1; 0 for every other place."""


PLACE_KINDS = {"p": "phase", "h": "hall", "t": "turnover", "b": "block"}


def place_kind(name: str) -> str:
    """Return phase, hall, turnover or block; empty where there is no place. As `place_number`, beside the naming."""
    return PLACE_KINDS.get(name[:1], "")


def place_number(name: str) -> int:
    """Return the number of a place in the order of its kind: 17 for b17; 0 where there is none, as for no place.

    The inverse of the names that `layout_of` gives, kept beside it: nothing else may read a number out of a name.
    """
    return int(name[1:] or 0)


@dataclass(frozen=True)
class Layout:
    """All places of a project, in order."""

    phases: tuple[Place, ...]
    halls: tuple[Place, ...]
    turnovers: tuple[Place, ...]
    blocks: tuple[Place, ...]
    plants: tuple[Place, ...]
    """Whom power serves: every phase by itself, or all blocks from the first phase on, under its name."""


def layout_of(project: Project, released: Mapping[str, int] | None = None) -> Layout:
    """Divide a project into phases, halls, turnovers and blocks; a place is ordered with its first block.

    `released` is the day of release by place where that is agreed by itself.
    """
    days = _order_days(project)
    mw = project.block.mw_gross.value
    per_phase = project.blocks_per_phase
    groups: dict[str, list[Place]] = {"p": [], "h": [], "t": []}
    blocks: list[Place] = []
    for p, of_phase in enumerate(_split(range(project.blocks), per_phase), 1):
        phase = f"p{p}"
        groups["p"].append(_place(phase, phase, "", of_phase, days, mw * len(of_phase)))
        for of_building, size in _buildings(project, of_phase):
            for of_hall in _split(of_building, size):
                hall = f"h{len(groups['h']) + 1}"
                # a stated building is as large as its blocks; elsewhere a last hall is built like the others
                built = len(of_hall) if project.scale.buildings else size
                groups["h"].append(_place(hall, phase, hall, of_hall, days, mw * built))
                blocks += [_place(f"b{b + 1}", phase, hall, (b,), days, mw) for b in of_hall]
            # a building of several halls is handed over at once; all other turnovers lie in one hall
            several = project.turnover_blocks > size
            for of_one in [of_building] if several else _split(of_building, size):
                for of_turnover in _split(of_one, project.turnover_blocks):
                    name, hall = f"t{len(groups['t']) + 1}", blocks[of_turnover[0]].hall
                    groups["t"].append(_place(name, phase, hall, of_turnover, days, mw * len(of_turnover)))
    groups["b"] = blocks
    dated = [
        tuple(replace(place, order_day=(released or {}).get(place.name, place.order_day)) for place in groups[kind])
        for kind in "phtb"
    ]
    phases, halls, turnovers, all_blocks = dated
    plants = phases
    if project.energization.shared:
        every = tuple(block.name for block in all_blocks)
        plants = (replace(phases[0], blocks=every, built_mw=mw * len(every)),)
    return Layout(phases, halls, turnovers, all_blocks, plants)


def _place(name: str, phase: str, hall: str, blocks: Sequence[int], days: Sequence[int], mw: float) -> Place:
    first = 0 if name == phase else blocks[0] + 1
    return Place(name, phase, hall, tuple(f"b{b + 1}" for b in blocks), mw, min(days[b] for b in blocks), first)


def _buildings(project: Project, of_phase: Sequence[int]) -> Iterator[tuple[Sequence[int], int]]:
    """Yield the blocks of each building of a phase and the blocks in one of its halls; the whole phase if none is stated."""
    if not project.scale.buildings:
        yield of_phase, project.hall.blocks
    first, block = 0, project.block.mw_gross.value
    for building in project.scale.buildings:
        number = round(building.mw / block)
        yield of_phase[first : first + number], building.hall_blocks or project.hall.blocks
        first += number


def _split(blocks: Sequence[int], size: int) -> list[Sequence[int]]:
    return [blocks[at : at + size] for at in range(0, len(blocks), size)]


def _order_days(project: Project) -> list[int]:
    """Return the order day of every block: as planned where demand decides, from the given orders, else its phase's."""
    if project.orders.policy == "follow_demand":
        return list(planned_orders(project))
    if not project.orders.given:
        per_phase = project.blocks_per_phase
        interval = round(project.scale.phase_interval_days.value)
        return [block // per_phase * interval for block in range(project.blocks)]
    mw, ordered = project.block.mw_gross.value, 0.0
    days: list[int] = []
    for order in sorted(project.orders.given, key=lambda order: order.day):
        ordered += order.mw
        days += [order.day] * (min(project.blocks, round(ordered / mw)) - len(days))
    return days + [days[-1]] * (project.blocks - len(days))


FIRST_SECTION = ".s1"


def sections(project: Project, hall: Place) -> list[tuple[str, int]]:
    """Return the sections in which a hall is built, in the order of its blocks: what each is called, and its blocks.

    As many as make them come nearest to the stated area, of as many blocks each as can be. A hall may be built for more
    blocks than are ordered.

    >>> sections(project, hall)  # 25 blocks, where ten have the area of a section
    [('.s1', 9), ('.s2', 8), ('.s3', 8)]
    """
    mw, section = project.block.mw_gross.value, project.shell.section_sqft
    blocks = round(hall.built_mw / mw)
    area = hall.built_mw * project.hall.sqft_per_mw.value
    number = 1 if section is None else min(blocks, floor(area / max(section.value, 1.0) + 0.5))
    if number <= 1:
        return [("", blocks)]
    size, larger = divmod(blocks, number)
    return [(f".s{at + 1}", size + (at < larger)) for at in range(number)]


def generating_units(project: Project, layout: Layout) -> list[Place]:
    """Return the places of all generating units: each with the blocks from the first that needs its power on.

    Units that are spare stand before the first: without them no block has its power.
    """
    units, block = project.energization.units, project.block.mw_gross.value
    found = []
    for plant in layout.plants:
        for number in range(units.count):
            first = int(max(0, number - units.spare) * units.mw.value / block + 1e-9)
            blocks = plant.blocks[min(first, len(plant.blocks) - 1) :]
            name = f"{plant.name}.g{number + 1}"
            found.append(Place(name, plant.phase, "", blocks, units.mw.value, plant.order_day, unit=number + 1))
    return found
