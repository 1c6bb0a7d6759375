"""Which drivers the spread is due to: first-order Sobol indices as a table and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sim.report.reading import Result
from sim.report.words import interval, measure, percent
from sim.study.indices import ENOUGH, INDICES

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 12
LEFT = "everything else: each activity's own range, failed tests, weather, interactions"
METHOD = (
    "First-order Sobol indices: the share of the variance that goes with a driver by itself, read off the runs of this"
    " report (correlation ratio over classes of like values, without its bias; bootstrap intervals, sampling error only;"
    " Plischke, Borgonovo and Smith 2013). An interval that begins at 0 shows no effect. For total indices of chosen"
    " inputs: sim sensitivity. For days at P80: sim drivers."
)


def lacking(result: Result) -> str:
    """Return why there are no indices, in one line; empty where there are."""
    if len(result.table(INDICES)):
        return ""
    return f"Sobol indices of the drivers need drivers, and at least {ENOUGH} finished runs."


def head(result: Result) -> list[str]:
    """Return the columns: the driver, then what is explained."""
    table = result.table(INDICES)
    return ["driver", *(measure(str(metric)).name for metric in dict.fromkeys(table["metric"]))] if len(table) else []


def rows(result: Result) -> list[list[str]]:
    """Return drivers with their shares of the variance, the most important first; what they leave is the last row."""
    table = result.table(INDICES)
    if not len(table):
        return []
    metrics = [*dict.fromkeys(table["metric"])]
    by = {(row["name"], row["metric"]): row for row in table.to_dict("records")}
    shown = [
        [str(name), *(_cell(by.get((name, metric))) for metric in metrics)] for name in leading(table, metrics)[:SHOWN]
    ]
    left = [1 - float(table.loc[table["metric"] == metric, "index"].sum()) for metric in metrics]
    return [*shown, [LEFT, *(percent(min(max(share, 0.0), 1.0)) for share in left)]]


def leading(table: pd.DataFrame, metrics: list[str]) -> list[str]:
    """Return the drivers that are shown to matter for anything; those for the first metric first."""
    felt = table[table["low"] > 0]
    order = felt.assign(place=felt["metric"].map(metrics.index)).sort_values(
        ["place", "index"], ascending=[True, False]
    )
    return [*dict.fromkeys(order["name"])]


def _cell(row: Mapping[Any, Any] | None) -> str:
    """Write a share with its interval; nothing where a driver cannot have an effect."""
    if row is None:
        return ""
    return f"{percent(max(row['index'], 0.0))} ({interval(row['low'], row['high'], percent)})"
