"""People on site: trades and crews, how fast they can be had, what they lose, who stands beside them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sim.config.estimates import Bounds, Name, Section, Sourced, Unit
from sim.config.quantities import Count, DollarsPerHour, Factor, People, Ratio, Share


class Trade(Sourced):
    """A kind of worker, who comes and leaves in crews."""

    crew_size: Annotated[int, Unit("people"), Bounds(1, 200)] = Field(description="Direct people in one crew")
    hired_per_week: People = Field(description="People of this trade that can be brought in within a week")
    loaded_rate_usd_per_hour: DollarsPerHour = Field(description="Cost of a paid hour, burden and overtime included")
    crews: Annotated[int, Unit("crews"), Bounds(1, 2_000)] | None = Field(
        default=None, description="Crews typed in by hand; left out, the product sizes the trade by its one rule"
    )


class Ramp(Sourced):
    """The shape of a trade's headcount over its window: up, level, down."""

    up: Share = Field(description="Share of the window in which the trade grows")
    down: Share = Field(description="Share of the window in which it shrinks")


class Labour(Section):
    """Trades and what applies to all of them."""

    trades: dict[Name, Trade] = Field(min_length=1, description="Every trade that steps and mechanisms name")
    indirect_ratio: Ratio = Field(description="Indirect people (staff, foremen, stores) per direct person")
    content_spread: Factor = Field(description="Uncertainty of a step's work content, relative to its stated hours")
    losses: Factor = Field(
        description="Minutes worked per minute earned: drawn once per trade and replication (overtime, crowding, heat)"
    )
    planned_loss: Share = Field(description="Loss the crew plan allows for")
    utilisation: Share = Field(description="Share of paid time the crew plan expects to be busy")
    ramp: Ramp = Field(description="Ramp the crew plan is shaped by")
    mobilisation_days: Count = Field(description="Working days from arrival to the first day of work")
