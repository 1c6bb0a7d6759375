"""A cache of what was worked out of plans and cases, and plans that differ only in what is drawn.

A forecast makes many cases of one project: with fewer facts, with other risk probabilities, with one more crane. What they
have in common is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from operator import is_
from typing import Generic, TypeVar

import numpy as np

from sim.config.load import Loaded
from sim.config.project import Project
from sim.engine.backends import AUTO, COMPILED
from sim.plan.compiled_plan import NONE, Column, CompiledPlan, LogColumn
from sim.plan.draws import COMPLEMENT
from sim.plan.vocabulary import BLOCKING_OPERATIONS, JUMP, Log
from sim.study.case import Case, prepare_case
from sim.study.result import digest
from sim.study.storage.input_files import content_digest, input_files

T = TypeVar("T")
AnyCase = TypeVar("AnyCase", bound=Case)


class RecentCache(Generic[T]):
    """A cache of the `size` results used last; its keys are objects, compared by identity, and a hashable key."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.entries: list[tuple[tuple[object, ...], Hashable, T]] = []

    def get(self, objects: tuple[object, ...], key: Hashable, compute: Callable[[], T]) -> T:
        """Return the cached result of some objects and a key; compute and cache it if there is none."""
        for entry in self.entries:
            if all(map(is_, entry[0], objects)) and entry[1] == key:
                self.entries = [*(other for other in self.entries if other is not entry), entry]
                return entry[2]
        computed = compute()
        self.entries = [*self.entries, (objects, key, computed)][-self.size :]
        return computed


@dataclass(frozen=True)
class PlanLists:
    """Properties of the steps of a plan as lists: plain integers are faster to index one by one than arrays.

    `next_steps` has the step that follows each; after a test, the step that follows if it is passed. `stages_of_skid` is
    filled as routes of skids are seen: skids of a kind have the same steps and few routes, one for every number of failed
    tests.
    """

    rows: list[list[int]]
    next_steps: list[int]
    takes_time: list[bool]
    activity_names: list[str]
    stages_of_skid: dict[tuple[object, ...], dict[str, int]]

    @classmethod
    def of(cls, plan: CompiledPlan) -> PlanLists:
        """Return those of a plan."""
        rows, steps = plan.rows, np.arange(len(plan.rows))
        target, chance = rows[:, Column.ARGUMENT], rows[:, Column.CHANCE]
        # a passed test jumps forward over its rework
        is_test = (rows[:, Column.OPERATION] == JUMP) & (target > steps) & (chance != NONE)
        is_test[is_test] = plan.inputs.kind[chance[is_test]] == COMPLEMENT
        return cls(
            rows.tolist(), np.where(is_test, target, steps + 1).tolist(),
            [operation in BLOCKING_OPERATIONS for operation in plan.operation_of],
            [plan.activities[activity] for activity in plan.activity_of.tolist()], {},
        )  # fmt: skip


PLAN_LISTS_CACHE: RecentCache[PlanLists] = RecentCache(3)
PREPARED_CACHE: RecentCache[Case] = RecentCache(2)


def prepare_cached(config: Loaded[Project], engine: str = AUTO) -> Case:
    """Return the case of a configuration from its first day, cached."""
    # a file may have other weather since: its content counts, not its name
    contents = tuple(content_digest(path) for path in input_files(config).values())
    key = digest(config.value), config.files, contents, engine
    return PREPARED_CACHE.get((), key, partial(prepare_case, config, engine=engine))


def share_plan_results(source: Case, target: AnyCase) -> AnyCase:
    """Give a case what was worked out of the plan that it shares with another one, and return it."""
    for name in (
        "planned",
        "planned_run",
        "planned_calendars",
        *(["kernel_plan"] if source.engine == COMPILED else []),
    ):
        target.__dict__[name] = getattr(source, name)
    return target


def renumber_steps(log: Log, plan: CompiledPlan, other: CompiledPlan) -> Log:
    """Return the event log of a plan with the step numbers of another plan, for units that have equally long routes in both.

    Rows of other units are left out. A unit that only the other plan has, such as an additional crew, has no rows.
    """
    if plan is other or (plan.units == other.units and np.array_equal(plan.first, other.first)):
        return log
    number_in_other = {name: unit for unit, name in enumerate(other.units)}
    other_unit = np.array([number_in_other.get(name, -1) for name in plan.units])
    length, other_length = np.diff(plan.first), np.diff(other.first)
    has_same_route = (other_unit >= 0) & (other_length[other_unit] == length)
    renumbered = log[has_same_route[plan.unit_of[log[:, LogColumn.STEP]]]].copy()
    unit = plan.unit_of[renumbered[:, LogColumn.STEP]]
    renumbered[:, LogColumn.STEP] += other.first[other_unit[unit]] - plan.first[unit]
    return renumbered
