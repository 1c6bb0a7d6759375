"""What a report reads off the runs: who they are, their limits, their plan without uncertainty, their shares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.report.words import MONDAY_TO_FRIDAY, SAMPLING_ONLY, ProjectDates, counted, interval, percent
from sim.study.intervals import proportion_interval, quantile

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]


class Result(Protocol):
    """The runs of one configuration, as far as a report needs them."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Name, strategy, seed, start date, limits, and the planned (deterministic) value of each metric."""

    @property
    def runs(self) -> pd.DataFrame:
        """One row a replication: `replication`, `status`, then the metrics (days, people, dollars)."""

    @property
    def curves(self) -> pd.DataFrame:
        """Long table: curve, day, percentiles and mean."""

    @property
    def events(self) -> pd.DataFrame:
        """The log of one representative run."""

    @property
    def chain(self) -> pd.DataFrame:
        """The driving chain of that run: begin, end, days, unit, activity, mechanism, waiting, waiting_for."""

    def table(self, name: str) -> pd.DataFrame:
        """Return one more table: spread, hours, indices or ramp; empty where it is not there."""

    def turnovers(self) -> pd.DataFrame:
        """Return a row a tenth of the MW: mw, P50 and P80 of its date with their intervals, n."""

    def summary(self) -> pd.DataFrame:
        """Return a row a metric: mean, percentiles, intervals of P50 and P80, n."""


@dataclass(frozen=True)
class About:
    """What every figure says of its runs besides its own numbers."""

    name: str
    dates: ProjectDates
    runs: int
    seed: int
    stalled: int = 0
    failed: int = 0
    sampling: str = ""
    """How luck was spread over the runs; empty for plain luck."""

    def caption(self, *units: str) -> str:
        """Return the two lines under a figure: units and definitions; n, seed and what the spread is not."""
        return "; ".join(units) + f"\n{self._runs()}; {SAMPLING_ONLY}"

    def of_one(self, *units: str) -> str:
        """Return the two lines under a figure of the representative run alone."""
        return "; ".join(units) + f"\nOne run, the one whose finish is the middle one of: {self._runs()}"

    def _runs(self) -> str:
        """Say how many runs there are, what became of them, and the seed."""
        lost = [f"{self.stalled:,} stalled"] * bool(self.stalled) + [f"{self.failed:,} failed"] * bool(self.failed)
        how = [self.sampling] * bool(self.sampling)
        return ", ".join([f"n = {counted(self.runs, 'run', 'runs')}", *lost, f"seed {self.seed}", *how])


@dataclass(frozen=True)
class Share:
    """In how many of how many runs something is so."""

    part: int
    of: int

    @property
    def fraction(self) -> float:
        """Return the share itself, NaN without runs."""
        return self.part / self.of if self.of else math.nan

    def bounds(self) -> tuple[float, float]:
        """Return the 95 % Wilson score interval, honest also at 0 and at n of n."""
        found = proportion_interval(self.part, self.of)
        return found.low, found.high

    def say(self) -> str:
        """Write the share with its interval: `62 % (59 to 65 %)`."""
        return f"{percent(self.fraction)} ({interval(*self.bounds(), percent)})"


def about(result: Result) -> About:
    """Return who the runs are, from their manifest and the status of each run."""
    status = result.runs["status"]
    return About(
        name=str(result.manifest.get("strategy") or result.manifest["name"]),
        dates=project_dates(result),
        runs=len(status),
        seed=int(result.manifest["seed"]),
        stalled=int((status == "stalled").sum()),
        failed=int((status == "failed").sum()),
        sampling=str(result.manifest.get("sampled", "")),
    )


def project_dates(result: Result) -> ProjectDates:
    """Return the civil calendar; `working_weekdays` (0 is Monday) and `holidays` (ISO) where the manifest has them."""
    manifest = result.manifest
    return ProjectDates(
        start=date.fromisoformat(str(manifest["start_date"])),
        working_weekdays=frozenset(manifest.get("working_weekdays", MONDAY_TO_FRIDAY)),
        holidays=frozenset(date.fromisoformat(str(d)) for d in manifest.get("holidays", ())),
    )


def limit(result: Result, metric: str) -> float | None:
    """Return the limit or target set for a metric, None where there is none."""
    return _optional(result.manifest.get("limits"), metric)


def planned(result: Result, metric: str) -> float | None:
    """Return the metric of the deterministic run, +inf where it stalled, None where there is none."""
    return _optional(result.manifest.get("planned"), metric)


def _optional(table: Mapping[str, Any] | None, metric: str) -> float | None:
    """Return a number of a table of the manifest, None where it is missing."""
    value = (table or {}).get(metric)
    return None if value is None or math.isnan(float(value)) else float(value)


def planned_ramp(result: Result) -> list[tuple[float, float]]:
    """Return the deterministic run's ramp as (day, MW online from then on); empty where there is none."""
    blocks = sorted((result.manifest.get("planned_blocks") or {}).values())
    if not blocks:
        return []
    mw = float(result.manifest["config"]["block"]["mw_gross"]["value"])
    return [(float(day), mw * (k + 1)) for k, day in enumerate(blocks) if math.isfinite(day)]


def indirect_ratio(result: Result) -> float:
    """Return the indirect people for each direct one."""
    ratio = result.manifest.get("config", {}).get("labour", {}).get("indirect_ratio", {})
    return float(ratio.get("value", 0.0))


def values(result: Result, metric: str) -> Values:
    """Return a metric of every run that did not fail, in replication order, +inf where the run stalled."""
    return of_runs(result.runs, metric)


def of_runs(runs: pd.DataFrame, metric: str) -> Values:
    """Return a metric's column of a runs table without the failed rows; empty where it has no such column."""
    if metric not in runs:
        return np.empty(0)
    column = np.asarray(runs[metric], dtype=np.float64)[np.asarray(runs["status"] != "failed")]
    known: Values = column[~np.isnan(column)]
    return known


def share_at_most(sample: Values, bound: float) -> Share:
    """Return in how many runs the value is on or before `bound`."""
    return Share(int((sample <= bound).sum()), len(sample))


def share_below(sample: Values, bound: float) -> Share:
    """Return in how many runs the value stays strictly under `bound`."""
    return Share(int((sample < bound).sum()), len(sample))


def percentile(sample: Values, p: float) -> float:
    """Return the smallest value that a share `p` of the runs does not exceed, NaN without runs."""
    return quantile(np.sort(sample), p)


def paired(a: pd.DataFrame, b: pd.DataFrame, metric: str) -> Values:
    """Return metric of A minus metric of B, replication by replication.

    Only replications that failed in neither; -inf where only B stalled, +inf where only A, NaN where both.
    """
    left, right = (t.loc[t["status"] != "failed"].set_index("replication")[metric] for t in (a, b))
    both = left.to_frame("a").join(right.to_frame("b"), how="inner").to_numpy(dtype=np.float64)
    with np.errstate(invalid="ignore"):
        apart: Values = both[:, 0] - both[:, 1]
    return apart
