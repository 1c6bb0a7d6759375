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
from sim.study.sample import divided
from sim.world.working_time import Calendar

KEPT = 2
"""Prepared cases a process keeps: the one under way and the one before, which the next chunk may still need."""


@dataclass(frozen=True)
class CaseSeries(ABC):
    """A series of cases with `runs` replications each, of which these metrics are kept; see `CaseLike`."""

    runs: int
    metrics: tuple[str, ...]

    def __getstate__(self) -> dict[str, object]:
        """Travel to another process without the cases that were prepared here."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the series."""

    @property
    def days(self) -> int:
        """Length of daily curves; a series keeps none."""
        return 1

    @cached_property
    def prepared(self) -> dict[int, Case]:
        """The cases prepared last, by their number."""
        return {}

    def case(self, number: int) -> Case:
        """One case of the series, ready to be run."""
        if number not in self.prepared:
            while len(self.prepared) >= KEPT:
                del self.prepared[next(iter(self.prepared))]
            self.prepared[number] = with_plan_of(self.prepare(number), [*self.prepared.values()])
        return self.prepared[number]

    @abstractmethod
    def prepare(self, number: int) -> Case:
        """Make one case of the series ready to be run."""

    @abstractmethod
    def simulate_part(self, number: int, seed: int, replication: int, span: range) -> Chunk:
        """Run replications of one case, from `replication` on; `span` are their numbers in the series."""

    def simulate_chunk(self, seed: int, first: int, count: int) -> Chunk:
        """Run a range of replications, which may reach over several cases."""
        parts, at = [], first
        while at < first + count:
            number, replication = divmod(at, self.runs)
            here = min(self.runs - replication, first + count - at)
            parts.append(self.simulate_part(number, seed, replication, range(at, at + here)))
            at += here
        return concatenated(parts)


OF_PLAN = (
    "kernel_plan", "simpy_plan", "planned", "planned_run", "anticipated_calendars", "_horizon", "_draws", "_compared",
)  # fmt: skip
"""What a case works out of its plan and calendars, and of nothing that costs money."""
OF_CALENDAR = ("name", "horizon", "start_date", "known", "starts", "ends")


def with_plan_of(case: Case, others: Iterable[Case]) -> Case:
    """Return a case with what was worked out of another one's plan, where the two differ in nothing but money.

    Every replication goes as it went there, in both engines: what was compared there is not compared once more.
    """
    for other in others:
        if _differ_in_money_alone(case, other):
            shared = replace(case, plan=other.plan, checked=0 if other._compared else case.checked)  # noqa: SLF001
            shared.__dict__.update({name: other.__dict__[name] for name in OF_PLAN if name in other.__dict__})
            return shared
    return case


def _differ_in_money_alone(case: Case, other: Case) -> bool:
    """Return whether two cases, none of which goes on from a status, have the same plan, weather and draws."""
    if type(case) is not Case or type(other) is not Case:
        return False
    one, two = case.project, other.project
    stated = (name for name in Project.model_fields if name != "money")
    same = all(getattr(one, name) == getattr(two, name) for name in stated)
    how = (case.sampling, case.engine, case.calm) == (other.sampling, other.engine, other.calm)
    return same and how and alike(case.weather, other.weather) and alike(case.plan, other.plan)


def alike(one: object, other: object) -> bool:
    """Return whether two values are the same to the last bit, arrays, calendars and dataclasses in them included."""
    if one is other or type(one) is not type(other):
        return one is other
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, Calendar):
        return all(alike(getattr(one, part), getattr(other, part)) for part in OF_CALENDAR)
    if is_dataclass(one):
        return all(alike(getattr(one, part.name), getattr(other, part.name)) for part in fields(one))
    if isinstance(one, tuple) and isinstance(other, tuple) and not isinstance(next(iter(one), None), str):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def quick_part(case: Case, metrics: tuple[str, ...], seed: int, replication: int, span: range) -> Chunk:
    """Run replications of one case and keep these metrics of them."""
    rows: list[list[float]] = []
    status = np.full(len(span), OK, np.int8)
    for at, done in enumerate(in_batches(case.replications(seed, replication, len(span)), len(case.plan.rows))):
        if at == 0:
            _check(case, seed, done)
        status[at] = OK if done.outcome.deadlock is None else STALLED
        found, _ = case.quick_metrics(done)
        rows.append([found[metric] for metric in metrics])
    columns = np.array(rows, np.float64).T
    runs: Columns = {"status": status, **dict(zip(metrics, columns, strict=True))}
    return Chunk(span.start, runs, {})


def _check(case: Case, seed: int, done: Replication) -> None:
    """Have SimPy run a replication of the compiled engine as well; EnginesDiffer if it is not the same."""
    if case.engine == COMPILED:
        (reference,) = case.replications(seed, done.replication, 1, engine=SIMPY)
        require_same(case.plan, reference, done)


# --- levers -----------------------------------------------------------------------------------------------------------


LEVER_RUNS, MOST_LEVERS = 100, 5
"""Replications of each lever; levers on what was short, besides policies."""
FROM_HERE = ("labour.acceleration.active",)
"""Policies that can still be chosen when a project is under way: orders were placed by the one that was in force."""
UNASKED_STEPS = 4_000_000
"""Steps times levers up to which levers are measured without being asked for: a few seconds on one core."""
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
    """Return the levers that are worth a try: one more of what held the chain longest, then policies not in force."""
    short = zip(bindings.get("cause", ()), bindings.get("what", ()), bindings.get("days", ()), strict=True)
    found = [lever for cause, what, days in short if days >= 1 for lever in _more(case, str(cause), str(what))]
    first = [*{lever.id: lever for lever in found}.values()][:MOST_LEVERS]
    policies = [one for one in _policies(case.project) if not case.under_way() or one.path in FROM_HERE]
    return [*first, *policies]


def _more(case: Case, cause: str, what: str) -> Iterator[LeverTrial]:
    """Yield one more of what was short, where a number of the configuration says how many there are."""
    project = case.project
    trial: tuple[str, str, int] | None = None
    if cause == "factory" and what in project.by_system:
        path, there = f"systems.{what}.factory.lines", project.by_system[what].factory.lines
        trial = (f"one more {what} factory line", path, there + 1)
    elif cause == "crew" and what in case.crew_plan.resource_plan.crews:
        there = case.crew_plan.resource_plan.crews[what]
        trial = (f"one more crew of {what.replace('_', ' ')}", f"labour.trades.{what}.crews", there + 1)
    elif cause == "crane":
        trial = ("one more crane", "logistics.cranes", project.logistics.cranes + 1)
    elif cause == "truck" and what in project.by_system:
        there = getattr(project.logistics.fleets, what).trucks
        trial = (f"one more truck for {what} skids", f"logistics.fleets.{what}.trucks", there + 1)
    elif cause == "yard" and what in project.by_system:
        there, each = getattr(project.logistics.laydown, what), project.by_system[what].skid.per_block
        trial = (f"yard places for one more block's {what} skids", f"logistics.laydown.{what}", there + each)
    if trial is not None:
        name, path, value = trial
        yield LeverTrial(f"{path}={value}", name, path, value, cause, what)


def _policies(project: Project) -> Iterator[LeverTrial]:
    """Yield policies that are not in force."""
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
        own = {field.name: getattr(self.base, field.name) for field in fields(Case)}
        pulled = Case(**(own | {"project": project, "crew_plan": crew_plan, "plan": plan}))
        # a project under way goes on with the lever from its data date; its past stays as it was
        return self.base.continued_by(pulled)

    def simulate_part(self, number: int, seed: int, replication: int, span: range) -> Chunk:
        """Run replications of one case and keep what is asked of them."""
        return quick_part(self.case(number), self.metrics, seed, replication, span)


def are_levers_quick(case: Case, bindings: Columns) -> bool:
    """Tell whether levers cost so little that they are measured without being asked for: counted, not timed."""
    work = len(case.plan.rows) * (LEVER_RUNS + 1) * (1 + len(lever_trials(case, bindings)))
    return case.engine == COMPILED and work <= UNASKED_STEPS


def measure_levers(case: Case, seed: int, bindings: Columns, *, workers: int = 0, runs: int = LEVER_RUNS) -> Columns:
    """Return the table `levers`: id, name, cause, what, and what each buys: METRIC_mean, _p50, _p80 with _low and _high.

    Bought is base less lever, pair by pair on the same random numbers, each lever alone, with its 95 % interval; days
    that it costs are negative. Empty where nothing can be pulled.
    """
    trials = lever_trials(case, bindings)
    if not trials:
        return {}
    asked = tuple(metric for metric in LEVER_METRICS if metric in case.metrics)
    series = LeverSeries(runs, asked, case, tuple(trials))
    total = runs * (1 + len(trials))
    chunk = runs if workers > 1 else None
    found = replicate(series, seed=seed, runs=total, workers=workers, chunk=chunk)
    base, *pulled = divided(found, runs)
    rows = [_bought(trial, compare({"base": base, "lever": one}, LEVER_METRICS, base="base"))
            for trial, one in zip(trials, pulled, strict=True)]  # fmt: skip
    texts = {"id", "name", "cause", "what"}
    return {name: np.array([row[name] for row in rows], object if name in texts else np.float64) for name in rows[0]}


def _bought(trial: LeverTrial, differences: Iterable[Any]) -> dict[str, Any]:
    """Return a lever with what it buys of every metric, in the mean, at P50 and at P80, each with its interval."""
    row: dict[str, Any] = {name: getattr(trial, name) for name in ("id", "name", "cause", "what")}
    for found in differences:
        row |= {f"{found.metric}_{name}": value for name, value in saved(asdict(found)).items()}
        row["runs"] = found.n
    return row


def saved(difference: Mapping[str, Any]) -> dict[str, float]:
    """Return a difference the other way round, base less case: in the mean, at P50 and at P80, with their intervals."""
    found: dict[str, float] = {}
    for name in ("mean", "p50", "p80"):
        found |= {
            name: -difference[name] + 0.0, f"{name}_low": -difference[f"{name}_high"] + 0.0,
            f"{name}_high": -difference[f"{name}_low"] + 0.0,
        }  # fmt: skip
    return found
