"""The vocabulary of a plan: units follow routes of steps, over shared pools, gates, calendars and factors.

The vocabulary is closed: every physical mechanism is written with the steps below, and both engines run exactly these.
`docs/engine.md` defines each step to the minute. `Plan` collects what the mechanisms write; every unit says what it is
(`UnitInfo`), and every unit, step and pool what a delay by it is called (`DELAY_CAUSES`).

An engine returns an event log: integer rows (minute done, step, detail). The detail is the minute begun (hold, work, wait,
until), 1 or 0 for a jump taken or not, the amount (signal, note) or the bundle (free). Unit, activity and pools are looked
up in the plan. Rows of one minute have the canonical order (unit, place in the unit's route as run).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimError
from sim.plan.identical_units import Copies
from sim.world.distributions import Distribution, Fixed
from sim.world.working_time import Calendar

# --- causes and kinds -------------------------------------------------------------------------------------------------

DELAY_CAUSES = {
    "permits": "permits and design",
    "order_date": "ordered just in time",
    "parts": "parts and lead times",
    "site_works": "site works",
    "hall": "hall (shell)",
    "factory": "factory line",
    "truck": "truck and road",
    "yard": "gate and yard",
    "crew": "crew",
    "crane": "crane",
    "installation": "own work: installation",
    "power": "power",
    "commissioning": "own work: commissioning",
    "weather": "weather",
    "risk": "risk event",
    "other": "other",
}
"""Causes of delay, id -> a planner's label, in the order of a project: what is waited for, or the work itself."""
OTHER = "other"
"""The cause of what states none; a project's plan may not have it (`Plan.require_causes`)."""
TOKEN = ""
"""The cause of a pool of tokens, which only say that something is finished: the wait is due to what made it late."""

UnitKind = Literal[
    "preparation", "decision", "lot", "step", "link", "material", "installation", "commissioning", "turnover",
    "skid", "line", "gate_slot", "allocation", "chips", "generating_unit", "firm_power", "grid_feed",
    "crew", "departure", "camp_stage", "demand", "order", "outage", "unit",
]  # fmt: skip
"""What a unit is: the step of a network, the installation of a system in a block, capacity a risk driver takes away…"""
CREW_KINDS: frozenset[UnitKind] = frozenset({"crew", "departure"})  # they bring crews and send them home
FactorGroup = Literal["productivity", "pace", "suppliers", "lots", "prices", "demand", "risk", "other"]
"""What a factor that is drawn once a replication is about."""


@dataclass(frozen=True, slots=True)
class UnitInfo:
    """The kind of a unit, and the place and part of the project to which it belongs.

    `cause` is what a delay by its work and its dates is due to, unless a step says otherwise. `place` names its phase, hall,
    turnover or block; `part` its system or step network (electrical, shell, site_works), trade or risk driver; `step` the
    step of a network that its whole route is (roof), or what a crew does (leave); `number` counts like units from 1.
    """

    kind: UnitKind = "unit"
    cause: str = OTHER
    place: str = ""
    part: str = ""
    step: str = ""
    number: int = 0


# --- steps ------------------------------------------------------------------------------------------------------------

MINUTES_PER_HOUR = 60
MINUTES_PER_DAY = 24 * MINUTES_PER_HOUR
MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY
CREW_PATIENCE = 14 * MINUTES_PER_DAY
LEAVING_PRIORITY = 1_000_000
"""Priority of a crew that waits to leave: behind everyone who still has work for it."""
OWN_SEQUENCE = -(1 << 40)
"""Priority that stands for each unit's place in the order of the work, in a route that several units share."""

PoolKind = Literal["returned", "supplied", "passed"]
Mode = Literal["pausing", "whole", "duty"]
WorkRole = Literal["work", "lag", "way_home"]


@dataclass(frozen=True, slots=True)
class Span:
    """A drawn number of minutes: a distribution (`shape`) times `minutes` per unit, times common factors, plus delays.

    `content` and `losses` name common factors, which many spans share and which are drawn once a replication; content
    changes the work there is to do, a loss the minutes it takes. `delays` name common amounts of minutes that are added.
    """

    shape: Distribution
    minutes: float = 1.0
    content: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    delays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chance:
    """A probability, times common factors drawn once a replication; `otherwise` turns it into its complement."""

    probability: float
    factors: tuple[str, ...] = ()
    otherwise: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Take several pools at once, by count, all or none; after `patience` minutes what is free is withheld for it."""

    pools: Mapping[str, int]
    priority: int = 0
    patience: int | None = None


@dataclass(frozen=True, slots=True)
class Free:
    """Give several pools back, by count; or add to them what was not taken: supply crews, pass a finished skid on."""

    pools: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Work:
    """An activity that takes time on a calendar; `people` by trade are busy with it and earn hours.

    `cause` is what a delay by it is due to, where that is not its unit's cause. A `role` other than "work" marks what is
    no activity of a schedule: time that only passes between two steps, or an empty truck's way home.
    """

    activity: str
    span: Span
    calendar: str
    mode: Mode = "pausing"
    people: Mapping[str, int] = field(default_factory=dict)
    earns: bool = True
    learning: str | None = None
    area: str | None = None
    cause: str = ""
    role: WorkRole = "work"


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until a gate has reached a level."""

    gate: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class NetLevelCondition:
    """That pools' net level (free less requested) is `threshold` or more, or `below` it, for `minutes`; up to `last`."""

    pools: tuple[str, ...]
    threshold: int
    minutes: int
    last: int
    below: bool = False


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until a date, in minutes since the project's start, drawn once a replication; then until a net level holds."""

    event: str
    date: Span
    cause: str = ""
    net_level: NetLevelCondition | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """Add an amount to a gate."""

    gate: str
    amount: int = 1


@dataclass(frozen=True, slots=True)
class Label:
    """A place in a route that `Jump` can name; it takes no time and leaves no row."""

    name: str


@dataclass(frozen=True, slots=True)
class Jump:
    """Jump to a label of the same route: by chance, when a gate has reached a level, or always; up to a limit."""

    to: str
    decision: str = ""
    chance: Chance | None = None
    limit: int | None = None
    gate: str | None = None
    level: int = 1


@dataclass(frozen=True, slots=True)
class Note:
    """Leave a row for the metrics: a milestone, an amount, people who arrive or leave.

    `part` is what it is about (a system, a procured item, a trade), `place` where or for which block, hall or phase.
    """

    kind: str
    part: str = ""
    amount: int = 1
    place: str = ""


class NoteInfo(NamedTuple):
    """The kind, part and place of a note; notes that differ only in their amount share one."""

    kind: str
    part: str
    place: str

    @property
    def item(self) -> str:
        """Return part and place as tables show them: electrical/b3."""
        return "/".join(text for text in (self.part, self.place) if text)


Step = Hold | Free | Work | Wait | Until | Signal | Label | Jump | Note
Route = Sequence[Step]


@dataclass(frozen=True, slots=True)
class Pool:
    """A resource pool: its count at the start, and its kind.

    What is "returned" is given back by the unit that took it; what is "supplied" (crews) is also added by other units;
    what is "passed" (tokens, yard places) is taken by one unit and given back by another. `cause` is what a wait for it
    is due to, `noun` what it consists of in a sentence, `trade` that of a pool of crews.
    """

    initial: int
    kind: PoolKind = "returned"
    cause: str = OTHER
    noun: str = "places"
    trade: str = ""


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
    """The project as data; mechanisms add to it, `compile_plan` turns it into arrays.

    Units that are alike share a route: `units` has the first of them, `copies` all. Where they differ, their spans are in
    `own_spans`, by unit and activity, and the priorities of their holds of crews, in order, in `priorities`.
    """

    completion: tuple[str, int]
    calendars: dict[str, Calendar] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    gates: dict[str, None] = field(default_factory=dict)
    units: dict[str, Route] = field(default_factory=dict)
    unit_info: dict[str, UnitInfo] = field(default_factory=dict)
    factors: dict[str, Distribution] = field(default_factory=dict)
    factor_groups: dict[str, FactorGroup] = field(default_factory=dict)
    only_with: dict[str, str] = field(default_factory=dict)
    delays: dict[str, Span] = field(default_factory=dict)
    learning: dict[str, tuple[int, ...]] = field(default_factory=dict)
    areas: dict[str, tuple[int, ...]] = field(default_factory=dict)
    copies: Copies = field(default_factory=Copies)
    own_spans: dict[str, dict[str, Span]] = field(default_factory=dict)
    priorities: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    finish: tuple[str, int] | None = None
    """Gate and level at which the project is finished, where the run goes on after that until its completion."""

    def pool(
        self, name: str, initial: int, kind: PoolKind = "returned", *,
        cause: str = OTHER, noun: str = "places", trade: str = "",
    ) -> str:  # fmt: skip
        """Add a pool and return its name; it may be added again if nothing differs."""
        pool = Pool(initial, kind, cause, noun, trade)
        if self.pools.setdefault(name, pool) != pool:
            raise PlanError(f"pool {name} is described twice: {self.pools[name]} and {pool}")
        return name

    def gate(self, name: str) -> str:
        """Add a gate and return its name."""
        self.gates |= dict.fromkeys(self.copies.names_now(name))
        return name

    def unit(self, name: str, route: Route, info: UnitInfo | None = None) -> str:
        """Add a unit that follows `route` and return its name."""
        if name in self.units:
            raise PlanError(f"unit {name} is described twice")
        self.units[name] = route
        self.copies.add(name)
        if info is not None:
            self.unit_info[name] = info
        return name

    def info(self, unit: str) -> UnitInfo:
        """Return the kind of a unit and where it belongs."""
        return self.unit_info.get(unit, _NO_INFO)

    def factor(
        self, name: str, shape: Distribution, only_with: str | None = None, *, group: FactorGroup = "other"
    ) -> str:
        """Add a common factor, shared by many spans and drawn once a replication; return its name.

        Where `only_with` names another factor, this one is 1 in replications in which that one is 0.
        """
        self.factors[name] = shape
        self.factor_groups[name] = group
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
        self.areas |= dict.fromkeys(self.copies.names_now(name), millionths)
        return name

    def works_on(self, calendars: Mapping[str, Calendar]) -> None:
        """Add calendars by name."""
        self.calendars.update(calendars)

    def cause(self, unit: str, step: Work | Until) -> str:
        """Return the cause of delay of a step: its own, or its unit's; raises `PlanError` where it is unknown."""
        cause = step.cause or self.info(unit).cause
        if cause not in DELAY_CAUSES:
            raise PlanError(f"{unit}: {cause!r} is no cause of delay; there are {', '.join(DELAY_CAUSES)}")
        return cause

    def require_causes(self) -> None:
        """Raise `PlanError` where a pool or a step that takes time has no cause of delay, or a factor no group."""
        for name, pool in self.pools.items():
            if pool.cause == OTHER:
                raise PlanError(f"pool {name} does not state its cause of delay")
        for name, group in self.factor_groups.items():
            if group == "other":
                raise PlanError(f"factor {name} does not state its group")
        for unit, route in self.units.items():
            for step in route:
                if isinstance(step, Work | Until) and self.cause(unit, step) == OTHER:
                    raise PlanError(f"{unit}: {step} does not state its cause of delay")


_NO_INFO = UnitInfo()


# --- events -----------------------------------------------------------------------------------------------------------

HOLD, FREE, WORK, WAIT, UNTIL, SIGNAL, JUMP, NOTE = range(8)
OPERATIONS = ("hold", "free", "work", "wait", "until", "signal", "again", "note")
"""What the kinds of rows are called in stored tables of events, where a jump has always been "again"."""
BLOCKING_OPERATIONS = (HOLD, WORK, WAIT, UNTIL)
"""Operations at which time may pass: a unit may stand there, and the detail of their rows in the log is the minute begun."""

Log = NDArray[np.int64]
"""An event log, shape (rows, 3), columns as above, in the order in which it was run."""


def canonical(log: Log, unit_of: NDArray[np.int64]) -> Log:
    """Return a log in canonical order: by minute, then unit; rows of one unit keep their order."""
    return log[np.lexsort((unit_of[log[:, 1]], log[:, 0]))]
