"""The quantities a planner states, each with its unit and the range in which it makes sense."""

from __future__ import annotations

from typing import Annotated

from sim.config.estimates import Bounds, Estimate, Figure, Unit

Hours = Annotated[Estimate, Unit("h"), Bounds(0, 200_000)]
WorkingDays = Annotated[Estimate, Unit("working days"), Bounds(0, 2_000)]
CalendarDays = Annotated[Estimate, Unit("days"), Bounds(0, 3_650)]
Weeks = Annotated[Estimate, Unit("weeks"), Bounds(0, 520)]
Factor = Annotated[Estimate, Unit("×"), Bounds(0, 20)]

Probability = Annotated[Figure, Unit("probability"), Bounds(0, 1)]
Share = Annotated[Figure, Unit("share"), Bounds(0, 1)]
Ratio = Annotated[Figure, Unit("×"), Bounds(0, 100)]
Count = Annotated[Figure, Unit("number"), Bounds(0, 100_000)]
People = Annotated[Figure, Unit("people"), Bounds(0, 20_000)]
Megawatts = Annotated[Figure, Unit("MW"), Bounds(0, 20_000)]
Days = Annotated[Figure, Unit("days"), Bounds(0, 3_650)]
WeekNumber = Annotated[Figure, Unit("weeks"), Bounds(0, 520)]
Miles = Annotated[Figure, Unit("miles"), Bounds(0, 5_000)]
MilesPerHour = Annotated[Figure, Unit("mph"), Bounds(1, 80)]
SquareFeet = Annotated[Figure, Unit("sq ft"), Bounds(0, 100_000_000)]
Feet = Annotated[Figure, Unit("ft"), Bounds(0.1, 250)]
Pounds = Annotated[Figure, Unit("lb"), Bounds(1, 2_000_000)]
Dollars = Annotated[Estimate, Unit("$"), Bounds(0, 100_000_000_000)]
DollarsPerHour = Annotated[Figure, Unit("$/h"), Bounds(0, 1_000)]
PercentPerYear = Annotated[Figure, Unit("%/year"), Bounds(0, 100)]
