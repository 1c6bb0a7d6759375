"""A project written down: who follows which route, over which pools, gates, calendars and shared factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.errors import SimError
from sim.plan.vocabulary import Pool, PoolKind, Route, Span
from sim.world.calendars import Calendar
from sim.world.distributions import Distribution


class PlanError(SimError):
    """A plan that contradicts itself: a mistake of the model, named by unit and step."""


@dataclass
class Plan:
    """The project as data; mechanisms add to it, `compile_plan` turns it into arrays."""

    completion: tuple[str, int]
    calendars: dict[str, Calendar] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    gates: dict[str, None] = field(default_factory=dict)
    units: dict[str, Route] = field(default_factory=dict)
    factors: dict[str, Distribution] = field(default_factory=dict)
    only_with: dict[str, str] = field(default_factory=dict)
    delays: dict[str, Span] = field(default_factory=dict)
    learning: dict[str, tuple[int, ...]] = field(default_factory=dict)
    areas: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def pool(self, name: str, initial: int, kind: PoolKind = "returned") -> str:
        """Add a pool and return its name; the same pool may be named twice if it is the same."""
        pool = Pool(initial, kind)
        if self.pools.setdefault(name, pool) != pool:
            raise PlanError(f"pool {name} is described twice: {self.pools[name]} and {pool}")
        return name

    def gate(self, name: str) -> str:
        """Add a gate and return its name."""
        self.gates[name] = None
        return name

    def unit(self, name: str, route: Route) -> str:
        """Add a unit that follows `route` and return its name."""
        if name in self.units:
            raise PlanError(f"unit {name} is described twice")
        self.units[name] = route
        return name

    def factor(self, name: str, shape: Distribution, only_with: str | None = None) -> str:
        """Add a factor shared by many spans and drawn once a replication; return its name.

        Where `only_with` names another factor, this one is 1 in replications in which that one is 0.
        """
        self.factors[name] = shape
        if only_with is not None:
            self.only_with[name] = only_with
        return name

    def delay(self, name: str, span: Span) -> str:
        """Add an amount of minutes shared by many spans and drawn once a replication; return its name."""
        self.delays[name] = span
        return name

    def learns(self, name: str, millionths: tuple[int, ...]) -> str:
        """Add a learning curve: the factor of the n-th first attempt, in millionths; the last one stays."""
        self.learning[name] = millionths
        return name

    def area(self, name: str, millionths: tuple[int, ...]) -> str:
        """Add a crowding area: the factor by people in it, in millionths; the last one stays."""
        self.areas[name] = millionths
        return name

    def works_on(self, calendars: Mapping[str, Calendar]) -> None:
        """Add calendars by name."""
        self.calendars.update(calendars)
