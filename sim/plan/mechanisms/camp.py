"""The camp: nobody is brought in who has no bed, and beds come in stages, each with its own lead time.

The crews of a trade that stay for all its work have beds set aside for them, so that every trade can always do its
work, however full the camp is; these beds are for everyone once that trade has gone. All other crews take a bed
when one is free, before they are hired, and give it back when they leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from sim.config.sections.labour import Camp
from sim.errors import SimError
from sim.plan.context import Mobilisation, PlanContext
from sim.plan.vocabulary import MINUTES_PER_DAY, Free, Signal, Span, UnitInfo, Until, Wait
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import to_distribution

BEDS = "beds"
CAMP = "camp"


class CampTooSmall(SimError):
    """A camp in which the crews that every trade needs to the end do not find beds together."""

    exit_code = 2


@dataclass(frozen=True)
class Quarters:
    """The beds of one crew: how many, and the beds of the camp that must be open if they are set aside for it."""

    beds: int
    set_aside: bool = False
    opened: int = 0

    def moving_in(self) -> tuple[list[PlanStep], dict[str, int]]:
        """Return the steps before a crew is hired, and the pools it takes together with its hiring slot."""
        if not self.set_aside:
            return [], {BEDS: self.beds} if self.beds else {}
        return [Wait(CAMP, self.opened)] if self.opened > 0 else [], {}

    def moving_out(self) -> list[PlanStep]:
        """Return the step by which a crew leaves its beds to others."""
        return [Free({BEDS: self.beds})] if self.beds else []


NO_CAMP = Quarters(0)


def pitch_camp(context: PlanContext, most: Mapping[str, int]) -> dict[tuple[str, int], Quarters]:
    """Write the camp as it opens, and return the quarters of every crew by trade and number, from 0.

    `most` is the largest number of crews of a trade that any step takes at once. Raises `CampTooSmall`.
    """
    camp = context.project.labour.camp
    stays = {
        trade: context.resource_plan.mobilisations[trade]
        for trade in most
        if trade in context.resource_plan.mobilisations
    }
    if camp is None or not stays:
        return {}
    each = {trade: beds_of(context, trade) for trade in stays}
    quarters = {(trade, n): Quarters(each[trade]) for trade in stays for n in range(len(stays[trade]))}
    aside = 0
    for trade, number in _to_the_end(stays, most):
        aside += each[trade]
        quarters[trade, number] = Quarters(each[trade], set_aside=True, opened=max(0, aside - camp.rooms))
    extra = sum(_beds_added(context, trade) for trade in context.resource_plan.reviews if trade in each)
    wanted = sum(crew.beds for crew in quarters.values()) + extra
    _open(context, camp, [*_openings(camp, wanted)], aside)
    return quarters


def beds_of(context: PlanContext, name: str, direct: int | None = None) -> int:
    """Return the beds of one crew, or of so many direct people: of all shifts, and of the indirect people with them."""
    project = context.project
    housed = 1.0 if project.money.camp is None else project.money.camp.housed.value
    if direct is None:
        direct = context.trade(name).team * len(project.pattern.shifts)
    return ceil(direct * (1 + project.labour.indirect_ratio.value) * housed - 1e-9)


def _beds_added(context: PlanContext, trade: str) -> int:
    """Return the beds of all that reviews may add to a trade."""
    more, policy = context.resource_plan.reviews[trade], context.project.labour.acceleration
    found = more.crews * beds_of(context, trade)
    if more.shift and policy is not None and policy.shift is not None:
        found += more.shift * beds_of(context, trade, policy.shift.people(context.trade(trade).team))
    return found


def _to_the_end(stays: Mapping[str, Sequence[Mobilisation]], most: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the crews that stay for all the work of their trade, in the order in which they are called."""
    crews = [(trade, number) for trade in stays for number in range(min(most[trade], len(stays[trade])))]
    return sorted(crews, key=lambda crew: stays[crew[0]][crew[1]].called)


def _openings(camp: Camp, wanted: int) -> Iterator[int]:
    """Yield the beds of every stage; a stage without a number has what is wanted beyond the others."""
    stated = camp.rooms + sum(stage.beds or 0 for stage in camp.stages)
    rest = max(0, wanted - stated)
    for stage in camp.stages:
        yield rest if stage.beds is None else stage.beds
        rest = 0 if stage.beds is None else rest


def _open(context: PlanContext, camp: Camp, beds: Sequence[int], aside: int) -> None:
    """Write every stage: it opens after the one before it, first for those whose beds are set aside."""
    if camp.rooms + sum(beds) < aside:
        raise CampTooSmall(
            f"labour.camp: {camp.rooms + sum(beds)} beds in all, and the crews that stay to the end need {aside}:"
            " the work could come to a stand for ever"
        )
    context.plan.gate(CAMP)
    context.plan.pool(BEDS, max(0, camp.rooms - aside), "supplied", cause="crew", noun="beds")
    there = 0
    for number, (stage, more) in enumerate(zip(camp.stages, beds, strict=True), 1):
        spare = max(0, camp.rooms + there + more - aside) - max(0, camp.rooms + there - aside)
        opens = Until("camp opens", Span(to_distribution(stage.opens_days), MINUTES_PER_DAY))
        route: list[PlanStep] = [opens, *([Wait(CAMP, there)] if there else []), Signal(CAMP, more)]
        route += [Free({BEDS: spare})] if spare else []
        context.plan.unit(f"camp.{number}", route, UnitInfo("camp_stage", "crew", number=number))
        there += more
