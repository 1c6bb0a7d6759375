"""People on site: trades and crews, when they work and for how long, what they lose, where they sleep."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.config.calendars import Calendar, Stretch, Weekday
from sim.config.estimates import Bounds, Name, Section, Sourced, Unit
from sim.config.productivity import Productivity
from sim.config.quantities import CalendarDays, Count, DollarsPerHour, Factor, People, Ratio, Share
from sim.config.systems import Learning
from sim.errors import Finding, Refused

Weeks = Annotated[int, Unit("weeks"), Bounds(0, 52)]
Beds = Annotated[int, Unit("beds"), Bounds(0, 50_000)]


class Skill(Sourced):
    """Another mix of people: fewer, dearer, more productive ones, say."""

    people: Ratio = Field(description="People in a crew over its stated size; a crew is whole people")
    wage: Ratio = Field(description="Cost of a paid hour over the stated rate")
    output: Annotated[float, Unit("×"), Bounds(0.1, 10)] = Field(
        description="Work one person does in an hour over what the earned hours are stated for"
    )


class Trade(Sourced):
    """A kind of worker, who comes and leaves in crews."""

    crew_size: Annotated[int, Unit("people"), Bounds(1, 200)] = Field(description="Direct people in one crew")
    hired_per_week: People = Field(description="People of this trade that can be brought in within a week")
    loaded_rate_usd_per_hour: DollarsPerHour = Field(description="Cost of a paid hour, burden and overtime included")
    crews: Annotated[int, Unit("crews"), Bounds(1, 2_000)] | None = Field(
        default=None, description="Crews typed in by hand; left out, the product sizes the trade by its one rule"
    )
    skill: Skill | None = Field(default=None, description="A mix of people other than the stated one")

    @property
    def team(self) -> int:
        """Direct people of one crew in one shift, as this mix has them."""
        return self.crew_size if self.skill is None else max(1, round(self.crew_size * self.skill.people.value))

    @property
    def paid_rate(self) -> float:
        """Dollars of a paid hour, as this mix has it."""
        return self.loaded_rate_usd_per_hour.value * (1.0 if self.skill is None else self.skill.wage.value)

    @property
    def output(self) -> float:
        """Work of one person and hour over what the earned hours are stated for."""
        return 1.0 if self.skill is None else self.skill.output


class Ramp(Sourced):
    """The shape of a trade's headcount over its window: up, level, down."""

    up: Share = Field(description="Share of the window in which the trade grows")
    down: Share = Field(description="Share of the window in which it shrinks")


class Pattern(Sourced):
    """A way of working: days and shifts of a week, and how long people stay before they go home for a while."""

    days: tuple[Weekday, ...] = Field(min_length=1, description="Working days of the week")
    shifts: tuple[Stretch, ...] = Field(
        min_length=1, description="Shifts of a day; every crew is there once for each of them"
    )
    breaks: tuple[Stretch, ...] = Field(default=(), description="Unpaid breaks, not worked")
    weeks_on: Weeks | None = Field(default=None, ge=1, description="Weeks on site before some off; left out: no end")
    weeks_off: Weeks = Field(default=0, description="Weeks at home after these, relieved by others on the payroll")

    @property
    def payroll(self) -> float:
        """People on the payroll for one on site: 4/3 for three weeks on and one off."""
        return 1.0 if self.weeks_on is None else (self.weeks_on + self.weeks_off) / self.weeks_on


class Stage(Section):
    """A part of the camp, as it opens."""

    beds: Beds | None = Field(default=None, description="Beds; left out: as many as the crew plan wants")
    opens_days: CalendarDays = Field(description="Days after the decision until people can move in")


class Camp(Sourced):
    """Beds within reach of the site: nobody is brought in who has none. How many need one is `money.camp.housed`."""

    rooms: Beds = Field(description="Rooms that can be rented nearby from the beginning")
    stages: tuple[Stage, ...] = Field(description="The camp, in the order in which it opens")


class SiteLearning(Learning):
    """Learning by repetition on site: Crawford unit curve over the instances of an activity, in order of start."""

    stated_for: Literal["average", "first", "plateau"] = Field(
        default="average", description="The unit for which hours are stated; with `average` the sum of hours stays"
    )


class Labour(Section):
    """Trades and what applies to all of them."""

    trades: dict[Name, Trade] = Field(min_length=1, description="Every trade that steps and mechanisms name")
    indirect_ratio: Ratio = Field(description="Indirect people (staff, foremen, stores) per direct person")
    content_spread: Factor = Field(description="Uncertainty of a step's work content, relative to its stated hours")
    losses: Factor = Field(
        description="Minutes worked per minute earned, all causes together: drawn once per trade and replication"
    )
    planned_loss: Share = Field(description="Loss the crew plan allows for")
    utilisation: Share = Field(description="Share of paid time the crew plan expects to be busy")
    ramp: Ramp = Field(description="Ramp the crew plan is shaped by")
    mobilisation_days: Count = Field(description="Working days from arrival to the first day of work")
    called_by: Literal["date", "permits"] = Field(
        default="date", description="Crews are called on a date, or as long after the permits as is planned"
    )
    pattern: Name | None = Field(
        default=None, description="The way of working, one of `patterns`; left out, it is that of calendars.site"
    )
    patterns: dict[Name, Pattern] = Field(default={}, description="Ways of working to choose from")
    productivity: Productivity | None = Field(default=None, description="What `losses` is made of, by mechanism")
    camp: Camp | None = Field(default=None, description="Beds; left out, there are always enough")
    learning: SiteLearning | None = Field(default=None, description="Learning by repetition on site")

    @model_validator(mode="after")
    def _known_patterns(self) -> Labour:
        """Refuse a pattern that nothing describes."""
        stated = self.productivity.stated_for if self.productivity else None
        named = {("pattern",): self.pattern, ("productivity", "stated_for"): stated}
        wrong = [
            Finding(path, name, "one of labour.patterns", _meant(name, self.patterns))
            for path, name in named.items()
            if name is not None and name not in self.patterns
        ]
        if wrong:
            raise Refused(wrong)
        return self

    def way_of_working(self, stated: Calendar) -> Pattern:
        """The pattern that was chosen, or the one that a calendar's week stands for."""
        if self.pattern is not None:
            return self.patterns[self.pattern]
        return Pattern(days=stated.days, shifts=stated.shifts, breaks=stated.breaks)

    def payroll(self, pattern: Pattern) -> float:
        """People on the payroll for one on site: those off rotation and the spare ones for absences included."""
        absence = self.productivity.absence if self.productivity else None
        spare = 0.0 if absence is None else absence.share.value * absence.covered.value
        return pattern.payroll * (1 + spare)


def followed(stated: Calendar, pattern: Pattern) -> Calendar:
    """Return a calendar with the days, shifts and breaks of a pattern, and its own holidays."""
    return stated.model_copy(update={"days": pattern.days, "shifts": pattern.shifts, "breaks": pattern.breaks})


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(known)) or 'none'}"
