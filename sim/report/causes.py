"""Which risk matters, in words: what is saved when one cause is switched off, as a table and two sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.report import reading
from sim.report.reading import Result
from sim.report.words import interval, measure, number, rounded, signed
from sim.study.drivers import METRICS, Drivers
from sim.study.switching import ALL, RISK, UNCERTAINTY

if TYPE_CHECKING:
    from rich.console import Group

KINDS = {RISK: "risk", UNCERTAINTY: "range", ALL: "together"}
SHORT = {"capital_total_usd": "capital, P80", "peak_workforce_onsite": "peak, P80"}
OVERLAP = (
    "What is saved when a cause is switched off: a risk event of the register, or a group of ranges put at their planned"
    " values. Each cause is switched off alone, on the same luck; crews and order dates stay as agreed. Causes overlap: where"
    " several would each have delayed the same work, no one of them saves much alone, so savings do not add up."
)


def head(found: Drivers) -> tuple[str, ...]:
    """Return the names of the columns."""
    days = ("P50, days", "P80, days", "95 % of P80", "mean, days")
    return ("cause", "kind", *days, *(SHORT[metric] for metric in _others(found)))


def rows(found: Drivers) -> list[tuple[str, ...]]:
    """Return a row a cause that saves anything, the largest at P80 first; all of a kind together at the end."""
    table = found.table().to_dict("records")
    told = [_row(found, row) for last in (False, True) for row in table if (row["kind"] == ALL) == last]
    return [cells for cells in told if _felt(cells)]


def unfelt(found: Drivers) -> str:
    """Name the causes that save nothing worth saying."""
    names = [cells[0] for row in found.table().to_dict("records") if not _felt(cells := _row(found, row))]
    return f"Nothing to speak of is saved by: {'; '.join(names)}." if names else ""


def _felt(cells: tuple[str, ...]) -> bool:
    return any(cell != "0" for cell in (*cells[2:4], *cells[5:]))


def _row(found: Drivers, row: dict[Any, Any]) -> tuple[str, ...]:
    """Return one cause as cells."""
    p50, p80, low, high = (float(row[f"{found.metric}_{column}"]) for column in ("p50", "p80", "p80_low", "p80_high"))
    others = [_told(metric, float(row[f"{metric}_p80"])) for metric in _others(found)]
    spread = interval(low, high, _days)
    return (str(row["name"]), KINDS[str(row["kind"])], _days(p50), _days(p80), spread, _mean(found, row), *others)


def _mean(found: Drivers, row: dict[Any, Any]) -> str:
    """Return the mean saving with half its 95 % interval: the surest of the three."""
    mean, high = (float(row.get(f"{found.metric}_{column}", math.nan)) for column in ("mean", "mean_high"))
    half = high - mean if math.isfinite(high) else 0.0
    return _days(mean) if _days(half) == "0" else f"{_days(mean)} ± {number(half)}"


def _days(value: float) -> str:
    return signed(number(value))


def _told(metric: str, value: float) -> str:
    """Write a saving of another metric, with its sign, to the finest step worth saying."""
    says = measure(metric)
    near = rounded(value, says.finest)
    return signed(says.write(near, says.finest)) if near else "0"


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
        table.add_column(name, justify="left" if at < 2 else "right", min_width=None if at else 18)
    for cells in rows(found):
        table.add_row(*cells)
    title = f"{about.name}: saved when switched off ({about.runs:,} runs, seed {about.seed})"
    notes = "\n".join(filter(None, (unfelt(found), OVERLAP)))
    return Group(Text(title, style="bold"), table, Text(notes, style="dim"))
