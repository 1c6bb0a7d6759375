"""What makes work take longer than its earned hours, mechanism by mechanism.

`labour.losses` states all of it together, for one way of working (`stated_for`) and for what each mechanism
says it contains (`in_losses`). A mechanism that is on moves the loss to where it arises, to summer, to a full
hall, to the night; the total changes only as far as the project differs from what was stated.
A loss is the share of the time that earns nothing: 20 % loss is 1.25 minutes for each minute earned.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from sim.config.calendars import Clock
from sim.config.estimates import Bounds, Figure, Name, Section, Sourced, Unit
from sim.config.quantities import Share
from sim.errors import Finding, Refused

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
        """The loss of crews that are short of people."""
        return self.share.value * (1 - self.covered.value)


class Turnover(Sourced):
    """People who leave for good and are replaced by others who do not know the job yet."""

    per_month: Share = Field(description="Share of people replaced in a month")
    newcomer_loss: Share = Field(description="Loss of a newcomer, mean over the time he is one")
    newcomer_months: Months = Field(description="Months until a newcomer is as good as the others")
    in_losses: Share = Field(description="Loss by turnover that `losses` contains")

    @property
    def loss(self) -> float:
        """The loss by the newcomers there are at any time."""
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
    def everywhere(self) -> float:
        """What absence and turnover make of a minute, over what `losses` has of them; crowding's part taken out.

        The total loss of a piece of work is `losses` × this × what its hall and its calendar add.
        """
        factor = 1.0 if self.crowding is None else 1 - self.crowding.in_losses.value
        for mechanism in (self.absence, self.turnover):
            if mechanism is not None and mechanism.loss != mechanism.in_losses.value:
                factor *= (1 - mechanism.in_losses.value) / (1 - mechanism.loss)
        return factor


def _in_order(numbers: list[float], section: str, key: str, what: str) -> None:
    """Refuse rows that do not rise."""
    rows = enumerate(pairwise(numbers), 1)
    wrong = [Finding((section, row, key), abs(after), what) for row, (before, after) in rows if after <= before]
    if wrong:
        raise Refused(wrong)
