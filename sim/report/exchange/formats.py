"""The formats in which a result is exported, and the reader of each planner's format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim import files
from sim.config.sections.display_units import in_display_units
from sim.jit import gc_paused
from sim.report.exchange.importers.network_import import PlannerNetwork
from sim.report.exchange.importers.source_text import WrongFile
from sim.study.storage.results import csv_bytes

if TYPE_CHECKING:
    from sim.report.exchange.export import ExportedResult

MAX_BYTES = 64_000_000


@in_display_units
def write(exported: ExportedResult, form: str, target: Path) -> int:
    """Write an exported result as mspdi, xer, excel or csv (then `target` is a folder); return how many activities it has."""
    if not files.exists(target.parent):
        files.make_directory(target.parent)
    if form == "csv":
        _write_csv(exported, target)
    else:
        files.write(target, _bytes(exported, form))
    return len(exported.schedule.tasks)


def _bytes(exported: ExportedResult, form: str) -> bytes:
    """Return an exported result as the bytes of one file."""
    if form == "mspdi":
        from sim.report.exchange.mspdi import mspdi

        return mspdi(exported)
    if form == "xer":
        from sim.report.exchange.xer import xer

        return xer(exported)
    from sim.report.exchange.workbook import workbook

    return workbook(exported)


def _write_csv(exported: ExportedResult, folder: Path) -> None:
    """Write each table as a file of its own; none without columns, such as that of the contract where there is none."""
    from sim.report.exchange.tables import tables

    files.make_directory(folder)
    for name, table in tables(exported).items():
        if len(table.columns):
            files.write(folder / f"{name}.csv", csv_bytes(table))


def read_network(path: Path, encoding: str | None = None, project: str | None = None) -> PlannerNetwork:
    """Read a planner's file: Microsoft Project XML or Primavera XER, by its ending; WrongFile for any other."""
    data = files.read(path, MAX_BYTES)
    if path.suffix.lower() == ".xer":
        from sim.report.exchange.importers.xer_import import read_xer

        with gc_paused():
            return read_xer(data, path.name, encoding, project)
    if path.suffix.lower() == ".xml":
        from sim.report.exchange.importers.mspdi_import import read_mspdi

        with gc_paused():
            return read_mspdi(data, path.name, encoding)
    raise WrongFile(f"{path}: a file ending in .xml (Microsoft Project XML) or .xer (Primavera P6) is read")


def without_name(message: str, path: Path) -> str:
    """Return what is wrong with a file without its name, which stands before it already."""
    for name in (str(path), path.name):
        if message.startswith(f"{name}:"):
            rest = message[len(name) + 1 :]
            return rest.strip() if rest.startswith(" ") else f"line {rest}"
    return message
