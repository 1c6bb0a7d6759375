"""How wide a pace makes projects differ as published ones do, and the picture of independent against shared.

    python experiments/why_projects_differ/calibrate.py

Writes results/calibration.csv and docs/img/pace.png. What it means is in question.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import sim

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STRATEGIES = ("hybrid", "stick_built", "modular")
P90 = (None, 1.4, 1.6, 1.8)
RUNS, SEED, LATE = 256, 1, 91.0
RANGES = {"GC delivery window": (12, 18), "one building of 30-60 MW": (14, 22), "rapid structure": (9, 13),
          "fast powered shell": (6, 9), "prefabricated, order to rack": (6, 12)}  # fmt: skip
"""Months, low and high, of the total durations of FACTS §1a that have both ends."""


def main() -> None:
    """Run the strategies at each pace, write the table, draw the picture."""
    ratios = [high / low for low, high in RANGES.values()]
    lines = ["pace_p90,strategy,p10,p50,p80,p90,p90_over_p10,late_by_91_days_against_expected_plan"]
    drawn: dict[float | None, np.ndarray] = {}
    for p90 in P90:
        for strategy in STRATEGIES:
            days, planned = full_dates(strategy, p90)
            if strategy == "hybrid":
                drawn[p90] = days
            q = np.quantile(days, [0.1, 0.5, 0.8, 0.9])
            late = (days >= planned + LATE).mean()
            values = ",".join(f"{value:.0f}" for value in q)
            lines.append(f"{p90 or 'none'},{strategy},{values},{q[3] / q[0]:.3f},{late:.2f}")
            sys.stdout.write(lines[-1] + "\n")
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "calibration.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"high over low of FACTS §1a: {np.round(ratios, 2)}, median {np.median(ratios):.2f}\n")
    picture(drawn[None], drawn[1.6])


def full_dates(strategy: str, p90: float | None) -> tuple[np.ndarray, float]:
    """Return the full date of every replication, and that of the expected plan, in days after the decision."""
    change = ["pace=null"] if p90 is None else [f"pace.site.p90={p90}", f"pace.factory.p90={p90}"]
    case = sim.prepare(sim.load(ROOT / "configs" / f"{strategy}.yaml", change))
    runs = case.simulate_chunk(SEED, 0, RUNS).runs
    return np.asarray(runs["lead_time_full_days"]), float(case.as_planned[0]["lead_time_full_days"])


def picture(alone: np.ndarray, shared: np.ndarray) -> None:
    """Draw the share of runs that are complete, by day, with independent durations only and with a shared pace."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
    share = (np.arange(RUNS) + 0.5) / RUNS
    lines = ((alone, "every duration drawn by itself", "#888888"), (shared, "and a pace that all share", "#0b5fa5"))
    for days, label, colour in lines:
        p10, p90 = np.quantile(days, [0.1, 0.9])
        ax.plot(
            np.sort(days), share, color=colour, label=f"{label}: P10 {p10:.0f}, P90 {p90:.0f}, ratio {p90 / p10:.2f}"
        )
        ax.plot([p10, p90], [0.1, 0.9], "o", color=colour)
    ax.set_xlabel("days after the decision until 250 MW are online (hybrid)")
    ax.set_ylabel("share of runs")
    ax.set_xlim(550, 1200)
    ax.grid(alpha=0.3)
    ax.legend(loc="lower right")
    figure.savefig(ROOT / "docs" / "img" / "pace.png", dpi=120)


if __name__ == "__main__":
    main()
