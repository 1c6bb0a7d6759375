"""Weather: where it comes from, and at what wind, rain and frost each kind of work stops.

The limits are physical and have sources; how many days they cost comes out. `kind: none` is a site on which it
never rains, freezes or blows, which is also what a project without this section has.
"""

from __future__ import annotations

from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from sim.config.sections.estimates import Bounds, Estimate, Figure, MilesPerHour, Sourced, Unit
from sim.errors import NOTHING, Mistake, Refused

Region = Literal[
    "arizona", "georgia", "indiana", "iowa", "louisiana", "nevada", "north_dakota", "north_texas", "ohio", "tennessee",
    "virginia", "west_texas", "wisconsin", "wyoming",
]  # fmt: skip
"""Where the built-in climates are from, each from a typical year of one place (West Texas: two)."""
REGIONS: tuple[Region, ...] = get_args(Region)
SUFFIXES = (".tmy3", ".csv", ".epw")

Inches = Annotated[Figure, Unit("in"), Bounds(0.01, 40)]
Height = Annotated[Figure, Unit("ft"), Bounds(3, 1_000)]
Fahrenheit = Annotated[Figure, Unit("°F"), Bounds(-40, 60)]
Exponent = Annotated[Figure, Unit("exponent"), Bounds(0, 0.6)]
FewHours = Annotated[Figure, Unit("h"), Bounds(0, 48)]
FewDays = Annotated[Figure, Unit("days"), Bounds(0, 14)]
PerYear = Annotated[Figure, Unit("per year"), Bounds(0, 12)]
EventDays = Annotated[Estimate, Unit("days"), Bounds(1, 90)]
Correlation = Annotated[Figure, Unit("correlation"), Bounds(0, 0.9)]
WorkingDays = Annotated[Figure, Unit("days"), Bounds(1, 31)]
MonthsOfRain = Annotated[tuple[float, ...], Unit("in"), Bounds(0, 60), Field(min_length=12, max_length=12)]
Months = Annotated[tuple[float, ...], Unit("days"), Bounds(0, 31), Field(min_length=12, max_length=12)]


def _figure(value: float, source: str, confidence: Literal["A", "B", "C"], **more: float) -> Figure:
    """Write a default with its origin; `low` and `high` are the range it was chosen from."""
    return Figure.model_validate({"value": value, "source": source, "confidence": confidence, **more})


def _confined(name: str) -> str:
    """Refuse a path that leaves the folder of the configuration, or that is no weather file."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.name:
        raise ValueError("a file in or below the folder of the configuration, like weather/site.epw")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"a weather file that ends in {', '.join(SUFFIXES)}")
    return name


FileName = Annotated[str, AfterValidator(_confined)]


class Crane(Sourced):
    """Lifts stop for wind at the height of the lift, and for rain."""

    limit_mph: MilesPerHour = Field(
        default=_figure(
            25, "Crane stop 20-30 mph, mode 25 sustained, big sail skids 20; FACTS §5", "A", low=20, high=30
        ),
        description="Sustained wind at lift height above which nothing is lifted",
    )
    gust_limit_mph: MilesPerHour = Field(
        default=_figure(
            30,
            "3-second gust at the boom tip with full capacity (45: cease); Grove RT765E-2 manual, figure 2-1",
            "A",
            low=20,
            high=45,
        ),
        description="Gust at lift height above which nothing is lifted",
    )
    height_ft: Height = Field(
        default=_figure(100, "Boom tip of a mobile crane over a 40 ft building: assumption", "C", low=60, high=200),
        description="Height of the lift above ground",
    )


class Exterior(Sourced):
    """Roof and walls stop for rain, for wet surfaces after it, and for high wind."""

    limit_mph: MilesPerHour = Field(
        default=_figure(30, "OSHA 'high wind' where material is handled, 30 mph; FACTS §5", "A", low=20, high=40),
        description="Sustained wind at roof height above which sheets and panels are not handled",
    )
    height_ft: Height = Field(
        default=_figure(40, "Eaves of a one-storey hall: assumption", "C", low=25, high=60),
        description="Height of the roof",
    )
    drying_hours: FewHours = Field(
        default=_figure(1, "Until deck and membrane are dry in West Texas air: assumption", "C", low=0.5, high=4),
        description="Hours after the end of rain until work goes on",
    )


class Earthwork(Sourced):
    """Earth and concrete stop for rain, mud and frost."""

    rain_in: Inches = Field(
        default=_figure(
            0.30,
            "Rain that makes a non-working day, 0.25-0.50 in, 0.30 chosen: South Dakota DOT study SD97-07",
            "B",
            low=0.25,
            high=0.5,
        ),
        description="Rain of a day that costs a day, from when it begins",
    )
    mud_in: Inches = Field(
        default=_figure(
            0.75,
            "Rain from which grading loses a further day: South Dakota DOT study SD97-07, as quoted by others",
            "C",
            low=0.5,
            high=1.0,
        ),
        description="Rain of a day that leaves mud",
    )
    mud_days: FewDays = Field(
        default=_figure(1, "As mud_in; clay takes 2-5 days, caliche and sand less", "C", low=0.5, high=3),
        description="Days lost to mud after that",
    )
    frost_f: Fahrenheit = Field(
        default=_figure(
            35,
            "No concrete below 40 °F falling or 35 °F rising: NCTCOG public works specifications 2004, 303.5.5.2",
            "A",
            low=32,
            high=40,
        ),
        description="Air temperature below which no concrete is placed",
    )


class Interior(Sourced):
    """Work under a roof stops only when the site cannot be reached."""

    rain_in: Inches = Field(
        default=_figure(2.0, "Flash flood over access roads and low-water crossings: assumption", "C", low=1.5, high=4),
        description="Rain of a day that shuts the whole site for a day, from when it begins",
    )


class Storms(Sourced):
    """What a typical year lacks: a wet, stormy time of many days, once in many years."""

    per_year: PerYear = Field(
        default=_figure(
            0.05,
            "One such season on one campus in the news (Denton, summer 2025): once in 10 to 50 years; FACTS §5",
            "C",
            low=0.02,
            high=0.1,
        ),
        description="Chance of a storm season in a year",
    )
    days: EventDays = Field(
        default=Estimate.model_validate(
            {
                "low": 10,
                "mode": 20,
                "high": 60,
                "confidence": "C",
                "source": "At most the 60 days a 260 MW job lost in Denton in 2025 (FACTS §5); rest: assumption",
            }
        ),
        description="Days in a row without outdoor work",
    )
    interior_days: FewDays = Field(
        default=_figure(2, "Roads and power back: assumption", "C", low=0, high=7),
        description="Days at its start without any work",
    )


class DatedStorm(Sourced):
    """A storm on a known date: one that happened, or one whose effect the planner wants to see."""

    start: date = Field(description="Its first day")
    days: EventDays = Field(description="Days in a row without outdoor work, from its first day on")
    interior_days: FewDays = Field(default=Figure(value=0), description="Days at its start without any work")


class LostDays(Sourced):
    """A planner's own table: working days lost in each month, January first."""

    working_days: WorkingDays = Field(
        default=_figure(26, "Six days a week", "A", low=22, high=26),
        description="Working days of a month that the table counts on",
    )
    persistence: Correlation = Field(
        default=_figure(
            0.5, "Bad days come in groups of one to three, as wet days do in experiments/west_texas_weather", "B"
        ),
        description="Correlation of bad weather from one day to the next",
    )
    earthwork: Months = Field(default=(0.0,) * 12, description="Days lost by earthwork and concrete")
    exterior: Months = Field(default=(0.0,) * 12, description="Days lost by roof and walls")
    crane: Months = Field(default=(0.0,) * 12, description="Days lost by lifts")
    interior: Months = Field(default=(0.0,) * 12, description="Days lost by work under a roof")

    @model_validator(mode="after")
    def _within_a_month(self) -> LostDays:
        """Refuse more lost days in a month than it has working days."""
        max_days = self.working_days.value
        findings = [
            Mistake((name, month), days, f"at most the {max_days:g} working_days of a month")
            for name in ("earthwork", "exterior", "crane", "interior")
            for month, days in enumerate(getattr(self, name))
            if days > max_days
        ]
        if findings:
            raise Refused(findings)
        return self


class Weather(Sourced):
    """What the weather does, and what it stops."""

    kind: Literal["none", "table", "file"] | Region = Field(
        default="none",
        description="No weather, a table of lost days, a weather file of the site, or the built-in weather of a region",
    )
    file: FileName | None = Field(
        default=None, description="TMY3 or EPW file, relative to this configuration; used by `kind: file`"
    )
    file_rain: Literal["auto", "mm", "tenths_mm"] = Field(
        default="auto",
        description="Unit of rain in the file; auto is tenths of mm in TMY3, whatever its header says, and mm in EPW",
    )
    file_rain_in: MonthsOfRain | None = Field(
        default=None,
        description="Inches of rain of each month, for a file that has none; left out, those of the nearest place known",
    )
    roughness_exponent: Exponent = Field(
        default=_figure(0.143, "Power law of wind over height, 1/7 over open flat country", "A", low=0.1, high=0.25),
        description="Exponent by which wind grows with height",
    )
    crane: Crane = Field(default=Crane(), description="What stops lifts")
    exterior: Exterior = Field(default=Exterior(), description="What stops work on roof and walls")
    earthwork: Earthwork = Field(default=Earthwork(), description="What stops earthwork and concrete")
    interior: Interior = Field(default=Interior(), description="What stops work under a roof")
    storms: Storms = Field(
        default=Storms(), description="Storm seasons that typical years and tables lack; not with `kind: none`"
    )
    dated_storms: tuple[DatedStorm, ...] = Field(
        default=(), max_length=100, description="Storms on known dates, with every kind of weather"
    )
    lost_days: LostDays | None = Field(default=None, description="Table of lost days; used by `kind: table`")

    @model_validator(mode="after")
    def _has_what_it_uses(self) -> Weather:
        """Return a kind that reads a file or a table has one."""
        required_key = {"file": "file", "table": "lost_days"}.get(self.kind)
        if required_key and getattr(self, required_key) is None:
            raise Refused([Mistake((required_key,), NOTHING, f"is missing: `kind: {self.kind}` reads it")])
        return self
