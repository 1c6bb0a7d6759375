"""Validation: published projects beside their prediction, and a project's own expectations against its results.

Each check states what was expected, what was observed, and whether it holds, fails, or cannot be decided from so few
runs; it is written as a table for people and as JUnit XML for CI.
"""

from __future__ import annotations

import csv
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, isfinite, isnan, log, nan
from pathlib import Path
from statistics import NormalDist
from typing import Literal
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.config.load import Loaded
from sim.config.project import Expectation, Project
from sim.engine.backends import AUTO
from sim.errors import SimError
from sim.metrics.registry import metric_of
from sim.plan.vocabulary import WORK
from sim.study.api import cores
from sim.study.case import Case, prepare_case
from sim.study.runner import ReportProgress, expectations, require_expectations
from sim.study.runner import run as replicate
from sim.study.sample import MAX_FAILED_SHARE, Sample
from sim.study.statistics.intervals import Interval, quantile

# --- published --------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
Z90 = 1.2815515655446004
NEVER_DAYS = 14_600.0
"""What a date counts for a score that never comes: the longest horizon there is."""
HOUR, DAY, WEEK = 60, 1440, 7 * 1440
SHARES = (0.05, 0.1, 0.5, 0.9, 0.95)


@dataclass(frozen=True)
class Published:
    """One published number: of which case, how it is measured, its low and high value, and its role.

    The role (column `kind`) is `given`: it is an input; `calibrated`: an input was chosen with it in view; `predicted`:
    neither; or `claim`: nothing of the kind has been built. `class_low` and `class_high` are P10 and P90 of its reference
    class; NaN where there is none.
    """

    case: str
    quantity: str
    measure: str
    unit: str
    low: float
    high: float
    role: str
    source: str
    class_low: float = nan
    class_high: float = nan

    @property
    def middle(self) -> float:
        """Return the published number, or the middle of a published range: what a forecast is scored against."""
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class PredictionCheck:
    """A published number, the P5, P10, P50, P90 and P95 predicted for it, and the CRPS of that forecast."""

    published: Published
    p5: float
    p10: float
    p50: float
    p90: float
    p95: float
    runs: int
    score: float
    naive_crps: float

    @property
    def relative_error(self) -> float:
        """Return how far P50 is from the nearer end of what was published, as a share of it; 0 inside."""
        if self.published.low <= self.p50 <= self.published.high:
            return 0.0
        nearer = self.published.low if self.p50 < self.published.low else self.published.high
        return self.p50 / nearer - 1 if nearer else float("inf")

    @property
    def p10_to_p90_holds(self) -> bool:
        """Return whether P10 to P90 has a value in common with what was published."""
        return self.p10 <= self.published.high and self.published.low <= self.p90

    @property
    def p5_to_p95_holds(self) -> bool:
        """Return whether P5 to P95 has a value in common with what was published."""
        return self.p5 <= self.published.high and self.published.low <= self.p95


def crps(values: Floats, observed: float) -> float:
    """Return the continuous ranked probability score of a sample, in the unit of its values; smaller is better.

    The mean distance of the sample from what was observed, less half the mean distance within it (Gneiting and Raftery
    2007, J. Am. Stat. Assoc. 102). For a forecast without spread it is the absolute error.

    >>> crps(np.array([1.0, 3.0]), 2.0)
    0.5
    """
    sorted_values, n = np.sort(values), len(values)
    spread_within = float((sorted_values * (2 * np.arange(n) - n + 1)).sum()) / n**2
    return float(np.abs(sorted_values - observed).mean()) - spread_within


def reference_class(number: Published, size: int = 201) -> Floats:
    """Return a naive forecast, the quantiles of a lognormal with the P10 and P90 of its reference class."""
    if number.class_low == number.class_high:
        return np.full(size, number.class_low)
    middle = log(number.class_low * number.class_high) / 2
    sigma = log(number.class_high / number.class_low) / 2 / Z90
    share = (np.arange(size) + 0.5) / size
    return np.exp(middle + sigma * np.array([NormalDist().inv_cdf(p) for p in share]))


@dataclass(frozen=True)
class PredictionScore:
    """How good the predictions were together: how many held, the mean error, and the mean CRPS, also of the naive forecast.

    `error` is the mean distance of P50 from what was published, `score` and `naive_crps` the mean CRPS, all as shares
    of what was published; not-a-number where there is nothing to judge.
    """

    number: int
    inside: int
    inside_wide: int
    error: float
    score: float
    naive_crps: float


def score_predictions(rows: Sequence[PredictionCheck]) -> PredictionScore:
    """Return the score of all rows that were predicted, not given or calibrated, and have a reference class."""
    judged = [row for row in rows if row.published.role == "predicted" and isfinite(row.naive_crps)]
    if not judged:
        return PredictionScore(0, 0, 0, nan, nan, nan)
    return PredictionScore(
        len(judged),
        sum(row.p10_to_p90_holds for row in judged),
        sum(row.p5_to_p95_holds for row in judged),
        float(np.mean([abs(row.relative_error) for row in judged])),
        float(np.mean([row.score / row.published.middle for row in judged])),
        float(np.mean([row.naive_crps / row.published.middle for row in judged])),
    )


def read_published_numbers(path: Path) -> list[Published]:
    """Read the table of published numbers, a CSV file."""
    rows = csv.DictReader(files.read(path).decode("utf-8").splitlines())
    return [
        Published(
            row["case"], row["quantity"], row["measure"], row["unit"],
            float(row["low"]), float(row["high"]), row["kind"], row["source"],
            float(row["class_low"] or nan), float(row["class_high"] or nan),
        )
        for row in rows
    ]  # fmt: skip


def compare_predictions(case: Case, published: Sequence[Published], runs: int, seed: int = 1) -> list[PredictionCheck]:
    """Simulate a case and return each published number with the quantiles and the CRPS of its prediction."""
    chunk = case.simulate_chunk(seed, 0, runs)
    rows = []
    for number in published:
        name, _, argument = number.measure.partition(":")
        if name in ("hours_of", "days_of", "rate_of"):
            values = _from_logs(case, name, argument, seed, min(runs, 200))
        else:
            values = _from_metrics(case, chunk.runs, chunk.curves, name, argument)
        p5, p10, p50, p90, p95 = (quantile(np.sort(values), share) for share in SHARES)
        naive_score = nan if isnan(number.class_low) else crps(reference_class(number), number.middle)
        finite_values = np.minimum(values, NEVER_DAYS)
        score = crps(finite_values, number.middle)
        rows.append(PredictionCheck(number, p5, p10, p50, p90, p95, len(values), score, naive_score))
    return rows


def _from_metrics(
    case: Case, runs: dict[str, NDArray[np.generic]], curves: dict[str, Floats], name: str, argument: str
) -> Floats:
    """Return a measure of every replication from its metrics or daily curves, in the unit of the published table."""
    if name == "mw_it_on":
        it_share = case.project.block.mw_it.value / case.project.block.mw_gross.value
        return np.asarray(curves["mw_online"][:, int(argument)] * it_share, np.float64)
    if name == "hours_to":
        days = int(argument)
        paid_hours = case.metric_context.paid_by_day[:days]
        return np.asarray(curves["headcount"][:, :days].astype(np.float64) @ paid_hours / 1e6, np.float64)
    if name in ("all_online", "day_of_mw"):
        mw = float(argument) if argument else case.project.scale.capacity_mw
        has_mw = curves["mw_online"] >= mw - 1e-3
        return np.where(has_mw.any(axis=1), has_mw.argmax(axis=1), np.inf)
    if name == "infrastructure":
        parts = ("capital_energise_usd", "capital_shell_and_systems_usd")
        return np.asarray(sum(np.asarray(runs[part], np.float64) for part in parts) / 1e9, np.float64)
    if name == "offsite_share":
        offsite, onsite = (np.asarray(runs[hours], np.float64) for hours in ("offsite_hours_paid", "hours_paid"))
        return np.asarray(offsite / (offsite + onsite))
    if name not in runs:
        raise SimError(f"there is no measure {name!r} of a run")
    values = np.asarray(runs[name], np.float64)
    return values / 1e9 if name.endswith("_usd") else values


def _from_logs(case: Case, name: str, activity: str, seed: int, runs: int) -> Floats:
    """Return a measure of every replication from the log rows of one activity.

    `hours_of`: its man-hours; `days_of`: from its first start to its last end; `rate_of`: how often it ends in a week.
    """
    values = []
    for replication in case.replications(seed, 0, runs):
        end, step, start = replication.outcome.log.T[:3]
        names = np.array([*case.plan.activities, ""])[case.plan.activity_of[step]]
        work = (case.plan.operation_of[step] == WORK) & np.char.startswith(names.astype(str), activity)
        ends, starts = np.sort(end[work]), np.sort(start[work])
        if name == "rate_of":
            # of the middle half: neither the ramp-up nor the last ones
            first, last = len(ends) // 4, 3 * len(ends) // 4
            values.append((last - first) / ((ends[last] - ends[first]) / WEEK))
        elif name == "hours_of":
            values.append(float(replication.content[case.plan.argument_of[step[work]]].sum()) / HOUR)
        else:
            values.append(float(ends[-1] - starts[0]) / DAY)
    return np.array(values)


# --- checked ----------------------------------------------------------------------------------------------------------


Outcome = Literal["holds", "fails", "inconclusive"]
# what XML 1.0 cannot carry, whatever it is escaped with
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class CheckResult:
    """One row of a verification: its group and name, what is expected, what was observed, and whether it holds."""

    group: str
    name: str
    expected: str
    observed: str
    outcome: Outcome
    remark: str = ""


def count(rows: Sequence[CheckResult], outcome: Outcome) -> int:
    """Return how many rows have that outcome."""
    return sum(row.outcome == outcome for row in rows)


def junit(title: str, rows: Sequence[CheckResult]) -> bytes:
    """Return the results as a JUnit XML file: what fails is a failure, what is inconclusive is skipped."""
    suite = ElementTree.Element("testsuite", name=title, tests=str(len(rows)), errors="0")
    suite.set("failures", str(count(rows, "fails")))
    suite.set("skipped", str(count(rows, "inconclusive")))
    for row in rows:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_plain(f"{title}.{row.group}"), name=_plain(row.name)
        )
        text = _plain(f"expected {row.expected}, observed {row.observed}" + (f"; {row.remark}" if row.remark else ""))
        if row.outcome != "holds":
            tag = "failure" if row.outcome == "fails" else "skipped"
            ElementTree.SubElement(case, tag, message=text)
        ElementTree.SubElement(case, "system-out").text = text
    ElementTree.indent(suite)
    return bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"


def _plain(text: str) -> str:
    return _NOT_IN_XML.sub("?", text)


# --- expecting --------------------------------------------------------------------------------------------------------


def verify(
    loaded: Loaded[Project], *, runs: int, seed: int, workers: int | None, progress: ReportProgress | None = None
) -> list[CheckResult]:
    """Run a project and judge what it expects of itself; metrics it does not have are reported before anything is run."""
    require_expectations(loaded)
    case = prepare_case(loaded, engine=AUTO)
    expected = expectations(loaded, case.metrics)
    processes = cores() if workers is None else workers
    return judge(expected, replicate(case, seed=seed, runs=runs, workers=processes, progress=progress))


def judge(expected: Sequence[Expectation], sample: Sample) -> list[CheckResult]:
    """Return every expectation with what was observed, and whether its 95 % interval lies on the promised side."""
    few_failed = sample.count_status("failed") <= MAX_FAILED_SHARE * sample.size
    return [_check_expectation(expectation, _interval_of(expectation, sample), few_failed) for expectation in expected]


def _interval_of(expected: Expectation, sample: Sample) -> Interval:
    share = expected.share
    return sample.mean(expected.metric) if share is None else sample.quantile(expected.metric, share)


def _check_expectation(expected: Expectation, estimate: Interval, few_failed: bool) -> CheckResult:
    """Return the result of one expectation, given the estimate of its statistic with its 95 % interval."""
    outcome, remark = _outcome(expected, estimate), ""
    if isnan(estimate.value):
        outcome, remark = "fails", "there is no such number: replications stalled or failed"
    elif not few_failed and outcome != "fails":
        outcome, remark = "inconclusive", "replications failed, and what is left of them is too good"
    elif outcome == "inconclusive":
        remark = _more_runs(expected, estimate)
    low, high = (_format_value(expected.metric, end) for end in (estimate.low, estimate.high))
    bounds = (
        f"{high} or less" if estimate.low == -inf else f"{low} or more" if estimate.high == inf else f"{low} to {high}"
    )
    observed = f"{_format_value(expected.metric, estimate.value)} (95 %: {bounds}, n = {estimate.n})"
    limit = _format_value(expected.metric, expected.limit, as_stated=True)
    name, promised = f"{expected.metric}.{expected.statistic}", f"{expected.sign} {limit}"
    return CheckResult("expect", name, promised, observed, outcome, remark)


def _outcome(expected: Expectation, estimate: Interval) -> Outcome:
    """Return whether an interval lies on the promised side of the limit, on the other one, or on both."""
    if _meets(expected, estimate.low) and _meets(expected, estimate.high):
        return "holds"
    return "inconclusive" if _meets(expected, estimate.low) or _meets(expected, estimate.high) else "fails"


def _meets(expected: Expectation, value: float) -> bool:
    """Return whether a value is on the promised side of the limit."""
    comparisons = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
    return comparisons[expected.sign](value, expected.limit)


def _more_runs(expected: Expectation, estimate: Interval) -> str:
    """Say how many runs would tell: an interval shrinks with their square root."""
    distance = abs(estimate.value - expected.limit)
    half_width = abs((estimate.high if estimate.value < expected.limit else estimate.low) - estimate.value)
    if distance == 0 or not isfinite(half_width):
        return f"cannot be told from {estimate.n} runs"
    return f"cannot be told from {estimate.n} runs; about {_rounded(estimate.n * (half_width / distance) ** 2):,} would tell"


def _rounded(runs: float) -> int:
    """Return a number of runs, up to the next one of two digits."""
    step = 10 ** max(0, len(str(ceil(runs))) - 2)
    return ceil(runs / step) * step


def _format_value(metric: str, value: float, *, as_stated: bool = False) -> str:
    """Return a metric's value as text, rounded to its step of precision; days as whole days, dollars in millions."""
    definition = metric_of(metric)
    if definition is None or not isfinite(value):
        return f"{value:,.6g}"
    scale, suffix = (1e6, " M") if definition.unit.startswith("$") and definition.step >= 1e4 else (1.0, "")
    rounded = value if as_stated else round(value / definition.step) * definition.step
    text = f"{rounded / scale:,.3f}".rstrip("0").rstrip(".")
    return f"${text}{suffix}" if definition.unit.startswith("$") else text
