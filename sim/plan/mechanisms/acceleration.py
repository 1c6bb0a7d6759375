"""Acceleration: at every review a trade that is behind is given overtime and more crews, and gives them back.

Each measure is a unit of its own that goes from review to review, at home or in force. A review asks how many hours the
trade has done: fewer than had to be done at the latest some days ago, and the measure begins; all that had to be done by
now, and it ends. More crews are hired, housed and inducted like all others. Overtime is worth so many crews on other
work: it is noted as people who are paid, but have no bed and are not counted on site a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.plan.context import PlanContext, TradeReviews
from sim.plan.mechanisms.camp import NO_CAMP, Quarters, beds_of
from sim.plan.mechanisms.crews import arrival, crew, departure, done, on_site
from sim.plan.vocabulary import LEAVING, Again, Free, Hold, Label, Note, Signal, UnitInfo, Until, Wait, fixed
from sim.plan.vocabulary import Step as PlanStep

OVERTIME = "overtime"


def accelerate(context: PlanContext) -> None:
    """Write the measures of every trade that is reviewed; its crews are written before."""
    hours = _hours_of_trades(context)
    for trade, reviews in context.resource_plan.reviews.items():
        planned = len(context.resource_plan.mobilisations[trade])
        quarters = NO_CAMP if context.project.labour.camp is None else Quarters(beds_of(context, trade))
        for measure in range(reviews.overtime + reviews.crews):
            more = measure - reviews.overtime
            kind = f"{OVERTIME}.{trade}.{measure + 1}" if more < 0 else f"crew.{trade}.{planned + more + 1}"
            number = measure + 1 if more < 0 else planned + more + 1
            info = UnitInfo("crew", "crew", "", trade, OVERTIME if more < 0 else "extra", number)
            context.plan.unit(
                kind, _from_review_to_review(context, trade, reviews, measure, hours[trade], quarters), info
            )


def _from_review_to_review(
    context: PlanContext, trade: str, reviews: TradeReviews, measure: int, hours: int, quarters: Quarters
) -> list[PlanStep]:
    """Return the route of one measure: two lanes, off and on, that meet at every review.

    What is taken or given depends on the lane alone, so it does not matter how often it was on before.
    """
    gate, of, last = done(trade), reviews.reviews, len(reviews.reviews)
    route: list[PlanStep] = []
    for number, review in enumerate(of, 1):
        begins, ends = _measure(context, trade, measure < reviews.overtime, quarters, f" {number}")
        route += [
            Label(f"off {number}"),
            Until(f"review {number}", fixed(review.minute)),
            Again(f"off {number + 1}", f"in time {number}", gate=gate, level=review.enough[measure]),
            *_not_before(context, reviews, number),
            Wait(gate),
            *begins,
            Label(f"on {number}"),
        ]
        if number < last:
            following = of[number]
            route += [
                Until(f"review {number + 1} with more", fixed(following.minute)),
                Again(f"back {number}", f"caught up {number + 1}", gate=gate, level=following.caught_up),
                Again(f"on {number + 1}"),
                Label(f"back {number}"),
            ]
        else:
            route.append(Wait(gate, hours))
        route += ends
    return [*route, Label(f"off {last + 1}")]


def _not_before(context: PlanContext, reviews: TradeReviews, number: int) -> list[PlanStep]:
    """Return: nothing is added while the trade that works before is behind as well, as there is no more work to do."""
    before = context.resource_plan.reviews.get(reviews.after)
    if before is None:
        return []
    at = next((review for review in before.reviews if review.minute == reviews.reviews[number - 1].minute), None)
    if at is None:
        return []
    return [
        Again(f"wanted {number}", f"work to do {number}", gate=done(reviews.after), level=at.enough[0]),
        Again(f"off {number + 1}"),
        Label(f"wanted {number}"),
    ]


def _measure(
    context: PlanContext, trade: str, overtime: bool, quarters: Quarters, number: str
) -> tuple[Sequence[PlanStep], Sequence[PlanStep]]:
    """Return how a measure begins and how it ends."""
    if not overtime:
        return arrival(context, trade, quarters, number), departure(context, trade, quarters)
    policy = context.project.labour.acceleration
    assert policy is not None  # there would be no reviews
    assert policy.overtime is not None
    paid = round(on_site(context.project, trade) / (1 - policy.overtime.loss.value))
    pool = {crew(trade): 1}
    return (
        [Note(OVERTIME, trade, paid), Free(pool)],
        [Hold(pool, priority=LEAVING), Note(OVERTIME, trade, -paid)],
    )


def _hours_of_trades(context: PlanContext) -> dict[str, int]:
    """Return by reviewed trade the person-hours that all units together will report."""
    trade_of = {done(trade): trade for trade in context.resource_plan.reviews}
    hours = dict.fromkeys(context.resource_plan.reviews, 0)
    for route in context.plan.units.values() if trade_of else ():
        for step in route:
            if isinstance(step, Signal) and step.gate in trade_of:
                hours[trade_of[step.gate]] += step.amount
    return hours
