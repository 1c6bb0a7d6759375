"""Power that arrives in blocks of MW."""

from __future__ import annotations

from pydantic import Field

from sim.config.estimates import Section, Sourced
from sim.config.quantities import CalendarDays, Megawatts, WeekNumber
from sim.config.steps import Step
from sim.config.systems import Whole


class Units(Sourced):
    """Generating units (or grid feeders) and when each may be had; slots are held."""

    count: Whole = Field(description="Units in one phase, spares included")
    spare: int = Field(default=1, ge=0, le=20, description="Units beyond what is counted firm: 1 is N+1")
    mw: Megawatts = Field(description="Firm MW of one unit on a hot day")
    first_week: WeekNumber = Field(description="Week after the phase's order in which the first unit is delivered")
    weeks_between: WeekNumber = Field(description="Weeks from one unit's delivery to the next")
    slip_days: CalendarDays = Field(description="Days by which a delivery is late")


class Energization(Section):
    """Units, their installation, and what else permanent power waits for."""

    units: Units = Field(description="What arrives")
    install: tuple[Step, ...] = Field(min_length=1, description="Steps from delivery to the unit's first power")
    after: tuple[str, ...] = Field(description="What a unit's installation waits for: pads, gas, permits")
    temporary_mw: Megawatts = Field(
        description="Temporary power for L3 to L5 until permanent power is there; 0 is none"
    )
