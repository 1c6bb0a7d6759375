"""The same repetitive job here and in other simulators: N units through eight activities, four crews each.

Each simulator works in a process of its own, a script of `benchmarks/peer_jobs` by the Python of its own environment
(`make peers` makes them in .peers; they are no dependency of ours, and those that are not there are left out).
Processor time, setting up and running apart; the targets are for running. ORBIT cannot do the job: it does its own,
one vessel that sets N monopiles, in calm and with hourly weather.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from math import log
from pathlib import Path
from statistics import median

from benchmarks.rows import Row, at_most, told

SCRIPTS = Path(__file__).parent / "peer_jobs"
ENVIRONMENTS = Path(".peers")
SIZES = (250, 1000)
LONG = 20.0  # seconds: what takes longer is measured once


@dataclass(frozen=True)
class Simulator:
    """Who does the job: its name in the table, its script, its arguments, whose environment, and what its end may differ."""

    name: str
    script: str
    words: tuple[str, ...] = ()
    environment: str = ""
    within: float = 0.005  # requests of the same minute are served by name here, by order of events in others

    @property
    def python(self) -> Path:
        """The interpreter that has it; ours, if it needs no environment of its own."""
        return ENVIRONMENTS / self.environment / "bin" / "python" if self.environment else Path(sys.executable)


@dataclass(frozen=True)
class Replication:
    """Processor seconds of setting up and of running, the minute of the end, and the activities that were simulated."""

    set_up: float
    running: float
    ends: float
    activities: int


OURS = Simulator("ours by SimPy, full log", "in_ours.py")
COMPILED = Simulator("ours compiled, full log", "in_ours.py", ("compiled",))
BARE = Simulator("bare SimPy", "in_simpy.py")
PEERS = (
    Simulator("SimPM, no log", "in_simpm.py", environment="simpm"),
    Simulator("OpenCLSim", "in_openclsim.py", environment="openclsim"),
    # it begins a task a minute after the one before has ended, and serves by slack
    Simulator("pDESy", "in_pdesy.py", environment="pdesy", within=0.05),
    Simulator("ORBIT, its own job in calm", "in_orbit.py", environment="orbit-nrel", within=float("inf")),
    Simulator(
        "ORBIT, its own job in weather", "in_orbit.py", ("weather",), environment="orbit-nrel", within=float("inf")
    ),
)


def measured(who: Simulator, units: int, turns: int = 3) -> Replication:
    """Let a simulator do the job in turns, once where it takes long, and take medians."""
    command = [who.python, "-W", "ignore", SCRIPTS / who.script, str(units), *who.words]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())} if not who.environment else None
    tell = partial(subprocess.run, check=True, capture_output=True, text=True)
    found: list[Replication] = []
    while len(found) < turns and not (found and found[-1].running + found[-1].set_up > LONG):
        words = tell(command, env=environment).stdout.split()[-4:]
        found.append(Replication(float(words[0]), float(words[1]), float(words[2]), int(words[3])))
    set_up, running = (median(getattr(done, part) for done in found) for part in ("set_up", "running"))
    return Replication(set_up, running, found[0].ends, found[0].activities)


def rows() -> list[Row]:
    """Measure ours, bare SimPy and every peer that is there; refuse to compare where the same job ends elsewhere."""
    there = [peer for peer in PEERS if peer.python.exists()]
    found = {who: [measured(who, units) for units in SIZES] for who in (OURS, COMPILED, BARE, *there)}
    mine = found[OURS][-1]
    for who, done in found.items():
        apart = abs(done[-1].ends / mine.ends - 1)
        assert apart <= who.within, f"{who.name} ends at {done[-1].ends}, we at {mine.ends}"
    absent = ", ".join(peer.name for peer in PEERS if peer not in there)
    return [
        *(_speed(who.name, *done) for who, done in found.items()),
        at_most("ours by SimPy over bare SimPy", mine.running / found[BARE][-1].running, 2.5),
        *(at_most(f"ours by SimPy over {who.name}", _ratio(mine, found[who][-1]), 1, digits=3) for who in there),
        *([Row("not here (make peers)", absent)] if absent else []),
    ]


def _ratio(mine: Replication, theirs: Replication) -> float:
    """Return processor time an activity, ours over theirs: the jobs need not have as many."""
    return (mine.running / mine.activities) / (theirs.running / theirs.activities)


def _speed(name: str, small: Replication, large: Replication) -> Row:
    grows = log(large.running / small.running) / log(SIZES[1] / SIZES[0])
    speed = f"{large.running:.3g} s, {large.activities / large.running:,.0f} activities/s, grows as N^{grows:.2f}"
    return Row(f"{name}, N = {SIZES[1]:,}", f"{speed}; set up in {large.set_up:.2g} s, ends at {large.ends:,.0f}")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(told(rows()))
