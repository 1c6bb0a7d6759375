"""Which risk matters, in words: what is saved when one cause is switched off, as a table and two sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.report import reading
from sim.report.reading import Result
from sim.report.words import interval, measure, signed
from sim.study.drivers import METRICS, Drivers
from sim.study.switching import ALL, RISK

if TYPE_CHECKING:
    from rich.console import Group

KINDS = {RISK: "risk event", ALL: "together"}
OVERLAP = (
    "Each cause is switched off alone, on the same luck; crews and order dates stay as agreed. Causes overlap: where"
    " several would each have delayed the same work, no one of them saves much alone, so savings do not add up."
)
SMALL = 0.005
"""A share of the base below which a saving is not worth a digit of its own."""


def head(found: Drivers) -> tuple[str, ...]:
    """Return the names of the columns."""
    first = measure(found.metric).name
    others = [f"{measure(metric).name}, P80" for metric in _others(found)]
    return ("cause", "kind", f"{first}, P50", f"{first}, P80", "95 % interval", *others)


def rows(found: Drivers) -> list[tuple[str, ...]]:
    """Return a row a cause, the largest at P80 first; all of a kind together at the end."""
    table = found.table()
    ordered = [row for last in (False, True) for row in table.to_dict("records") if (row["kind"] == ALL) == last]
    return [_row(found, row) for row in ordered]


def _row(found: Drivers, row: dict[Any, Any]) -> tuple[str, ...]:
    """Return one cause as cells."""
    says = measure(found.metric)

    def told(metric: str, column: str) -> str:
        value = float(row[f"{metric}_{column}"])
        return signed(measure(metric).write(value, measure(metric).finest))

    low, high = (float(row[f"{found.metric}_p80_{end}"]) for end in ("low", "high"))
    spread = interval(low, high, lambda value: signed(says.write(value, says.finest)))
    kind = KINDS.get(str(row["kind"]), "uncertainty")
    others = [told(metric, "p80") for metric in _others(found)]
    return (str(row["name"]), kind, told(found.metric, "p50"), told(found.metric, "p80"), spread, *others)


def _others(found: Drivers) -> list[str]:
    """Return the metrics besides the one that causes are ranked by: dollars and people."""
    return [metric for metric in METRICS[2:] if f"{metric}_p80" in found.result.switched]


def of_result(result: Result) -> Drivers | None:
    """Return the causes that are kept with a result, None where there are none."""
    switched = getattr(result, "switched", None)
    return Drivers(result) if switched and len(switched["id"]) else None  # type: ignore[arg-type]


def told(found: Drivers) -> Group:
    """Return the table for the console."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    about = reading.about(found.result)
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    for at, name in enumerate(head(found)):
        table.add_column(name, justify="left" if at < 2 else "right")
    for cells in rows(found):
        table.add_row(*cells)
    title = f"{about.name}: saved when switched off ({about.runs:,} runs, seed {about.seed})"
    return Group(Text(title, style="bold"), table, Text(OVERLAP, style="dim"))
