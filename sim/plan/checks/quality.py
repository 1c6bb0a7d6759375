"""What a planner would ask about a plan that can be run: loose ends, work that nothing limits, long tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sim.plan.analysis.prerequisites import Prerequisites
from sim.plan.analysis.route_classes import RouteClass
from sim.plan.checks.finding import Finding
from sim.plan.compile import NONE, CompiledPlan
from sim.plan.context import always_open, day_minutes, sent_home_idle
from sim.plan.vocabulary import AGAIN, HOLD, WAIT, WORK, UnitInfo

LISTED = 10
"""Activities that are named in a remark; of a planner's imported schedule hundreds may be meant."""
LONG_TASK_DAYS = 44
"""Working days from which a task is called long: the DCMA 14-point assessment's high duration."""
TOO_LARGE_DAYS = 2 * LONG_TASK_DAYS
"""Working days from which a place is too large for the crews that a step takes in it at once: an assumption."""


def loose_ends(plan: CompiledPlan, prerequisites: Prerequisites) -> Iterator[Finding]:
    """Yield units for which the project does not wait: nothing they signal or give leads to its completion."""
    matters = _matters(plan, prerequisites)
    ends = (unit for unit in sorted(prerequisites.class_of) if unit not in matters)
    loose = [plan.units[unit] for unit in ends if not _ends_by_itself(plan.unit_info[unit])]
    if loose:
        yield Finding("warning", loose[0], "{who}: nothing in the project waits for it", tuple(loose))


def _ends_by_itself(info: UnitInfo) -> bool:
    """Tell whether a unit is meant to lead to nothing: an outage, or a crew's way home for good or for lack of work."""
    return info.kind in ("outage", "departure") or sent_home_idle(info)


def _matters(plan: CompiledPlan, prerequisites: Prerequisites) -> set[int]:
    """Return the units that lead to the gate by which the project is finished, through gates and what they supply."""
    todo = [(unit, step) for unit, step, _ in prerequisites.signals[plan.finish[0]]]
    gates, pools, seen = {plan.finish[0]}, set[int](), set(todo)
    while todo:
        unit, step = todo.pop()
        found: list[tuple[int, int, int]] = []
        for operation, a in _asked_before(prerequisites.class_of[unit], unit, step):
            if operation != HOLD and a not in gates:
                gates.add(a)
                found += prerequisites.signals[a]
            for pool, _ in plan.bundles[a] if operation == HOLD else ():
                if pool not in pools:
                    pools.add(pool)
                    found += prerequisites.supplies[pool]
        new = {(other, at) for other, at, _ in found} - seen
        seen |= new
        todo += new
    return {unit for unit, _ in seen}


def _asked_before(route_class: RouteClass, unit: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield (operation, gate or bundle) of everything a unit may have waited for, or looked at, before a step."""
    for before in route_class.steps_of(WAIT, HOLD, AGAIN):
        operation, a, _, _, gate, _ = route_class.row(unit, before)
        if route_class.sometimes_before[step] >> before & 1 and (operation != AGAIN or gate != NONE):
            yield operation, gate if operation == AGAIN else a


def unlimited_work(plan: CompiledPlan, classes: Sequence[RouteClass]) -> Iterator[Finding]:
    """Yield work on a working calendar that needs neither people nor anything held, and is nobody's own arrival."""
    always = [always_open(calendar) for calendar in plan.base_calendars]
    found: dict[str, list[str]] = defaultdict(list)
    for route_class in classes:
        supplies = any(plan.pool_kinds[pool] == "supplied" for _, pool, _ in route_class.supplies())
        for step in route_class.steps_of(WORK) if not supplies else ():
            _, _, calendar, _, people, _ = route_class.rows[step]
            held = any(count > 0 for count in (route_class.held[step] or {}).values())
            if not people and not held and not always[calendar] and route_class.timed[step]:
                for unit in route_class.units:
                    row = plan.first[unit] + step
                    if plan.work_roles[row] != "lag":  # time that passes is no work
                        found[plan.activities[plan.activity_of[row]]].append(plan.units[unit])
    if len(found) > LISTED:
        sentence = "each needs no crew, line or machine; nothing limits how much of it is done at once"
        named = _some([_spoken(name) for name in found])
        they = tuple(unit for those in found.values() for unit in those)
        yield Finding("warning", they[0], f"{len(found)} activities: {sentence}: {named}", they)
        return
    for activity, units in found.items():
        sentence = f"{{who}}: {activity} needs no crew, line or machine; nothing limits how much of it is done at once"
        yield Finding("warning", units[0], sentence, tuple(units))


def long_tasks(plan: CompiledPlan, values: Sequence[int]) -> Iterator[Finding]:
    """Yield the activities whose planned value is longer than 44 working days, all in one finding."""
    longest: dict[str, float] = {}
    always = [always_open(calendar) for calendar in plan.base_calendars]
    days = [day_minutes(calendar) for calendar in plan.base_calendars]
    steps = zip(plan.activity_of.tolist(), plan.rows.tolist(), plan.work_roles, strict=True)
    for activity, (operation, number, calendar, *_), role in steps:
        if operation == WORK and role != "lag" and not always[calendar]:
            length, name = values[number] / days[calendar], plan.activities[activity]
            if length > max(LONG_TASK_DAYS, longest.get(name, 0)):
                longest[name] = length
    if longest:
        ranked = sorted(longest.items(), key=lambda item: -item[1])
        text = _some([f"{_spoken(name)} ({length:.0f})" for name, length in ranked])
        sentence = f"planned for more than {LONG_TASK_DAYS} working days, so that progress is hard to see: {text}"
        yield Finding("warning", next(iter(longest)), sentence)


def _some(texts: Sequence[str]) -> str:
    """Return texts in a row, the first ones where there are many."""
    return ", ".join(texts[:LISTED]) + (f" and {len(texts) - LISTED} more" if len(texts) > LISTED else "")


def _spoken(activity: str) -> str:
    """Return an activity as a planner reads it: `site_works.air_permit` is site works: air permit."""
    return activity.replace(".", ": ", 1).replace("_", " ")


def few_at_once(plan: CompiledPlan, classes: Sequence[RouteClass], values: Sequence[int]) -> Iterator[Finding]:
    """Yield steps of a large place that go on for months with the few crews that they take at once.

    More crews of the trade do not help: a step takes as many as it says, whatever the size of its hall.
    """
    days = [day_minutes(calendar) for calendar in plan.base_calendars]
    longest: dict[str, tuple[float, str]] = {}
    for route_class in classes:
        for step in route_class.steps_of(WORK):
            _, number, calendar, _, people, _ = route_class.rows[step]
            taken = (route_class.held[step] or {}) if people else {}
            crews = {plan.pool_trades[pool]: n for pool, n in taken.items() if plan.pool_trades[pool]}
            length = values[number] / days[calendar]
            if crews and length > TOO_LARGE_DAYS:
                activity = plan.activities[plan.activity_of[plan.first[route_class.units[0]] + step]]
                text = ", ".join(f"{n} of {trade}" for trade, n in crews.items())
                longest[activity] = max(longest.get(activity, (0.0, "")), (length, text))
    if longest:
        text = "; ".join(f"{name} ({length:.0f} working days: {crews})" for name, (length, crews) in longest.items())
        sentence = (
            f"as large as its place is, a step takes so many crews at once and no more, and goes on for months: {text}. "
            "More crews of the trade would wait; smaller halls (hall.blocks) or more crews a step would help"
        )
        yield Finding("warning", next(iter(longest)), sentence)
