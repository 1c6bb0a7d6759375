"""The forecast of a project under way: its case is prepared from a configuration and a status, and simulated many times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

from sim.arguments import checked_arguments
from sim.config.load import ConfigLike, Loaded, as_loaded
from sim.config.overrides import continued
from sim.config.project import Project
from sim.engine.backends import AUTO
from sim.errors import ConfigError, Problem
from sim.study.analyses.forecast.case_under_way import ForecastCase, ForecastOptions
from sim.study.analyses.forecast.open_risks import with_other_probabilities, with_risks
from sim.study.analyses.forecast.plan_cache import RecentCache, prepare_cached, share_plan_results
from sim.study.analyses.forecast.sheet.status_checks import require_known, require_sound
from sim.study.analyses.forecast.status import LOGIC, ProjectComplete, Status, read_status
from sim.study.api import RUNS, SEED
from sim.study.api import run as run_many
from sim.study.case import Case, prepare_case
from sim.study.executors.worker_process import WorkerConnection
from sim.study.result import Result
from sim.study.runner import ReportProgress

FORECAST_CACHE: RecentCache[ForecastCase] = RecentCache(3)
"""Forecasts that differ in what they learn from, or in promises and risks, share what they have in common."""


# --- preparing ------------------------------------------------------------------------------------------------------


def continued_case(config: Loaded[Project], *, sampling: str, runs: int, engine: str) -> Case:
    """Return the case of a project under way, for `sim.prepare`."""
    continuation = config.continuation
    assert continuation is not None
    own_config, base_config = (replace(one, continuation=None) for one in (config, continuation.base))
    # read before anything is worked out for it
    status, logic = _status_of(continuation.status, own_config), continuation.logic
    unchanged_case, prior_case = None, None
    base = prepare_cached(own_config, engine) if sampling == "mc" else None
    if base_config.value != config.value:
        _require_same_start(base_config, config)
        unchanged_case = prepare_cached(base_config, engine)
        unchanged = forecast_case(
            base_config, _status_of(continuation.status, base_config), logic=logic, engine=engine, base=unchanged_case
        )
        base = base or prepare_case(own_config, sampling=sampling, runs=runs, engine=engine)
        base, prior_case = replace(base, **unchanged.agreed_crews(base)), unchanged.prior_case
    case = forecast_case(
        own_config, status, learning=continuation.learning, logic=logic, engine=engine, sampling=sampling, runs=runs,
        unchanged_case=unchanged_case, base=base, prior_case=prior_case,
    )  # fmt: skip
    case.histories, case.posterior  # noqa: B018 (worked out here, before worker processes are forked that need them)
    return case


def _require_same_start(before: Loaded[Project], after: Loaded[Project]) -> None:
    """Raise ConfigError where a change begins on another day than the project whose status it continues from."""
    start, other = (str(config.value.scale.start_date) for config in (before, after))
    if start != other:
        message = f"{start}, the day on which {before.value.name} began: with `--status` all have the same past"
        raise ConfigError([Problem(after.value.name, 0, 0, "scale.start_date", other, message)])


def _status_of(status: object, config: Loaded[Project]) -> Status:
    """Return a status, or that of a file, of a project whose dates count from its start."""
    return status if isinstance(status, Status) else read_status(str(status), config.value.scale.start_date)


def forecast_case(
    config: Loaded[Project], status: Status | str | Path, *, learning: bool = True, logic: str | None = None,
    engine: str = AUTO, sampling: str = "mc", runs: int = 0, base: Case | None = None, unchanged_case: Case | None = None,
    prior_case: Case | None = None, use_promises: bool = True,
) -> ForecastCase:  # fmt: skip
    """Return the case that continues a project from its status; raises ConfigError where the status has errors.

    `base` is the case of this configuration from its first day, if it is prepared already. `unchanged_case` and `prior_case`
    are the cases that the history followed and that has the prior replications, if these are other ones.
    """
    status = _status_of(status, config)
    chosen_logic = next((one for one in LOGIC if one == (logic or status.logic or LOGIC[0])), None)
    if chosen_logic is None:
        raise ConfigError([Problem("", 0, 0, "logic", str(logic), f"one of {', '.join(LOGIC)}")])
    base = base or prepare_case(config, sampling=sampling, runs=runs, engine=engine)
    options = ForecastOptions(
        status, learning, chosen_logic, use_promises, unchanged_case=unchanged_case,
        given_baseline=unchanged_case or base, given_prior_case=prior_case or base,
    )  # fmt: skip
    key = config.value, status, learning, chosen_logic, use_promises, sampling, 0 if sampling == "mc" else runs, engine
    compute = partial(_with_remaining_risks, config, base, prior_case, options)
    return FORECAST_CACHE.get((base, unchanged_case, prior_case), key, compute)


def _with_remaining_risks(
    config: Loaded[Project], base: Case, prior_case: Case | None, options: ForecastOptions
) -> ForecastCase:
    """Return the case that continues from a status, with the remaining probabilities of its risks."""
    status, case = options.status, _as_forecast(base, options)
    if prior_case is None:
        require_sound(case.plan_steps, status)
    else:
        require_known(case.plan_steps, status)
    if case.state.complete:
        message = f"{status.file}: everything is online by {status.data_date}; there is nothing left to forecast"
        raise ProjectComplete(message)
    config_with_risks = with_risks(config, status, case.plan, case.state)
    if config_with_risks is config:
        return case
    # risks change probabilities alone: steps, crews and order dates stay the same, and thereby the history
    other = with_other_probabilities(base, config_with_risks.value)
    if prior_case is None and options.unchanged_case is None:
        prior_case = other if status.facts_of("risk") else options.given_prior_case
    forecast = _as_forecast(
        other,
        replace(options, given_prior_case=prior_case, stated_project=config.value, history_plan=case.plan),
    )
    forecast.__dict__["plan_steps"] = case.plan_steps.of_plan(other.plan)
    return forecast


def _as_forecast(base: Case, options: ForecastOptions) -> ForecastCase:
    """Return the forecast case with the fields of a case, and what was worked out of its plan."""
    own_fields = {field.name: getattr(base, field.name) for field in fields(Case)}
    return share_plan_results(base, ForecastCase(**own_fields, options=options))


# --- running --------------------------------------------------------------------------------------------------------


@checked_arguments
def forecast(
    config: ConfigLike, status: Status | str | Path, *, runs: int = RUNS, seed: int = SEED, workers: int | None = None,
    learning: bool = True, logic: str | None = None, engine: str = AUTO, sampling: str = "mc",
    out: str | Path | None = None, resume: bool = False, progress: ReportProgress | None = None,
    extras: Callable[[Result, Path], object] | None = None,
    on_sample: Callable[[Result, Sequence[WorkerConnection]], object] | None = None, levers: bool | None = False,
) -> Result:  # fmt: skip
    """Continue a project from its status, many times; return its metrics and curves as `sim.run` does.

    `status` is a file as `sim status init` writes it. With `learning` common factors are learnt from the actuals. `logic` is
    retained_logic or progress_override, for out-of-sequence work; by default it is that of the status. The manifest has under
    `forecast` what was learnt, implied and out of sequence. Further options are those of `sim.run`. Raises SimError.

    >>> config = sim.load("configs/hybrid.yaml")
    >>> result = sim.forecast(config, "configs/status/hybrid_december.csv", runs=200)
    >>> result.summary().loc["lead_time_full_days", ["p50", "p80"]]
    """
    under_way = continued(as_loaded(config), status, learning=learning, logic=logic)
    return run_many(
        under_way, runs=runs, seed=seed, workers=workers, engine=engine, sampling=sampling, out=out, resume=resume,
        progress=progress, extras=extras, on_sample=on_sample, levers=levers,
    )  # fmt: skip
