"""One run as the conservation checks see it: its log, metrics and curves, and every change of a pool by a unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.delivery import Online
from sim.metrics.event_log import Ints, Record
from sim.metrics.money.accounts import CostModel
from sim.metrics.money.ledger import Run
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.vocabulary import FREE, HOLD, SIGNAL


@dataclass(frozen=True)
class Moves:
    """Changes of pools in the order of the log: minute, unit, pool and count, below 0 for a hold and above 0 for a free."""

    minute: Ints
    unit: Ints
    pool: Ints
    count: Ints


@dataclass(frozen=True)
class CheckedRun:
    """One run: its record, people on site, blocks, cost model, and the metrics and curves computed from it."""

    project: Project
    run: Run
    blocks: Online
    cost_model: CostModel
    metrics: Mapping[str, float]
    curves: Mapping[str, NDArray[np.float64]]
    data_date: int = 0
    """The minute of the data date, until which the run is history: it need not have kept the plan's calendars and counts."""

    @property
    def record(self) -> Record:
        """The log of the run, with the look-up tables of its plan."""
        return self.run.record

    @property
    def plan(self) -> CompiledPlan:
        """The plan as arrays."""
        return self.record.plan_index.plan

    @cached_property
    def unit(self) -> Ints:
        """The number of the unit by log row."""
        return self.plan.unit_of[self.record.step]

    @cached_property
    def complete(self) -> bool:
        """Whether the project came to its end: its completion gate reached its level."""
        gate, level = self.plan.completion
        rows = (self.record.operation == SIGNAL) & (self.record.plan_index.first_argument[self.record.step] == gate)
        return int(self.record.amount[rows].sum()) >= level

    @cached_property
    def moves(self) -> Moves:
        """Return every change of what is free in a pool, by steps that hold or free resources, one row per pool."""
        record, bundles = self.record, self.plan.bundles
        rows = np.flatnonzero((record.operation == HOLD) | (record.operation == FREE))
        bundle = record.plan_index.first_argument[record.step[rows]]
        # every hold and free is as many moves as its bundle has pools
        sizes = np.array([len(pools) for pools in bundles], np.int64)
        all_pairs = np.array([pair for pools in bundles for pair in pools], np.int64).reshape(-1, 2)
        first_pair = np.concatenate([[0], np.cumsum(sizes)])[bundle]
        row_of_move = np.repeat(np.arange(len(rows)), sizes[bundle])
        position_in_bundle = np.arange(len(row_of_move)) - np.repeat(
            np.cumsum(sizes[bundle]) - sizes[bundle], sizes[bundle]
        )
        pair = all_pairs[first_pair[row_of_move] + position_in_bundle]
        sign = np.where(record.operation[rows] == FREE, 1, -1)[row_of_move]
        return Moves(record.minute[rows][row_of_move], self.unit[rows][row_of_move], pair[:, 0], sign * pair[:, 1])
