"""The camp: no crew is brought in without beds, and beds come in stages, each with its own lead time.

The crews of a trade that stay for all its work have beds set aside for them, so that every trade can always do its
work, however full the camp is; these beds are for all crews once that trade has left. All other crews take beds
when enough are free, before they are hired, and give them back when they leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from sim.config.sections.labour import Camp
from sim.errors import SimError
from sim.plan.plan_context import Mobilisation, PlanContext, people_of_crew, people_of_second_shift
from sim.plan.vocabulary import MINUTES_PER_DAY, Free, Signal, Span, UnitInfo, Until, Wait
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import to_distribution

BEDS = "beds"
CAMP = "camp"


class CampTooSmall(SimError):
    """A camp that is too small for the crews that every trade needs to the end."""

    exit_code = 2


@dataclass(frozen=True)
class CampBeds:
    """The beds of one crew in the camp, and how many beds the camp's stages must have added if these are set aside for it."""

    beds: int
    set_aside: bool = False
    added_before: int = 0

    def moving_in(self) -> tuple[list[PlanStep], dict[str, int]]:
        """Return the steps before a crew is hired, and the pools it takes together with its hiring slot."""
        if not self.set_aside:
            return [], {BEDS: self.beds} if self.beds else {}
        return [Wait(CAMP, self.added_before)] if self.added_before > 0 else [], {}

    def moving_out(self) -> list[PlanStep]:
        """Return the step by which a crew leaves its beds to others."""
        return [Free({BEDS: self.beds})] if self.beds else []


NO_CAMP = CampBeds(0)


def write_camp(context: PlanContext, max_crews_at_once: Mapping[str, int]) -> dict[tuple[str, int], CampBeds]:
    """Write the stages of the camp, and return the beds of every crew by (trade, number of the crew from 0).

    `max_crews_at_once` is by trade the largest number of crews that any step takes at once. Raises `CampTooSmall`.
    """
    camp, mobilisations = context.project.labour.camp, context.resource_plan.mobilisations
    stays = {trade: mobilisations[trade] for trade in max_crews_at_once if trade in mobilisations}
    if camp is None or not stays:
        return {}
    beds_per_crew = {trade: beds_of(context, trade) for trade in stays}
    beds_of_crew = {(trade, n): CampBeds(beds_per_crew[trade]) for trade in stays for n in range(len(stays[trade]))}
    set_aside = 0
    for trade, number in _crews_to_the_end(stays, max_crews_at_once):
        beds = beds_per_crew[trade]
        set_aside += beds
        beds_of_crew[trade, number] = CampBeds(beds, set_aside=True, added_before=max(0, set_aside - camp.rooms))
    beds_added = sum(_beds_added(context, trade) for trade in context.resource_plan.reviews if trade in beds_per_crew)
    beds_needed = sum(crew.beds for crew in beds_of_crew.values()) + beds_added
    _write_stages(context, camp, _stage_beds(camp, beds_needed), set_aside)
    return beds_of_crew


def beds_of(context: PlanContext, name: str, direct: int | None = None) -> int:
    """Return the beds of one crew, or of `direct` people: for all shifts, and for the indirect people with them."""
    project = context.project
    housed = 1.0 if project.money.camp is None else project.money.camp.housed.value
    if direct is None:
        direct = people_of_crew(project, name)
    return ceil(direct * (1 + project.labour.indirect_ratio.value) * housed - 1e-9)


def _beds_added(context: PlanContext, trade: str) -> int:
    """Return the beds of all crews and second shifts that progress reviews may add to a trade."""
    reviews = context.resource_plan.reviews[trade]
    beds = reviews.extra_crews * beds_of(context, trade)
    if reviews.second_shifts:
        beds += reviews.second_shifts * beds_of(context, trade, people_of_second_shift(context.project, trade))
    return beds


def _crews_to_the_end(
    stays: Mapping[str, Sequence[Mobilisation]], max_crews_at_once: Mapping[str, int]
) -> list[tuple[str, int]]:
    """Return (trade, number) of the crews that stay for all the work of their trade, in the order of their calls."""
    crews = [(trade, number) for trade in stays for number in range(min(max_crews_at_once[trade], len(stays[trade])))]
    return sorted(crews, key=lambda crew: stays[crew[0]][crew[1]].called)


def _stage_beds(camp: Camp, beds_needed: int) -> list[int]:
    """Return the beds of every stage; the first one without a number has what is needed beyond the others."""
    beds_stated = camp.rooms + sum(stage.beds or 0 for stage in camp.stages)
    beds_left = max(0, beds_needed - beds_stated)
    beds = []
    for stage in camp.stages:
        beds.append(beds_left if stage.beds is None else stage.beds)
        if stage.beds is None:
            beds_left = 0
    return beds


def _write_stages(context: PlanContext, camp: Camp, stage_beds: Sequence[int], set_aside: int) -> None:
    """Write a unit per stage, which opens after the one before it; the first beds are those that are set aside."""
    total_beds = camp.rooms + sum(stage_beds)
    if total_beds < set_aside:
        raise CampTooSmall(
            f"labour.camp: {total_beds} beds in all, and the crews that stay to the end need {set_aside}:"
            " the work could come to a stand for ever"
        )
    context.plan.gate(CAMP)
    context.plan.pool(BEDS, max(0, camp.rooms - set_aside), "supplied", cause="crew", noun="beds")
    beds_opened = 0
    for number, (stage, beds) in enumerate(zip(camp.stages, stage_beds, strict=True), 1):
        free_before = max(0, camp.rooms + beds_opened - set_aside)
        free_after = max(0, camp.rooms + beds_opened + beds - set_aside)
        opens = Until("camp opens", Span(to_distribution(stage.opens_days), MINUTES_PER_DAY))
        route: list[PlanStep] = [opens, *([Wait(CAMP, beds_opened)] if beds_opened else []), Signal(CAMP, beds)]
        route += [Free({BEDS: free_after - free_before})] if free_after > free_before else []
        context.plan.unit(f"camp.{number}", route, UnitInfo("camp_stage", "crew", number=number))
        beds_opened += beds
