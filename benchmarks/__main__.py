"""`make bench`: every figure beside its target, in one table. Slow (half an hour); parts by name, e.g. `peers parallel`.

Six parts have the numbers of the six targets that were set before anything was measured; "compiled" came later.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks import (
    commands,
    compiled_over_simpy,
    control_variates,
    dask_overhead,
    end_to_end,
    growth,
    model_over_engine,
    parallel,
    peers,
    prepare,
    statistics,
    whole_replications,
)
from benchmarks.rows import Row, told

PARTS: dict[str, Callable[[], list[Row]]] = {
    "model": model_over_engine.rows,
    "growth": growth.rows,
    "parallel": parallel.rows,
    "end_to_end": end_to_end.rows,
    "statistics": statistics.rows,
    "peers": peers.rows,
    "prepare": prepare.rows,
    "commands": commands.rows,
    "controls": control_variates.rows,
    "dask": dask_overhead.rows,
    "quick": commands.quick,
    "compiled": lambda: [*compiled_over_simpy.rows(), *whole_replications.rows()],
}
NUMBERED = ("model", "growth", "parallel", "end_to_end", "statistics", "peers")


def numbered(name: str, rows: list[Row]) -> list[Row]:
    """Put the number of a part before its rows."""
    number = f"{NUMBERED.index(name) + 1}. " if name in NUMBERED else ""
    return [replace(row, what=number + row.what) for row in rows]


def machine() -> str:
    """Say where and when."""
    cores, load = os.cpu_count(), os.getloadavg()[0]
    python = f"Python {platform.python_version()}"
    return f"{platform.machine()}, {cores} cores, load {load:.1f}, {python}, {datetime.now(UTC):%Y-%m-%d}"


def main() -> None:
    """Measure what was asked for, everything if nothing was, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no {', '.join(unknown)}")
    parts = {name: part for name, part in PARTS.items() if name in (asked.parts or {*PARTS} - {"quick"})}
    rows = [row for name, part in parts.items() for row in numbered(name, part())]
    print(f"{machine()}\n\n{told(rows)}")


if __name__ == "__main__":
    main()
