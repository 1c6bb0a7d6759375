"""A factory: lines of stations, a limit on what is in work, acceptance tests, and places for what is finished."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from sim.config.systems import Factory, Learning, System
from sim.plan.brief import Brief, shape, working_days
from sim.plan.vocabulary import (
    MINUTES_PER_WEEK,
    Again,
    Chance,
    Free,
    Hold,
    Label,
    Note,
    Span,
    Until,
    Work,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Fixed

MILLION = 1_000_000


@dataclass(frozen=True)
class Plant:
    """A factory as the plan knows it: its system and the names of its pools."""

    system: str
    factory: Factory

    @property
    def stations(self) -> list[str]:
        """Return the pools of its stations, in order."""
        return [f"{self.system}.{station.id}" for station in self.factory.stations]

    @property
    def bays(self) -> str:
        """Return the pool of its test bays."""
        return f"{self.system}.test bay"

    @property
    def finished(self) -> str:
        """Return the pool of its finished-goods places."""
        return f"{self.system}.finished"

    @property
    def in_work(self) -> str:
        """Return the pool that limits its work in progress."""
        return f"{self.system}.in work"


def open_factory(brief: Brief, name: str, system: System) -> Plant:
    """Write a factory's pools, and its lines as they open one after the other until the rated rate is reached."""
    plant, factory = Plant(name, system.factory), system.factory
    for station in plant.stations:
        brief.plan.pool(station, 0, "supplied")
    brief.plan.pool(plant.bays, factory.test.bays)
    brief.plan.pool(plant.finished, factory.finished_places)
    if factory.work_in_progress is not None:
        brief.plan.pool(plant.in_work, factory.work_in_progress)
    if factory.learning is not None:
        brief.plan.learns(f"{name} factory", crawford(factory.learning))
    for line in range(factory.lines):
        week = factory.opens_week.value + factory.ramp_weeks.value * line / factory.lines
        opens = Until(f"{name} line opens", Span(Fixed(week), MINUTES_PER_WEEK))
        brief.plan.unit(f"{name}.line{line + 1}", [opens, Free(dict.fromkeys(plant.stations, 1))])
    return plant


def build_skid(brief: Brief, plant: Plant, order: Until, item: str) -> list[PlanStep]:
    """Return the first part of a skid's route: order, parts, the line, the test, a place among the finished."""
    factory = plant.factory
    route: list[PlanStep] = [
        order,
        Note("ordered", item),
        Work(f"{plant.system} parts", Span(shape(factory.parts_weeks), MINUTES_PER_WEEK), "always"),
    ]
    behind = {plant.in_work: 1} if factory.work_in_progress is not None else {}
    carried: dict[str, int] = {}
    for number, (station, pool) in enumerate(zip(factory.stations, plant.stations, strict=True)):
        route.append(Hold({**behind, pool: 1} if number == 0 else {pool: 1}))
        if number == 0:
            route.append(Note("started", item))
        route += [Free(carried)] if carried else []
        span = working_days(station.days, brief.factory_day_minutes)
        learning = f"{plant.system} factory" if factory.learning is not None else None
        route.append(Work(f"{plant.system}.{station.id}", span, "factory", learning=learning))
        carried = {pool: 1}
    route += [Hold({plant.bays: 1}), Free(carried), *_accept(brief, plant)]
    route += [Hold({plant.finished: 1}), Free({plant.bays: 1, **behind})]
    return route


def _accept(brief: Brief, plant: Plant) -> list[PlanStep]:
    """Return the factory acceptance test: while it fails, mend and test again, in the same bay."""
    test, day = plant.factory.test, brief.factory_day_minutes
    name = f"{plant.system} factory test"
    return [
        Label("test"),
        Work(name, working_days(test.days, day), "factory"),
        Again("passed", f"{name} passes", Chance(test.fails.value, otherwise=True)),
        Work(f"{name} rework", working_days(test.rework_days, day), "factory", earns=False),
        Again("test", limit=test.retests),
        Label("passed"),
    ]


def crawford(learning: Learning) -> tuple[int, ...]:
    """Return the Crawford unit curve in millionths of the plateau's unit time: (n / plateau)^log2(rate), then 1.

    Stated durations hold from the plateau on, so that learning never makes a factory faster than its rated rate.
    """
    slope = log2(learning.rate)
    return tuple(round(MILLION * (n / learning.plateau) ** slope) for n in range(1, learning.plateau + 1))
