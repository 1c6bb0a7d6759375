"""Causes that can be switched off one at a time: drivers of the register, and groups of uncertain inputs.

What is left meets the same random numbers: a driver that is off changes no draw of anything else, an input that is
switched off is at its mean, and the crews and order dates of the resource plan stay as they are.

All causes of a project switched off one after the other are a series of cases (`SwitchOffSeries`); a process prepares
a case when it comes to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.plan.compiled_plan import CAUSES, NONE, CompiledPlan
from sim.plan.draws import SPAN, Inputs
from sim.plan.vocabulary import JUMP, UNTIL, WORK
from sim.study.analyses.case_series import CaseSeries, quick_part
from sim.study.case import Case, compiled_plan
from sim.study.chunk import Chunk
from sim.world.project_calendars import closures_by_calendar
from sim.world.quantile_tables import FIXED, Tables

# --- causes -----------------------------------------------------------------------------------------------------------


RISK, UNCERTAINTY, ALL = "risk", "uncertainty", "all"
WEATHER = "weather"
GROUPS = {
    "permits": "permits and design",
    "lead_times": "lead times and suppliers",
    "site": "durations: site works and shell",
    "factory": "durations: factory",
    "road": "road, gate and yard",
    "installation": "durations: installation",
    "commissioning": "durations: commissioning",
    "tests": "failed tests and defects",
    "power": "power units",
    "productivity": "productivity on site",
    "pace": "pace of the project",
    "crew": "mobilisation of crews",
    "demand": "demand and order dates",
    "prices": "prices",
    WEATHER: "weather and standstills",
}
"""Groups of uncertain inputs by name, with their labels."""
GROUP_OF_CAUSE = {
    "permits": "permits", "parts": "lead_times", "site_works": "site", "hall": "site", "factory": "factory",
    "truck": "road", "yard": "road", "crane": "installation", "installation": "installation",
    "commissioning": "commissioning", "power": "power", "crew": "crew", "order_date": "demand", RISK: "",
}  # fmt: skip
"""Group of a drawn duration by its cause of delay; draws of a risk driver are switched off with the driver."""
GROUP_OF_FACTOR = {
    "productivity": "productivity", "pace": "pace", "suppliers": "lead_times", "lots": "lead_times",
    "prices": "prices", "demand": "demand", RISK: "",
}  # fmt: skip
SAMPLE = 20
"""Replications that are tried to see whether anything closes a calendar."""


@dataclass(frozen=True)
class Cause:
    """A cause to switch off: a risk driver by its id, a group of uncertain inputs, or all of a kind."""

    id: str
    kind: str
    name: str


@dataclass(frozen=True)
class Switches:
    """The causes of a case, and the case without some of them."""

    case: Case
    seed: int

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """Return every cause that can change anything, drivers first."""
        drivers = [Cause(d.id, RISK, d.name) for d, _ in self.case.project.risks.active()]
        groups = [Cause(group, UNCERTAINTY, GROUPS[group]) for group in GROUPS if group in self._groups]
        return (*drivers, *groups)

    def without(self, causes: Iterable[Cause]) -> Case:
        """Return the case with these causes switched off; its crews and order dates stay the same."""
        switched_off = [*causes]
        drivers = [cause.id for cause in switched_off if cause.kind == RISK]
        groups = {cause.id for cause in switched_off if cause.kind == UNCERTAINTY}
        case = Case(**{field_.name: getattr(self.case, field_.name) for field_ in fields(Case)})
        if drivers:
            project = case.project.with_risks(without=drivers)
            case = replace(case, project=project, plan=compiled_plan(project, case.crew_plan.resource_plan))
        if groups - {WEATHER}:
            case = replace(case, plan=at_means(case.plan, groups))
        if WEATHER in groups:
            case = replace(case, without_weather=True)
        return self.case.continued_by(case)

    @cached_property
    def _groups(self) -> set[str]:
        """Return the groups in which anything is uncertain."""
        inputs = self.case.plan.inputs
        uncertain = _uncertain(inputs)
        of_inputs, of_factors = groups_of_inputs(self.case.plan)
        groups = {group for group, is_drawn in zip(of_inputs, uncertain, strict=True) if is_drawn and group}
        factor_drawn = inputs.tables.kind[inputs.factor_table] != FIXED
        groups |= {group for group, is_drawn in zip(of_factors, factor_drawn, strict=True) if is_drawn and group}
        project, weather = self.case.project, self.case.weather
        closing = (closures_by_calendar(project, weather, self.seed, number) for number in range(SAMPLE))
        weather_closes = any(len(rows) for closures in closing for rows in closures.values())
        return groups | ({WEATHER} if weather_closes else set())


def groups_of_inputs(plan: CompiledPlan) -> tuple[list[str], list[str]]:
    """Return the group of every input and of every common factor; empty for what belongs to a risk driver."""
    of_inputs = [""] * len(plan.inputs.names)
    for step, (operation, argument, second_argument, *_) in enumerate(plan.rows.tolist()):
        if operation in (WORK, UNTIL):
            of_inputs[argument] = GROUP_OF_CAUSE[CAUSES[plan.cause_of[step]]]
        elif operation == JUMP and second_argument != NONE and plan.unit_info[plan.unit_of[step]].kind != "outage":
            of_inputs[second_argument] = "tests"
    return of_inputs, [GROUP_OF_FACTOR[group] for group in plan.inputs.factor_groups]


def _uncertain(inputs: Inputs) -> NDArray[np.bool_]:
    """Return which inputs differ from one replication to the next by their own draw."""
    is_drawn = inputs.tables.kind[inputs.table] != FIXED
    chance = inputs.planned[inputs.table]
    undecided = (chance > 0) & (chance < 1)
    return np.where(inputs.kind == SPAN, is_drawn & (inputs.minutes != 0), undecided)


def at_means(plan: CompiledPlan, groups: set[str]) -> CompiledPlan:
    """Return a plan in which all inputs of these groups are at their mean, and decisions have their most likely outcome."""
    of_inputs, of_factors = groups_of_inputs(plan)
    inputs = plan.inputs
    table_count = len(inputs.mean)
    constants = np.array([*inputs.mean, 0.0, 1.0])
    most_likely = np.where(inputs.mean[inputs.table] > 0.5, 2 * table_count + 1, 2 * table_count)
    at_mean = np.where(inputs.kind == SPAN, table_count + inputs.table, most_likely)
    switched, switched_factors = (
        np.array([group in groups for group in groups_of], bool) for groups_of in (of_inputs, of_factors)
    )
    changed_inputs = replace(
        inputs,
        tables=_with_constants(inputs.tables, constants),
        planned=np.concatenate([inputs.planned, constants]),
        mean=np.concatenate([inputs.mean, constants]),
        table=np.where(switched, at_mean, inputs.table),
        factor_table=np.where(switched_factors, table_count + inputs.factor_table, inputs.factor_table).astype(
            np.int64
        ),
    )
    return replace(plan, inputs=changed_inputs)


def _with_constants(tables: Tables, constants: NDArray[np.float64]) -> Tables:
    """Return the tables with one more table for each of these constants."""
    begin = len(tables.data) + np.arange(len(constants))
    return Tables(
        kind=np.concatenate([tables.kind, np.full(len(constants), FIXED, tables.kind.dtype)]),
        start=np.concatenate([tables.start, begin.astype(tables.start.dtype)]),
        length=np.concatenate([tables.length, np.ones(len(constants), tables.length.dtype)]),
        data=np.concatenate([tables.data, constants]),
    )


def combined_causes(causes: Iterable[Cause]) -> Iterator[tuple[Cause, tuple[Cause, ...]]]:
    """Yield for each kind with several causes all of them together, and all causes where there are two kinds."""
    all_causes = tuple(causes)
    kinds = {kind: tuple(cause for cause in all_causes if cause.kind == kind) for kind in (RISK, UNCERTAINTY)}
    names = {RISK: "all risk events together", UNCERTAINTY: "all uncertainty together"}
    for kind, causes_of_kind in kinds.items():
        if len(causes_of_kind) > 1:
            yield Cause(f"all_{kind}", ALL, names[kind]), causes_of_kind
    if all(kinds.values()):
        yield Cause("everything", ALL, "everything: as expected"), all_causes


# --- case series ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SwitchOffSeries(CaseSeries):
    """A project without each of these sets of causes in turn."""

    base: Case
    seed: int
    off: tuple[tuple[Cause, ...], ...]

    @property
    def name(self) -> str:
        """Return the project's name."""
        return self.base.name

    def prepare(self, number: int) -> Case:
        """Return the project without the causes of this number."""
        return Switches(self.base, self.seed).without(self.off[number])

    def simulate_part(self, case_number: int, seed: int, first: int, replications: range) -> Chunk:
        """Run replications of one case and keep what is asked of them."""
        case = self.case(case_number)
        # other draws of the steps that both engines have simulated for the project itself prove nothing more
        compare = not case.plan.has_steps_of(self.base.plan)
        return quick_part(case, self.metrics, seed, first, replications, compare=compare)
