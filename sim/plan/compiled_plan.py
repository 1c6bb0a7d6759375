"""The compiled plan: a plan as flat integer arrays, and the columns of its tables and of the event log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.plan.draws import Inputs
from sim.plan.identical_units import IntArray, SmallArray
from sim.plan.vocabulary import DELAY_CAUSES, NoteInfo, UnitInfo, WorkRole
from sim.world.distributions import Distribution
from sim.world.working_time import Calendar

CAUSES = tuple(DELAY_CAUSES)
"""Causes of delay by number."""
MODES = {"pausing": 0, "whole": 1, "duty": 2}
NONE = -1


class Column:
    """Columns of a row of the plan: the operation of a step, and the arguments that each operation has behind it."""

    OPERATION = 0
    ARGUMENT = 1
    """Number of the bundle of a hold or free, gate of a wait or signal, input of a work or date, note; target of a jump."""
    PRIORITY, PATIENCE = 2, 3  # of a hold
    CALENDAR, MODE, PEOPLE = 2, 3, 4  # of a work
    NET_LEVEL = 2  # of a date: number of its condition on a net level from 1, or 0
    LEVEL = AMOUNT = 2  # of a wait; of a signal or note
    CHANCE, LIMIT, JUMP_GATE, JUMP_LEVEL = 2, 3, 4, 5  # of a jump


Row = tuple[int, int, int, int, int, int]  # as `Column` says
ConditionRow = tuple[int, int, int, int, bool]  # set of pools, threshold, minutes, last minute, whether below


class LogColumn:
    """Columns of the event log: the minute in which a step was done, the step, and its detail.

    The detail is the minute begun (hold, work, wait, date), the branch taken (jump), the amount (signal, note) or the bundle
    (free).
    """

    MINUTE, STEP, DETAIL = range(3)


@dataclass(frozen=True)
class CompiledPlan:
    """The plan as arrays. A step is a row of six integers, whose columns `Column` names."""

    units: tuple[str, ...]
    unit_info: tuple[UnitInfo, ...]
    route_of: IntArray
    """Per unit the number of its route: units that were written as one have the same."""
    first: IntArray
    rows: NDArray[np.int64]
    unit_of: IntArray
    activities: tuple[str, ...]
    activity_of: SmallArray
    cause_of: SmallArray
    """Per step that takes time the number of its cause among `CAUSES`, or -1."""
    pools: tuple[str, ...]
    pool_kinds: tuple[str, ...]
    pool_causes: tuple[str, ...]
    """Per pool what a wait for it is due to; empty for tokens."""
    pool_nouns: tuple[str, ...]
    pool_trades: tuple[str, ...]
    """Per pool of crews their trade; empty for all others."""
    initial: IntArray
    net_level_conditions: tuple[ConditionRow, ...]
    net_level_pools: tuple[tuple[int, ...], ...]
    bundles: tuple[tuple[tuple[int, int], ...], ...]
    gates: tuple[str, ...]
    calendars: tuple[str, ...]
    base_calendars: tuple[Calendar, ...]
    learning: tuple[tuple[int, ...], ...]
    learning_of: SmallArray
    areas: tuple[tuple[int, ...], ...]
    area_of: IntArray
    trades: tuple[str, ...]
    people: SmallArray
    earns: NDArray[np.bool_]
    work_roles: tuple[WorkRole, ...]
    """Per step; "work" where it is none as well."""
    notes: tuple[NoteInfo, ...]
    inputs: Inputs
    completion: tuple[int, int]
    finish: tuple[int, int]
    """Gate and level whose date is explained: those of the completion, if the run does not go on after it."""

    @property
    def operation_of(self) -> NDArray[np.int64]:
        """Return the operation of every step."""
        return self.rows[:, Column.OPERATION]

    @property
    def argument_of(self) -> NDArray[np.int64]:
        """Return the first argument of every step: the number of its bundle, gate, input or note, the target of a jump."""
        return self.rows[:, Column.ARGUMENT]

    def with_factors(self, shapes: Mapping[str, Distribution]) -> CompiledPlan:
        """Return the same plan with other distributions of some of its common factors."""
        inputs, distributions = self.inputs, [*shapes.values()]
        factor_table = inputs.factor_table.copy()
        factor_table[[inputs.factors.index(name) for name in shapes]] = len(inputs.tables.kind) + np.arange(len(shapes))
        changed = replace(
            inputs,
            tables=inputs.tables.and_those_of(distributions),
            planned=np.append(inputs.planned, [shape.planned() for shape in distributions]),
            mean=np.append(inputs.mean, [shape.mean() for shape in distributions]),
            factor_table=factor_table,
        )
        return replace(self, inputs=changed)

    def has_steps_of(self, other: CompiledPlan) -> bool:
        """Return whether another plan is the same but for what is drawn."""
        names = self.units == other.units and self.inputs.names == other.inputs.names
        return names and np.array_equal(self.rows, other.rows) and self.bundles == other.bundles
