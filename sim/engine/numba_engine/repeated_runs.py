"""Runs of one plan again and again, each with other initial counts in some of its pools: what crew planning asks for.

The plan is laid out once. Each thread has the memory of one run, which runs with given inputs and runs with drawn ones
use in turn: for a campus of 2 GW that is 25 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import partial

import numpy as np

from sim.engine.numba_engine.memory_layout import FREE_COUNT
from sim.engine.numba_engine.sampling import CommonDraws, fixed_draws
from sim.engine.numba_engine.simulate import KernelPlan, Workspace, later_values
from sim.engine.simpy_engine import RunOutcome
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.draws import Draws, SampledInputs

ResultOf = Callable[[RunOutcome], float]
"""Works a number out from an outcome, whose log is valid until the next run."""


class CompiledRuns:
    """Runs of one plan with the same inputs each time, and with other initial counts by pool."""

    def __init__(self, plan: CompiledPlan, draws: SampledInputs) -> None:
        """Lay out the plan once; a run then costs what the kernel costs."""
        self._kernel_plan = KernelPlan(plan)
        self._given = fixed_draws(plan.inputs, draws.values, later_values(draws))
        self._workspaces: dict[int, Workspace] = {}

    def run(self, initial: Mapping[int, int], thread: int = 0) -> RunOutcome:
        """Simulate the plan with the given inputs, these initial counts by pool, and the plan's own in all other pools.

        The log is valid until the next run of the same thread, by its number.
        """
        workspace = self._workspace(thread)
        _set_initial_counts(workspace.prepared, initial)
        return workspace.outcome_on_base_calendars(0)

    def drawn(
        self, draws: Draws, replications: int, threads: int
    ) -> Callable[[Mapping[int, int], ResultOf], list[float]]:
        """Return a function that simulates the first replications with other initial counts, side by side in threads.

        It returns a number of each outcome. Common random numbers for all counts.
        """
        tables = self._kernel_plan.draw_tables(draws.seed, draws.uniforms)
        drawn = [*tables.chunk(0, replications)]
        workspaces = [copy(self._workspace(thread)) for thread in range(threads)]
        for workspace in workspaces:
            workspace.draws = tables.draws
            workspace.parameters = np.concatenate([tables.parameters, drawn[0].parameters])
        own_parameters = slice(len(tables.parameters), None)
        executor, shares = ThreadPoolExecutor(threads), [drawn[thread::threads] for thread in range(threads)]

        def run(initial: Mapping[int, int], result_of: ResultOf) -> list[float]:
            for workspace in workspaces:
                _set_initial_counts(workspace.prepared, initial)
            parts = executor.map(partial(_results, result_of, own_parameters), workspaces, shares)
            return [result for part in parts for result in part]

        return run

    def _workspace(self, thread: int) -> Workspace:
        """Return the memory of a thread's runs: the plan is shared, what a run writes is not."""
        if thread not in self._workspaces:
            own_plan = copy(self._kernel_plan)
            own_plan.initial_run = self._kernel_plan.initial_run.copy()
            self._workspaces[thread] = Workspace(own_plan, *self._given)
        return self._workspaces[thread]


def _results(
    result_of: ResultOf, own_parameters: slice, workspace: Workspace, replications: Sequence[CommonDraws]
) -> list[float]:
    """Simulate replications in one workspace, one after the other, and return a number of each."""
    results = []
    for drawn in replications:
        workspace.parameters[own_parameters] = drawn.parameters
        results.append(result_of(workspace.outcome_on_base_calendars(drawn.replication)))
    return results


def _set_initial_counts(prepared: KernelPlan, initial: Mapping[int, int]) -> None:
    """Have all further runs of a plan begin with these counts by pool, and the plan's own in all other pools."""
    counts = prepared.plan.initial.copy()
    counts[list(initial)] = list(initial.values())
    begin = prepared.initial_run[FREE_COUNT]
    prepared.initial_run[begin : begin + len(counts)] = counts
