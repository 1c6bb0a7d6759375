"""What a planner would ask about a plan that can be performed: loose ends, work that nothing limits, long tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from sim.plan.checks.remarks import Finding
from sim.plan.compile import HOLD, NONE, WAIT, WORK, Compiled
from sim.plan.kinds import Kind
from sim.plan.needs import Needs
from sim.plan.vocabulary import MINUTES_PER_DAY

LONG_TASK_DAYS = 44
"""Working days from which a task is called long: the DCMA 14-point assessment's high duration."""


def loose_ends(plan: Compiled, needs: Needs) -> Iterator[Finding]:
    """Yield units for which the project does not wait: nothing they signal or give leads to its completion."""
    matters = _matters(plan, needs)
    loose = [plan.units[unit] for unit in sorted(needs.kind_of) if unit not in matters]
    if loose:
        yield Finding("warning", loose[0], "{who}: nothing in the project waits for it", tuple(loose))


def _matters(plan: Compiled, needs: Needs) -> set[int]:
    """Return the units that lead to the completion gate, through gates and what they supply."""
    todo = [(unit, step) for unit, step, _ in needs.signals[plan.completion[0]]]
    gates, pools, seen = {plan.completion[0]}, set[int](), set(todo)
    while todo:
        unit, step = todo.pop()
        found: list[tuple[int, int, int]] = []
        for operation, a in _asked_before(needs.kind_of[unit], unit, step):
            if operation == WAIT and a not in gates:
                gates.add(a)
                found += needs.signals[a]
            for pool, _ in plan.bundles[a] if operation == HOLD else ():
                if pool not in pools:
                    pools.add(pool)
                    found += needs.supplies[pool]
        new = {(other, at) for other, at, _ in found} - seen
        seen |= new
        todo += new
    return {unit for unit, _ in seen}


def _asked_before(kind: Kind, unit: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield (operation, gate or bundle) of everything a unit may have waited for before a step."""
    for before in kind.does(WAIT, HOLD):
        if kind.perhaps[step] >> before & 1:
            operation, a, *_ = kind.row(unit, before)
            yield operation, a


def unlimited_work(plan: Compiled, kinds: Sequence[Kind]) -> Iterator[Finding]:
    """Yield work on a working calendar that needs neither people nor anything held, and is nobody's own arrival."""
    always = [calendar.worked(calendar.horizon) == calendar.horizon for calendar in plan.base_calendars]
    found: dict[str, list[str]] = defaultdict(list)
    for kind in kinds:
        supplies = any(plan.pool_kinds[pool] == "supplied" for _, pool, _ in kind.supplies())
        for step in kind.does(WORK) if not supplies else ():
            _, _, calendar, _, people, _ = kind.rows[step]
            held = any(count > 0 for count in (kind.held[step] or {}).values())
            if not people and not held and not always[calendar] and kind.timed[step]:
                for unit in kind.units:
                    activity = plan.activities[plan.activity_of[plan.first[unit] + step]]
                    found[activity].append(plan.units[unit])
    for activity, units in found.items():
        sentence = f"{{who}}: {activity} needs no crew, line or machine; nothing limits how much of it is done at once"
        yield Finding("warning", units[0], sentence, tuple(units))


def long_tasks(plan: Compiled, values: Sequence[int]) -> Iterator[Finding]:
    """Yield activities whose planned value is longer than 44 working days; longer than people can track."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    days = [day_minutes(plan, calendar) for calendar in range(len(plan.calendars))]
    for at, (operation, number, calendar, *_) in enumerate(plan.rows.tolist()):
        if operation == WORK and plan.activity_of[at] != NONE and days[calendar] < MINUTES_PER_DAY:
            length = values[number] / days[calendar]
            if length > LONG_TASK_DAYS:
                found[plan.activities[plan.activity_of[at]]][plan.units[plan.unit_of[at]]] = length
    for activity, lengths in found.items():
        longest = max(lengths.values())
        sentence = f"{{who}}: {activity} is planned for {longest:.0f} working days; over {LONG_TASK_DAYS}, divide it"
        yield Finding("warning", next(iter(lengths)), sentence, tuple(lengths))


def day_minutes(plan: Compiled, calendar: int) -> float:
    """Return the open minutes of a calendar's typical day: all that are open, by the days on which any are."""
    given = plan.base_calendars[calendar]
    days = np.union1d(given.starts // MINUTES_PER_DAY, (given.ends - 1) // MINUTES_PER_DAY)
    return float((given.ends - given.starts).sum()) / max(1, len(days))
