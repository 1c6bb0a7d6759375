"""Fitting distributions to a user's history: a table of durations, lead times, hours or failures becomes an estimate.

Candidates are the lognormal, gamma and Weibull distributions, fitted by maximum likelihood (`scipy.stats`) with rows that
are not finished yet as right-censored. The one with the smallest AICc (Akaike's criterion corrected for small samples;
Burnham and Anderson 2002, section 2.4) is taken. The goodness of fit is the largest distance D between it and the
Kaplan-Meier estimate, with a p-value from a parametric bootstrap.

Below eight finished rows no shape can be chosen: the lognormal's prediction interval is used, which is wider the fewer
there are (Student's t of the logarithms; Hahn and Meeker 1991, section 4.3). Below three rows nothing is fitted.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from math import exp, inf, isfinite, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.arguments import checked_arguments
from sim.config.overrides import address_in, change_to_set
from sim.config.project import Project
from sim.config.sections.estimates import Estimate, Figure
from sim.config.source_positions import Address, allowed_at, child, value_at
from sim.config.units import Workday, conversion, units_named
from sim.errors import SimError

Floats = NDArray[np.float64]
MIN_FINISHED, FEW = 3, 8
BOOTSTRAPS, SEED = 200, 20_261_128
BANDS = (4.7,) * 10 + (6.0,) + (4.7,) * 10
"""Percent of the values that stand for a gamma or a Weibull distribution, which a configuration has no name for. The
middle one is the likeliest, so that the median is what is planned."""
MAX_BYTES, MAX_ROWS = 10_000_000, 100_000
YES, NO = {"1", "true", "yes", "y"}, {"0", "false", "no", "n", ""}
DAYS_AS_WORKING = ", taken as working days"
CANDIDATES = ("lognormal", "gamma", "Weibull")


class WrongHistory(SimError):
    """A table from which nothing can be estimated."""

    exit_code = 2


@dataclass(frozen=True)
class History:
    """The rows of a table: finished values, right-censored (unfinished) values, or failures among tests."""

    file: str
    column: str
    finished: Floats
    unfinished: Floats
    failed: int = 0
    tested: int = 0


@dataclass(frozen=True)
class Candidate:
    """A fitted distribution: its name, scipy's parameters, and its AICc."""

    name: str
    shape: float
    scale: float
    aicc: float

    def cdf(self, x: Floats) -> Floats:
        """Return the probability of at most x."""
        return np.asarray(_scipy_distribution(self.name).cdf(x, self.shape, scale=self.scale), dtype=np.float64)

    def ppf(self, share: Floats | float) -> Floats:
        """Return the quantile of a share."""
        return np.asarray(_scipy_distribution(self.name).ppf(share, self.shape, scale=self.scale), dtype=np.float64)


@dataclass(frozen=True)
class Fit:
    r"""What a history says: the estimate as a configuration has it, the candidates (the best first), and how well it fits.

    `distance` is the largest distance between the best and what was observed, `p_value` how often a sample of the best
    has a larger one (None with unfinished rows, or where no shape was chosen).

    >>> from pathlib import Path
    >>> _ = Path("tests.csv").write_text("failed,tested\n3,40\n")
    >>> sim.fit("tests.csv").estimate["value"]
    0.075
    """

    history: History
    estimate: Mapping[str, Any]
    candidates: tuple[Candidate, ...] = ()
    distance: float = float("nan")
    p_value: float | None = None

    def describe(self) -> Iterator[str]:
        """Yield the result as lines of text: the rows, the chosen distribution, how well it fits."""
        history = self.history
        if history.tested:
            yield f"{history.failed} of {history.tested} failed: {self.estimate['value']:.3g}"
            yield f"95 % interval {self.estimate['low']:.3g} to {self.estimate['high']:.3g} (Wilson)"
            return
        finished, unfinished = len(history.finished), len(history.unfinished)
        censored = f", {unfinished} not finished yet (longer than so far)" if unfinished else ""
        yield f"{finished} finished rows of {history.column}{censored}; median {np.median(history.finished):.4g}"
        if finished < FEW:
            yield f"n = {finished} is below {FEW}: no shape can be told; a lognormal, widened for so few, is written"
            return
        best = self.candidates[0]
        differences = ", ".join(f"{candidate.name} {candidate.aicc - best.aicc:+.1f}" for candidate in self.candidates)
        yield f"{best.name}, by the smallest AICc (differences: {differences})"
        p_value = "" if self.p_value is None else f", p = {self.p_value:.2f} of {BOOTSTRAPS} samples of it"
        yield f"largest distance to what was observed D = {self.distance:.3f}{p_value}"
        if self.p_value is not None and self.p_value < 0.05:
            yield "the fit is poor: look at the picture, and whether the rows are of one kind"


# --- the table --------------------------------------------------------------------------------------------------------


def read_history(path: Path, column: str | None = None) -> History:
    """Read a CSV: a column of numbers, `finished` (yes or no), `units` to divide by; or `failed` and `tested`.

    WrongHistory names line and value. Without `column`, the first column of numbers that has none of these names.
    """
    lines = files.read(path, MAX_BYTES).decode("utf-8-sig", errors="replace").splitlines()
    rows = [{str(key).strip(): (value or "").strip() for key, value in row.items()} for row in csv.DictReader(lines)]
    if not rows or len(rows) > MAX_ROWS:
        raise WrongHistory(f"{path}: {len(rows):,} rows; 1 to {MAX_ROWS:,} below a line of column names are read")
    names = list(rows[0])
    if column is None and {"failed", "tested"} <= set(names):
        failed, tested = (
            sum(_number(path, line, row, name) for line, row in enumerate(rows, 2)) for name in ("failed", "tested")
        )
        if not 0 <= failed <= tested or tested < 1:
            raise WrongHistory(f"{path}: {failed:g} failed of {tested:g} tested: no share")
        return History(path.name, "failed", np.empty(0), np.empty(0), int(failed), int(tested))
    name = column or _column(path, names, rows[0])
    if name not in names:
        raise WrongHistory(f"{path}:1: no column {name!r}; there are {', '.join(names)}")
    finished: list[float] = []
    unfinished: list[float] = []
    for line, row in enumerate(rows, 2):
        value = _number(path, line, row, name) / (_number(path, line, row, "units") if "units" in row else 1.0)
        if not 0 < value < inf:
            raise WrongHistory(f"{path}:{line}: {name} is {row[name]!r}, more than 0 expected")
        (finished if _is_finished(path, line, row) else unfinished).append(value)
    return History(path.name, name, np.array(finished), np.array(unfinished))


def _column(path: Path, names: Sequence[str], row: Mapping[str, str]) -> str:
    """Return the name of the column of numbers: the only one, or the one called `value` or with a unit in its name."""
    numeric = [name for name in names if name not in ("finished", "units") and _is_number(row[name])]
    with_unit = [name for name in numeric if name.lower() == "value" or units_named(name)]
    if len(with_unit or numeric) != 1:
        raise WrongHistory(f"{path}:1: columns of numbers are {', '.join(numeric) or 'none'}; name one with --column")
    return (with_unit or numeric)[0]


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _number(path: Path, line: int, row: Mapping[str, str], name: str) -> float:
    """Return the number of a row in a column."""
    text = row[name]
    if not _is_number(text) or (name == "units" and float(text) <= 0):
        raise WrongHistory(f"{path}:{line}: {name} is {text[:40]!r}, a number {'above 0 ' * (name == 'units')}expected")
    return float(text)


def _is_finished(path: Path, line: int, row: Mapping[str, str]) -> bool:
    """Return whether a row is finished; without a column that says so, all are."""
    text = row.get("finished", "yes").lower()
    if text not in YES | NO:
        raise WrongHistory(f"{path}:{line}: finished is {text[:40]!r}, yes or no expected")
    return text in YES


# --- the fit ----------------------------------------------------------------------------------------------------------


@checked_arguments
def fit(history: History | str | Path, column: str | None = None) -> Fit:
    r"""Return the estimate of own history, a CSV or what was read of one; WrongHistory where there is too little in it.

    A CSV has a `column` of durations, lead times or hours, and perhaps `finished` and `units`; or `failed` and `tested`.
    `Fit.estimate` is what a configuration takes, in the unit of the column; `Fit.candidates` is what was compared by AICc.
    `sim fit` writes the YAML, in the unit of its key.

    >>> from pathlib import Path
    >>> _ = Path("welding.csv").write_text("days\n" + "\n".join("4 5 5 6 7".split()))
    >>> sim.fit("welding.csv").estimate["median"]
    5.305
    """
    if not isinstance(history, History):
        history = read_history(Path(history), column)
    if history.tested:
        return Fit(history, _share_estimate(history.failed, history.tested))
    if len(history.finished) < MIN_FINISHED:
        raise WrongHistory(
            f"{history.file}: {len(history.finished)} finished rows; at least {MIN_FINISHED} say something"
        )
    if len(history.finished) < FEW:
        return Fit(history, _estimate_from_few(history.finished))
    candidates = sorted((_fitted(name, history) for name in CANDIDATES), key=lambda candidate: candidate.aicc)
    best = candidates[0]
    distance = _distance(best, history)
    p_value = None if len(history.unfinished) else _p_value(best, len(history.finished), distance)
    return Fit(history, _as_estimate(best), tuple(candidates), distance, p_value)


def _scipy_distribution(name: str) -> Any:
    from scipy import stats

    return {"lognormal": stats.lognorm, "gamma": stats.gamma, "Weibull": stats.weibull_min}[name]


def _fitted(name: str, history: History) -> Candidate:
    """Fit one candidate distribution by maximum likelihood, with location 0; return it with its AICc."""
    from scipy.stats import CensoredData

    data = CensoredData(uncensored=history.finished, right=history.unfinished)
    shape, _, scale = (float(number) for number in _scipy_distribution(name).fit(data, floc=0))
    log_likelihood = _scipy_distribution(name).logpdf(history.finished, shape, scale=scale).sum()
    log_likelihood += _scipy_distribution(name).logsf(history.unfinished, shape, scale=scale).sum()
    n, parameters = len(history.finished) + len(history.unfinished), 2
    return Candidate(name, shape, scale, float(2 * parameters - 2 * log_likelihood + 12 / (n - parameters - 1)))


def _as_estimate(best: Candidate) -> dict[str, Any]:
    """Return a candidate as an estimate: a lognormal by median and P90, others by the middles of bands of its values."""
    if best.name == "lognormal":
        median, p90 = (_round(float(value)) for value in best.ppf(np.array([0.5, 0.9])))
        return {"median": median, "p90": p90}
    widths = np.array(BANDS) / 100
    return {"values": [_round(float(v)) for v in best.ppf(np.cumsum(widths) - widths / 2)], "weights": [*BANDS]}


def _estimate_from_few(values: Floats) -> dict[str, Any]:
    """Return the estimate from few values: a lognormal whose P90 is that of a prediction of the next value."""
    from scipy.special import stdtrit

    logs, n = np.log(values), len(values)
    mean, deviation = float(logs.mean()), float(logs.std(ddof=1))
    to_p90 = float(stdtrit(n - 1, 0.9)) * deviation * sqrt(1 + 1 / n)
    return {"median": _round(exp(mean)), "p90": _round(exp(mean + to_p90))}


def _share_estimate(failed: int, tested: int) -> dict[str, Any]:
    """Return the estimate of a share of failures, with its 95 % interval (Wilson 1927)."""
    z, p = 1.959963984540054, failed / tested
    center, half_width = p + z * z / (2 * tested), z * sqrt(p * (1 - p) / tested + z * z / (4 * tested * tested))
    low, high = ((center + sign * half_width) / (1 + z * z / tested) for sign in (-1, 1))
    return {"value": _round(p), "low": _round(max(0.0, min(low, p))), "high": _round(min(1.0, max(high, p)))}


def _round(value: float) -> float:
    """Return a number rounded to four significant digits."""
    return float(f"{value:.4g}") if value else 0.0


def kaplan_meier(history: History) -> tuple[Floats, Floats]:
    """Return the different finished values in order, and the Kaplan-Meier estimate of the CDF at each."""
    values, events = np.unique(history.finished, return_counts=True)
    all_values = np.sort(np.concatenate([history.finished, history.unfinished]))
    at_risk = len(all_values) - np.searchsorted(all_values, values)
    return values, 1 - np.cumprod(1 - np.divide(events, at_risk, dtype=np.float64))


def _distance(candidate: Candidate, history: History) -> float:
    """Return the largest distance between a fitted CDF and the Kaplan-Meier estimate, on both sides of its steps."""
    values, after_step = kaplan_meier(history)
    before_step = np.concatenate([[0.0], after_step[:-1]])
    fitted = candidate.cdf(values)
    return float(np.maximum(np.abs(after_step - fitted), np.abs(before_step - fitted)).max())


def _p_value(best: Candidate, n: int, distance: float) -> float:
    """Return the share of bootstrap samples of a distribution whose own fit is at least at this distance."""
    generator = np.random.Generator(np.random.Philox(SEED))
    at_least = 0
    for _ in range(BOOTSTRAPS):
        resample = History("", "", best.ppf(generator.random(n)), np.empty(0))
        at_least += _distance(_fitted(best.name, resample), resample) >= distance
    return at_least / BOOTSTRAPS


# --- a fragment of a configuration ------------------------------------------------------------------------------------


def fragment(fitted: Fit, key: str, project: Project, unit: str = "") -> tuple[str, str]:
    """Return the YAML of an estimate at a key of a configuration like that of `project`, and the same as an override.

    The unit is the one that is given, else the one that the column has in its name, else the key's; numbers are written
    in the key's, and the source says what was converted. A list is written whole, with the one element (by its id)
    changed; a duration is written as `{days: …}`. WrongHistory for a unit of another quantity.
    """
    history = fitted.history
    tree = project.model_dump(mode="json", exclude_none=True)
    rows = history.tested or len(history.finished) + len(history.unfinished)
    factor, assumption = factor_to_key_unit(history, key, project, unit)
    method = f"; {fitted.candidates[0].name} by AICc, D {fitted.distance:.2f}" if fitted.candidates else ""
    source = f"{history.file}: {rows} rows of {history.column}{assumption}{method}"
    path, value = change_to_set(tree, key.split("."), {**_multiplied(fitted.estimate, factor), "source": source})
    lines = [f"{'  ' * depth}{part}:" for depth, part in enumerate(path)]
    elements = value if isinstance(value, list) else []
    lines[-1] += "" if elements else f" {dumps(value, ensure_ascii=False)}"
    lines += [f"{'  ' * len(path)}- {dumps(element, ensure_ascii=False)}" for element in elements]
    comments = [f"# {line}" for line in (*fitted.describe(), *unit_note(assumption))]
    return "\n".join([*comments, *lines]) + "\n", f"{'.'.join(path)}={dumps(value, ensure_ascii=False)}"


def unit_note(assumption: str) -> list[str]:
    """Return the line about the unit that was assumed for a column, as of `factor_to_key_unit`; none without one."""
    note = '; if they are days of the calendar, add --unit "calendar days"' if assumption == DAYS_AS_WORKING else ""
    return [f"the column is{assumption.removeprefix(',')}{note}"] if assumption else []


def factor_to_key_unit(history: History, key: str, project: Project, unit: str = "") -> tuple[float, str]:
    """Return (factor from a history's unit to that of a key, the assumption as text); WrongHistory where none fits."""
    tree = project.model_dump(mode="json", exclude_none=True)
    change_to_set(tree, key.split("."), {})  # raises for a key that does not exist
    allowed = allowed_at(Project, _number_address(key, tree))
    number_type = Figure if history.tested else Estimate
    if history.tested and allowed.unit not in ("probability", "share", ""):
        raise WrongHistory(f"{history.file}: failed of tested is a share, and {key} is in {allowed.unit}")
    if number_type not in allowed.types:
        is_number = {Figure, Estimate, float, int} & {*allowed.types}
        reason = "it is a constant" if is_number else f"in it there is {', '.join(allowed.fields()) or 'no number'}"
        raise WrongHistory(f"{key} is not a {'share' if history.tested else 'number that is drawn'}: {reason}")
    if history.tested:
        return 1.0, ""
    whose = f'--unit "{unit}"' if unit else f"{history.file}: the column {history.column!r}"
    factor, assumption = conversion(unit or history.column, allowed.unit, _workday(key, tree, project), whose, key)
    if unit and not units_named(unit):
        raise WrongHistory(f'{whose} is no unit that is known; such are hours, "working days", weeks, kg, %')
    return factor, f", {assumption}" if assumption else ""


def _multiplied(estimate: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Return an estimate with its numbers, but for weights, multiplied by a factor."""
    if factor == 1:
        return dict(estimate)
    scaled = dict(estimate)
    for name, value in estimate.items():
        if isinstance(value, list) and name != "weights":
            scaled[name] = [_round(number * factor) for number in value]
        elif name != "weights":
            scaled[name] = _round(value * factor)
    return scaled


def _number_address(key: str, tree: Any) -> Address:
    """Return the address of the number at a key; for a duration, that of its days."""
    address = address_in(tree, key)
    value = value_at(tree, address)
    return (*address, "days") if isinstance(value, Mapping) and "days" in value else address


def _workday(key: str, tree: Any, project: Project) -> Workday:
    """Return the working days that durations at a key count: a factory's, those of a step's own calendar, or the site's."""
    from sim.world.project_calendars import SHIFT, day_minutes

    minutes, words = day_minutes(project), key.split(".")
    if words[-1] == "rework_days" or ("factory" in words and "site_defects" not in words):
        return Workday("a factory", minutes["factory"] / 60, len(project.calendars.factory.days))
    own_calendar = next((name for name in _calendars_above(tree, address_in(tree, key)) if name), None)
    if own_calendar is not None:
        calendar = project.calendars.named[own_calendar]
        working_days = sum(bool(spans) for spans in calendar.hours.values())
        return Workday(own_calendar, calendar.day_minutes / 60, working_days)
    return Workday("the site", minutes[SHIFT] / 60, len(project.site_calendar.days))


def _calendars_above(tree: Any, address: Address) -> Iterator[str | None]:
    """Yield the `calendar` of every section on the way to an address, None where it has none."""
    for key in address:
        tree = child(tree, key)
        yield tree.get("calendar") if isinstance(tree, Mapping) else None
