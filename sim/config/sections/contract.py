"""Contract milestones: what was promised to whom by which day, and what a day of delay costs.

A milestone is so many MW online, a hall turned over, the first power, or everything complete. Each becomes a metric of
its own, `milestone_NAME_days`, so that it can be expected, compared, swept and kept in a baseline like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date as calendar_date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.config.sections.base import Bounds, Section, Unit
from sim.errors import NOTHING, Mistake, Refused

MILESTONE, DAYS, IN_TIME, DAMAGES = "milestone_", "_days", "_in_time", "_damages_usd"
"""What a milestone's metrics are called: `milestone_100_mw_to_tenant_days`, and so on with the other endings."""
REACHED_BY = ("mw", "hall", "event")
Event = Literal["first_power", "complete"]


class ContractMilestone(Section):
    """One promise: what is reached, by which day, and what delay costs."""

    name: Annotated[str, Field(min_length=1, max_length=60)] = Field(description="What the contract calls it")
    mw: Annotated[float, Unit("MW"), Bounds(0.1, 20_000)] | None = Field(
        default=None, description="Reached when so many MW gross are online"
    )
    hall: Annotated[int, Unit("hall"), Bounds(1, 10_000)] | None = Field(
        default=None, description="Reached when every block of this hall is online; halls count from 1"
    )
    event: Event | None = Field(
        default=None,
        description="Reached with the first generating unit or grid feed installed, or with every block online",
    )
    date: calendar_date = Field(description="Last day on which it is in time")
    damages_usd_per_day: Annotated[float, Unit("$/day"), Bounds(0, 1_000_000_000)] | None = Field(
        default=None, description="Liquidated damages for every calendar day begun after that"
    )
    cap_usd: Annotated[float, Unit("$"), Bounds(0, 100_000_000_000)] | None = Field(
        default=None, description="At most so much in damages; no cap if left out"
    )
    source: str | None = Field(default=None, description="Where it is agreed")

    @model_validator(mode="after")
    def _one_thing_reached(self) -> ContractMilestone:
        """Refuse other than one condition that reaches the milestone, a cap without damages, and an empty name."""
        conditions = [key for key in REACHED_BY if getattr(self, key) is not None]
        if len(conditions) != 1:
            raise Refused([Mistake((), NOTHING, f"state one of {', '.join(REACHED_BY)}: what is reached by then")])
        if self.cap_usd is not None and self.damages_usd_per_day is None:
            raise Refused([Mistake(("cap_usd",), self.cap_usd, "no cap where there are no damages_usd_per_day")])
        if not self.key:
            raise Refused([Mistake(("name",), self.name, "a name with a letter or a digit of the English alphabet")])
        return self

    @property
    def key(self) -> str:
        """Return its name as a word of a metric: `100_mw_to_tenant`."""
        return "_".join(re.findall(r"[a-z0-9]+", self.name.lower()))

    @property
    def metric(self) -> str:
        """Return the metric that has the day on which it is reached."""
        return f"{MILESTONE}{self.key}{DAYS}"

    @property
    def in_time_metric(self) -> str:
        """Return the metric that is 1 where it is reached by its date, else 0: its mean is the probability."""
        return f"{MILESTONE}{self.key}{IN_TIME}"

    @property
    def damages_metric(self) -> str | None:
        """Return the metric that has its damages; None where none are agreed."""
        return None if self.damages_usd_per_day is None else f"{MILESTONE}{self.key}{DAMAGES}"

    def last_day(self, start: calendar_date) -> float:
        """Return the end of its date in days from 00:00 of the project's start: in time is what is reached until then."""
        return float((self.date - start).days + 1)


def unreachable_or_duplicate(
    milestones: Sequence[ContractMilestone], capacity_mw: float, halls: int, start: calendar_date
) -> Iterator[Mistake]:
    """Yield a finding for each milestone that no replication could reach in time, or whose name another one has."""
    keys = [milestone.key for milestone in milestones]
    for number, milestone in enumerate(milestones):
        path = ("milestones", number)
        if milestone.key in keys[:number]:
            yield Mistake((*path, "name"), milestone.name, "a name of its own: another milestone is called like it")
        if milestone.mw is not None and milestone.mw > capacity_mw + 1e-9:
            yield Mistake((*path, "mw"), milestone.mw, f"at most {capacity_mw:g} MW (all that is built)")
        if milestone.hall is not None and milestone.hall > halls:
            yield Mistake((*path, "hall"), milestone.hall, f"1 to {halls}, the halls of this project")
        if milestone.date < start:
            yield Mistake((*path, "date"), milestone.date.isoformat(), f"a day after scale.start_date, {start}")
