"""A plan as flat integer arrays, so that an engine can run it without looking anything up by name.

Units are numbered in the natural order of their names (b2 before b10): a unit's number is its rank, by which the
engines break ties. Everything else is numbered in the order in which the routes name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.plan.compiled_plan import CAUSES, MODES, NONE, Column, CompiledPlan, ConditionRow, Row
from sim.plan.draws import InputsBuilder
from sim.plan.identical_units import Copy, IntArray, PerCopy, SmallArray, Spread, names_of, spread, unique_in_order
from sim.plan.vocabulary import (
    DELAY_CAUSES,
    FREE,
    HOLD,
    JUMP,
    NOTE,
    OWN_SEQUENCE,
    SIGNAL,
    TOKEN,
    UNTIL,
    WAIT,
    WORK,
    Free,
    Hold,
    Jump,
    Label,
    NetLevelCondition,
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
)

_PARTS = re.compile(r"(\d+)")


def natural(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Return a sort key for natural order: digits compare as numbers, everything else as text; the name breaks ties."""
    parts = [part for part in _PARTS.split(name) if part]
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts), name


# --- compile ----------------------------------------------------------------------------------------------------------


Key = TypeVar("Key")


class _Numbered(dict[Key, int]):
    """Numbers keys in the order in which they are first looked up."""

    def __missing__(self, key: Key) -> int:
        self[key] = len(self)
        return self[key]


def _by_name(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


class _Units:
    """All units of a plan by rank: `route` and `copy` have by unit the written route it follows, and which copy it is."""

    def __init__(self, plan: Plan) -> None:
        # by unit: its route (named after the first unit that follows it), and the unit's number among the copies
        routes = plan.units
        route_and_copy = {unit: (route, copy) for route in routes for copy, unit in enumerate(plan.copies.units(route))}
        self.names = tuple(sorted(route_and_copy, key=natural))
        # in the order of their first units: so everything gets its number where the whole plan first names it
        self.routes = list(dict.fromkeys(route_and_copy[unit][0] for unit in self.names))
        route_number = _by_name(self.routes)
        self.route = np.array([route_number[route_and_copy[unit][0]] for unit in self.names], np.int64)
        self.copy = np.array([route_and_copy[unit][1] for unit in self.names], np.int64)
        copies_of = [plan.copies.get(name, (_ONLY_COPY,)) for name in self.routes]
        places = zip(self.route.tolist(), self.copy.tolist(), strict=True)
        self.copies = [copies_of[route][copy] for route, copy in places]

    def info(self, plan: Plan) -> tuple[UnitInfo, ...]:
        """Return by unit its kind, cause, place, part, step and number."""
        of_route = [plan.info(name) for name in self.routes]
        infos = []
        for route, copy in zip(self.route.tolist(), self.copies, strict=True):
            first = of_route[route]
            number = copy.number if first.number else 0
            infos.append(replace(first, place=copy.name_of(first.place), number=number) if copy.names else first)
        return tuple(infos)


_ONLY_COPY = Copy({})


class _Compiler:
    """Compiles every written route once, numbering what it names; then copies the rows for all units that follow it.

    Until then a row has the numbers of gates, notes, inputs and targets of jumps within its route.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.units = plan, _Units(plan)
        self.pools, self.gates = _by_name(plan.pools), _by_name(plan.gates)
        self.calendars = _by_name(plan.calendars)
        self.learning, self.areas = _by_name(plan.learning), _by_name(plan.areas)
        self.bundles, self.notes = _Numbered[tuple[tuple[int, int], ...]](), _Numbered[NoteInfo]()
        self.activities, self.trades = _Numbered[str](), _Numbered[str]()
        self.net_level_conditions, self.net_level_pools = _Numbered[ConditionRow](), _Numbered[tuple[int, ...]]()
        self.inputs = InputsBuilder(plan)
        self.first = [0]
        self.rows: list[Row] = []
        self.activity_of, self.cause_of, self.area_of_row, self.learning_of = (list[int]() for _ in range(4))
        self.works: list[Work | None] = []
        self.gate_of, self.note_of, self.area_of = PerCopy(), PerCopy(), PerCopy()
        self._copies: Sequence[Copy] = ()
        self._numbers_in_route: dict[object, int] = {}
        self._known_bundles: dict[tuple[tuple[str, int], ...], int] = {}

    def compile(self) -> CompiledPlan:
        """Compile every written route, then copy their rows for all units, in natural order of the units' names."""
        for name in self.units.routes:
            self._copies = self.plan.copies.get(name, ())
            self._numbers_in_route.clear()
            self._route(name, self.plan.units[name])
            self.first.append(len(self.rows))
            self.inputs.end_route()
        return self._assemble()

    def _route(self, name: str, route: Route) -> None:
        """Compile one route: its labels become step numbers, counted from its beginning."""
        labels, length = {}, 0
        for step in route:
            if isinstance(step, Label):
                labels[step.name] = length
            else:
                length += 1
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
            self.area_of_row.append(self._area(step.area) if isinstance(step, Work) else NONE)
            curve = step.learning if isinstance(step, Work) else None
            self.learning_of.append(NONE if curve is None else self.learning[curve])
        if length == 0:
            raise PlanError(f"{name}: a unit without a step")

    def _gate(self, name: str) -> int:
        """Return the number of a gate in the rows of this route; `gate_of` has for it the gate of every copy."""
        if name not in self._numbers_in_route:
            self._numbers_in_route[name] = self.gate_of.add(self.gates[gate] for gate in names_of(name, self._copies))
        return self._numbers_in_route[name]

    def _area(self, name: str | None) -> int:
        """Return the number of an area in the rows of this route; `area_of` has for it the area of every copy."""
        return NONE if name is None else self.area_of.add(self.areas[area] for area in names_of(name, self._copies))

    def _note(self, step: Note) -> int:
        """Return the number of a note in the rows of this route; `note_of` has for it the note of every copy."""
        if (key := (step.kind, step.part, step.place)) not in self._numbers_in_route:
            places = names_of(step.place, self._copies)
            self._numbers_in_route[key] = self.note_of.add(
                self.notes[NoteInfo(step.kind, step.part, place)] for place in places
            )
        return self._numbers_in_route[key]

    def _row(self, step: Step, unit: str, labels: Mapping[str, int]) -> Row:
        """Return the row of one step; the comment in each case names its arguments."""
        if isinstance(step, Work | Until | Jump):
            activity, row = self._row_with_draw(step, unit, labels)
            self.activity_of.append(self.activities[activity] if activity else NONE)
            return row
        self.activity_of.append(NONE)
        return self._row_without_draw(step)

    def _row_with_draw(self, step: Work | Until | Jump, unit: str, labels: Mapping[str, int]) -> tuple[str, Row]:
        """Return the activity and the row of a step whose duration, date or decision may be drawn."""
        if isinstance(step, Work):  # input, calendar, mode, people in all
            number = self.inputs.span(step.activity, unit, step.span)
            people = sum(step.people.values())
            return step.activity, (WORK, number, self.calendars[step.calendar], MODES[step.mode], people, 0)
        if isinstance(step, Until):  # input, number of the condition from 1, or 0
            condition = 0 if step.net_level is None else self._condition(step.net_level) + 1
            return step.event, (UNTIL, self.inputs.span(step.event, unit, step.date), condition, 0, 0, 0)
        # target, input of the chance, limit, gate, level
        chance = NONE if step.chance is None else self.inputs.chance(step.decision, unit, step.chance)
        limit = NONE if step.limit is None else step.limit
        watched = NONE if step.gate is None else self._gate(step.gate)
        return step.decision, (JUMP, labels[step.to], chance, limit, watched, step.level)

    def _row_without_draw(self, step: Hold | Free | Wait | Signal | Note | Label) -> Row:
        """Return the row of a step in which nothing is drawn."""
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

    def _condition(self, condition: NetLevelCondition) -> int:
        """Return the number of a condition; raises `PlanError` where a pool is in another set as well."""
        pools = tuple(sorted(self.pools[name] for name in condition.pools))
        if condition.minutes < 1 or any(other != pools and set(other) & set(pools) for other in self.net_level_pools):
            raise PlanError(f"{condition}: no whole minute, or one of its pools is in another condition as well")
        pool_set = self.net_level_pools[pools]
        row = (pool_set, condition.threshold, condition.minutes, condition.last, condition.below)
        return self.net_level_conditions[row]

    def _bundle(self, pools: Mapping[str, int]) -> int:
        """Return the number of a bundle: counts by pool that are taken or freed at once."""
        key = tuple(pools.items())
        if key not in self._known_bundles:
            counts = tuple(sorted((self.pools[name], count) for name, count in pools.items() if count))
            if any(count < 0 for _, count in counts):
                raise PlanError(f"a negative count: {dict(pools)}")
            self._known_bundles[key] = self.bundles[counts]
        return self._known_bundles[key]

    def _assemble(self) -> CompiledPlan:
        """Return the compiled plan: arrays of all units' rows, and the names of what they number."""
        plan, works, units = self.plan, self.works, self.units
        layout = spread(self.first, units.route)
        notes, rows = self._rows_of_all_units(layout)
        finish = plan.finish or plan.completion
        return CompiledPlan(
            units=units.names,
            unit_info=units.info(plan),
            route_of=units.route,
            first=layout.first,
            rows=rows,
            unit_of=layout.unit,
            activities=tuple(self.activities),
            activity_of=np.array(self.activity_of, np.int32)[layout.source],
            cause_of=np.array(self.cause_of, np.int32)[layout.source],
            pools=tuple(plan.pools),
            pool_kinds=tuple(pool.kind for pool in plan.pools.values()),
            pool_causes=tuple(_checked_cause(name, pool) for name, pool in plan.pools.items()),
            pool_nouns=tuple(pool.noun for pool in plan.pools.values()),
            pool_trades=tuple(pool.trade for pool in plan.pools.values()),
            initial=np.array([pool.initial for pool in plan.pools.values()], np.int64),
            net_level_conditions=tuple(self.net_level_conditions),
            net_level_pools=tuple(self.net_level_pools),
            bundles=tuple(self.bundles),
            gates=tuple(plan.gates),
            calendars=tuple(plan.calendars),
            base_calendars=tuple(plan.calendars.values()),
            learning=tuple(plan.learning.values()),
            learning_of=np.array(self.learning_of, np.int32)[layout.source],
            areas=tuple(plan.areas.values()),
            area_of=self._areas_of_all_units(layout),
            people=self._people()[layout.source],
            trades=tuple(self.trades),
            earns=np.array([work is not None and work.earns for work in works], np.bool_)[layout.source],
            work_roles=tuple(
                np.array([work.role if work else "work" for work in works], object)[layout.source].tolist()
            ),
            notes=notes,
            inputs=self.inputs.build(units.names, units.route, plan.own_spans),
            completion=(self.gates[plan.completion[0]], plan.completion[1]),
            finish=(self.gates[finish[0]], finish[1]),
        )

    def _people(self) -> SmallArray:
        """Return the people at work, shape (rows of the routes, trades), in as few bits as will do: 2 GW would be 45 MB."""
        for work in self.works:
            for trade in work.people if work else ():
                self.trades[trade]
        people = np.zeros((len(self.works), len(self.trades)), np.int64)
        for row, work in enumerate(self.works):
            for trade, count in work.people.items() if work else ():
                people[row, self.trades[trade]] = count
        return people.astype(np.min_scalar_type(-1 - int(people.max(initial=0))))

    def _areas_of_all_units(self, layout: Spread) -> IntArray:
        """Return the area of every row of the whole plan, or -1."""
        areas = np.array(self.area_of_row, np.int64)[layout.source]
        has_area = areas != NONE
        areas[has_area] = self.area_of.of(areas[has_area], self.units.copy[layout.unit[has_area]])
        return areas

    def _rows_of_all_units(self, layout: Spread) -> tuple[tuple[NoteInfo, ...], IntArray]:
        """Return the notes and the rows of the whole plan: each unit's copy of its route, with its own gates and inputs."""
        rows = np.array(self.rows, np.int64).reshape(-1, 6)[layout.source]
        operation, copy = rows[:, Column.OPERATION].copy(), self.units.copy[layout.unit]
        jumps, holds, notes = (operation == kind for kind in (JUMP, HOLD, NOTE))
        gate_steps = (operation == WAIT) | (operation == SIGNAL)
        gate_jumps = jumps & (rows[:, Column.JUMP_GATE] != NONE)
        for steps, column in ((gate_steps, Column.ARGUMENT), (gate_jumps, Column.JUMP_GATE)):
            rows[steps, column] = self.gate_of.of(rows[steps, column], copy[steps])
        first_of_route, first_of_unit = np.array(self.inputs.first), spread(self.inputs.first, self.units.route).first
        input_offset = (first_of_unit[:-1] - first_of_route[self.units.route])[layout.unit]
        timed_steps = (operation == WORK) | (operation == UNTIL)
        chance_jumps = jumps & (rows[:, Column.CHANCE] != NONE)
        for steps, column in ((timed_steps, Column.ARGUMENT), (chance_jumps, Column.CHANCE)):
            rows[steps, column] += input_offset[steps]
        rows[jumps, Column.ARGUMENT] += layout.first[layout.unit[jumps]]
        in_sequence = holds & (rows[:, Column.PRIORITY] == OWN_SEQUENCE)
        sequence_of_unit = np.array([copy.sequence for copy in self.units.copies], np.int64)
        rows[in_sequence, Column.PRIORITY] = sequence_of_unit[layout.unit[in_sequence]]
        self._set_priorities(rows, layout, holds)
        note_numbers = self.note_of.of(rows[notes, Column.ARGUMENT], copy[notes])
        used_notes, rows[notes, Column.ARGUMENT] = unique_in_order(note_numbers)
        infos = tuple(self.notes)
        return tuple(infos[number] for number in used_notes.tolist()), rows

    def _set_priorities(self, rows: IntArray, layout: Spread, holds: NDArray[np.bool_]) -> None:
        """Set in the rows of holds of crews the priorities that the plan has by unit; a smaller number is served first."""
        if not self.plan.priorities:
            return
        crew_pools = {number for name, number in self.pools.items() if self.plan.pools[name].trade}
        takes_crews = np.array([any(pool in crew_pools for pool, _ in bundle) for bundle in self.bundles], np.bool_)
        hold_rows = np.flatnonzero(holds)
        hold_rows = hold_rows[takes_crews[rows[hold_rows, Column.ARGUMENT]]]
        first = np.searchsorted(hold_rows, layout.first)
        for unit, name in enumerate(self.units.names):
            if name in self.plan.priorities:
                rows[hold_rows[first[unit] : first[unit + 1]], Column.PRIORITY] = self.plan.priorities[name]


def _checked_cause(name: str, pool: Pool) -> str:
    """Return the cause of delay of a pool; raises `PlanError` where it is unknown."""
    if pool.cause not in {TOKEN, *DELAY_CAUSES}:
        raise PlanError(f"pool {name}: {pool.cause!r} is no cause of delay; there are {', '.join(DELAY_CAUSES)}")
    return pool.cause


def compile_plan(plan: Plan) -> CompiledPlan:
    """Return the plan as arrays; raises `PlanError` where a step names something the plan does not have."""
    return _Compiler(plan).compile()
