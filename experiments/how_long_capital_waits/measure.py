"""Idle months by definition, strategy and order policy, and their paired differences to stick-built."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

import sim
from sim.study.statistics.intervals import mean_difference

HERE = Path(__file__).parent
STRATEGIES = ("stick_built", "hybrid", "modular")
POLICIES = ("just_in_time", "at_decision")
METRICS = (
    "idle_capital_months",
    "idle_capital_months_infrastructure",
    "idle_capital_months_compute",
    "committed_idle_months",
    "authorised_idle_months",
    "idle_capital_peak_usd",
    "capital_total_usd",
    "carrying_cost_usd",
    "interest_during_construction_usd",
    "lead_time_mw_weighted_days",
    "lead_time_full_days",
    "peak_workforce_onsite",
)


def main() -> None:
    """Run every strategy under both policies and write the two tables."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    medians, differences = [], []
    for policy in POLICIES:
        change = [f"procurement.policy={policy}"]
        found = {
            name: sim.run(sim.load(f"configs/{name}.yaml", change), runs=given.runs, seed=given.seed).runs
            for name in STRATEGIES
        }
        for name, runs in found.items():
            medians.append(
                {"policy": policy, "strategy": name, **{metric: runs[metric].median() for metric in METRICS}}
            )
        first = found[STRATEGIES[0]]
        for name in STRATEGIES[1:]:
            pairs = {metric: paired(found[name][metric], first[metric]) for metric in METRICS}
            differences += [
                {"policy": policy, "strategy": name, "metric": metric, **told} for metric, told in pairs.items()
            ]
    (HERE / "results").mkdir(exist_ok=True)
    for name, rows in (("strategies", medians), ("differences", differences)):
        table = pd.DataFrame(rows)
        table.to_csv(HERE / "results" / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
        sys.stdout.write(table.to_string(index=False) + "\n")


def paired(one: pd.Series[float], other: pd.Series[float]) -> dict[str, float]:
    """Return the mean of a paired difference and half its 95 % interval."""
    found = mean_difference(one.to_numpy(), other.to_numpy())
    return {"mean": found.value, "half_95": found.half_width}


if __name__ == "__main__":
    main()
