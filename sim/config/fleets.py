"""Trucks that serve a factory."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.config.estimates import Bounds, Sourced, Unit
from sim.config.quantities import CalendarDays, Factor, Miles, MilesPerHour

Trucks = Annotated[int, Unit("trucks"), Bounds(1, 10_000)]


class Fleet(Sourced):
    """Trucks between one factory and the site: the project's own, which come back empty, or a carrier's."""

    kind: Literal["dedicated", "hired"] = Field(
        default="dedicated", description="Dedicated trucks drive back before the next load; hired ones are gone"
    )
    trucks: Trucks = Field(description="Trucks of this factory, or hired trucks under way for it at once")
    distance_miles: Miles = Field(description="Road miles from factory to site")
    speed_mph: MilesPerHour = Field(description="Average speed of a legal load while driving")
    delay: Factor = Field(description="Driving time over the calm driving time: traffic, weather, detours")
    call_days: CalendarDays | None = Field(
        default=None, description="Calendar days from calling a hired truck to its being at the factory"
    )
