"""Power that arrives in blocks of MW."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sim.config.estimates import Bounds, Name, Section, Sourced, Unit
from sim.config.quantities import CalendarDays, Megawatts, WeekNumber, Weeks
from sim.config.steps import Step


class Units(Sourced):
    """Generating units and when each may be had; slots are held."""

    count: Annotated[int, Unit("units"), Bounds(0, 10_000)] = Field(
        description="Units in one phase, spares included; 0 where a grid feeds the site"
    )
    spare: int = Field(default=1, ge=0, le=20, description="Units beyond what is counted firm: 1 is N+1")
    mw: Megawatts = Field(description="Firm MW of one unit on a hot day")
    first_week: WeekNumber = Field(description="Week after the phase's order in which the first unit is delivered")
    weeks_between: WeekNumber = Field(description="Weeks from one unit's delivery to the next")
    slip_days: CalendarDays = Field(description="Days by which a delivery is late")
    supplier: Name | None = Field(default=None, description="Who makes them, of procurement.suppliers")


class Feed(Sourced):
    """Power from a grid: a line or a transformer that comes at a date, firm from then on."""

    id: Name = Field(description="Name of the feed")
    mw: Megawatts = Field(description="Firm MW it brings to one phase")
    weeks: Weeks = Field(description="Weeks from the phase's order to the utility's readiness")
    after: tuple[str, ...] = Field(default=(), description="Works on site it waits for, such as site_works.substation")


class Energization(Section):
    """Units, their installation, and what else permanent power waits for."""

    units: Units = Field(description="What arrives")
    grid: tuple[Feed, ...] = Field(default=(), description="Feeds from a grid, beside the units or instead of them")
    install: tuple[Step, ...] = Field(min_length=1, description="Steps from delivery to the unit's first power")
    after: tuple[str, ...] = Field(description="What a unit's installation waits for: pads, gas, permits")
    temporary_mw: Megawatts = Field(
        description="Temporary power for L3 to L5 until permanent power is there; 0 is none"
    )
