"""A case: one project made ready to be run many times."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sim.arguments import checked_arguments
from sim.config.load import ConfigLike, Loaded, as_config, load_as, require_runnable
from sim.config.project import Project
from sim.display import Displayed
from sim.engine.backends import COMPILED, SIMPY, Name, Replication, require_same, run_numba, run_simpy, select_backend
from sim.engine.initial_state import StateOf
from sim.engine.simpy_engine import RunOutcome, SimpyPlan, simulate
from sim.jit import DISABLE_JIT, gc_paused
from sim.metrics.event_log import Record
from sim.metrics.measure import CURVES, MetricContext, kernels_for, ledger_of, measure, quick_metrics
from sim.metrics.schedule import chain_table, event_table
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import CompiledPlan, LogColumn
from sim.plan.deterministic_draws import expected_draws, most_likely_draws
from sim.plan.draws import Draws, SampledInputs, Spreader, Uniforms
from sim.plan.layout import layout_of
from sim.plan.plan_context import ResourcePlan
from sim.plan.project import write_plan
from sim.study.chunk import OK, STALLED, Chunk, Columns, in_batches
from sim.study.crew_planning.crew_plan import CrewPlan
from sim.study.crew_planning.reuse import crew_plan_of
from sim.study.executors.memory_estimate import require_plan_fits
from sim.study.executors.parallel_compilation import SMALL_PROJECT, parallel_compilation
from sim.study.executors.worker_process import keep_freed_memory
from sim.study.storage.disk_cache import kept_beta_quantiles
from sim.world.project_calendars import SHIFT, calendars_of, day_minutes, planned_calendars, project_calendars
from sim.world.streams import PLAIN_MONTE_CARLO, Sampling, choose_sampling
from sim.world.weather.project_weather import WeatherHorizon, WeatherModel, weather_model
from sim.world.working_time import Calendar, CalendarsOf, CalendarsUntil

if TYPE_CHECKING:
    from sim.engine.numba_engine.simulate import KernelPlan


FORECAST_MODULE = "sim.study.analyses.forecast.forecast_case"
"""The module that makes the case of a project under way."""


MAX_KEPT_STEPS = 100_000
"""Steps of a plan of which replications are kept: a hundred of them are 130 MB for 60,000 steps."""


@dataclass(frozen=True, repr=False)
class Case(Displayed):
    """One project ready to be simulated: its crew plan, its plan as arrays, and its weather model."""

    project: Project
    crew_plan: CrewPlan
    plan: CompiledPlan
    weather: WeatherModel = None
    sampling: Sampling = PLAIN_MONTE_CARLO
    engine: Name = SIMPY
    compared_runs: int = 1
    """Number of its first replications that are simulated by both engines."""
    compared_in_every_process: bool = True
    """Whether the first replication of every process is simulated by both engines as well."""
    kept_runs: int = 0
    """Number of its first replications that a process keeps once it has simulated them, for what is asked later."""
    without_weather: bool = False
    """Whether weather and outages are left out: every replication has the calendars as configured."""

    def __getstate__(self) -> dict[str, Any]:
        """Travel to another process with what every run is measured with, and without the rest of what was worked out."""
        # found from the planned run: 0.2 s for 250 MW, 1.4 s for 2 GW, in every worker
        found = {
            name: self.__dict__[name] for name in ("metric_context", "metrics", "_horizon") if name in self.__dict__
        }
        return {field.name: getattr(self, field.name) for field in fields(self)} | found

    @property
    def is_under_way(self) -> bool:
        """Return whether the project goes on from a status."""
        return False

    def manifest_of_status(self) -> dict[str, Any]:
        """Return what the manifest says of the state that the project goes on from; empty where it begins at day 0."""
        return {}

    @property
    def baseline(self) -> Case:
        """Return the case whose expected plan is told beside the replications; under way that of the first day."""
        return self

    def continued_by(self, other: Case) -> Case:
        """Return a case with changed settings that goes on from the same state as this one."""
        return other

    def headline(self) -> str:
        """Return name, size and engine in one line."""
        return f"{self.name}, {len(self.plan.units):,} units, {len(self.plan.rows):,} steps, {self.engine}"

    @property
    def name(self) -> str:
        """Return the project's name."""
        return self.project.name

    @property
    def days(self) -> int:
        """Return the number of days of every daily curve."""
        return self.project.curve_days

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Return the names of the metrics, in order."""
        return tuple(self.as_planned[0])

    @cached_property
    def as_planned(self) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return the metrics and curves of the expected plan, the one that is quoted."""
        if self.engine == COMPILED:
            self.calendars_of(0, 0, 1)  # weather is not in this run, but is asked for next: compile it now
        return self.measured(self.planned, self.planned_run, self.planned_calendars)

    @cached_property
    def as_most_likely(self) -> dict[str, float]:
        """Return the metrics of the most likely plan: every duration most likely, and nothing fails."""
        draws = most_likely_draws(self.plan.inputs)
        return self.measured(draws, self._given_run(draws, self.plan.base_calendars))[0]

    @cached_property
    def planned_run(self) -> RunOutcome:
        """Return the run of the expected plan."""
        return self._given_run(self.planned, self.planned_calendars)

    @cached_property
    def planned_calendars(self) -> tuple[Calendar, ...]:
        """Return the calendars of the expected plan, in the plan's order: with typical weather."""
        base = dict(zip(self.plan.calendars, self.plan.base_calendars, strict=True))
        return (*planned_calendars(self.project, self.weather, base, use_numba=self.engine == COMPILED).values(),)

    def _given_run(self, draws: SampledInputs, calendars: Sequence[Calendar]) -> RunOutcome:
        """Return a run without chance by this case's engine."""
        if self.engine != COMPILED:
            return self.simulate(draws, calendars)
        from sim.engine.numba_engine.simulate import simulate_given

        return simulate_given(self.kernel_plan, draws, calendars)

    @cached_property
    def simpy_plan(self) -> SimpyPlan:
        """Return the plan as the reference engine reads it."""
        return SimpyPlan(self.plan)

    @cached_property
    def kernel_plan(self) -> KernelPlan:
        """Return the plan as the compiled engine reads it."""
        from sim.engine.numba_engine.simulate import KernelPlan

        return KernelPlan(self.plan)

    @property
    def quick_context(self) -> MetricContext:
        """Return what runs are measured with while a slider moves: nothing asks for the budget, the planned cost."""
        return self._plain_context

    @cached_property
    def _plain_context(self) -> MetricContext:
        """Return what runs are measured with before anything is planned."""
        site = self.plan.base_calendars[self.plan.calendars.index(SHIFT)]
        layout = layout_of(self.project, self.crew_plan.resource_plan.release_days)
        return MetricContext.of(self.project, layout, self.plan, site, kernels_for(use_numba=self.engine == COMPILED))

    @cached_property
    def metric_context(self) -> MetricContext:
        """Return what runs are measured with: compiled kernels, if the engine is."""
        plain, planned, log = self._plain_context, self.planned, self.planned_run.log
        return plain.budgeted(plain.record(log, planned.content, self.planned_calendars, planned.factors))

    @cached_property
    def planned(self) -> SampledInputs:
        """Return what every input comes out at in the expected plan, the one that is quoted."""
        return expected_draws(self.plan.inputs)

    def draws(self, seed: int) -> Draws:
        """Return where the random numbers of its replications come from; the same draws for the same seed, so far as made."""
        if seed not in self._draws:
            self._draws[seed] = Draws(self.plan.inputs, seed, Spreader(self.plan.inputs, seed, self.sampling))
        return self._draws[seed]

    @cached_property
    def _draws(self) -> dict[int, Draws]:
        """Return the draws already made ready, by seed."""
        return {}

    def calendars_of(
        self, seed: int, replication: int, days: int | None = None, *, engine: Name | None = None
    ) -> tuple[Calendar, ...]:
        """Return a replication's calendars in the plan's order, with weather for `days` or all; equal for both engines."""
        if self.without_weather:
            return self.plan.base_calendars
        use_numba = (engine or self.engine) == COMPILED
        base = dict(zip(self.plan.calendars, self.plan.base_calendars, strict=True))
        return (*calendars_of(self.project, self.weather, base, seed, replication, days, use_numba=use_numba).values(),)

    @cached_property
    def _horizon(self) -> WeatherHorizon:
        """Return the days ahead for which the weather of replications is drawn."""
        return WeatherHorizon(int(self.planned_run.log[:, LogColumn.MINUTE].max()))

    def simulate(self, draws: SampledInputs, calendars: Sequence[Calendar] | None = None) -> RunOutcome:
        """Return the outcome of simulating the project once, on the plan's own calendars if none are given."""
        return simulate(self.simpy_plan, draws, calendars or self.plan.base_calendars)

    def measured(
        self, draws: SampledInputs, outcome: RunOutcome, calendars: Sequence[Calendar] | None = None
    ) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return the metrics and daily curves of a performance on those calendars."""
        calendars = calendars or self.plan.base_calendars
        return measure(
            self.metric_context, self.metric_context.record(outcome.log, draws.content, calendars, draws.factors)
        )

    def event_table(self, done: Replication) -> Columns:
        """Return the log of a replication as people read it."""
        return dict(event_table(self.record(done), self.project.scale.start_date))

    def chain_table(self, done: Replication) -> Columns:
        """Return why a replication ended when it did: its driving chain as people read it."""
        return chain_table(self.record(done))

    def ledger(self, seed: int, replication: int) -> Columns:
        """Return the ledger of one replication as people read it: day, item, event, usd."""
        (done,) = self.replications(seed, replication, 1)
        return ledger_of(self.metric_context, self.record(done))

    def quick_metrics(self, done: Replication) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return the few metrics and daily curves of a replication that are looked at while a slider moves."""
        return quick_metrics(self.quick_context, self.record(done, self.quick_context))

    def record(self, done: Replication, context: MetricContext | None = None) -> Record:
        """Return a replication as it is measured."""
        return (context or self.metric_context).record(done.outcome.log, done.content, done.calendars, done.factors)

    def replications(
        self, seed: int, first: int, count: int, *, engine: Name | None = None, calendars_of: CalendarsOf | None = None
    ) -> Iterator[Replication]:
        """Run replications first … first + count − 1 by its engine, or the one named; `calendars_of` gives kept calendars."""
        if (engine or self.engine) == COMPILED:
            uniforms, sources = self._uniforms(seed), self._calendar_sources(seed, calendars_of)
            return run_numba(self.kernel_plan, seed, uniforms, first, count, *sources, self._state_of(seed))
        calendars = calendars_of or partial(self.calendars_of, seed, engine=SIMPY)
        return run_simpy(self.simpy_plan, self.draws(seed), first, count, calendars, self._state_of(seed))

    def _state_of(self, seed: int) -> StateOf | None:  # noqa: ARG002 (a forecast's states are of a seed)
        """Return the state from which each replication continues; None where it begins on the first day."""
        return None

    def make_ready(self, seed: int) -> None:
        """Compute what all replications of a seed share, before worker processes are forked, so that they inherit it."""
        self.metric_context  # noqa: B018 (a cached property: computed once, here, not in every process)
        if self.engine == COMPILED:
            self.kernel_plan.draw_tables(seed, self._uniforms(seed))
        else:  # of the compiled engine one fork alone simulates with SimPy, to compare
            self.simpy_plan  # noqa: B018

    def _uniforms(self, seed: int) -> Uniforms | None:
        """Return what draws first attempts for the compiled engine; None where sampling is plain Monte Carlo."""
        return None if self.sampling.is_plain else self.draws(seed).uniforms

    def _calendar_sources(self, seed: int, cached: CalendarsOf | None) -> tuple[CalendarsOf, CalendarsUntil | None]:
        """Return (calendars up to the usual horizon, calendars up to a later minute), as functions of the replication."""
        if cached:
            return cached, None
        return (
            lambda replication: self.calendars_of(seed, replication, self._horizon.of_next_run()),
            lambda replication, minute: self.calendars_of(seed, replication, self._horizon.extended(minute)),
        )

    def _compared_replications(self, seed: int, first: int, count: int) -> Iterator[Replication]:
        """Simulate replications; some of the compiled engine are simulated with SimPy as well, and must be equal.

        The first one of a run, and of each process that compares. SimPy takes its weather from numpy, to compare kernels too.
        """
        for simulated in self.replications(seed, first, count):
            is_first_here = self.compared_in_every_process and not self._compared
            if self.engine == COMPILED and (simulated.replication < self.compared_runs or is_first_here):
                (reference,) = self.replications(seed, simulated.replication, 1, engine=SIMPY)
                require_same(self.plan, reference, simulated)
                self._compared.add(simulated.replication)
            yield simulated
            del simulated  # or its log (7 MB for 2 GW) would be held while the next one is simulated

    def without_comparison(self) -> Case:
        """Return the case for a fork of this process: another fork, with the same machine code, compares the engines."""
        return self._with(compared_in_every_process=False)

    def keeping(self, runs: int) -> Case:
        """Return the case with so many first replications kept, if their logs are small: 1.3 MB each for 250 MW."""
        return self._with(kept_runs=runs) if len(self.plan.rows) <= MAX_KEPT_STEPS and self.engine == COMPILED else self

    def _with(self, **changes: object) -> Case:
        """Return the case with some fields changed, and with what was worked out already."""
        case = replace(self)
        case.__dict__.update(self.__dict__ | changes)
        return case

    @cached_property
    def kept(self) -> dict[int, Replication]:
        """Return the replications that this process has kept, by number."""
        return {}

    @cached_property
    def _compared(self) -> set[int]:
        """Return the replications that both engines have run in this process."""
        return set()

    def simulate_chunk(self, seed: int, first: int, count: int) -> Chunk:
        """Simulate replications first … first + count − 1 and return their metrics and daily curves as a chunk."""
        runs = {metric: np.empty(count) for metric in self.metrics}
        status, notes = np.full(count, OK, np.int8), dict[int, str]()
        curves = {curve: np.empty((count, self.days), np.float32) for curve in CURVES}
        simulated = in_batches(self._compared_replications(seed, first, count), len(self.plan.rows))
        for row in range(count):
            simulated_run = next(simulated)
            if (deadlock := simulated_run.outcome.deadlock) is not None:
                status[row] = STALLED
                notes |= {first + row: deadlock.because} if deadlock.because else {}
            if simulated_run.replication < self.kept_runs:
                self.kept[simulated_run.replication] = simulated_run
            metrics, daily = measure(self.metric_context, self.record(simulated_run))
            for metric, values in runs.items():
                values[row] = metrics[metric]
            for curve, curve_rows in curves.items():
                curve_rows[row] = daily[curve]
            del simulated_run, metrics, daily, deadlock
        return Chunk(first, {"status": status, **runs}, curves, notes)


@checked_arguments
def prepare_case(
    config: ConfigLike, folder: Path | None = None, *, sampling: str = "mc", runs: int = 0, engine: str = SIMPY
) -> Case:
    """Size the crews of a project, date its orders, write its plan and compile it: ready to be simulated.

    `config` is what `sim.load` returns or takes; one with a status goes on from there.
    `folder` is where a weather file is looked for: by default beside the configuration, or in the working directory
    for a project that did not come from a file. `sampling` is mc, lhs, sobol or sobol-all, laid out for about `runs`
    replications; `engine` is simpy, compiled or auto. Raises ConfigError, Stalled, WrongSampling or WrongEngine.

    >>> case = sim.prepare(sim.load("configs/hybrid.yaml"))
    >>> case.metrics, len(case.plan.units)
    """
    config = as_config(config)
    if isinstance(config, Loaded) and config.continuation is not None:
        # by name, as a forecast is an analysis above cases in the flow of imports, and is made of one
        continued = import_module(FORECAST_MODULE).continued_case
        return cast(Case, continued(config, sampling=sampling, runs=runs, engine=engine))
    project = config.value if isinstance(config, Loaded) else config
    require_runnable(config)
    require_plan_fits(project)
    keep_freed_memory()
    folder = folder or (config.files[0].parent if isinstance(config, Loaded) else Path())
    chosen_sampling = choose_sampling(sampling, runs)
    with gc_paused(), parallel_compilation(engine, _compile_metrics):
        chosen_engine = select_backend(engine)
        weather = weather_model(project.weather, folder)
        crew_plan = crew_plan_of(project, weather)
    plan = compiled_plan(project, crew_plan.resource_plan)
    return Case(project, crew_plan, plan, weather, chosen_sampling, chosen_engine)


def compiled_plan(project: Project, resource_plan: ResourcePlan) -> CompiledPlan:
    """Return the plan of a project as arrays, with crews and order dates that were agreed, for it or for another."""
    with gc_paused(), kept_beta_quantiles():
        return compile_plan(write_plan(project, project_calendars(project), day_minutes(project), resource_plan))


def _compile_metrics() -> None:
    """Have numba compile what draws weather and measures runs, by calling it for a small project."""
    os.environ[DISABLE_JIT] = "1"
    simpy_case = prepare_case(load_as(Project, SMALL_PROJECT))
    planned = simpy_case.planned_run
    del os.environ[DISABLE_JIT]
    compiled_case = replace(simpy_case, engine=COMPILED)
    compiled_case.__dict__["planned_run"] = planned  # not simulated again by the engine, which another process compiles
    compiled_case.as_planned  # noqa: B018 (a cached property)


prepare = prepare_case  # the public name, `sim.prepare`
