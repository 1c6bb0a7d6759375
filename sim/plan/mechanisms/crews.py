"""Crews: they are called, travel, are on site whether busy or waiting, and leave when the rest can do without them.

Work by crews has one form everywhere: they come together, work, go to the next thing, and report the hours done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sim.config.project import Project
from sim.config.sections.commissioning import Level
from sim.config.sections.estimates import Estimate
from sim.config.sections.labour import Ramp
from sim.config.sections.systems import Step
from sim.plan.context import Mobilisation, PlanContext, working_days
from sim.plan.layout import Place
from sim.plan.mechanisms.camp import NO_CAMP, Quarters, beds_of, pitch_camp
from sim.plan.mechanisms.logistics import CRANE
from sim.plan.mechanisms.productivity import crowding, losses
from sim.plan.vocabulary import (
    CREW_PATIENCE,
    LEAVING,
    MINUTES_PER_DAY,
    MINUTES_PER_WEEK,
    Again,
    Balance,
    Chance,
    Free,
    Hold,
    Label,
    Mode,
    Note,
    Plan,
    Route,
    Signal,
    Span,
    UnitInfo,
    Until,
    Wait,
    Work,
    fixed,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import to_distribution
from sim.world.project_calendars import on_calendar

# --- crew work --------------------------------------------------------------------------------------------------------


SITE = "site."
"""Site calendars are named by exposure: `site.interior`, `site.crane`, …"""


def calendar_of(step: Step) -> str:
    """Return the calendar a step of a network works by: the site's under its exposure, or one that it names."""
    return on_calendar(step.exposure, step.calendar)


def crew(trade: str) -> str:
    """Return the pool of a trade's crews."""
    return f"crew.{trade}"


def done(trade: str) -> str:
    """Return the gate that counts the person-hours a trade has behind it."""
    return f"done.{trade}"


def planned_hours(step: Step, sqft: float, mw: float) -> Estimate | None:
    """Return a step's work content in person-hours for an instance of that size, or None if it is given in days."""
    for estimate, size in ((step.hours, 1.0), (step.hours_per_sqft, sqft), (step.hours_per_mw, mw)):
        if estimate is not None:
            return estimate if size == 1.0 else scaled(estimate, size)
    return None


def scaled(estimate: Estimate, size: float) -> Estimate:
    """Return an estimate times a size."""
    numbers = {key: value * size for key, value in estimate.numbers().items() if isinstance(value, float)}
    return estimate.model_copy(update=numbers)


def step_span(context: PlanContext, step: Step, hours: Estimate | None) -> Span:
    """Return how long a step takes its crews: content spread over its people, times the leading trade's losses."""
    if hours is None:
        assert step.days is not None  # the config allows nothing else
        return working_days(step.days, context.day_minutes_on(calendar_of(step)))
    people = sum(context.people(step.crews).values())
    content = to_distribution(hours)
    if hours.shape == "fixed":
        content = to_distribution(context.project.labour.content_spread).scaled(hours.planned)
    return Span(content, 60 / people, losses=losses(context, next(iter(step.crews)), step.exposure))


def by_crews(context: PlanContext, place: Place, activity: str, step: Step, span: Span) -> list[PlanStep]:
    """Return: a step's crews come together, work, go, and report their hours."""
    mode: Mode = "whole" if step.whole else "pausing"
    area = crowding(context, place, step.exposure) if step.crews else None
    work = Work(activity, span, calendar_of(step), mode, context.people(step.crews), area=area)
    pools = {crew(trade): count for trade, count in step.crews.items()} | ({CRANE: step.cranes} if step.cranes else {})
    if not pools:
        return [work]
    return [Hold(pools, place.sequence, CREW_PATIENCE), work, Free(pools), *report(context, work)]


def until_passed(
    context: PlanContext,
    place: Place,
    activity: str,
    crews: Mapping[str, int],
    level: Level,
    *,
    rig: Mapping[str, int] | None = None,
    mended_by: str | None = None,
) -> list[PlanStep]:
    """Return: crews test, and while the test fails, mend and test again; the hours are reported once.

    `rig` are pools taken with the crews. A trade of its own (`mended_by`) mends with one crew while the others are
    free; the hours that are expected of it are reported at the end, so that its last crew stays until then.
    """
    pools, day = {crew(trade): count for trade, count in crews.items()} | dict(rig or {}), context.site_day_minutes
    work = Work(activity, working_days(level.days, day), f"{SITE}interior", people=context.people(crews))
    menders = {mended_by: 1} if mended_by else crews
    span = working_days(level.fix_days, day)
    mend = Work(f"{activity} fix", span, f"{SITE}interior", people=context.people(menders), earns=False)
    took = Hold(pools, place.sequence, CREW_PATIENCE)
    fix: list[PlanStep] = [mend]
    reports = report(context, work)
    if mended_by:
        theirs = {crew(mended_by): 1}
        fix = [Free(pools), Hold(theirs, place.sequence, CREW_PATIENCE), mend, Free(theirs), took]
        reports += report(context, mend, share=level.fails.value)
    return [
        took,
        Label(f"{activity} again"),
        work,
        Again(f"{activity} passed", f"{activity} passes", Chance(level.fails.value, otherwise=True)),
        *fix,
        Again(f"{activity} again", limit=level.retests),
        Label(f"{activity} passed"),
        Free(pools),
        *reports,
    ]


def report(context: PlanContext, *works: Work, share: float = 1.0) -> list[Signal]:
    """Return the signals that count the planned person-hours of works by trade; crews leave on these counts.

    `share` is the part of them that is expected, for works that need not come.
    """
    hours: dict[str, float] = {}
    for work in works:
        minutes = work.span.shape.planned() * work.span.minutes
        for trade, people in work.people.items():
            hours[trade] = hours.get(trade, 0.0) + share * people * minutes / 60
    return [Signal(context.plan.gate(done(trade)), max(1, round(amount))) for trade, amount in hours.items()]


# --- mobilisation -----------------------------------------------------------------------------------------------------


UNLIMITED = 1_000_000
STANDBY = "standby"
CALLED_BACK = 2 * MINUTES_PER_DAY
"""For so long work waits before a crew that was sent home is called back: an assumption, 1 to 7 days."""


def mobilise_crews(context: PlanContext) -> None:
    """Write every trade that the plan asks for: its crews as units, or as a plain pool while it is rehearsed."""
    trades = context.project.labour.trades
    most, hours = largest_counts(context.plan.units, trades), reported_hours(context.plan, trades)
    quarters = pitch_camp(context, most)
    for trade in most:
        if trade not in context.resource_plan.mobilisations:
            _crews_of(context, trade, context.resource_plan.crews.get(trade, UNLIMITED))
            continue
        _crews_of(context, trade, 0)
        leave = Leave(context, trade, most[trade])
        context.plan.pool(f"hiring.{trade}", hires_per_week(context.project, trade), cause="crew")
        for number, stay in enumerate(context.resource_plan.mobilisations[trade]):
            # the last ones, as many as any step takes at once, stay for all the work of their trade
            stays = replace(stay, until_hours=hours[trade], until_minute=None) if number < most[trade] else stay
            route = _crew(context, trade, number + 1, stays, quarters.get((trade, number), NO_CAMP), leave)
            context.plan.unit(f"crew.{trade}.{number + 1}", route, UnitInfo("crew", "crew", "", trade, "", number + 1))
        leave.write()


def _crews_of(context: PlanContext, trade: str, there: int) -> None:
    """Write the pool of a trade's crews, with so many that are there from the start."""
    context.plan.pool(crew(trade), there, "supplied", cause="crew", noun="crews", trade=trade)


def hires_per_week(project: Project, trade: str) -> int:
    """Return the crews of a trade that can be brought in within a week, those who relieve them included."""
    people = on_site(project, trade) * project.labour.payroll(project.pattern)
    return max(1, round(project.labour.trades[trade].hired_per_week.value / people))


def on_site(project: Project, trade: str) -> int:
    """Return the direct people of one crew of a trade on site: a team in every shift."""
    return project.labour.trades[trade].team * len(project.pattern.shifts)


def crews_available(project: Project, trade: str) -> int | None:
    """Return the crews of a trade that the local market has; None where it has as many as are hired."""
    people = project.labour.trades[trade].available
    return None if people is None else people // on_site(project, trade)


def _crew(
    context: PlanContext, trade: str, crew_number: int, stay: Mobilisation, quarters: Quarters, leave: Leave
) -> list[PlanStep]:
    """Return a crew's route: one stay after the other; between them it is at home, and others may have its beds."""
    route = list[PlanStep]()
    for count, one in enumerate((stay, *stay.returns), 1):
        number = "" if count == 1 else f" {count}"
        # at work until so much is done, and home
        route += [
            *_called(context, one, number),
            *arrival(context, trade, quarters, number),
            _as_long_as_needed(context, trade, one, number),
            *(
                leave.for_good(f"{crew_number}.{count}", quarters)
                if leave.in_force
                else departure(context, trade, quarters)
            ),
        ]
    return route


def _as_long_as_needed(context: PlanContext, trade: str, stay: Mobilisation, number: str) -> Until | Wait:
    """Return what a crew waits for on site before it may leave: hours that its trade has done, or a date."""
    if stay.until_minute is not None:
        return Until(f"sent home{number}", fixed(stay.until_minute), cause="crew")
    return Wait(context.plan.gate(done(trade)), stay.until_hours)


def arrival(
    context: PlanContext, trade: str, quarters: Quarters, number: str, *, known: bool = False, people: int = 0
) -> list[PlanStep]:
    """Return: a crew is given beds, hired, inducted, and there for work; one that is `known` needs no one to hire it.

    `people` are its direct ones, if they are not those of a crew of the pattern.
    """
    induction = fixed(context.project.labour.mobilisation_days.value * context.site_day_minutes)
    before, beds = quarters.moving_in()
    hiring = {} if known else {f"hiring.{trade}": 1}
    return [
        *before,
        *([Hold({**hiring, **beds}, patience=CREW_PATIENCE if beds else None)] if hiring or beds else []),
        Work(f"week of hiring{number}", fixed(MINUTES_PER_WEEK), "always"),
        *([Free(hiring)] if hiring else []),
        Note("people", trade, people or on_site(context.project, trade)),
        Work(f"induction{number}", induction, "site.interior"),
        Free({crew(trade): 1}),
    ]


def departure(context: PlanContext, trade: str, quarters: Quarters, *others: str, people: int = 0) -> list[PlanStep]:
    """Return: a crew goes home when no one has work for it that waits; it takes one of each of the other pools along."""
    home = Note("people", trade, -(people or on_site(context.project, trade)))
    return [Hold({crew(trade): 1, **dict.fromkeys(others, 1)}, priority=LEAVING), home, *quarters.moving_out()]


@dataclass(frozen=True)
class Leave:
    """What crews of one trade do who have no work for weeks: they go home, and come back when work waits for them.

    Who is away is one crew like another: `away` has those who may be called back. A crew whose work is done for good is
    rather one of them than one of those on site, which others still need (`wanted`, `left`). The n-th to be away goes when
    crews spare and at home, less those that work waits for, have been n and those kept in hand (`kept`) for `idle_weeks`,
    and comes back when they are fewer: so the last to go is the first to come.
    """

    context: PlanContext
    trade: str
    kept: int

    @property
    def in_force(self) -> bool:
        """Whether crews are sent home as it happens: those that do not stay to the end, and come by no typed curve."""
        labour, crews = self.context.project.labour, self.context.resource_plan.mobilisations[self.trade]
        return labour.idle_leave and not labour.trades[self.trade].crews_by_month and len(crews) > self.kept

    def write(self) -> None:
        """Write the pools of a trade whose crews may be away, and who is away."""
        if not self.in_force:
            return
        for pool in ("away", "home", "wanted", "left"):
            self.context.plan.pool(f"{pool}.{self.trade}", 0, "passed", cause="crew", noun="crews")
        quarters = NO_CAMP if self.context.project.labour.camp is None else Quarters(beds_of(self.context, self.trade))
        for number in range(1, len(self.context.resource_plan.mobilisations[self.trade]) - self.kept + 1):
            info = UnitInfo("crew", "crew", "", self.trade, "leave", number)
            self.context.plan.unit(f"leave.{self.trade}.{number}", self._away(number, quarters), info)

    def for_good(self, name: str, quarters: Quarters) -> list[PlanStep]:
        """Return: a crew whose work is done is one less, of those who are away if there are any.

        Two units of their own wait for it, one for a crew that is away and one for a crew on site; one of them waits on.
        """
        trade, left = self.trade, Free({f"left.{self.trade}": 1})
        away: list[PlanStep] = [Hold({f"wanted.{trade}": 1, f"away.{trade}": 1}), *self._standby(-1), left]
        here: list[PlanStep] = [*departure(self.context, trade, quarters, f"wanted.{trade}"), left]
        for one, route in (("away", away), ("here", here)):
            self.context.plan.unit(
                f"leaving.{trade}.{name}.{one}", route, UnitInfo("departure", "crew", "", trade, one)
            )
        return [Free({f"wanted.{trade}": 1}), Hold({f"left.{trade}": 1})]

    def _standby(self, crews: int) -> list[PlanStep]:
        """Return: so many crews more are paid for standing by, where the project pays for it."""
        people = crews * on_site(self.context.project, self.trade)
        return [] if self.context.project.labour.standby is None else [Note(STANDBY, self.trade, people)]

    def _away(self, number: int, quarters: Quarters) -> list[PlanStep]:
        """Return: one crew of the trade is sent home when so many have no work, and called when work waits."""
        context, trade = self.context, self.trade
        labour, last = context.project.labour, round(context.project.scale.horizon_days * MINUTES_PER_DAY)
        pools = (crew(trade), f"home.{trade}")
        # as many as a step takes at once are kept in hand, so that work that opens can begin
        spare = Balance(pools, number + self.kept, labour.idle_weeks * MINUTES_PER_WEEK, last)
        short = Balance(pools, number + self.kept, CALLED_BACK, last, below=True)
        *coming, at_work = arrival(context, trade, quarters, " again", known=True)
        return [
            Wait(context.plan.gate(done(trade))),
            Label("there"),
            Until("without work", fixed(0), cause="crew", balance=spare),
            *departure(context, trade, quarters),
            *self._standby(1),
            Free({f"home.{trade}": 1, f"away.{trade}": 1}),
            Until("called back", fixed(0), cause="crew", balance=short),
            Hold({f"away.{trade}": 1}),
            *self._standby(-1),
            *coming,
            Hold({f"home.{trade}": 1}),
            at_work,
            Again("there"),
        ]


def _called(context: PlanContext, stay: Mobilisation, number: str) -> list[PlanStep]:
    """Return what a crew waits for before it is hired: the progress of the work before its own, or a date."""
    if stay.progress is None:
        return [Until(f"called{number}", fixed(stay.called))]
    reached = Wait(context.plan.gate(done(stay.progress.trade)), stay.progress.hours)
    return [reached, Work(f"called{number}", fixed(stay.progress.minutes), "always")]


def await_permits(context: PlanContext) -> None:
    """Call crews a time after the permits are there, not on a date, where the project says so.

    Who is called before the permits are expected comes on his date, or nobody would be there when they come.
    """
    if context.project.labour.called_by == "date":
        return
    first = context.layout.phases[0]
    expected = round(context.project.scale.preparation_days.planned * MINUTES_PER_DAY)
    for trade, stays in context.resource_plan.mobilisations.items():
        for number, stay in enumerate(stays, 1):
            name = f"crew.{trade}.{number}"
            route = context.plan.units.get(name, ())
            by_curve = context.project.labour.trades[trade].crews_by_month
            if stay.called > expected and route and isinstance(route[0], Until) and not by_curve:
                later = Work("called", fixed(stay.called - expected), "always")
                context.plan.units[name] = [Wait(f"{first.name}.permitted"), later, *route[1:]]


def mean_over_peak(ramp: Ramp) -> float:
    """Return the mean headcount of a ramp over its peak: 0.675 for 35/35/30 %."""
    return 1 - ramp.up.value / 2 - ramp.down.value / 2


def largest_counts(units: Mapping[str, Route], trades: Iterable[str]) -> dict[str, int]:
    """Return by trade the largest number of crews that any step takes at once."""
    trade_of, largest = {crew(trade): trade for trade in trades}, dict[str, int]()
    for route in units.values():
        for step in route:
            for pool, count in step.pools.items() if isinstance(step, Hold) else ():
                if pool in trade_of:
                    largest[trade_of[pool]] = max(largest.get(trade_of[pool], 0), count)
    return largest


def reported_hours(plan: Plan, trades: Iterable[str]) -> dict[str, int]:
    """Return by trade the person-hours that all units together will report."""
    trade_of, hours = {done(trade): trade for trade in trades}, dict[str, int]()
    for unit, route in plan.units.items():
        for step in route:
            if isinstance(step, Signal) and step.gate in trade_of:
                amount = step.amount * plan.copies.number(unit)
                hours[trade_of[step.gate]] = hours.get(trade_of[step.gate], 0) + amount
    return hours
