"""Tiny plans with fixed durations, and their logs told as lines that a person can write by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.engine.deadlock import Deadlock
from sim.engine.simpy_engine import RunOutcome, SimpyPlan, simulate
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import NONE, CompiledPlan
from sim.plan.draws import Draws, SampledInputs
from sim.plan.vocabulary import (
    FREE,
    HOLD,
    JUMP,
    OPERATIONS,
    SIGNAL,
    UNTIL,
    WAIT,
    WORK,
    Free,
    Hold,
    Jump,
    Plan,
    Pool,
    Signal,
    Step,
    Until,
    Wait,
    Work,
    canonical,
    fixed,
)
from sim.world.working_time import Calendar, always

HORIZON = 100_000
OVER = "everybody is done"
"""The gate that every unit signals at the end of its route; a told log leaves it out."""

Row = tuple[int, str, str]
Routes = Mapping[str, Sequence[Step]]
Pools = Mapping[str, int | Pool]


def work(minutes: float, activity: str = "work", calendar: str = "always", **options: Any) -> Work:
    """An activity of a fixed number of minutes."""
    return Work(activity, fixed(minutes), calendar, **options)


def at(minute: int, event: str = "date") -> Until:
    """Wait until a minute."""
    return Until(event, fixed(minute))


def job(minutes: float, *pools: str, activity: str = "work", **options: Any) -> list[Step]:
    """Take one of each of these pools, work, and give them back."""
    counts = dict.fromkeys(pools, 1)
    return [Hold(counts, **options), work(minutes, activity), Free(counts)]


def write(routes: Routes, pools: Pools | None = None, *, finish: tuple[str, int] | None = None) -> Plan:
    """Return a plan of these routes; it is finished when a gate says so, or when every unit is at its end."""
    plan = Plan(finish or (OVER, len(routes)))
    plan.works_on({"always": always(HORIZON)})
    for name, pool in (pools or {}).items():
        plan.pools[name] = pool if isinstance(pool, Pool) else Pool(pool)
    for name, route in routes.items():
        plan.unit(name, [*route] if finish else [*route, Signal(OVER)])
        for step in plan.units[name]:
            if isinstance(step, Wait | Signal | Jump) and step.gate:
                plan.gate(step.gate)
    return plan


@dataclass(frozen=True)
class Told:
    """What came of a plan: its log in canonical order, as numbers and as words, and why it stalled if it did."""

    compiled: CompiledPlan
    draws: SampledInputs
    outcome: RunOutcome

    @property
    def log(self) -> list[tuple[int, int, int]]:
        """Rows (minute, step, x) in the order (minute, unit, order within the unit)."""
        return [(*row,) for row in canonical(self.outcome.log, self.compiled.unit_of).tolist()]

    @property
    def rows(self) -> list[Row]:
        """The log in words, without the signals that only say that a unit is at its end."""
        plan = self.compiled
        told = [(minute, plan.units[plan.unit_of[step]], self._what(minute, step, x)) for minute, step, x in self.log]
        return [row for row in told if row[2] != f"signal {OVER}"]

    @property
    def finish(self) -> int:
        """The minute of the last row."""
        return int(self.outcome.log[-1, 0])

    @property
    def deadlock(self) -> Deadlock:
        """Why it stalled."""
        assert self.outcome.deadlock is not None, "the plan was finished"
        return self.outcome.deadlock

    def _what(self, minute: int, step: int, x: int) -> str:
        """Tell one row: "hold 2 crew + rig since 5", "dig since 0", "again test: yes"."""
        plan = self.compiled
        operation, a, amount = plan.rows[step, :3].tolist()
        words: list[str] = [] if operation == WORK else [OPERATIONS[operation]]
        if operation in {HOLD, FREE}:
            words.append(" + ".join(f"{n} {plan.pools[p]}" if n > 1 else plan.pools[p] for p, n in plan.bundles[a]))
        elif operation in {WAIT, SIGNAL}:
            words.append(plan.gates[a])
        elif plan.activity_of[step] != NONE:
            words.append(plan.activities[plan.activity_of[step]])
        elif operation != JUMP:
            words += [*filter(None, plan.notes[a]), *([str(amount)] if amount != 1 else [])]
        if operation in {HOLD, WORK, WAIT, UNTIL} and x != minute:
            words.append(f"since {x}")
        if operation == SIGNAL and x != 1:
            words.append(str(x))
        if operation == JUMP:
            words[-1] += ": yes" if x else ": no"
        return " ".join(words)


def replications(
    plan: Plan, count: int, *, seed: int = 0, calendars: Mapping[str, Calendar] | None = None
) -> Iterator[Told]:
    """Perform a plan so often, on other calendars where they are given, and tell what came of it each time."""
    compiled = compile_plan(plan)
    prepared = SimpyPlan(compiled)
    hours = [(calendars or {}).get(name, base) for name, base in plan.calendars.items()]
    for luck in Draws(compiled.inputs, seed).chunk(0, count):
        yield Told(compiled, luck, simulate(prepared, luck, hours))


def told(plan: Plan, *, seed: int = 0, calendars: Mapping[str, Calendar] | None = None) -> Told:
    """Perform a plan once."""
    (once,) = replications(plan, 1, seed=seed, calendars=calendars)
    return once


def finished(plan: Plan, *, seed: int = 0) -> list[Row]:
    """Perform a plan that must come to its end and return its log in words."""
    done = told(plan, seed=seed)
    assert done.outcome.deadlock is None, done.outcome.deadlock.explain()
    return done.rows


def lines(text: str) -> list[Row]:
    """Read a timeline written by hand: a minute, a unit and what it did on each line."""
    rows = [line.split(maxsplit=2) for line in text.strip().splitlines()]
    return [(int(minute), unit, what) for minute, unit, what in rows]


def last(rows: Iterable[Row], what: str) -> dict[str, int]:
    """Return per unit the minute of its last row that begins with these words."""
    return {unit: minute for minute, unit, told in rows if told.startswith(what)}
