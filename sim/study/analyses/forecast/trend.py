"""Forecasts over data dates: what each said of the first, half and all MW, kept beside the results, and earned value.

A forecast into OUT leaves one small file in OUT.history/, named by its data date, so that the trend needs no typing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.study.result import Result

Floats = NDArray[np.float64]
LARGEST_BYTES = 1_000_000
QUANTILES = (10, 50, 80, 90)


def history_of(out: str | Path) -> Path:
    """Return where the earlier forecasts of an output directory are kept."""
    target = Path(out)
    return target.with_name(f"{target.name}.history")


def keep(result: Result, out: str | Path) -> Path:
    """Keep what a forecast says; the same data date again replaces what was said before."""
    folder = history_of(out)
    files.make_directory(folder)
    path = folder / f"{result.manifest['forecast']['data_date']}.json"
    files.write(path, (json.dumps(said(result), indent=1) + "\n").encode())
    return path


def said(result: Result) -> dict[str, Any]:
    """Return what a forecast says: quantiles of the days on which the first, half and all MW are online."""
    named = {"all": "lead_time_full_days", "first": "lead_time_first_mw_days"}
    days = {name: _quantiles(np.asarray(result.sample.runs[metric], float)) for name, metric in named.items()}
    ramp = {key: np.asarray(values, float) for key, values in result.sample.ramp.items() if key != "replication"}
    if ramp:
        middle = list(ramp)[(len(ramp) - 1) // 2]
        days["half"] = _quantiles(ramp[middle])
    return {
        "data_date": result.manifest["forecast"]["data_date"],
        "seed": result.manifest["seed"],
        "runs": result.sample.size,
        "config_digest": result.manifest["config_digest"],
        "days": days,
    }


def _quantiles(days: Floats) -> dict[str, float]:
    there = days[np.isfinite(days)]
    return {f"p{q}": round(float(np.percentile(there, q)), 2) for q in QUANTILES} if len(there) else {}


def trend(out: str | Path) -> list[dict[str, Any]]:
    """Return what earlier forecasts into OUT said, by data date; raises Damaged where a file is not one of them."""
    found = []
    for path in files.listed(history_of(out)) if files.exists(history_of(out)) else []:
        if path.suffix != ".json":
            continue
        try:
            document = json.loads(files.read(path, LARGEST_BYTES))
            found.append({"data_date": str(document["data_date"]), **document})
        except (ValueError, KeyError, TypeError) as error:
            raise files.Damaged(f"{path}: not a kept forecast: {error!r}") from error
    return sorted(found, key=lambda one: str(one["data_date"]))


# --- earned value ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EarnedValue:
    """Earned value at one time, in one unit (hours or dollars), by the definitions of ANSI/PMI 19-006 and Lipke (2003).

    `earned_schedule` and `time` are in periods of the planned curve; `budget` is the whole of it.
    """

    planned: float
    earned: float
    actual: float
    budget: float
    earned_schedule: float
    time: float

    @property
    def spi(self) -> float:
        """Return the schedule performance index, earned over planned value."""
        return self.earned / self.planned if self.planned else float("nan")

    @property
    def cpi(self) -> float:
        """Return the cost performance index, earned value over actual cost."""
        return self.earned / self.actual if self.actual else float("nan")

    @property
    def spi_t(self) -> float:
        """Return the schedule performance index by time, earned schedule over actual time."""
        return self.earned_schedule / self.time if self.time else float("nan")

    @property
    def estimate_at_completion(self) -> float:
        """Return the budget over the cost performance index."""
        return self.budget / self.cpi if self.cpi else float("nan")


def earned_value(planned: Floats, earned: float, actual: float, time: int) -> EarnedValue:
    """Return earned value after `time` whole periods; `planned` is cumulative at the end of each period, from the first.

    Earned schedule is C + (EV - PV_C) / (PV_{C+1} - PV_C), with C the last period whose planned value is earned.
    """
    curve = np.concatenate([[0.0], planned])
    reached = int(np.searchsorted(curve, earned, side="right")) - 1
    schedule = float(len(planned))
    if reached < len(planned):
        step = curve[reached + 1] - curve[reached]
        schedule = reached + (float((earned - curve[reached]) / step) if step else 0.0)
    at = float(curve[min(time, len(planned))])
    return EarnedValue(at, earned, actual, float(curve[-1]), schedule, float(time))
