"""From the factory's door to a place in the yard: trucks, road, gate, laydown, crane."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.config.estimates import Bounds, Section, Sourced, Unit
from sim.config.quantities import Factor, Hours, Miles, MilesPerHour
from sim.config.systems import Whole


class Fleet(Sourced):
    """Trucks that serve one factory and come back empty."""

    trucks: Whole = Field(description="Trucks of this factory")
    distance_miles: Miles = Field(description="Road miles from factory to site")
    speed_mph: MilesPerHour = Field(description="Average speed while driving")
    delay: Factor = Field(description="Driving time over the calm driving time: traffic, weather, detours")


class Places(Sourced):
    """Laydown places of a system; together they are the yard."""

    electrical: Whole = Field(description="Places for electrical skids")
    mechanical: Whole = Field(description="Places for mechanical skids")
    compute: Whole = Field(description="Places for compute skids")
    material: Whole = Field(description="Places for blocks' loose material")


class Fleets(Section):
    """A fleet per factory."""

    electrical: Fleet = Field(description="Trucks of the electrical factory")
    mechanical: Fleet = Field(description="Trucks of the mechanical factory")
    compute: Fleet = Field(description="Trucks of the compute factory")


class Logistics(Sourced):
    """How skids come to site."""

    release: Literal["push", "just_in_time", "pulled"] = Field(
        description="Ship as finished, when the skid's hall is ready, or when a laydown place is free"
    )
    fleets: Fleets = Field(description="Trucks")
    load_hours: Hours = Field(description="Loading and lashing at the factory")
    gates: Whole = Field(description="Trucks that can be unloaded at the same time")
    unload_hours: Hours = Field(description="At the gate: check in, unload to the yard")
    laydown: Places = Field(description="The yard")
    cranes: Annotated[int, Unit("cranes"), Bounds(1, 200)] = Field(description="Cranes that set skids")
    lifting_trade: str = Field(description="Trade of the crew that works with each crane")
