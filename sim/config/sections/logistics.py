"""Roads and logistics: size classes and permits of loads, and the way from the factory's door to a place in the yard.

Roads state what may travel on which trailer, with which permit and in which windows; logistics states trucks, gate,
laydown yard and cranes.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sim.config.sections.estimates import (
    Bounds,
    CalendarDays,
    Feet,
    Hours,
    Name,
    Pounds,
    Probability,
    Section,
    Sourced,
    Unit,
    WorkingDays,
)
from sim.config.sections.systems import Fleet, Seldom, Whole
from sim.config.sections.working_week import ClockSpan, Holidays, Weekday
from sim.errors import Mistake, Refused, did_you_mean

# --- roads ------------------------------------------------------------------------------------------------------------


EVERY_DAY: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Degrees = Annotated[float, Unit("degrees"), Bounds(-180, 180)]


class Trailer(Sourced):
    """A kind of trailer, with the truck before it."""

    id: Name = Field(description="Name of the trailer")
    deck_ft: Feet = Field(description="Height of the deck that carries the load")
    length_ft: Feet = Field(description="Length of that deck")
    overall_ft: Feet = Field(description="Length of truck and trailer")
    tare_lb: Pounds = Field(description="Weight of truck and trailer without a load")


class Legal(Sourced):
    """What may be on the road without a permit."""

    width_ft: Feet = Field(description="Width")
    height_ft: Feet = Field(description="Height above the road, deck included")
    load_ft: Feet = Field(description="Length of the load")
    gross_lb: Pounds = Field(description="Weight of truck, trailer and load")


class Envelope(Sourced):
    """A limit of size: whatever is larger in any direction is outside."""

    width_ft: Feet = Field(description="Width")
    height_ft: Feet = Field(description="Height above the road, deck included")
    overall_ft: Feet = Field(description="Length of truck, trailer and what overhangs")


class Routine(Envelope):
    """What a routine permit is given for; beyond it a route has to be surveyed."""

    gross_lb: Pounds = Field(description="Weight of truck, trailer and load")


class Curfew(Section):
    """Hours in which loads of a class must stand, such as a city's rush hour."""

    days: tuple[Weekday, ...] = Field(min_length=1, description="On these days")
    hours: ClockSpan = Field(description="Between these clock times")


class Movement(Sourced):
    """How the loads of one class move."""

    permit_days: CalendarDays | None = Field(
        default=None, description="Calendar days from the finished load to the permit in hand; left out, none is needed"
    )
    speed: Annotated[float, Unit("× of the fleet's speed"), Bounds(0.1, 1)] = Field(
        default=1.0, description="Average speed over that of a legal load of the same fleet"
    )
    days: tuple[Weekday, ...] = Field(
        default=EVERY_DAY, min_length=1, description="Days of the week on which they move"
    )
    curfews: tuple[Curfew, ...] = Field(default=(), description="Hours in which they must stand")


class Classes(Section):
    """How each class of load moves."""

    legal: Movement = Field(description="Within all legal limits")
    overweight: Movement = Field(description="Too heavy only; may move day and night")
    oversize: Movement = Field(description="Too wide, high or long, within a routine permit")
    superload: Movement = Field(description="Beyond a routine permit")


class MajorHolidays(Holidays):
    """The holidays on which large loads stand."""

    names: tuple[str, ...] = Field(min_length=1, description="Names as the `holidays` library has them")

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        """Refuse a name that is not the name of a holiday of the country."""
        holiday_names = self.holiday_names(*range(2016, 2036))  # some are declared for a few years only
        findings = [
            Mistake(
                ("names", index), name, f"the name of a holiday of {self.country}", did_you_mean(name, holiday_names)
            )
            for index, name in enumerate(self.names)
            if name not in holiday_names
        ]
        if findings:
            raise Refused(findings)
        return self


class Roads(Sourced):
    """The law of the road between factories and site, and the daylight it refers to."""

    enforced: bool = Field(description="Whether loads keep to it; if not, every load moves as a legal one")
    latitude: Annotated[float, Unit("degrees"), Bounds(-90, 90)] = Field(description="North is positive; of the site")
    longitude: Degrees = Field(description="East is positive; of the site")
    utc_offset_hours: Annotated[float, Unit("h"), Bounds(-12, 14)] = Field(
        description="Standard time of the site over universal time; kept all year"
    )
    twilight_minutes: Annotated[int, Unit("min"), Bounds(0, 120)] = Field(
        description="Minutes before sunrise and after sunset that still count as daylight"
    )
    trailers: tuple[Trailer, ...] = Field(
        min_length=1, description="In order of preference; what is legal on none of them rides on the last"
    )
    legal: Legal = Field(description="Legal limits: the strictest of the states on the way")
    routine: Routine = Field(description="Limits of a routine permit")
    night: Envelope = Field(description="Up to here an oversize load may move at night")
    holidays: Envelope = Field(description="Up to here a load may move on a major holiday")
    major_holidays: MajorHolidays = Field(description="The holidays on which larger loads stand")
    one_escort: Envelope = Field(description="Beyond it one escort vehicle goes with the load")
    two_escorts: Envelope = Field(description="Beyond it, or beyond `one_escort` in two directions, two go with it")
    escort_vehicles: Annotated[int, Unit("vehicles"), Bounds(2, 1_000)] | None = Field(
        default=None, description="Escort vehicles to be had at once; left out, there are always enough"
    )
    classes: Classes = Field(description="How each class of load moves")


# --- logistics --------------------------------------------------------------------------------------------------------


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
