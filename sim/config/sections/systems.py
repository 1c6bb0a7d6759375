"""The three systems of a block (electrical, mechanical, compute), each made in a factory or built on site.

With the step networks they are built by (finish-to-start unless a link says otherwise, instantiated once per phase,
hall or block), the truck fleets that serve factories, power that arrives in blocks of MW, and commissioning L2 to L5.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, GetJsonSchemaHandler, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sim.config.sections.estimates import (
    BlocksPerWeek,
    Bounds,
    CalendarDays,
    Estimate,
    Factor,
    Feet,
    Figure,
    Hours,
    Lot,
    Megawatts,
    Miles,
    MilesPerHour,
    Name,
    People,
    PersonHours,
    Pounds,
    Probability,
    Section,
    Sourced,
    SquareFeet,
    Unit,
    WeekNumber,
    Weeks,
    WorkingDays,
)

# --- truck fleets -----------------------------------------------------------------------------------------------------


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


# --- step networks ----------------------------------------------------------------------------------------------------


Exposure = Literal["interior", "exterior", "earthwork", "crane"]
EXPOSURES: tuple[Exposure, ...] = get_args(Exposure)
CrewCount = Annotated[int, Unit("crews"), Bounds(1, 500)]
AMOUNTS = ("hours", "hours_per_sqft", "hours_per_mw", "days")


LinkType = Literal["FS", "SS", "FF", "SF"]
LeadDays = Annotated[float, Unit("working days"), Bounds(0, 2_000)]


class Predecessor(Section):
    """A link to a step that comes before: finish-to-start unless `type` says otherwise; an id alone is that.

    The first letter of the type is the event of the predecessor, the second that of the step itself: SS lets a step
    start after its predecessor has started, FF lets it finish after its predecessor has finished.
    """

    id: str = Field(description="Step that comes before: `id` here, or `network.id` further up")
    type: LinkType = Field(
        default="FS", description="Finish-to-start, start-to-start, finish-to-finish, start-to-finish"
    )
    lag_days: CalendarDays | None = Field(default=None, description="Calendar days from the one event to the other")
    lag_calendar: Name | None = Field(default=None, description="One of calendars.named, of whose days `lag_days` are")
    lead_days: LeadDays = Field(default=0.0, description="Working days by which the step may be ahead of the link")

    @model_validator(mode="before")
    @classmethod
    def _bare_id(cls, given: object) -> object:
        """Return an id alone is a finish-to-start link without lag."""
        return {"id": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _lag_or_lead(self) -> Predecessor:
        """Return a link lags or leads."""
        if self.lag_days is not None and self.lead_days:
            raise ValueError("a link has lag_days or lead_days, not both")
        if self.lag_calendar is not None and self.lag_days is None:
            raise ValueError("lag_calendar is that of lag_days, which is missing")
        return self

    @model_serializer(mode="plain")
    def _as_written(self) -> str | dict[str, object]:
        """Return a link as it is written in a file: its predecessor's id alone, or the keys that are not None."""
        if self.plain:
            return self.id
        lag = None if self.lag_days is None else self.lag_days.model_dump()
        fields = {"id": self.id, "type": self.type, "lag_days": lag, "lead_days": self.lead_days or None}
        fields["lag_calendar"] = self.lag_calendar
        return {key: value for key, value in fields.items() if value is not None}

    @property
    def plain(self) -> bool:
        """Return whether it is finish-to-start without lag or lead."""
        return self.type == "FS" and self.lag_days is None and not self.lead_days

    @property
    def of_start(self) -> bool:
        """Return whether it hangs on the predecessor's start: a lead is counted from there as well."""
        return self.type in ("SS", "SF") or self.lead_days > 0

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        """Let the JSON schema of a link accept a text as well as a mapping, so that editors complete both."""
        reference = handler(schema)
        link_schema = handler.resolve_ref_schema(reference)
        if "anyOf" not in link_schema:
            mapping_keys = ("type", "properties", "required", "additionalProperties")
            mapping = {key: link_schema.pop(key) for key in mapping_keys if key in link_schema}
            link_schema["anyOf"] = [{"type": "string"}, mapping]
        return reference


class Step(Sourced):
    """One activity: who does it, how much work it is, and what must be finished before it."""

    id: Name = Field(description="Name of the step, unique in its network")
    crews: dict[Name, CrewCount] = Field(
        default={}, description="Crews by trade, taken together; the first trade leads and its losses apply"
    )
    hours: PersonHours | None = Field(default=None, description="Work content in earned person-hours per instance")
    hours_per_sqft: Annotated[Estimate, Unit("h/sq ft"), Bounds(0, 50)] | None = Field(
        default=None, description="Earned person-hours per square foot of the hall"
    )
    hours_per_mw: Annotated[Estimate, Unit("h/MW"), Bounds(0, 50_000)] | None = Field(
        default=None, description="Earned person-hours per gross MW of the instance"
    )
    days: WorkingDays | None = Field(default=None, description="Duration in working days, for what is not labour")
    after: tuple[Predecessor, ...] = Field(
        default=(),
        description="Steps before it: `id` here or `network.id` further up, or {id, type, lag_days, lead_days}",
    )
    needs: tuple[Name, ...] = Field(default=(), description="Procured items that must have arrived")
    lag_days: CalendarDays | None = Field(default=None, description="Calendar days to wait after its predecessors")
    exposure: Exposure = Field(default="interior", description="What weather stops it")
    calendar: Name | None = Field(
        default=None,
        description="One of calendars.named, by which it works and its `days` are counted; left out, the site's week",
    )
    least_crews: CrewCount = Field(default=1, description="Crews of a trade at least, however small the place")
    most_crews: CrewCount | None = Field(default=None, description="Crews of a trade at most, however large the place")
    least_sqft_per_person: Annotated[float, Unit("sq ft/person"), Bounds(1, 100_000)] | None = Field(
        default=None, description="Density it tolerates: no more crews than leave each person so much of the hall"
    )
    cranes: Annotated[int, Unit("cranes"), Bounds(0, 20)] = Field(
        default=0, description="Cranes it keeps while it works, of those that set skids: steel, heavy lifts"
    )
    whole: bool = Field(default=False, description="Cannot pause: a pour or a lift waits for a window")

    @model_validator(mode="after")
    def _one_amount(self) -> Step:
        amounts = [name for name in AMOUNTS if getattr(self, name) is not None]
        if len(amounts) != 1:
            raise ValueError(f"give exactly one of {', '.join(AMOUNTS)} (here: {', '.join(amounts) or 'none'})")
        if amounts != ["days"] and not self.crews:
            raise ValueError("work content in hours needs `crews` who do it")
        return self


class Network(Sourced):
    """Steps that follow each other."""

    steps: tuple[Step, ...] = Field(default=(), description="The steps, in any order")
    crews_for_sqft: SquareFeet | None = Field(
        default=None,
        description="Shell: the area for which the crews of its steps are stated; a hall of another size has them in "
        "proportion to its own. Left out, they are the same for any hall",
    )
    section_sqft: SquareFeet | None = Field(
        default=None,
        description="Shell: the area that is built and dried in at once; a larger hall is built in sections of about that "
        "area, and a block waits for its own only. Left out, a hall is one section",
    )


# --- systems ----------------------------------------------------------------------------------------------------------


SYSTEMS = ("electrical", "mechanical", "compute")
Whole = Annotated[int, Unit("number"), Bounds(1, 10_000)]
Seldom = Annotated[Figure, Unit("probability"), Bounds(0, 0.5)]
"""A probability of something that is repeated until it goes well, and so must not be certain."""


class Learning(Sourced):
    """Crawford unit curve: the n-th unit takes n^log2(rate) of the first, relative to the plateau's unit."""

    rate: Annotated[float, Unit("× per doubling"), Bounds(0.5, 1)] = Field(description="Time of unit 2n over unit n")
    plateau: Whole = Field(description="Unit from which nothing is learnt any more: the stated durations hold there")


class Station(Sourced):
    """A place on every line of a factory."""

    id: Name = Field(description="Name of the station")
    days: Annotated[Estimate, Unit("working days"), Bounds(0.01, 2_000)] = Field(
        description="Working days a skid spends here once the factory runs at its rate"
    )


class AcceptanceTest(Sourced):
    """The factory acceptance test (L1), witnessed, with rework and retest."""

    bays: Whole = Field(description="Test bays")
    days: WorkingDays = Field(description="Working days of a test")
    fails: Probability = Field(description="Probability that a test fails")
    rework_days: WorkingDays = Field(description="Working days to mend what failed")
    rework_places: Whole | None = Field(
        default=None,
        description="Places beside the bays, each with a crew, where it is mended; left out, in its bay",
    )
    retests: Whole = Field(description="Tests after the first at most")


class SiteDefects(Sourced):
    """Defects of skids that passed the factory's test and are found when the site accepts them (L2)."""

    found: Seldom = Field(description="Probability per skid that a defect is found")
    mend_days: WorkingDays = Field(description="Working days of a commissioning crew to mend it in place")
    sent_back: Probability = Field(description="Share of the defects found for which a skid goes back to its factory")
    rework_days: WorkingDays = Field(description="Working days on the line for a skid that came back")
    reconnect_days: WorkingDays = Field(description="Working days of a commissioning crew to connect it again")


class Stops(Sourced):
    """Stops of production that strike without memory."""

    mean_days_between: Annotated[Figure, Unit("days"), Bounds(1, 36_500)] = Field(
        description="Mean calendar days from the end of one stop to the next"
    )
    days: CalendarDays = Field(description="Calendar days a stop lasts")


class Partner(Sourced):
    """Another plant for the same skids: it works like the first factory except for what is stated here."""

    id: Name = Field(description="Name of the plant")
    share: Annotated[float, Unit("share"), Bounds(0, 1, above=True)] = Field(
        description="Planned share of the system's skids; what is left of 1 is the first factory's"
    )
    lines: Whole = Field(description="Lines: skids in work at the same station")
    test_bays: Whole = Field(description="Test bays")
    finished_places: Whole = Field(description="Places for finished skids")
    opens_week: WeekNumber = Field(description="Week after the decision in which the first line is ours (slot held)")
    ramp_weeks: WeekNumber = Field(description="Weeks from the first line to the last")
    fleet: Fleet = Field(description="Its trucks and its distance")


class Factory(Sourced):
    """A plant that makes the skids of one system."""

    lines: Whole = Field(description="Lines: skids in work at the same station")
    stations: tuple[Station, ...] = Field(min_length=1, description="Stations of a line, in order")
    work_in_progress: Whole | None = Field(
        default=None, description="Skids in the factory at most, tested ones included"
    )
    opens_week: WeekNumber = Field(description="Week after the decision in which the first line is ours (slot held)")
    ramp_weeks: WeekNumber = Field(description="Weeks from the first line to the last: the ramp to the rated rate")
    learning: Learning | None = Field(default=None, description="Learning by repetition in this factory")
    parts_weeks: Weeks = Field(description="From the order of a skid to its parts at the factory")
    test: AcceptanceTest = Field(description="L1")
    finished_places: Whole = Field(description="Places for finished skids; when they are full the line is blocked")
    staff: People = Field(description="People paid while the factory, partners included, works for this project")
    site_defects: SiteDefects | None = Field(default=None, description="Defects found only on site")
    line_stops: Stops | None = Field(default=None, description="Stops of one line; a skid in work is finished first")
    plant_stops: Stops | None = Field(default=None, description="Stops of the whole plant; work pauses and resumes")
    partners: tuple[Partner, ...] = Field(default=(), description="Further plants that share the work by plan")
    supplier: Name | None = Field(default=None, description="Supplier of its parts, of procurement.suppliers")
    lot: Lot = Field(default=1, description="Blocks whose parts are bought at once and have one drawn lead time")
    lot_delivered_per_week: BlocksPerWeek | None = Field(
        default=None, description="Blocks of a lot whose parts come in a week; left out, they come at once"
    )

    def plants(self, system: str) -> tuple[str, ...]:
        """Return the names of the plants that make a system: the first one is called like the system."""
        return (system, *(f"{system}@{partner.id}" for partner in self.partners))


class Skid(Sourced):
    """One flatbed load: a factory-built part of a block."""

    per_block: Whole = Field(description="Skids of this system in one block")
    length_ft: Feet = Field(description="Length on the trailer")
    width_ft: Feet = Field(description="Width on the trailer")
    height_ft: Feet = Field(description="Height of the load itself")
    weight_lb: Pounds = Field(description="Weight of the load")
    lift_hours: Hours = Field(description="Crane hours to set one skid")


class SiteBuilt(Sourced):
    """The same system assembled in place."""

    lead_weeks: Weeks = Field(description="From the order of a block's material to its being ready for call-off")
    supplier: Name | None = Field(default=None, description="Supplier of it, of procurement.suppliers")
    lot: Lot = Field(default=1, description="Blocks whose material is bought at once and has one drawn lead time")
    lot_delivered_per_week: BlocksPerWeek | None = Field(
        default=None, description="Blocks of a lot whose material comes in a week; left out, it comes at once"
    )
    loads_per_block: Whole = Field(description="Truckloads of material for one block")
    unload_hours: Hours = Field(description="Hours at the gate for all material of one block")
    steps: tuple[Step, ...] = Field(min_length=1, description="Step network of one block")


class Allocation(Sourced):
    """A quantity that a maker has promised for a date: racks of one generation, for example."""

    week: WeekNumber = Field(description="Week after the decision in which it can be had")
    mw: Megawatts = Field(description="Gross MW of blocks it is enough for")
    slip_days: CalendarDays | None = Field(default=None, description="Days by which it is late")


class System(Section):
    """One system (electrical, mechanical or compute): its scope decides which of its two descriptions is used."""

    scope: Literal["site", "factory"] = Field(description="Where it is made")
    after: tuple[str, ...] = Field(description="What must be ready in the block's hall before anything is set")
    skid: Skid = Field(description="The factory-made part, as it travels")
    factory: Factory = Field(description="Where it is made, if its scope is factory")
    hook_up: tuple[Step, ...] = Field(description="Steps that connect the set skids, one after the other")
    site: SiteBuilt = Field(description="The same system built in place, if its scope is site")
    allocations: tuple[Allocation, ...] = Field(
        default=(), description="What the maker has promised when; left out, only lead times limit it"
    )


class Systems(Section):
    """The parts of a block."""

    electrical: System = Field(description="Power: switchgear, transformers, UPS, busway")
    mechanical: System = Field(description="Cooling: chillers, pumps, coolant distribution")
    compute: System = Field(description="Racks, network and the cluster's own tests")


# --- energization -----------------------------------------------------------------------------------------------------


class Units(Sourced):
    """Generating units and when each may be had; slots are held."""

    count: Annotated[int, Unit("units"), Bounds(0, 10_000)] = Field(
        description="Units in one phase, or of the shared plant, spares included; 0 where a grid feeds the site"
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
    mw: Megawatts = Field(description="Firm MW it brings to one phase, or to all where the plant is shared")
    weeks: Weeks = Field(description="Weeks from the phase's order to the utility's readiness")
    after: tuple[str, ...] = Field(default=(), description="Works on site it waits for, such as site_works.substation")


class Energization(Section):
    """Units, their installation, and what else permanent power waits for."""

    units: Units = Field(description="What arrives")
    grid: tuple[Feed, ...] = Field(
        default=(), description="Feeds from a grid, in addition to the units or instead of them"
    )
    shared: bool = Field(
        default=False,
        description="One plant for all phases: units and feeds are ordered with the first and serve whoever is ready",
    )
    install: tuple[Step, ...] = Field(min_length=1, description="Steps from delivery to the unit's first power")
    after: tuple[str, ...] = Field(description="What a unit's installation waits for: pads, gas, permits")
    temporary_mw: Megawatts = Field(
        description="Temporary power for L3 to L5 until permanent power is there; 0 is none"
    )
