"""What differs between whole projects: risk drivers, and the pace at which everyone works.

Risk drivers are things that happen or not, once for the whole project, and hit many activities when they do.

They are an input apart from the ranges of single estimates: a range states how long a thing takes when
nothing special happens. A driver has an inherent state and, where something is done about it, a mitigated
one. Tags name what a driver hits (see `sim/config/cross_checks.py`).

A pace is a factor that all work of a site, or of a factory, shares: independent estimates average out over hundreds
of activities, projects do not. `docs/explanation/why_projects_differ.md` has the reasons and the calibration.
"""

from __future__ import annotations

from math import fsum, log, sqrt
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.config.sections.estimates import (
    Bounds,
    CalendarDays,
    Dollars,
    Estimate,
    Factor,
    Figure,
    Name,
    Probability,
    Section,
    Share,
    Sourced,
    Unit,
    Weeks,
)
from sim.errors import NOTHING, Mistake, Refused, did_you_mean

Correlation = Annotated[Figure, Unit("correlation"), Bounds(0, 1)]
Mode = Literal["inherent", "mitigated", "none"]
Effect = Literal["factor", "added_days", "slip_days", "lost_weeks"]
EFFECTS: tuple[Effect, ...] = ("factor", "added_days", "slip_days", "lost_weeks")
Tag = Annotated[str, Field(pattern=r"^[a-z_]+(:.+)?$", max_length=100)]


class State(Section):
    """How likely a driver is, and what it does when it occurs: exactly one of the four effects."""

    probability: Probability = Field(description="Probability that it occurs in this project")
    factor: Factor | None = Field(default=None, description="Minutes of what it hits, or chances of tests to fail, ×")
    added_days: CalendarDays | None = Field(
        default=None, description="Days added to each activity it hits, in days of that activity's calendar"
    )
    slip_days: CalendarDays | None = Field(default=None, description="Days by which every delivery of an item slips")
    lost_weeks: Weeks | None = Field(default=None, description="Weeks for which capacity is lost")

    @model_validator(mode="after")
    def _one_effect(self) -> State:
        effects = [name for name in EFFECTS if getattr(self, name) is not None]
        if len(effects) != 1:
            raise ValueError(f"give exactly one of {', '.join(EFFECTS)} (here: {', '.join(effects) or 'none'})")
        return self

    @property
    def effect(self) -> Effect:
        """Which of the four effects it has."""
        return next(name for name in EFFECTS if getattr(self, name) is not None)

    @property
    def size(self) -> Estimate:
        """Return how bad it is when it occurs, in the unit of its effect."""
        size: Estimate = getattr(self, self.effect)
        return size


class Mitigation(Sourced):
    """What is done about a driver, and what that costs."""

    kind: Literal["avoid", "reduce", "transfer", "accept"] = Field(description="Kind of answer")
    how: str = Field(max_length=300, description="What is done")
    cost_usd: Dollars = Field(description="What it costs, whether the driver occurs or not")


class Driver(Sourced):
    """One entry of the register."""

    id: Name = Field(description="Name by which it is drawn and switched off")
    name: str = Field(max_length=120, description="What happens, in words")
    on: tuple[Tag, ...] = Field(min_length=1, description="Tags of what it hits")
    inherent: State = Field(description="As it is")
    mitigated: State | None = Field(default=None, description="After the mitigation; left out: as it is")
    mitigation: Mitigation | None = Field(default=None, description="What is done about it")
    from_week: Weeks | None = Field(default=None, description="For lost capacity: week after t0 in which it begins")
    share: Share = Field(default=Figure(value=1.0), description="For lost capacity: the share of it that is lost")

    @model_validator(mode="after")
    def _holds_together(self) -> Driver:
        """Refuse a driver whose effect and values do not fit together."""
        findings = []
        if self.mitigated is not None and self.mitigated.effect != self.inherent.effect:
            expected = f"the same effect as the inherent state ({self.inherent.effect})"
            findings.append(Mistake(("mitigated",), self.mitigated.effect, expected))
        if self.effect == "lost_weeks" and self.from_week is None:
            findings.append(Mistake(("from_week",), NOTHING, "is missing: the week in which the capacity is lost"))
        if findings:
            raise Refused(findings)
        return self

    @property
    def effect(self) -> Effect:
        """Which of the four effects it has."""
        return self.inherent.effect


class Risks(Section):
    """The register, and what of it applies."""

    mode: Mode = Field(default="inherent", description="As things are, after mitigation, or no driver at all")
    without: tuple[str, ...] = Field(default=(), description="Drivers that are switched off, by id")
    drivers: tuple[Driver, ...] = Field(default=(), description="The register")

    @model_validator(mode="after")
    def _known_ids(self) -> Risks:
        """Refuse ids in `without` that no risk driver has."""
        ids = [driver.id for driver in self.drivers]
        all_ids = f"known here: {', '.join(ids) or 'none'}"
        findings = [
            Mistake(("without", index), name, "the id of a driver", did_you_mean(name, ids) or all_ids)
            for index, name in enumerate(self.without)
            if name not in ids
        ]
        if findings:
            raise Refused(findings)
        return self

    def active(self) -> tuple[tuple[Driver, State], ...]:
        """Return the risk drivers that apply in this mode, each with its state: inherent or mitigated."""
        if self.mode == "none":
            return ()
        drivers = (driver for driver in self.drivers if driver.id not in self.without)
        if self.mode == "inherent":
            return tuple((driver, driver.inherent) for driver in drivers)
        return tuple((driver, driver.mitigated or driver.inherent) for driver in drivers)

    @property
    def mitigation_usd(self) -> float:
        """Return what the mitigations cost that are in force: nothing unless the register is read after mitigation."""
        costs = [driver.mitigation.cost_usd.planned for driver, _ in self.active() if driver.mitigation]
        return fsum(costs) if self.mode == "mitigated" else 0.0


# --- pace -------------------------------------------------------------------------------------------------------------


Z90 = 1.2815515655446004
"""The 90 % point of the standard normal."""


class Pace(Sourced):
    """Time that work takes over the time stated for it, shared by all of a project: lognormal, as {median, p90}.

    What makes it differ is in no other input: management, the owner, the local market, how mature the design is.
    """

    site: Factor = Field(description="All work of crews on site, drawn once a project: {median, p90} or a number")
    factory: Factor = Field(description="All work of one factory, drawn once a project and factory")
    correlation: Correlation = Field(
        default=Figure(value=0.0), description="Correlation of the logarithms of the site's pace and of any factory's"
    )

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Pace:
        """Refuse shapes but fixed and lognormal, a pace of 0, and a correlation that the two spreads cannot have."""
        findings = [
            Mistake((name,), estimate.shape, "{median, p90}, a lognormal, or a number above 0")
            for name, estimate in (("site", self.site), ("factory", self.factory))
            if estimate.shape not in ("fixed", "lognormal") or estimate.planned <= 0
        ]
        if findings:
            raise Refused(findings)
        low, high = sorted((spread(self.site), spread(self.factory)))
        max_correlation = low / high if low else 1.0
        if self.correlation.value > max_correlation + 1e-9:
            expected = f"at most {max_correlation:.3g}, the smaller spread over the larger one"
            raise Refused([Mistake(("correlation",), self.correlation.value, expected)])
        return self

    @property
    def common(self) -> float:
        """Standard deviation of the logarithm of what the site and every factory have in common."""
        return sqrt(self.correlation.value * spread(self.site) * spread(self.factory))

    def own(self, given: Estimate) -> float:
        """Return the standard deviation of the logarithm of what only the site, or only one factory, has."""
        return sqrt(max(0.0, spread(given) ** 2 - self.common**2))


def spread(pace: Estimate) -> float:
    """Return the standard deviation of the logarithm of a pace; 0 for a number."""
    return 0.0 if pace.median is None or pace.p90 is None else log(pace.p90 / pace.median) / Z90
