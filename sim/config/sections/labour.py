"""People on site: their calendars, productivity losses, trades and crews, rotation, camp.

`labour.losses` states all losses together, for one working pattern (`stated_for`) and for what each mechanism states
that it contains (`in_losses`). A mechanism that is switched on moves its loss to where it arises: to summer, to a full
hall, to the night; the total changes only as far as the project differs from what was stated. A loss is the share of
the time that earns nothing: 20 % loss is 1.25 minutes for each minute earned.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.config.sections.acceleration import Acceleration, Standby
from sim.config.sections.estimates import (
    Bounds,
    CalendarDays,
    Count,
    DollarsPerHour,
    Factor,
    Figure,
    Name,
    People,
    Ratio,
    Section,
    Share,
    Sourced,
    Unit,
)
from sim.config.sections.systems import Learning
from sim.config.sections.working_week import Calendar, Clock, ClockSpan, Holidays, NamedCalendar, Weekday
from sim.errors import Mistake, Refused, did_you_mean

# --- calendars --------------------------------------------------------------------------------------------------------


class SiteCalendar(Sourced):
    """The site's working week, and its holidays; the week may be left to `labour.pattern`."""

    days: tuple[Weekday, ...] | None = Field(
        default=None, min_length=1, description="Working days of the week; left out, those of labour.pattern"
    )
    shifts: tuple[ClockSpan, ...] | None = Field(
        default=None, min_length=1, description="Shifts of a working day; left out, those of labour.pattern"
    )
    breaks: tuple[ClockSpan, ...] | None = Field(
        default=None, description="Unpaid breaks, not worked; left out, those of labour.pattern, or none"
    )
    holidays: Holidays | None = Field(default=None, description="Days without work")

    def with_pattern(self, pattern: Pattern) -> Calendar:
        """Return the calendar with the days, shifts and breaks of a pattern, and its own holidays."""
        return Calendar(days=pattern.days, shifts=pattern.shifts, breaks=pattern.breaks, holidays=self.holidays)


class Calendars(Section):
    """Who works when."""

    site: SiteCalendar = Field(description="Everyone on site")
    factory: Calendar = Field(description="Factories")
    gate: Calendar = Field(description="Site gate and unloading")
    named: dict[Name, NamedCalendar] = Field(
        default={}, description="Calendars by which single steps work, where these say so (`calendar`)"
    )


# --- productivity losses ----------------------------------------------------------------------------------------------


Loss = Annotated[float, Unit("share"), Bounds(0, 0.9)]
HoursAWeek = Annotated[float, Unit("h/week"), Bounds(1, 168)]
SquareFeetEach = Annotated[float, Unit("sq ft/person"), Bounds(1, 100_000)]
Months = Annotated[Figure, Unit("months"), Bounds(0, 24)]


class LongWeek(Section):
    """A week of so many hours, worked again and again."""

    hours: HoursAWeek = Field(description="Hours one person works in a week")
    loss_by_week: tuple[Loss, ...] = Field(
        min_length=1, description="Loss in the first, second, … consecutive week; the last one stays"
    )


class Overtime(Sourced):
    """Fatigue of long weeks: it builds up with every week in a row, and starts anew after weeks off."""

    weeks: tuple[LongWeek, ...] = Field(min_length=1, description="By hours a week; in between it is interpolated")

    @model_validator(mode="after")
    def _rising(self) -> Overtime:
        _in_order([week.hours for week in self.weeks], "weeks", "hours", "more hours than the week before it")
        return self


class Night(Sourced):
    """Work in the dark."""

    loss: Share = Field(description="Loss in the hours between `begins` and `ends`")
    begins: Clock = Field(description="Clock time from which it is night")
    ends: Clock = Field(description="Clock time at which it is day")


class Heat(Sourced):
    """Hot months."""

    loss_by_month: tuple[Loss, ...] = Field(
        min_length=12, max_length=12, description="Loss by day outdoors, January to December"
    )
    indoors: Share = Field(description="Share of it that is felt in a hall")


class Density(Section):
    """So much room for each person in a hall."""

    sqft_per_person: SquareFeetEach = Field(description="Area of the hall over the people at work in it")
    loss: Loss = Field(description="Loss at that density")


class Crowding(Sourced):
    """Trades in each other's way: people at work in one hall, by its area."""

    densities: tuple[Density, ...] = Field(
        min_length=2, description="From roomy to packed; interpolated in between, constant beyond both ends"
    )
    in_losses: Share = Field(description="Loss by crowding that `losses` contains")

    @model_validator(mode="after")
    def _denser(self) -> Crowding:
        rooms = [-density.sqft_per_person for density in self.densities]
        _in_order(rooms, "densities", "sqft_per_person", "less room than the density before it")
        return self


class Absence(Sourced):
    """People who are not there today."""

    share: Share = Field(description="Share of people absent on a day")
    covered: Share = Field(description="Share of absences made up for by spare people on the payroll")
    in_losses: Share = Field(description="Loss by absence that `losses` contains")

    @property
    def loss(self) -> float:
        """Return the loss of crews that are short of people."""
        return self.share.value * (1 - self.covered.value)


class Turnover(Sourced):
    """People who leave for good and are replaced by others who do not know the job yet."""

    per_month: Share = Field(description="Share of people replaced in a month")
    newcomer_loss: Share = Field(description="Loss of a newcomer, mean over the time he is one")
    newcomer_months: Months = Field(description="Months until a newcomer is as good as the others")
    in_losses: Share = Field(description="Loss by turnover that `losses` contains")

    @property
    def loss(self) -> float:
        """Return the loss by the newcomers there are at any time."""
        return min(1.0, self.per_month.value * self.newcomer_months.value) * self.newcomer_loss.value


class Productivity(Section):
    """The mechanisms; one that is left out is off, and its part stays in `losses`."""

    stated_for: Name = Field(description="The pattern of `labour.patterns` for which `losses` is stated")
    overtime: Overtime | None = Field(default=None, description="Weeks of more than 40 hours")
    night: Night | None = Field(default=None, description="Night work")
    heat: Heat | None = Field(default=None, description="Heat, by month")
    crowding: Crowding | None = Field(default=None, description="Many people in one hall")
    absence: Absence | None = Field(default=None, description="People who are not there")
    turnover: Turnover | None = Field(default=None, description="People who leave and are replaced")

    @property
    def loss_adjustment(self) -> float:
        """Return the factor on `losses` that replaces the absence and turnover in them (`in_losses`) by this project's.

        It takes crowding out: the total loss of a work is `losses` × this × the factors of its hall (crowding) and calendar.
        """
        factor = 1.0 if self.crowding is None else 1 - self.crowding.in_losses.value
        for mechanism in (self.absence, self.turnover):
            if mechanism is not None and mechanism.loss != mechanism.in_losses.value:
                factor *= (1 - mechanism.in_losses.value) / (1 - mechanism.loss)
        return factor


def _in_order(numbers: list[float], section: str, key: str, expected: str) -> None:
    """Refuse a table in which a number is not larger than the one in the row before it."""
    findings = [
        Mistake((section, row, key), abs(number), expected)
        for row, (number_before, number) in enumerate(pairwise(numbers), 1)
        if number <= number_before
    ]
    if findings:
        raise Refused(findings)


# --- trades, patterns, camp -------------------------------------------------------------------------------------------


Weeks = Annotated[int, Unit("weeks"), Bounds(0, 52)]
Beds = Annotated[int, Unit("beds"), Bounds(0, 50_000)]


class Skill(Sourced):
    """Another mix of people: for example fewer, dearer, more productive ones."""

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
    crews_by_month: tuple[Annotated[int, Unit("crews"), Bounds(0, 2_000)], ...] = Field(
        default=(),
        description="A manning curve typed in instead: crews on site in each month after the decision. After its last month "
        "only as many stay as one step takes at once, until the work of the trade is done",
    )
    available: Annotated[int, Unit("people"), Bounds(1, 100_000)] | None = Field(
        default=None,
        description="People of this trade that the local market has, all shifts together; crew plan and reaction take no"
        " more. Left out, as many as are hired",
    )
    skill: Skill | None = Field(default=None, description="A mix of people other than the stated one")

    @model_validator(mode="after")
    def _one_number_of_crews(self) -> Trade:
        """Refuse both `crews` and `crews_by_month` for a trade, and a `crews_by_month` without any crew."""
        if self.crews_by_month and self.crews is not None:
            raise Refused(
                [Mistake(("crews_by_month",), list(self.crews_by_month), "either `crews` or a curve, not both")]
            )
        if self.crews_by_month and not any(self.crews_by_month):
            raise Refused([Mistake(("crews_by_month",), list(self.crews_by_month), "a crew in at least one month")])
        return self

    @property
    def entered_crews(self) -> int | None:
        """Crews at most, where they are entered by hand (`crews` or `crews_by_month`)."""
        return max(self.crews_by_month) if self.crews_by_month else self.crews

    @property
    def team(self) -> int:
        """Direct people of one crew in one shift, as this mix has them."""
        return self.crew_size if self.skill is None else max(1, round(self.crew_size * self.skill.people.value))

    @property
    def paid_rate(self) -> float:
        """Dollars of a paid hour, as this mix has it."""
        return self.loaded_rate_usd_per_hour.value * (1.0 if self.skill is None else self.skill.wage.value)

    @property
    def relative_output(self) -> float:
        """Work that one person does in an hour, relative to the skill for which earned hours are stated."""
        return 1.0 if self.skill is None else self.skill.output


class Ramp(Sourced):
    """The shape of a trade's headcount over its window: up, level, down."""

    up: Share = Field(description="Share of the window in which the trade grows")
    down: Share = Field(description="Share of the window in which it shrinks")


class Pattern(Sourced):
    """A shift pattern: days and shifts of a week, and how long people stay before they go home for a while."""

    days: tuple[Weekday, ...] = Field(min_length=1, description="Working days of the week")
    shifts: tuple[ClockSpan, ...] = Field(
        min_length=1, description="Shifts of a day; every crew is there once for each of them"
    )
    breaks: tuple[ClockSpan, ...] = Field(default=(), description="Unpaid breaks, not worked")
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
    """Beds within reach of the site: only people who have one are brought in. How many need one is `money.camp.housed`."""

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
    indirect_ratio: Annotated[Figure, Unit("×"), Bounds(0, 3)] = Field(
        description="Indirect people (staff, foremen, stores) per direct person"
    )
    content_spread: Factor = Field(description="Uncertainty of a step's work content, relative to its stated hours")
    losses: Factor = Field(
        description="Minutes worked per minute earned, all causes together: drawn once per trade and replication"
    )
    planned_loss: Share = Field(description="Loss the crew plan allows for")
    utilisation: Annotated[Figure, Unit("share"), Bounds(0.05, 1)] = Field(
        description="Share of paid time the crew plan expects to be busy"
    )
    ramp: Ramp = Field(description="Ramp the crew plan is shaped by")
    mobilisation_days: Count = Field(description="Working days from arrival to the first day of work")
    crew_plan: Literal["levelled", "window"] = Field(
        default="levelled",
        description="How many crews when: the smallest peak that keeps the date, found by rehearsals at expected"
        " durations; or every trade's hours spread over its window",
    )
    dispatch: Literal["latest_finish", "first_come"] = Field(
        default="latest_finish",
        description="Who gets a crew that several wait for: who must finish first, or who asked",
    )
    idle_weeks: Annotated[int, Unit("weeks"), Bounds(1, 104)] = Field(
        default=3, description="A crew without work for longer goes home and comes back when work opens"
    )
    idle_leave: bool = Field(
        default=True,
        description="Crews that have no work for `idle_weeks` in the run as it happens go home as well, and are called back"
        " when work waits for them; off, only in valleys that the crew plan foresees",
    )
    standby: Standby | None = Field(default=None, description="What they are paid meanwhile; left out, nothing")
    early_weeks: Annotated[int, Unit("weeks"), Bounds(0, 104)] | None = Field(
        default=None,
        description="Weeks that a crew may be on site before its work, as hiring takes time; a trade whose hiring takes"
        " longer grows while its work is under way. Left out, all crews are there when the plan first needs them",
    )
    limit: Annotated[int, Unit("people"), Bounds(1, 100_000)] | None = Field(
        default=None, description="People on site at most; the levelled plan then has the earliest date for so many"
    )
    called_by: Literal["progress", "date", "permits"] = Field(
        default="progress",
        description="Crews are called when the work before theirs has got so far, on a date, or as long after the"
        " permits as is planned",
    )
    pattern: Name | None = Field(
        default=None,
        description="The way of working, one of `patterns`; left out, it is that of calendars.site, which states a week "
        "only where none is named here, or the same one",
    )
    patterns: dict[Name, Pattern] = Field(default={}, description="Ways of working to choose from")
    productivity: Productivity | None = Field(default=None, description="What `losses` is made of, by mechanism")
    camp: Camp | None = Field(default=None, description="Beds; left out, there are always enough")
    acceleration: Acceleration | None = Field(default=None, description="What the site does about a slip")
    learning: SiteLearning | None = Field(default=None, description="Learning by repetition on site")

    @model_validator(mode="after")
    def _known_patterns(self) -> Labour:
        """Refuse the name of a working pattern that `patterns` does not describe."""
        losses_pattern = self.productivity.stated_for if self.productivity else None
        pattern_names = {("pattern",): self.pattern, ("productivity", "stated_for"): losses_pattern}
        findings = [
            Mistake(path, name, "one of labour.patterns", did_you_mean(name, self.patterns))
            for path, name in pattern_names.items()
            if name is not None and name not in self.patterns
        ]
        if findings:
            raise Refused(findings)
        return self

    def pattern_for(self, calendar: SiteCalendar) -> Pattern:
        """Return the working pattern that was chosen, or else one of the calendar's own days, shifts and breaks."""
        if self.pattern is not None:
            return self.patterns[self.pattern]
        assert calendar.days is not None  # the cross checks refuse a project without a week
        assert calendar.shifts is not None
        return Pattern(days=calendar.days, shifts=calendar.shifts, breaks=calendar.breaks or ())

    def payroll(self, pattern: Pattern) -> float:
        """Return people on the payroll per person on site: those off rotation and those who cover absences included."""
        absence = self.productivity.absence if self.productivity else None
        spare = 0.0 if absence is None else absence.share.value * absence.covered.value
        return pattern.payroll * (1 + spare)
