"""The layout of a project: its phases, halls, turnovers, blocks and generating units, and when each is ordered.

Where orders follow demand, a block is ordered a look-ahead before the planned day on which it is needed; the rises of
demand are worked out here, up to the project's capacity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import floor, fsum, inf

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.sections.orders import Demand, Growth, Scenario
from sim.world.distributions import Discrete
from sim.world.shifts import DAY

# --- planned demand ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rise:
    """A rise of demand by some blocks: on a given day, or after `mw` more MW of growth than the rise before."""

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
        return list(_rises_of_path(demand, project.blocks, block))
    growth = demand.growth
    first = min(project.blocks, max(1, _blocks(growth.first_mw.value, block)))
    wave_mw = max(block, growth.wave_mw.value)
    later_rises = [Rise(1, mw=block, wave=int((k + 1e-9) * block / wave_mw)) for k in range(project.blocks - first)]
    return [Rise(first, day=growth.first_day.value), *later_rises]


def _rises_of_path(demand: Demand, blocks: int, block_mw: float) -> Iterator[Rise]:
    """Yield the rises of a given path of demand, (day, MW) by (day, MW), up to so many blocks."""
    demanded = 0
    for point in sorted(demand.path, key=lambda point: point.day):
        blocks_then = min(blocks, _blocks(point.mw, block_mw))
        if blocks_then > demanded:
            yield Rise(blocks_then - demanded, day=float(point.day))
            demanded = blocks_then


def _blocks(mw: float, block_mw: float) -> int:
    """Return the blocks that so many MW need, rounded up."""
    return -(-round(mw * 1000) // round(block_mw * 1000))


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
    """Return the distribution of the factor on days per MW: one value per scenario, by its weight."""
    total = fsum(scenario.weight for scenario in scenarios)
    return Discrete(
        tuple(scenario.days_factor for scenario in scenarios),
        tuple(scenario.weight / total for scenario in scenarios),
    )


def planned_orders(project: Project) -> Iterator[int]:
    """Yield the planned day of every block's order where orders follow demand: a look-ahead before its lot's need."""
    orders, needs = project.orders, planned_needs(project)
    last_day = project.scale.horizon_days if orders.until_day is None else orders.until_day
    for block in range(project.blocks):
        first_of_lot = block - block % orders.lot_blocks
        yield int(max(0.0, min(needs[first_of_lot], last_day) - look_ahead(project)))


def look_ahead(project: Project) -> float:
    """Return the days before it is needed at which a block is in sight; 0 where orders do not follow demand."""
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
    """Return what a place is by its name (phase, hall, turnover or block); empty where there is no place."""
    return PLACE_KINDS.get(name[:1], "")


def place_number(name: str) -> int:
    """Return the number of a place in the order of its kind: 17 for b17; 0 where there is no place.

    The inverse of the names that `layout_of` gives; no other module may read a number out of a name.
    """
    return int(name[1:] or 0)


@dataclass(frozen=True)
class Layout:
    """All places of a project, in order."""

    phases: tuple[Place, ...]
    halls: tuple[Place, ...]
    turnovers: tuple[Place, ...]
    blocks: tuple[Place, ...]
    power_plants: tuple[Place, ...]
    """Power plants with the blocks they serve: one per phase, or one of the first phase's name for all blocks."""

    @cached_property
    def block_names(self) -> tuple[str, ...]:
        """Return the names of the blocks, in order."""
        return tuple(block.name for block in self.blocks)

    @cached_property
    def order_days(self) -> frozenset[int]:
        """Return the days on which blocks are ordered, as dated."""
        return frozenset(block.order_day for block in self.blocks)

    @cached_property
    def order_minutes(self) -> NDArray[np.int64]:
        """Return the minute at which every block is ordered, as dated."""
        return np.array([block.order_day * DAY for block in self.blocks], np.int64)


def layout_of(project: Project, release_days: Mapping[str, int] | None = None) -> Layout:
    """Return a project divided into phases, halls, turnovers and blocks; a place is ordered with its first block.

    `release_days` is the day of release by place, where that is not the day of its order.
    """
    days = _order_days(project)
    mw = project.block.mw_gross.value
    phases: list[Place] = []
    halls: list[Place] = []
    turnovers: list[Place] = []
    blocks: list[Place] = []
    for blocks_of_phase in _split(range(project.blocks), project.blocks_per_phase):
        phase = f"p{len(phases) + 1}"
        phases.append(_place(phase, phase, "", blocks_of_phase, days, mw * len(blocks_of_phase)))
        for blocks_of_building, hall_size in _buildings(project, blocks_of_phase):
            for blocks_of_hall in _split(blocks_of_building, hall_size):
                hall = f"h{len(halls) + 1}"
                # a stated building is as large as its blocks; elsewhere a last hall is built like the others
                blocks_built = len(blocks_of_hall) if project.scale.buildings else hall_size
                halls.append(_place(hall, phase, hall, blocks_of_hall, days, mw * blocks_built))
                blocks += [_place(f"b{b + 1}", phase, hall, (b,), days, mw) for b in blocks_of_hall]
            # a building of several halls is handed over at once; all other turnovers lie in one hall
            turnover_over_halls = project.turnover_blocks > hall_size
            parts = [blocks_of_building] if turnover_over_halls else _split(blocks_of_building, hall_size)
            for handed_over_together in parts:
                for blocks_of_turnover in _split(handed_over_together, project.turnover_blocks):
                    name, hall = f"t{len(turnovers) + 1}", blocks[blocks_of_turnover[0]].hall
                    turnovers.append(_place(name, phase, hall, blocks_of_turnover, days, mw * len(blocks_of_turnover)))
    if release_days:
        phases, halls, turnovers, blocks = (
            [replace(place, order_day=release_days.get(place.name, place.order_day)) for place in places]
            for places in (phases, halls, turnovers, blocks)
        )
    plants = phases
    if project.energization.shared:
        names_of_blocks = tuple(block.name for block in blocks)
        plants = [replace(phases[0], blocks=names_of_blocks, built_mw=mw * len(names_of_blocks))]
    return Layout(tuple(phases), tuple(halls), tuple(turnovers), tuple(blocks), tuple(plants))


def _place(name: str, phase: str, hall: str, blocks: Sequence[int], days: Sequence[int], mw: float) -> Place:
    """Return a place with the numbers of its blocks, from 0; `days` are the order days of all blocks."""
    sequence = 0 if name == phase else blocks[0] + 1
    return Place(name, phase, hall, tuple(f"b{b + 1}" for b in blocks), mw, min(days[b] for b in blocks), sequence)


def _buildings(project: Project, of_phase: Sequence[int]) -> Iterator[tuple[Sequence[int], int]]:
    """Yield (blocks of a building, size of its halls in blocks) for each building of a phase; one if none are stated."""
    if not project.scale.buildings:
        yield of_phase, project.hall.blocks
    first, block_mw = 0, project.block.mw_gross.value
    for building in project.scale.buildings:
        count = round(building.mw / block_mw)
        yield of_phase[first : first + count], building.hall_blocks or project.hall.blocks
        first += count


def _split(blocks: Sequence[int], size: int) -> list[Sequence[int]]:
    return [blocks[at : at + size] for at in range(0, len(blocks), size)]


def _order_days(project: Project) -> list[int]:
    """Return the order day of every block: where orders follow demand as planned, from the given orders, else its phase's."""
    if project.orders.policy == "follow_demand":
        return list(planned_orders(project))
    if not project.orders.given:
        per_phase = project.blocks_per_phase
        interval = round(project.scale.phase_interval_days.value)
        return [block // per_phase * interval for block in range(project.blocks)]
    mw, mw_ordered = project.block.mw_gross.value, 0.0
    days: list[int] = []
    for order in sorted(project.orders.given, key=lambda order: order.day):
        mw_ordered += order.mw
        days += [order.day] * (min(project.blocks, round(mw_ordered / mw)) - len(days))
    return days + [days[-1]] * (project.blocks - len(days))


FIRST_SECTION = ".s1"


def sections(project: Project, hall: Place) -> list[tuple[str, int]]:
    """Return (name, number of blocks) of the sections in which a hall is built, in the order of its blocks.

    There are as many as bring their area nearest to the stated one, of equal size but for one block. A hall may be built
    for more blocks than are ordered.

    >>> sections(project, hall)  # 25 blocks, where ten have the area of a section
    [('.s1', 9), ('.s2', 8), ('.s3', 8)]
    """
    mw, section_sqft = project.block.mw_gross.value, project.shell.section_sqft
    blocks = round(hall.built_mw / mw)
    area = hall.built_mw * project.hall.sqft_per_mw.value
    section_count = 1 if section_sqft is None else min(blocks, floor(area / max(section_sqft.value, 1.0) + 0.5))
    if section_count <= 1:
        return [("", blocks)]
    blocks_per_section, larger_sections = divmod(blocks, section_count)
    return [(f".s{section + 1}", blocks_per_section + (section < larger_sections)) for section in range(section_count)]


def generating_units(project: Project, layout: Layout) -> list[Place]:
    """Return the places of all generating units: each with the blocks that need its power, in order.

    The spare units of a plant come first: every block needs them.
    """
    units, block = project.energization.units, project.block.mw_gross.value
    places = []
    for plant in layout.power_plants:
        for number in range(units.count):
            first_block = int(max(0, number - units.spare) * units.mw.value / block + 1e-9)
            blocks = plant.blocks[min(first_block, len(plant.blocks) - 1) :]
            name = f"{plant.name}.g{number + 1}"
            places.append(Place(name, plant.phase, "", blocks, units.mw.value, plant.order_day, unit=number + 1))
    return places
