"""Step networks: the one thing that is a network in YAML. Finish-to-start, instantiated once, per hall or per block."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from sim.config.estimates import Bounds, Estimate, Name, Sourced, Unit
from sim.config.quantities import CalendarDays, Hours, WorkingDays

Exposure = Literal["interior", "exterior", "earthwork", "crane"]
EXPOSURES: tuple[Exposure, ...] = get_args(Exposure)
CrewCount = Annotated[int, Unit("crews"), Bounds(1, 500)]
AMOUNTS = ("hours", "hours_per_sqft", "hours_per_mw", "days")


class Step(Sourced):
    """One activity: who does it, how much work it is, and what must be finished before it."""

    id: Name = Field(description="Name of the step, unique in its network")
    crews: dict[Name, CrewCount] = Field(
        default={}, description="Crews by trade, taken together; the first trade leads and its losses apply"
    )
    hours: Hours | None = Field(default=None, description="Work content in earned person-hours per instance")
    hours_per_sqft: Annotated[Estimate, Unit("h/sq ft"), Bounds(0, 50)] | None = Field(
        default=None, description="Earned person-hours per square foot of the hall"
    )
    hours_per_mw: Annotated[Estimate, Unit("h/MW"), Bounds(0, 50_000)] | None = Field(
        default=None, description="Earned person-hours per gross MW of the instance"
    )
    days: WorkingDays | None = Field(
        default=None, description="Duration in working days, for steps that are not labour"
    )
    after: tuple[str, ...] = Field(
        default=(), description="Steps that must be finished: `id` here, or `network.id` further up"
    )
    needs: tuple[Name, ...] = Field(default=(), description="Procured items that must have arrived")
    lag_days: CalendarDays | None = Field(default=None, description="Calendar days to wait after its predecessors")
    exposure: Exposure = Field(default="interior", description="What weather stops it")
    whole: bool = Field(default=False, description="Cannot pause: a pour or a lift waits for a window")

    @model_validator(mode="after")
    def _one_amount(self) -> Step:
        given = [name for name in AMOUNTS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(AMOUNTS)} (here: {', '.join(given) or 'none'})")
        if given != ["days"] and not self.crews:
            raise ValueError("work content in hours needs `crews` who do it")
        return self


class Network(Sourced):
    """Steps that follow each other."""

    steps: tuple[Step, ...] = Field(default=(), description="The steps, in any order")
