"""Several cases one after the other as one long case, so that they are run, kept and resumed like any other.

Replication number k × runs + r is replication r of the k-th case. Random numbers are addressed by r alone, so all
cases meet the same ones.

Levers are such a series: a project, and that project with a little more of what was short (a factory line, a crew, a
crane) or with another policy. Each is one `--set`, with crews and orders planned anew (`measure_levers`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sim.config.load import as_loaded
from sim.config.overrides import with_settings
from sim.config.project import Project
from sim.engine.backends import COMPILED, SIMPY, Replication, require_same
from sim.jit import gc_paused
from sim.study.case import Case, compiled_plan
from sim.study.chunk import OK, STALLED, Chunk, Columns, concatenated, in_batches
from sim.study.compare import compare
from sim.study.crew_planning.reuse import crew_plan_of
from sim.study.runner import run as replicate
from sim.study.sample import samples_by_case
from sim.world.working_time import Calendar

CACHED_CASES = 2
"""Prepared cases a process keeps: the present one, and the one before, which the next chunk may still need."""


@dataclass(frozen=True)
class CaseSeries(ABC):
    """A series of cases with `runs` replications each, of which these metrics are kept; see `CaseLike`."""

    runs: int
    metrics: tuple[str, ...]

    def __getstate__(self) -> dict[str, object]:
        """Return what is pickled for another process: without the prepared cases."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the series."""

    @property
    def days(self) -> int:
        """Return the length of daily curves; a series keeps none."""
        return 1

    @cached_property
    def prepared(self) -> dict[int, Case]:
        """Return the cases prepared last, by their number."""
        return {}

    def case(self, case_number: int) -> Case:
        """Return one case of the series, ready to be run."""
        if case_number not in self.prepared:
            while len(self.prepared) >= CACHED_CASES:
                del self.prepared[next(iter(self.prepared))]
            self.prepared[case_number] = with_plan_of(self.prepare(case_number), [*self.prepared.values()])
        return self.prepared[case_number]

    @abstractmethod
    def prepare(self, number: int) -> Case:
        """Make one case of the series ready to be run."""

    @abstractmethod
    def simulate_part(self, case_number: int, seed: int, first: int, replications: range) -> Chunk:
        """Simulate replications of one case, from its number `first` on; `replications` are their numbers in the series."""

    def simulate_chunk(self, seed: int, first: int, count: int) -> Chunk:
        """Simulate a range of replications, which may cover several cases."""
        parts, next_replication = [], first
        while next_replication < first + count:
            case_number, first_of_case = divmod(next_replication, self.runs)
            part_size = min(self.runs - first_of_case, first + count - next_replication)
            parts.append(
                self.simulate_part(
                    case_number, seed, first_of_case, range(next_replication, next_replication + part_size)
                )
            )
            next_replication += part_size
        return concatenated(parts)


PLAN_CACHES = (
    "kernel_plan", "simpy_plan", "planned", "planned_run", "planned_calendars", "_horizon", "_draws", "_compared",
)  # fmt: skip
"""Cached properties of a case that depend on its plan and calendars, not on prices."""
CALENDAR_FIELDS = ("name", "horizon", "start_date", "known", "starts", "ends")


def with_plan_of(case: Case, other_cases: Iterable[Case]) -> Case:
    """Return a case with what was computed from another one's plan, where the two differ only in money.

    Its replications are those of the other case in both engines: what was compared there is not compared again.
    """
    for other in other_cases:
        if _differ_in_money_alone(case, other):
            shared = replace(case, plan=other.plan, compared_runs=0 if other._compared else case.compared_runs)  # noqa: SLF001
            shared.__dict__.update({name: other.__dict__[name] for name in PLAN_CACHES if name in other.__dict__})
            return shared
    return case


def _differ_in_money_alone(case: Case, other: Case) -> bool:
    """Return whether two cases, none of which goes on from a status, have the same plan, weather and draws."""
    if type(case) is not Case or type(other) is not Case:
        return False
    project, other_project = case.project, other.project
    sections = (name for name in Project.model_fields if name != "money")
    same_sections = all(getattr(project, name) == getattr(other_project, name) for name in sections)
    same_engine = (case.sampling, case.engine, case.without_weather) == (
        other.sampling,
        other.engine,
        other.without_weather,
    )
    return (
        same_sections
        and same_engine
        and is_identical(case.weather, other.weather)
        and is_identical(case.plan, other.plan)
    )


def is_identical(first: object, second: object) -> bool:
    """Return whether two values are equal to the last bit, with the arrays, calendars and dataclasses in them."""
    if first is second or type(first) is not type(second):
        return first is second
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, Calendar):
        return all(is_identical(getattr(first, part), getattr(second, part)) for part in CALENDAR_FIELDS)
    if is_dataclass(first):
        return all(is_identical(getattr(first, part.name), getattr(second, part.name)) for part in fields(first))
    if isinstance(first, tuple) and isinstance(second, tuple) and not isinstance(next(iter(first), None), str):
        return len(first) == len(second) and all(map(is_identical, first, second))
    return bool(first == second)


def quick_part(
    case: Case, metrics: tuple[str, ...], seed: int, first: int, replications: range, *, compare: bool = True
) -> Chunk:
    """Simulate replications of one case, from its number `first` on, and return a chunk with these metrics.

    With `compare` the first one of the case is simulated by both engines.
    """
    rows: list[list[float]] = []
    status = np.full(len(replications), OK, np.int8)
    for row, replication in enumerate(
        in_batches(case.replications(seed, first, len(replications)), len(case.plan.rows))
    ):
        if compare and first + row == 0:
            _compare_engines(case, seed, replication)
        status[row] = OK if replication.outcome.deadlock is None else STALLED
        metrics_of, _ = case.quick_metrics(replication)
        rows.append([metrics_of[metric] for metric in metrics])
    columns = np.array(rows, np.float64).T
    runs: Columns = {"status": status, **dict(zip(metrics, columns, strict=True))}
    return Chunk(replications.start, runs, {})


def _compare_engines(case: Case, seed: int, replication: Replication) -> None:
    """Simulate a replication of the compiled engine with SimPy too; EnginesDiffer if the logs are not equal."""
    if case.engine == COMPILED:
        (reference,) = case.replications(seed, replication.replication, 1, engine=SIMPY)
        require_same(case.plan, reference, replication)


# --- levers -----------------------------------------------------------------------------------------------------------


LEVER_RUNS, MAX_LEVERS = 100, 5
"""Replications of each lever; most levers on scarce resources, policies not counted."""
POLICIES_UNDER_WAY = ("labour.acceleration.active",)
"""Policies that can still be chosen when a project is under way: orders were placed by the one that was in force."""
QUICK_STEPS = 4_000_000
"""Steps times levers up to which levers are always measured: a few seconds on one core."""
LEVER_METRICS = {
    "lead_time_full_days": -1, "lead_time_mw_weighted_days": -1, "capital_total_usd": -1, "peak_workforce_onsite": -1,
    "idle_capital_months": -1, "idle_capital_peak_usd": -1,
}  # fmt: skip


@dataclass(frozen=True)
class LeverTrial:
    """One change of a project: its setting as `--set` takes it, its name, and what it is meant to relieve."""

    id: str
    name: str
    path: str
    value: Any
    cause: str = ""
    what: str = ""


def lever_trials(case: Case, bindings: Columns) -> list[LeverTrial]:
    """Return the levers to try: one more of each resource that held the driving chain longest, then policies not in force."""
    scarce = zip(bindings.get("cause", ()), bindings.get("what", ()), bindings.get("days", ()), strict=True)
    levers = [
        lever for cause, resource, days in scarce if days >= 1 for lever in _one_more(case, str(cause), str(resource))
    ]
    resource_levers = [*{lever.id: lever for lever in levers}.values()][:MAX_LEVERS]
    possible = POLICIES_UNDER_WAY if case.is_under_way else None
    policies = [policy for policy in _policies(case.project) if possible is None or policy.path in possible]
    return [*resource_levers, *policies]


def _one_more(case: Case, cause: str, resource: str) -> Iterator[LeverTrial]:
    """Yield one more of a scarce resource, where a number of the configuration says how many there are."""
    project = case.project
    trial: tuple[str, str, int] | None = None
    if cause == "factory" and resource in project.by_system:
        path, count = f"systems.{resource}.factory.lines", project.by_system[resource].factory.lines
        trial = (f"one more {resource} factory line", path, count + 1)
    elif cause == "crew" and resource in case.crew_plan.resource_plan.crews:
        count = case.crew_plan.resource_plan.crews[resource]
        trial = (f"one more crew of {resource.replace('_', ' ')}", f"labour.trades.{resource}.crews", count + 1)
    elif cause == "crane":
        trial = ("one more crane", "logistics.cranes", project.logistics.cranes + 1)
    elif cause == "truck" and resource in project.by_system:
        count = getattr(project.logistics.fleets, resource).trucks
        trial = (f"one more truck for {resource} skids", f"logistics.fleets.{resource}.trucks", count + 1)
    elif cause == "yard" and resource in project.by_system:
        count, per_block = getattr(project.logistics.laydown, resource), project.by_system[resource].skid.per_block
        trial = (
            f"yard places for one more block's {resource} skids",
            f"logistics.laydown.{resource}",
            count + per_block,
        )
    if trial is not None:
        name, path, value = trial
        yield LeverTrial(f"{path}={value}", name, path, value, cause, resource)


def _policies(project: Project) -> Iterator[LeverTrial]:
    """Yield a lever for each policy that the project does not follow yet."""
    if project.procurement.policy == "just_in_time":
        path = "procurement.policy"
        yield LeverTrial(f"{path}=at_decision", "everything ordered at the decision", path, "at_decision", "order_date")
    if project.labour.acceleration is not None and not project.labour.acceleration.active:
        path = "labour.acceleration.active"
        yield LeverTrial(f"{path}=true", "overtime and further crews after a slip", path, True, "crew")
    if project.risks.drivers and project.risks.mode == "inherent":
        yield LeverTrial("risks.mode=mitigated", "the risk register's mitigations", "risks.mode", "mitigated", "risk")


@dataclass(frozen=True)
class LeverSeries(CaseSeries):
    """A project as it is, and then with each lever pulled, crews and orders planned anew: what `sim run --set` runs."""

    base: Case
    trials: tuple[LeverTrial, ...]

    @property
    def name(self) -> str:
        """Return the project's name."""
        return self.base.name

    def prepare(self, number: int) -> Case:
        """Return the project as it is, or with lever `number` - 1 pulled."""
        if number == 0:
            return self.base
        trial = self.trials[number - 1]
        project = with_settings(as_loaded(self.base.project), {trial.path: trial.value}).value
        with gc_paused():
            crew_plan = crew_plan_of(project, self.base.weather)
        plan = compiled_plan(project, crew_plan.resource_plan)
        base_fields = {field.name: getattr(self.base, field.name) for field in fields(Case)}
        changed = Case(**(base_fields | {"project": project, "crew_plan": crew_plan, "plan": plan}))
        # a project under way goes on with the lever from its data date; its past stays as it was
        return self.base.continued_by(changed)

    def simulate_part(self, case_number: int, seed: int, first: int, replications: range) -> Chunk:
        """Run replications of one case and keep what is asked of them."""
        return quick_part(self.case(case_number), self.metrics, seed, first, replications)


def are_levers_quick(case: Case, bindings: Columns) -> bool:
    """Return whether levers take so few steps that they are always measured; counted, not timed."""
    work = len(case.plan.rows) * (LEVER_RUNS + 1) * (1 + len(lever_trials(case, bindings)))
    return case.engine == COMPILED and work <= QUICK_STEPS


def measure_levers(case: Case, seed: int, bindings: Columns, *, workers: int = 0, runs: int = LEVER_RUNS) -> Columns:
    """Return the table `levers`: id, name, cause, what, and the effect of each: METRIC_mean, _p50, _p80 with _low and _high.

    The effect is base less lever, pair by pair on the same random numbers, each lever alone, with its 95 % interval; days
    that it costs are negative. Empty where there is no lever.
    """
    trials = lever_trials(case, bindings)
    if not trials:
        return {}
    metrics = tuple(metric for metric in LEVER_METRICS if metric in case.metrics)
    series = LeverSeries(runs, metrics, case, tuple(trials))
    total_runs = runs * (1 + len(trials))
    chunk = runs if workers > 1 else None
    sample = replicate(series, seed=seed, runs=total_runs, workers=workers, chunk=chunk)
    base, *lever_samples = samples_by_case(sample, runs)
    rows = [_lever_effect(trial, compare({"base": base, "lever": lever_sample}, LEVER_METRICS, base="base"))
            for trial, lever_sample in zip(trials, lever_samples, strict=True)]  # fmt: skip
    texts = {"id", "name", "cause", "what"}
    return {name: np.array([row[name] for row in rows], object if name in texts else np.float64) for name in rows[0]}


def _lever_effect(trial: LeverTrial, differences: Iterable[Any]) -> dict[str, Any]:
    """Return a lever with its effect on every metric, in the mean, at P50 and at P80, each with its interval."""
    row: dict[str, Any] = {name: getattr(trial, name) for name in ("id", "name", "cause", "what")}
    for difference in differences:
        row |= {f"{difference.metric}_{name}": value for name, value in saved(asdict(difference)).items()}
        row["runs"] = difference.n
    return row


def saved(difference: Mapping[str, Any]) -> dict[str, float]:
    """Return a difference with its sign reversed, base less case: in the mean, at P50 and at P80, with their intervals."""
    reversed_: dict[str, float] = {}
    for name in ("mean", "p50", "p80"):
        reversed_ |= {
            name: -difference[name] + 0.0, f"{name}_low": -difference[f"{name}_high"] + 0.0,
            f"{name}_high": -difference[f"{name}_low"] + 0.0,
        }  # fmt: skip
    return reversed_
