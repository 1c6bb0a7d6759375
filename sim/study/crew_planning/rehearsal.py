"""Rehearsals: runs of a project's plan without chance, from which crews, order dates and priorities are read.

A plan is written and compiled once; a rehearsal of it with other numbers of crews changes a few counts in its arrays
and costs what the engine costs, some milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.engine.backends import RunsWith, repeated_runs
from sim.engine.simpy_engine import RunOutcome
from sim.errors import SimError, Stalled
from sim.jit import available
from sim.metrics.schedule import NEVER, latest
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import Column, CompiledPlan, LogColumn
from sim.plan.deterministic_draws import mean_draws
from sim.plan.draws import Draws, Inputs, SampledInputs, Spreader
from sim.plan.layout import layout_of
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.mechanisms.crews import UNLIMITED, crew, largest_counts
from sim.plan.mechanisms.orders import PLACED
from sim.plan.plan_context import ResourcePlan
from sim.plan.project import write_plan
from sim.plan.vocabulary import (
    CREW_KINDS,
    FREE,
    HOLD,
    MINUTES_PER_DAY,
    MINUTES_PER_HOUR,
    MINUTES_PER_WEEK,
    NOTE,
    SIGNAL,
    UNTIL,
    WORK,
)
from sim.world.project_calendars import day_minutes, project_calendars
from sim.world.streams import Sampling
from sim.world.working_time import Calendar

Ints = NDArray[np.int64]
ABREAST = min(os.cpu_count() or 1, 4)
"""Rehearsals run side by side: a step of the search looks at a few dozen plans, and a third of them need no run."""
REPLICATIONS = 16
"""Replications in which a crew plan is tried: a set of Sobol points, so that slow and fast projects are among them."""
SEED = 8_191
"""Of these replications: any, but not one that runs are likely to have, so that plans and runs have other draws."""


class NothingOnline(SimError):
    """A project whose plan without chance brings no block online."""

    exit_code = 2


class Rehearsal:
    """A project's plan and one run of it without chance: with as many crews as are asked for, or as the resource plan says.

    Unlike the replications of a study it is a means of planning: crews, order dates and priorities are read from its log.
    Every input is at its mean, with expected rework, if nothing else is stated. `calendars` are those of typical weather
    wherever people are planned: who mans a site in Wisconsin knows that no earth is moved there in January.
    """

    def __init__(
        self,
        project: Project,
        resource_plan: ResourcePlan,
        draws: Callable[[Inputs], SampledInputs] = mean_draws,
        calendars: Mapping[str, Calendar] | None = None,
    ) -> None:
        """Write, compile and run the plan once, on the project's own calendars if no `calendars` are given."""
        self.project = project
        plan = write_plan(project, calendars or project_calendars(project), day_minutes(project), resource_plan)
        # by trade, the most crews that any one step takes: with fewer the plan could never be finished
        self.max_crews_at_once = largest_counts(plan.units, project.labour.trades)
        self.plan: CompiledPlan = compile_plan(plan)
        self.draws: SampledInputs = draws(self.plan.inputs)
        self._runs, self._thread = repeated_runs(self.plan, self.draws), 0
        self.rerun({})

    def rerun(self, crews: Mapping[str, int]) -> None:
        """Run the plan again, with so many crews of each trade from the beginning instead of the plan's own."""
        self.log: Ints = self.log_with(crews).copy()
        self._latest_for: dict[int, Ints] = {}
        minutes_online = self.log[self.online_rows(self.log), LogColumn.MINUTE]
        if not len(minutes_online):
            raise NothingOnline(
                "orders: at mean growth of demand nothing is ordered, or all of it is cancelled, so there is no plan; see "
                "orders.demand (growth, ending), orders.look_ahead_days and orders.until_day"
            )
        self.finish = int(minutes_online.max())

    def log_with(self, crews: Mapping[str, int]) -> Ints:
        """Return the log of a run with so many crews of each trade; raises `Stalled` where it never ends.

        It is good until the next run, which may be written over it.
        """
        counts = {self.crew_pools[trade]: count for trade, count in crews.items()}
        outcome = finished(self._runs.run(counts, self._thread))
        self._spare_by_pool = outcome.spare
        return outcome.log

    def drawn_finishes(self, crews: Mapping[str, int]) -> NDArray[np.float64]:
        """Return the minute of the last block online by replication, with so many crews of each trade in typical weather.

        Common random numbers for all crews; infinite where a replication does not reach its end.
        """
        counts = {self.crew_pools[trade]: count for trade, count in crews.items()}
        return np.array(self._drawn_runs(counts, self._finish_of), np.float64)

    def _finish_of(self, outcome: RunOutcome) -> float:
        """Return the minute of the last block online; infinite where a run does not reach its end."""
        log = outcome.log
        return inf if outcome.deadlock else float(log[self.online_rows(log), LogColumn.MINUTE].max(initial=0))

    @cached_property
    def _drawn_runs(self) -> RunsWith:
        """Return the function that simulates the replications of the plan with other numbers of crews."""
        uniforms = Spreader(self.plan.inputs, SEED, Sampling("sobol", REPLICATIONS))
        return self._runs.drawn(Draws(self.plan.inputs, SEED, uniforms), REPLICATIONS, ABREAST)

    def end_drawn_runs(self) -> None:
        """Let go of what replications of the plan are simulated with."""
        self.__dict__.pop("_drawn_runs", None)

    def abreast(self, number: int) -> list[Rehearsal]:
        """Return up to `number` rehearsals of the same plan, this one first, each for a thread of its own."""
        rehearsals = [self]
        for thread in range(1, number if available() else 1):  # SimPy gains nothing from threads
            rehearsals.append(copy(self))
            rehearsals[-1]._thread = thread  # noqa: SLF001 (a copy of this one)
        return rehearsals

    def same_log(self, crews: Mapping[str, int]) -> tuple[Ints, Ints] | None:
        """Return by trade the fewest and the most crews with which the last run would have the same log, if it is known.

        `crews` are those with which it was run. No decision of it depended on crews that were spare all the time, and none
        would have been another with more crews of a trade that was never short.
        """
        if self._spare_by_pool is None:
            return None
        counts = np.array([*crews.values()], np.int64)
        spare = self._spare_by_pool[[self.crew_pools[trade] for trade in crews]]
        return counts - np.maximum(spare, 0), np.where(spare < 0, counts, UNLIMITED)

    @cached_property
    def crew_pools(self) -> dict[str, int]:
        """Return by trade the number of the pool of its crews."""
        return {trade: self.plan.pools.index(crew(trade)) for trade in self.max_crews_at_once}

    @cached_property
    def crew_changes(self) -> tuple[NDArray[np.int32], Ints]:
        """Return by step the number of the change that it makes to busy crews, or -1; and the changes, (changes, trades).

        A change is how many crews of each trade are taken, below 0 if they are given back.
        """
        taken = np.zeros((len(self.plan.bundles), len(self.crew_pools)), np.int64)
        for trade_number, pool in enumerate(self.crew_pools.values()):
            taken[:, trade_number] = [dict(bundle).get(pool, 0) for bundle in self.plan.bundles]
        operation, bundle_of_step = self.plan.operation_of, self.plan.argument_of
        change_of_step = np.full(len(self.plan.rows), -1, np.int32)
        for steps, first_change in ((operation == HOLD, 0), (operation == FREE, len(taken))):
            bundles = bundle_of_step[steps]
            change_of_step[steps] = np.where(taken[bundles].any(axis=1), first_change + bundles, -1)
        return change_of_step, np.concatenate([taken, -taken])

    @cached_property
    def crew_steps(self) -> NDArray[np.bool_]:
        """Return by step whether it takes crews or gives them back."""
        return np.asarray(self.crew_changes[0] >= 0)

    def busy_crews(self, steps: Ints) -> NDArray[np.int32]:
        """Return how many crews of each trade are busy after each of some steps, done in turn; shape (trades, steps)."""
        change_of_step, changes = self.crew_changes
        no_change = np.zeros((1, changes.shape[1]), np.int64)  # in the last row, which -1 is
        changes_of_trades = np.concatenate([changes, no_change]).T.astype(np.int32)
        return changes_of_trades[:, change_of_step[steps]].cumsum(axis=1, dtype=np.int32)

    def latest(self, anchors: Mapping[int, int]) -> Ints:
        """Return by row of the log the latest minute at which it may be done so that the anchors (row: minute) are kept."""
        if available():
            from sim.metrics.kernels.late_dates import latest as compiled_latest

            latest_minutes = compiled_latest(self.plan, self.log, self.plan.base_calendars, anchors)
            if latest_minutes is not None:
                return latest_minutes
        return latest(self.plan, self.log, self.plan.base_calendars, anchors)

    def latest_for(self, target: int) -> Ints:
        """Return by row of the log its latest minute if every block may come online as much later as the finish may.

        `target` is the minute at which the last block must be online.
        """
        if target not in self._latest_for:
            online_gate = self.plan.gates.index(ONLINE)
            rows = [row for row in self.rows_of(SIGNAL).tolist() if self.argument(row) == online_gate]
            self._latest_for[target] = self.latest(
                {row: int(self.log[row, LogColumn.MINUTE]) + target - self.finish for row in rows}
            )
        return self._latest_for[target]

    def priorities(self, target: int) -> dict[str, tuple[int, ...]]:
        """Return by unit the priority of each of its holds of crews: the hour by which their work must be finished.

        A hold whose work was not rehearsed, such as a repair, has the priority of the next one on its route.
        """
        latest_minute = self.latest_for(target)
        latest_finish = np.full(len(self.plan.rows), NEVER, np.int64)
        works = self.rows_of(WORK)
        np.minimum.at(latest_finish, self.log[works, LogColumn.STEP], latest_minute[works])
        priorities: dict[str, tuple[int, ...]] = {}
        for unit, holds, end in self._crew_holds():
            due_minutes = [int(latest_finish[hold:end].min()) for hold in holds]
            if min(due_minutes) != NEVER:
                priorities[unit] = tuple(
                    (minute if minute != NEVER else min(due_minutes)) // MINUTES_PER_HOUR for minute in due_minutes
                )
        return priorities

    def serve_by(self, priorities: Mapping[str, tuple[int, ...]]) -> None:
        """Give every hold of crews its priority, as in a plan that is written with them; the log stays as it is."""
        rows = self.plan.rows.copy()
        for unit, holds, _ in self._crew_holds():
            if unit in priorities:
                rows[holds, Column.PRIORITY] = priorities[unit]
        self.plan = replace(self.plan, rows=rows)
        self.end_drawn_runs()  # they were of the plan before
        del self._runs  # two plans of a campus need not be in memory at once
        self._runs = repeated_runs(self.plan, self.draws)

    def _crew_holds(self) -> Iterator[tuple[str, Ints, int]]:
        """Yield for every unit that works with crews: its name, its steps that take crews, and the end of its steps."""
        takes_crews = self.crew_steps & (self.plan.operation_of == HOLD)
        for unit, name in enumerate(self.plan.units):
            first, end = int(self.plan.first[unit]), int(self.plan.first[unit + 1])
            holds = np.flatnonzero(takes_crews[first:end]) + first
            if len(holds) and self.plan.unit_info[unit].kind not in CREW_KINDS:
                yield name, holds, end

    def order_minutes(self) -> dict[str, int]:
        """Return by unit the minute of the latest day for its order that delays no block, less the stated float."""
        latest_minute = self.latest({row: int(self.log[row, LogColumn.MINUTE]) for row in self.online_rows(self.log)})
        float_minutes = round(self.project.procurement.float_weeks.value * MINUTES_PER_WEEK)
        order = self.plan.activities.index("order") if "order" in self.plan.activities else -1
        order_minutes: dict[str, int] = {}
        for row in (*self.rows_of(UNTIL), *self.rows_of(WORK)):
            step = self.log[row, LogColumn.STEP]
            if self.plan.activity_of[step] == order and latest_minute[row] != NEVER:
                minute = max(0, int(latest_minute[row]) - float_minutes)
                order_minutes[self.plan.units[self.plan.unit_of[step]]] = minute - minute % MINUTES_PER_DAY
        return order_minutes

    def placement_minutes(self) -> dict[str, int]:
        """Return by order without a date the minute at which it is placed."""
        gates = {number: gate for number, gate in enumerate(self.plan.gates) if gate.endswith(PLACED)}
        rows = [row for row in self.rows_of(SIGNAL) if self.argument(row) in gates]
        return {gates[self.argument(row)].removesuffix(PLACED): int(self.log[row, LogColumn.MINUTE]) for row in rows}

    def release_days(self) -> dict[str, int]:
        """Return by hall and block the day on which it is released: a fixed time before its first block is online.

        Never later than the first thing that is bought or done for it.
        """
        minutes_ahead = round(self.project.orders.released_days_ahead.value * MINUTES_PER_DAY)
        layout = layout_of(self.project)
        minute_online = {
            self.plan.notes[self.argument(row)].place: int(self.log[row, LogColumn.MINUTE])
            for row in self.online_rows(self.log)
        }
        first_minute = self._first_minutes()
        release_days = {}
        for place in (*layout.halls, *layout.blocks):
            first_online = min(minute_online[block] for block in place.blocks)
            release = min(first_minute.get(place.name, NEVER), first_online - minutes_ahead)
            release_days[place.name] = max(0, release) // MINUTES_PER_DAY
        return release_days

    def _first_minutes(self) -> dict[str, int]:
        """Return by place the first minute at which something is ordered or done for it."""
        first_minute: dict[str, int] = {}
        for row in self.rows_of(NOTE):
            note = self.plan.notes[self.argument(row)]
            if note.kind == "ordered" and note.place and note.part != "shell":
                first_minute.setdefault(note.place, int(self.log[row, LogColumn.MINUTE]))
        for row in self.rows_of(WORK):
            place = self.plan.unit_info[self.plan.unit_of[self.log[row, LogColumn.STEP]]].place
            first_minute[place] = min(first_minute.get(place, NEVER), int(self.log[row, LogColumn.DETAIL]))
        return first_minute

    def online_rows(self, log: Ints) -> Ints:
        """Return the numbers of the rows of a log at which blocks come online."""
        return np.flatnonzero(self._online_steps[log[:, LogColumn.STEP]])

    @cached_property
    def _online_steps(self) -> NDArray[np.bool_]:
        """Return by step whether it notes that a block is online."""
        is_online_note = np.array([note.kind == ONLINE for note in self.plan.notes])
        is_online_step: NDArray[np.bool_] = self.plan.operation_of == NOTE
        is_online_step[is_online_step] = is_online_note[self.plan.argument_of[is_online_step]]
        return is_online_step

    def rows_of(self, operation: int) -> Ints:
        """Return the numbers of the rows of the log whose steps have an operation."""
        return np.flatnonzero(self.plan.operation_of[self.log[:, LogColumn.STEP]] == operation)

    def argument(self, row: int) -> int:
        """Return the first argument of the step of a row of the log, the number of its gate, note or bundle."""
        return int(self.plan.argument_of[self.log[row, LogColumn.STEP]])


def finished(outcome: RunOutcome) -> RunOutcome:
    """Return the outcome of a run that reached its end; raises `Stalled`, with which unit waits for what, otherwise."""
    if outcome.deadlock is not None:
        raise Stalled(f"the deterministic run {outcome.deadlock.explain()}")
    return outcome
