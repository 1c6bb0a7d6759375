"""Differences between a result and its saved baseline: which dates and numbers changed, and which inputs explain it.

The planned run draws no random numbers, so its dates may change by a day and no more. A statistic of the sample is
known only within its 95 % interval; it has changed when the interval of then and that of today do not overlap.
Delivery curves are compared as dates: the day by which so many MW are online. A difference is explained by inputs
that changed, and by what the planned finish waited for then and now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import inf, isnan, nan
from typing import Any

import numpy as np

from sim.metrics.registry import metric_of
from sim.study.chunk import Column
from sim.study.sample import Sample
from sim.study.statistics.intervals import Interval
from sim.study.storage.sealed_files import json_value, number

# --- deliveries -------------------------------------------------------------------------------------------------------


CURVE = "mw_online"
STEPS = 10
# the MW that nine in ten runs have on a day are few: they are a late date
BAND_OF_DATE = {"p10": "p90", "p50": "p50", "p90": "p10"}


@dataclass(frozen=True)
class Step:
    """The days on which a level of MW is reached, early (P10), middle (P50) and late (P90), with intervals.

    A day is infinite where the level is not reached within the curve.
    """

    mw: float
    days: Mapping[str, Interval]

    def document(self) -> dict[str, Any]:
        """As it is written to a file: `{"mw": 25, "p50": [day, low, high, n], …}`."""
        return {"mw": self.mw} | {name: written(interval) for name, interval in self.days.items()}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Step:
        """Back from a file."""
        return cls(float(document["mw"]), {name: interval(document[name]) for name in BAND_OF_DATE})


def written(value: Interval) -> list[Any]:
    """Return an interval in a file: value, low, high, n."""
    return [json_value(part) for part in (value.value, value.low, value.high, value.n)]


def interval(document: list[Any]) -> Interval:
    """Back from a file."""
    value, low, high, n = document
    return Interval(number(value), number(low), number(high), int(n))


def levels(full_mw: float, steps: int = STEPS) -> list[float]:
    """Return the MW at which dates are read: equal steps up to all of it."""
    return [round(full_mw * k / steps, 6) for k in range(1, steps + 1)]


def delivery(sample: Sample, mw: list[float] | None = None) -> list[Step]:
    """Return the days by which levels of MW (ten equal steps if None) are online; empty if there is no curve."""
    rows = sample.curves["curve"] == CURVE
    if not rows.any():
        return []
    band = {name: column[rows] for name, column in sample.curves.items() if name != "curve"}
    n = sample.size - sample.count_status("failed")
    mw_levels = levels(float(np.nanmax(band["p95"]))) if mw is None else mw
    return [
        Step(level, {name: _day_of_level(band, BAND_OF_DATE[name], level, n) for name in BAND_OF_DATE})
        for level in mw_levels
    ]


def _day_of_level(band: Mapping[str, Column], share: str, level: float, n: int) -> Interval:
    """Return the day a band reaches a level; more MW is earlier, so the ends of the interval change places."""
    low, high = (_day(band["day"], band[f"{share}_{end}"], level) for end in ("high", "low"))
    unbounded = bool(np.isnan(band[f"{share}_high"]).all())
    return Interval(_day(band["day"], band[share], level), -inf if unbounded else low, high, n)


def _day(days: Column, megawatts: Column, level: float) -> float:
    """Return the first day with that many MW online; infinite if there is none."""
    there = np.flatnonzero(megawatts >= level - 1e-6)
    return float(days[there[0]]) if len(there) else inf


# --- changes ----------------------------------------------------------------------------------------------------------


QUANTILES = {"p50": 0.5, "p80": 0.8}


MAX_DAYS, MAX_SHARE = 365.0, 0.5
"""Tolerances beyond which a comparison says nothing: a year, and half of a number (assumption)."""


@dataclass(frozen=True)
class Tolerances:
    """By how much a value may differ from the baseline.

    `planned_days`: a date of the planned run. `planned_share`: another number of it, as a share of itself.
    `sampled_days`: a date of the sample never counts as changed by less, wherever the intervals lie.
    """

    planned_days: float = 1.0
    planned_share: float = 0.001
    sampled_days: float = 1.0

    def __post_init__(self) -> None:
        """Refuse tolerances with which everything fits, or nothing: ValueError says what is allowed."""
        for name, value in asdict(self).items():
            max_value = MAX_SHARE if name == "planned_share" else MAX_DAYS
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= max_value:
                raise ValueError(f"tolerances.{name}: {value!r} is not allowed: 0 to {max_value:g}")


@dataclass(frozen=True)
class Difference:
    """One value that changed; `then` or `now` is not-a-number where there was none."""

    what: str
    then: float
    now: float
    allowed: str

    def __str__(self) -> str:
        """On one line."""
        return f"{self.what}: {self.then:.10g}, now {self.now:.10g} (allowed: {self.allowed})"


def number_text(value: float) -> str:
    """Return a number as text with a tenth, or with four figures where it is below 1.

    >>> number_text(365.3645833), number_text(1234567.0), number_text(0.0123456)
    ('365.4', '1,234,567', '0.01235')
    """
    text = f"{value:,.1f}" if abs(value) >= 1 else f"{value:.4g}"
    return text.removesuffix(".0")


def block_differences(stored: Mapping[str, Any], current: Mapping[str, float], allowed: Tolerances) -> list[Difference]:
    """Return a difference for each block whose planned day online changed, or that is new or gone; the earliest first."""
    days = {block: (number(stored.get(block)), current.get(block, nan)) for block in {**stored, **current}}
    differences = [
        Difference(f"planned day online of block {block}", stored_day, current_day, f"±{allowed.planned_days:g} days")
        for block, (stored_day, current_day) in days.items()
        if not _close(stored_day, current_day, allowed.planned_days)
    ]
    return sorted(
        differences, key=lambda difference: min(day for day in (difference.then, difference.now, inf) if not isnan(day))
    )


def number_differences(
    stored: Mapping[str, Any], current: Mapping[str, float], allowed: Tolerances
) -> list[Difference]:
    """Return a difference for each key number of the planned run that changed by more than the tolerance."""
    differences = []
    for metric, stored_value in stored.items():
        stored_number, current_number = number(stored_value), current.get(metric, nan)
        is_date = _is_in_days(metric)
        tolerance = allowed.planned_days if is_date else allowed.planned_share * abs(stored_number)
        if not _close(stored_number, current_number, tolerance):
            limit = f"±{tolerance:g} days" if is_date else f"±{100 * allowed.planned_share:g} %"
            differences.append(Difference(f"planned {metric}", stored_number, current_number, limit))
    return differences


def _is_in_days(metric: str) -> bool:
    """Return whether a metric is a date or a length in days."""
    row = metric_of(metric)
    return metric.endswith("_days") if row is None else row.unit == "days"


def _close(then: float, now: float, room: float) -> bool:
    """Return whether two numbers are within `room`, or are both infinite or both unknown."""
    return then == now or abs(then - now) <= room or (isnan(then) and isnan(now))


def sampled(sample: Sample, metrics: Iterable[str]) -> dict[str, dict[str, Interval]]:
    """P50 and P80 of those metrics the sample has."""
    return {
        metric: {name: sample.quantile(metric, share) for name, share in QUANTILES.items()}
        for metric in metrics
        if metric in sample.runs
    }


def delivery_differences(steps: list[Mapping[str, Any]], sample: Sample, allowed: Tolerances) -> list[Difference]:
    """Return a difference for each changed day (P10, P50, P90) by which a level of MW is online."""
    stored = [Step.read(step) for step in steps]
    current = delivery(sample, [step.mw for step in stored])
    if len(current) != len(stored):
        return [Difference("MW on a delivery curve", stored[-1].mw, nan, "a curve mw_online")] if stored else []
    pairs = [
        (
            f"{name.upper()} of the day with {stored_step.mw:g} MW online",
            stored_step.days[name],
            current_step.days[name],
        )
        for stored_step, current_step in zip(stored, current, strict=True)
        for name in stored_step.days
    ]
    return _interval_differences(pairs, allowed.sampled_days)


def metric_differences(stored: Mapping[str, Any], sample: Sample, allowed: Tolerances) -> list[Difference]:
    """Return a difference for each quantile of the sample that changed: its two 95 % intervals do not overlap."""
    current, differences = sampled(sample, stored), []
    for metric, quantiles in stored.items():
        tolerance = allowed.sampled_days if _is_in_days(metric) else 0.0
        pairs = [
            (
                f"{name.upper()} of {metric}",
                interval(stored_interval),
                current.get(metric, {}).get(name, Interval(nan, nan, nan, 0)),
            )
            for name, stored_interval in quantiles.items()
        ]
        differences += _interval_differences(pairs, tolerance)
    return differences


def _interval_differences(pairs: list[tuple[str, Interval, Interval]], tolerance: float) -> list[Difference]:
    """Return the differences of (name, baseline, now) whose intervals do not meet and that moved by more than `tolerance`."""
    return [
        Difference(name, then.value, now.value, f"meets {number_text(then.low)} to {number_text(then.high)}")
        for name, then, now in pairs
        if not then.overlaps(now) and not _close(then.value, now.value, tolerance)
    ]


# --- explanations ------------------------------------------------------------------------------------------------------


PROVENANCE_KEYS = {"source", "confidence"}
"""Keys of an input with its source, which change no result."""
CHAIN, DAYS = "chain_", "_days"
SHOWN, MIN_DAYS = 10, 0.05

Inputs = dict[str, dict[str, Any]]
"""Every input by section and by path in it."""


def inputs(config: Mapping[str, Any]) -> Inputs:
    """Return what a resolved configuration puts in, by section."""
    return {section: dict(_leaves(node)) for section, node in config.items()}


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield values with their paths: a list of plain values is one value, elements of other lists go by id or position."""
    if not isinstance(node, dict) and not (
        isinstance(node, list) and any(isinstance(element, dict) for element in node)
    ):
        yield path, node
        return
    for key, value in node.items() if isinstance(node, dict) else _elements(node):
        if key not in PROVENANCE_KEYS:
            yield from _leaves(value, f"{path}.{key}" if path else str(key))


def _elements(nodes: list[Any]) -> Iterator[tuple[str, Any]]:
    for place, node in enumerate(nodes):
        yield str(node.get("id", place) if isinstance(node, dict) else place), node


def chain(planned: Mapping[str, float]) -> dict[str, float]:
    """Return the days which the planned finish owes to each mechanism."""
    days = {metric: value for metric, value in planned.items() if metric.startswith(CHAIN) and metric.endswith(DAYS)}
    return {metric[len(CHAIN) : -len(DAYS)]: value for metric, value in days.items()}


def explain_differences(
    baseline: Mapping[str, Any], config: Mapping[str, Any], planned: Mapping[str, float]
) -> list[str]:
    """Say what moved a result since its baseline was saved, a line each; `baseline` is the baseline."""
    if "inputs" not in baseline:
        return ["not known: the baseline was saved by a version that did not keep what went in"]
    return _shown([*_changed_input_lines(baseline["inputs"], inputs(config))]) + _changed_waits(
        baseline.get("chain", {}), chain(planned)
    )


def flat_inputs(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return every number and word of a resolved configuration by its whole path."""
    return {f"{section}.{path}" if path else section: value for section, node in inputs(config).items()
            for path, value in node.items()}  # fmt: skip


def input_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say which inputs of one resolved configuration are others in another, a line each."""
    return _shown([*_changed_input_lines(inputs(then), inputs(now))])


def _shown(changed: list[str]) -> list[str]:
    """Return the first lines of what changed, and how many more there are; what else it can be where nothing did."""
    lines = changed[:SHOWN] + ([f"… and {len(changed) - SHOWN} more inputs"] if len(changed) > SHOWN else [])
    return lines or ["no input: the program is another one, or the number of runs, or the seed"]


def _changed_input_lines(stored: Mapping[str, Any], current: Inputs) -> Iterator[str]:
    """Yield a line for each input that changed, is new or is gone."""
    for section in {**stored, **current}:
        stored_inputs, current_inputs = stored.get(section, {}), current.get(section, {})
        for path in {**stored_inputs, **current_inputs}:
            if stored_inputs.get(path) != current_inputs.get(path):
                name = f"{section}.{path}" if path else section
                yield f"input {name}: {_input_text(stored_inputs, path)}, now {_input_text(current_inputs, path)}"


def _input_text(values: Mapping[str, Any], path: str) -> str:
    return str(values[path]) if path in values else "not there"


def _changed_waits(stored: Mapping[str, Any], current: Mapping[str, float]) -> list[str]:
    """Return lines on the causes of delay that take more or fewer days of the planned finish, the largest change first."""
    days = {name: current.get(name, 0.0) - number(stored.get(name, 0.0)) for name in {**stored, **current}}
    changed_causes = [name for name in sorted(days, key=lambda name: -abs(days[name])) if abs(days[name]) >= MIN_DAYS]
    return [
        f"on the way to the planned finish, {name.replace('_', ' ')}: "
        f"{abs(days[name]):.1f} days {'more' if days[name] > 0 else 'less'}"
        for name in changed_causes
    ]
