"""How time and memory of a replication grow with the project: the hybrid at 25, 250, 1,000 and 2,500 MW.

From 250 MW on it is a campus of so many phases of 250 MW. Proportional growth is the aim, metrics included. Each size
is measured in a process of its own, by both engines: the machine-coded one first, so that its memory is known apart.
Memory is the most that the process held, above what it holds before it reads a project; writing the plan is in it.
The system's mark of the most is wiped first (Linux): what starts a process leaves its own mark on it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from math import log
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.rows import Row, at_most, cpu_seconds, told
from sim.engine.backends import COMPILED
from sim.engine.numba_engine.simulate import load_kernel
from sim.study.api import load
from sim.study.case import Case, prepare_case

CAMPUS = "configs/horizon_2gw.yaml"
PHASE = 250
SIZES = (25, 250, 1000, 2500)
RUNS = 3
MEGABYTE = 1024
"""Kilobytes, in which the system counts memory."""
MAX_EXPONENT = 1.1

Figures = Mapping[str, float]


def of_size(megawatts: int) -> Case:
    """Return a campus of so many MW, ready to be run."""
    phases = max(1, megawatts // PHASE)
    return prepare_case(load(CAMPUS, [f"scale.phases={phases}", f"scale.capacity_mw={megawatts}"]))


def by_simpy(case: Case, runs: int = RUNS) -> tuple[float, float]:
    """Return CPU seconds of performing and of measuring one replication, medians of so many."""
    lucks = list(case.draws(1).chunk(0, runs))
    outcomes = [case.simulate(luck) for luck in lucks]
    measured = [partial(case.measured, luck, done) for luck, done in zip(lucks, outcomes, strict=True)]
    simulate = median(cpu_seconds(partial(case.simulate, luck)) for luck in lucks)
    measure = median(cpu_seconds(action) for action in measured)
    return simulate, measure


def compiled(case: Case, runs: int = RUNS) -> float:
    """Return CPU seconds of a whole compiled replication, weather and metrics included, the median of so many."""
    fast = replace(case, engine=COMPILED, compared_runs=0, compared_in_every_process=False)
    fast.simulate_chunk(1, 0, 1)
    return median(cpu_seconds(partial(fast.simulate_chunk, 1, 1 + run, 1)) for run in range(runs))


def forget_the_most() -> None:
    """Let the system count the most memory that this process holds from here on (proc(5): clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def memory(which: str) -> float:
    """Return what the system says of this process's memory: VmRSS, held now, or VmHWM, the most, in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    said = next(line for line in lines if line.startswith(f"{which}:"))
    return int(said.split()[1]) / MEGABYTE


def measured(megawatts: int) -> Figures:
    """Measure one size in this process."""
    load_kernel(lambda _: None)
    forget_the_most()
    empty = memory("VmRSS")
    case = of_size(megawatts)
    fast = compiled(case)
    alone = memory("VmHWM") - empty
    simulate, measure = by_simpy(case)
    times = {"compiled": fast, "SimPy": simulate + measure, "metrics": measure}
    return times | {"MB, compiled": alone, "MB, both": memory("VmHWM") - empty}


def apart(megawatts: int) -> Figures:
    """Measure one size in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.growth", "--size", str(megawatts)]
    found: Figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
    return found


def exponent(found: Mapping[int, Figures], what: str) -> float:
    """Return the slope of a figure against the MW, both in logarithms."""
    logs = [log(size) for size in found], [log(figures[what]) for figures in found.values()]
    return float(np.polyfit(*logs, 1)[0])


def rows(sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Measure every size, and how all of them grow."""
    found = {size: apart(size) for size in sizes}
    growing = {"compiled": "time, compiled", "SimPy": "time, SimPy", "MB, compiled": "memory, compiled"}
    growing |= {"MB, both": "memory, both engines in one process"}
    return [
        *(Row(f"{size:,} MW: one replication", _told(figures)) for size, figures in found.items()),
        *(_grows(found, what, words) for what, words in growing.items()),
    ]


def _grows(found: Mapping[int, Figures], what: str, words: str) -> Row:
    """Say how a figure grows; beside it without the smallest, most of which is there whatever the size."""
    row = at_most(f"exponent of {words} against MW", exponent(found, what), MAX_EXPONENT)
    phases = {size: figures for size, figures in found.items() if size >= PHASE}
    return replace(row, figure=f"{row.figure} (from {PHASE} MW on {exponent(phases, what):.2f})")


def _told(figures: Figures) -> str:
    """Say what one size takes."""
    slow, metrics, fast = (1000 * figures[what] for what in ("SimPy", "metrics", "compiled"))
    memory = f"{figures['MB, compiled']:,.0f} and {figures['MB, both']:,.0f} MB"
    return f"compiled {fast:,.1f} ms, SimPy {slow:,.0f} ms (metrics {metrics:,.0f}); {memory}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, help="print the figures of one size as JSON, measured in this process")
    size = parser.parse_args().size
    print(json.dumps(measured(size)) if size else told(rows()))
