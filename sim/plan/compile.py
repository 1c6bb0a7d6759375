"""A plan as flat integer arrays, so that an engine can run it without looking anything up by name.

Units are numbered in the natural order of their names (b2 before b10): a unit's number is its rank, by which the
engines break ties. Everything else is numbered in the order in which the routes name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.plan.draws import Inputs, InputsBuilder
from sim.plan.vocabulary import (
    AGAIN,
    DELAY_CAUSES,
    FREE,
    HOLD,
    NOTE,
    SIGNAL,
    TOKEN,
    UNTIL,
    WAIT,
    WORK,
    Again,
    Free,
    Hold,
    Label,
    Note,
    NoteInfo,
    Plan,
    PlanError,
    Pool,
    Route,
    Signal,
    Step,
    UnitInfo,
    Until,
    Wait,
    Work,
    WorkRole,
)
from sim.world.working_time import Calendar

_PARTS = re.compile(r"(\d+)")


def natural(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Return a sort key that compares digits as numbers and everything else as text; the name breaks ties."""
    parts = [part for part in _PARTS.split(name) if part]
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts), name


# --- compile ----------------------------------------------------------------------------------------------------------


CAUSES = tuple(DELAY_CAUSES)
"""Causes of delay by number."""
MODES = {"pausing": 0, "whole": 1, "duty": 2}
NONE = -1

IntArray = NDArray[np.int64]
Row = tuple[int, int, int, int, int, int]
Key = TypeVar("Key")


@dataclass(frozen=True)
class CompiledPlan:
    """The plan as arrays. A step is a row (operation, a, b, c, d, e); the compiler's comments name a…e."""

    units: tuple[str, ...]
    unit_info: tuple[UnitInfo, ...]
    first: IntArray
    rows: NDArray[np.int64]
    unit_of: IntArray
    activities: tuple[str, ...]
    activity_of: IntArray
    cause_of: IntArray
    """Per step that takes time the number of its cause among `CAUSES`, or -1."""
    pools: tuple[str, ...]
    pool_kinds: tuple[str, ...]
    pool_causes: tuple[str, ...]
    """Per pool what a wait for it is due to; empty for tokens."""
    pool_nouns: tuple[str, ...]
    pool_trades: tuple[str, ...]
    """Per pool of crews their trade; empty for all others."""
    initial: IntArray
    bundles: tuple[tuple[tuple[int, int], ...], ...]
    gates: tuple[str, ...]
    calendars: tuple[str, ...]
    base_calendars: tuple[Calendar, ...]
    learning: tuple[tuple[int, ...], ...]
    learning_of: IntArray
    areas: tuple[tuple[int, ...], ...]
    area_of: IntArray
    trades: tuple[str, ...]
    people: IntArray
    earns: NDArray[np.bool_]
    work_roles: tuple[WorkRole, ...]
    """Per step; "work" where it is none as well."""
    notes: tuple[NoteInfo, ...]
    inputs: Inputs
    completion: tuple[int, int]


class _Numbered(dict[Key, int]):
    """Gives every new key the next number, in the order in which they are met."""

    def __missing__(self, key: Key) -> int:
        self[key] = len(self)
        return self[key]


def _known(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


class _Compiler:
    """Walks over the routes once and gives everything its number."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.units = sorted(plan.units, key=natural)
        self.pools, self.gates = _known(plan.pools), _known(plan.gates)
        self.calendars = _known(plan.calendars)
        self.learning, self.areas = _known(plan.learning), _known(plan.areas)
        self.bundles: _Numbered[tuple[tuple[int, int], ...]] = _Numbered()
        self.notes: _Numbered[NoteInfo] = _Numbered()
        self.activities: _Numbered[str] = _Numbered()
        self.trades: _Numbered[str] = _Numbered()
        self.inputs = InputsBuilder(plan)
        self.rows: list[Row] = []
        self.unit_of: list[int] = []
        self.activity_of: list[int] = []
        self.cause_of: list[int] = []
        self.works: list[Work | None] = []
        self._known_bundles: dict[tuple[tuple[str, int], ...], int] = {}

    def compile(self) -> CompiledPlan:
        """Compile every unit in natural order of its name: a unit's number is its rank."""
        first = [0]
        for rank, name in enumerate(self.units):
            self._route(rank, name, self.plan.units[name])
            first.append(len(self.rows))
        return self._assemble(first)

    def _route(self, rank: int, name: str, route: Route) -> None:
        """Compile one route: its labels become step numbers."""
        labels, start, at = {}, len(self.rows), len(self.rows)
        for step in route:
            if isinstance(step, Label):
                labels[step.name] = at
            else:
                at += 1
        for step in route:
            if isinstance(step, Label):
                continue
            try:
                row = self._row(step, name, labels)
            except KeyError as missing:
                raise PlanError(f"{name}: {step} names {missing}, which the plan does not have") from None
            self.rows.append(row)
            self.cause_of.append(CAUSES.index(self.plan.cause(name, step)) if isinstance(step, Work | Until) else NONE)
            self.unit_of.append(rank)
            self.works.append(step if isinstance(step, Work) else None)
        if at == start:
            raise PlanError(f"{name}: a unit without a step")

    def _row(self, step: Step, unit: str, labels: Mapping[str, int]) -> Row:
        """Return the row of one step; the comment in each case names its arguments."""
        if isinstance(step, Work | Until | Again):
            activity, row = self._uncertain(step, unit, labels)
            self.activity_of.append(self.activities[activity] if activity else NONE)
            return row
        self.activity_of.append(NONE)
        return self._certain(step)

    def _uncertain(self, step: Work | Until | Again, unit: str, labels: Mapping[str, int]) -> tuple[str, Row]:
        """Return the activity and the row of a step that is drawn, or may be."""
        if isinstance(step, Work):  # input, calendar, mode, people in all
            number = self.inputs.span(f"{step.activity}/{unit}", step.span)
            people = sum(step.people.values())
            return step.activity, (WORK, number, self.calendars[step.calendar], MODES[step.mode], people, 0)
        if isinstance(step, Until):  # input
            return step.event, (UNTIL, self.inputs.span(f"{step.event}/{unit}", step.date), 0, 0, 0, 0)
        # target, input of the chance, limit, gate, level
        chance = NONE if step.chance is None else self.inputs.chance(f"{step.decision}/{unit}", step.chance)
        limit = NONE if step.limit is None else step.limit
        watched = NONE if step.gate is None else self.gates[step.gate]
        return step.decision, (AGAIN, labels[step.to], chance, limit, watched, step.level)

    def _certain(self, step: Hold | Free | Wait | Signal | Note | Label) -> Row:
        """Return the row of a step that says all there is."""
        if isinstance(step, Free):  # bundle
            return FREE, self._bundle(step.pools), 0, 0, 0, 0
        if isinstance(step, Hold):  # bundle, priority, patience
            patience = NONE if step.patience is None else step.patience
            return HOLD, self._bundle(step.pools), step.priority, patience, 0, 0
        if isinstance(step, Note):  # note, amount
            return NOTE, self.notes[NoteInfo(step.kind, step.part, step.place)], step.amount, 0, 0, 0
        if isinstance(step, Signal):  # gate, amount
            return SIGNAL, self.gates[step.gate], step.amount, 0, 0, 0
        if isinstance(step, Wait):  # gate, level
            return WAIT, self.gates[step.gate], step.level, 0, 0, 0
        raise TypeError(f"no step: {step}")

    def _bundle(self, pools: Mapping[str, int]) -> int:
        known = self._known_bundles.get(asked := tuple(pools.items()))
        if known is None:
            known = self._known_bundles[asked] = self._new_bundle(pools)
        return known

    def _new_bundle(self, pools: Mapping[str, int]) -> int:
        counts = tuple(sorted((self.pools[name], count) for name, count in pools.items() if count))
        if any(count < 0 for _, count in counts):
            raise PlanError(f"a negative count: {dict(pools)}")
        return self.bundles[counts]

    def _assemble(self, first: Sequence[int]) -> CompiledPlan:
        """Put everything that was numbered into arrays."""
        plan, works = self.plan, self.works
        for work in works:
            for trade in work.people if work else ():
                self.trades[trade]
        people = np.zeros((len(works), len(self.trades)), np.int64)
        for at, work in enumerate(works):
            for trade, count in work.people.items() if work else ():
                people[at, self.trades[trade]] = count
        return CompiledPlan(
            units=tuple(self.units),
            unit_info=tuple(plan.info(unit) for unit in self.units),
            first=np.array(first, np.int64),
            rows=np.array(self.rows, np.int64).reshape(-1, 6),
            unit_of=np.array(self.unit_of, np.int64),
            activities=tuple(self.activities),
            activity_of=np.array(self.activity_of, np.int64),
            cause_of=np.array(self.cause_of, np.int64),
            pools=tuple(plan.pools),
            pool_kinds=tuple(pool.kind for pool in plan.pools.values()),
            pool_causes=tuple(_known_cause(name, pool) for name, pool in plan.pools.items()),
            pool_nouns=tuple(pool.noun for pool in plan.pools.values()),
            pool_trades=tuple(pool.trade for pool in plan.pools.values()),
            initial=np.array([pool.initial for pool in plan.pools.values()], np.int64),
            bundles=tuple(self.bundles),
            gates=tuple(plan.gates),
            calendars=tuple(plan.calendars),
            base_calendars=tuple(plan.calendars.values()),
            learning=tuple(plan.learning.values()),
            learning_of=np.array([self._index(self.learning, work.learning if work else None) for work in works]),
            areas=tuple(plan.areas.values()),
            area_of=np.array([self._index(self.areas, work.area if work else None) for work in works]),
            trades=tuple(self.trades),
            people=people,
            earns=np.array([work is not None and work.earns for work in works]),
            work_roles=tuple(work.role if work else "work" for work in works),
            notes=tuple(self.notes),
            inputs=self.inputs.build(),
            completion=(self.gates[plan.completion[0]], plan.completion[1]),
        )

    @staticmethod
    def _index(numbers: Mapping[str, int], name: str | None) -> int:
        return NONE if name is None else numbers[name]


def _known_cause(name: str, pool: Pool) -> str:
    if pool.cause not in {TOKEN, *DELAY_CAUSES}:
        raise PlanError(f"pool {name}: {pool.cause!r} is no cause of delay; there are {', '.join(DELAY_CAUSES)}")
    return pool.cause


def compile_plan(plan: Plan) -> CompiledPlan:
    """Return the plan as arrays; raises `PlanError` where a step names something the plan does not have."""
    return _Compiler(plan).compile()
