"""Run until a number is known well enough: `1%@p80:lead_time_full_days`.

The sample grows by index, 200, 260, 338 … replications, so where it stops depends on the numbers alone, not
on who was quick. Stopping so costs a little of the interval's coverage (measured: 94.5 % instead of 95 %).
Where luck is spread evenly it grows by whole randomisations.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from math import ceil, isfinite

from sim.errors import SimError
from sim.study.chunk import Floats
from sim.study.intervals import Interval
from sim.study.randomised import quantile_known
from sim.world.sampling import PLAIN, Sampling

FIRST = 200
GROWTH = 1.3
MAX_RUNS = 5000
_WORDING = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*@\s*[pP]([0-9]{1,2})\s*:\s*([a-z0-9_]+)\s*")


class WrongPrecision(SimError):
    """A precision that cannot be understood or met."""

    exit_code = 2


@dataclass(frozen=True)
class Precision:
    """The half-width of the 95 % interval a quantile of a metric is to have, as a share of the quantile."""

    half_width: float
    quantile: float
    metric: str
    max_runs: int = MAX_RUNS
    sampling: Sampling = PLAIN

    @property
    def _name(self) -> str:
        """The quantile as people call it."""
        return f"P{100 * self.quantile:.0f} of {self.metric}"

    @property
    def first(self) -> int:
        """How many replications to begin with."""
        return self.sampling.fit(min(FIRST, self.max_runs))

    def next(self, runs: int) -> int:
        """How many replications to go on to."""
        return self.sampling.fit(min(ceil(runs * GROWTH), self.max_runs))

    def interval(self, values: Floats) -> Interval:
        """The quantile and how well these values know it; not-a-number where a replication failed."""
        return quantile_known(values, self.quantile, self.sampling)

    def reached(self, values: Floats) -> bool:
        """Whether these values know the quantile well enough."""
        interval = self.interval(values)
        return isfinite(interval.value) and interval.half_width <= self.half_width * abs(interval.value)

    def remark(self, values: Floats, runs: int) -> str:
        """What to print beside the result: how well it is known, and whether the cap came first."""
        asked = f"±{100 * self.half_width:g} % of {self._name} was asked"
        is_known = f"±{100 * _relative(self.interval(values)):.2g} % after {runs:,} runs"
        if self.reached(values):
            return f"{asked}: {is_known}"
        return f"{asked} and not reached: {is_known}, the most allowed"


def _relative(interval: Interval) -> float:
    """Half-width as a share of the value."""
    return interval.half_width / abs(interval.value) if interval.value else float("inf")


def parse(text: str, metrics: tuple[str, ...], max_runs: int = MAX_RUNS, sampling: Sampling = PLAIN) -> Precision:
    """Read `1%@p80:lead_time_full_days`; WrongPrecision says what is allowed."""
    match = _WORDING.fullmatch(text)
    if not match:
        raise WrongPrecision(f"--precision {text}: write it like 1%@p80:lead_time_full_days")
    share, percentile, metric = float(match[1]) / 100, int(match[2]), match[3]
    if metric not in metrics:
        near = difflib.get_close_matches(metric, metrics, 1)
        meant = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(metrics)}"
        raise WrongPrecision(f"--precision {text}: there is no metric {metric}{meant}")
    if not 0 < share < 1 or percentile < 1 or max_runs < 1:
        raise WrongPrecision(f"--precision {text}: above 0 % and below 100 %, p1 to p99, at least 1 run")
    return Precision(share, percentile / 100, metric, max_runs, sampling)
