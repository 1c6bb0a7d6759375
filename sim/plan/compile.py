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

from sim.plan.copies import Copy, IntArray, PerCopy, SmallArray, Spread, in_order_met, names_of, spread
from sim.plan.draws import Inputs, InputsBuilder
from sim.plan.vocabulary import (
    AGAIN,
    DELAY_CAUSES,
    FREE,
    HOLD,
    NOTE,
    OWN_SEQUENCE,
    SIGNAL,
    TOKEN,
    UNTIL,
    WAIT,
    WORK,
    Again,
    Balance,
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

Row = tuple[int, int, int, int, int, int]
BalanceRow = tuple[int, int, int, int, bool]  # number of its set of pools, level, minutes, last minute, whether below
Key = TypeVar("Key")


@dataclass(frozen=True)
class CompiledPlan:
    """The plan as arrays. A step is a row (operation, a, b, c, d, e); the compiler's comments name a…e."""

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
    balances: tuple[BalanceRow, ...]
    balanced: tuple[tuple[int, ...], ...]
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


class _Numbered(dict[Key, int]):
    """Gives every new key the next number, in the order in which they are met."""

    def __missing__(self, key: Key) -> int:
        self[key] = len(self)
        return self[key]


def _known(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


class _Units:
    """All units of a plan by rank, and for each which written route it follows, as which of its copies."""

    def __init__(self, plan: Plan) -> None:
        of = {own: (name, at) for name in plan.units for at, own in enumerate(plan.copies.units(name))}
        self.names = tuple(sorted(of, key=natural))
        # in the order of their first units: so everything gets its number where the whole plan first names it
        self.routes = list(dict.fromkeys(of[unit][0] for unit in self.names))
        number = _known(self.routes)
        self.route = np.array([number[of[unit][0]] for unit in self.names], np.int64)
        self.copy = np.array([of[unit][1] for unit in self.names], np.int64)
        copies = [plan.copies.get(name, (_ALONE,)) for name in self.routes]
        self.copies = [copies[route][at] for route, at in zip(self.route.tolist(), self.copy.tolist(), strict=True)]

    def info(self, plan: Plan) -> tuple[UnitInfo, ...]:
        """Return what every unit is."""
        written = [plan.info(name) for name in self.routes]
        return tuple(_own_info(written[of], copy) for of, copy in zip(self.route.tolist(), self.copies, strict=True))


_ALONE = Copy({})


def _own_info(written: UnitInfo, copy: Copy) -> UnitInfo:
    """Return what a copy is, from what the written unit is."""
    if not copy.names:
        return written
    number = copy.number if written.number else 0
    return UnitInfo(written.kind, written.cause, copy.name_of(written.place), written.part, written.step, number)


class _Compiler:
    """Walks over every written route once and gives everything its number; then lays the routes out for all units.

    Until then a row names gates, notes, inputs and targets of jumps as its route has them.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.units = plan, _Units(plan)
        self.pools, self.gates = _known(plan.pools), _known(plan.gates)
        self.calendars = _known(plan.calendars)
        self.learning, self.areas = _known(plan.learning), _known(plan.areas)
        self.bundles, self.notes = _Numbered[tuple[tuple[int, int], ...]](), _Numbered[NoteInfo]()
        self.activities, self.trades = _Numbered[str](), _Numbered[str]()
        self.balances, self.balanced = _Numbered[BalanceRow](), _Numbered[tuple[int, ...]]()
        self.inputs = InputsBuilder(plan)
        self.first = [0]
        self.rows: list[Row] = []
        self.activity_of, self.cause_of, self.areas_named = list[int](), list[int](), list[int]()
        self.works: list[Work | None] = []
        self.gate_of, self.note_of, self.area_of = PerCopy(), PerCopy(), PerCopy()
        self._copies: Sequence[Copy] = ()
        self._named: dict[object, int] = {}
        self._known_bundles: dict[tuple[tuple[str, int], ...], int] = {}

    def compile(self) -> CompiledPlan:
        """Compile every written route, then lay them out in natural order of the units' names: a number is a rank."""
        for name in self.units.routes:
            self._copies = self.plan.copies.get(name, ())
            self._named.clear()
            self._route(name, self.plan.units[name])
            self.first.append(len(self.rows))
            self.inputs.end_route()
        return self._assemble()

    def _route(self, name: str, route: Route) -> None:
        """Compile one route: its labels become step numbers, counted from its beginning."""
        labels, at = {}, 0
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
            self.works.append(step if isinstance(step, Work) else None)
            self.areas_named.append(self._area(step.area) if isinstance(step, Work) else NONE)
        if at == 0:
            raise PlanError(f"{name}: a unit without a step")

    def _gate(self, name: str) -> int:
        """Return by which number a row of this route names a gate of its unit's."""
        if name not in self._named:
            self._named[name] = self.gate_of.add(self.gates[own] for own in names_of(name, self._copies))
        return self._named[name]

    def _area(self, name: str | None) -> int:
        """Return by which number a row of this route names an area of its unit's."""
        return NONE if name is None else self.area_of.add(self.areas[own] for own in names_of(name, self._copies))

    def _note(self, step: Note) -> int:
        """Return by which number a row of this route names a note of its unit's."""
        if (key := (step.kind, step.part, step.place)) not in self._named:
            places = names_of(step.place, self._copies)
            self._named[key] = self.note_of.add(self.notes[NoteInfo(step.kind, step.part, place)] for place in places)
        return self._named[key]

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
            number = self.inputs.span(step.activity, unit, step.span)
            people = sum(step.people.values())
            return step.activity, (WORK, number, self.calendars[step.calendar], MODES[step.mode], people, 0)
        if isinstance(step, Until):  # input, number of the balance from 1, or 0
            balance = 0 if step.balance is None else self._balance(step.balance) + 1
            return step.event, (UNTIL, self.inputs.span(step.event, unit, step.date), balance, 0, 0, 0)
        # target, input of the chance, limit, gate, level
        chance = NONE if step.chance is None else self.inputs.chance(step.decision, unit, step.chance)
        limit = NONE if step.limit is None else step.limit
        watched = NONE if step.gate is None else self._gate(step.gate)
        return step.decision, (AGAIN, labels[step.to], chance, limit, watched, step.level)

    def _certain(self, step: Hold | Free | Wait | Signal | Note | Label) -> Row:
        """Return the row of a step that says all there is."""
        if isinstance(step, Free):  # bundle
            return FREE, self._bundle(step.pools), 0, 0, 0, 0
        if isinstance(step, Hold):  # bundle, priority, patience
            patience = NONE if step.patience is None else step.patience
            return HOLD, self._bundle(step.pools), step.priority, patience, 0, 0
        if isinstance(step, Note):  # note, amount
            return NOTE, self._note(step), step.amount, 0, 0, 0
        if isinstance(step, Signal):  # gate, amount
            return SIGNAL, self._gate(step.gate), step.amount, 0, 0, 0
        if isinstance(step, Wait):  # gate, level
            return WAIT, self._gate(step.gate), step.level, 0, 0, 0
        raise TypeError(f"no step: {step}")

    def _balance(self, balance: Balance) -> int:
        """Return the number of a balance; raises `PlanError` where a pool is in another set as well."""
        pools = tuple(sorted(self.pools[name] for name in balance.pools))
        if balance.minutes < 1 or any(other != pools and set(other) & set(pools) for other in self.balanced):
            raise PlanError(f"{balance}: no whole minute, or one of its pools is in another balance as well")
        return self.balances[self.balanced[pools], balance.level, balance.minutes, balance.last, balance.below]

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

    def _assemble(self) -> CompiledPlan:
        """Put everything that was numbered into arrays."""
        plan, works, units = self.plan, self.works, self.units
        laid = spread(self.first, units.route)
        notes, rows = self._own_rows(laid)
        finish = plan.finish or plan.completion
        return CompiledPlan(
            units=units.names,
            unit_info=units.info(plan),
            route_of=units.route,
            first=laid.first,
            rows=rows,
            unit_of=laid.unit,
            activities=tuple(self.activities),
            activity_of=np.array(self.activity_of, np.int32)[laid.source],
            cause_of=np.array(self.cause_of, np.int32)[laid.source],
            pools=tuple(plan.pools),
            pool_kinds=tuple(pool.kind for pool in plan.pools.values()),
            pool_causes=tuple(_known_cause(name, pool) for name, pool in plan.pools.items()),
            pool_nouns=tuple(pool.noun for pool in plan.pools.values()),
            pool_trades=tuple(pool.trade for pool in plan.pools.values()),
            initial=np.array([pool.initial for pool in plan.pools.values()], np.int64),
            balances=tuple(self.balances),
            balanced=tuple(self.balanced),
            bundles=tuple(self.bundles),
            gates=tuple(plan.gates),
            calendars=tuple(plan.calendars),
            base_calendars=tuple(plan.calendars.values()),
            learning=tuple(plan.learning.values()),
            learning_of=np.array([_index(self.learning, work.learning if work else None) for work in works], np.int32)[
                laid.source
            ],
            areas=tuple(plan.areas.values()),
            area_of=self._own_areas(laid),
            people=self._people()[laid.source],
            trades=tuple(self.trades),
            earns=np.array([work is not None and work.earns for work in works], np.bool_)[laid.source],
            work_roles=tuple(np.array([work.role if work else "work" for work in works], object)[laid.source].tolist()),
            notes=notes,
            inputs=self.inputs.build(units.names, units.route, plan.own_spans),
            completion=(self.gates[plan.completion[0]], plan.completion[1]),
            finish=(self.gates[finish[0]], finish[1]),
        )

    def _people(self) -> SmallArray:
        """Return the people of every trade at work in the rows of the routes, in few bits: 2 GW would be 45 MB."""
        for work in self.works:
            for trade in work.people if work else ():
                self.trades[trade]
        people = np.zeros((len(self.works), len(self.trades)), np.int64)
        for at, work in enumerate(self.works):
            for trade, count in work.people.items() if work else ():
                people[at, self.trades[trade]] = count
        return people.astype(np.min_scalar_type(-1 - int(people.max(initial=0))))

    def _own_areas(self, laid: Spread) -> IntArray:
        """Return the area of every row, each unit's own."""
        named = np.array(self.areas_named, np.int64)[laid.source]
        inside = named != NONE
        named[inside] = self.area_of.of(named[inside], self.units.copy[laid.unit[inside]])
        return named

    def _own_rows(self, laid: Spread) -> tuple[tuple[NoteInfo, ...], IntArray]:
        """Return the notes of the whole plan and its rows, in which every unit names what is its own."""
        rows = np.array(self.rows, np.int64).reshape(-1, 6)[laid.source]
        operation, copy = rows[:, 0].copy(), self.units.copy[laid.unit]
        jumps, holds, notes = (operation == kind for kind in (AGAIN, HOLD, NOTE))
        for named, column in (((operation == WAIT) | (operation == SIGNAL), 1), (jumps & (rows[:, 4] != NONE), 4)):
            rows[named, column] = self.gate_of.of(rows[named, column], copy[named])
        inputs = np.array(self.inputs.first)
        drawn = (spread(self.inputs.first, self.units.route).first[:-1] - inputs[self.units.route])[laid.unit]
        for draws, column in (((operation == WORK) | (operation == UNTIL), 1), (jumps & (rows[:, 2] != NONE), 2)):
            rows[draws, column] += drawn[draws]
        rows[jumps, 1] += laid.first[laid.unit[jumps]]
        own = holds & (rows[:, 2] == OWN_SEQUENCE)
        rows[own, 2] = np.array([copy.sequence for copy in self.units.copies], np.int64)[laid.unit[own]]
        self._set_priorities(rows, laid, holds)
        met, rows[notes, 1] = in_order_met(self.note_of.of(rows[notes, 1], copy[notes]))
        infos = tuple(self.notes)
        return tuple(infos[number] for number in met.tolist()), rows

    def _set_priorities(self, rows: IntArray, laid: Spread, holds: NDArray[np.bool_]) -> None:
        """Give holds of crews the priorities that the plan has for their units; a smaller number is served first."""
        if not self.plan.priorities:
            return
        crews = {number for name, number in self.pools.items() if self.plan.pools[name].trade}
        of_crews = np.array([any(pool in crews for pool, _ in bundle) for bundle in self.bundles], np.bool_)
        at = np.flatnonzero(holds)
        at = at[of_crews[rows[at, 1]]]
        begin = np.searchsorted(at, laid.first)
        for unit, name in enumerate(self.units.names):
            if name in self.plan.priorities:
                rows[at[begin[unit] : begin[unit + 1]], 2] = self.plan.priorities[name]


def _index(numbers: Mapping[str, int], name: str | None) -> int:
    return NONE if name is None else numbers[name]


def _known_cause(name: str, pool: Pool) -> str:
    if pool.cause not in {TOKEN, *DELAY_CAUSES}:
        raise PlanError(f"pool {name}: {pool.cause!r} is no cause of delay; there are {', '.join(DELAY_CAUSES)}")
    return pool.cause


def compile_plan(plan: Plan) -> CompiledPlan:
    """Return the plan as arrays; raises `PlanError` where a step names something the plan does not have."""
    return _Compiler(plan).compile()
