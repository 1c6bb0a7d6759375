"""Strategies side by side on the same random numbers: how much better, how sure, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf, nan
from typing import TYPE_CHECKING

import numpy as np

from sim.errors import SimError
from sim.metrics.registry import metric_of
from sim.study.chunk import Columns, Floats
from sim.study.sample import Sample
from sim.study.statistics.intervals import (
    CONFIDENCE_LEVEL,
    TRUSTED_N,
    UNKNOWN,
    Interval,
    controlled_mean,
    pairs,
    proportion_interval,
    sampled_mean_difference,
    sampled_quantile_differences,
)
from sim.world.streams import Sampling

if TYPE_CHECKING:
    import pandas as pd

NO_DIFFERENCE = "no practical difference"
NEGLIGIBLE_DAYS = 10 / 24
"""One shift of ten hours: a difference of less means nothing on site."""
DAYS_PER_MONTH = 365.25 / 12
CONTROLLED = "mean by control variates"
TOO_FEW = f"P80 difference is a first indication: fewer than {TRUSTED_N:,} runs"


class NotComparable(SimError):
    """Cases that were not run on the same random numbers."""

    exit_code = 2


@dataclass(frozen=True)
class Difference:
    """One metric of a case against the base; differences are case − base, intervals at `level`.

    `p_better` is the share of replications in which the case is strictly better, `p_equal` that of ties.
    """

    metric: str
    case: str
    base: str
    mean: float
    mean_low: float
    mean_high: float
    p50: float
    p50_low: float
    p50_high: float
    p80: float
    p80_low: float
    p80_high: float
    p_better: float
    p_better_low: float
    p_better_high: float
    p_equal: float
    n: int
    level: float
    remark: str


def compare(
    samples: Mapping[str, Sample],
    directions: Mapping[str, int],
    *,
    base: str | None = None,
    seeds: Mapping[str, int] | None = None,
    negligible_days: float = NEGLIGIBLE_DAYS,
    explained: Mapping[str, Columns] | None = None,
) -> list[Difference]:
    """Return every other case against the base (the first if None), metric by metric, in the order of `directions`.

    `directions`: metric -> −1 (less is better) or +1 (more is); metrics a case lacks are left out. Only the
    replications all cases have are compared, pair by pair. With several cases against one base the intervals
    hold for all of them together at 95 % (Bonferroni). `explained` is what control variates explain of a case's metrics
    (`sim.study.statistics.control_variates`): where it narrows the interval of a mean, it is taken away; the remark says so.
    Raises NotComparable if the `seeds` differ.
    """
    anchor = next(iter(samples)) if base is None else base
    others = [name for name in samples if name != anchor]
    if anchor not in samples or not others:
        raise NotComparable(f"a comparison needs a base and another case; there is only {', '.join(samples)}")
    if seeds and len(set(seeds.values())) > 1:
        texts = ", ".join(f"{name}: {seed}" for name, seed in seeds.items())
        raise NotComparable(f"the cases were not run on the same random numbers; seeds are {texts}")
    if len({sample.sampling for sample in samples.values()}) > 1:
        texts = ", ".join(f"{name}: {sample.sampling.describe(sample.size)}" for name, sample in samples.items())
        raise NotComparable(f"the cases were not run on the same random numbers; they were sampled as {texts}")
    # a replication is paired with the same number of the other case; the surplus of a longer sample has no partner
    n = min(sample.size for sample in samples.values())
    # Bonferroni: k intervals at 1 - a/k hold together at 1 - a
    level = 1 - (1 - CONFIDENCE_LEVEL) / len(others)
    return [
        _difference(
            (metric, name, anchor),
            (_first(samples[name], metric, n), _first(samples[anchor], metric, n)),
            direction,
            level,
            negligible_days,
            samples[anchor].sampling,
            _explained(explained or {}, (name, anchor), metric, n),
        )
        for metric, direction in directions.items()
        for name in others
        if metric in samples[name].runs and metric in samples[anchor].runs
    ]


def _first(sample: Sample, metric: str, n: int) -> Floats:
    """Return a metric of the first n replications, not-a-number where one failed."""
    return np.where(sample.runs["status"][:n] == "failed", np.nan, sample.runs[metric][:n])


def _explained(explained: Mapping[str, Columns], pair: tuple[str, str], metric: str, n: int) -> Floats | None:
    """Return what control variates explain of a metric's first n paired differences; None where they explain nothing."""
    case, base = (explained.get(name, {}).get(metric) for name in pair)
    if case is None and base is None:
        return None
    nothing = np.zeros(n)
    return np.asarray((nothing if case is None else case[:n]) - (nothing if base is None else base[:n]))


def _difference(
    names: tuple[str, str, str],
    values: tuple[Floats, Floats],
    direction: int,
    level: float,
    negligible_days: float,
    sampling: Sampling,
    explained: Floats | None = None,
) -> Difference:
    """Return one row of the comparison; `names` are (metric, case, base), `values` the samples of (case, base)."""
    case, base = values
    controlled = None
    if explained is not None and sampling.is_plain and np.isfinite(case).all() and np.isfinite(base).all():
        controlled = controlled_mean(case - base, explained, level)
    mean = controlled or sampled_mean_difference(case, base, sampling, level)
    p50, p80 = sampled_quantile_differences(case, base, (0.5, 0.8), sampling, level)
    share_better, share_equal = better(case, base, direction, level)
    return Difference(
        *names,
        *_three(mean),
        *_three(p50),
        *_three(p80),
        *_three(share_better),
        share_equal,
        share_better.n,
        level,
        "; ".join(
            filter(None, [_remark(names[0], (mean, p50, p80), base, negligible_days), CONTROLLED * bool(controlled)])
        ),
    )


def _three(interval: Interval) -> tuple[float, float, float]:
    """Return the value and bounds."""
    return interval.value, interval.low, interval.high


def _remark(metric: str, intervals: tuple[Interval, ...], base: Floats, negligible_days: float) -> str:
    """Return remarks on a row, given the intervals of its mean, P50 and P80, in this order."""
    # a stalled replication is infinite: the median of the finite ones says how large the metric is
    finite_values = base[np.isfinite(base)]
    row = metric_of(metric)
    unit = row.unit if row else ""
    negligible = practical(unit, float(np.median(finite_values)) if len(finite_values) else 0.0, negligible_days)
    # by size, not by significance: with enough runs every difference is significant
    known = [abs(interval.value) for interval in intervals if not np.isnan(interval.value)]
    all_negligible = bool(known) and max(known) <= negligible
    too_few = 0 < intervals[-1].n < TRUSTED_N
    return "; ".join([NO_DIFFERENCE] * all_negligible + [TOO_FEW] * too_few)


def better(case: Floats, base: Floats, direction: int, level: float = CONFIDENCE_LEVEL) -> tuple[Interval, float]:
    """Return the share of replications in which `case` beats `base` strictly (Wilson interval), and the share of ties.

    `direction` is −1 where less is better (dates, people, money) and +1 where more is.
    """
    case, base = pairs(case, base)
    if len(case) == 0:
        return UNKNOWN, nan
    # strictly: a tie, usual where a change does not touch the finish, is no win of either
    wins = case > base if direction > 0 else case < base
    return proportion_interval(int(wins.sum()), len(case), level), float((case == base).mean())


def practical(unit: str, base: float, negligible_days: float = NEGLIGIBLE_DAYS) -> float:
    """Below this a difference means nothing on site: 0.1 % of the base, and one shift where the unit is days or months."""
    shift = {"days": negligible_days, "months": negligible_days / DAYS_PER_MONTH}.get(unit, 0.0)
    return max(0.001 * abs(base), shift) if abs(base) < inf else shift


def table(differences: list[Difference]) -> pd.DataFrame:
    """Return the differences as a DataFrame, a row a metric and case."""
    import pandas as pd

    return pd.DataFrame([asdict(difference) for difference in differences])
