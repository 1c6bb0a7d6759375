"""Whether two runs of one plan are the same in every row, and if not, where they part, in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.engine.simpy_engine import RunOutcome
from sim.plan.compile import NONE, CompiledPlan
from sim.plan.vocabulary import BEGUN, FREE, HOLD, NOTE, OPERATIONS, SIGNAL, WAIT, canonical

AROUND = 3
"""Rows of the unit's own timeline that are shown before and after the difference."""

Rows = NDArray[np.int64]


def same(plan: CompiledPlan, one: RunOutcome, other: RunOutcome) -> bool:
    """Whether two runs have the same rows in canonical order, and the same end."""
    return difference(plan, one, other) is None


def difference(
    plan: CompiledPlan, one: RunOutcome, other: RunOutcome, names: tuple[str, str] = ("simpy", "compiled")
) -> str | None:
    """Return where two runs differ first: the unit, its step, the minute, and both timelines around it.

    None where they do not. `names` are what the two are called in the text.
    """
    # the order of units within a minute is each engine's own, and no difference
    logs = canonical(one.log, plan.unit_of), canonical(other.log, plan.unit_of)
    at = _first_difference(*logs)
    if at is not None:
        return _parting(plan, logs, at, names)
    if one.deadlock != other.deadlock:
        ends = [outcome.deadlock.explain() if outcome.deadlock else "finished" for outcome in (one, other)]
        return f"the logs are the same, but not the ends:\n{names[0]}: {ends[0]}\n{names[1]}: {ends[1]}"
    return None


def _first_difference(one: Rows, other: Rows) -> int | None:
    """Return the first row in which two canonical logs differ; one of them may just end there."""
    both = min(len(one), len(other))
    rows = np.flatnonzero((one[:both] != other[:both]).any(axis=1))
    if len(rows):
        return int(rows[0])
    return both if len(one) != len(other) else None


def _parting(plan: CompiledPlan, logs: tuple[Rows, Rows], at: int, names: tuple[str, str]) -> str:
    """Describe what one unit does around the first row that differs, by both logs."""
    # the earlier of the two: the other log may have nothing there yet, and what comes later follows from it
    minute, unit = min((int(log[at, 0]), int(plan.unit_of[log[at, 1]])) for log in logs if at < len(log))
    lines = [f"the engines part at minute {minute}, in what {plan.units[unit]} does:"]
    for name, log in zip(names, logs, strict=True):
        lines += [f"  {name}:", *_timeline(plan, log, unit, at)]
    return "\n".join(lines)


def _timeline(plan: CompiledPlan, log: Rows, unit: int, at: int) -> list[str]:
    """Describe a unit's rows around row `at` of a log; an arrow points to the first that is not before it."""
    own = np.flatnonzero(plan.unit_of[log[:, 1]] == unit)
    here = int(np.searchsorted(own, at))
    shown = range(max(here - AROUND, 0), min(here + AROUND + 1, len(own)))
    lines = [f"  {'>' if place == here else ' '} {describe_row(plan, log[own[place]])}" for place in shown]
    return lines if here < len(own) else [*lines, "  > nothing more"]


def describe_row(plan: CompiledPlan, row: Rows) -> str:
    """Return one row of a log in words: `minute 700: b17, step 3: work hook up, since minute 100`."""
    minute, step, x = row.tolist()
    unit = int(plan.unit_of[step])
    operation, a = plan.rows[step, :2].tolist()
    activity = int(plan.activity_of[step])
    what = plan.activities[activity] if activity != NONE else _about(plan, operation, a)
    more = f", since minute {x}" if operation in BEGUN else "" if operation == FREE else f": {x}"
    who = f"{plan.units[unit]}, step {step - int(plan.first[unit]) + 1}"
    return f"minute {minute}: {who}: {' '.join(filter(None, (OPERATIONS[operation], what)))}{more}"


def _about(plan: CompiledPlan, operation: int, a: int) -> str:
    """Return what a step without an activity is about: its pools, its gate, its note."""
    if operation in (WAIT, SIGNAL):
        return plan.gates[a]
    if operation == NOTE:
        return "/".join(part for part in plan.notes[a] if part)
    if operation in (HOLD, FREE):
        return " + ".join(f"{count} {plan.pools[pool]}" for pool, count in plan.bundles[a])
    return ""
