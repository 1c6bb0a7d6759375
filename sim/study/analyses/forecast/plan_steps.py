"""Where the facts of a status stand in a plan: the route every unit takes, and which of its steps a fact is about.

The route of a unit is that of the expected plan, with what fails there and is done again; behind its end everything passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.engine.initial_state import BLOCKING
from sim.plan.compiled_plan import NONE, CompiledPlan
from sim.plan.draws import OTHERWISE
from sim.plan.layout import place_number
from sim.plan.vocabulary import AGAIN, FREE, NOTE, SIGNAL, WORK, Log
from sim.study.analyses.forecast.plan_cache import Recent
from sim.study.analyses.forecast.status import ONLINE, STAGES
from sim.study.case import Case

Ints = NDArray[np.int64]
Giver = tuple[int, int, int]
SUPPLIED = ("supplied", "passed")
NEVER = 1 << 40
"""The planned minute of what the expected plan does not come to."""
READ: Recent[list[list[int]]] = Recent(6)
NAMES: Recent[list[str]] = Recent(3)
SKID_STAGES: Recent[dict[int, tuple[list[int], dict[str, int]]]] = Recent(3)


@dataclass(frozen=True)
class PlannedRoute:
    """The steps of a unit in order, and the minute at which each is done in the expected plan."""

    steps: list[int]
    planned: list[int]


@dataclass(frozen=True)
class Crews:
    """The crews of a trade: who come, as minute, people, unit and place in its way, and who go, as minute and people."""

    come: list[tuple[int, int, int, int]]
    go: list[tuple[int, int]]

    def note(self, minute: int, people: int, unit: int, place: int) -> None:
        """Take one note of people who come, or who go."""
        if people > 0:
            self.come.append((minute, people, unit, place))
        else:
            self.go.append((minute, -people))

    def arrived(self, people: int, date: int) -> int:
        """Return how many crews have come where so many people are on site at the end of a minute.

        Who has left by then is as planned.
        """
        there = people + sum(left for minute, left in self.go if minute <= date)
        sizes = np.array([size for _, size, _, _ in self.come])
        # half a crew is one
        return int((np.cumsum(sizes) - sizes / 2 < there).sum())


class PlanSteps:
    """Looks up units, activities, stages and milestones of one plan."""

    def __init__(self, project: Project, plan: CompiledPlan, planned_log: Log) -> None:
        self.project, self.plan = project, plan
        # all steps of a plan share what is read from it
        self.rows = READ.get((plan,), "rows", plan.rows.tolist)
        self.units = {name: number for number, name in enumerate(plan.units)}
        self.routes = self._routes(planned_log)

    @classmethod
    def of(cls, case: Case) -> PlanSteps:
        """Return where facts stand in the plan of a case, as its expected plan goes."""
        return cls(case.project, case.plan, case.planned_run.log)

    @property
    def supplied(self) -> list[list[int]]:
        """Return by bundle the pools in it that are supplied."""
        kinds, bundles = self.plan.pool_kinds, self.plan.bundles
        return READ.get(
            (self.plan,), "supplied", lambda: [[pool for pool, _ in of if kinds[pool] in SUPPLIED] for of in bundles]
        )

    @property
    def _activity_names(self) -> list[str]:
        """Return by step the name of its activity."""
        plan = self.plan
        return NAMES.get((plan,), "names", lambda: [plan.activities[at] for at in plan.activity_of.tolist()])

    def copy(self) -> PlanSteps:
        """Return the same once more, to be fitted to other facts."""
        other = copy(self)
        other.routes = [*self.routes]
        return other

    def _routes(self, log: Log) -> list[PlannedRoute]:
        """Return the route of every unit."""
        unit = self.plan.unit_of[log[:, 1]]
        order = np.argsort(unit, kind="stable")
        ends = np.cumsum(np.bincount(unit, minlength=len(self.plan.units))).tolist()
        minutes, steps = log[order, 0].tolist(), log[order, 1].tolist()
        routes = [PlannedRoute(steps[begin:end], minutes[begin:end]) for begin, end in pairwise([0, *ends])]
        for number, route in enumerate(routes):
            self._go_on(number, route)
        return routes

    def _go_on(self, unit: int, route: PlannedRoute) -> None:
        """Complete a route behind where the expected plan ended: everything passes, nothing is done again."""
        at = self._after(route.steps[-1]) if route.steps else int(self.plan.first[unit])
        while at < self.plan.first[unit + 1]:
            route.steps.append(at)
            route.planned.append(NEVER)
            at = self._after(at)

    def _after(self, at: int) -> int:
        """Return the step behind one that passes."""
        operation, to, chance = self.rows[at][:3]
        passes = operation == AGAIN and to > at and chance != NONE and self.plan.inputs.kind[chance] == OTHERWISE
        return int(to if passes else at + 1)

    def placed(self, starts: Mapping[str, int | None]) -> dict[str, tuple[int, int]]:
        """Return unit and place in its way of reported activities, by `UNIT/ACTIVITY`, from when each began.

        Every unit takes a route that comes to what is reported of it: with what failed once. What is done again, as a test,
        stands where it was done last: what fails is mended, and the mending is reported.
        """
        for unit, step in (self.works[name] for name in starts):
            if step not in self.routes[unit].steps:
                self._take({unit: self._route(unit, fails=True)})
        begun = {self.works[name]: NEVER if start is None else start for name, start in starts.items()}
        return {name: self._occurrence(*self.activities[name], begun) for name in starts}

    def _occurrence(self, unit: int, place: int, begun: Mapping[tuple[int, int], int]) -> tuple[int, int]:
        """Return where an activity was done last: behind the last mending that is reported to have begun before it."""
        route = self.routes[unit].steps
        since = begun.get((unit, route[place]), NEVER)
        while earlier := [before for before in range(place) if route[before] == route[place]]:
            mending = [begun[unit, step] for step in route[earlier[-1] + 1 : place] if (unit, step) in begun]
            if mending and max(mending) <= since and max(mending) < NEVER:
                break
            place = earlier[-1]
        return unit, place

    def pass_behind(self, reported: Mapping[int, int]) -> None:
        """Have units pass all tests behind the last place that is reported of them: what fails is reported too."""
        found = {unit: self._route(unit, place + 1, fails=False) for unit, place in reported.items()}
        self._take({unit: route for unit, route in found.items() if route.steps != self.routes[unit].steps})

    def _take(self, routes: Mapping[int, PlannedRoute]) -> None:
        """Have some units take other routes."""
        for unit, route in routes.items():
            self.routes[unit] = route
        for known in ("activities", "stages", "crews", "signallers", "suppliers", "_ways") if routes else ():
            self.__dict__.pop(known, None)

    def _route(self, unit: int, kept: int = 0, *, fails: bool) -> PlannedRoute:
        """Return another route of a unit, by the minutes of the one it has, of which so many steps are kept.

        Behind them everything that can fail does so once, is mended and done again, or passes.
        """
        before = self.routes[unit]
        planned = dict(zip(before.steps, before.planned, strict=True))
        route, failed = PlannedRoute(before.steps[:kept], before.planned[:kept]), set[int]()
        at, last = self._after(route.steps[-1]) if kept else int(self.plan.first[unit]), max(route.planned, default=0)
        while at < self.plan.first[unit + 1]:
            last = max(last, planned.get(at, last))
            route.steps.append(at)
            route.planned.append(last)
            operation, to, chance, _, gate = self.rows[at][:5]
            after = self._after(at)
            if fails and operation == AGAIN and at not in failed and (chance != NONE or gate == NONE):
                failed.add(at)
                after = at + 1 if after == to else to
            at = after
        return route

    # --- look-ups ---------------------------------------------------------------------------------------------

    @cached_property
    def works(self) -> Mapping[str, tuple[int, int]]:
        """Return unit and step of everything that can be reported as an activity, by `UNIT/ACTIVITY`, rework included."""
        works = np.flatnonzero(self.plan.rows[:, 0] == WORK).tolist()
        return {
            self._activity_name(step): (int(self.plan.unit_of[step]), step)
            for step in works
            if self.plan.work_roles[step] == "work"
        }

    def _activity_name(self, step: int) -> str:
        return f"{self.plan.units[self.plan.unit_of[step]]}/{self._activity_names[step]}"

    @cached_property
    def activities(self) -> Mapping[str, tuple[int, int]]:
        """Return unit and place in its way of every activity, by `UNIT/ACTIVITY`."""
        found = {}
        for unit, route in enumerate(self.routes):
            for place, step in enumerate(route.steps):
                if self.rows[step][0] == WORK and self.plan.work_roles[step] == "work":
                    found[self._activity_name(step)] = unit, place
        return found

    @cached_property
    def stages(self) -> Mapping[str, tuple[tuple[int, int], ...]]:
        """Return by what can be counted (`electrical.made`, `online`) unit and place of each, in the plan's order."""
        found: dict[str, list[tuple[int, int, int]]] = {}
        known: dict[int, tuple[list[int], dict[str, int]]] = SKID_STAGES.get((self.plan,), "stages", dict)
        for unit, (route, info) in enumerate(zip(self.routes, self.plan.unit_info, strict=True)):
            if info.kind == "skid":
                # mostly it goes the way that it went when last asked for
                if unit not in known or known[unit][0] != route.steps:
                    known[unit] = route.steps, self._skid_stages(route, info.part)
                for stage, made in known[unit][1].items():
                    found.setdefault(f"{info.part}.{stage}", []).append((info.number, unit, made))
            elif info.kind == "installation":
                for stage, kind in (("set", "set"), ("hooked_up", "complete")):
                    if (there := self._note(route, kind)) is not None:
                        found.setdefault(f"{info.part}.{stage}", []).append((place_number(info.place), unit, there))
            elif info.kind == "commissioning" and info.part == "commissioning":
                found.setdefault("tested", []).append((place_number(info.place), unit, len(route.steps) - 1))
            elif info.kind == "turnover":
                for place, step in enumerate(route.steps):
                    note = self.plan.notes[self.rows[step][1]] if self.rows[step][0] == NOTE else None
                    if note is not None and note.kind == ONLINE:
                        found.setdefault(ONLINE, []).append((place_number(note.place), unit, place))
        # as the expected plan comes to them: what is ordered first need not be finished first
        return {
            what: tuple((u, p) for _, _, u, p in sorted((self.routes[u].planned[p], n, u, p) for n, u, p in those))
            for what, those in found.items()
        }

    @cached_property
    def crews(self) -> Mapping[str, Crews]:
        """Return the crews of every trade as the plan has them."""
        found: dict[str, Crews] = {}
        for unit, info in enumerate(self.plan.unit_info):
            if info.kind == "crew":
                crews = found.setdefault(info.part, Crews([], []))
                for place, step in enumerate(self.routes[unit].steps):
                    note = self.plan.notes[self.rows[step][1]] if self.rows[step][0] == NOTE else None
                    if note is not None and note.kind == "people":
                        crews.note(self.routes[unit].planned[place], self.rows[step][2], unit, place)
        for crews in found.values():
            crews.come.sort()
        return found

    @cached_property
    def signallers(self) -> Mapping[int, list[Giver]]:
        """Return by gate who signals it, by the plan's order: planned minute, unit, place in its way."""
        return self._givers(SIGNAL, lambda gate: [gate])

    @cached_property
    def suppliers(self) -> Mapping[int, list[Giver]]:
        """Return by pool that is supplied who gives into it, by the plan's order: planned minute, unit, place in its way."""
        return self._givers(FREE, self.supplied.__getitem__)

    def _givers(self, operation: int, to: Callable[[int], list[int]]) -> dict[int, list[Giver]]:
        """Return who does steps of an operation, by what these give to."""
        unit, place, steps, planned = self._ways
        giving = np.flatnonzero(self.plan.rows[steps, 0] == operation)
        # in the plan's order already: each receiver's list is filled in it
        giving = giving[np.lexsort((place[giving], unit[giving], planned[giving]))]
        arguments = self.plan.rows[steps[giving], 1]
        receivers = {argument: to(argument) for argument in np.unique(arguments).tolist()}
        found: dict[int, list[Giver]] = {}
        givers = zip(planned[giving].tolist(), unit[giving].tolist(), place[giving].tolist(), strict=True)
        for argument, giver in zip(arguments.tolist(), givers, strict=True):
            for receiver in receivers[argument]:
                found.setdefault(receiver, []).append(giver)
        return found

    @cached_property
    def _ways(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return the ways of all units one after the other: unit, place, step and planned minute."""
        lengths = [len(route.steps) for route in self.routes]
        unit, place = unit_and_place(lengths)
        steps = np.fromiter(chain.from_iterable(route.steps for route in self.routes), np.int64, len(unit))
        planned = np.fromiter(chain.from_iterable(route.planned for route in self.routes), np.int64, len(unit))
        return unit, place, steps, planned

    def first_of_ways(self, number: Sequence[int]) -> tuple[Ints, Ints, Ints, Ints]:
        """Return unit, place, step and planned minute of the first so many places of every unit's way."""
        unit, place, steps, planned = self._ways
        done = place < np.array(number)[unit]
        return unit[done], place[done], steps[done], planned[done]

    def _skid_stages(self, route: PlannedRoute, system: str) -> dict[str, int]:
        """Return the places of a skid's stages in its way."""
        names, rows = self._activity_names, self.rows
        works = [(names[step], place) for place, step in enumerate(route.steps) if rows[step][0] == WORK]
        first = dict(reversed(works))
        test, load = first[f"{system} factory test"], dict(works)[f"{system} load"]
        made = max(place for _, place in works if place < test)
        passed = max(place for place, step in enumerate(route.steps[:load]) if rows[step][0] == FREE)
        delivered = self._note(route, "delivered")
        assert delivered is not None
        return dict(zip(STAGES[:4], (made, passed, load, delivered), strict=True))

    def _note(self, route: PlannedRoute, kind: str) -> int | None:
        """Return where in its way a unit leaves a note of a kind."""
        for place in reversed(range(len(route.steps))):
            step = route.steps[place]
            if self.rows[step][0] == NOTE and self.plan.notes[self.rows[step][1]].kind == kind:
                return place
        return None

    def milestone(self, name: str) -> int | None:
        """Return the unit whose end is a milestone: by its name, or as hN.STEP of the shell; None if there is none."""
        head, _, tail = name.partition(".")
        return self.units.get(name, self.units.get(f"{head}.shell.{tail}"))

    @cached_property
    def milestones(self) -> tuple[str, ...]:
        """Return the names of what planners report as milestones: halls dried in, generating units, lots, permits."""
        kinds = {"step", "generating_unit", "lot", "preparation", "turnover"}
        return tuple(
            name for name, info in zip(self.plan.units, self.plan.unit_info, strict=True) if info.kind in kinds
        )

    def deliveries(self) -> tuple[str, ...]:
        """Return the units that something new can be promised for: their time passes on the clock alone."""
        kinds = {"lot", "generating_unit", "preparation", "material", "allocation"}
        return tuple(
            name for name, info in zip(self.plan.units, self.plan.unit_info, strict=True) if info.kind in kinds
        )

    def promised(self, unit: int) -> int | None:
        """Return the place of the last work of a unit that is nobody's: a lead time, a slip, permits."""
        route = self.routes[unit]
        waits = [place for place, step in enumerate(route.steps) if self.rows[step][0] == WORK]
        return next((place for place in reversed(waits) if not self.plan.people[route.steps[place]].any()), None)

    def blocks_anything(self, step: int) -> bool:
        """Return whether a unit can stand at a step while time passes."""
        return self.rows[step][0] in BLOCKING

    def calendar_minutes(self, step: int, begin: int, end: int) -> int:
        """Return the working minutes between two minutes on the stated calendar of a work."""
        calendar = self.plan.base_calendars[self.rows[step][2]]
        return int(calendar.worked(end) - calendar.worked(begin))

    @cached_property
    def mw_of_block(self) -> float:
        """Return the MW of a block."""
        return self.project.block.mw_gross.value

    @cached_property
    def planned_finish(self) -> int:
        """Return the last minute of the expected plan."""
        return int(max(np.max([m for m in route.planned if m < NEVER], initial=0) for route in self.routes))


def unit_and_place(lengths: Sequence[int]) -> tuple[Ints, Ints]:
    """Return the unit and the place in its way of what so many places of each unit are, one after the other."""
    unit = np.repeat(np.arange(len(lengths)), lengths)
    return unit, np.arange(len(unit)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
