"""A handover as plain tables: the inputs with who said so, the milestones, the activities, every run.

They are the sheets of the workbook and the files of the CSV export.

The same tables as an Excel workbook: what planners and their managers pass on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from sim.errors import SimError
from sim.report.exchange.export import Handover
from sim.report.formatting import metric_format
from sim.report.result_view import ResultView
from sim.study.storage.results import harmless

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
        "milestones": pd.DataFrame(_milestones(handover)),
        "activities": pd.DataFrame(_activities(handover)),
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


def inputs(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return every value of a resolved configuration by its path, with what is said about where it comes from."""
    yield from _values(config, "", dict.fromkeys(PROVENANCE, ""))


def _values(node: Any, path: str, said: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the values below a node; what is said of a section holds for its parts."""
    if isinstance(node, Mapping):
        said = {**said, **{word: str(node[word]) for word in PROVENANCE if node.get(word) is not None}}
        for key, below in node.items():
            if key not in PROVENANCE and below is not None:
                yield from _values(below, f"{path}.{key}" if path else str(key), said)
    elif isinstance(node, list):
        for number, below in enumerate(node):
            name = below.get("id", number) if isinstance(below, Mapping) else number
            yield from _values(below, f"{path}.{name}", said)
    else:
        yield {"input": path, "value": node, **said}


# --- workbook ---------------------------------------------------------------------------------------------------------


WIDEST = 60
ROWS = 1_048_575
_FIXED = datetime(2026, 1, 1)


class NoExcel(SimError):
    """Excel was asked for and cannot be written here."""

    exit_code = 2


def workbook(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Write tables as the sheets of a workbook: headings fixed, columns as wide as they are read."""
    try:
        from openpyxl import Workbook
        from openpyxl.styles import Alignment, Font
        from openpyxl.utils import get_column_letter
    except ImportError as error:
        raise NoExcel("Excel files need openpyxl: pip install 'hybrid-dc-sim[excel]'") from error
    book = Workbook()
    book.remove(book.active)
    book.properties.created = book.properties.modified = _FIXED
    for name, table in tables.items():
        if len(table) > ROWS:
            raise NoExcel(f"{name} has {len(table):,} rows, a sheet holds {ROWS:,}; export as csv")
        sheet = book.create_sheet(name)
        sheet.append([str(harmless(str(column))) for column in table.columns])
        for row in table.itertuples(index=False):
            sheet.append([_cell(value) for value in row])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
            cell.alignment = Alignment(vertical="top")
        sheet.freeze_panes = "A2"
        for number, column in enumerate(table.columns, 1):
            texts = [str(column), *(str(value) for value in table.iloc[:200, number - 1])]
            sheet.column_dimensions[get_column_letter(number)].width = min(WIDEST, 2 + max(map(len, texts)))
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    """A value as a cell holds it; a text is never taken for a formula."""
    import pandas as pd

    if isinstance(value, str):
        return harmless(value)
    if pd.isna(value):
        return None
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "not reached"
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value
