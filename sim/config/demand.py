"""How many MW are needed when: a given path, or one that is drawn anew in every replication, for all strategies alike."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from sim.config.estimates import Bounds, Estimate, Figure, Name, Section, Sourced, Unit
from sim.config.quantities import CalendarDays, Days, Factor, Megawatts, Probability

DaysPerMegawatt = Annotated[Estimate, Unit("days/MW"), Bounds(0, 3_650)]


class Point(Section):
    """So many MW are needed in all from a day on."""

    day: Annotated[int, Unit("days"), Bounds(0, 14_600)] = Field(description="Days after t0")
    mw: Annotated[float, Unit("MW"), Bounds(0, 20_000)] = Field(description="Gross MW needed in all from that day on")


class Scenario(Sourced):
    """A future with a probability: how much slower or faster demand grows in it."""

    id: Name = Field(description="Name of the scenario")
    weight: Annotated[float, Unit("weight"), Bounds(0, 1_000)] = Field(description="Its probability, on any scale")
    days_factor: Annotated[float, Unit("×"), Bounds(0.01, 100)] = Field(
        description="Days per MW in it over those stated: 0.5 is twice as fast"
    )


class Growth(Sourced):
    """Demand that grows from a first need, at a pace that is drawn once and wavers on the way."""

    first_day: Days = Field(description="Day after t0 on which the first MW are needed")
    first_mw: Megawatts = Field(description="MW needed on that day")
    days_per_mw: DaysPerMegawatt = Field(description="Days in which one more MW is needed; 3.04 is 10 MW a month")
    wave: Factor = Field(default=Estimate(value=1), description="How the pace of one wave differs from the trend")
    wave_mw: Megawatts = Field(default=Figure(value=25), description="MW for which one wave lasts")


class Ending(Sourced):
    """Demand that may break off: nothing more is needed from then on, and nothing that was not needed yet."""

    probability: Probability = Field(description="Probability that it does")
    day: CalendarDays = Field(description="When, if it does: days after t0")


class Demand(Section):
    """The MW that are needed over time: one of `path` and `growth`."""

    path: tuple[Point, ...] = Field(default=(), description="A given path, up to the capacity")
    growth: Growth | None = Field(default=None, description="A path drawn in every replication")
    scenarios: tuple[Scenario, ...] = Field(default=(), description="Futures of the growth, one of which comes true")
    ending: Ending | None = Field(default=None, description="Demand may break off")

    @model_validator(mode="after")
    def _one_path(self) -> Demand:
        if bool(self.path) == (self.growth is not None):
            raise ValueError("give either a path or a growth")
        if self.scenarios and (self.growth is None or not sum(scenario.weight for scenario in self.scenarios)):
            raise ValueError("scenarios need a growth that they change, and weights above 0")
        return self
