"""The planned route of every unit, and look-ups of the units and steps that the facts of a status are about.

A planned route is the sequence of steps that a unit takes in the expected plan, with tests that fail there and are repeated.
Where the run of the expected plan ends before the route does, the rest of the route is added with all tests passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.plan.compiled_plan import NONE, Column, CompiledPlan, LogColumn
from sim.plan.deterministic_draws import expected_draws
from sim.plan.layout import place_number
from sim.plan.vocabulary import FREE, JUMP, MINUTES_PER_HOUR, NOTE, SIGNAL, WORK, Log
from sim.study.analyses.forecast.plan_cache import PLAN_LISTS_CACHE, PlanLists
from sim.study.analyses.forecast.status import ONLINE, STAGES
from sim.study.case import Case

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
UnitPosition = tuple[int, int]
"""The number of a unit, and a position in its planned route."""
PlannedStep = tuple[int, int, int]
"""A step of a planned route: planned minute, unit and position."""
SUPPLIED_KINDS = ("supplied", "passed")
"""Kinds of pools that other units than their takers supply."""
NEVER = 1 << 40
"""The planned minute of a step that the expected plan does not reach."""


@dataclass(frozen=True)
class PlannedRoute:
    """The route of a unit: its steps in order, and the planned minute at which each is done."""

    steps: list[int]
    planned: list[int]


@dataclass(frozen=True)
class Crews:
    """The crews of a trade: arrivals as (minute, people, unit, position), and departures as (minute, people)."""

    arrivals: list[tuple[int, int, int, int]]
    departures: list[tuple[int, int]]

    def add(self, minute: int, people: int, unit: int, position: int) -> None:
        """Add an arrival of people, or a departure where their number is negative."""
        if people > 0:
            self.arrivals.append((minute, people, unit, position))
        else:
            self.departures.append((minute, -people))

    def arrived(self, people_on_site: int, date: int) -> int:
        """Return how many crews have arrived where so many people are on site at a date; departures are as planned."""
        people_arrived = people_on_site + sum(people for minute, people in self.departures if minute <= date)
        crew_sizes = np.array([people for _, people, _, _ in self.arrivals])
        # a crew has arrived if more than half of its people are counted
        return int((np.cumsum(crew_sizes) - crew_sizes / 2 < people_arrived).sum())


class PlanSteps:
    """The planned routes of a plan, and the units, activities, stages and milestones in them by name."""

    def __init__(self, project: Project, plan: CompiledPlan, planned_log: Log) -> None:
        self.project, self.plan = project, plan
        self.lists = PLAN_LISTS_CACHE.get((plan,), "", partial(PlanLists.of, plan))
        self.rows, self.takes_time, self.next_steps = self.lists.rows, self.lists.takes_time, self.lists.next_steps
        self.units = {name: number for number, name in enumerate(plan.units)}
        self.routes = self._planned_routes(planned_log)

    @classmethod
    def of(cls, case: Case) -> PlanSteps:
        """Return the planned routes of a case, by its expected plan."""
        return cls(case.project, case.plan, case.planned_run.log)

    @cached_property
    def supplied_pools(self) -> list[list[int]]:
        """Return by bundle those of its pools that other units supply."""
        kinds, bundles = self.plan.pool_kinds, self.plan.bundles
        # a copy has those of the plan steps that it is a copy of
        return [[pool for pool, _ in bundle if kinds[pool] in SUPPLIED_KINDS] for bundle in bundles]

    def copy(self) -> PlanSteps:
        """Return a copy whose routes can be replaced without changing this one."""
        other = copy(self)
        other.routes = [*self.routes]
        return other

    def of_plan(self, plan: CompiledPlan) -> PlanSteps:
        """Return the same planned routes in a plan that has the same steps and other probabilities."""
        other = self.copy()
        other.plan = plan
        other.__dict__.pop("budget", None)  # all else is of the steps alone
        PLAN_LISTS_CACHE.get((plan,), "", lambda: self.lists)
        return other

    # --- routes ---------------------------------------------------------------------------------------------------

    def _planned_routes(self, planned_log: Log) -> list[PlannedRoute]:
        """Return the route of every unit, from the event log of the expected plan."""
        unit = self.plan.unit_of[planned_log[:, LogColumn.STEP]]
        order = np.argsort(unit, kind="stable")
        ends = np.cumsum(np.bincount(unit, minlength=len(self.plan.units))).tolist()
        minutes = planned_log[order, LogColumn.MINUTE].tolist()
        steps = planned_log[order, LogColumn.STEP].tolist()
        routes = [PlannedRoute(steps[begin:end], minutes[begin:end]) for begin, end in pairwise([0, *ends])]
        for route, first, end in zip(routes, *self._bounds, strict=True):
            step = self.next_steps[route.steps[-1]] if route.steps else first
            if step < end:
                self._complete_route(route, step, end)
        return routes

    def _complete_route(self, route: PlannedRoute, step: int, end: int) -> None:
        """Add the steps of a unit from `step` on, which the expected plan does not reach, with all tests passed."""
        while step < end:
            route.steps.append(step)
            route.planned.append(NEVER)
            step = self.next_steps[step]

    @cached_property
    def _bounds(self) -> tuple[list[int], list[int]]:
        """Return by unit its first step, and that of the next unit."""
        first: list[int] = self.plan.first.tolist()
        return first[:-1], first[1:]

    def reported_positions(self, starts: Mapping[str, int | None]) -> dict[str, UnitPosition]:
        """Return unit and position of reported activities, by `UNIT/ACTIVITY`, from the minute at which each started.

        A unit whose planned route does not have a reported activity (rework) gets the route in which every test fails once.
        Of an activity that its route has several times (a repeated test), it is the occurrence after the last rework that is
        reported to have started before it: a test that failed is followed by rework, and rework is reported.
        """
        for unit, step in (self.work_steps[name] for name in starts):
            if step not in self.routes[unit].steps:
                self._replace_routes({unit: self._other_route(unit, tests_fail=True)})
        start_of_step = {self.work_steps[name]: NEVER if start is None else start for name, start in starts.items()}
        return {name: self._reported_occurrence(*self.activities[name], start_of_step) for name in starts}

    def _reported_occurrence(self, unit: int, position: int, start_of_step: Mapping[UnitPosition, int]) -> UnitPosition:
        """Return the occurrence of an activity that was reported: that after the last rework that started before it."""
        steps = self.routes[unit].steps
        start = start_of_step.get((unit, steps[position]), NEVER)
        while earlier := [before for before in range(position) if steps[before] == steps[position]]:
            rework_starts = [
                start_of_step[unit, step] for step in steps[earlier[-1] + 1 : position] if (unit, step) in start_of_step
            ]
            if rework_starts and max(rework_starts) <= start and max(rework_starts) < NEVER:
                break
            position = earlier[-1]
        return unit, position

    def assume_tests_pass(self, last_reported: Mapping[int, int]) -> None:
        """Give units routes in which all tests after their last reported position pass: a failure would be reported too."""
        routes = {
            unit: self._other_route(unit, position + 1, tests_fail=False) for unit, position in last_reported.items()
        }
        self._replace_routes({unit: route for unit, route in routes.items() if route.steps != self.routes[unit].steps})

    def _replace_routes(self, routes: Mapping[int, PlannedRoute]) -> None:
        """Replace the routes of some units, and forget what was looked up in the former ones."""
        for unit, route in routes.items():
            self.routes[unit] = route
        cached = ("activities", "stages", "crews", "signal_steps", "supply_steps", "_route_arrays")
        for name in cached if routes else ():
            self.__dict__.pop(name, None)

    def _other_route(self, unit: int, kept: int = 0, *, tests_fail: bool) -> PlannedRoute:
        """Return another route of a unit with the planned minutes of its present one, whose first `kept` steps it keeps.

        After these every test fails once, with its rework and the repeated test, or passes.
        """
        present = self.routes[unit]
        planned_of_step = dict(zip(present.steps, present.planned, strict=True))
        route, failed = PlannedRoute(present.steps[:kept], present.planned[:kept]), set[int]()
        step = self.next_steps[route.steps[-1]] if kept else int(self.plan.first[unit])
        minute = max(route.planned, default=0)
        while step < self.plan.first[unit + 1]:
            # a step without a planned minute of its own has that of the step before
            minute = max(minute, planned_of_step.get(step, minute))
            route.steps.append(step)
            route.planned.append(minute)
            row, next_step = self.rows[step], self.next_steps[step]
            # the jump over the rework or back to the test: by chance or up to a limit, not by a gate
            of_test = row[Column.OPERATION] == JUMP and (row[Column.CHANCE] != NONE or row[Column.JUMP_GATE] == NONE)
            if tests_fail and of_test and step not in failed:
                failed.add(step)
                target = row[Column.ARGUMENT]
                next_step = step + 1 if next_step == target else target
            step = next_step
        return route

    # --- look-ups ---------------------------------------------------------------------------------------------

    @cached_property
    def work_steps(self) -> Mapping[str, tuple[int, int]]:
        """Return unit and step of everything that can be reported as an activity, by `UNIT/ACTIVITY`, rework included."""
        steps = np.flatnonzero(self.plan.operation_of == WORK).tolist()
        return {
            self._activity_name(step): (int(self.plan.unit_of[step]), step)
            for step in steps
            if self.plan.work_roles[step] == "work"
        }

    def _activity_name(self, step: int) -> str:
        return f"{self.plan.units[self.plan.unit_of[step]]}/{self.lists.activity_names[step]}"

    @cached_property
    def activities(self) -> Mapping[str, UnitPosition]:
        """Return unit and position of every activity in the planned routes, by `UNIT/ACTIVITY`; of repeated ones the last."""
        position_of_activity = {}
        for unit, route in enumerate(self.routes):
            for position, step in enumerate(route.steps):
                if self.rows[step][Column.OPERATION] == WORK and self.plan.work_roles[step] == "work":
                    position_of_activity[self._activity_name(step)] = unit, position
        return position_of_activity

    @cached_property
    def stages(self) -> Mapping[str, tuple[UnitPosition, ...]]:
        """Return unit and position of the steps at which a stage is reached, by stage (`electrical.made`, `online`).

        They have the order of their planned minutes, which need not be the order of the units' numbers.
        """
        reached: dict[str, list[tuple[int, int, int]]] = {}  # by stage: number within its kind, unit, position
        stages_of_skid = self.lists.stages_of_skid
        for unit, (route, info) in enumerate(zip(self.routes, self.plan.unit_info, strict=True)):
            if info.kind == "skid":
                if (key := self._route_key(unit)) not in stages_of_skid:
                    stages_of_skid[key] = self._skid_stages(route, info.part)
                for stage, position in stages_of_skid[key].items():
                    reached.setdefault(f"{info.part}.{stage}", []).append((info.number, unit, position))
            elif info.kind == "installation":
                for stage, note_kind in (("set", "set"), ("hooked_up", "complete")):
                    if (note := self._position_of_note(route, note_kind)) is not None:
                        reached.setdefault(f"{info.part}.{stage}", []).append((place_number(info.place), unit, note))
            elif info.kind == "commissioning" and info.part == "commissioning":
                reached.setdefault("tested", []).append((place_number(info.place), unit, len(route.steps) - 1))
            elif info.kind == "turnover":
                for position, step in enumerate(route.steps):
                    row = self.rows[step]
                    note_info = self.plan.notes[row[Column.ARGUMENT]] if row[Column.OPERATION] == NOTE else None
                    if note_info is not None and note_info.kind == ONLINE:
                        reached.setdefault(ONLINE, []).append((place_number(note_info.place), unit, position))
        routes = self.routes
        return {
            stage: tuple(step[1:] for step in sorted(steps, key=lambda step: (routes[step[1]].planned[step[2]], step)))
            for stage, steps in reached.items()
        }

    @cached_property
    def crews(self) -> Mapping[str, Crews]:
        """Return the planned arrivals and departures of crews by trade."""
        crews_of_trade: dict[str, Crews] = {}
        for unit, info in enumerate(self.plan.unit_info):
            if info.kind == "crew":
                crews = crews_of_trade.setdefault(info.part, Crews([], []))
                route = self.routes[unit]
                for position, step in enumerate(route.steps):
                    row = self.rows[step]
                    note_info = self.plan.notes[row[Column.ARGUMENT]] if row[Column.OPERATION] == NOTE else None
                    if note_info is not None and note_info.kind == "people":
                        crews.add(route.planned[position], row[Column.AMOUNT], unit, position)
        for crews in crews_of_trade.values():
            crews.arrivals.sort()
        return crews_of_trade

    @cached_property
    def signal_steps(self) -> Mapping[int, list[PlannedStep]]:
        """Return by gate the steps that signal it, in the order of their planned minutes."""
        return self._steps_by_target(SIGNAL, lambda gate: [gate])

    @cached_property
    def supply_steps(self) -> Mapping[int, list[PlannedStep]]:
        """Return by supplied pool the steps that add to it, in the order of their planned minutes."""
        return self._steps_by_target(FREE, self.supplied_pools.__getitem__)

    def _steps_by_target(
        self, operation: int, targets_of_argument: Callable[[int], list[int]]
    ) -> dict[int, list[PlannedStep]]:
        """Return the steps of an operation by the gate or pool that they add to, each list by planned minute."""
        unit, position, steps, planned = self._route_arrays
        adding = np.flatnonzero(self.plan.operation_of[steps] == operation)
        arguments = self.plan.argument_of[steps[adding]]
        targets_of = {argument: targets_of_argument(argument) for argument in np.unique(arguments).tolist()}
        # a bundle can add to several pools: a row for each
        targets = np.array([*chain.from_iterable(targets_of[argument] for argument in arguments.tolist())], np.int64)
        adding = np.repeat(adding, [len(targets_of[argument]) for argument in arguments.tolist()])
        order = np.lexsort((position[adding], unit[adding], planned[adding], targets))
        adding, targets = adding[order], targets[order]
        planned_steps = [*zip(planned[adding].tolist(), unit[adding].tolist(), position[adding].tolist(), strict=True)]
        begins = np.flatnonzero(np.diff(targets, prepend=NONE)).tolist()
        return {int(targets[begin]): planned_steps[begin:end] for begin, end in pairwise([*begins, len(targets)])}

    @cached_property
    def _route_arrays(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return the routes of all units one after the other, as arrays: unit, position, step and planned minute."""
        lengths = [len(route.steps) for route in self.routes]
        unit, position = units_and_positions(lengths)
        steps = np.fromiter(chain.from_iterable(route.steps for route in self.routes), np.int64, len(unit))
        planned = np.fromiter(chain.from_iterable(route.planned for route in self.routes), np.int64, len(unit))
        return unit, position, steps, planned

    def steps_done(self, number_done: Sequence[int]) -> tuple[Ints, Ints, Ints]:
        """Return unit, position and step of what is done, where of each unit's route the first so many steps are done."""
        unit, position, steps, _ = self._route_arrays
        is_done = position < np.array(number_done)[unit]
        return unit[is_done], position[is_done], steps[is_done]

    def _route_key(self, unit: int) -> tuple[object, ...]:
        """Return what is equal for units with the same steps and the same route through them."""
        first, end = self.plan.first[unit : unit + 2].tolist()
        of_unit = (steps[first:end].tobytes() for steps in (self.plan.activity_of, self.plan.operation_of))
        return *of_unit, *(step - first for step in self.routes[unit].steps)

    def _skid_stages(self, route: PlannedRoute, system: str) -> dict[str, int]:
        """Return by stage the position in a skid's route at which it is reached."""
        names, rows = self.lists.activity_names, self.rows
        works = [
            (names[step], position) for position, step in enumerate(route.steps) if rows[step][Column.OPERATION] == WORK
        ]
        first_position = dict(reversed(works))
        test, load = first_position[f"{system} factory test"], dict(works)[f"{system} load"]
        made = max(position for _, position in works if position < test)
        passed = max(
            position for position, step in enumerate(route.steps[:load]) if rows[step][Column.OPERATION] == FREE
        )
        delivered = self._position_of_note(route, "delivered")
        assert delivered is not None
        return dict(zip(STAGES[:4], (made, passed, load, delivered), strict=True))

    def _position_of_note(self, route: PlannedRoute, kind: str) -> int | None:
        """Return the position of the last NOTE step of a kind in a route; None where there is none."""
        for position in reversed(range(len(route.steps))):
            row = self.rows[route.steps[position]]
            if row[Column.OPERATION] == NOTE and self.plan.notes[row[Column.ARGUMENT]].kind == kind:
                return position
        return None

    def unit_of_milestone(self, name: str) -> int | None:
        """Return the unit whose end is a milestone: by its name, or as hN.STEP of the shell; None if there is none."""
        hall, _, step = name.partition(".")
        return self.units.get(name, self.units.get(f"{hall}.shell.{step}"))

    @cached_property
    def milestones(self) -> tuple[str, ...]:
        """Return the names of units whose end is a milestone: steps of the shell, generating units, lots, permits."""
        return self._names_of_kinds({"step", "generating_unit", "lot", "preparation", "turnover"})

    def deliveries(self) -> tuple[str, ...]:
        """Return the names of units whose finish can be promised: they wait for lead times, not for resources."""
        return self._names_of_kinds({"lot", "generating_unit", "preparation", "material", "allocation"})

    def _names_of_kinds(self, kinds: set[str]) -> tuple[str, ...]:
        named = zip(self.plan.units, self.plan.unit_info, strict=True)
        return tuple(name for name, info in named if info.kind in kinds)

    def lead_time_position(self, unit: int) -> int | None:
        """Return the position of a unit's last work without people (a lead time, a slip, permits); None if it has none."""
        steps = self.routes[unit].steps
        works = [position for position, step in enumerate(steps) if self.rows[step][Column.OPERATION] == WORK]
        return next((position for position in reversed(works) if not self.plan.people[steps[position]].any()), None)

    def working_minutes(self, step: int, start: int, finish: int) -> int:
        """Return the working minutes between two minutes on the calendar of a work, without weather."""
        calendar = self.plan.base_calendars[self.rows[step][Column.CALENDAR]]
        return int(calendar.worked(finish) - calendar.worked(start))

    @cached_property
    def mw_of_block(self) -> float:
        """Return the MW of a block."""
        return self.project.block.mw_gross.value

    @cached_property
    def budget(self) -> tuple[Ints, Floats]:
        """Return the works that earn hours, and the person-hours that are budgeted for each."""
        plan = self.plan
        steps = np.flatnonzero((plan.operation_of == WORK) & plan.earns)
        content = expected_draws(plan.inputs).content[plan.argument_of[steps]]
        return steps, plan.people[steps].sum(axis=1) * content / MINUTES_PER_HOUR

    @cached_property
    def planned_finish(self) -> int:
        """Return the last minute of the expected plan."""
        return int(max(np.max([m for m in route.planned if m < NEVER], initial=0) for route in self.routes))


def units_and_positions(lengths: Sequence[int]) -> tuple[Ints, Ints]:
    """Return unit and position of every step, unit after unit, where the routes have the given lengths."""
    unit = np.repeat(np.arange(len(lengths)), lengths)
    return unit, np.arange(len(unit)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
