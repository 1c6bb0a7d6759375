"""Published projects beside what is predicted for them: measures of every replication of a case."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.errors import SimError
from sim.events import WORK
from sim.study.case import Case
from sim.study.intervals import quantile

Floats = NDArray[np.float64]
HOUR, DAY, WEEK = 60, 1440, 7 * 1440
SHARES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Fact:
    """One published number: of which case, how it is measured, between what and what, and how the model got it.

    `given`: it is an input. `calibrated`: an input was chosen with it in view. `predicted`: neither.
    """

    case: str
    quantity: str
    measure: str
    unit: str
    low: float
    high: float
    kind: str
    source: str


@dataclass(frozen=True)
class Compared:
    """A published number beside P10, P50 and P90 of what is predicted."""

    fact: Fact
    p10: float
    p50: float
    p90: float
    runs: int

    @property
    def off(self) -> float:
        """How far P50 is from the nearer end of what was published, as a share of it; 0 inside."""
        if self.fact.low <= self.p50 <= self.fact.high:
            return 0.0
        nearer = self.fact.low if self.p50 < self.fact.low else self.fact.high
        return self.p50 / nearer - 1 if nearer else float("inf")

    @property
    def overlaps(self) -> bool:
        """Whether P10 to P90 has a value in common with what was published."""
        return self.p10 <= self.fact.high and self.fact.low <= self.p90


def facts(path: Path) -> list[Fact]:
    """Read the table of published numbers."""
    rows = csv.DictReader(files.read(path).decode("utf-8").splitlines())
    return [
        Fact(
            row["case"], row["quantity"], row["measure"], row["unit"],
            float(row["low"]), float(row["high"]), row["kind"], row["source"],
        )
        for row in rows
    ]  # fmt: skip


def compared(case: Case, found: Sequence[Fact], runs: int, seed: int = 1) -> list[Compared]:
    """Run a case and put what is predicted beside what was published."""
    chunk = case.replicate(seed, 0, runs)
    rows = []
    for fact in found:
        name, _, argument = fact.measure.partition(":")
        if name in ("hours_of", "days_of", "rate_of"):
            values = _of_logs(case, name, argument, seed, min(runs, 200))
        else:
            values = _of_runs(case, chunk.runs, chunk.curves, name, argument)
        p10, p50, p90 = (quantile(np.sort(values), share) for share in SHARES)
        rows.append(Compared(fact, p10, p50, p90, len(values)))
    return rows


def _of_runs(
    case: Case, runs: dict[str, NDArray[np.generic]], curves: dict[str, Floats], name: str, argument: str
) -> Floats:
    """A measure of every replication from its metrics or its daily curves, in the unit of the table."""
    if name == "mw_it_on":
        block = case.project.block
        return np.asarray(
            curves["mw_online"][:, int(argument)] * (block.mw_it.value / block.mw_gross.value), np.float64
        )
    if name == "hours_to":
        days = int(argument)
        paid = case.yardstick.paid_by_day[:days]
        return np.asarray(curves["headcount"][:, :days].astype(np.float64) @ paid / 1e6, np.float64)
    if name == "all_online":
        whole = curves["mw_online"] >= case.project.scale.capacity_mw - 1e-3
        return np.where(whole.any(axis=1), whole.argmax(axis=1), np.inf)
    if name == "infrastructure":
        parts = ("capital_energise_usd", "capital_shell_and_systems_usd")
        return np.asarray(sum(np.asarray(runs[part], np.float64) for part in parts) / 1e9, np.float64)
    if name == "offsite_share":
        off, on = (np.asarray(runs[hours], np.float64) for hours in ("offsite_hours_paid", "hours_paid"))
        return np.asarray(off / (off + on))
    if name not in runs:
        raise SimError(f"there is no measure {name!r} of a run")
    values = np.asarray(runs[name], np.float64)
    return values / 1e9 if name.endswith("_usd") else values


def _of_logs(case: Case, name: str, activity: str, seed: int, runs: int) -> Floats:
    """A measure of every replication from the log of one activity: how long it took, or how often a week."""
    values = []
    for done in case.performed(seed, 0, runs):
        log = done.performance.log
        names = np.array([*case.plan.activities, ""])[case.plan.activity_of[log[:, 1]]]
        work = (case.plan.rows[log[:, 1], 0] == WORK) & np.char.startswith(names.astype(str), activity)
        ends, begins = np.sort(log[work, 0]), np.sort(log[work, 2])
        if name == "rate_of":
            # the middle half: neither the ramp nor the last ones
            first, last = len(ends) // 4, 3 * len(ends) // 4
            values.append((last - first) / ((ends[last] - ends[first]) / WEEK))
        elif name == "hours_of":
            values.append(float(done.content[case.plan.rows[log[work, 1], 1]].sum()) / HOUR)
        else:
            values.append(float(ends[-1] - begins[0]) / DAY)
    return np.array(values)
