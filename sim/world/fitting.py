"""Own history into distributions: durations, lead times, hours a unit or failures from a table become an estimate.

Candidates are the lognormal, gamma and Weibull distributions, fitted by maximum likelihood (`scipy.stats`) with rows that
are not finished yet as right-censored: such a row says only that it takes longer than that. The one with the smallest
AICc (Akaike's criterion corrected for small samples; Burnham and Anderson 2002, section 2.4) is taken. How well it fits is
the largest distance D between it and the Kaplan-Meier estimate, with a p-value from a parametric bootstrap.

Below eight finished rows no shape can be told: the lognormal's prediction interval is used, which is wider the fewer
there are (Student's t of the logarithms; Hahn and Meeker 1991, section 4.3). Below three nothing is said.
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
from sim.config.overrides import address_in, change_to_set
from sim.config.project import Project
from sim.config.sections.estimates import Estimate, Figure
from sim.config.source_positions import Address, allowed_at, child, value_at
from sim.config.units import Workday, conversion, units_named
from sim.errors import SimError

Floats = NDArray[np.float64]
FEWEST, FEW = 3, 8
BOOTSTRAPS, SEED = 200, 20_261_128
BANDS = (4.7,) * 10 + (6.0,) + (4.7,) * 10
"""Percent of the values that stand for a gamma or a Weibull distribution, which a configuration has no name for. The
middle one is the likeliest, so that the median is what is planned."""
MOST_BYTES, MOST_ROWS = 10_000_000, 100_000
YES, NO = {"1", "true", "yes", "y"}, {"0", "false", "no", "n", ""}
DAYS_AS_WORKING = ", taken as working days"
CANDIDATES = ("lognormal", "gamma", "Weibull")


class WrongHistory(SimError):
    """A table that nothing can be learned from."""

    exit_code = 2


@dataclass(frozen=True)
class History:
    """A table's rows: values that are over, values that are not finished, or failures among tests."""

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
        """The share that is not longer than x."""
        return np.asarray(_of(self.name).cdf(x, self.shape, scale=self.scale), dtype=np.float64)

    def ppf(self, share: Floats | float) -> Floats:
        """What a share is not longer than."""
        return np.asarray(_of(self.name).ppf(share, self.shape, scale=self.scale), dtype=np.float64)


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
        """Yield what was found, a line a thing."""
        history = self.history
        if history.tested:
            yield f"{history.failed} of {history.tested} failed: {self.estimate['value']:.3g}"
            yield f"95 % interval {self.estimate['low']:.3g} to {self.estimate['high']:.3g} (Wilson)"
            return
        done, open_ = len(history.finished), len(history.unfinished)
        rest = f", {open_} not finished yet (longer than so far)" if open_ else ""
        yield f"{done} finished rows of {history.column}{rest}; median {np.median(history.finished):.4g}"
        if done < FEW:
            yield f"n = {done} is below {FEW}: no shape can be told; a lognormal, widened for so few, is written"
            return
        best = self.candidates[0]
        told = ", ".join(f"{one.name} {one.aicc - best.aicc:+.1f}" for one in self.candidates)
        yield f"{best.name}, by the smallest AICc (differences: {told})"
        sure = "" if self.p_value is None else f", p = {self.p_value:.2f} of {BOOTSTRAPS} samples of it"
        yield f"largest distance to what was observed D = {self.distance:.3f}{sure}"
        if self.p_value is not None and self.p_value < 0.05:
            yield "the fit is poor: look at the picture, and whether the rows are of one kind"


# --- the table --------------------------------------------------------------------------------------------------------


def read_history(path: Path, column: str | None = None) -> History:
    """Read a CSV: a column of numbers, `finished` (yes or no), `units` to divide by; or `failed` and `tested`.

    WrongHistory names line and value. Without `column`, the first column of numbers that has none of these names.
    """
    lines = files.read(path, MOST_BYTES).decode("utf-8-sig", errors="replace").splitlines()
    rows = [{str(key).strip(): (value or "").strip() for key, value in row.items()} for row in csv.DictReader(lines)]
    if not rows or len(rows) > MOST_ROWS:
        raise WrongHistory(f"{path}: {len(rows):,} rows; 1 to {MOST_ROWS:,} below a line of column names are read")
    names = list(rows[0])
    if column is None and {"failed", "tested"} <= set(names):
        failed, tested = (
            sum(_number(path, at, row, name) for at, row in enumerate(rows, 2)) for name in ("failed", "tested")
        )
        if not 0 <= failed <= tested or tested < 1:
            raise WrongHistory(f"{path}: {failed:g} failed of {tested:g} tested: no share")
        return History(path.name, "failed", np.empty(0), np.empty(0), int(failed), int(tested))
    wanted = column or _column(path, names, rows[0])
    if wanted not in names:
        raise WrongHistory(f"{path}:1: no column {wanted!r}; there are {', '.join(names)}")
    over: list[float] = []
    going: list[float] = []
    for line, row in enumerate(rows, 2):
        value = _number(path, line, row, wanted) / (_number(path, line, row, "units") if "units" in row else 1.0)
        if not 0 < value < inf:
            raise WrongHistory(f"{path}:{line}: {wanted} is {row[wanted]!r}, more than 0 expected")
        (over if _is_finished(path, line, row) else going).append(value)
    return History(path.name, wanted, np.array(over), np.array(going))


def _column(path: Path, names: Sequence[str], row: Mapping[str, str]) -> str:
    """The column of numbers: the only one, or the one that has a usual name."""
    numbers = [name for name in names if name not in ("finished", "units") and _is_number(row[name])]
    usual = [name for name in numbers if name.lower() == "value" or units_named(name)]
    if len(usual or numbers) != 1:
        raise WrongHistory(f"{path}:1: columns of numbers are {', '.join(numbers) or 'none'}; name one with --column")
    return (usual or numbers)[0]


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _number(path: Path, line: int, row: Mapping[str, str], name: str) -> float:
    """A number of a row."""
    text = row[name]
    if not _is_number(text) or (name == "units" and float(text) <= 0):
        raise WrongHistory(f"{path}:{line}: {name} is {text[:40]!r}, a number {'above 0 ' * (name == 'units')}expected")
    return float(text)


def _is_finished(path: Path, line: int, row: Mapping[str, str]) -> bool:
    """Whether a row is over; without a column that says so, all are."""
    text = row.get("finished", "yes").lower()
    if text not in YES | NO:
        raise WrongHistory(f"{path}:{line}: finished is {text[:40]!r}, yes or no expected")
    return text in YES


# --- the fit ----------------------------------------------------------------------------------------------------------


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
        return Fit(history, _share(history.failed, history.tested))
    if len(history.finished) < FEWEST:
        raise WrongHistory(f"{history.file}: {len(history.finished)} finished rows; at least {FEWEST} say something")
    if len(history.finished) < FEW:
        return Fit(history, _widened(history.finished))
    found = sorted((_fitted(name, history) for name in CANDIDATES), key=lambda one: one.aicc)
    best = found[0]
    distance = _distance(best, history)
    p_value = None if len(history.unfinished) else _p_value(best, len(history.finished), distance)
    return Fit(history, _stated(best), tuple(found), distance, p_value)


def _of(name: str) -> Any:
    from scipy import stats

    return {"lognormal": stats.lognorm, "gamma": stats.gamma, "Weibull": stats.weibull_min}[name]


def _fitted(name: str, history: History) -> Candidate:
    """Fit one candidate by maximum likelihood, its location held at 0."""
    from scipy.stats import CensoredData

    data = CensoredData(uncensored=history.finished, right=history.unfinished)
    shape, _, scale = (float(number) for number in _of(name).fit(data, floc=0))
    likely = _of(name).logpdf(history.finished, shape, scale=scale).sum()
    likely += _of(name).logsf(history.unfinished, shape, scale=scale).sum()
    n, parameters = len(history.finished) + len(history.unfinished), 2
    return Candidate(name, shape, scale, float(2 * parameters - 2 * likely + 12 / (n - parameters - 1)))


def _stated(best: Candidate) -> dict[str, Any]:
    """Return a candidate as an estimate: a lognormal by median and P90, others by the middles of bands of its values."""
    if best.name == "lognormal":
        median, p90 = (_round(float(value)) for value in best.ppf(np.array([0.5, 0.9])))
        return {"median": median, "p90": p90}
    widths = np.array(BANDS) / 100
    return {"values": [_round(float(v)) for v in best.ppf(np.cumsum(widths) - widths / 2)], "weights": [*BANDS]}


def _widened(values: Floats) -> dict[str, Any]:
    """Return a lognormal whose P90 is that of the next value, for so few values."""
    from scipy.special import stdtrit

    logs, n = np.log(values), len(values)
    middle, spread = float(logs.mean()), float(logs.std(ddof=1))
    further = float(stdtrit(n - 1, 0.9)) * spread * sqrt(1 + 1 / n)
    return {"median": _round(exp(middle)), "p90": _round(exp(middle + further))}


def _share(failed: int, tested: int) -> dict[str, Any]:
    """Return a share with its 95 % interval (Wilson 1927)."""
    z, p = 1.959963984540054, failed / tested
    middle, half = p + z * z / (2 * tested), z * sqrt(p * (1 - p) / tested + z * z / (4 * tested * tested))
    low, high = ((middle + sign * half) / (1 + z * z / tested) for sign in (-1, 1))
    return {"value": _round(p), "low": _round(max(0.0, min(low, p))), "high": _round(min(1.0, max(high, p)))}


def _round(value: float) -> float:
    """A number with four significant digits."""
    return float(f"{value:.4g}") if value else 0.0


def kaplan_meier(history: History) -> tuple[Floats, Floats]:
    """Return the finished values in order and the estimated share that is not longer than each."""
    at, over = np.unique(history.finished, return_counts=True)
    every = np.sort(np.concatenate([history.finished, history.unfinished]))
    there = len(every) - np.searchsorted(every, at)  # at each value those that are not over before it
    return at, 1 - np.cumprod(1 - np.divide(over, there, dtype=np.float64))


def _distance(best: Candidate, history: History) -> float:
    """Return the largest distance between a distribution and the estimate from the data, at its steps."""
    at, share = kaplan_meier(history)
    before = np.concatenate([[0.0], share[:-1]])
    expected = best.cdf(at)
    return float(np.maximum(np.abs(share - expected), np.abs(before - expected)).max())


def _p_value(best: Candidate, n: int, distance: float) -> float:
    """Return how often a sample of the distribution, fitted itself, is further from its fit."""
    generator = np.random.Generator(np.random.Philox(SEED))
    further = 0
    for _ in range(BOOTSTRAPS):
        drawn = History("", "", best.ppf(generator.random(n)), np.empty(0))
        further += _distance(_fitted(best.name, drawn), drawn) >= distance
    return further / BOOTSTRAPS


# --- a fragment of a configuration ------------------------------------------------------------------------------------


def fragment(found: Fit, key: str, project: Project, unit: str = "") -> tuple[str, str]:
    """Return the YAML of an estimate at a key of a configuration like that of `project`, and the same as an override.

    The unit is the one that is given, else the one that the column has in its name, else the key's; numbers are written
    in the key's, and the source says what was converted. A list is written whole, with the one element (by its id)
    changed; a duration is written as `{days: …}`. WrongHistory for a unit of something else.
    """
    history = found.history
    like = project.model_dump(mode="json", exclude_none=True)
    rows = history.tested or len(history.finished) + len(history.unfinished)
    factor, taken = converted(history, key, project, unit)
    how = f"; {found.candidates[0].name} by AICc, D {found.distance:.2f}" if found.candidates else ""
    source = f"{history.file}: {rows} rows of {history.column}{taken}{how}"
    way, value = change_to_set(like, key.split("."), {**_times(found.estimate, factor), "source": source})
    lines = [f"{'  ' * depth}{part}:" for depth, part in enumerate(way)]
    parts = value if isinstance(value, list) else []
    lines[-1] += "" if parts else f" {dumps(value, ensure_ascii=False)}"
    lines += [f"{'  ' * len(way)}- {dumps(part, ensure_ascii=False)}" for part in parts]
    head = [f"# {line}" for line in (*found.describe(), *told(taken))]
    return "\n".join([*head, *lines]) + "\n", f"{'.'.join(way)}={dumps(value, ensure_ascii=False)}"


def told(taken: str) -> list[str]:
    """Return the line about what a column's unit was taken for, if there is something to say."""
    note = '; if they are days of the calendar, add --unit "calendar days"' if taken == DAYS_AS_WORKING else ""
    return [f"the column is{taken.removeprefix(',')}{note}"] if taken else []


def converted(history: History, key: str, project: Project, unit: str = "") -> tuple[float, str]:
    """Return what one of a history's unit is in that of a key, and the words for it; WrongHistory where none fits."""
    like = project.model_dump(mode="json", exclude_none=True)
    change_to_set(like, key.split("."), {})  # a key that is none is told first
    here = allowed_at(Project, _field(key, like))
    takes = Figure if history.tested else Estimate
    if history.tested and here.unit not in ("probability", "share", ""):
        raise WrongHistory(f"{history.file}: failed of tested is a share, and {key} is in {here.unit}")
    if takes not in here.types:
        is_number = {Figure, Estimate, float, int} & {*here.types}
        inside = "it is a constant" if is_number else f"in it there is {', '.join(here.fields()) or 'no number'}"
        raise WrongHistory(f"{key} is not a {'share' if history.tested else 'number that is drawn'}: {inside}")
    if history.tested:
        return 1.0, ""
    whose = f'--unit "{unit}"' if unit else f"{history.file}: the column {history.column!r}"
    factor, how = conversion(unit or history.column, here.unit, _workday(key, like, project), whose, key)
    if unit and not units_named(unit):
        raise WrongHistory(f'{whose} is no unit that is known; such are hours, "working days", weeks, kg, %')
    return factor, f", {how}" if how else ""


def _times(estimate: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Return an estimate in another unit; weights have none."""
    if factor == 1:
        return dict(estimate)
    return {
        name: value if name == "weights" else [_round(one * factor) for one in value] if isinstance(value, list)
        else _round(value * factor)
        for name, value in estimate.items()
    }  # fmt: skip


def _field(key: str, like: Any) -> Address:
    """Return the address of the number of a key; of a duration, that of its days."""
    address = address_in(like, key)
    there = value_at(like, address)
    return (*address, "days") if isinstance(there, Mapping) and "days" in there else address


def _workday(key: str, like: Any, project: Project) -> Workday:
    """Return whose working days those of a key are: a factory's, those of a step's own calendar, or the site's."""
    from sim.world.project_calendars import SHIFT, day_minutes

    minutes, words = day_minutes(project), key.split(".")
    if words[-1] == "rework_days" or ("factory" in words and "site_defects" not in words):
        return Workday("a factory", minutes["factory"] / 60, len(project.calendars.factory.days))
    own = next((named for named in _calendars(like, address_in(like, key)) if named), None)
    if own is not None:
        calendar = project.calendars.named[own]
        return Workday(own, calendar.day_minutes / 60, sum(bool(spans) for spans in calendar.hours.values()))
    return Workday("the site", minutes[SHIFT] / 60, len(project.site_calendar.days))


def _calendars(like: Any, address: Address) -> Iterator[str | None]:
    """Yield the calendars that are named on the way to an address."""
    for part in address:
        like = child(like, part)
        yield like.get("calendar") if isinstance(like, Mapping) else None
