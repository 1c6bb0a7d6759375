"""Forecasts over data dates: what each of them told of the first, half and all MW, and what moved the date since the plan.

A forecast into OUT leaves one small file in OUT.history/, named by its data date, so that the trend needs no typing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.config.load import Loaded, as_loaded, checked
from sim.config.project import Project
from sim.config.sections.contract import DAYS, MILESTONE
from sim.engine.backends import AUTO, Replication
from sim.metrics.delivery import lead_times, online
from sim.metrics.measure import MetricContext
from sim.plan.vocabulary import NOTE
from sim.study.analyses.forecast.forecast_case import ForecastCase, forecast_case
from sim.study.analyses.forecast.plan_cache import prepared, same_steps
from sim.study.analyses.forecast.remaining import CHUNK
from sim.study.analyses.forecast.status import Status
from sim.study.case import Case, prepare_case
from sim.study.executors.worker_process import in_fork
from sim.study.intervals import sampled_quantile
from sim.study.result import Result, digest
from sim.study.sample import Sample, json_value
from sim.world.streams import PLAIN_MONTE_CARLO, Sampling

Floats = NDArray[np.float64]
PATIENT = 10
"""What moved the date is told last: a core is idle for it while the report is written."""
LARGEST_BYTES = 10_000_000
QUANTILES = (10, 50, 80, 90)
FINISH, FIRST = "lead_time_full_days", "lead_time_first_mw_days"


# --- kept forecasts -------------------------------------------------------------------------------------------------


def history_of(out: str | Path) -> Path:
    """Return where the earlier forecasts of an output directory are kept."""
    target = Path(out)
    return target.with_name(f"{target.name}.history")


def keep(result: Result, out: str | Path) -> Path:
    """Keep what a forecast tells; the same data date again replaces what was told before."""
    folder = history_of(out)
    files.make_directory(folder)
    path = folder / f"{result.manifest['forecast']['data_date']}.json"
    files.write(path, (json.dumps(json_value(forecast_summary(result)), indent=1) + "\n").encode())
    return path


def with_trend(result: Result, earlier: Sequence[Mapping[str, Any]]) -> Result:
    """Return a forecast with those before it, for its report: what each told of its milestones, by data date."""
    made = result.manifest["forecast"]
    told = [one for one in earlier if one["data_date"] < made["data_date"]] + [json_value(forecast_summary(result))]
    kept = [{"data_date": one["data_date"], "days": one["days"]} for one in told]
    return replace(result, manifest={**result.manifest, "forecast": {**made, "trend": kept}})


def forecast_summary(result: Result) -> dict[str, Any]:
    """Return quantiles of the days on which the first, half and all MW are online, and milestones are reached.

    They are the order statistics of the verdict, with runs that stalled as never.
    """
    return {
        "data_date": result.manifest["forecast"]["data_date"],
        "seed": result.manifest["seed"],
        "runs": result.sample.size,
        "config_digest": result.manifest["config_digest"],
        "days": {name: _quantiles(days, result.sample.sampling) for name, days in _days(result.sample).items()},
        "config": result.manifest["config"],
    }


def _days(sample: Sample) -> dict[str, Floats]:
    """Return by milestone its day in every replication."""
    runs = sample.runs
    found = {
        name: np.asarray(runs[metric], float) for name, metric in (("first", FIRST), ("all", FINISH)) if metric in runs
    }
    levels = [name for name in sample.ramp if name != "replication"]
    if levels:
        half = max(map(float, levels)) / 2
        days = np.full(sample.size, np.nan)
        days[sample.ramp["replication"]] = sample.ramp[min(levels, key=lambda name: abs(float(name) - half))]
        found["half"] = days
    reached = [name for name in runs if name.startswith(MILESTONE) and name.endswith(DAYS)]
    return found | {name.removeprefix(MILESTONE).removesuffix(DAYS): np.asarray(runs[name], float) for name in reached}


def _quantiles(days: Floats, sampling: Sampling) -> dict[str, float]:
    return {f"p{q}": sampled_quantile(days, q / 100, sampling).value for q in QUANTILES}


def trend(out: str | Path) -> list[dict[str, Any]]:
    """Return what earlier forecasts into OUT told, by data date; raises Damaged where a file is not one of them."""
    found = []
    for path in files.listed(history_of(out)) if files.exists(history_of(out)) else []:
        if path.suffix != ".json":
            continue
        try:
            document = json.loads(files.read(path, LARGEST_BYTES))
            days = {name: _numbers(values) for name, values in dict(document["days"]).items()}
            found.append({**document, "data_date": str(document["data_date"]), "days": days})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise files.Damaged(f"{path}: not a kept forecast: {error!r}") from error
    return sorted(found, key=lambda one: str(one["data_date"]))


def _numbers(quantiles: Mapping[str, Any]) -> dict[str, float]:
    """Return quantiles as numbers: what is never reached is written as a text."""
    return {name: float("nan") if value is None else float(value) for name, value in quantiles.items()}


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


class Attribution:
    """What moved the date: the replications for it, begun before they are asked for, beside whatever else is simulated.

    `earlier` are the forecasts that were kept; the plan of the last one before counts where it was another one. With two
    `workers` or more another process simulates all cases but the forecast itself, whose replications are there when the
    moves are asked for.
    """

    def __init__(
        self, config: Loaded[Project], status: Status, *, runs: int, seed: int, learning: bool = True,
        logic: str | None = None, earlier: Sequence[Mapping[str, Any]] = (), workers: int = 1,
    ) -> None:  # fmt: skip
        self.config, self.status, self.logic = config, status, logic
        self.runs, self.seed, self.itself = runs, seed, (status, learning)
        self.before = _plan_before(earlier, status.data_date.isoformat(), digest(config.value))
        self.base = prepared(config)
        self.whole = forecast_case(config, status, learning=learning, logic=logic, planned=self.base)
        self.whole.pasts_by(workers)
        self.whole.histories_by(workers)
        self.causes = [
            # facts of a kind of which there are none move nothing, and need no replications
            (cause, (status.without(*how["drop"]), bool(how["learning"])))
            for cause, how in ORDER
            if learning or not cause.startswith("learnt")
        ]
        self.wanted = [same for same in dict.fromkeys(same for _, same in self.causes) if same != self.itself]
        self.plans = [self.base] if self.before is None else [prepare_case(self.before, engine=AUTO), self.base]
        # what all of them are measured with, found before the fork: the forecast itself needs it as well
        known = self.whole.plain if same_steps(self.whole.plain.plan, self.base.plan) else self.base
        self.context = known.metric_context
        self.days = in_fork(self._days_of_others, nice=PATIENT) if workers > 1 else self._days_of_others

    def _days_of_others(self) -> list[Floats]:
        """Return the days of the last MW by the plan before, where it was another one, by the plan, and with fewer facts."""
        forecasts = [self._case_of(*same) for same in self.wanted]
        contexts = [plan.metric_context for plan in self.plans[:-1]] + [self.context] * (1 + len(forecasts))
        return _days_of([*self.plans, *forecasts], contexts, self.seed, self.runs)

    def _case_of(self, facts: Status, learning: bool) -> ForecastCase:
        """Return the case in which these facts are switched on."""
        # what the status says of the past is the same in all of them, their pasts are, too; what is promised is not there yet
        case, chunk = self.whole, min(CHUNK, self.runs)
        if len(facts.of("risk")) != len(self.status.of("risk")):
            status = self.status.without("risk")
            case = forecast_case(self.config, status, logic=self.logic, planned=self.base, past=self.whole.plain)
        return case.otherwise(learning=learning, promised=bool(facts.of("promise")), chunk=chunk)

    def moves(self, found: Sample | None = None) -> list[Move]:
        """Return the plan's P50 and P80 and what each group of facts moves them by, on the same random numbers.

        `found` are replications of the forecast itself, where there are some: its first ones are not simulated again.
        """
        days = [_of_days(one) for one in self.days()]
        last = days.pop(0)
        moves = [Move("plan", *last)]
        if self.before is not None:
            last = _moved(moves, "changed plan", last, days.pop(0))
        known = {**dict(zip(self.wanted, days, strict=True)), self.itself: self._of_itself(found)}
        for cause, same in self.causes:
            last = _moved(moves, cause, last, known[same])
        return moves

    def _of_itself(self, found: Sample | None) -> tuple[float, float]:
        """Return P50 and P80 of the forecast itself."""
        if found is not None and found.size >= self.runs and found.sampling.is_plain:
            stalled = found.runs["status"][: self.runs] == "stalled"
            return _of_days(np.where(stalled, inf, found.runs[FINISH][: self.runs]))
        case = self._case_of(*self.itself)
        return _of_days(_days_of([case], [self.context], self.seed, self.runs)[0])


def _plan_before(earlier: Sequence[Mapping[str, Any]], data_date: str, config_digest: str) -> Loaded[Project] | None:
    """Return the plan of the last forecast before a data date, where it was another one; None where it is the same."""
    before = [one for one in earlier if one["data_date"] < data_date and one.get("config")]
    if not before or before[-1]["config_digest"] == config_digest:
        return None
    return as_loaded(checked(Project, dict(before[-1]["config"])))


def _moved(moves: list[Move], cause: str, last: tuple[float, float], now: tuple[float, float]) -> tuple[float, float]:
    """Add what moved, and return where the date is now."""
    # from never to never is no move
    p50, p80 = (0.0 if a == b else b - a for a, b in zip(last, now, strict=True))
    moves.append(Move(cause, p50, p80))
    return now


def _days_of(cases: Sequence[Case], contexts: Sequence[MetricContext], seed: int, runs: int) -> list[Floats]:
    """Return the day of the last MW in replications of some cases, infinite where one stalled, and nothing else."""
    found = []
    for case, context in zip(cases, contexts, strict=True):
        notes = case.plan.rows[:, 0] == NOTE
        done = case.replications(seed, 0, runs)
        found.append(np.array([inf if one.outcome.deadlock else _finish_day(context, one, notes) for one in done]))
    return found


def _finish_day(context: MetricContext, done: Replication, notes: NDArray[np.bool_]) -> float:
    """Return the day of the last MW of a replication, found by the steps that are `notes` alone."""
    log = done.outcome.log
    record = context.record(log[notes[log[:, 1]]], done.content, done.calendars, done.factors)
    blocks = online(record, context.layout, context.project)
    return lead_times(blocks, context.project).get(FINISH, np.nan)


def _of_days(days: Floats) -> tuple[float, float]:
    """Return P50 and P80 of some days."""
    p50, p80 = (sampled_quantile(days, share, PLAIN_MONTE_CARLO).value for share in (0.5, 0.8))
    return p50, p80
