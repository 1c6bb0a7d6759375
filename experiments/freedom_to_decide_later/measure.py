"""What each way of building and of ordering is worth over the same futures of demand.

    python experiments/freedom_to_decide_later/measure.py [RUNS]

Writes results/cases.csv (a row a case: P50, mean and P90 of every metric of interest) and results/differences.csv
(pairs on the same random numbers: what deciding later is worth to each strategy, with newer chips and without, and what a
strategy is worth against another).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sim
from sim.study.result import Result
from sim.study.statistics.intervals import mean_difference

HERE = Path(__file__).resolve().parent
CONFIGS = HERE.parents[1] / "configs"
RUNS, SEED = 200, 1
STRATEGIES = ("stick_built", "hybrid", "modular")
WAYS = {"as demand grows": [], "all at the decision": ["orders.policy=given"]}
BY_HALLS = ("hybrid", "a hall at a time", ["orders.lot_blocks=10"])
METRICS = (
    "mw_ordered", "mw_cancelled", "lead_time_per_order_days", "unmet_demand_mw_months", "idle_capacity_mw_months",
    "idle_capital_months", "committed_idle_months", "authorised_idle_months", "idle_capital_peak_usd",
    "stranded_capital_usd", "capital_total_usd", "peak_net_funding_usd", "npv_usd",
)  # fmt: skip
SAME_CHIPS = "orders.generations=[]"
"""The freedom to take newer chips is what deciding later is worth with them less what it is worth without."""
LONG_ENOUGH = "scale.horizon_days=5475"
"""Demand that grows slowest, built by the slowest of 100 projects, is not served within ten years."""
Case = tuple[str, str]
Runs = dict[str, NDArray[np.float64]]


def main(runs: int) -> None:
    """Run every case and write both tables."""
    found = {(strategy, way): _run(strategy, overrides, runs) for strategy, way, overrides in _cases()}
    _write(HERE / "results" / "cases.csv", [row for case, result in found.items() for row in _rows(case, result)])
    _write(HERE / "results" / "differences.csv", list(_differences(found)))


def _cases() -> list[tuple[str, str, list[str]]]:
    given = [(strategy, way, overrides) for strategy in STRATEGIES for way, overrides in WAYS.items()]
    without = [(strategy, f"{way}, same chips", [*overrides, SAME_CHIPS]) for strategy, way, overrides in given]
    return [*given, BY_HALLS, *without]


def _run(strategy: str, overrides: list[str], runs: int) -> Runs:
    """Return the metrics of a case, a value a replication; none of them may have stalled."""
    config = sim.load(CONFIGS / f"incremental_{strategy}.yaml", [*overrides, LONG_ENOUGH])
    result: Result = sim.run(config, runs=runs, seed=SEED)
    lost = result.sample.count_status("stalled") + result.sample.count_status("failed")
    if lost:
        raise SystemExit(f"{lost} replications of {strategy} stalled or failed")
    return {metric: np.asarray(result.sample.runs[metric], np.float64) for metric in METRICS}


def _rows(case: Case, result: Runs) -> list[list[object]]:
    return [
        [*case, metric, *(float(np.quantile(values, p)) for p in (0.1, 0.5, 0.9)), float(values.mean()), len(values)]
        for metric, values in result.items()
    ]


def _differences(found: dict[Case, Runs]) -> list[list[object]]:
    """Return paired differences of means: later less at once, other strategies less the first, blocks less halls."""
    later, at_once = WAYS
    pairs = [((strategy, later), (strategy, at_once)) for strategy in STRATEGIES]
    pairs += [((strategy, way), (STRATEGIES[0], way)) for way in WAYS for strategy in STRATEGIES[1:]]
    pairs.append(((STRATEGIES[1], later), BY_HALLS[:2]))
    pairs += [((s, f"{later}, same chips"), (s, f"{at_once}, same chips")) for s in STRATEGIES]
    pairs += [((s, later), (s, f"{later}, same chips")) for s in STRATEGIES]
    return [
        [" ".join(case), " ".join(base), metric, *_paired(found[case][metric], found[base][metric])]
        for case, base in pairs
        for metric in METRICS
    ]


def _paired(case: NDArray[np.float64], base: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean difference and half its 95 % interval, and the share of runs in which it is positive."""
    found = mean_difference(case, base)
    return found.value, found.half_width, float((case > base).mean())


def _write(path: Path, rows: list[list[object]]) -> None:
    heads = {"cases.csv": ["strategy", "orders", "metric", "p10", "p50", "p90", "mean", "n"]}
    head = heads.get(path.name, ["case", "base", "metric", "mean_difference", "half_interval_95", "share_positive"])
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
