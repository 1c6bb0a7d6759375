"""From the factory's door to a place in the yard: trucks, road, gate, laydown, crane."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.config.estimates import Bounds, Section, Sourced, Unit
from sim.config.fleets import Fleet
from sim.config.quantities import CalendarDays, Hours, Probability, WorkingDays
from sim.config.roads import Roads
from sim.config.systems import Seldom, Whole


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


class Lateness(Sourced):
    """Loads that come late for reasons of the road: breakdowns, closures, detentions."""

    share: Probability = Field(description="Share of the loads that come late")
    days: CalendarDays = Field(description="Calendar days by which a late load is late")


class Damage(Sourced):
    """What happens to skids on the road."""

    minor: Seldom = Field(description="Probability per load of damage that is mended on site, before the hook-up")
    mend_days: WorkingDays = Field(description="Working days of a hook-up crew to mend it")
    serious: Seldom = Field(description="Probability per load of damage that sends the skid back to its factory")
    rework_days: WorkingDays = Field(description="Working days on the line to mend it there, before a new test")


class Logistics(Sourced):
    """How skids come to site."""

    release: Literal["push", "just_in_time", "pulled"] = Field(
        description="Ship as finished, when the skid's hall is ready, or when a laydown place is free"
    )
    fleets: Fleets = Field(description="Trucks")
    roads: Roads = Field(description="What may be on the road, and when")
    late: Lateness = Field(description="Loads that come late")
    damage: Damage = Field(description="Damage on the road")
    load_hours: Hours = Field(description="Loading and lashing at the factory")
    gates: Whole = Field(description="Trucks that can be unloaded at the same time")
    gate_slots_per_day: Whole | None = Field(
        default=None, description="Truckloads let in on one day; left out, only gates and hours limit them"
    )
    unload_hours: Hours = Field(description="At the gate: check in, unload to the yard")
    laydown: Places = Field(description="The yard")
    cranes: Annotated[int, Unit("cranes"), Bounds(1, 200)] = Field(description="Cranes that set skids")
    lifting_trade: str = Field(description="Trade of the crew that works with each crane")
