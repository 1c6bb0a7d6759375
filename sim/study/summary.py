"""The numbers people quote: of every metric the mean, P10, P50, P80, P90, and how sure P50 and P80 are."""

from __future__ import annotations

from math import isfinite, isnan, nan
from typing import Any

import numpy as np

from sim.study.chunk import Columns
from sim.study.intervals import UNKNOWN, quantile
from sim.study.randomised import quantile_known
from sim.study.sample import Sample

COLUMNS = ("mean", "p10", "p50", "p80", "p90", "p50_low", "p50_high", "p80_low", "p80_high", "n")
# replications that fail are the long ones, so what is left is too good; beyond this share no P80 is quoted
QUOTABLE_FAILED_SHARE = 0.001
UNQUOTED = ("p80", "p80_low", "p80_high", "p90")


def summary(sample: Sample) -> dict[str, dict[str, float]]:
    """A row a metric, columns as in `COLUMNS`; nothing that failed is averaged.

    The mean is not-a-number where a replication is infinite; P80 and P90 are where over 0.1 % failed.
    """
    quotable = sample.having("failed") <= QUOTABLE_FAILED_SHARE * sample.size
    return {metric: _row(sample, metric, quotable) for metric in sample.metrics}


def _row(sample: Sample, metric: str, quotable: bool) -> dict[str, float]:
    """The numbers of one metric."""
    ordered = np.sort(sample.values(metric))
    p50, p80 = sample.quantile(metric, 0.5), sample.quantile(metric, 0.8)
    row = dict(
        zip(
            COLUMNS,
            (
                sample.mean(metric).value,
                quantile(ordered, 0.1),
                p50.value,
                p80.value,
                quantile(ordered, 0.9),
                p50.low,
                p50.high,
                p80.low,
                p80.high,
                len(ordered),
            ),
            strict=True,
        )
    )
    return row if quotable else row | dict.fromkeys(UNQUOTED, nan)


def of_the_ramp(sample: Sample) -> Columns:
    """A row a tenth of the MW: `mw`, P50 and P80 of the day on which so many were online, with their intervals, and n."""
    levels = [name for name in sample.ramp if name != "replication"]
    quotable = sample.having("failed") <= QUOTABLE_FAILED_SHARE * sample.size
    rows = []
    for level in levels:
        days = np.full(sample.size, nan)
        days[sample.ramp["replication"]] = sample.ramp[level]
        p50 = quantile_known(days, 0.5, sample.sampling)
        p80 = quantile_known(days, 0.8, sample.sampling) if quotable else UNKNOWN
        rows.append([float(level), *(part for one in (p50, p80) for part in (one.value, one.low, one.high)), p50.n])
    names = ("mw", "p50", "p50_low", "p50_high", "p80", "p80_low", "p80_high", "n")
    return {name: np.array(column) for name, column in zip(names, [*zip(*rows, strict=True)] or [()] * 8, strict=True)}


def plain(value: Any) -> Any:
    """A value as JSON can say it: not-a-number is null, the infinite are the texts "inf" and "-inf"."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not isfinite(value):
        return None if isnan(value) else str(value)
    return value


def number(value: float | str | None) -> float:
    """The number behind what `plain` wrote."""
    return nan if value is None else float(value)
