"""Reports written anew from what is stored, of a result or of a comparison."""

from __future__ import annotations

import csv
from pathlib import Path

from sim import files
from sim.files import WrongPlace
from sim.report.page.compare import write_comparison
from sim.report.page.run import REPORT, write_run
from sim.study.result import Result
from sim.study.running import compared
from sim.study.store import MANIFEST

DIFFERENCES = "differences.csv"


def renew(directory: Path) -> Path:
    """Write the report and the figures of what lies in a directory anew; WrongPlace where there is nothing."""
    if not files.exists(directory / MANIFEST) and files.exists(directory / DIFFERENCES):
        results = {name: Result.load(directory / name) for name in _names(directory / DIFFERENCES)}
        for name, result in results.items():
            result.save(directory / name, lambda new, result=result: write_run(result, new))  # type: ignore[misc]
        write_comparison(results, compared(results).table(), directory)
    else:
        result = Result.load(directory)
        result.save(directory, lambda new: write_run(result, new))
    return directory / REPORT


def _names(path: Path) -> list[str]:
    """Return the results of a comparison, its base first."""
    rows = [*csv.DictReader(files.read(path).decode().splitlines())]
    if not rows:
        raise WrongPlace(f"{path}: no differences are in it")
    return [*dict.fromkeys([rows[0]["base"], *(row["case"] for row in rows)])]
