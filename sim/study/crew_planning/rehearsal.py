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
from sim.engine.backends import RunsWith, drawn_runs, given_runs
from sim.engine.simpy_engine import RunOutcome
from sim.errors import Stalled
from sim.jit import available
from sim.metrics.schedule import NEVER, latest
from sim.plan.compile import CompiledPlan, compile_plan
from sim.plan.context import ResourcePlan
from sim.plan.deterministic_draws import mean_draws
from sim.plan.draws import Draws, Inputs, SampledInputs, Spreader
from sim.plan.layout import layout_of
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.mechanisms.crews import UNLIMITED, crew, largest_counts
from sim.plan.mechanisms.orders import PLACED
from sim.plan.project import write_plan
from sim.plan.vocabulary import CREW_KINDS, FREE, HOLD, MINUTES_PER_DAY, MINUTES_PER_WEEK, NOTE, SIGNAL, UNTIL, WORK
from sim.world.project_calendars import day_minutes, project_calendars
from sim.world.streams import Sampling
from sim.world.working_time import Calendar

Ints = NDArray[np.int64]
ABREAST = min(os.cpu_count() or 1, 4)
"""Runs side by side: a step of the search looks at a few dozen plans, and a third of them need no run."""
REPLICATIONS = 16
"""In which a plan is looked at with chance: a set of Sobol points, so that slow and fast projects are among them."""
SEED = 8_191
"""Of these replications: any, but not one that runs are likely to have, so that plans and runs have other draws."""


class Rehearsal:
    """A plan and one run of it without chance: with as many crews as are asked for, or as the resource plan says.

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
        """Write the plan and run it once, by the stated hours if no `calendars` are given."""
        self.project = project
        plan = write_plan(project, calendars or project_calendars(project), day_minutes(project), resource_plan)
        self.most = largest_counts(plan.units, project.labour.trades)
        self.plan: CompiledPlan = compile_plan(plan)
        self.draws: SampledInputs = draws(self.plan.inputs)
        (self._run,) = given_runs(self.plan, self.draws)
        self.rerun({})

    def rerun(self, crews: Mapping[str, int]) -> None:
        """Run the plan again, with so many crews of each trade from the beginning instead of the plan's own."""
        self.log: Ints = self.log_with(crews).copy()
        self._latest_for: dict[int, Ints] = {}
        self.finish = int(self.log[self.online_rows(self.log), 0].max())

    def log_with(self, crews: Mapping[str, int]) -> Ints:
        """Return the log of a run with so many crews of each trade; raises `Stalled` where it never ends.

        It is good until the next run, which may be written over it.
        """
        outcome = finished(self._run({self.crew_pools[trade]: count for trade, count in crews.items()}))
        self._spare = outcome.spare
        return outcome.log

    def drawn_finishes(self, crews: Mapping[str, int]) -> NDArray[np.float64]:
        """Return the finish of some replications with so many crews: the same random numbers for all, typical weather.

        Infinite where one does not reach its end.
        """
        outcomes = self._drawn_runs({self.crew_pools[trade]: count for trade, count in crews.items()})
        return np.array([
            inf if outcome.deadlock else outcome.log[self.online_rows(outcome.log), 0].max(initial=0)
            for outcome in outcomes
        ], np.float64)  # fmt: skip

    @cached_property
    def _drawn_runs(self) -> RunsWith:
        """Return what simulates replications of the plan."""
        spread = Spreader(self.plan.inputs, SEED, Sampling("sobol", REPLICATIONS))
        return drawn_runs(self.plan, Draws(self.plan.inputs, SEED, spread), REPLICATIONS, ABREAST)

    def abreast(self, number: int) -> list[Rehearsal]:
        """Return rehearsals of the same plan, this one first: up to so many, each to be run by a thread of its own."""
        found = [self]
        # SimPy gains nothing from threads
        for run in given_runs(self.plan, self.draws, number - 1) if number > 1 and available() else ():
            found.append(copy(self))
            found[-1]._run = run  # noqa: SLF001 (a copy of this one)
        return found

    def same_log(self, crews: Mapping[str, int]) -> tuple[Ints, Ints] | None:
        """Return the fewest and the most crews of each trade with which the last run has the same log, if it is known.

        `crews` are those it was run with. No decision of it depended on crews that were spare all the time, and none
        would have been another with more crews of a trade that was never short.
        """
        if self._spare is None:
            return None
        counts = np.array([*crews.values()], np.int64)
        spare = self._spare[[self.crew_pools[trade] for trade in crews]]
        return counts - np.maximum(spare, 0), np.where(spare < 0, counts, UNLIMITED)

    @cached_property
    def crew_pools(self) -> dict[str, int]:
        """Return the pool of every trade's crews, by number."""
        return {trade: self.plan.pools.index(crew(trade)) for trade in self.most}

    @cached_property
    def crew_changes(self) -> Ints:
        """Return by trade and step how many crews the step takes, below zero if it gives them back."""
        operation, argument = self.plan.rows[:, 0], self.plan.rows[:, 1]
        found = np.zeros((len(self.most), len(operation)), np.int64)
        for number, pool in enumerate(self.crew_pools.values()):
            takes = np.array([dict(bundle).get(pool, 0) for bundle in self.plan.bundles], np.int64)
            for kind, sign in ((HOLD, 1), (FREE, -1)):
                steps = operation == kind
                found[number, steps] = sign * takes[argument[steps]]
        return found

    @cached_property
    def changes_by_step(self) -> tuple[NDArray[np.int32], Ints]:
        """Return which change of crews every step makes, or -1, and the different changes, shape (changes, trades)."""
        steps = np.flatnonzero(self.crew_steps)
        changes, place = np.unique(self.crew_changes[:, steps], axis=1, return_inverse=True)
        change_of = np.full(len(self.plan.rows), -1, np.int32)
        change_of[steps] = place.ravel()
        return change_of, np.ascontiguousarray(changes.T)

    @cached_property
    def crew_steps(self) -> NDArray[np.bool_]:
        """Return the steps that take crews or give them back."""
        return np.asarray(self.crew_changes.any(axis=0))

    def latest(self, anchors: Mapping[int, int]) -> Ints:
        """Return the latest minute of every row of the log that keeps the anchors (row: minute)."""
        if available():
            from sim.metrics.kernels.late_dates import latest as compiled

            found = compiled(self.plan, self.log, self.plan.base_calendars, anchors)
            if found is not None:
                return found
        return latest(self.plan, self.log, self.plan.base_calendars, anchors)

    def latest_for(self, target: int) -> Ints:
        """Return the latest minute of every row when every block may be as late as the last one may, for a target."""
        if target not in self._latest_for:
            steps = self.plan.rows[self.log[:, 1]]
            handed_over = (steps[:, 0] == SIGNAL) & (steps[:, 1] == self.plan.gates.index(ONLINE))
            rows = np.flatnonzero(handed_over).tolist()
            self._latest_for[target] = self.latest({row: int(self.log[row, 0]) + target - self.finish for row in rows})
        return self._latest_for[target]

    def priorities(self, target: int) -> dict[str, tuple[int, ...]]:
        """Return by unit the priority of each of its holds of crews: the hour at which their work must be finished.

        A hold whose work was not rehearsed, such as a repair, has the priority of the next one on its route.
        """
        bound = self.latest_for(target)
        finish = np.full(len(self.plan.rows), NEVER, np.int64)
        works = self.rows_of(WORK)
        np.minimum.at(finish, self.log[works, 1], bound[works])
        found: dict[str, tuple[int, ...]] = {}
        for unit, holds, last in self._crew_holds():
            until = [int(finish[hold:last].min()) for hold in holds]
            if min(until) != NEVER:
                found[unit] = tuple((minute if minute != NEVER else min(until)) // 60 for minute in until)
        return found

    def serve_by(self, priorities: Mapping[str, tuple[int, ...]]) -> None:
        """Give every hold of crews its priority, as in a plan that is written with them; the log stays as it is."""
        rows = self.plan.rows.copy()
        for unit, holds, _ in self._crew_holds():
            if unit in priorities:
                rows[holds, 2] = priorities[unit]
        self.plan = replace(self.plan, rows=rows)
        (self._run,) = given_runs(self.plan, self.draws)
        self.__dict__.pop("_drawn_runs", None)  # they were of the plan before

    def _crew_holds(self) -> Iterator[tuple[str, Ints, int]]:
        """Yield every unit that takes crews to work with them: its name, these steps, and the step behind its last."""
        takes = (self.crew_changes > 0).any(axis=0) & (self.plan.rows[:, 0] == HOLD)
        for unit, name in enumerate(self.plan.units):
            first, last = int(self.plan.first[unit]), int(self.plan.first[unit + 1])
            holds = np.flatnonzero(takes[first:last]) + first
            if len(holds) and self.plan.unit_info[unit].kind not in CREW_KINDS:
                yield name, holds, last

    def order_minutes(self) -> dict[str, int]:
        """Return by unit the latest order that delays no block, less the float that is kept on an order."""
        bound = self.latest({row: int(self.log[row, 0]) for row in self.online_rows(self.log)})
        kept = round(self.project.procurement.float_weeks.value * MINUTES_PER_WEEK)
        order = self.plan.activities.index("order") if "order" in self.plan.activities else -1
        found: dict[str, int] = {}
        for row in (*self.rows_of(UNTIL), *self.rows_of(WORK)):
            step = self.log[row, 1]
            if self.plan.activity_of[step] == order and bound[row] != NEVER:
                minute = max(0, int(bound[row]) - kept)
                found[self.plan.units[self.plan.unit_of[step]]] = minute - minute % MINUTES_PER_DAY
        return found

    def placed(self) -> dict[str, int]:
        """Return when the orders that have no date are placed."""
        gates = {number: gate for number, gate in enumerate(self.plan.gates) if gate.endswith(PLACED)}
        rows = [row for row in self.rows_of(SIGNAL) if self.argument(row, 1) in gates]
        return {gates[self.argument(row, 1)].removesuffix(PLACED): int(self.log[row, 0]) for row in rows}

    def released(self) -> dict[str, int]:
        """Return the day on which every hall and block is released: a fixed time before it is planned to be online.

        Never later than the first thing that is bought or done for it.
        """
        ahead = round(self.project.orders.released_days_ahead.value * MINUTES_PER_DAY)
        layout = layout_of(self.project)
        made = {
            self.plan.notes[self.argument(row, 1)].place: int(self.log[row, 0]) for row in self.online_rows(self.log)
        }
        begun = self._begun()
        return {
            place.name: max(0, min(begun.get(place.name, NEVER), min(made[block] for block in place.blocks) - ahead))
            // MINUTES_PER_DAY
            for place in (*layout.halls, *layout.blocks)
        }

    def _begun(self) -> dict[str, int]:
        """Return by place the first minute at which something is ordered or done for it."""
        first: dict[str, int] = {}
        for row in self.rows_of(NOTE):
            note = self.plan.notes[self.argument(row, 1)]
            if note.kind == "ordered" and note.place and note.part != "shell":
                first.setdefault(note.place, int(self.log[row, 0]))
        for row in self.rows_of(WORK):
            place = self.plan.unit_info[self.plan.unit_of[self.log[row, 1]]].place
            first[place] = min(first.get(place, NEVER), int(self.log[row, 2]))
        return first

    def online_rows(self, log: Ints) -> Ints:
        """Return the rows of a log at which blocks come online."""
        return np.flatnonzero(self._online_steps[log[:, 1]])

    @cached_property
    def _online_steps(self) -> NDArray[np.bool_]:
        """Return the steps that note that a block is online."""
        kinds = np.array([note.kind == ONLINE for note in self.plan.notes])
        found: NDArray[np.bool_] = self.plan.rows[:, 0] == NOTE
        found[found] = kinds[self.plan.rows[found, 1]]
        return found

    def rows_of(self, operation: int) -> Ints:
        """Return the rows of the log of one operation."""
        return np.flatnonzero(self.plan.rows[self.log[:, 1], 0] == operation)

    def argument(self, row: int, argument: int) -> int:
        """Return an argument of the step of a row."""
        return int(self.plan.rows[self.log[row, 1], argument])


def finished(outcome: RunOutcome) -> RunOutcome:
    """Return a performance that reached its end; raises `Stalled` with who waits for what otherwise."""
    if outcome.deadlock is not None:
        raise Stalled(f"the deterministic run {outcome.deadlock.explain()}")
    return outcome
