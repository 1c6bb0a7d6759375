"""The trend of forecasts over data dates, and the attribution of the shift between plan and forecast to groups of facts.

A forecast into OUT saves its quantiles in a file of OUT.history/, named by its data date; the trend reads these files.
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
from sim.config.load import Loaded, checked
from sim.config.project import Project
from sim.config.sections.contract import DAYS, MILESTONE
from sim.engine.backends import AUTO, Replication
from sim.errors import ConfigError, Problem, SimError
from sim.metrics.delivery import lead_times, online
from sim.metrics.measure import MetricContext
from sim.metrics.metric import FINISH, FIRST, date_metric, finish_metric
from sim.plan.compiled_plan import LogColumn
from sim.plan.vocabulary import NOTE
from sim.study.analyses.forecast.case_under_way import ForecastCase
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.plan_cache import prepare_cached
from sim.study.analyses.forecast.remaining import CHUNK
from sim.study.analyses.forecast.status import Status
from sim.study.case import Case, prepare_case
from sim.study.executors.worker_process import in_fork
from sim.study.result import Result, digest
from sim.study.sample import Sample
from sim.study.statistics.intervals import sampled_quantile
from sim.study.storage.disk_cache import DiskCache
from sim.study.storage.sealed_files import json_value
from sim.world.streams import PLAIN_MONTE_CARLO, Sampling
from sim.world.weather.project_weather import fingerprint
from sim.world.working_time import end_of_day

Floats = NDArray[np.float64]
BACKGROUND_NICENESS = 19
"""Niceness of the processes that simulate for the attribution, which is needed only after the report is written."""
PLAN_DAYS = DiskCache("plan_days", ("config", "engine", "jit", "metrics", "plan", "study", "world"), 64)
"""Days of the last MW in replications of a plan, which every monthly forecast begins from: half a KB each."""
MAX_BYTES = 10_000_000
QUANTILES = (10, 50, 80, 90)


# --- saved forecasts ------------------------------------------------------------------------------------------------


def forecasts_directory(out: str | Path) -> Path:
    """Return the directory in which the forecasts into an output directory are saved, by data date."""
    target = Path(out).absolute()
    directory = target.with_name(f"{target.name}.history")
    for path in (target, directory):
        if files.exists(path) and not path.is_dir():
            message = "a directory, or a name that is not taken (this is a file)"
            raise ConfigError([Problem("", 0, 0, "--out", str(path), message)])
    return directory


def save_forecast(result: Result, out: str | Path, shifts: Sequence[DateShift] = ()) -> Path:
    """Save the summary of a forecast and what shifted it; they replace those of an earlier one of the same data date."""
    folder = forecasts_directory(out)
    files.make_directory(folder)
    path = folder / f"{result.manifest['forecast']['data_date']}.json"
    summary = forecast_summary(result) | {"shifts": {shift.cause: [shift.p50, shift.p80] for shift in shifts}}
    files.write(path, (json.dumps(json_value(summary), indent=1) + "\n").encode())
    return path


def with_trend(result: Result, saved: Sequence[Mapping[str, Any]]) -> Result:
    """Return a forecast whose manifest has, for its report, the quantiles of the earlier forecasts and its own."""
    forecast = result.manifest["forecast"]
    summaries = [*forecasts_before(saved, forecast["data_date"]), json_value(forecast_summary(result))]
    quantiles = [{"data_date": summary["data_date"], "days": summary["days"]} for summary in summaries]
    return replace(result, manifest={**result.manifest, "forecast": {**forecast, "trend": quantiles}})


def forecast_summary(result: Result) -> dict[str, Any]:
    """Return quantiles of the days on which the first, half and all MW are online, and milestones are reached.

    They are the same order statistics as in the verdict; in a stalled replication the day is infinite.
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
    days_of_milestone = {
        name: np.asarray(runs[date_metric(metric, runs)], float)
        for name, metric in (("first", FIRST), ("all", FINISH))
        if metric in runs
    }
    mw_levels = [name for name in sample.ramp if name != "replication"]
    if mw_levels:
        half_mw = max(map(float, mw_levels)) / 2
        days = np.full(sample.size, np.nan)
        nearest_level = min(mw_levels, key=lambda name: abs(float(name) - half_mw))
        days[sample.ramp["replication"]] = end_of_day(sample.ramp[nearest_level])
        days_of_milestone["half"] = days
    for column in runs:
        if column.startswith(MILESTONE) and column.endswith(DAYS):
            name = column.removeprefix(MILESTONE).removesuffix(DAYS)
            days_of_milestone[name] = np.asarray(runs[column], float)
    return days_of_milestone


def _quantiles(days: Floats, sampling: Sampling) -> dict[str, float]:
    return {f"p{q}": sampled_quantile(days, q / 100, sampling).value for q in QUANTILES}


def saved_forecasts(out: str | Path) -> list[dict[str, Any]]:
    """Return the summaries of saved forecasts in the order of their data dates; raises Damaged where a file is not one."""
    summaries = []
    directory = forecasts_directory(out)
    for path in files.listed(directory) if files.exists(directory) else []:
        if path.suffix != ".json":
            continue
        try:
            document = json.loads(files.read(path, MAX_BYTES))
            days = {name: _as_floats(quantiles) for name, quantiles in dict(document["days"]).items()}
            shifts = {str(cause): [float(p50), float(p80)] for cause, (p50, p80) in document.get("shifts", {}).items()}
            plan = {"config": dict(document.get("config") or {}), "config_digest": str(document.get("config_digest"))}
            data_date = str(document["data_date"])
            summaries.append({**document, **plan, "data_date": data_date, "days": days, "shifts": shifts})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = (
                f"{path}: is not a forecast that `sim forecast` saved; it may be deleted: the trend then leaves it out"
            )
            raise files.Damaged(message) from error
    return sorted(summaries, key=lambda summary: str(summary["data_date"]))


def forecasts_before(summaries: Sequence[Mapping[str, Any]], data_date: str) -> list[Mapping[str, Any]]:
    """Return those of some saved forecasts, which are in the order of their data dates, that are before a data date."""
    return [summary for summary in summaries if summary["data_date"] < data_date]


def _as_floats(quantiles: Mapping[str, Any]) -> dict[str, float]:
    """Return quantiles as floats: infinity was written as a text, not-a-number as null."""
    return {name: float("nan") if value is None else float(value) for name, value in quantiles.items()}


# --- attribution ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DateShift:
    """By how many days a group of facts shifts P50 and P80 of the last MW, added to the groups before it.

    Where orders come over time, of their lead time, in the mean over MW.
    """

    cause: str
    p50: float
    p80: float


def shifts_since(shifts: Sequence[DateShift], earlier: Mapping[str, Any]) -> list[DateShift]:
    """Return by how much each group of facts has shifted the dates since an earlier forecast.

    It is the difference of two attributions to the same plan. Empty where the earlier one began from other dates of the plan
    (another seed, other `--moves`, another plan before it), or has none.
    """
    before = earlier.get("shifts") or {}
    if not shifts or before.get("plan") != [shifts[0].p50, shifts[0].p80]:
        return []
    causes = dict.fromkeys([*(shift.cause for shift in shifts[1:]), *list(before)[1:]])
    now = {shift.cause: (shift.p50, shift.p80) for shift in shifts}
    pairs = [(cause, now.get(cause, (0.0, 0.0)), before.get(cause, (0.0, 0.0))) for cause in causes]
    return [DateShift(cause, after[0] - old[0], after[1] - old[1]) for cause, after, old in pairs]


FactSubset = tuple[Status, bool]
"""A status with some of its facts, and whether common factors are learnt from it."""

FACT_GROUPS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("actual progress", {"excluded": ("promise", "risk"), "learning": False}),
    ("changed promises", {"excluded": ("risk",), "learning": False}),
    ("risks that happened or closed", {"excluded": (), "learning": False}),
    ("learnt from actuals", {"excluded": (), "learning": True}),
)
"""Groups of facts in the order in which they are added, and which kinds of facts are still excluded at that point."""


class Attribution:
    """Attributes the shift of the last MW between plan and forecast to groups of facts, which are added one by one.

    `earlier` are the saved forecasts; the plan of the latest one is the starting point where it was a different plan; `note`
    says why it is not where it can no longer be simulated. With two `workers` or more other processes simulate all cases but
    the forecast itself, in the background, so that the results are there when `shifts` needs them.
    """

    def __init__(
        self, config: Loaded[Project], status: Status, *, runs: int, seed: int, learning: bool = True,
        logic: str | None = None, earlier: Sequence[Mapping[str, Any]] = (), workers: int = 1, engine: str = AUTO,
    ) -> None:  # fmt: skip
        self.config, self.status, self.logic, self.engine = config, status, logic, engine
        self.runs, self.seed, self.all_facts = runs, seed, (status, learning)
        self.base = prepare_cached(config, engine)
        self.earlier_plan, self.note = _changed_plan(config, earlier, status.data_date.isoformat(), engine)
        self.plans = [self.base] if self.earlier_plan is None else [self.earlier_plan, self.base]
        # begun first: they need no facts, and this process needs one core only until it has the case of the forecast
        known = {key: PLAN_DAYS.read(key) for key in map(self._key_of, self.plans)}
        fork = workers > 1 and None in known.values()
        self.wait_for_plans = in_fork(self._days_of_plans, known, nice=BACKGROUND_NICENESS, fork=fork)
        self.forecast_case = forecast_case(
            config, status, learning=learning, logic=logic, engine=engine, base=self.base
        )
        self.forecast_case.find_prior_replications(workers)
        self.forecast_case.find_histories(workers)
        self.subsets: list[tuple[str, FactSubset]] = [
            # where the status has no facts of a kind, two subsets are equal and simulated once
            (cause, (status.without(*group["excluded"]), bool(group["learning"])))
            for cause, group in FACT_GROUPS
            if learning or not cause.startswith("learnt")
        ]
        distinct = dict.fromkeys(subset for _, subset in self.subsets)
        self.simulated_subsets = [subset for subset in distinct if subset != self.all_facts]
        # worked out before the fork, as this process needs it as well
        self.context = self.forecast_case.prior_case.metric_context
        self.wait_for_subsets = in_fork(self._simulate_subsets, nice=BACKGROUND_NICENESS, fork=workers > 1)

    def _days_of_plans(self, known: Mapping[str, bytes | None]) -> list[Floats]:
        """Return the days of the last MW in replications of the earlier plan, if any, and of the plan.

        They are the same for every status: those that an earlier command worked out are `known`, by the plan's key.
        """
        days_of_plans = []
        for plan, (key, content) in zip(self.plans, known.items(), strict=True):
            if content is not None:
                days_of_plans.append(np.frombuffer(content, np.float64))
                continue
            (days,) = _finish_days([plan], [plan.metric_context], self.seed, self.runs)
            PLAN_DAYS.write(key, days.tobytes())
            days_of_plans.append(days)
        return days_of_plans

    def _key_of(self, plan: Case) -> str:
        """Return what the days of a plan depend on."""
        return f"{digest(plan.project)} {fingerprint(plan.weather)} {self.seed} {self.runs}"

    def _simulate_subsets(self) -> list[Floats]:
        """Return the days of the last MW in replications of the forecast from each subset of facts."""
        forecasts = [self._case_of(*subset) for subset in self.simulated_subsets]
        return _finish_days(forecasts, [self.context] * len(forecasts), self.seed, self.runs)

    def _case_of(self, status: Status, learning: bool) -> ForecastCase:
        """Return the forecast from a subset of the facts."""
        # the actuals are the same in all subsets, and so are the simulated histories; without its promise an item is still
        # not delivered
        case, chunk_size = self.forecast_case, min(CHUNK, self.runs)
        if len(status.facts_of("risk")) != len(self.status.facts_of("risk")):
            without_risks = self.status.without("risk")
            case = forecast_case(
                self.config, without_risks, logic=self.logic, engine=self.engine, base=self.base,
                prior_case=case.prior_case,
            )  # fmt: skip
        return case.with_options(
            learning=learning, use_promises=bool(status.facts_of("promise")), chunk_size=chunk_size
        )

    def shifts(self, sample: Sample | None = None) -> list[DateShift]:
        """Return P50 and P80 of the plan, then the shift by each group of facts, all on the same random numbers.

        `sample` has replications of the forecast itself, if there are any: the first of them are not simulated again.
        """
        quantiles = [_p50_and_p80(days) for days in (*self.wait_for_plans(), *self.wait_for_subsets())]
        current = quantiles.pop(0)
        shifts = [DateShift("plan", *current)]
        if self.earlier_plan is not None:
            current = _add_shift(shifts, "changed plan", current, quantiles.pop(0))
        quantiles_of = dict(zip(self.simulated_subsets, quantiles, strict=True))
        quantiles_of[self.all_facts] = self._forecast_quantiles(sample)
        for cause, subset in self.subsets:
            current = _add_shift(shifts, cause, current, quantiles_of[subset])
        return shifts

    def _forecast_quantiles(self, sample: Sample | None) -> tuple[float, float]:
        """Return P50 and P80 of the forecast from all facts."""
        if sample is not None and sample.size >= self.runs and sample.sampling.is_plain:
            stalled = sample.runs["status"][: self.runs] == "stalled"
            finish = date_metric(finish_metric(sample.runs), sample.runs)
            return _p50_and_p80(np.where(stalled, inf, sample.runs[finish][: self.runs]))
        case = self._case_of(*self.all_facts)
        return _p50_and_p80(_finish_days([case], [self.context], self.seed, self.runs)[0])


def _changed_plan(
    config: Loaded[Project], earlier: Sequence[Mapping[str, Any]], data_date: str, engine: str
) -> tuple[Case | None, str]:
    """Return the case of the plan of the latest forecast before a data date, and a note where it cannot be simulated.

    None where there is no such forecast, or its plan is that of the configuration; nor is there one where one of the two
    has a schedule of orders and the other has not: no days are the same there. Its weather file is looked for where that of
    the configuration is.
    """
    summaries = [summary for summary in forecasts_before(earlier, data_date) if summary.get("config")]
    if not summaries or summaries[-1]["config_digest"] == digest(config.value):
        return None, ""
    try:
        before = checked(Project, dict(summaries[-1]["config"]))
        if len({project.orders.policy == "given" for project in (before, config.value)}) > 1:
            return None, ""
        return prepare_case(before, config.files[0].parent, engine=engine), ""
    except SimError as error:
        # it is in no file of the user: an earlier version took it, or a file that it names is gone
        forecast, reason = f"the plan of the forecast as of {summaries[-1]['data_date']}", str(error).splitlines()[0]
        return None, f"{forecast} can no longer be simulated, so what its change moved is not told ({reason})"


def _add_shift(
    shifts: list[DateShift], cause: str, before: tuple[float, float], after: tuple[float, float]
) -> tuple[float, float]:
    """Add the shift from P50 and P80 before to those after, and return the latter."""
    # from infinite to infinite is no shift
    p50, p80 = (0.0 if a == b else b - a for a, b in zip(before, after, strict=True))
    shifts.append(DateShift(cause, p50, p80))
    return after


def _finish_days(cases: Sequence[Case], contexts: Sequence[MetricContext], seed: int, runs: int) -> list[Floats]:
    """Return by case the day of the last MW, or what else is its finish, in every replication; infinite where it stalled."""
    days_of_cases = []
    for case, context in zip(cases, contexts, strict=True):
        is_note = case.plan.operation_of == NOTE
        replications = case.replications(seed, 0, runs)
        days = [inf if one.outcome.deadlock else _finish_day(context, one, is_note) for one in replications]
        days_of_cases.append(np.array(days))
    return days_of_cases


def _finish_day(context: MetricContext, replication: Replication, is_note: NDArray[np.bool_]) -> float:
    """Return the day of the last MW of a replication, or what else is its finish, from the NOTE steps of its log alone."""
    log = replication.outcome.log
    notes = log[is_note[log[:, LogColumn.STEP]]]
    record = context.record(notes, replication.content, replication.calendars, replication.factors)
    blocks = online(record, context.layout, context.project)
    metrics = lead_times(blocks, context.project)
    return metrics[date_metric(finish_metric(metrics), metrics)]


def _p50_and_p80(days: Floats) -> tuple[float, float]:
    p50, p80 = (sampled_quantile(days, share, PLAIN_MONTE_CARLO).value for share in (0.5, 0.8))
    return p50, p80
