"""One view of a result for everything that shows it: console, HTML report and figures read the same prepared numbers.

`ResultView.of(result)` is made once where a report begins; each of its parts is computed when it is first asked for and
then kept. Percentiles come from the summary of the result, so that every table and figure shows the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.metrics.metric import FINISH, FIRST, date_metric
from sim.report.formatting import (
    MONDAY_TO_FRIDAY,
    SAMPLING_ONLY,
    MetricEstimate,
    ProjectDates,
    counted,
    interval,
    money,
    percent,
    percentile_estimate,
)
from sim.study.analyses.probabilities import MilestoneForecast, milestone_forecasts
from sim.study.statistics.intervals import proportion_interval, quantile
from sim.study.statistics.sobol_indices import INDICES

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]
PEAK = "peak_workforce_onsite"
PERCENTILES = ("p10", "p50", "p80", "p90")


class RunData(Protocol):
    """What a view reads of a `sim.Result`."""

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

    @property
    def switched(self) -> Mapping[str, Any]:
        """What each cause costs, by column; empty where no cause was switched off."""

    def table(self, name: str) -> pd.DataFrame:
        """Return one more table: ramp, spread, hours, bindings, indices or levers; empty where it is not there."""

    def turnovers(self) -> pd.DataFrame:
        """Return a row a tenth of the MW: mw, P50 and P80 of its date with their intervals, n."""

    def summary(self) -> pd.DataFrame:
        """Return a row a metric: mean, percentiles, intervals of P50 and P80, n."""


@dataclass(frozen=True)
class RunInfo:
    """What every figure states of its runs: name, calendar, number of runs, seed, and how many stalled or failed."""

    name: str
    dates: ProjectDates
    runs: int
    seed: int
    stalled: int = 0
    failed: int = 0
    sampling: str = ""
    """How random numbers were spread over the runs; empty for plain Monte Carlo."""
    typical_stalled: bool = False  # as where half of the runs or more never finish

    @property
    def all_failed(self) -> bool:
        """Return whether every run failed, so that nothing is known."""
        return self.failed == self.runs

    @property
    def runs_text(self) -> str:
        """Return the number of runs, stalled and failed ones included, with its noun."""
        return counted(self.runs, "run", "runs")

    def caption(self, *units: str) -> str:
        """Return the two lines under a figure: units and definitions; n, seed and which errors the spread leaves out."""
        return "; ".join(units) + f"\n{self._sample()}; {SAMPLING_ONLY}"

    def caption_of_one_run(self, *units: str) -> str:
        """Return the two lines under a figure of the typical run alone."""
        how = "finish between P45 and P55, driving chain most like all others'"
        typical = f"One typical run ({'stalled, as at P50' if self.typical_stalled else how}) of"
        return "; ".join(units) + f"\n{typical} {self._sample()}"

    def _sample(self) -> str:
        lost = [f"{self.stalled:,} stalled"] * bool(self.stalled) + [f"{self.failed:,} failed"] * bool(self.failed)
        how = [self.sampling] * bool(self.sampling)
        return ", ".join([f"n = {self.runs_text}", *lost, f"seed {self.seed}", *how])


@dataclass(frozen=True)
class Share:
    """A share of runs: `part` runs of `of` runs."""

    part: int
    of: int

    @property
    def fraction(self) -> float:
        """Return the share itself, NaN without runs."""
        return self.part / self.of if self.of else math.nan

    def bounds(self) -> tuple[float, float]:
        """Return the 95 % Wilson score interval, which holds at 0 and at n of n too."""
        found = proportion_interval(self.part, self.of)
        return found.low, found.high

    def text(self) -> str:
        """Write the share with its interval: `62 % (59 to 65 %)`."""
        return f"{percent(self.fraction)} ({interval(*self.bounds(), percent)})"


@dataclass(frozen=True)
class Milestone:
    """A named day: planned or promised in a contract (None: neither), P50, P80, how often it is kept, and damages."""

    name: str
    planned: float | None
    p50: float
    p80: float
    kept: str = ""
    damages: str = ""
    is_promised: bool = False


ENDS = {
    "permits and design": "permits and design done", "site works": "site works done", "shell": "last hall dry-in",
    "power units": "all power units running",
}  # fmt: skip
"""The name of the milestone at the end of each phase of the work."""


@dataclass(frozen=True)
class ResultView:
    """The runs of one configuration, prepared for reports."""

    source: RunData

    @classmethod
    def of(cls, result: RunData | ResultView) -> ResultView:
        """Return the view of a result; a view is returned as it is."""
        return result if isinstance(result, ResultView) else cls(result)

    @classmethod
    def of_each(cls, results: Mapping[str, RunData]) -> dict[str, ResultView]:
        """Return the views of several results by name."""
        return {name: cls.of(result) for name, result in results.items()}

    # --- what was run

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """Return what was run: name, seed, versions, resolved configuration and more."""
        return self.source.manifest

    @property
    def config(self) -> Mapping[str, Any]:
        """Return the resolved configuration as a tree; empty where the manifest has none."""
        found: Mapping[str, Any] = self.manifest.get("config", {})
        return found

    @cached_property
    def info(self) -> RunInfo:
        """Return name, calendar, number of runs and seed."""
        status = self.runs["status"]
        return RunInfo(
            name=str(self.manifest.get("strategy") or self.manifest["name"]),
            dates=self.dates,
            runs=len(status),
            seed=int(self.manifest["seed"]),
            stalled=int((status == "stalled").sum()),
            failed=int((status == "failed").sum()),
            sampling=str(self.manifest.get("sampled", "")),
            typical_stalled="stalled" in {*status[self.runs["replication"] == self.manifest.get("representative")]},
        )

    @cached_property
    def dates(self) -> ProjectDates:
        """Return the civil calendar; `working_weekdays` (0 is Monday) and `holidays` (ISO) where the manifest has them."""
        return ProjectDates(
            start=date.fromisoformat(str(self.manifest["start_date"])),
            working_weekdays=frozenset(self.manifest.get("working_weekdays", MONDAY_TO_FRIDAY)),
            holidays=frozenset(date.fromisoformat(str(day)) for day in self.manifest.get("holidays", ())),
        )

    @property
    def indirect_ratio(self) -> float:
        """Return the indirect people for each direct one."""
        return float(self.config.get("labour", {}).get("indirect_ratio", {}).get("value", 0.0))

    @property
    def hall_blocks(self) -> int:
        """Return the blocks in a hall, 0 where the project has no halls, or halls of different size."""
        shell, scale = self.config.get("shell", {}), self.config["scale"]
        return int(self.config["hall"]["blocks"]) if shell.get("steps") and not scale.get("buildings") else 0

    # --- tables
    @cached_property
    def runs(self) -> pd.DataFrame:
        """Return a row a replication."""
        return self.source.runs

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Return the daily curves, long."""
        return self.source.curves

    @cached_property
    def events(self) -> pd.DataFrame:
        """Return the log of the representative run."""
        return self.source.events

    @cached_property
    def chain(self) -> pd.DataFrame:
        """Return the driving chain of the representative run."""
        return self.source.chain

    @cached_property
    def switched(self) -> Mapping[str, Any]:
        """Return what each cause costs, by column; empty where no cause was switched off."""
        return self.source.switched

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Return a row a metric."""
        return self.source.summary()

    @cached_property
    def turnovers(self) -> pd.DataFrame:
        """Return a row a tenth of the MW."""
        return self.source.turnovers()

    @cached_property
    def milestones(self) -> list[MilestoneForecast]:
        """Return how sure each milestone of the contract is; empty where none is agreed."""
        return milestone_forecasts(self.config, self.values)

    @cached_property
    def ramp(self) -> pd.DataFrame:
        """Return the day on which each replication had each tenth of the MW online."""
        return self.source.table("ramp")

    @cached_property
    def spread(self) -> pd.DataFrame:
        """Return how far the rows of the Gantt move from run to run; empty where it was not computed."""
        found = self.source.table("spread")
        return found if "level" in found else found.iloc[:0]  # an earlier version kept other rows

    @cached_property
    def hours(self) -> pd.DataFrame:
        """Return man-hours planned, earned and paid over time; empty where they were not computed."""
        return self.source.table("hours")

    @cached_property
    def indices(self) -> pd.DataFrame:
        """Return first-order Sobol indices of the drivers; empty where there are none."""
        return self.source.table(INDICES)

    # --- metrics

    def has(self, metric: str) -> bool:
        """Return whether the project has a metric."""
        return metric in self.summary.index

    def dated(self, metric: str) -> str:
        """Return the metric that has the day, from the start date, on which a lead time ends."""
        return date_metric(metric, self.runs)

    def middle_day(self, metric: str) -> float | None:
        """Return the P50 of the day on which a lead time ends; None where the project has no such metric."""
        return (self.percentiles(self.dated(metric)) or {}).get("p50")

    def values(self, metric: str) -> Values:
        """Return a metric of every run that did not fail, in replication order, +inf where the run stalled."""
        return sound_values(self.runs, metric)

    def estimate(self, metric: str, percentile: str) -> MetricEstimate:
        """Return "p50" or "p80" of a metric with its interval."""
        return percentile_estimate(self.summary, metric, percentile)

    def percentiles(self, metric: str) -> dict[str, float] | None:
        """Return P10, P50, P80 and P90 of the summary, None where it has no such metric."""
        return {p: float(self.summary[p][metric]) for p in PERCENTILES} if self.has(metric) else None

    def limit(self, metric: str) -> float | None:
        """Return the limit or target set for a metric, None where there is none."""
        return _optional(self.manifest.get("limits"), metric)

    def planned(self, metric: str) -> float | None:
        """Return the metric of the expected plan, +inf where it stalled, None where there is none."""
        return _optional(self.manifest.get("planned"), metric)

    def most_likely(self, metric: str) -> float | None:
        """Return the metric of the most likely plan, in which nothing fails; None where there is none."""
        return _optional(self.manifest.get("most_likely"), metric)

    def share_at_most(self, metric: str, bound: float) -> Share:
        """Return in how many runs a metric is at most `bound`: "on or before"."""
        return share_at_most(self.values(metric), bound)

    def share_below(self, metric: str, bound: float) -> Share:
        """Return in how many runs a metric stays strictly under `bound`."""
        return share_below(self.values(metric), bound)

    @cached_property
    def dates_reached(self) -> list[Milestone]:
        """Return the ends of the phases of the work, first MW and all MW; as far as they are known, by P50."""
        phases = self.spread[self.spread["level"] == 0].to_dict("records") if len(self.spread) else []
        ends = [(ENDS[phase["place"]], phase) for phase in phases if phase["place"] in ENDS]
        milestones = [Milestone(name, phase["plan_end"], phase["end_p50"], phase["end_p80"]) for name, phase in ends]
        for name, metric in (("first MW online", self.dated(FIRST)), ("all MW online", self.dated(FINISH))):
            if (percentiles := self.percentiles(metric)) is not None:
                planned = self.planned(metric)
                share_in_time = "" if planned is None else self.share_at_most(metric, planned).text()
                milestones.append(Milestone(name, planned, percentiles["p50"], percentiles["p80"], share_in_time))
        milestones += [promise_of(forecast, self.dates.start) for forecast in self.milestones]
        return sorted((m for m in milestones if math.isfinite(m.p50)), key=lambda milestone: milestone.p50)

    @cached_property
    def planned_ramp(self) -> list[tuple[float, float]]:
        """Return the expected plan's ramp as (day, MW online from then on), of the blocks that come online in it."""
        days = (self.manifest.get("planned_blocks") or {}).values()
        # results of earlier versions have a day before the first for a block that never comes online
        reached = sorted(day for day in days if day is not None and 0 <= day < math.inf)
        mw = float(self.config["block"]["mw_gross"]["value"]) if reached else 0.0
        return [(float(day), mw * (k + 1)) for k, day in enumerate(reached)]


def promise_of(forecast: MilestoneForecast, start: date) -> Milestone:
    """Return a milestone of the contract with its date, P50 and P80, probability of being in time, and damages."""
    in_time = f"{percent(forecast.in_time.value)} ({interval(forecast.in_time.low, forecast.in_time.high, percent)})"
    damages = (
        ""
        if forecast.damages_usd is None
        else f"{money(forecast.damages_usd)} in the mean, P80 {money(forecast.damages_p80_usd or 0.0)}"
    )
    day = forecast.milestone.last_day(start)
    return Milestone(forecast.milestone.name, day, forecast.p50, forecast.p80, in_time, damages, is_promised=True)


def _optional(table: Mapping[str, Any] | None, metric: str) -> float | None:
    """Return a number of a table of the manifest, None where it is missing."""
    value = (table or {}).get(metric)
    return None if value is None or math.isnan(float(value)) else float(value)


# --- samples ----------------------------------------------------------------------------------------------------------


def sound_values(runs: pd.DataFrame, metric: str) -> Values:
    """Return a metric's column of a runs table without the failed rows; empty where it has no such column."""
    if metric not in runs:
        return np.empty(0)
    column = np.asarray(runs[metric], dtype=np.float64)[np.asarray(runs["status"] != "failed")]
    values: Values = column[~np.isnan(column)]
    return values


def share_at_most(sample: Values, bound: float) -> Share:
    """Return in how many runs the value is on or before `bound`."""
    return Share(int((sample <= bound).sum()), len(sample))


def share_below(sample: Values, bound: float) -> Share:
    """Return in how many runs the value stays strictly under `bound`."""
    return Share(int((sample < bound).sum()), len(sample))


def percentile(sample: Values, p: float) -> float:
    """Return the smallest value that a share `p` of the runs does not exceed, NaN without runs."""
    return quantile(np.sort(sample), p)
