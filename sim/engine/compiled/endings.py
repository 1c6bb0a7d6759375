"""How a run can end other than well, told in the words of the reference: a stall, or a plan that cannot go on."""

from __future__ import annotations

from collections.abc import Sequence

from sim.engine.compiled.arrays import (
    ASKED,
    AT,
    BUDGET_SPENT,
    FAULT,
    FREE_COUNT,
    GRANTS_FOR_EVER,
    LEVEL,
    NEVER_DONE,
    NOW,
    OPEN,
    READY,
    READY_SIZE,
    STATE,
    TOO_FAR,
    UNIT,
    WELL,
    WHO,
)
from sim.engine.dispatch import GoesRound
from sim.engine.processes import budget_spent
from sim.engine.stall import Standing, Stuck
from sim.errors import Stalled
from sim.machine.numbers import Ints
from sim.plan.compile import MODES, Compiled
from sim.plan.plan import PlanError
from sim.world.calendars import Calendar, CalendarEnds, NoWindow
from sim.world.driving import duty_finish


def ending(plan: Compiled, run: Ints, calendars: Sequence[Calendar]) -> Stuck | None:
    """Return who stands where if the project stalled; raise what the reference raises where a run cannot go on."""
    fault, now, who = int(run[FAULT]), int(run[NOW]), plan.units[run[WHO]]
    if fault == WELL:
        return None if run[OPEN] else _standing(plan, run, "")
    if fault == NEVER_DONE:
        return _standing(plan, run, _out_of_time(plan, run, calendars))
    if fault == TOO_FAR:
        raise Stalled(f"{who}: what begins at minute {now} ends beyond all counting")
    if fault == BUDGET_SPENT:
        raise GoesRound(budget_spent(now, who))
    if fault == GRANTS_FOR_EVER:
        granted = _column(run, READY, min(5, int(run[READY_SIZE])))
        who = ", ".join(plan.units[unit] for unit in granted) + " and others"
        raise GoesRound(f"minute {now}: {who} go round for ever while no time passes")
    raise GoesRound(f"minute {now}: {who} goes round for ever while no time passes")


def _standing(plan: Compiled, run: Ints, because: str) -> Stuck:
    """Return where everybody stands at a stall."""
    free = _column(run, FREE_COUNT, len(plan.pools))
    where = run[run[STATE] :][: len(plan.units) * UNIT : UNIT].tolist()
    level = _column(run, LEVEL, len(plan.gates))
    return Standing(plan, where, free, level, int(run[NOW])).explain(because)


def _out_of_time(plan: Compiled, run: Ints, calendars: Sequence[Calendar]) -> str:
    """Return in words that a calendar ends before a work does; raise `NoWindow` where none would ever do."""
    at = int(run[run[STATE] + run[WHO] * UNIT + AT])
    what = f"{plan.units[run[WHO]]}, {plan.activities[plan.activity_of[at]]}"
    if run[ASKED] < 0:
        raise PlanError(f"{what}: {run[ASKED]} minutes of work are less than none")
    try:
        _ask_calendar(plan, at, calendars, int(run[NOW]), int(run[ASKED]))
    except CalendarEnds as refused:
        return f"{what}: {refused}"
    except NoWindow as refused:
        raise NoWindow(f"{what}: {refused}") from refused
    raise Stalled(f"{what}: {run[ASKED]} minutes from minute {run[NOW]} on never end")


def _ask_calendar(plan: Compiled, at: int, calendars: Sequence[Calendar], now: int, minutes: int) -> None:
    """Ask the calendar itself, which says in its own words what the kernel found."""
    _, _, calendar, mode, _, _ = plan.rows[at].tolist()
    hours = calendars[calendar]
    if mode == MODES["pausing"]:
        hours.finish(now, minutes)
    elif mode == MODES["whole"]:
        hours.finish_whole(now, minutes)
    else:
        duty_finish(now, minutes, hours)


def _column(run: Ints, column: int, size: int) -> list[int]:
    """Return one column of a run as plain numbers."""
    numbers: list[int] = run[run[column] : run[column] + size].tolist()
    return numbers
