"""A project of one line, for tests of everything around it; it is sent to worker processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import ConfigError, Problem
from sim.study.chunk import OK, STALLED, Chunk, Columns

METRICS = ("lead_time_full_days", "capital_total_usd", "peak_workforce_onsite")
DAYS = 400
FULL_MW = 25.0


@dataclass(frozen=True)
class Toy:
    """Lead time is normal(300 + delay, 20) by replication; trouble comes where it is asked for."""

    name: str = "toy"
    delay: float = 0.0
    seconds: float = 0.0
    raises: frozenset[int] = frozenset()
    stalls: frozenset[int] = frozenset()
    refuses: frozenset[int] = frozenset()
    kills: frozenset[int] = frozenset()
    mark: str = ""
    days: int = DAYS
    metrics: tuple[str, ...] = METRICS

    def simulate_chunk(self, seed: int, first: int, count: int) -> Chunk:
        rows = [self._one(seed, r) for r in range(first, first + count)]
        lead = np.array(rows)
        runs: Columns = {
            "status": np.where(np.isinf(lead), STALLED, OK).astype(np.int8),
            "lead_time_full_days": lead,
            "capital_total_usd": 1e9 + 1e6 * np.minimum(lead, DAYS),
            "peak_workforce_onsite": np.round(400 + lead.clip(max=DAYS) / 10),
        }
        day = np.arange(self.days)
        mw = np.clip(np.floor((day - lead[:, None] + 101) / 10), 0, FULL_MW / 2.5) * 2.5
        return Chunk(first, runs, {"mw_online": mw, "headcount": np.tile(day, (count, 1)) * 1.0})

    def _one(self, seed: int, replication: int) -> float:
        if replication in self.refuses:
            raise ConfigError([Problem("toy.yaml", 3, 1, "crane", "0", "at least 1")])
        if replication in self.raises:
            raise ZeroDivisionError("no crane")
        if replication in self.kills and multiprocessing.parent_process() is not None and self._now():
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        if replication in self.stalls:
            return float("inf")
        draw = np.random.Generator(np.random.Philox(key=[seed, replication])).standard_normal()
        return round(300 + self.delay + 20 * float(draw), 3)

    def _now(self) -> bool:
        """Whether to kill: always, or only once if there is a place to leave a mark."""
        if not self.mark:
            return True
        try:
            Path(self.mark).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


@dataclass(frozen=True)
class Unpackable(Toy):
    """Cannot be put together again where it arrives."""

    def __reduce__(self) -> tuple[type[Path], tuple[int, ...]]:
        return Path, (1, 2)


@dataclass(frozen=True)
class Heavy(Toy):
    """As large as a project: more than a pipe holds, so that sending it waits until somebody reads."""

    ballast: bytes = bytes(1_000_000)


def toy_manifest(runs: int, seed: int = 1) -> dict[str, Any]:
    """What a result says of itself."""
    return {
        "name": "toy", "strategy": "A project of one line", "seed": seed, "runs": runs, "start_date": "2026-01-05",
        "target_days": 300.0, "working_weekdays": [0, 1, 2, 3, 4], "holidays": [], "limits": {"peak": 450.0},
        "planned": {"lead_time_full_days": 300.0}, "planned_blocks": {}, "crews": {}, "versions": {}, "config": {},
    }  # fmt: skip


@dataclass(frozen=True)
class Hungry(Toy):
    """A replication that takes all the memory there is, until the system ends its process."""

    hungry: int = 17

    def _one(self, seed: int, replication: int) -> float:
        if replication == self.hungry and multiprocessing.parent_process() is not None and self._now():
            taken = [np.ones(10_000_000)]
            while len(taken) < 1_000:
                taken.append(taken[-1].copy())
        return super()._one(seed, replication)
