"""A project's own expectations, judged by what is known: they hold, they fail, or so few runs cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite, isnan

from sim.config.allowed import did_you_mean
from sim.config.expectations import Expectation, parsed
from sim.config.loading import Loaded
from sim.config.positions import Fault, nearest, problem_of
from sim.config.project import Project
from sim.errors import NOTHING, ConfigError
from sim.study.checked import Checked, Outcome
from sim.study.intervals import Interval
from sim.study.runner import Progress
from sim.study.runner import run as replicate
from sim.study.running import cores, laid_out
from sim.study.sample import Sample
from sim.study.summary import QUOTABLE_FAILED_SHARE

KEY = "expect"


def expectations(loaded: Loaded[Project], metrics: Sequence[str]) -> tuple[Expectation, ...]:
    """A project's expectations; ConfigError where there are none, or one names a metric that there is not."""
    lines = loaded.value.expect
    found = [parsed(line) for line in lines]
    wrong = [
        _fault(loaded, number, line, "a metric of this project", did_you_mean(one.metric, metrics))
        for number, (line, one) in enumerate(zip(lines, found, strict=True))
        if one.metric not in metrics
    ]
    if not lines:
        message = "states nothing to verify: add lines such as [peak_workforce_onsite.p80 < 450]"
        wrong = [Fault((KEY,), nearest(loaded.positions, (KEY,)), NOTHING, message)]
    if wrong:
        raise ConfigError(problem_of(fault, loaded.tree) for fault in wrong)
    return tuple(found)


def _fault(loaded: Loaded[Project], number: int, line: str, message: str, hint: str) -> Fault:
    address = (KEY, number)
    return Fault(address, nearest(loaded.positions, address), line, message, hint)


def verify(
    loaded: Loaded[Project], *, runs: int, seed: int, workers: int | None, progress: Progress | None = None
) -> list[Checked]:
    """Run a project and judge what it expects of itself; metrics it does not have are told before anything is run."""
    if not loaded.value.expect:
        expectations(loaded, ())
    case = laid_out(loaded, "mc", runs)
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
    observed = f"{_told(known.value)} (95 %: {_told(known.low)} to {_told(known.high)}, n = {known.n})"
    name = f"{one.metric}.{one.statistic}"
    return Checked("expect", name, f"{one.sign} {_told(one.limit)}", observed, outcome, remark)


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


def _told(value: float) -> str:
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:.6g}"
