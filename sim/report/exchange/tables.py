"""A handover as plain tables: the inputs with who said so, the milestones, the activities, every run.

They are the files of the CSV export, and the workbook is made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sim.config.project import Project
from sim.config.sections.display_units import display
from sim.config.source_positions import Address, allowed_at
from sim.report.exchange.export import Handover
from sim.report.formatting import metric_format
from sim.report.result_view import ResultView

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


# --- tables -----------------------------------------------------------------------------------------------------------


PROVENANCE = ("source", "date", "confidence", "note")


def tables(handover: Handover) -> dict[str, pd.DataFrame]:
    """Return the tables by name, in the order in which they are read."""
    import pandas as pd

    return {
        "about": pd.DataFrame(_about(handover), columns=["what", "is"]),
        "summary": _summary(handover),
        "contract": handover.result.milestones(),
        "milestones": pd.DataFrame(_milestones(handover)),
        "activities": pd.DataFrame(_activities(handover)),
        "curves": curves(handover),
        "risks": pd.DataFrame(_risks(handover)),
        "inputs": pd.DataFrame(inputs(handover.result.manifest["config"])),
        "runs": handover.result.runs,
    }


def _about(handover: Handover) -> Iterator[tuple[str, str]]:
    """Return what the reader must know of the numbers."""
    manifest = handover.result.manifest
    yield "project", handover.name
    yield "strategy", str(manifest["strategy"])
    yield "start (t0)", str(manifest["start_date"])
    yield "runs", f"{ResultView.of(handover.result).info.runs}"
    yield "seed", str(manifest["seed"])
    yield "configuration", str(manifest["config_digest"])
    yield "dates", handover.about()
    yield "P80", "on or before with 80 % probability; the interval is sampling error only, not input or model error"
    for name, version in manifest["versions"].items():
        yield f"version of {name}", str(version)


def _summary(handover: Handover) -> pd.DataFrame:
    """Return the summary with each metric's name in words."""
    found = handover.result.summary().reset_index()
    found.insert(0, "name", [metric_format(str(metric)).label for metric in found["metric"]])
    return found


def _milestones(handover: Handover) -> Iterator[dict[str, Any]]:
    """Return each block's date: planned, in the representative run, P50 and P80."""
    run = handover.run
    for task in sorted(run.tasks, key=lambda task: (task.finish, task.number)):
        if task.milestone:
            spread, planned = handover.spread.get(task.key), handover.planned.get(task.key)
            yield {
                "milestone": task.name,
                "planned": run.moment(planned[1]) if planned else None,
                "representative run": run.moment(task.finish),
                "P50": run.moment(round(spread.p50)) if spread else None,
                "P80": run.moment(round(spread.p80)) if spread else None,
            }


def _activities(handover: Handover) -> Iterator[dict[str, Any]]:
    """Return the schedule, a row a task."""
    run = handover.run
    for task in run.tasks:
        spread = handover.spread.get(task.key)
        yield {
            "number": task.number,
            "group": " / ".join(task.group),
            "activity": task.name,
            "start": run.moment(task.start),
            "finish": run.moment(task.finish),
            "working hours": task.minutes / 60,
            "calendar": task.calendar,
            "after": " ".join(f"{link.number}{link.type if link.type != 'FS' else ''}" for link in task.after),
            "waited for": task.held_back,
            "P80 finish": run.moment(round(spread.p80)) if spread else None,
            "critical share": spread.critical if spread else None,
        }


WEEK = 7
SHARES = ("p10", "p50", "p80", "mean")
OF_DATES = {"p10": "p90", "p80": "p20"}
"""MW by percentile of the date, as in the report: P80 is what at least 80 % of the runs have online by then."""
MILLION = 1e6
FIRST = ("mw_online", "headcount")
"""The curves that are looked at first."""


def curves(handover: Handover) -> pd.DataFrame:
    """Return the curves of all runs and the counts of the representative one, a row a week up to the last change.

    Columns: week, date (its last day); of MW (by date), headcount and money (in millions) P10, P50, P80 and mean; of the
    representative run people by trade and skids delivered and set so far.
    """
    import pandas as pd

    result = handover.result
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
        for share in SHARES:
            taken = OF_DATES.get(share, share) if name == "mw_online" else share
            columns[f"{label}{unit} {share.upper() if share != 'mean' else share}"] = rows[taken].to_numpy() / scale
    daily = pd.DataFrame(columns)
    for name, values in _counted(handover, len(daily)).items():
        daily[name] = values
    moving = (daily.diff().abs().sum(axis=1) > 0).to_numpy().nonzero()[0]
    weeks = -(-(int(moving[-1]) + 1 if len(moving) else 1) // WEEK)
    weekly = daily.iloc[[min(WEEK * (week + 1), len(daily)) - 1 for week in range(weeks)]].reset_index(drop=True)
    ends = [start + timedelta(days=WEEK * (week + 1) - 1) for week in range(weeks)]
    weekly.insert(0, "date", pd.to_datetime(ends))
    weekly.insert(0, "week", range(1, weeks + 1))
    return weekly


def _counted(handover: Handover, days: int) -> dict[str, Any]:
    """Return by day, of the representative run: skids delivered and set so far, people on site by trade.

    The largest trade comes first, as in the figures, so that colours go by the same order.
    """
    import numpy as np

    events = handover.result.events
    notes = events[events["kind"] == "note"] if len(events) else events
    found: dict[str, Any] = {}
    columns = notes["note"], notes["note_part"], notes["minute"] // (24 * 60), notes["amount"]
    for kind, part, day, amount in zip(*columns, strict=True):
        name = {"people": f"people: {part}", "delivered": "skids delivered", "set": "blocks of skids set"}.get(kind)
        systems = ("electrical", "mechanical", "compute")
        if name is None or (kind != "people" and part not in systems) or int(day) >= days:
            continue
        found.setdefault(name, np.zeros(days))[int(day)] += amount
    so_far = {name: changes.cumsum() for name, changes in sorted(found.items())}
    return dict(sorted(so_far.items(), key=lambda item: (":" in item[0], -item[1].sum() if ":" in item[0] else 0.0)))


def _risks(handover: Handover) -> Iterator[dict[str, Any]]:
    """Return the risk drivers in force: chance, effect and size, and who said so."""
    for driver, state in handover.run.project.risks.active():
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
    """Return every value of a resolved configuration by its path, in the unit shown, and where it comes from."""
    yield from _values(config, "", (), dict.fromkeys(PROVENANCE, ""))


def _values(node: Any, path: str, address: Address, said: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the values below a node; what is said of a section holds for its parts."""
    if isinstance(node, Mapping):
        said = {**said, **{word: str(node[word]) for word in PROVENANCE if node.get(word) is not None}}
        for key, below in node.items():
            if key not in PROVENANCE and below is not None:
                yield from _values(below, f"{path}.{key}" if path else str(key), (*address, key), said)
    elif isinstance(node, list):
        for number, below in enumerate(node):
            name = below.get("id", number) if isinstance(below, Mapping) else number
            yield from _values(below, f"{path}.{name}", (*address, number), said)
    else:
        unit = allowed_at(Project, address).unit
        is_number = isinstance(node, int | float) and not isinstance(node, bool)
        value = display().value(node, unit) if is_number and unit else node
        yield {"input": path, "value": value, "unit": display().unit(unit), **said}
