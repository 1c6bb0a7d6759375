"""Validation: published projects beside their prediction, and a project's own expectations against its results.

Each check states what was expected, what was observed, and whether it holds, fails, or cannot be decided from so few
runs; it is written as a table for people and as JUnit XML for CI.
"""

from __future__ import annotations

import csv
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
from sim.config.project import Expectation, Project, parse_expectation
from sim.config.source_positions import Fault, nearest_position, problem_of
from sim.engine.backends import AUTO
from sim.errors import NOTHING, ConfigError, SimError, did_you_mean
from sim.metrics.registry import metric_of
from sim.plan.vocabulary import WORK
from sim.study.api import cores
from sim.study.case import Case, prepare_case
from sim.study.intervals import Interval, quantile
from sim.study.runner import Progress
from sim.study.runner import run as replicate
from sim.study.sample import QUOTABLE_FAILED_SHARE, Sample

# --- published --------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
Z90 = 1.2815515655446004
NEVER_DAYS = 14_600.0
"""What a date counts for a score that never comes: the longest horizon there is."""
HOUR, DAY, WEEK = 60, 1440, 7 * 1440
SHARES = (0.05, 0.1, 0.5, 0.9, 0.95)


@dataclass(frozen=True)
class Fact:
    """One published number: of which case, how it is measured, between what and what, and how the model got it.

    `given`: it is an input. `calibrated`: an input was chosen with it in view. `predicted`: neither. `claim`: nothing of
    the kind has been built. `class_low` and `class_high` are P10 and P90 of its reference class; NaN where there is none.
    """

    case: str
    quantity: str
    measure: str
    unit: str
    low: float
    high: float
    kind: str
    source: str
    class_low: float = nan
    class_high: float = nan

    @property
    def middle(self) -> float:
        """The published number, or the middle of a published range: what a forecast is scored against."""
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class Compared:
    """A published number beside P5, P10, P50, P90 and P95 of what is predicted, and the score of the forecast."""

    fact: Fact
    p5: float
    p10: float
    p50: float
    p90: float
    p95: float
    runs: int
    score: float
    naive_crps: float

    @property
    def off(self) -> float:
        """How far P50 is from the nearer end of what was published, as a share of it; 0 inside."""
        if self.fact.low <= self.p50 <= self.fact.high:
            return 0.0
        nearer = self.fact.low if self.p50 < self.fact.low else self.fact.high
        return self.p50 / nearer - 1 if nearer else float("inf")

    @property
    def overlaps(self) -> bool:
        """Whether P10 to P90 has a value in common with what was published."""
        return self.p10 <= self.fact.high and self.fact.low <= self.p90

    @property
    def overlaps_wide(self) -> bool:
        """Whether P5 to P95 has a value in common with what was published."""
        return self.p5 <= self.fact.high and self.fact.low <= self.p95


def crps(values: Floats, seen: float) -> float:
    """Return the continuous ranked probability score of a sample, in the unit of its values; smaller is better.

    The mean distance of the sample from what was seen, less half the mean distance within it (Gneiting and Raftery
    2007, J. Am. Stat. Assoc. 102). For a forecast without spread it is the absolute error.

    >>> crps(np.array([1.0, 3.0]), 2.0)
    0.5
    """
    ordered, n = np.sort(values), len(values)
    within = float((ordered * (2 * np.arange(n) - n + 1)).sum()) / n**2
    return float(np.abs(ordered - seen).mean()) - within


def reference_class(fact: Fact, size: int = 201) -> Floats:
    """Return a naive forecast, the quantiles of a lognormal with the P10 and P90 of the fact's reference class."""
    if fact.class_low == fact.class_high:
        return np.full(size, fact.class_low)
    middle, spread = log(fact.class_low * fact.class_high) / 2, log(fact.class_high / fact.class_low) / 2 / Z90
    share = (np.arange(size) + 0.5) / size
    return np.exp(middle + spread * np.array([NormalDist().inv_cdf(one) for one in share]))


@dataclass(frozen=True)
class Scored:
    """How good the predictions were together: how many held, the mean error, and the score beside the naive one's.

    `error` is the mean distance of P50 from what was published, `score` and `naive_crps` the mean CRPS, all as shares
    of what was published; not-a-number where there is nothing to judge.
    """

    number: int
    inside: int
    inside_wide: int
    error: float
    score: float
    naive_crps: float


def scored(rows: Sequence[Compared]) -> Scored:
    """Return how good the predictions were that were made of something built and have a reference class."""
    judged = [row for row in rows if row.fact.kind == "predicted" and isfinite(row.naive_crps)]
    if not judged:
        return Scored(0, 0, 0, nan, nan, nan)
    return Scored(
        len(judged),
        sum(row.overlaps for row in judged),
        sum(row.overlaps_wide for row in judged),
        float(np.mean([abs(row.off) for row in judged])),
        float(np.mean([row.score / row.fact.middle for row in judged])),
        float(np.mean([row.naive_crps / row.fact.middle for row in judged])),
    )


def facts(path: Path) -> list[Fact]:
    """Read the table of published numbers."""
    rows = csv.DictReader(files.read(path).decode("utf-8").splitlines())
    return [
        Fact(
            row["case"], row["quantity"], row["measure"], row["unit"],
            float(row["low"]), float(row["high"]), row["kind"], row["source"],
            float(row["class_low"] or nan), float(row["class_high"] or nan),
        )
        for row in rows
    ]  # fmt: skip


def compared(case: Case, found: Sequence[Fact], runs: int, seed: int = 1) -> list[Compared]:
    """Run a case and put what is predicted beside what was published."""
    chunk = case.simulate_chunk(seed, 0, runs)
    rows = []
    for fact in found:
        name, _, argument = fact.measure.partition(":")
        if name in ("hours_of", "days_of", "rate_of"):
            values = _of_logs(case, name, argument, seed, min(runs, 200))
        else:
            values = _of_runs(case, chunk.runs, chunk.curves, name, argument)
        p5, p10, p50, p90, p95 = (quantile(np.sort(values), share) for share in SHARES)
        naive = nan if isnan(fact.class_low) else crps(reference_class(fact), fact.middle)
        finite = np.minimum(values, NEVER_DAYS)
        rows.append(Compared(fact, p5, p10, p50, p90, p95, len(values), crps(finite, fact.middle), naive))
    return rows


def _of_runs(
    case: Case, runs: dict[str, NDArray[np.generic]], curves: dict[str, Floats], name: str, argument: str
) -> Floats:
    """A measure of every replication from its metrics or its daily curves, in the unit of the table."""
    if name == "mw_it_on":
        block = case.project.block
        return np.asarray(
            curves["mw_online"][:, int(argument)] * (block.mw_it.value / block.mw_gross.value), np.float64
        )
    if name == "hours_to":
        days = int(argument)
        paid = case.metric_context.paid_by_day[:days]
        return np.asarray(curves["headcount"][:, :days].astype(np.float64) @ paid / 1e6, np.float64)
    if name in ("all_online", "day_of_mw"):
        mw = float(argument) if argument else case.project.scale.capacity_mw
        there = curves["mw_online"] >= mw - 1e-3
        return np.where(there.any(axis=1), there.argmax(axis=1), np.inf)
    if name == "infrastructure":
        parts = ("capital_energise_usd", "capital_shell_and_systems_usd")
        return np.asarray(sum(np.asarray(runs[part], np.float64) for part in parts) / 1e9, np.float64)
    if name == "offsite_share":
        off, on = (np.asarray(runs[hours], np.float64) for hours in ("offsite_hours_paid", "hours_paid"))
        return np.asarray(off / (off + on))
    if name not in runs:
        raise SimError(f"there is no measure {name!r} of a run")
    values = np.asarray(runs[name], np.float64)
    return values / 1e9 if name.endswith("_usd") else values


def _of_logs(case: Case, name: str, activity: str, seed: int, runs: int) -> Floats:
    """A measure of every replication from the log of one activity: how long it took, or how often a week."""
    values = []
    for done in case.replications(seed, 0, runs):
        log = done.outcome.log
        names = np.array([*case.plan.activities, ""])[case.plan.activity_of[log[:, 1]]]
        work = (case.plan.rows[log[:, 1], 0] == WORK) & np.char.startswith(names.astype(str), activity)
        ends, begins = np.sort(log[work, 0]), np.sort(log[work, 2])
        if name == "rate_of":
            # the middle half: neither the ramp nor the last ones
            first, last = len(ends) // 4, 3 * len(ends) // 4
            values.append((last - first) / ((ends[last] - ends[first]) / WEEK))
        elif name == "hours_of":
            values.append(float(done.content[case.plan.rows[log[work, 1], 1]].sum()) / HOUR)
        else:
            values.append(float(ends[-1] - begins[0]) / DAY)
    return np.array(values)


# --- checked ----------------------------------------------------------------------------------------------------------


Outcome = Literal["holds", "fails", "inconclusive"]
# what XML 1.0 cannot carry, whatever it is escaped with
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Checked:
    """One row of a verification: its group and name, what is expected, what was observed, how it went."""

    group: str
    name: str
    expected: str
    observed: str
    outcome: Outcome
    remark: str = ""


def count(rows: Sequence[Checked], outcome: Outcome) -> int:
    """How many rows have that outcome."""
    return sum(row.outcome == outcome for row in rows)


def junit(title: str, rows: Sequence[Checked]) -> bytes:
    """Rows as a JUnit file: what fails is a failure, what could not be decided is skipped."""
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
    return _UNSPEAKABLE.sub("?", text)


# --- expecting --------------------------------------------------------------------------------------------------------


KEY = "expect"


def expectations(loaded: Loaded[Project], metrics: Sequence[str]) -> tuple[Expectation, ...]:
    """A project's expectations; ConfigError where there are none, or one names a metric that there is not."""
    lines = loaded.value.expect
    found = [parse_expectation(line) for line in lines]
    wrong = [
        _fault(loaded, number, line, "a metric of this project", did_you_mean(one.metric, metrics))
        for number, (line, one) in enumerate(zip(lines, found, strict=True))
        if one.metric not in metrics
    ]
    if not lines:
        message = "states nothing to verify: add lines such as [peak_workforce_onsite.p80 < 450]"
        wrong = [Fault((KEY,), nearest_position(loaded.positions, (KEY,)), NOTHING, message)]
    if wrong:
        raise ConfigError(problem_of(fault, loaded.tree) for fault in wrong)
    return tuple(found)


def _fault(loaded: Loaded[Project], number: int, line: str, message: str, hint: str) -> Fault:
    address = (KEY, number)
    return Fault(address, nearest_position(loaded.positions, address), line, message, hint)


def verify(
    loaded: Loaded[Project], *, runs: int, seed: int, workers: int | None, progress: Progress | None = None
) -> list[Checked]:
    """Run a project and judge what it expects of itself; metrics it does not have are reported before anything is run."""
    if not loaded.value.expect:
        expectations(loaded, ())
    case = prepare_case(loaded, engine=AUTO)
    expected = expectations(loaded, case.metrics)
    processes = cores() if workers is None else workers
    return judge(expected, replicate(case, seed=seed, runs=runs, workers=processes, progress=progress))


def judge(expected: Sequence[Expectation], sample: Sample) -> list[Checked]:
    """Every expectation with what was observed, and whether its 95 % interval lies on the promised side."""
    quotable = sample.having("failed") <= QUOTABLE_FAILED_SHARE * sample.size
    return [_judged(one, _known(one, sample), quotable) for one in expected]


def _known(one: Expectation, sample: Sample) -> Interval:
    share = one.share
    return sample.mean(one.metric) if share is None else sample.quantile(one.metric, share)


def _judged(one: Expectation, known: Interval, quotable: bool) -> Checked:
    """One expectation beside its interval."""
    outcome, remark = _outcome(one, known), ""
    if isnan(known.value):
        outcome, remark = "fails", "there is no such number: replications stalled or failed"
    elif not quotable and outcome != "fails":
        outcome, remark = "inconclusive", "replications failed, and what is left of them is too good"
    elif outcome == "inconclusive":
        remark = _more_runs(one, known)
    low, high = (_told(one.metric, end) for end in (known.low, known.high))
    between = f"{high} or less" if known.low == -inf else f"{low} or more" if known.high == inf else f"{low} to {high}"
    observed = f"{_told(one.metric, known.value)} (95 %: {between}, n = {known.n})"
    limit = _told(one.metric, one.limit, as_stated=True)
    return Checked("expect", f"{one.metric}.{one.statistic}", f"{one.sign} {limit}", observed, outcome, remark)


def _outcome(one: Expectation, known: Interval) -> Outcome:
    """Whether an interval lies on the promised side of the limit, on the other one, or on both."""
    if _meets(one, known.low) and _meets(one, known.high):
        return "holds"
    return "inconclusive" if _meets(one, known.low) or _meets(one, known.high) else "fails"


def _meets(one: Expectation, value: float) -> bool:
    """Whether a number keeps the promise."""
    match one.sign:
        case "<":
            return value < one.limit
        case "<=":
            return value <= one.limit
        case ">":
            return value > one.limit
        case ">=":
            return value >= one.limit


def _more_runs(one: Expectation, known: Interval) -> str:
    """Say how many runs would tell: an interval shrinks with their square root."""
    distance = abs(known.value - one.limit)
    half = abs((known.high if known.value < one.limit else known.low) - known.value)
    if distance == 0 or not isfinite(half):
        return f"cannot be told from {known.n} runs"
    return f"cannot be told from {known.n} runs; about {_rounded(known.n * (half / distance) ** 2):,} would tell"


def _rounded(runs: float) -> int:
    """A number of runs, up to the next one of two digits."""
    step = 10 ** max(0, len(str(ceil(runs))) - 2)
    return ceil(runs / step) * step


def _told(metric: str, value: float, *, as_stated: bool = False) -> str:
    """Return a number of a metric to the place at which it is known, days as whole days and dollars in millions."""
    known = metric_of(metric)
    if known is None or not isfinite(value):
        return f"{value:,.6g}"
    scale, word = (1e6, " M") if known.unit.startswith("$") and known.step >= 1e4 else (1.0, "")
    shown = value if as_stated else round(value / known.step) * known.step
    text = f"{shown / scale:,.3f}".rstrip("0").rstrip(".")
    return f"${text}{word}" if known.unit.startswith("$") else text
