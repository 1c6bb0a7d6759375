"""The forecast: replications that continue from the state at the data date, and what moved since the plan.

`forecast_case` is a case like any other, so that whatever runs a case runs a forecast: executors, checkpoints, metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from sim.config.load import Loaded
from sim.config.overrides import with_settings
from sim.config.project import Project
from sim.engine.backends import AUTO, COMPILED, SIMPY, CalendarsOf, Name, Replication, run_numba, run_simpy
from sim.engine.initial_state import InitialState
from sim.errors import SimError
from sim.plan.draws import Draws, Spreader, Uniforms
from sim.plan.vocabulary import MINUTES_PER_DAY, WORK, Log
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.progress import Progress
from sim.study.analyses.forecast.remaining import Learnt, LearntUniforms, RemainingWork, learn
from sim.study.analyses.forecast.status import Status, read_status
from sim.study.analyses.forecast.status_checks import require_sound
from sim.study.api import RUNS, SEED, cores, result_of
from sim.study.case import Case, prepare_case
from sim.study.result import Result
from sim.study.runner import Progress as RunProgress
from sim.study.runner import run as replicate
from sim.world.project_calendars import day_minutes

FULL = "lead_time_full_days"


class Finished(SimError):
    """A status after the completion of its project: there is nothing left to forecast."""

    exit_code = 2


@dataclass(frozen=True)
class ForecastCase(Case):
    """A case whose replications continue from the state at a data date."""

    status: Status | None = None
    learning: bool = True
    expected: Log | None = None
    """The log of the expected plan, with all chances as they were before anything was known."""

    @cached_property
    def steps(self) -> PlanSteps:
        """Return where facts stand in the plan."""
        return PlanSteps(self.project, self.plan, self.planned_run.log if self.expected is None else self.expected)

    @cached_property
    def progress(self) -> Progress:
        """Return the history that the status implies."""
        assert self.status is not None
        return Progress(self.steps, self.status, day_minutes(self.project))

    @cached_property
    def state(self) -> InitialState:
        """Return the state at the data date."""
        return self.progress.state(self.planned)

    @cached_property
    def learnt(self) -> list[Learnt]:
        """Return what the actuals teach about common factors; nothing where learning is off."""
        return learn(self.plan, self.progress) if self.learning else []

    def draws(self, seed: int) -> Draws:
        """Return where random numbers come from, with learnt factors where their posterior has them."""
        if seed not in self._draws:
            spread: Uniforms = Spreader(self.plan.inputs, seed, self.sampling)
            moved = LearntUniforms(self.plan.inputs, spread, self.learnt)
            self._draws[seed] = Draws(self.plan.inputs, seed, moved if self.learnt else spread)
        return self._draws[seed]

    @cached_property
    def _remaining(self) -> dict[int, RemainingWork]:
        """Return the states of replications already made ready, by seed."""
        return {}

    def remaining(self, seed: int) -> RemainingWork:
        """Return the state that each replication under a seed continues from."""
        if seed not in self._remaining:
            draws = self.draws(seed).uniforms
            self._remaining[seed] = RemainingWork(self.plan, seed, self.state, self.progress, draws)
        return self._remaining[seed]

    def replications(
        self, seed: int, first: int, count: int, *, engine: Name | None = None, calendars_of: CalendarsOf | None = None
    ) -> Iterator[Replication]:
        """Continue replications first … first + count − 1 from the state at the data date."""
        state_of = self.remaining(seed)
        if (engine or self.engine) == COMPILED:
            spread: Uniforms | None = None
            if not self.sampling.is_plain:
                spread = self.draws(seed).uniforms
            elif self.learnt:
                spread = partial(_only_shared, self.plan.inputs.names, self.draws(seed).uniforms)
            sources = self._calendar_sources(seed, calendars_of)
            return run_numba(self.kernel_plan, seed, spread, first, count, *sources, state_of=state_of)
        calendars = calendars_of or partial(self.calendars_of, seed, engine=SIMPY)
        return run_simpy(self.simpy_plan, self.draws(seed), first, count, calendars, state_of)


def _only_shared(inputs: Sequence[str], draws: Uniforms, names: Sequence[str], first: int, count: int) -> Any:
    """Return draws of what is shared; NaN for single inputs, which the kernel draws as it reaches them."""
    return np.full((len(names), count), np.nan) if names is inputs else draws(names, first, count)


# --- preparing ------------------------------------------------------------------------------------------------------


def forecast_case(
    config: Loaded[Project],
    status: Status | str | Path,
    *,
    learning: bool = True,
    engine: str = AUTO,
    sampling: str = "mc",
    runs: int = 0,
    planned: Case | None = None,
) -> ForecastCase:
    """Return a project ready to be continued from its status; raises ConfigError where the status is not sound.

    `planned` is the case of the same configuration, where it was prepared already.
    """
    if not isinstance(status, Status):
        status = read_status(status, config.value.scale.start_date)
    base = planned or prepare_case(config, sampling=sampling, runs=runs, engine=engine)
    steps = PlanSteps(base.project, base.plan, base.planned_run.log)
    require_sound(steps, status)
    expected = base.planned_run.log
    case = _as_forecast(base, status, learning, expected)
    if case.state.complete:
        raise Finished(f"{status.file}: everything is online by {status.data_date}; there is nothing left to forecast")
    changed = with_risks(config, status, case)
    if changed is config:
        return case
    # risks change chances alone; crews and order dates stay, and with them the history
    base = prepare_case(changed, sampling=sampling, runs=runs, engine=engine)
    return _as_forecast(base, status, learning, expected)


def _as_forecast(base: Case, status: Status, learning: bool, expected: Log) -> ForecastCase:
    given = {field.name: getattr(base, field.name) for field in fields(Case)}
    return ForecastCase(**given, status=status, learning=learning, expected=expected)


def with_risks(config: Loaded[Project], status: Status, case: ForecastCase) -> Loaded[Project]:
    """Return a configuration whose drivers have the chances that are left of them.

    What happened has probability 1 and, where it is stated, its size; what is closed 0. What is open keeps the part of its
    chance that lies ahead: p (1 - done) / (1 - p done), where `done` is the share of the works it hits that are over.
    """
    register = config.value.risks
    if register.mode == "none":
        return config
    stated = {fact.what: fact for fact in status.of("risk")}
    settings: dict[str, Any] = {}
    for driver, current in register.active():
        fact, probability = stated.get(driver.id), current.probability.value
        version = "mitigated" if register.mode == "mitigated" and driver.mitigated else "inherent"
        address = f"risks.drivers.{driver.id}.{version}"
        if fact is not None and fact.state == "happened":
            probability = 1.0
            if fact.value is not None:
                settings[f"{address}.{driver.effect}"] = {"value": fact.value}
        elif fact is not None and fact.state == "closed":
            probability = 0.0
        else:
            chance = fact.value if fact is not None and fact.value is not None else None
            done = _share_done(case, f"risk.{driver.id}.size")
            probability = chance if chance is not None else probability * (1 - done) / (1 - probability * done)
        if abs(probability - current.probability.value) > 1e-9:
            settings[f"{address}.probability"] = round(probability, 6)
    return with_settings(config, settings) if settings else config


def _share_done(case: ForecastCase, factor: str) -> float:
    """Return the share of the works a factor hits that are over at the data date."""
    inputs = case.plan.inputs
    if factor not in inputs.factors:
        return 0.0
    number = inputs.factors.index(factor)
    hit = (inputs.losses == number).any(axis=1) if inputs.losses.size else np.zeros(len(inputs.names), np.bool_)
    if inputs.delay_losses.size and inputs.delays.size:
        delays = np.flatnonzero((inputs.delay_losses == number).any(axis=1))
        hit = hit | np.isin(inputs.delays, delays).any(axis=1)
    if not hit.any():
        return 0.0
    steps = case.state.history[:, 1]
    over = np.zeros(len(inputs.names), np.bool_)
    over[case.plan.rows[steps[case.plan.rows[steps, 0] == WORK], 1]] = True
    return float((over & hit).sum() / hit.sum())


# --- running --------------------------------------------------------------------------------------------------------


def forecast(
    config: Loaded[Project],
    status: Status | str | Path,
    *,
    runs: int = RUNS,
    seed: int = SEED,
    workers: int | None = None,
    learning: bool = True,
    engine: str = AUTO,
    out: str | Path | None = None,
    progress: RunProgress | None = None,
    extras: Callable[[Result, Path], object] | None = None,
) -> Result:
    """Continue a project from its status, many times; return its metrics and curves as `sim.run` does.

    `status` is a file as `sim status init` writes it. With `learning` common factors are learnt from the actuals. The
    manifest says under `forecast` what was learnt, what was implied and what is out of sequence. Raises SimError.

    >>> config = sim.load("configs/hybrid.yaml")
    >>> result = sim.forecast(config, "configs/status/hybrid_december.csv", runs=200)
    >>> result.summary().loc["lead_time_full_days", ["p50", "p80"]]
    """
    case = forecast_case(config, status, learning=learning, engine=engine, runs=runs)
    return run_forecast(case, runs=runs, seed=seed, workers=workers, out=out, progress=progress, extras=extras)


def run_forecast(
    case: ForecastCase,
    *,
    runs: int,
    seed: int,
    workers: int | None = None,
    out: str | Path | None = None,
    progress: RunProgress | None = None,
    extras: Callable[[Result, Path], object] | None = None,
) -> Result:
    """Run a forecast that was made ready."""
    workers = cores() if workers is None else workers
    sample = replicate(case, seed=seed, runs=runs, workers=workers, progress=progress, sampling=case.sampling)
    result = result_of(case, seed, sample)
    result = replace(result, manifest=result.manifest | {"forecast": facts_of(case)})
    if out is not None:
        result.save(out, None if extras is None else partial(extras, result))
    return result


def facts_of(case: ForecastCase) -> dict[str, Any]:
    """Return what a forecast was made from: its data date, and what was learnt, implied and out of sequence."""
    assert case.status is not None
    return {
        "data_date": case.status.data_date.isoformat(),
        "status": case.status.file,
        "facts": len(case.status.facts),
        "implied": case.progress.implied,
        "late_days": case.progress.late / MINUTES_PER_DAY,
        "out_of_sequence": list(case.progress.out_of_sequence),
        "learnt": [asdict(one) for one in case.learnt],
    }


# --- what moved -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    """What a group of facts does to P50 and P80 of the last MW, in days, switched on after those before it."""

    cause: str
    p50: float
    p80: float


ORDER: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("actual progress", {"drop": ("promise", "risk"), "learning": False}),
    ("changed promises", {"drop": ("risk",), "learning": False}),
    ("risks that happened or closed", {"drop": (), "learning": False}),
    ("learnt from actuals", {"drop": (), "learning": True}),
)
"""Groups of facts in the order in which they are switched on."""


def attribute(
    config: Loaded[Project], status: Status, *, runs: int, seed: int, learning: bool = True, planned: Case | None = None
) -> list[Move]:
    """Return the plan's P50 and P80 and what each group of facts moves them by, on the same random numbers."""
    base = planned or prepare_case(config, engine=AUTO)
    before = _quantiles(base, seed, runs)
    moves = [Move("plan", *before)]
    for cause, how in ORDER:
        if cause.startswith("learnt") and not learning:
            continue
        case = forecast_case(config, status.without(*how["drop"]), learning=how["learning"], planned=base)
        now = _quantiles(case, seed, runs)
        moves.append(Move(cause, now[0] - before[0], now[1] - before[1]))
        before = now
    return moves


def _quantiles(case: Case, seed: int, runs: int) -> tuple[float, float]:
    """Return P50 and P80 of the day on which the project is finished."""
    days = [done.outcome.log[-1, 0] / MINUTES_PER_DAY for done in case.replications(seed, 0, runs)]
    return float(np.quantile(days, 0.5)), float(np.quantile(days, 0.8))
