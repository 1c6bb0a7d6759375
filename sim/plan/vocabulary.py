"""The words a plan is written in: units that follow routes, over pools that are shared and gates that open.

The vocabulary is closed (DESIGN §3): every mechanism of the project is said with the steps below, and both
engines perform exactly these. What each step means to the minute is laid down in `docs/engine.md`.

A project written down: who follows which route, over which pools, gates, calendars and shared factors.

The event log: a closed vocabulary of small integer rows (minute done, step, x).

What x means depends on the operation of the step: the minute begun (hold, work, wait, until), the branch taken
(again: 1 is the jump), or the amount (signal, note); a free has its bundle. Unit, activity and pools are looked
up in the plan. Rows of one minute have the canonical order (unit, place in the unit's route as performed).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimError
from sim.world.calendars.working_time import Calendar
from sim.world.randomness.distributions import Distribution, Fixed

# --- vocabulary -------------------------------------------------------------------------------------------------------


MINUTES_PER_HOUR = 60
MINUTES_PER_DAY = 24 * MINUTES_PER_HOUR
MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY
CREW_PATIENCE = 14 * MINUTES_PER_DAY
LEAVING = 1_000_000
"""Priority of a crew that waits to leave: behind everyone who still has work for it."""

PoolKind = Literal["returned", "supplied", "passed"]
Mode = Literal["pausing", "whole", "duty"]


@dataclass(frozen=True, slots=True)
class Span:
    """A drawn number of minutes: a shape in its own unit, times content factors, times losses, plus delays.

    `content` and `losses` name factors shared by many spans and drawn once a replication; content changes the
    work there is to do, a loss the minutes it takes. `delays` name shared amounts of minutes that are added.
    """

    shape: Distribution
    minutes: float = 1.0
    content: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    delays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chance:
    """A probability, times shared factors drawn once a replication; `otherwise` turns it into its complement."""

    probability: float
    factors: tuple[str, ...] = ()
    otherwise: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Take several pools at once, by count, all or none."""

    pools: Mapping[str, int]
    priority: int = 0
    patience: int | None = None


@dataclass(frozen=True, slots=True)
class Free:
    """Give several pools back, or supply or pass something on."""

    pools: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Work:
    """An activity that takes time on a calendar; `people` by trade are busy with it and earn hours."""

    activity: str
    span: Span
    calendar: str
    mode: Mode = "pausing"
    people: Mapping[str, int] = field(default_factory=dict)
    earns: bool = True
    learning: str | None = None
    area: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until a gate has reached a level."""

    gate: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until a date: minutes since the project's start, drawn once a replication."""

    event: str
    date: Span


@dataclass(frozen=True, slots=True)
class Signal:
    """Add an amount to a gate."""

    gate: str
    amount: int = 1


@dataclass(frozen=True, slots=True)
class Label:
    """A place in a route that `Again` can name; nothing is performed here."""

    name: str


@dataclass(frozen=True, slots=True)
class Again:
    """Jump to a label of the same route: by chance, when a gate has reached a level, or always; up to a limit."""

    to: str
    decision: str = ""
    chance: Chance | None = None
    limit: int | None = None
    gate: str | None = None
    level: int = 1


@dataclass(frozen=True, slots=True)
class Note:
    """Leave a row for the metrics: a milestone, an amount, people who arrive or leave."""

    kind: str
    item: str = ""
    amount: int = 1


Step = Hold | Free | Work | Wait | Until | Signal | Label | Again | Note
Route = Sequence[Step]


@dataclass(frozen=True, slots=True)
class Pool:
    """Something that is taken and given back: so many at the start, and a kind that says who gives it back."""

    initial: int
    kind: PoolKind = "returned"


def fixed(minutes: float) -> Span:
    """Return a span without uncertainty, in minutes."""
    return Span(Fixed(minutes))


def days(number: float) -> Span:
    """Return a span of calendar days without uncertainty."""
    return Span(Fixed(number), MINUTES_PER_DAY)


# --- plan -------------------------------------------------------------------------------------------------------------


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


# --- events -----------------------------------------------------------------------------------------------------------


HOLD, FREE, WORK, WAIT, UNTIL, SIGNAL, AGAIN, NOTE = range(8)
OPERATIONS = ("hold", "free", "work", "wait", "until", "signal", "again", "note")
BEGUN = (HOLD, WORK, WAIT, UNTIL)

Log = NDArray[np.int64]
"""Shape (rows, 3), in the order in which it was performed."""


def canonical(log: Log, unit_of: NDArray[np.int64]) -> Log:
    """Return a log in canonical order: by minute, then unit; rows of one unit keep their order."""
    return log[np.lexsort((unit_of[log[:, 1]], log[:, 0]))]
