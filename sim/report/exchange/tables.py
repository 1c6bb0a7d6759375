"""An exported result as plain tables: inputs with their sources, milestones, activities, every run.

They are the files of the CSV export, and the workbook is made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sim.config.project import Project
from sim.config.sections.display_units import display
from sim.config.source_positions import Address, allowed_at
from sim.plan.vocabulary import MINUTES_PER_DAY
from sim.report.exchange.export import ExportedResult
from sim.report.exchange.schedule_model import Schedule
from sim.report.formatting import metric_format
from sim.report.representative_run import MINUTES, headcount_by_trade
from sim.report.result_view import ResultView

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


# --- tables -----------------------------------------------------------------------------------------------------------


PROVENANCE = ("source", "date", "confidence", "note")


def tables(exported: ExportedResult) -> dict[str, pd.DataFrame]:
    """Return the tables by name, in the order in which they are read."""
    import pandas as pd

    return {
        "about": pd.DataFrame(_about(exported), columns=["what", "is"]),
        "summary": _summary(exported),
        "contract": exported.result.milestones(),
        "milestones": pd.DataFrame(_milestones(exported)),
        "activities": pd.DataFrame(_activities(exported)),
        "curves": curves(exported),
        "risks": pd.DataFrame(_risks(exported)),
        "inputs": pd.DataFrame(inputs(exported.result.manifest["config"])),
        "runs": exported.result.runs,
    }


def _about(exported: ExportedResult) -> Iterator[tuple[str, str]]:
    """Yield what the reader must know of the numbers, as (label, value)."""
    manifest = exported.result.manifest
    yield "project", exported.name
    yield "strategy", str(manifest["strategy"])
    yield "start (t0)", str(manifest["start_date"])
    yield "runs", f"{ResultView.of(exported.result).info.runs}"
    yield "seed", str(manifest["seed"])
    yield "configuration", str(manifest["config_digest"])
    yield "dates", exported.about()
    yield "P80", "on or before with 80 % probability; the interval is sampling error only, not input or model error"
    for name, version in manifest["versions"].items():
        yield f"version of {name}", str(version)


def _summary(exported: ExportedResult) -> pd.DataFrame:
    """Return the summary with each metric's name in words."""
    summary = exported.result.summary().reset_index()
    summary.insert(0, "name", [metric_format(str(metric)).label for metric in summary["metric"]])
    return summary


def _milestones(exported: ExportedResult) -> Iterator[dict[str, Any]]:
    """Yield the date of each milestone: planned, in the representative run, P50 and P80."""
    schedule = exported.schedule
    for task in sorted(schedule.tasks, key=lambda task: (task.finish, task.number)):
        if task.milestone:
            quantiles, planned = exported.quantiles.get(task.key), exported.planned.get(task.key)
            yield {
                "milestone": task.name,
                "planned": _finish(schedule, planned[1]) if planned else None,
                "representative run": _finish(schedule, task.finish),
                "P50": _finish(schedule, quantiles.p50) if quantiles else None,
                "P80": _finish(schedule, quantiles.p80) if quantiles else None,
            }


def _finish(schedule: Schedule, minute: float) -> datetime:
    """Return when something is done: exactly at midnight in the last minute of the day that ends, as people see the date."""
    rounded = round(minute)
    return schedule.moment(rounded - (rounded > 0 and rounded % MINUTES_PER_DAY == 0))


def _activities(exported: ExportedResult) -> Iterator[dict[str, Any]]:
    """Yield the schedule, a row a task."""
    schedule = exported.schedule
    for task in schedule.tasks:
        quantiles = exported.quantiles.get(task.key)
        yield {
            "number": task.number,
            "group": " / ".join(task.group),
            "activity": task.name,
            "start": _finish(schedule, task.start) if task.milestone else schedule.moment(task.start),
            "finish": _finish(schedule, task.finish),
            "working hours": task.minutes / 60,
            "calendar": task.calendar,
            "after": " ".join(f"{link.number}{link.type if link.type != 'FS' else ''}" for link in task.after),
            "waited for": task.held_back,
            "P80 finish": _finish(schedule, quantiles.p80) if quantiles else None,
            "critical share": quantiles.critical if quantiles else None,
        }


WEEK = 7
SHARES = ("p10", "p50", "p80", "mean")
MW_QUANTILE_OF_DATE = {"p10": "p90", "p80": "p20"}
"""MW by percentile of the date, as in the report: P80 is what at least 80 % of the runs have online by then."""
MILLION = 1e6
SYSTEMS = ("electrical", "mechanical", "compute")
FIRST = ("mw_online", "headcount")
"""The curves that are looked at first."""


def curves(exported: ExportedResult) -> pd.DataFrame:
    """Return the curves of all runs and the counts of the representative one, a row a week up to the last change.

    Columns: week, date (its last day); of MW (by date), headcount and money (in millions) P10, P50, P80 and mean; of the
    representative run people by trade and skids delivered and set so far.
    """
    import pandas as pd

    result = exported.result
    start = date.fromisoformat(str(result.manifest["start_date"]))
    columns: dict[str, Any] = {}
    by_name = dict(iter(result.curves.groupby("curve", sort=False)))
    for name, rows in sorted(
        by_name.items(), key=lambda item: FIRST.index(item[0]) if item[0] in FIRST else len(FIRST)
    ):
        money = MILLION / display().rate, f" {display().sign}M"
        scale, unit = money if "usd" in str(name) else (1.0, " MW" if name == "mw_online" else "")
        label = (
            str(name).replace("_usd_per_month", " per month").replace("_usd", "").replace("_", " ").removeprefix("mw ")
        )
        label = "online" if name == "mw_online" else label
        for statistic in SHARES:
            quantile = MW_QUANTILE_OF_DATE.get(statistic, statistic) if name == "mw_online" else statistic
            columns[f"{label}{unit} {statistic.upper() if statistic != 'mean' else statistic}"] = (
                rows[quantile].to_numpy() / scale
            )
    daily = pd.DataFrame(columns)
    for name, values in _daily_counts(exported, len(daily)).items():
        daily[name] = values
    changing = (daily.diff().abs().sum(axis=1) > 0).to_numpy().nonzero()[0]
    weeks = -(-(int(changing[-1]) + 1 if len(changing) else 1) // WEEK)
    weekly = daily.iloc[[min(WEEK * (week + 1), len(daily)) - 1 for week in range(weeks)]].reset_index(drop=True)
    week_ends = [start + timedelta(days=WEEK * (week + 1) - 1) for week in range(weeks)]
    weekly.insert(0, "date", pd.to_datetime(week_ends))
    weekly.insert(0, "week", range(1, weeks + 1))
    return weekly


def _daily_counts(exported: ExportedResult, days: int) -> dict[str, Any]:
    """Return by day, of the representative run: skids delivered and set until then, people on site by trade.

    The largest trade comes first, as in the figures, so that colours have the same order.
    """
    events = exported.result.events
    people = headcount_by_trade(events, days)
    return {
        **_skids_until(events, days),
        **{
            f"people: {trade}": people[trade] for trade in sorted(people, key=lambda trade: -float(people[trade].sum()))
        },
    }


def _skids_until(events: pd.DataFrame, days: int) -> dict[str, Any]:
    """Return by day how many skids are delivered and set until its end, midnight included."""
    import numpy as np

    changes_by_column: dict[str, Any] = {}
    notes = events[events["note_part"].isin(SYSTEMS)]
    last_day = np.maximum(-(-notes["minute"] // MINUTES) - 1, 0)
    for kind, day, amount in zip(notes["note"], last_day, notes["amount"], strict=True):
        name = {"delivered": "skids delivered", "set": "blocks of skids set"}.get(kind)
        if name is not None and int(day) < days:
            changes_by_column.setdefault(name, np.zeros(days))[int(day)] += amount
    return {name: changes.cumsum() for name, changes in sorted(changes_by_column.items())}


def _risks(exported: ExportedResult) -> Iterator[dict[str, Any]]:
    """Yield the risk drivers in force: probability, effect and size, and their source."""
    for driver, state in exported.schedule.project.risks.active():
        size = state.size
        yield {
            "risk": driver.name,
            "id": driver.id,
            "hits": " ".join(driver.on),
            "probability": state.probability.value,
            "effect": state.effect.replace("_", " "),
            "low": size.low,
            "most likely": size.planned,
            "high": size.high,
            "mitigated": driver.mitigated is not None and state is driver.mitigated,
            "source": driver.source,
            "confidence": driver.confidence,
        }


def inputs(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every value of a resolved configuration by its path, in the unit shown, and where it comes from."""
    yield from _values(config, "", (), dict.fromkeys(PROVENANCE, ""))


def _values(node: Any, path: str, address: Address, provenance: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the values below a node of a configuration; the provenance of a section holds for its parts."""
    if isinstance(node, Mapping):
        provenance = {**provenance, **{field: str(node[field]) for field in PROVENANCE if node.get(field) is not None}}
        for key, child in node.items():
            if key not in PROVENANCE and child is not None:
                yield from _values(child, f"{path}.{key}" if path else str(key), (*address, key), provenance)
    elif isinstance(node, list):
        for number, child in enumerate(node):
            name = child.get("id", number) if isinstance(child, Mapping) else number
            yield from _values(child, f"{path}.{name}", (*address, number), provenance)
    else:
        unit = allowed_at(Project, address).unit
        is_number = isinstance(node, int | float) and not isinstance(node, bool)
        value = display().value(node, unit) if is_number and unit else node
        yield {"input": path, "value": value, "unit": display().unit(unit), **provenance}
