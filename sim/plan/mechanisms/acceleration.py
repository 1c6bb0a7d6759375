"""Acceleration: at every review a trade that is behind is given overtime, more crews or a second shift for a while.

Each measure is a unit of its own that goes from review to review, off or on. A review asks how many hours the trade has
done: fewer than had to be done at the latest some days ago, and the measure begins; all that had to be done by now, and
it ends. More crews are hired, housed and inducted like all others. Overtime adds to the pool of crews what it is worth:
it is noted as people who are paid, but have no bed and are not counted on site a second time. A second shift is people
who come as all others, as many more as it loses hours; their extra pay is noted separately.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sim.plan.mechanisms.camp import NO_CAMP, CampBeds, beds_of
from sim.plan.mechanisms.crews import arrival, crew, departure, done, reported_hours
from sim.plan.plan_context import PlanContext, TradeReviews, people_of_crew, people_of_second_shift
from sim.plan.vocabulary import LEAVING_PRIORITY, Free, Hold, Jump, Label, Note, UnitInfo, Until, Wait, fixed
from sim.plan.vocabulary import Step as PlanStep

OVERTIME = "overtime"
SHIFT_PREMIUM = "shift premium"
"""The kind of note that counts people of a second shift once more, as their hours cost more."""
SHIFT = "shift"

Change = Callable[[str], tuple[Sequence[PlanStep], Sequence[PlanStep]]]
"""Returns the steps with which a measure begins and ends, from a suffix that tells reviews apart."""


def accelerate(context: PlanContext) -> None:
    """Write the measures of every trade that is reviewed; its crews are written before."""
    hours = reported_hours(context.plan, context.resource_plan.reviews)
    for trade, reviews in context.resource_plan.reviews.items():
        planned = len(context.resource_plan.mobilisations[trade])
        camp_beds = NO_CAMP if context.project.labour.camp is None else CampBeds(beds_of(context, trade))
        shift_beds = camp_beds
        if reviews.second_shifts and context.project.labour.camp is not None:
            shift_beds = CampBeds(beds_of(context, trade, people_of_second_shift(context.project, trade)))
        measures = [
            *((f"{OVERTIME}.{trade}.{n + 1}", OVERTIME, n + 1, camp_beds) for n in range(reviews.overtime)),
            *(
                (f"crew.{trade}.{planned + n + 1}", "extra", planned + n + 1, camp_beds)
                for n in range(reviews.extra_crews)
            ),
            *((f"shift.{trade}.{n + 1}", SHIFT, n + 1, shift_beds) for n in range(reviews.second_shifts)),
        ]
        for measure, (unit, kind, number, beds) in enumerate(measures):
            change = partial(_measure, context, trade, kind, beds)
            route = _from_review_to_review(context, trade, reviews, measure, hours[trade], change)
            context.plan.unit(unit, route, UnitInfo("crew", "crew", "", trade, kind, number))


def _from_review_to_review(
    context: PlanContext, trade: str, reviews: TradeReviews, measure: int, hours: int, change: Change
) -> list[PlanStep]:
    """Return the route of one measure: two parallel paths, off and on, between which it can change at every review.

    What it holds depends on the path alone, so it does not matter how often it was on before.
    """
    gate, last_number = done(trade), len(reviews.reviews)
    route: list[PlanStep] = []
    for number, review in enumerate(reviews.reviews, 1):
        steps_on, steps_off = change(f" {number}")
        route += [
            Label(f"off {number}"),
            Until(f"review {number}", fixed(review.minute)),
            Jump(f"off {number + 1}", f"in time {number}", gate=gate, level=review.enough_hours[measure]),
            *_off_while_trade_before_is_behind(context, reviews, number),
            Wait(gate),
            *steps_on,
            Label(f"on {number}"),
        ]
        if number < last_number:
            next_review = reviews.reviews[number]
            route += [
                Until(f"review {number + 1} with more", fixed(next_review.minute)),
                Jump(f"back {number}", f"caught up {number + 1}", gate=gate, level=next_review.caught_up_hours),
                Jump(f"on {number + 1}"),
                Label(f"back {number}"),
            ]
        else:
            route.append(Wait(gate, hours))
        route += steps_off
    return [*route, Label(f"off {last_number + 1}")]


def _off_while_trade_before_is_behind(context: PlanContext, reviews: TradeReviews, number: int) -> list[PlanStep]:
    """Return the steps that keep a measure off at a review where the trade before is behind too: there is no work to do."""
    reviews_of_trade_before = context.resource_plan.reviews.get(reviews.after)
    if reviews_of_trade_before is None:
        return []
    minute = reviews.reviews[number - 1].minute
    review_same_day = next((review for review in reviews_of_trade_before.reviews if review.minute == minute), None)
    if review_same_day is None:
        return []
    return [
        Jump(
            f"needed {number}", f"work to do {number}", gate=done(reviews.after), level=review_same_day.enough_hours[0]
        ),
        Jump(f"off {number + 1}"),
        Label(f"needed {number}"),
    ]


def _measure(
    context: PlanContext, trade: str, kind: str, camp_beds: CampBeds, suffix: str
) -> tuple[Sequence[PlanStep], Sequence[PlanStep]]:
    """Return the steps with which a measure (overtime, second shift or extra crew) begins, and those with which it ends."""
    if kind == SHIFT:
        people = people_of_second_shift(context.project, trade)
        *hiring, induction, join_pool = arrival(context, trade, camp_beds, suffix, people=people)
        begins = [*hiring, Note(SHIFT_PREMIUM, trade, people), induction, join_pool]
        return begins, [*departure(context, trade, camp_beds, people=people), Note(SHIFT_PREMIUM, trade, -people)]
    if kind != OVERTIME:
        return arrival(context, trade, camp_beds, suffix), departure(context, trade, camp_beds)
    policy = context.project.labour.acceleration
    assert policy is not None  # there would be no reviews
    assert policy.overtime is not None
    paid = round(people_of_crew(context.project, trade) / (1 - policy.overtime.loss.value))
    pool = {crew(trade): 1}
    return (
        [Note(OVERTIME, trade, paid), Free(pool)],
        [Hold(pool, priority=LEAVING_PRIORITY), Note(OVERTIME, trade, -paid)],
    )
