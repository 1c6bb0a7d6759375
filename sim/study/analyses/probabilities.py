"""Probabilities of a result: of each milestone of the contract, and of whatever is asked in one line.

>>> result = sim.run("west.yaml", runs=200)
>>> result.ask("mw >= 100 by 2027-06-30").probability
>>> result.milestones()[["milestone", "date", "in_time", "p80"]]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from math import inf, isfinite, nan
from typing import Any

import numpy as np

from sim.config.sections.contract import ContractMilestone
from sim.config.units import LIMIT, days_meant, limit_of
from sim.display import presented
from sim.errors import SimError, did_you_mean
from sim.metrics.metric import FINISH, date_metric
from sim.metrics.registry import metric_of
from sim.study.chunk import Floats
from sim.study.sample import Sample
from sim.study.statistics.intervals import Interval, proportion_interval, quantile
from sim.world.working_time import end_of_day, finish_date

# --- milestones of the contract ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MilestoneForecast:
    """One milestone over all runs: how sure its date is, when it is reached, and what its delay costs.

    `in_time` is the share of runs with its 95 % interval; `p50` and `p80` are days from the start date; `damages_usd` is
    the mean over all runs, None where none are agreed; `damages_p80_usd` is kept in 80 % of the runs.
    """

    milestone: ContractMilestone
    in_time: Interval
    p50: float
    p80: float
    damages_usd: float | None = None
    damages_p80_usd: float | None = None


def milestone_forecasts(config: Mapping[str, Any], values: Callable[[str], Floats]) -> list[MilestoneForecast]:
    """Return the forecast of every milestone of a resolved configuration; `values` gives a metric of every run."""
    start = date.fromisoformat(str(config["scale"]["start_date"])) if config.get("milestones") else date.min
    forecasts = []
    for section in config.get("milestones") or ():
        milestone = ContractMilestone.model_validate(section)
        days = np.sort(values(milestone.metric))
        runs_in_time = int((days <= milestone.last_day(start)).sum())
        damages = np.sort(values(milestone.damages_metric)) if milestone.damages_metric else np.zeros(0)
        costs = (float(damages.mean()), quantile(damages, 0.8)) if len(damages) else (None, None)
        in_time = proportion_interval(runs_in_time, len(days))
        forecasts.append(MilestoneForecast(milestone, in_time, quantile(days, 0.5), quantile(days, 0.8), *costs))
    return forecasts


def milestone_rows(manifest: Mapping[str, Any], sample: Sample) -> Iterator[dict[str, Any]]:
    """Yield a row a milestone: name, date, in_time with its interval, P50 and P80 as dates, damages in dollars."""
    start = date.fromisoformat(str(manifest["start_date"]))
    for forecast in milestone_forecasts(manifest["config"], sample.values):
        yield {
            "milestone": forecast.milestone.name,
            "date": forecast.milestone.date,
            "in_time": forecast.in_time.value,
            "in_time_low": forecast.in_time.low,
            "in_time_high": forecast.in_time.high,
            "p50": civil_date(start, forecast.p50),
            "p80": civil_date(start, forecast.p80),
            "damages_usd": forecast.damages_usd,
            "damages_p80_usd": forecast.damages_p80_usd,
        }


def civil_date(start: date, day: float) -> date | None:
    """Return the date of a finish on a day of the project; None where it is never reached or not known."""
    return finish_date(start, day) if isfinite(day) else None


# --- questions --------------------------------------------------------------------------------------------------------


EXAMPLES = (
    "mw >= 100 by 2027-06-30",
    "finish by 2027-12-31",
    "mw >= 100",
    "peak_workforce_onsite < 450",
    FINISH,
)
"""What can be asked, by example; the name of a milestone is a question too, with or without `by` a date."""
PERCENTILES = (0.1, 0.5, 0.8, 0.9)
_MW = re.compile(r"mw\s*>=\s*(?P<mw>[-+]?[0-9]+(?:\.[0-9]+)?)", re.IGNORECASE)
_BY = re.compile(r"(?P<what>.+?)\s+(?:by|on or before)\s+(?P<date>.+)", re.IGNORECASE)
_LIMIT = re.compile(rf"(?P<metric>[a-z][a-z0-9_]*)\s*(?P<sign><=|>=|<|>)\s*{LIMIT}")
_SIGNS: Mapping[str, Callable[[Floats, float], np.ndarray]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


class UnknownQuestion(SimError):
    """A question that has no answer in a result."""

    exit_code = 2


@dataclass(frozen=True)
class Answer:
    """What a result says to a question.

    `probability` is the share of runs with its Wilson interval of 95 %, NaN where percentiles were asked for.
    `percentiles` of the quantity: share -> value, days as dates. `note` says which other question was answered, if any.
    """

    question: str
    probability: Interval
    percentiles: Mapping[float, float | date | None]
    note: str = ""

    def __str__(self) -> str:
        """Return the answer in one sentence."""
        return str(presented("answer_text")(self))


def ask(manifest: Mapping[str, Any], sample: Sample, question: str) -> Answer:
    """Answer one line about a result; UnknownQuestion says what can be asked.

    `mw >= 100 by 2027-06-30` is answered from the day on which every run has so many MW at its end; a date is in time
    through its last minute. Without a date the answer is when.
    """
    start = date.fromisoformat(str(manifest["start_date"]))
    text = " ".join(question.split())
    limit = _LIMIT.fullmatch(text)
    if limit and limit["metric"] in sample.metrics:
        values = sample.values(limit["metric"])
        hits = int(_SIGNS[limit["sign"]](values, _limit(limit)).sum())
        return Answer(text, proportion_interval(hits, len(values)), {})
    dated_question = _BY.fullmatch(text)
    event, last = (dated_question["what"], _date(dated_question["date"])) if dated_question else (text, None)
    days, note, own_date = _days_of(event, manifest, sample)
    last = last or own_date
    if days is None and last is not None:
        raise UnknownQuestion(
            f'{event} is no date: ask "{event}" for its percentiles, or for instance "{event} <= 100"'
        )
    if days is None:
        return Answer(text, Interval(nan, nan, nan, 0), _percentiles(sample.values(event), None))
    probability = Interval(nan, nan, nan, 0)
    if last is not None:
        probability = proportion_interval(int((days <= (last - start).days + 1).sum()), len(days))
        text = f"{event} by {last.isoformat()}"
    return Answer(text, probability, _percentiles(days, start), note)


def _limit(found: re.Match[str]) -> float:
    """Return the number that a metric is asked to be above or below."""
    try:
        return limit_of(found, found["metric"])
    except ValueError as error:
        raise UnknownQuestion(str(error)) from None


def _percentiles(values: Floats, start: date | None) -> dict[float, float | date | None]:
    """Percentiles of some values; as dates where they are days from a start."""
    found = {share: quantile(np.sort(values), share) for share in PERCENTILES}
    return {share: value if start is None else civil_date(start, value) for share, value in found.items()}


def _date(text: str) -> date:
    """Read a day in ISO form or with the month as a word: 2027-06-30, 30 June 2027, June 30, 2027."""
    if len(days := days_meant(text)) == 1:
        return days[0]
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UnknownQuestion(f"{text!r}: a day like 2027-06-30 or 30 June 2027 expected behind `by`") from None


def _days_of(event: str, manifest: Mapping[str, Any], sample: Sample) -> tuple[Floats | None, str, date | None]:
    """Return (day of each run on which an event occurs, remark, the event's own date); no days for a metric that is none."""
    if mw := _MW.fullmatch(event):
        block = float(manifest["config"]["block"]["mw_gross"]["value"])
        return *_ramp_days(float(mw["mw"]), block, sample), None
    for section in manifest["config"].get("milestones") or ():
        milestone = ContractMilestone.model_validate(section)
        if event.lower() in (milestone.name.lower(), milestone.key):
            return sample.values(milestone.metric), "", milestone.date
    if event.lower() == "finish" and FINISH in sample.metrics:
        return _day_values(FINISH, sample), "", None
    if event in sample.metrics:
        row = metric_of(event)
        return (_day_values(event, sample) if row is not None and row.is_date else None), "", None
    names = [str(section["name"]) for section in manifest["config"].get("milestones") or ()]
    hint = did_you_mean(event, [*names, *sample.metrics])
    forms = ", ".join(f'"{form}"' for form in EXAMPLES)
    raise UnknownQuestion(f"{event!r} is not known here{f' ({hint})' if hint else ''}; ask for instance {forms}")


def _day_values(metric: str, sample: Sample) -> Floats:
    """Return the day, from the start date, of what a metric says of each run: of a lead time, that on which it ends."""
    return sample.values(date_metric(metric, sample.metrics))


def _ramp_days(mw: float, block: float, sample: Sample) -> tuple[Floats, str]:
    """Return the end of the day on which each run has so many MW, and a note if only a higher level is stored.

    MW come online by blocks of `block` MW: stored levels that are a block apart leave no other level between them.
    """
    if mw <= 0:
        raise UnknownQuestion(f'{mw:g} MW are online at any time: ask for more than 0 MW, for instance "{EXAMPLES[0]}"')
    levels = sorted(float(name) for name in sample.ramp if name != "replication")
    if not levels:
        raise UnknownQuestion("this result keeps no dates of MW: run it again")
    rounding = max(1e-6, 5e-6 * mw)  # a level is kept with six digits
    level_above = next((level for level in levels if level >= mw - rounding), inf)
    if level_above == inf:
        raise UnknownQuestion(f"{mw:g} MW are never online in any run; the most are {levels[-1]:g} MW")
    level_below = max((level for level in levels if level < mw - rounding), default=0.0)
    is_inexact = level_above - mw > rounding and level_above - level_below > block + 2 * rounding
    between = f"between {level_below:g} and {level_above:g} MW no dates are kept"
    note = f"answered for {level_above:g} MW: {between}" if is_inexact else ""
    return end_of_day(sample.ramp[f"{level_above:g}"]), note
