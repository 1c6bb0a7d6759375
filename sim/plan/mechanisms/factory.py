"""A factory: lines of stations, a limit on what is in work, acceptance tests, and places for what is finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum, log2

from sim.config.sections.estimates import Estimate
from sim.config.sections.systems import Factory, Fleet, Learning, Partner, Stops, System
from sim.plan.layout import Place
from sim.plan.mechanisms.procurement import allotted, lead_time
from sim.plan.mechanisms.productivity import add_pace
from sim.plan.plan_context import PlanContext, working_days
from sim.plan.vocabulary import (
    MINUTES_PER_DAY,
    MINUTES_PER_WEEK,
    Chance,
    Free,
    Hold,
    Jump,
    Label,
    Note,
    Span,
    UnitInfo,
    Until,
    Work,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Exponential, Fixed, to_distribution
from sim.world.project_calendars import ENDLESS, factory_calendar
from sim.world.roads import LoadClass, load_class

MILLION = 1_000_000
BEFORE_ALL = -1_000_000
"""Priority of a line that has stopped: it is served before any skid."""
MAX_STOPS_PER_LINE = 200
"""A line has no more stops than these, so that the run of a project that can never finish ends as well."""
ROUNDING = 1e-9
TEST_BEGINS, TEST_PASSED = "test", "passed"
LINE = "factory"
"""The cause of a delay by a line, its places and its tests."""


def trucks(plant: str) -> str:
    """Return the pool of the trucks that serve a plant."""
    return f"{plant}.truck"


@dataclass(frozen=True)
class Plant:
    """A factory as the plan knows it: its system, its name, its share of the skids, its loads."""

    system: str
    name: str
    share: float
    factory: Factory
    fleet: Fleet
    load: LoadClass

    @property
    def stations(self) -> list[str]:
        """Return the pools of its stations, in order."""
        return [f"{self.name}.{station.id}" for station in self.factory.stations]

    @property
    def bays(self) -> str:
        """Return the pool of its test bays."""
        return f"{self.name}.test bay"

    @property
    def repairs(self) -> str:
        """Return the pool of its places for what failed the test, each with a repair crew."""
        return f"{self.name}.rework place"

    @property
    def finished(self) -> str:
        """Return the pool of its finished-goods places."""
        return f"{self.name}.finished"

    @property
    def in_work(self) -> str:
        """Return the pool that limits its work in progress."""
        return f"{self.name}.in work"

    @property
    def trucks(self) -> str:
        """Return the pool of the trucks that serve it."""
        return trucks(self.name)

    @property
    def calendar(self) -> str:
        """Return the calendar it works on."""
        return factory_calendar(self.name, self.factory.plant_stops)

    @property
    def work_in_progress(self) -> dict[str, int]:
        """Return the pools that a skid holds while it is in work, by count: its share of the limit on work in progress."""
        return {self.in_work: 1} if self.factory.work_in_progress is not None else {}


def open_factories(context: PlanContext, name: str, system: System) -> list[Plant]:
    """Write the plants that make a system, and return them: its own, unless its partners make everything, and theirs."""
    plants = plants_of(context, name, system)
    for plant in plants:
        _open(context, plant)
    return plants


def plants_of(context: PlanContext, name: str, system: System) -> list[Plant]:
    """Return the plants that make a system."""
    factory, names = system.factory, system.factory.plants(name)
    own_share = 1 - fsum(partner.share for partner in factory.partners)
    logistics = context.project.logistics
    load = load_class(system.skid, logistics.roads)
    own_plant = Plant(name, name, own_share, factory, getattr(logistics.fleets, name), load)
    partners = [
        _partner_plant(replace(own_plant, name=names[number]), partner)
        for number, partner in enumerate(factory.partners, 1)
    ]
    return [own_plant, *partners] if own_share > ROUNDING else partners


def _partner_plant(template: Plant, partner: Partner) -> Plant:
    """Return a partner's plant: the system's own plant (`template`) with the partner's numbers in place of its own."""
    numbers = {
        "lines": partner.lines,
        "finished_places": partner.finished_places,
        "opens_week": partner.opens_week,
        "ramp_weeks": partner.ramp_weeks,
        "test": template.factory.test.model_copy(update={"bays": partner.test_bays}),
    }
    return replace(
        template, share=partner.share, factory=template.factory.model_copy(update=numbers), fleet=partner.fleet
    )


def makers_in_order(plants: Sequence[Plant], skids: int) -> list[Plant]:
    """Return for each of `skids` skids, in order, the plant that makes it: always the one furthest behind its share."""
    skids_of_plant = [0] * len(plants)
    makers = []
    for skids_so_far in range(1, skids + 1):
        # compared after this skid, so that the first goes to the largest share; ties go to the first plant
        skids_behind_share = [
            plant.share * skids_so_far - count for plant, count in zip(plants, skids_of_plant, strict=True)
        ]
        maker = skids_behind_share.index(max(skids_behind_share))
        skids_of_plant[maker] += 1
        makers.append(plants[maker])
    return makers


def _open(context: PlanContext, plant: Plant) -> None:
    """Write a plant's pools, and its lines as they open one after the other until the rated rate is reached."""
    factory = plant.factory
    for station in plant.stations:
        context.plan.pool(station, 0, "supplied", cause=LINE, noun="lines")
    context.plan.pool(plant.bays, factory.test.bays, cause=LINE, noun="bays")
    if factory.test.rework_places is not None:
        context.plan.pool(plant.repairs, factory.test.rework_places, cause=LINE)
    context.plan.pool(plant.finished, factory.finished_places, cause=LINE)
    context.plan.pool(plant.trucks, plant.fleet.trucks, cause="truck", noun="trucks")
    if factory.work_in_progress is not None:
        context.plan.pool(plant.in_work, factory.work_in_progress, cause=LINE)
    if factory.learning is not None:
        context.plan.learns(f"{plant.name} factory", crawford(factory.learning))
    for line in range(factory.lines):
        # evenly over the ramp: the last line opens one step before its end, when the rated rate is reached
        week = factory.opens_week.value + factory.ramp_weeks.value * line / factory.lines
        opens = Until(f"{plant.system} line opens", Span(Fixed(week), MINUTES_PER_WEEK))
        add_stations = Free(dict.fromkeys(plant.stations, 1))
        route = [opens, add_stations, *_stops(plant, factory.line_stops)]
        context.plan.unit(f"{plant.name}.line{line + 1}", route, UnitInfo("line", LINE, "", plant.name, "", line + 1))


def _stops(plant: Plant, stops: Stops | None) -> list[PlanStep]:
    """Return the steps by which a line breaks down: its first station is taken before any skid, repaired, given back.

    Skids further down a stopped line go on; taking all stations at once would keep them from leaving it.
    """
    if stops is None:
        return []
    line = {plant.stations[0]: 1}
    return [
        Label("runs"),
        Work("line runs", Span(Exponential(stops.mean_days_between.value), MINUTES_PER_DAY), ENDLESS),
        Hold(line, BEFORE_ALL),
        Work("line stands still", Span(to_distribution(stops.days), MINUTES_PER_DAY), ENDLESS),
        Free(line),
        Jump("runs", limit=MAX_STOPS_PER_LINE),
    ]


def build_skid(context: PlanContext, plant: Plant, order: Until, block: Place, unit: str = "") -> list[PlanStep]:
    """Return the first part of a skid's route: order, parts, the stations of the line, the test, a finished-goods place."""
    factory = plant.factory
    route: list[PlanStep] = [
        order,
        Note("ordered", plant.system, place=block.name),
        lead_time(context, unit, f"{plant.system} parts", block, factory.parts_weeks, factory),
        *allotted(context, plant.system, 1, block),
    ]
    # a skid keeps its station until the next one is free (blocking after service): nothing stands between stations
    carried: dict[str, int] = {}
    for number, (station, pool) in enumerate(zip(factory.stations, plant.stations, strict=True)):
        route.append(Hold({**plant.work_in_progress, pool: 1} if number == 0 else {pool: 1}))
        if number == 0:
            route.append(Note("started", plant.system, place=block.name))
        route += [Free(carried)] if carried else []
        span = plant_days(context, plant, station.days)
        learning = f"{plant.name} factory" if factory.learning is not None else None
        route.append(Work(f"{plant.system}.{station.id}", span, plant.calendar, learning=learning))
        carried = {pool: 1}
    # likewise into the test, and out of it: without a free finished-goods place the bays stop, and then the line
    route += [Hold({plant.bays: 1}), Free(carried), *_acceptance_test(context, plant)]
    route += [Hold({plant.finished: 1}), Free({plant.bays: 1, **plant.work_in_progress})]
    return route


def plant_days(context: PlanContext, plant: Plant, estimate: Estimate) -> Span:
    """Return a span of a plant's working days, times the plant's pace."""
    return replace(working_days(estimate, context.factory_day_minutes), losses=add_pace(context, plant.name))


def _acceptance_test(context: PlanContext, plant: Plant) -> list[PlanStep]:
    """Return the factory acceptance test: while it fails, rework and test again, at a rework place or in the test bay.

    With rework places, the bay is freed before a place is held, and the place is freed when there is a bay again.
    """
    test, name = plant.factory.test, f"{plant.system} factory test"
    rework_time = plant_days(context, plant, test.rework_days)
    rework: list[PlanStep] = [Work(f"{name} rework", rework_time, plant.calendar, earns=False)]
    if test.rework_places is not None:
        place, bay = {plant.repairs: 1}, {plant.bays: 1}
        # the bay first, or two that failed could each keep a bay and wait for the place of the other
        rework = [Free(bay), Hold(place), *rework, Hold(bay), Free(place)]
    return [
        Label(TEST_BEGINS),
        Work(name, plant_days(context, plant, test.days), plant.calendar),
        Jump(TEST_PASSED, f"{name} passes", Chance(test.fails.value, otherwise=True)),
        *rework,
        Jump(TEST_BEGINS, limit=test.retests),
        Label(TEST_PASSED),
    ]


def rework_on_line(plant: Plant, activity: str, span: Span) -> list[PlanStep]:
    """Return the steps by which a skid that came back is reworked on the line, tested again and shipped again."""
    # it needs tools, not the whole line: the last station is where a finished skid can be reached
    last_station = {plant.stations[-1]: 1}
    return [
        Hold({**plant.work_in_progress, **last_station}),
        Work(activity, span, plant.calendar, earns=False),
        Hold({plant.bays: 1}),
        Free(last_station),
        Jump(TEST_BEGINS),
    ]


def crawford(learning: Learning) -> tuple[int, ...]:
    """Return Crawford's learning curve in millionths: the n-th unit's time over the plateau's, (n / plateau)^log2(rate).

    Stated durations hold from the plateau on, so that learning never makes a factory faster than its rated rate.
    """
    slope = log2(learning.rate)
    return tuple(round(MILLION * (n / learning.plateau) ** slope) for n in range(1, learning.plateau + 1))
