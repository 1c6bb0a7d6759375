"""`Project`: the root model of every project configuration, with its derived properties.

A project may state expectations, lines of `expect` such as `peak_workforce_onsite.p80 < 450`, which `sim verify`
checks; they are read by a closed grammar.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from math import isfinite
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from sim.config.sections.commissioning import Commissioning
from sim.config.sections.contract import ContractMilestone
from sim.config.sections.display_units import Display
from sim.config.sections.estimates import (
    Bounds,
    CalendarDays,
    Days,
    Figure,
    Name,
    People,
    Section,
    SquareFeet,
    Unit,
)
from sim.config.sections.labour import Calendars, Labour, Pattern
from sim.config.sections.logistics import Logistics
from sim.config.sections.money import Money
from sim.config.sections.orders import Orders, Procurement
from sim.config.sections.risks import Mode, Pace, Risks
from sim.config.sections.systems import SYSTEMS, Energization, Network, Step, System, Systems
from sim.config.sections.weather import Weather
from sim.config.sections.working_week import Calendar
from sim.config.units import LIMIT, limit_of
from sim.errors import ConfigError, Problem, did_you_mean

# --- expectations -----------------------------------------------------------------------------------------------------


Sign = Literal["<", "<=", ">", ">="]
FORM = "METRIC.STATISTIC SIGN NUMBER, such as peak_workforce_onsite.p80 < 450"
_LINE = re.compile(
    r"(?P<metric>[a-z][a-z0-9_]*)\.(?P<statistic>[a-z][a-z0-9]*)"
    rf"\s*(?P<sign><=|>=|<|>)\s*{LIMIT}"
)
_STATISTIC = re.compile(r"mean|p[1-9][0-9]?")


@dataclass(frozen=True)
class Expectation:
    """One promise: a statistic of a metric (the mean or a percentile) on one side of a limit."""

    text: str
    metric: str
    statistic: str
    sign: Sign
    limit: float

    @property
    def share(self) -> float | None:
        """Return the share of runs on or before it, if it is a percentile; None for the mean."""
        return None if self.statistic == "mean" else int(self.statistic[1:]) / 100


def parse_expectation(text: str) -> Expectation:
    """Parse one expectation (metric, statistic, comparison sign, limit); ValueError says which form is allowed."""
    match = _LINE.fullmatch(text.strip())
    if match is None or not isfinite(limit := limit_of(match, match["metric"])):
        raise ValueError(FORM)
    if not _STATISTIC.fullmatch(match["statistic"]):
        raise ValueError(f"mean or p1 … p99 behind {match['metric']}.")
    sign: Sign = match["sign"]  # type: ignore[assignment]  # one of the four the pattern allows
    return Expectation(text.strip(), match["metric"], match["statistic"], sign, limit)


def _parsable(text: str) -> str:
    """Return the line itself, if it can be read."""
    parse_expectation(text)
    return text.strip()


Expected = Annotated[str, StringConstraints(max_length=200), AfterValidator(_parsable)]
"""A line of `expect`, as it is written."""


# --- project ----------------------------------------------------------------------------------------------------------


EARLIEST, LATEST = date(1984, 1, 1), date(2109, 12, 31)
"""First days that a project may have. Microsoft Project, which a schedule is handed to, knows the years 1984 to 2149;
the longest horizon is 40 years."""


def _within_calendars(start: date) -> date:
    """Refuse a first day from which the longest horizon would leave the calendars of planners' tools."""
    if not EARLIEST <= start <= LATEST:
        raise ValueError(
            f"a day from {EARLIEST} to {LATEST}, so that every date of a project is one for planners' tools"
        )
    return start


class Building(Section):
    """Several halls that stand together; a turnover does not reach beyond them."""

    mw: Annotated[float, Unit("MW"), Bounds(0.1, 20_000)] = Field(description="Gross capacity of its halls")
    hall_blocks: Annotated[int, Unit("blocks"), Bounds(1, 1_000)] | None = Field(
        default=None, description="Blocks in one of its halls; left out, hall.blocks. Its last hall has what is left"
    )


class Scale(Section):
    """How much is built, in which steps, from when to when."""

    capacity_mw: Annotated[float, Unit("MW"), Bounds(0.1, 20_000)] = Field(description="Gross capacity to bring online")
    phases: Annotated[int, Unit("phases"), Bounds(1, 100)] = Field(
        default=1, description="Equal parts of the capacity, each with its own site-wide works"
    )
    buildings: tuple[Building, ...] = Field(
        default=(),
        max_length=100,
        description="Buildings of different size, in the order in which they are built; left out, halls are all alike",
    )
    phase_interval_days: Days = Field(description="Calendar days between the starts of two phases")
    start_date: Annotated[date, AfterValidator(_within_calendars)] = Field(
        description="t0: the day the first order is approved"
    )
    preparation_days: CalendarDays = Field(description="Permits and design before anything starts on site")
    target_days: Annotated[float, Unit("days"), Bounds(1, 7_300)] = Field(
        description="Target for the full capacity after the decision, the same for all strategies"
    )
    horizon_days: Annotated[int, Unit("days"), Bounds(30, 14_600)] = Field(
        description="How far calendars reach; a run that gets there is a stall"
    )


class Block(Section):
    """The unit of capacity."""

    mw_gross: Annotated[Figure, Unit("MW"), Bounds(0.01, 20_000)] = Field(description="Facility power of one block")
    mw_it: Annotated[Figure, Unit("MW"), Bounds(0.001, 20_000)] = Field(description="Critical IT load of one block")


class Hall(Section):
    """The part of the shell that is released at once."""

    blocks: Annotated[int, Unit("blocks"), Bounds(1, 1_000)] = Field(description="Blocks in one hall")
    sqft_per_mw: SquareFeet = Field(description="Shell area per gross MW")


class Limits(Section):
    """What the planner compares the results with."""

    peak_workforce: People | None = Field(default=None, description="The claim to test: people on site at the peak")


ON_SITE = ("site_works", "shell", "pad")
"""Networks of steps that may stand already."""


def _not_existing(names: Iterable[str], existing: Container[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in existing)


def _steps_to_build(steps: Iterable[Step], network: str, existing: Container[str]) -> tuple[Step, ...]:
    """Return the steps of a network that do not exist yet, without their links to existing predecessors."""
    return tuple(
        step.model_copy(
            update={"after": tuple(link for link in step.after if _full_name(link.id, network) not in existing)}
        )
        for step in steps
        if f"{network}.{step.id}" not in existing
    )


def _full_name(step: str, network: str) -> str:
    return step if "." in step else f"{network}.{step}"


class Project(Section):
    """One strategy for one project, complete."""

    schema_version: int = Field(description="Version of this file format; this program reads version 1")
    name: Name = Field(description="Short name; also the name of the output folder")
    label: str = Field(default="", max_length=200, description="The strategy in words; the name if left out")
    is_base: bool = Field(default=False, description="To be extended by projects, not to be run itself")
    scale: Scale = Field(description="How much, when")
    block: Block = Field(description="The unit of capacity")
    hall: Hall = Field(description="The unit of the shell")
    turnover_blocks: Annotated[int, Unit("blocks"), Bounds(1, 1_000)] = Field(
        description="Blocks commissioned and handed over together: a part of a hall, a hall, or a building of several halls"
    )
    calendars: Calendars = Field(description="When people work")
    labour: Labour = Field(description="Trades, crews and what they lose")
    site_works: Network = Field(description="Works for the whole phase: earthworks, utilities, roads")
    shell: Network = Field(description="One hall from foundations to dry-in")
    pad: Network = Field(description="One block's own foundation, for modules that stand outside a hall")
    systems: Systems = Field(description="Electrical, mechanical and compute: where each is made, and how")
    logistics: Logistics = Field(description="From factory to yard")
    commissioning: Commissioning = Field(description="L2 to L5")
    energization: Energization = Field(description="Power blocks that arrive over time")
    procurement: Procurement = Field(description="Long-lead items")
    orders: Orders = Field(description="Who decides how much, and when")
    money: Money = Field(description="Prices and payment")
    limits: Limits = Field(description="Limits to report against")
    weather: Weather = Field(default=Weather(), description="Rain, frost, wind, and what they stop")
    risks: Risks = Field(default=Risks(), description="Things that happen or not, and hit many activities")
    milestones: tuple[ContractMilestone, ...] = Field(
        default=(), max_length=100, description="What is promised by which day, and what a day of delay costs"
    )
    existing: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description="Steps of site_works, shell and pad that stand already, as `network.id` with * for anything, such as "
        "[shell.*, site_works.grading]: nothing is built for them, and nothing waits for them",
    )
    pace: Pace | None = Field(
        default=None, description="Factor on all work of a site and of a factory, drawn once a project; null: none"
    )
    display: Display = Field(default=Display(), description="Units and currency of what is printed, drawn and exported")
    expect: tuple[Expected, ...] = Field(
        default=(), description="What `sim verify` holds the results to, such as peak_workforce_onsite.p80 < 450"
    )

    @model_validator(mode="after")
    def _labelled(self) -> Project:
        """Take the name for the label where none is stated."""
        if not self.label:
            object.__setattr__(self, "label", self.name)  # frozen, and not yet seen by anybody
        return self

    def __repr__(self) -> str:
        """Name, size and strategy on one line; `model_dump()` has it all."""
        return f"<Project {self.name!r}: {self.scale.capacity_mw:g} MW, {self.label}>"

    __str__ = __repr__

    @property
    def blocks(self) -> int:
        """Number of blocks in all phases."""
        return -(-round(self.scale.capacity_mw * 1000) // round(self.block.mw_gross.value * 1000))

    @property
    def blocks_per_phase(self) -> int:
        """Number of blocks in a phase; the last one may have fewer."""
        return -(-self.blocks // self.scale.phases)

    @property
    def curve_days(self) -> int:
        """Return the length of daily curves: to the end of every project, and as far as money is counted."""
        return max(self.scale.horizon_days, self.money.horizon_days)

    @property
    def by_system(self) -> dict[str, System]:
        """Return the three systems of a block (electrical, mechanical, compute) by name, in this order."""
        return {name: getattr(self.systems, name) for name in SYSTEMS}

    @property
    def pattern(self) -> Pattern:
        """Return the working week of everyone on site: days, shifts and time away."""
        return self.labour.pattern_for(self.calendars.site)

    @property
    def site_calendar(self) -> Calendar:
        """Return the calendar of everyone on site: days and shifts of their pattern, holidays of calendars.site."""
        return self.calendars.site.with_pattern(self.pattern)

    def existing_steps(self, pattern: str) -> set[str]:
        """Return the steps of site_works, shell and pad, as `network.id`, that a pattern of `existing` names."""
        names = (f"{network}.{step.id}" for network in ON_SITE for step in getattr(self, network).steps)
        return {name for name in names if fnmatchcase(name, pattern)}

    def without_existing(self) -> Project:
        """Return this project without its existing steps (those that `existing` names) and without all links to them."""
        existing = {name for pattern in self.existing for name in self.existing_steps(pattern)}
        if not existing:
            return self
        systems = {
            name: system.model_copy(
                update={
                    "after": _not_existing(system.after, existing),
                    "site": system.site.model_copy(
                        update={"steps": _steps_to_build(system.site.steps, name, existing)}
                    ),
                }
            )
            for name, system in self.by_system.items()
        }
        flush = self.commissioning.flush
        changed: dict[str, object] = {
            network: (section := getattr(self, network)).model_copy(
                update={"steps": _steps_to_build(section.steps, network, existing)}
            )
            for network in ON_SITE
        }
        return self.model_copy(
            update=changed
            | {
                "existing": (),
                "systems": self.systems.model_copy(update=systems),
                "commissioning": self.commissioning.model_copy(
                    update={
                        "after": _not_existing(self.commissioning.after, existing),
                        "flush": flush and flush.model_copy(update={"after": _not_existing(flush.after, existing)}),
                    }
                ),
                "energization": self.energization.model_copy(
                    update={
                        "after": _not_existing(self.energization.after, existing),
                        "grid": tuple(
                            feed.model_copy(update={"after": _not_existing(feed.after, existing)})
                            for feed in self.energization.grid
                        ),
                    }
                ),
            }
        )

    def with_risks(self, mode: Mode | None = None, without: Iterable[str] = ()) -> Project:
        """Return this project with another mode of its risk register, and with some risk drivers switched off.

        `mode` None keeps the project's own; `without` (driver ids) is added to the drivers that the project itself leaves
        out. Raises ConfigError where an id is not in the register.
        """
        risks = self.risks
        switched_off = dict.fromkeys([*risks.without, *without])
        driver_ids = [driver.id for driver in risks.drivers]
        problems = [
            Problem("--without", 0, 0, "", name, "the id of a driver of risks.drivers", did_you_mean(name, driver_ids))
            for name in switched_off
            if name not in driver_ids
        ]
        if problems:
            raise ConfigError(problems)
        new_risks = risks.model_copy(update={"mode": mode or risks.mode, "without": tuple(switched_off)})
        return self.model_copy(update={"risks": new_risks})
