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
from sim.study.analyses.forecast.forecast_case import forecast_case, prepared
from sim.study.analyses.forecast.status import Status
from sim.study.case import Case, prepare_case
from sim.study.intervals import quantile_known
from sim.study.result import Result
from sim.study.sample import Sample, plain
from sim.world.streams import PLAIN_MONTE_CARLO, Sampling

Floats = NDArray[np.float64]
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
    files.write(path, (json.dumps(plain(forecast_summary(result)), indent=1) + "\n").encode())
    return path


def with_trend(result: Result, earlier: Sequence[Mapping[str, Any]]) -> Result:
    """Return a forecast with those before it, for its report: what each told of its milestones, by data date."""
    made = result.manifest["forecast"]
    told = [one for one in earlier if one["data_date"] < made["data_date"]] + [plain(forecast_summary(result))]
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
    return {f"p{q}": quantile_known(days, q / 100, sampling).value for q in QUANTILES}


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


def attribute(
    config: Loaded[Project], status: Status, *, runs: int, seed: int, learning: bool = True,
    logic: str | None = None, before: Loaded[Project] | None = None, found: Sample | None = None,
) -> list[Move]:  # fmt: skip
    """Return the plan's P50 and P80 and what each group of facts moves them by, on the same random numbers.

    `before` is the plan of the forecast before, where it was another one; `found` are replications of the forecast itself
    under this seed, where there are some: its first ones are not simulated again.
    """
    base = prepared(config)
    moves: list[Move] = []
    last = finish_quantiles(base if before is None else prepare_case(before, engine=AUTO), seed, runs)
    moves.append(Move("plan", *last))
    if before is not None:
        last = _moved(moves, "changed plan", last, finish_quantiles(base, seed, runs))
    known: dict[tuple[Status, bool], tuple[float, float]] = {}
    if found is not None and found.size >= runs and found.sampling.is_plain:
        stalled = found.runs["status"][:runs] == "stalled"
        known[status, learning] = _of_days(np.where(stalled, inf, found.runs[FINISH][:runs]))
    for cause, how in ORDER:
        if cause.startswith("learnt") and not learning:
            continue
        # facts of a kind of which there are none move nothing, and need no replications
        same = status.without(*how["drop"]), how["learning"]
        if same not in known:
            case = forecast_case(config, same[0], learning=same[1], logic=logic, planned=base)
            known[same] = finish_quantiles(case, seed, runs)
        last = _moved(moves, cause, last, known[same])
    return moves


def plan_before(earlier: Sequence[Mapping[str, Any]], result: Result) -> Loaded[Project] | None:
    """Return the plan of the last forecast before this one, where it was another one; None where it is the same."""
    mine = result.manifest["forecast"]["data_date"]
    before = [one for one in earlier if one["data_date"] < mine and one.get("config")]
    if not before or before[-1]["config_digest"] == result.manifest["config_digest"]:
        return None
    return as_loaded(checked(Project, dict(before[-1]["config"])))


def _moved(moves: list[Move], cause: str, last: tuple[float, float], now: tuple[float, float]) -> tuple[float, float]:
    """Add what moved, and return where the date is now."""
    # from never to never is no move
    p50, p80 = (0.0 if a == b else b - a for a, b in zip(last, now, strict=True))
    moves.append(Move(cause, p50, p80))
    return now


def finish_quantiles(case: Case, seed: int, runs: int) -> tuple[float, float]:
    """Return P50 and P80 of the day of the last MW, as a run of so many replications tells them."""
    return _of_days(np.array([
        inf if done.outcome.deadlock else _finish_day(case, done)
        for done in case.replications(seed, 0, runs)
    ]))  # fmt: skip


def _finish_day(case: Case, done: Replication) -> float:
    """Return the day of the last MW of a replication, without all else that it is measured by."""
    context = case.metric_context
    blocks = online(case.record(done), context.layout, context.project)
    return lead_times(blocks, context.project).get(FINISH, np.nan)


def _of_days(days: Floats) -> tuple[float, float]:
    """Return P50 and P80 of some days."""
    p50, p80 = (quantile_known(days, share, PLAIN_MONTE_CARLO).value for share in (0.5, 0.8))
    return p50, p80
