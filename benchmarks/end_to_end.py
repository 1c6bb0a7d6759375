"""Where the processor time of `sim run` goes, what `sim --help` costs, and whether memory grows with the runs.

Shares are taken from a profile's cumulative times by function; the profile slows small functions down, which is
against us: sampling and metrics look dearer than they are.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

from benchmarks.rows import Row, at_least, at_most, cpu_seconds, told
from sim.study.api import load, result_of
from sim.study.case import Case, prepare_case
from sim.study.runner import run

CONFIG = "configs/hybrid.yaml"
RUNS = 12
SIM_HELP = "from sim.cli import main; main(['--help'])"
MEMORY = """
import resource, sys
from sim.study.case import prepare_case
from sim.study.api import load
from sim.study.storage.checkpoint import open_checkpoint
from sim.study.runner import run_range
from pathlib import Path
case = prepare_case(load("configs/hybrid.yaml", ["scale.capacity_mw=25"]).value)
with open_checkpoint(Path(sys.argv[2]) / "run", {}) as store:
    run_range(case, seed=1, part=range(int(sys.argv[1])), store=store, chunk=20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def steps(case: Case, runs: int) -> dict[str, float]:
    """Return CPU seconds by step of a run of so many replications, storage and figures included."""
    from sim.report.figures.drawing import draw_figures

    taken = dict.fromkeys(("sampling", "simulation", "metrics"), 0.0)
    lucks = iter(case.draws(1).chunk(0, runs))
    for _ in range(runs):
        marks = [process_time()]
        luck = next(lucks)
        marks.append(process_time())
        outcome = case.simulate(luck)
        marks.append(process_time())
        case.measured(luck, outcome)
        marks.append(process_time())
        for name, begin, end in zip(taken, marks, marks[1:], strict=False):
            taken[name] += end - begin
    result = result_of(case, 1, run(case, seed=1, runs=2))
    with tempfile.TemporaryDirectory() as place:
        taken["storage"] = cpu_seconds(lambda: result.save(Path(place) / "stored"))
        taken["figures"] = cpu_seconds(lambda: draw_figures(result))
    return taken


def shares(case: Case, runs: int = RUNS, whole: int = 1000) -> dict[str, float]:
    """Return the shares of a run of `whole` replications: what is per replication counts that often."""
    taken = steps(case, runs)
    scaled = {k: v * (whole / runs if k in {"sampling", "simulation", "metrics"} else 1) for k, v in taken.items()}
    total = sum(scaled.values())
    return {name: value / total for name, value in scaled.items()}


def help_seconds() -> float:
    """Return the CPU seconds of `sim --help`, the interpreter's start included; the least of five."""
    found = []
    for _ in range(5):
        before = _children()
        subprocess.run([sys.executable, "-c", SIM_HELP], check=False, stdout=subprocess.DEVNULL)  # noqa: S603
        found.append(_children() - before)
    return min(found)


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def memory_mb(runs: int) -> float:
    """Return the most memory a process had that performed and stored so many replications, in MB."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-c", MEMORY, str(runs), place]
        told_kb = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ).stdout  # noqa: S603
    return int(told_kb) / 1024


def rows() -> list[Row]:
    """Measure."""
    found = shares(prepare_case(load(CONFIG).value))
    few, many = memory_mb(40), memory_mb(160)
    spread = ", ".join(f"{name} {100 * share:.0f} %" for name, share in found.items())
    return [
        at_least("share of 1,000 runs in simulation", 100 * found["simulation"], 85, "%", 0),
        Row("all shares of processor time", spread),
        at_most("CPU of sim --help", help_seconds(), 0.4, "s"),
        at_most("memory of 160 runs over 40 runs", many / few, 1.1),
    ]


if __name__ == "__main__":
    print(told(rows()))
