"""A daily curve of many projects as bands: on each day, what one in ten, half, nine in ten have at most.

A band is read day by day and is no project's history: the peak of a P80 band is not the P80 of the peaks.
"""

from __future__ import annotations

import numpy as np

from sim.study.chunk import Column, Columns
from sim.study.intervals import LEVEL, interval_ranks, rank, student

SHARES = {"p5": 0.05, "p10": 0.10, "p20": 0.20, "p50": 0.50, "p80": 0.80, "p90": 0.90, "p95": 0.95}
BOUNDED = ("p10", "p50", "p90")


def bands(curves: Column, blocks: Column | None = None) -> Columns:
    """Quantiles and mean of each day, and the 95 % interval of P10, P50 and P90.

    `curves` is (replications, days); each column of the answer is (days,). Not-a-number where the sample is
    too small for a bound, and everywhere when there is no replication at all. `blocks` is the randomisation of
    each replication where luck was spread evenly (`sim.study.randomised`); None if they are independent.
    """
    ordered = np.sort(curves.T, axis=1)
    days, n = ordered.shape
    if n == 0:
        nothing = [*SHARES, *(f"{name}_{end}" for name in BOUNDED for end in ("low", "high")), "mean"]
        return {name: np.full(days, np.nan) for name in nothing}
    found: Columns = {name: ordered[:, rank(share, n) - 1].astype(np.float64) for name, share in SHARES.items()}
    found["mean"] = ordered.mean(axis=1, dtype=np.float64)
    return found | (_ranked(ordered) if blocks is None else _scattered(found, curves, blocks))


def _ranked(ordered: Column) -> Columns:
    """The intervals from order statistics, for replications that are independent; `ordered` is (days, n)."""
    days, n = ordered.shape
    found: Columns = {}
    for name in BOUNDED:
        for end, k in zip(("low", "high"), interval_ranks(SHARES[name], n), strict=True):
            found[f"{name}_{end}"] = ordered[:, k - 1].astype(np.float64) if 1 <= k <= n else np.full(days, np.nan)
    return found


def _scattered(found: Columns, curves: Column, blocks: Column) -> Columns:
    """The t-intervals of the quantiles of each randomisation, around those of all replications."""
    parts = [np.sort(curves[blocks == block], axis=0) for block in np.unique(blocks)]
    many, bounds = len(parts), Columns()
    for name in BOUNDED:
        each = np.array([part[rank(SHARES[name], len(part)) - 1] for part in parts], dtype=np.float64)
        scatter = each.std(axis=0, ddof=1) if many > 1 else np.full(curves.shape[1], np.nan)
        half = student((1 + LEVEL) / 2, max(many - 1, 1)) * scatter / np.sqrt(many)
        bounds |= {f"{name}_low": found[name] - half, f"{name}_high": found[name] + half}
    return bounds


def long_table(named: dict[str, Columns]) -> Columns:
    """The bands of several curves under each other: columns `curve`, `day`, then the statistics."""
    if not named:
        return {"curve": np.array([], dtype=object), "day": np.array([], dtype=np.int64)}
    days = [len(band["mean"]) for band in named.values()]
    table: Columns = {
        "curve": np.repeat(np.array(list(named), dtype=object), days),
        "day": np.concatenate([np.arange(count, dtype=np.int64) for count in days]),
    }
    for statistic in next(iter(named.values())):
        table[statistic] = np.concatenate([band[statistic] for band in named.values()])
    return table
