"""What a planner would ask about a plan that can be run: loose ends, work that nothing limits, long tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sim.plan.analysis.prerequisites import Prerequisites
from sim.plan.analysis.route_classes import RouteClass
from sim.plan.checks.finding import Finding
from sim.plan.compiled_plan import NONE, CompiledPlan
from sim.plan.plan_context import is_idle_leave, mean_day_minutes
from sim.plan.vocabulary import HOLD, JUMP, WAIT, WORK, UnitInfo

LISTED = 10
"""Activities that are named in a remark; of a planner's imported schedule hundreds may be meant."""
LONG_TASK_DAYS = 44
"""Working days from which a task is called long: the DCMA 14-point assessment's high duration."""
TOO_LARGE_DAYS = 2 * LONG_TASK_DAYS
"""Working days from which a place is too large for the crews that a step takes in it at once: an assumption."""


def loose_ends(plan: CompiledPlan, prerequisites: Prerequisites) -> Iterator[Finding]:
    """Yield units for which the project does not wait: nothing they signal or give leads to its completion."""
    awaited = _awaited_by_finish(plan, prerequisites)
    not_awaited = (unit for unit in sorted(prerequisites.class_of) if unit not in awaited)
    loose = [plan.units[unit] for unit in not_awaited if not _ends_by_itself(plan.unit_info[unit])]
    if loose:
        yield Finding("warning", loose[0], "{who}: nothing in the project waits for it", tuple(loose))


def _ends_by_itself(info: UnitInfo) -> bool:
    """Return whether a unit is meant to lead to nothing: an outage, or a crew's way home for good or for lack of work."""
    return info.kind in ("outage", "departure") or is_idle_leave(info)


def _awaited_by_finish(plan: CompiledPlan, prerequisites: Prerequisites) -> set[int]:
    """Return the units for which the finish of the project waits, through gates they signal and pools they supply."""
    finish_gate, _ = plan.finish
    open_steps = [(unit, step) for unit, step, _ in prerequisites.signals[finish_gate]]
    gates, pools, visited = {finish_gate}, set[int](), set(open_steps)
    while open_steps:
        unit, step = open_steps.pop()
        providers: list[tuple[int, int, int]] = []
        for operation, gate_or_bundle in _awaited_before(prerequisites.class_of[unit], unit, step):
            if operation != HOLD and gate_or_bundle not in gates:
                gates.add(gate_or_bundle)
                providers += prerequisites.signals[gate_or_bundle]
            for pool, _ in plan.bundles[gate_or_bundle] if operation == HOLD else ():
                if pool not in pools:
                    pools.add(pool)
                    providers += prerequisites.supplies[pool]
        new = {(provider, provider_step) for provider, provider_step, _ in providers} - visited
        visited |= new
        open_steps += new
    return {unit for unit, _ in visited}


def _awaited_before(route_class: RouteClass, unit: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield (operation, gate or bundle) of every wait, hold and jump on a gate that a unit may meet before a step."""
    for earlier_step in route_class.steps_of(WAIT, HOLD, JUMP):
        operation, gate_or_bundle, _, _, watched_gate, _ = route_class.row(unit, earlier_step)
        if route_class.sometimes_before[step] >> earlier_step & 1 and (operation != JUMP or watched_gate != NONE):
            yield operation, watched_gate if operation == JUMP else gate_or_bundle


def unlimited_work(plan: CompiledPlan, classes: Sequence[RouteClass]) -> Iterator[Finding]:
    """Yield a finding per activity on a working calendar for which a unit holds nothing and needs no people.

    Units that supply something themselves, such as a crew on its way, are left out; many activities share one finding.
    """
    never_closes = [calendar.never_closes for calendar in plan.base_calendars]
    units_of: dict[str, list[str]] = defaultdict(list)
    for route_class in classes:
        supplies = any(plan.pool_kinds[pool] == "supplied" for _, pool, _ in route_class.supplies())
        for step in route_class.steps_of(WORK) if not supplies else ():
            _, _, calendar, _, people, _ = route_class.rows[step]
            holds_anything = any(count > 0 for count in (route_class.held_at_step[step] or {}).values())
            if not people and not holds_anything and not never_closes[calendar] and route_class.timed[step]:
                for unit in route_class.units:
                    row = plan.first[unit] + step
                    if plan.work_roles[row] != "lag":  # time that passes is no work
                        units_of[plan.activities[plan.activity_of[row]]].append(plan.units[unit])
    if len(units_of) > LISTED:
        sentence = "each needs no crew, line or machine; nothing limits how much of it is done at once"
        names = _some([_spoken(name) for name in units_of])
        all_units = tuple(unit for units in units_of.values() for unit in units)
        yield Finding("warning", all_units[0], f"{len(units_of)} activities: {sentence}: {names}", all_units)
        return
    for activity, units in units_of.items():
        sentence = f"{{who}}: {activity} needs no crew, line or machine; nothing limits how much of it is done at once"
        yield Finding("warning", units[0], sentence, tuple(units))


def long_tasks(plan: CompiledPlan, values: Sequence[int]) -> Iterator[Finding]:
    """Yield the activities whose planned value is longer than 44 working days, all in one finding."""
    days_of_activity: dict[str, float] = {}
    never_closes = [calendar.never_closes for calendar in plan.base_calendars]
    minutes_per_day = [mean_day_minutes(calendar) for calendar in plan.base_calendars]
    steps = zip(plan.activity_of.tolist(), plan.rows.tolist(), plan.work_roles, strict=True)
    for activity, (operation, number, calendar, *_), role in steps:
        if operation == WORK and role != "lag" and not never_closes[calendar]:
            length, name = values[number] / minutes_per_day[calendar], plan.activities[activity]
            if length > max(LONG_TASK_DAYS, days_of_activity.get(name, 0)):
                days_of_activity[name] = length
    if days_of_activity:
        longest_first = sorted(days_of_activity.items(), key=lambda item: -item[1])
        text = _some([f"{_spoken(name)} ({length:.0f})" for name, length in longest_first])
        sentence = f"planned for more than {LONG_TASK_DAYS} working days, so that progress is hard to see: {text}"
        yield Finding("warning", next(iter(days_of_activity)), sentence)


def _some(texts: Sequence[str]) -> str:
    """Return texts joined by commas; of more than `LISTED` the first ones and the number of the others."""
    return ", ".join(texts[:LISTED]) + (f" and {len(texts) - LISTED} more" if len(texts) > LISTED else "")


def _spoken(activity: str) -> str:
    """Return an activity as a planner reads it: `site_works.air_permit` is site works: air permit."""
    return activity.replace(".", ": ", 1).replace("_", " ")


def few_at_once(plan: CompiledPlan, classes: Sequence[RouteClass], values: Sequence[int]) -> Iterator[Finding]:
    """Yield one finding about all activities that take months with the few crews that their step takes at once.

    More crews of the trade do not help: a step takes as many as it says, whatever the size of its hall.
    """
    minutes_per_day = [mean_day_minutes(calendar) for calendar in plan.base_calendars]
    longest_of_activity: dict[str, tuple[float, str]] = {}
    for route_class in classes:
        for step in route_class.steps_of(WORK):
            _, number, calendar, _, people, _ = route_class.rows[step]
            held_counts = (route_class.held_at_step[step] or {}) if people else {}
            crews = {plan.pool_trades[pool]: n for pool, n in held_counts.items() if plan.pool_trades[pool]}
            length = values[number] / minutes_per_day[calendar]
            if crews and length > TOO_LARGE_DAYS:
                activity = plan.activities[plan.activity_of[plan.first[route_class.units[0]] + step]]
                text = ", ".join(f"{n} of {trade}" for trade, n in crews.items())
                longest_of_activity[activity] = max(longest_of_activity.get(activity, (0.0, "")), (length, text))
    if longest_of_activity:
        text = "; ".join(
            f"{name} ({length:.0f} working days: {crews})" for name, (length, crews) in longest_of_activity.items()
        )
        sentence = (
            f"as large as its place is, a step takes so many crews at once and no more, and goes on for months: {text}. "
            "More crews of the trade would wait; smaller halls (hall.blocks) or more crews a step would help"
        )
        yield Finding("warning", next(iter(longest_of_activity)), sentence)
