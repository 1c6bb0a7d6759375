"""Which form a handover is written in, and which reader a planner's file gets."""

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
    from sim.report.exchange.export import Handover

MOST_BYTES = 64_000_000


@in_display_units
def write(handover: Handover, form: str, target: Path) -> int:
    """Write a handover as mspdi, xer, excel or csv (then `target` is a folder); return how many activities it has."""
    if not files.exists(target.parent):
        files.make_directory(target.parent)
    if form == "csv":
        _write_csv(handover, target)
    else:
        files.write(target, _bytes(handover, form))
    return len(handover.run.tasks)


def _bytes(handover: Handover, form: str) -> bytes:
    """A handover as one file."""
    if form == "mspdi":
        from sim.report.exchange.mspdi import mspdi

        return mspdi(handover)
    if form == "xer":
        from sim.report.exchange.xer import xer

        return xer(handover)
    from sim.report.exchange.workbook import workbook

    return workbook(handover)


def _write_csv(handover: Handover, folder: Path) -> None:
    """Write each table as a file of its own."""
    from sim.report.exchange.tables import tables

    files.make_directory(folder)
    for name, table in tables(handover).items():
        files.write(folder / f"{name}.csv", csv_bytes(table))


def read_network(path: Path, encoding: str | None = None, project: str | None = None) -> PlannerNetwork:
    """Read a planner's file: Microsoft Project XML or Primavera XER, by its ending; WrongFile for any other."""
    data = files.read(path, MOST_BYTES)
    if path.suffix.lower() == ".xer":
        from sim.report.exchange.importers.xer_import import read_xer

        with gc_paused():
            return read_xer(data, path.name, encoding, project)
    if path.suffix.lower() == ".xml":
        from sim.report.exchange.importers.mspdi_import import read_mspdi

        with gc_paused():
            return read_mspdi(data, path.name, encoding)
    raise WrongFile(f"{path}: a file ending in .xml (Microsoft Project XML) or .xer (Primavera P6) is read")
