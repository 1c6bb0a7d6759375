"""What the site does about a slip, decided at reviews of its progress, and about crews that a stop leaves without work.

A contractor who falls behind works overtime, brings more crews and begins a second shift, and takes all back when he has
caught up. Here that is one policy with stated limits, the same for every strategy, with one switch: `active`. At a review
a trade is *behind* by so many days if it has not done what, by the expected plan, had to be finished at the latest so many
days ago; then some of its work is that much later than its latest finish, and so is the project unless it catches up.

What cannot be helped by more hands (parts that are late, a closed road) is not helped by it, and costs money all the same.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Annotated, Self

from pydantic import Field, model_validator

from sim.config.sections.base import Bounds, Section, Unit
from sim.config.sections.estimates import Ratio, Share, Sourced
from sim.errors import NOTHING, Mistake, Refused

ReviewWeeks = Annotated[int, Unit("weeks"), Bounds(1, 52)]
SlipDays = Annotated[int, Unit("days"), Bounds(1, 365)]


class Overtime(Sourced):
    """More hours by the crews that are on site; as work goes on in many places at once, they count as more crews."""

    share: Share = Field(description="Hours more than those of the pattern")
    loss: Share = Field(description="Share of these hours that tired people lose, in them and in the others")
    pay: Ratio = Field(description="Cost of an hour of overtime over that of a paid hour")

    def worth(self, planned_crews: int) -> int:
        """Return how many crews' work the overtime of so many crews is worth, whole crews."""
        return floor(planned_crews * self.share.value * (1 - self.loss.value) + 1e-9)


class SecondShift(Sourced):
    """People who work after the others have gone home, where all work in one shift; they count as more crews too.

    They are hired, housed and counted on site as all others.
    """

    share: Share = Field(description="Crews' work of the second shift over the crews planned, before its loss")
    loss: Share = Field(description="Share of its hours that the dark and handing over lose")
    pay: Annotated[float, Unit("×"), Bounds(1, 10)] = Field(
        description="Cost of an hour of it over that of a paid hour"
    )

    def worth(self, planned_crews: int) -> int:
        """Return how many crews' work the second shift of so many crews is worth, whole crews."""
        return floor(planned_crews * self.share.value * (1 - self.loss.value) + 1e-9)

    def people(self, crew: int) -> int:
        """Return the people of a second shift that is worth one crew of so many: as many more as it loses hours."""
        return round(crew / (1 - self.loss.value))


class Standby(Sourced):
    """Crews that are sent home for lack of work, so that they come back when they are called."""

    share: Share = Field(
        description="Share of its wages that a crew is paid while it is at home and may be called back"
    )


class ExtraCrews(Sourced):
    """Crews hired beyond those of the crew plan, through the same hiring and into the same beds."""

    share: Share = Field(description="Crews more of a trade than planned, rounded up")

    def more(self, planned_crews: int) -> int:
        """Return how many crews more so many planned ones may be given."""
        return ceil(planned_crews * self.share.value - 1e-9)


class Acceleration(Section):
    """The policy; without `active` it is not used, and left out there is none."""

    active: bool = Field(default=True, description="The switch: false leaves everything as if this were not stated")
    every_weeks: ReviewWeeks = Field(description="Weeks from one review of progress to the next")
    slip_days: SlipDays = Field(
        description="Days a trade must be behind its latest finishes for the first measure; for the last it is twice that"
    )
    overtime: Overtime | None = Field(default=None, description="Overtime, used first; left out, there is none")
    crews: ExtraCrews | None = Field(
        default=None, description="Crews more, used after overtime; none where labour.limit caps the people on site"
    )
    shift: SecondShift | None = Field(
        default=None,
        description="A second shift, used last; none where the pattern has several shifts, or labour.limit caps the people",
    )

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        """Refuse a policy that has no measure: it reads as if the site reacted, and nothing ever happens."""
        if self.overtime is None and self.crews is None and self.shift is None:
            raise Refused([
                Mistake(("overtime",), NOTHING, "is missing, and so are `crews` and `shift`: there is nothing to add")
            ])  # fmt: skip
        return self
