"""Why this date, and which risk matters, in words and small tables.

Three views of the same question. The driving chain of the representative run says step by step what its date is made of,
and over all runs how many days each cause holds on that chain. The drivers say what is saved when one cause is switched
off on the same random numbers. The Sobol indices say which driver the spread of a metric is due to.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.plan.vocabulary import DELAY_CAUSES
from sim.report.formatting import (
    activity_in_words,
    counted,
    day_of_month,
    in_words,
    interval,
    metric_format,
    number,
    percent,
    pools_in_words,
    rounded,
    signed,
    step_for,
)
from sim.report.result_view import ResultView, Share, Values
from sim.study.analyses.drivers import METRICS, Drivers
from sim.study.analyses.switch_off import ALL, RISK, UNCERTAINTY
from sim.study.statistics.control_variates import CONTROLS
from sim.study.statistics.intervals import Interval, controlled_mean, mean_interval
from sim.study.statistics.sobol_indices import MIN_INDEX_RUNS
from sim.world.working_time import finish_date

if TYPE_CHECKING:
    import pandas as pd


# --- the driving chain ------------------------------------------------------------------------------------------------


MINUTES = 1440
CRITICAL_DAYS = 1.0
"""A cause was critical in a run if at least so many days of its driving chain are due to it."""


@dataclass(frozen=True)
class CausePeriod:
    """Consecutive segments of the driving chain with one cause: days from the start, and what was done."""

    begin: float
    end: float
    cause: str
    what: str
    waiting: str

    @property
    def days(self) -> float:
        """Return how long it took."""
        return self.end - self.begin

    @property
    def name(self) -> str:
        """Return the cause in a planner's words."""
        return DELAY_CAUSES[self.cause]


@dataclass(frozen=True)
class CauseImpact:
    """How much one cause contributed to the finish, over all runs that were finished: mean days, and their share of all."""

    cause: str
    days: float
    share: float
    runs: Share
    low: float = float("nan")
    high: float = float("nan")

    @property
    def name(self) -> str:
        """Return the cause in a planner's words."""
        return DELAY_CAUSES[self.cause]

    def mean_text(self) -> str:
        """Write its mean days, rounded as their interval allows."""
        return number(self.days, step_for(self.low, self.high, 1.0))

    def interval_text(self) -> str:
        """Write the 95 % interval of its mean days; no days are less than none."""
        step = step_for(self.low, self.high, 1.0)
        return interval(
            max(self.low, 0.0) if isfinite(self.low) else self.low, self.high, lambda day: number(day, step)
        )


def cause_periods(chain: pd.DataFrame) -> list[CausePeriod]:
    """Return the driving chain with consecutive pieces of one cause put together."""
    pieces = [*chain.itertuples(index=False)]
    return [_cause_period(cause, [*group]) for cause, group in groupby(pieces, key=lambda piece: piece.mechanism)]


def _cause_period(cause: str, segments: list[Any]) -> CausePeriod:
    """Join consecutive segments of one cause: the activity that took longest, where, and who waited for the last one."""
    days: dict[str, float] = {}
    for segment in segments:
        days[segment.activity] = days.get(segment.activity, 0.0) + segment.days
    activity = max(days, key=days.__getitem__)
    units = [*dict.fromkeys(segment.unit for segment in segments)]
    last = segments[-1]
    waiting_text = f"{in_words(last.waiting)} waited for {pools_in_words(last.waiting_for)}" if last.waiting else ""
    return CausePeriod(
        segments[0].begin / MINUTES, last.end / MINUTES, cause, _segment_label(activity, len(days), units), waiting_text
    )


def _segment_label(activity: str, activities: int, units: list[str]) -> str:
    more = f" and {activities - 1} more" if activities > 1 else ""
    first, last = in_words(units[0]), in_words(units[-1])
    where = first if len(units) == 1 else f"{first} to {last[:1].lower()}{last[1:]}, {len(units)} in a row"
    return f"{activity_in_words(activity)}{more} ({where})"


def critical_causes(runs: pd.DataFrame) -> list[CauseImpact]:
    """Return the causes that contributed to the finish of the finished runs, those with most days first."""
    columns = {name: f"chain_{name}_days" for name in DELAY_CAUSES if f"chain_{name}_days" in runs}
    if not columns:
        return []
    days = runs[[*columns.values()]].to_numpy(dtype=np.float64)
    days = days[np.isfinite(days).all(axis=1)]
    total = float(days.sum()) or 1.0
    impacts = [
        _cause_impact(name, cause_days, float(cause_days.sum()) / total)
        for name, cause_days in zip(columns, days.T, strict=True)
        if len(cause_days) and cause_days.any()
    ]
    return sorted(impacts, key=lambda impact: -impact.days)


def _cause_impact(name: str, days: Values, share: float) -> CauseImpact:
    """Return what one cause decided, by its days in every finished run."""
    mean = mean_interval(days)
    return CauseImpact(
        name, mean.value, share, Share(int((days >= CRITICAL_DAYS).sum()), len(days)), mean.low, mean.high
    )


def mean_by_controls(view: ResultView, metric: str) -> Interval | None:
    """Return the mean of a metric by control variates; None where there are none, or they do not narrow it."""
    explained = view.source.table(CONTROLS)
    if metric not in explained or not view.has(metric):
        return None
    return controlled_mean(view.runs[metric].to_numpy(np.float64), explained[metric].to_numpy(np.float64))


def describe_chain(view: ResultView, max_causes: int = 4) -> str:
    """Return in a sentence what the date of the typical run is made of."""
    by_days: dict[str, float] = {}
    periods = cause_periods(view.chain)
    for period in periods:
        by_days[period.name] = by_days.get(period.name, 0.0) + period.days
    if not by_days:
        return "No run was finished, so there is no chain."
    largest_causes = sorted(by_days, key=lambda name: -by_days[name])[:max_causes]
    parts = [f"{name} {number(by_days[name])}" for name in largest_causes]
    other_days = sum(by_days.values()) - sum(by_days[name] for name in largest_causes)
    parts += [f"other {number(other_days)}"] if other_days >= 0.5 else []
    end = view.dates.format(periods[-1].end)
    duration = counted(sum(by_days.values()), "day", "days")
    return f"The typical run ends on {end}, {duration} after the decision: {', '.join(parts)}."


def decisions(view: ResultView, price: str = "") -> list[str]:
    """Return in how many runs late orders, which are a decision, cost days on the driving chain.

    `price` says what ordering at the decision would cost and gain, where that was measured.
    """
    by_cause = {impact.cause: impact for impact in critical_causes(view.runs)}
    impact = by_cause.get("order_date")
    order_periods = [p for p in cause_periods(view.chain) if p.cause == "order_date"]
    if impact is None:
        return []
    policy = str(view.config.get("procurement", {}).get("policy", ""))
    policy_note = " by policy (procurement.policy: just_in_time)" if policy == "just_in_time" else ""
    period = max(order_periods, key=lambda period: period.days, default=None)
    example = f" In the typical run: {period.what}, for {number(period.days)} days." if period is not None else ""
    sentence = (
        f"Ordered just in time: an item is ordered{policy_note} so that it arrives when the crew plan needs it, which keeps"
        f" its capital from lying idle. In {impact.runs.text()} of the runs the last MW waits for such an item, and an"
        f" earlier order would have helped; in the others it would have bought nothing.{example}{price or NO_PRICE}"
    )
    return [sentence]


NO_PRICE = " What ordering at the decision would cost and buy: sim report DIR --levers."


def chain_rows(view: ResultView) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the chain as a table: from, to, days, what it is due to, and what happened."""
    for period in cause_periods(view.chain):
        began = day_of_month(view.dates.date_of(period.begin))
        ended = day_of_month(finish_date(view.dates.start, period.end))
        yield began, ended, number(period.days, 0.1), period.name, period.what


# --- drivers: switched off one at a time ------------------------------------------------------------------------------


KINDS = {RISK: "risk", UNCERTAINTY: "range", ALL: "together"}
SHORT = {"capital_total_usd": "capital, P80", "peak_workforce_onsite": "peak, P80"}
OVERLAP = (
    "What is saved when a cause is switched off: a risk event of the register, or a group of ranges put at their planned"
    " values. Each cause is switched off alone, on the same random numbers; crews and order dates stay as they are. Causes"
    " overlap: where several would each have delayed the same work, no one of them saves much alone, so savings do not"
    " add up."
)


def drivers_header(drivers: Drivers) -> tuple[str, ...]:
    """Return the names of the columns."""
    days = ("P50, days", "P80, days", "95 % of P80", "mean, days")
    return ("cause", "kind", *days, *(SHORT[metric] for metric in _others(drivers)))


def drivers_rows(drivers: Drivers) -> list[tuple[str, ...]]:
    """Return a row a cause that saves anything, the largest at P80 first; all of a kind together at the end."""
    table = drivers.table().to_dict("records")
    every = [_row(drivers, row) for last in (False, True) for row in table if (row["kind"] == ALL) == last]
    return [cells for cells in every if _is_noticeable(cells)]


def negligible_causes(drivers: Drivers) -> str:
    """Return a sentence with the causes that save nothing noticeable."""
    names = [cells[0] for row in drivers.table().to_dict("records") if not _is_noticeable(cells := _row(drivers, row))]
    return f"Nothing noticeable is saved by: {'; '.join(names)}." if names else ""


def _is_noticeable(cells: tuple[str, ...]) -> bool:
    return any(cell != "0" for cell in (*cells[2:4], *cells[5:]))


def _row(drivers: Drivers, row: dict[Any, Any]) -> tuple[str, ...]:
    """Return the cells of a cause: name, kind, days at P50 and P80, interval, mean, changes of other metrics."""
    p50, p80, low, high = (float(row[f"{drivers.metric}_{column}"]) for column in ("p50", "p80", "p80_low", "p80_high"))
    other_changes = [_change(metric, float(row[f"{metric}_p80"])) for metric in _others(drivers)]
    interval_text = interval(low, high, _days)
    kind, mean = KINDS[str(row["kind"])], _mean(drivers, row)
    return (str(row["name"]), kind, _days(p50), _days(p80), interval_text, mean, *other_changes)


def _mean(drivers: Drivers, row: dict[Any, Any]) -> str:
    """Return the mean saving with half its 95 % interval: the surest of the three."""
    mean, high = (float(row.get(f"{drivers.metric}_{column}", math.nan)) for column in ("mean", "mean_high"))
    half = high - mean if math.isfinite(high) else 0.0
    return _days(mean) if _days(half) == "0" else f"{_days(mean)} ± {number(half)}"


def _days(value: float) -> str:
    return signed(number(value))


def _change(metric: str, value: float) -> str:
    """Write a saving of another metric, with its sign, to the finest step of the metric."""
    fmt = metric_format(metric)
    near = rounded(value, fmt.finest_step)
    return signed(fmt.write(near, fmt.finest_step)) if near else "0"


def _others(drivers: Drivers) -> list[str]:
    """Return the metrics besides the one that causes are ranked by: dollars and people."""
    return [metric for metric in METRICS[2:] if f"{metric}_p80" in drivers.result.switched]


def stored_drivers(view: ResultView) -> Drivers | None:
    """Return the drivers that are kept with a result, None where no cause was switched off."""
    return Drivers(view.source) if view.switched and len(view.switched["id"]) else None  # type: ignore[arg-type]


@dataclass(frozen=True)
class RiskRow:
    """What one cause costs: days at P80 with their interval, and its own share of the variance (None: not known)."""

    name: str
    kind: str
    days: float
    low: float
    high: float
    share: float | None

    @property
    def text(self) -> str:
        """Write the days with their sign."""
        return _days(self.days)

    @property
    def interval(self) -> str:
        """Write the interval of the days."""
        return interval(self.low, self.high, _days)


MAX_RISKS = 15
TWO_ANSWERS = (
    "Two questions, two answers. The bar: how many days earlier is the P80 if this cause alone is switched off? That is"
    " what a measure against it can buy. The dot: how much of the spread of the date goes with this cause by itself? A"
    " cause that comes in every project moves the P80 and spreads nothing; one that nothing else hides spreads much and"
    " moves the P80 little where other work would have been late anyway. Decide by the bar; expect surprises by the dot."
)


def risk_rows(view: ResultView) -> list[RiskRow]:
    """Return the causes that were switched off, most days at P80 first, each with its share of the variance."""
    drivers = stored_drivers(view)
    if drivers is None:
        return []
    table, shares = drivers.table(), _shares_of_variance(view, drivers.metric)
    columns = [f"{drivers.metric}_{name}" for name in ("p80", "p80_low", "p80_high")]
    rows = []
    for row in table[table["kind"] != ALL].to_dict("records"):
        days, low, high = (float(row[column]) for column in columns)
        share = shares.get((str(row["kind"]), str(row["id"])))
        rows.append(RiskRow(str(row["name"]), str(row["kind"]), days, low, high, share))
    noticeable = [row for row in rows if row.text != "0" or (row.share or 0.0) >= 0.02]
    return sorted(noticeable, key=lambda row: (-row.days, -(row.share or 0.0)))[:MAX_RISKS]


GROUPS_OF_INDICES = {"productivity": "loss.", "lead_times": "supplier.", "pace": "pace.", "prices": "price."}
"""Prefix of the input ids of each group that is switched off together; first-order indices add up."""


def _shares_of_variance(view: ResultView, metric: str) -> dict[tuple[str, str], float]:
    """Return the first-order Sobol index of each cause by (kind, id); empty where none was estimated."""
    if not len(view.indices):
        return {}
    rows = view.indices[view.indices["metric"] == metric].to_dict("records")
    indices = {(str(row["kind"]), str(row["id"])): float(row["index"]) for row in rows}
    for group, prefix in GROUPS_OF_INDICES.items():
        group_indices = [share for (_, name), share in indices.items() if name.startswith(prefix)]
        indices |= {(UNCERTAINTY, group): sum(group_indices)} if group_indices else {}
    return {cause: max(share, 0.0) for cause, share in indices.items()}


# --- Sobol indices ----------------------------------------------------------------------------------------------------


SHOWN = 12
REST = "everything else: each activity's own range, failed tests, weather, interactions"
METHOD = (
    "First-order Sobol indices: the share of the variance that goes with a driver by itself, read off these runs"
    " (correlation ratio without its bias, bootstrap intervals: Plischke, Borgonovo and Smith 2013). An interval from 0"
    " shows no effect. Total indices: sim sensitivity; days at P80: sim drivers."
)


def missing_indices_note(view: ResultView) -> str:
    """Return why there are no indices, in one line; empty where there are."""
    if len(view.indices):
        return ""
    return f"Sobol indices of the drivers need drivers, and at least {MIN_INDEX_RUNS} finished runs."


def variance_header(view: ResultView) -> list[str]:
    """Return the columns: the driver, then each metric whose variance is explained."""
    metrics = dict.fromkeys(view.indices["metric"]) if len(view.indices) else ()
    return ["driver", *(metric_format(str(metric)).label for metric in metrics)] if metrics else []


def variance_rows(view: ResultView) -> list[list[str]]:
    """Return drivers with their shares of the variance, the most important first; the rest is the last row."""
    table = view.indices
    if not len(table):
        return []
    metrics = [*dict.fromkeys(table["metric"])]
    row_of = {(row["name"], row["metric"]): row for row in table.to_dict("records")}
    drivers = influential_drivers(table, metrics)[:SHOWN]
    rows = [[str(name), *(_cell(row_of.get((name, metric))) for metric in metrics)] for name in drivers]
    remaining = [1 - float(table.loc[table["metric"] == metric, "index"].sum()) for metric in metrics]
    return [*rows, [REST, *(percent(min(max(share, 0.0), 1.0)) for share in remaining)]]


def influential_drivers(table: pd.DataFrame, metrics: list[str]) -> list[str]:
    """Return the drivers whose interval lies above 0 for any metric; those for the first metric first."""
    above_zero = table[table["low"] > 0]
    order = above_zero.assign(place=above_zero["metric"].map(metrics.index)).sort_values(
        ["place", "index"], ascending=[True, False]
    )
    return [*dict.fromkeys(order["name"])]


def _cell(row: Mapping[Any, Any] | None) -> str:
    """Write a share with its interval; nothing where a driver has no index for the metric."""
    if row is None:
        return ""
    return f"{percent(max(row['index'], 0.0))} ({interval(row['low'], row['high'], percent)})"
