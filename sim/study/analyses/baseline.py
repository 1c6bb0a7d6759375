"""Baselines: the expected delivery of a project in a small readable file, against which later results are checked.

`Tolerances` state which differences still fit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import files
from sim.config.load import Loaded
from sim.config.project import Project
from sim.config.sections.contract import DAYS, MILESTONE
from sim.errors import CheckFailed
from sim.metrics.metric import FINISH, FINISH_DAY, FIRST, FIRST_DAY, date_metric
from sim.study.analyses.baseline_diff import (
    QUANTILES,
    Difference,
    Step,
    Tolerances,
    block_differences,
    chain,
    delivery,
    delivery_differences,
    explain_differences,
    inputs,
    interval,
    metric_differences,
    number_differences,
    number_text,
    sampled,
    written,
)
from sim.study.analyses.forecast.case_under_way import ForecastCase
from sim.study.case import prepare_case
from sim.study.result import Result
from sim.study.storage.sealed_files import json_value, number
from sim.world.working_time import end_of_day, finish_date, finish_day

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "hybrid-dc-sim baseline"
MAX_BYTES = 20_000_000
KEY_METRICS = (
    FIRST,
    FINISH,
    FIRST_DAY,
    FINISH_DAY,
    "peak_workforce_onsite",
    "capital_total_usd",
    "idle_capital_months",
)
MW_ROUNDING = 1e-6
MANIFEST_KEYS = ("name", "strategy", "seed", "start_date")


def save(result: Result, path: str | Path, *, metrics: Iterable[str] | None = None) -> None:
    """Write the baseline of a project: its planned dates, its delivery by steps, its key metrics and milestones.

    Of the manifest it takes `name`, `strategy`, `seed`, `start_date`, `planned` (metric -> value),
    `planned_blocks` (block -> day online) and `config`, as far as they are there.
    """
    milestone_metrics = [
        metric for metric in result.sample.metrics if metric.startswith(MILESTONE) and metric.endswith(DAYS)
    ]
    metrics = (*KEY_METRICS, *milestone_metrics) if metrics is None else tuple(metrics)
    from_manifest = {key: result.manifest[key] for key in MANIFEST_KEYS if key in result.manifest}
    document = {
        "format": FORMAT,
        **from_manifest,
        "runs": result.sample.size,
        "tolerances": asdict(Tolerances()),
        "planned": _planned(result, metrics),
        "planned_blocks": _blocks(result),
        "metrics": {
            metric: {name: written(quantile_value) for name, quantile_value in quantiles.items()}
            for metric, quantiles in sampled(result.sample, metrics).items()
        },
        "delivery": [step.document() for step in delivery(result.sample)],
        "chain": chain(result.manifest.get("planned", {})),
        "inputs": inputs(result.manifest.get("config", {})),
    }
    files.write(Path(path).absolute(), _readable(json_value(document)).encode())


def _readable(document: dict[str, Any]) -> str:
    """Return a document as JSON with one block, metric or step a line, so that a change is one line of a diff."""

    def inner(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    def outer(value: Any) -> str:
        if isinstance(value, dict) and value:
            return "{\n" + ",\n".join(f"    {inner(k)}: {inner(v)}" for k, v in value.items()) + "\n  }"
        if isinstance(value, list) and value:
            return "[\n" + ",\n".join(f"    {inner(item)}" for item in value) + "\n  ]"
        return inner(value)

    return "{\n" + ",\n".join(f"  {inner(k)}: {outer(v)}" for k, v in document.items()) + "\n}\n"


def _planned(result: Result, metrics: Iterable[str]) -> dict[str, float]:
    """Return the key numbers of the planned run."""
    planned = result.manifest.get("planned", {})
    return {metric: number(planned[metric]) for metric in metrics if metric in planned}


def _blocks(result: Result) -> dict[str, float]:
    """Return the day on which each block is online in the planned run."""
    blocks: Mapping[str, Any] = result.manifest.get("planned_blocks", {})
    return {block: number(day) for block, day in blocks.items()}


def read(path: str | Path) -> dict[str, Any]:
    """Read a baseline file; Damaged if it is not one."""
    try:
        document = json.loads(files.read(Path(path), MAX_BYTES), parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        message = "not a baseline as `sim baseline save` writes one: no JSON from here on (another file, or edited)"
        raise files.Damaged(f"{path}:{error.lineno}: {message}") from error
    except (ValueError, RecursionError) as error:
        raise files.Damaged(f"{path}: not a baseline: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise files.Damaged(f"{path}: not a baseline file")
    return document


def _refuse(word: str) -> None:
    """Refuse NaN and infinities, which JSON does not have and Python reads all the same."""
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    """Read a number; ValueError for one beyond all floats, which would be infinite."""
    value = float(text)
    if not isfinite(value):
        _refuse(text)
    return value


def check(result: Result, path: str | Path, tolerances: Tolerances | None = None) -> list[Difference]:
    """Return the differences from the baseline: the start date, P50 and P80, delivery, the plan; empty if the result fits.

    `tolerances` replace those written in the file. Days are counted from the start date, so that all promised dates move
    with it although no day does.
    """
    document = read(path)
    try:
        allowed = tolerances or Tolerances(**document["tolerances"])
        return [
            *_start_differences(result, document, path),
            *metric_differences(document["metrics"], result.sample, allowed),
            *delivery_differences(document["delivery"], result.sample, allowed),
            *number_differences(document["planned"], _planned(result, document["planned"]), allowed),
            *block_differences(document["planned_blocks"], _blocks(result), allowed),
        ]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise files.Damaged(f"{path}: not a sound baseline: {error!r}") from error


def _start_differences(result: Result, document: Mapping[str, Any], path: str | Path) -> Iterator[Difference]:
    """Yield the start date as a difference in days, if it is another one than the baseline's."""
    if "start_date" in result.manifest:
        start = date.fromisoformat(str(result.manifest["start_date"]))
        stored_start = _start_of(document, path, start)
        if start != stored_start:
            what = f"days from {stored_start}, the start date of the baseline, to the start date {start}"
            yield Difference(what, 0.0, float((start - stored_start).days), "the same date")


def _start_of(document: Mapping[str, Any], path: str | Path, otherwise: date) -> date:
    """Return the start date of a baseline, from which its days are counted; `otherwise` if none was written."""
    try:
        return date.fromisoformat(str(document.get("start_date", otherwise)))
    except ValueError as error:
        raise files.Damaged(f"{path}: not a sound baseline: start_date: {error}") from error


def require(result: Result, path: str | Path, tolerances: Tolerances | None = None, show: int = 10) -> None:
    """Raise CheckFailed with the first differences and the inputs that changed, unless the result still fits."""
    differences = check(result, path, tolerances)
    if not differences:
        return
    input_changes = _input_changes(result, path)
    lines = [f"the result no longer fits {path}", *_finish(result, path), f"{len(differences)} moved, the first are:"]
    lines += _aligned(differences[:show])
    lines += [f"  … and {len(differences) - show} more"] if len(differences) > show else []
    raise CheckFailed("\n".join([*lines, "what moved them:", *(f"  {change}" for change in input_changes)]))


def _finish(result: Result, path: str | Path) -> Iterator[str]:
    """Yield P50 and P80 of the day on which all MW are online, in the baseline and now; nothing if there is no such day."""
    day_metric = date_metric(FINISH, result.sample.runs)
    document = read(path)
    stored = document["metrics"].get(day_metric, {})
    for share, name in (("p50", "P50"), ("p80", "P80")):
        if share in stored and day_metric in result.sample.runs and "start_date" in result.manifest:
            start = date.fromisoformat(str(result.manifest["start_date"]))
            baseline_start = _start_of(document, path, start)
            baseline_day = interval(stored[share]).value
            current_day = result.sample.quantile(day_metric, QUANTILES[share]).value
            then, now = _dated_and_numbered(baseline_start, baseline_day), _dated_and_numbered(start, current_day)
            moved = current_day - baseline_day + (start - baseline_start).days
            yield f"  all MW online, {name}: {then}, now {now}{_by(moved)}"


def _by(days: float) -> str:
    """Return by how many days a date has moved, in words; empty where it is never reached."""
    if not isfinite(days):
        return ""
    return f": {abs(days):.0f} days {'later' if days > 0 else 'earlier'}" if round(days) else ": as before"


def require_actuals(config: Loaded[Project], path: str | Path) -> str:
    """Return in one line that the actual delivery of a project under way lies within a baseline's P10 to P90.

    Raises CheckFailed with the first levels of MW that were online too early or too late, and since when.
    """
    case = prepare_case(config)
    assert isinstance(case, ForecastCase)
    actual_delivery, data_date = case.delivered(), case.data_date
    start = config.value.scale.start_date
    today = float((data_date - start).days + 1)
    document = read(path)
    promised_from = _start_of(document, path, start)
    steps = [Step.read(step) for step in document["delivery"]]
    outside = [text for step in steps for text in _levels_outside(step, actual_delivery, today, start, promised_from)]
    if outside:
        parts = [f"the actual delivery until {data_date} does not fit {path}:", *(f"  {text}" for text in outside)]
        raise CheckFailed("\n".join(parts))
    online = max((mw for mw, day in actual_delivery if day <= today), default=0.0)
    return f"{online:g} MW are online by {data_date}: within P10 to P90 of {path}"


def _levels_outside(
    step: Step, actual_delivery: Sequence[tuple[float, float]], today: float, start: date, promised_from: date
) -> Iterator[str]:
    """Yield where a level of MW was online before P10 or after P90, or should be online and is not.

    Dates count: days of the baseline are from its own start date, `promised_from`, those of the project from `start`.
    """
    promised = [step.days[name].value for name in ("p10", "p90")]
    day_p10, day_p90 = (day - (start - promised_from).days for day in promised)
    day = min((day for mw, day in actual_delivery if mw >= step.mw - MW_ROUNDING), default=inf)
    first_date, last_date = (_dated(promised_from, end_of_day(number)) for number in promised)
    expected = f"expected {first_date} to {last_date}"
    if day < day_p10 - 1:
        yield f"{step.mw:g} MW since {_dated(start, day)}, early: {expected}"
    elif min(day, today) > day_p90 + 1:
        actual = f"only since {_dated(start, day)}" if day <= today else "not yet"
        yield f"{step.mw:g} MW {actual}, late since {last_date}: {expected}"


def _dated(start: date, day: float) -> str:
    return finish_date(start, day).isoformat() if isfinite(day) else "never"


def _dated_and_numbered(start: date, day: float) -> str:
    return f"{_dated(start, day)} (day {finish_day(day)})" if isfinite(day) else "never"


def _input_changes(result: Result, path: str | Path) -> list[str]:
    """Return what moved the result, as far as the file tells what went into it."""
    try:
        return explain_differences(read(path), result.manifest.get("config", {}), result.manifest.get("planned", {}))
    except (TypeError, ValueError, AttributeError) as error:
        raise files.Damaged(f"{path}: not a sound baseline: {error!r}") from error


def _aligned(differences: list[Difference]) -> list[str]:
    """Return differences as the lines of a text table: what, then, now, and the tolerance."""
    cells = [("what", "then", "now", "allowed")]
    cells += [(each.what, number_text(each.then), number_text(each.now), each.allowed) for each in differences]
    what_width, then_width, now_width = (max(map(len, column)) for column in list(zip(*cells, strict=True))[:3])
    return [
        f"  {what:<{what_width}}  {then:>{then_width}}  {now:>{now_width}}  {allowed}"
        for what, then, now, allowed in cells
    ]


def table(moved: list[Difference]) -> pd.DataFrame:
    """Return what moved as a DataFrame: what, then, now, allowed."""
    import pandas as pd

    return pd.DataFrame([asdict(one) for one in moved], columns=["what", "then", "now", "allowed"])
