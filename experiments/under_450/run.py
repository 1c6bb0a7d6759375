"""What has to be true for a peak under 450 people: off-site share, target date and strategy, one row a combination.

    python experiments/under_450/run.py [runs]

writes results/grid.csv and two figures. A point is one project whose crews are sized for one target date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from sim import files
from sim.engine.backends import AUTO
from sim.report.figures import palette, style
from sim.study.api import load
from sim.study.case import prepare_case
from sim.study.statistics.intervals import quantile

HERE = Path(__file__).parent
CONFIGS = HERE.parents[1] / "configs"
RESULTS = HERE / "results"
MONTHS = (18, 24, 30)
METRICS = (
    "peak_workforce_onsite", "lead_time_full_days", "lead_time_first_mw_days", "hours_paid",
    "authorised_idle_months", "committed_idle_months", "idle_capital_months",
)  # fmt: skip
SHARES = (0.1, 0.5, 0.8, 0.9)
SYSTEMS = ("electrical", "mechanical", "compute")
LEAN = "hybrid_450"
CLAIM, TRADITIONAL = 450, 2000
DAYS = 365.25 / 12
ASIDE = {"stick-built": (10, -4), "hybrid": (10, 2), "electrical + mechanical": (-14, 12), "modular": (4, 10)}
"""Where the name of a mix stands beside its dot, in points, where the usual place is taken."""
NAMES = {"electrical": "electrical skids", "electrical + mechanical": "and mechanical"}
STRATEGIES = {"stick-built": palette.STRATEGIES[0], "hybrid": palette.STRATEGIES[2], "modular": palette.STRATEGIES[1]}


def mixes() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield (label, configuration, overrides), from nothing made off site to everything."""
    yield "stick-built", "stick_built", ()
    for number in (1, 2, 3):
        made = SYSTEMS[:number]
        scopes = [f"systems.{system}.scope={'factory' if system in made else 'site'}" for system in SYSTEMS]
        # a turnover may be one block only where everything of it comes at once
        yield (
            "hybrid" if number == 3 else " + ".join(made),
            "hybrid",
            (*scopes, f"turnover_blocks={10 if number < 3 else 1}"),
        )
    yield "modular", "modular", ()


def grid(runs: int) -> pd.DataFrame:
    """Return a row for every mix and target date: off-site share of paid hours, peak and finish with their spread."""
    rows = []
    points = [
        (label, months, name, [*overrides, f"scale.target_days={months * DAYS:.0f}"])
        for (label, name, overrides), months in product(mixes(), MONTHS)
    ]
    # crews for a limit of people instead of a date: what each of the three measures does, one after the other
    points += [("hybrid, 450 people", 0, "hybrid", ["labour.limit=450"]), (LEAN, 0, LEAN, [])]
    for label, months, name, overrides in points:
        case = prepare_case(load(CONFIGS / f"{name}.yaml", overrides), engine=AUTO)
        found = case.simulate_chunk(1, 0, runs).runs
        on, off = (np.asarray(found[hours], np.float64) for hours in ("hours_paid", "offsite_hours_paid"))
        row: dict[str, object] = {
            "mix": label,
            "target_months": months,
            "share_offsite": float((off / (off + on)).mean()),
        }
        for metric in METRICS:
            ordered = np.sort(np.asarray(found[metric], np.float64))
            row |= {f"{metric}_p{share * 100:.0f}": quantile(ordered, share) for share in SHARES}
        rows.append(row | {"shifts": len(case.project.pattern.shifts), "runs": runs})
    return pd.DataFrame(rows)


@style.in_house_style
def plot_peak(table: pd.DataFrame, runs: int) -> Axes:
    """Draw the peak against the off-site share of hours, one line a target date, with the claim marked."""
    ax = style.canvas()
    tints = (palette.TINTS[2], palette.BLUE, "#004d80")
    for months, colour in zip(MONTHS, tints, strict=False):
        part = table[table["target_months"] == months].sort_values("share_offsite")
        share, peak = part["share_offsite"] * 100, part["peak_workforce_onsite_p50"]
        ax.plot(share, peak, "o-", color=colour, label=f"{months} months")
    for mix in dict.fromkeys(table["mix"][table["target_months"] > 0]):
        top = table[table["mix"] == mix].sort_values("peak_workforce_onsite_p50").iloc[-1]
        at = top["share_offsite"] * 100, top["peak_workforce_onsite_p50"]
        ax.annotate(NAMES.get(mix, mix), at, ASIDE.get(mix, (8, 7)), textcoords="offset points", ha="left")
    ax.axhline(CLAIM, color=palette.RED, lw=1.6)
    ax.text(ax.get_xlim()[0], CLAIM, " 450, the claim", color=palette.RED, va="bottom")
    ax.axhline(TRADITIONAL, color=palette.MUTED, lw=1.2, ls="--")
    ax.text(ax.get_xlim()[1], TRADITIONAL, "2,000, as usual ", color=palette.MUTED, va="bottom", ha="right")
    ax.set_yscale("log")
    ax.set_yticks([200, 450, 1000, 2000, 4000], ["200", "450", "1,000", "2,000", "4,000"])
    ax.minorticks_off()
    ax.set_xlabel("share of paid hours worked off site, %")
    ax.set_ylabel("peak workforce on site, P50 of the runs")
    ax.legend(title="crews sized for", loc="center right", bbox_to_anchor=(1.0, 0.62), fontsize=11)
    style.title(ax, "Who works off site, and by when, decides the peak", pad=16)
    style.caption(ax, f"250 MW; each dot a project whose crews are sized for that date\nn = {runs:,} runs each, seed 1")
    return ax


@style.in_house_style
def plot_frontier(table: pd.DataFrame, runs: int) -> Axes:
    """Draw the peak against the finish of the three strategies, one dot a target date."""
    ax = style.canvas()
    for mix, colour in STRATEGIES.items():
        part = table[table["mix"] == mix].sort_values("lead_time_full_days_p50")
        x, y = part["lead_time_full_days_p50"] / DAYS, part["peak_workforce_onsite_p50"]
        ax.plot(x, y, "o-", color=colour, label=mix)
        later, more = part["lead_time_full_days_p80"] / DAYS, part["peak_workforce_onsite_p80"]
        ax.plot(later, more, "^:", color=colour, alpha=0.5, ms=5)
    for mark, (_, point) in zip("sD", table[table["target_months"] == 0].iterrows(), strict=False):
        at = point["lead_time_full_days_p50"] / DAYS, point["peak_workforce_onsite_p50"]
        ax.plot(*at, mark, color=palette.STRATEGIES[2], mec="black", label=point["mix"])
    ax.axhline(CLAIM, color=palette.RED, lw=1.6)
    ax.text(ax.get_xlim()[1], CLAIM, "450, the claim", color=palette.RED, va="bottom", ha="right")
    ax.set_yscale("log")
    ax.set_yticks([200, 450, 1000, 2000, 4000], ["200", "450", "1,000", "2,000", "4,000"])
    ax.minorticks_off()
    ax.set_xlabel("all 250 MW online, months after the decision")
    ax.set_ylabel("peak workforce on site")
    ax.legend(loc="upper right", ncols=2)
    style.title(ax, "Fewer people or sooner: the frontier of each strategy", pad=16)
    said = "250 MW; dots P50, triangles P80 of each axis by itself; crews sized for 18 to 30 months"
    style.caption(ax, f"{said}\nn = {runs:,} runs each, seed 1")
    return ax


def main(runs: int) -> None:
    """Run the grid and write the table and both figures."""
    RESULTS.mkdir(exist_ok=True)
    table = grid(runs)
    files.write(RESULTS / "grid.csv", table.to_csv(index=False, float_format="%.4g").encode())
    for name, draw in {"peak": plot_peak, "frontier": plot_frontier}.items():
        figure = draw(table, runs).figure
        figure.savefig(RESULTS / f"{name}.png")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
