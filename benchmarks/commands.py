"""How long a planner waits for an answer, by command: wall time, and processor time of all its processes.

Every row is one command, run several times; the figure is the middle one with the least and the most. Machine code is
in the cache, as it is from the second run on; `compile` has the first one. Wall times mean something only while nothing
else runs: the load is printed with them, and processor time is what holds on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.rows import Row, told

SIM = [str(Path(sys.executable).with_name("sim"))]
HYBRID, CAMPUS = "configs/hybrid.yaml", "configs/horizon_2gw.yaml"
OF_THREE = [f"configs/{name}.yaml" for name in ("stick_built", "hybrid", "modular")]
SWEEP = """\
schema_version: 1
name: fifty_points
question: What does the cost of capital do?
configs: [{base}]
inputs: {{rate: {{paths: [money.cost_of_capital], values: {rates}}}}}
runs: 100
metrics: [lead_time_full_days, npv_usd]
"""
LIVE = """
import sys, time
from pathlib import Path
from sim.study.analyses.live import Live
began = time.perf_counter()
with Live(Path("configs/hybrid.yaml"), [], runs=500, seed=1, workers=2) as live:
    next(live.snapshots({}, lambda: True))
    print(time.perf_counter() - began)
    list(live.snapshots({}, lambda: True))
    began = time.perf_counter()
    list(live.snapshots({"logistics.cranes": 3}, lambda: True))
    print(time.perf_counter() - began)
"""
MEMORY = """
import resource, sys
from dataclasses import replace
from sim.study.api import load
from sim.study.case import prepare_case
from sim.study.executors.memory_estimate import require_memory
case = prepare_case(load("configs/horizon_2gw.yaml"), engine="compiled")
case = replace(case, compared_runs=0, compared_in_every_process=False)
require_memory(case, 20, 1)
case.simulate_chunk(1, 0, 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
COMPILE = """
from sim.study.api import load
from sim.study.case import prepare_case
case = prepare_case(load("configs/one_block.yaml"), engine="compiled")
case.simulate_chunk(1, 0, 1)
"""


@dataclass(frozen=True)
class Taken:
    """One run of a command: wall seconds to its first line and to its end, processor seconds, and what it printed."""

    first: float
    wall: float
    cpu: float
    lines: tuple[str, ...]


def run(command: list[str], *, cache: str | None = None) -> Taken:
    """Run a command to its end."""
    surroundings = {**os.environ, "PYTHONUNBUFFERED": "1"} | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)  # without compiled modules every start pays half a second more
    before, began, first, lines = _children(), perf_counter(), 0.0, list[str]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings) as process:  # noqa: S603
        assert process.stdout is not None
        for line in process.stdout:
            first = first or perf_counter() - began
            lines.append(line.strip())
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return Taken(first, perf_counter() - began, _children() - before, tuple(lines))


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def spread(values: list[float]) -> str:
    """Return the middle of some seconds, with the least and the most."""
    return f"{median(values):.1f} s ({min(values):.1f} to {max(values):.1f})"


def row(what: str, values: list[float], target: float, cpu: list[float] | None = None) -> Row:
    """Return seconds beside their target; met is judged by the middle one."""
    figure = spread(values) + (f", {median(cpu):.1f} s of processor time" if cpu else "")
    return Row(what, figure, f"≤ {target:g} s", median(values) <= target)


def runs_of(place: Path, runs: int, targets: tuple[float, float], turns: int) -> list[Row]:
    """Return the rows of `sim run`: to its verdict, and to its last file."""
    command = [*SIM, "run", HYBRID, "--runs", str(runs), "--out", str(place / "hybrid")]
    taken = [run(command) for _ in range(turns)]
    what = f"sim run hybrid --runs {runs:,}"
    return [
        row(f"{what}: verdict", [one.first for one in taken], targets[0]),
        row(f"{what}: all files", [one.wall for one in taken], targets[1], [one.cpu for one in taken]),
    ]


def whole(what: str, command: list[str], target: float, turns: int) -> list[Row]:
    """Return the row of a command from its start to its end."""
    taken = [run(command) for _ in range(turns)]
    return [row(what, [one.wall for one in taken], target, [one.cpu for one in taken])]


def forecasts(place: Path, turns: int) -> list[Row]:
    """Return the rows of a monthly forecast beside a run of as many replications, taken in turns on the same machine."""
    runs = ["--runs", "1000"]
    pairs = []
    for turn in range(turns):
        plain = run([*SIM, "run", HYBRID, *runs, "--out", str(place / f"plain-{turn}")])
        under_way = ["--status", "configs/status/hybrid_february.csv", "--out", str(place / f"forecast-{turn}")]
        pairs.append((plain, run([*SIM, "forecast", HYBRID, *runs, *under_way])))
    found = []
    for what, ratios in (
        ("processor time", [after.cpu / plain.cpu for plain, after in pairs]),
        ("wall time", [after.wall / plain.wall for plain, after in pairs]),
    ):
        figure = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        found.append(Row(f"sim forecast over sim run, 1,000 replications: {what}", figure, "≤ 1", median(ratios) <= 1))
    return found


def exports(place: Path, turns: int) -> list[Row]:
    """Return the rows of `sim export`, format by format, of a stored result."""
    stored = str(place / "hybrid")
    if not Path(stored).exists():
        run([*SIM, "run", HYBRID, "--runs", "100", "--out", stored])
    found = []
    for form in ("csv", "xer", "mspdi", "excel"):
        command = [*SIM, "export", stored, "--to", form, "--out", str(place / f"schedule.{form}")]
        found += whole(f"sim export, {form}, of a stored result", command, 8, turns)
    return found


def fifty_points(place: Path) -> Path:
    """Write the design of a sweep of 50 points into a folder, and return its file."""
    design = place / "sweep.yaml"
    design.write_text(SWEEP.format(base=Path(HYBRID).absolute(), rates=[5 + number / 5 for number in range(50)]))
    return design


def sweeps(place: Path) -> list[Row]:
    """Return the row of a sweep of 50 points."""
    command = [*SIM, "sweep", str(fifty_points(place)), "--out", str(place / "sweep")]
    return whole("sim sweep, 50 points of 100 (the plan stays)", command, 40, 1)


def lives(turns: int) -> list[Row]:
    """Return the rows of what `sim live` shows."""
    taken = [[float(line) for line in run([sys.executable, "-c", LIVE]).lines] for _ in range(turns)]
    first, again = zip(*taken, strict=True)
    return [
        row("sim live: first picture", [*first], 2),
        row("sim live: a crane more, 500 replications", [*again], 1.5),
    ]


def memory() -> list[Row]:
    """Return the row of the memory that a process of a 2 GW run takes."""
    found = float(run([sys.executable, "-c", MEMORY]).lines[0])
    return [Row("memory of a process of a 2 GW run", f"{found:.0f} MB", "≤ 400 MB", found <= 400)]


def compiling(place: Path) -> list[Row]:
    """Return the row of the first run on a machine: a replication of a small project, with every kernel to be compiled."""
    taken = run([sys.executable, "-c", COMPILE], cache=str(place / "cold"))
    shutil.rmtree(place / "cold", ignore_errors=True)
    return [row("compiling, once a machine", [taken.wall], 8, [taken.cpu])]


def parts(place: Path, turns: int) -> dict[str, Callable[[], list[Row]]]:
    """Return the rows by name, each measured when it is called."""
    drivers = [*SIM, "drivers", HYBRID, "--runs", "200", "--out", str(place / "drivers")]
    compare = [*SIM, "compare", *OF_THREE, "--runs", "1000", "--out", str(place / "compare")]
    return {
        "run10": partial(runs_of, place, 10, (2, 4), turns),
        "run1000": partial(runs_of, place, 1000, (4, 6.5), turns),
        "forecast": partial(forecasts, place, turns),
        "export": partial(exports, place, turns),
        "live": partial(lives, turns),
        "sweep": partial(sweeps, place),
        "drivers": partial(whole, "sim drivers hybrid --runs 200", drivers, 30, 1),
        "compare": partial(whole, "sim compare of three, 1,000 each", compare, 14, 1),
        "memory": memory,
        "compile": partial(compiling, place),
    }


def rows(names: tuple[str, ...] = (), turns: int = 3) -> list[Row]:
    """Measure the parts of those names, or all."""
    with tempfile.TemporaryDirectory() as folder:
        known = parts(Path(folder), turns)
        return [one for name, part in known.items() if not names or name in names for one in part()]


def quick() -> list[Row]:
    """Measure what takes less than three minutes in all, for information."""
    return rows(("run10", "run1000", "live"), turns=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="run10 run1000 forecast export live sweep drivers compare memory compile; all if none"
    )
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    print(told(rows(tuple(asked.names), asked.turns)))
