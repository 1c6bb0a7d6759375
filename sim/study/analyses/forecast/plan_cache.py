"""Plans and cases that were worked out before, and plans that are nearly the same.

Of a project under way many cases are made: with fewer facts, with other chances, with a crane more. What they have in common
is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from operator import is_
from typing import Generic, TypeVar

import numpy as np

from sim.config.load import Loaded
from sim.config.project import Project
from sim.engine.backends import AUTO, COMPILED
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.vocabulary import Log
from sim.study.case import Case, prepare_case
from sim.study.result import digest

T = TypeVar("T")
AnyCase = TypeVar("AnyCase", bound=Case)


class Recent(Generic[T]):
    """What was worked out last about plans and cases, which are known by what they are, not by what they hold."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.found: list[tuple[tuple[object, ...], Hashable, T]] = []

    def get(self, of: tuple[object, ...], key: Hashable, make: Callable[[], T]) -> T:
        """Return what was worked out of some objects under a key, or work it out; the oldest is forgotten."""
        for objects, known, value in self.found:
            if all(map(is_, objects, of)) and known == key:
                return value
        made = make()
        self.found = [*self.found[len(self.found) + 1 - self.most :], (of, key, made)]
        return made


PREPARED: Recent[Case] = Recent(2)


def prepared(config: Loaded[Project], engine: str = AUTO) -> Case:
    """Return the case of a configuration from its first day; the same for all that is made of it one after another."""
    says = digest(config.value), config.files, engine
    return PREPARED.get((), says, partial(prepare_case, config, engine=engine))


def share_plan_results(base: Case, found: AnyCase) -> AnyCase:
    """Have a case share with another of the same plan what was worked out of it."""
    for name in (
        "planned",
        "planned_run",
        "anticipated_calendars",
        *(["kernel_plan"] if base.engine == COMPILED else []),
    ):
        found.__dict__[name] = getattr(base, name)
    return found


def translated(log: Log, plan: CompiledPlan, into: CompiledPlan) -> Log:
    """Return a log of a plan in the steps of another: of units that both have, with routes of one length.

    What else there is in the other plan has done nothing yet, such as a crew that is only thought of.
    """
    if plan is into or (plan.units == into.units and np.array_equal(plan.first, into.first)):
        return log
    number = {name: unit for unit, name in enumerate(into.units)}
    same = np.array([number.get(name, -1) for name in plan.units])
    length, other = np.diff(plan.first), np.diff(into.first)
    fits = (same >= 0) & (other[same] == length)
    unit = plan.unit_of[log[:, 1]]
    kept = log[fits[unit]].copy()
    mine = plan.unit_of[kept[:, 1]]
    kept[:, 1] += into.first[same[mine]] - plan.first[mine]
    return kept
