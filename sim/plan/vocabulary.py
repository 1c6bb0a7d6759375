"""The words a plan is written in: units that follow routes, over pools that are shared and gates that open.

The vocabulary is closed (DESIGN §3): every mechanism of the project is said with the steps below, and both
engines perform exactly these. What each step means to the minute is laid down in `docs/engine.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sim.world.distributions import Distribution, Fixed

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
