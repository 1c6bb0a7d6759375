"""What was verified, as a table on the console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.study.checked import Checked, count

if TYPE_CHECKING:
    from rich.console import Group

STYLES = {"holds": "green", "fails": "bold red", "inconclusive": "yellow"}


def verified(title: str, rows: Sequence[Checked]) -> Group:
    """Return the rows as a table, with how many hold below it."""
    from rich.console import Group
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "what", "expected", "observed"):
        table.add_column(column, overflow="fold")
    for row in rows:
        outcome = f"[{STYLES[row.outcome]}]{row.outcome}[/]"
        table.add_row(outcome, row.name, row.expected, row.observed)
        if row.remark:
            table.add_row("", f"  {row.remark}", "", "")
    return Group(table, "", tally(rows))


def tally(rows: Sequence[Checked]) -> str:
    """Say how many hold, fail and cannot be told."""
    said = [f"{count(rows, 'holds')} of {len(rows)} hold"]
    if failing := count(rows, "fails"):
        said.append(f"{failing} fail")
    if open_ := count(rows, "inconclusive"):
        said.append(f"{open_} inconclusive at this number of runs")
    return ", ".join(said)
