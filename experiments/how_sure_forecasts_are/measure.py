"""How often the truth lies below what a forecast from a status says: simulated true projects, cut and forecast.

    python -m experiments.how_sure_forecasts_are.measure [TRUTHS]

Each true project is a replication of its own seed; the status (`site_status`) is all that is told of it. The data date is
one that a site can know when it comes: the day on which a share of the MW is online, or a share of the planned time. A share
of the time that the project will have taken is none: who knows that a project is half done knows when it ends. Where the
truth comes among the runs of a forecast in order says everything: of `FORECAST_RUNS` = 39 runs and the truth each order is
as likely, so that below P10, P50, P80 and P90 lie 4, 20, 32 and 36 of 40 truths (Talagrand's rank histogram, without
interpolation). Writes results/calibration.csv, docs/img/forecast_calibration.svg and its section of docs/validation.md.
Outcomes are kept as they come: begun again, it goes on from those it has.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from experiments.how_sure_forecasts_are.site_status import (
    MW_ONLINE,
    PLANNED_TIME,
    config,
    data_date,
    planned,
    status_of,
    truth_of,
)
from sim.plan.vocabulary import MINUTES_PER_DAY
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.sheet.status_sheet import GRAINS
from sim.study.statistics.intervals import proportion_interval

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"
PAGE, PICTURE = ROOT / "docs" / "validation.md", ROOT / "docs" / "img" / "forecast_calibration.svg"
BEGIN, END = "<!-- forecast calibration: begin -->", "<!-- forecast calibration: end -->"
TRUTHS, FORECAST_SEED, FORECAST_RUNS = 300, 5, 39
CUTS = (0.25, 0.5, 0.75)
SHARES_OF = (PLANNED_TIME, MW_ONLINE)
BY_MW = 200
"""So many projects are cut at shares of their MW too."""
LEVELS = (0.1, 0.5, 0.8, 0.9)
SLOW_PACE, SLOW = 1.2, 60
"""The pace of a slow project, and of so many of them."""


@dataclass(frozen=True)
class Outcome:
    """One forecast beside its truth: how many of its runs end before it, in days its error, spread and mean."""

    truth: int
    grain: str
    share_of: str
    cut: float
    learning: bool
    pace: str
    below: int
    error: float
    width: float


# --- forecasts ------------------------------------------------------------------------------------------------------


def outcomes_of(
    number: int, share_of: str, grains: Sequence[str], *, learning: bool = True, pace: float | None = None
) -> list[Outcome]:
    """Return what forecasts of one true project say, at every grain and cut; nothing of what is complete by then."""
    true = truth_of(number, pace)
    end, found = int(true.log[-1, 0]), list[Outcome]()
    for cut in CUTS:
        if (date := data_date(true.log, share_of, cut)) >= end:
            continue
        for grain in grains:
            status = status_of(true, date, grain)
            case = forecast_case(config(), status, learning=learning, base=planned())
            # one that stalls ends never, not with the last row of its log
            ends = np.array(
                [
                    np.inf if done.outcome.deadlock else done.outcome.log[-1, 0]
                    for done in case.replications(FORECAST_SEED + number, 0, FORECAST_RUNS)
                ]
            )
            low, middle, high = (float(np.sort(ends)[rank - 1]) for rank in (4, 20, 36))
            below = int((ends < end).sum())
            error, width = (days / MINUTES_PER_DAY for days in (middle - end, high - low))
            found.append(Outcome(number, grain, share_of, cut, learning, str(pace or ""), below, error, width))
    return found


Task = tuple[int, str, tuple[str, ...], bool, float | None]


def _all_of(task: Task) -> list[Outcome]:
    number, share_of, grains, learning, pace = task
    return outcomes_of(number, share_of, grains, learning=learning, pace=pace)


def tasks(truths: int, by_mw: int = BY_MW, slow: int = SLOW) -> list[Task]:
    """Return what is asked: every grain with learning on, and a slow project with learning on and off."""
    return [
        task
        for number in range(truths)
        for task in (
            (number, PLANNED_TIME, GRAINS, True, None),
            *(((number, MW_ONLINE, GRAINS, True, None),) if number < by_mw else ()),
            *(
                ((number, PLANNED_TIME, ("activities",), on, SLOW_PACE) for on in (True, False))
                if number < slow
                else ()
            ),
        )
    ]


# --- results --------------------------------------------------------------------------------------------------------


def table(found: Iterable[Outcome]) -> str:
    """Return how often truths lie below the forecasts' quantiles, by grain and cut, as a table of Markdown."""
    rows = list(found)
    lines = [
        "| status | cut at | projects | below P10 | below P50 | below P80 | below P90 | P10–P90, days | P50 − truth |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for group in dict.fromkeys(map(_group, rows)):
        mine = [one for one in rows if _group(one) == group]
        grain, learning, pace, share_of, cut = group
        name = grain + (f", true pace {pace}" if pace else "") + ("" if learning else ", learning off")
        shares = [f"{100 * share:.0f} ({100 * low:.0f}–{100 * high:.0f})" for share, low, high in coverage(mine)]
        # a P90 that is never reached (work that fails until the calendars end) has no width
        width = float(np.mean([one.width for one in mine if np.isfinite(one.width)]))
        error = float(np.mean([one.error for one in mine if np.isfinite(one.error)]))
        lines.append(
            f"| {name} | {cut:.0%} of {share_of} | {len(mine)} | {' | '.join(shares)} | {width:.0f} | {error:+.0f} |"
        )
    return "\n".join(lines)


def _group(one: Outcome) -> tuple[str, bool, str, str, float]:
    """Return what the outcomes of one row have in common."""
    return one.grain, one.learning, one.pace, one.share_of, one.cut


def coverage(found: Sequence[Outcome]) -> list[tuple[float, float, float]]:
    """Return by level the share of truths below the forecast's quantile, with its 95 % interval (Wilson)."""
    ranks = [round(level * (FORECAST_RUNS + 1)) for level in LEVELS]
    shares = [proportion_interval(sum(one.below < rank for one in found), len(found)) for rank in ranks]
    return [(share.value, share.low, share.high) for share in shares]


def draw(found: Sequence[Outcome], path: Path) -> None:
    """Draw by grain and cut the share of truths below every quantile, beside the diagonal."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(CUTS), figsize=(9, 3.2), sharey=True, layout="constrained")
    for axis, cut in zip(axes, CUTS, strict=True):
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for grain in GRAINS:
            mine = [one for one in found if _group(one) == (grain, True, "", PLANNED_TIME, cut)]
            levels = np.arange(1, FORECAST_RUNS + 1) / (FORECAST_RUNS + 1)
            below = np.array([one.below for one in mine])
            axis.plot(levels, [(below < round(level * (FORECAST_RUNS + 1))).mean() for level in levels], label=grain)
        axis.set(title=f"at {cut:.0%} of the planned time", xlabel="what the forecast says", xlim=(0, 1), ylim=(0, 1))
    axes[0].set(ylabel="share of truths below it")
    axes[0].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def kept() -> list[Outcome]:
    """Return the outcomes there are."""
    path = RESULTS / "calibration.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as source:
        return [
            Outcome(
                int(row["truth"]), row["grain"], row["share_of"], float(row["cut"]), row["learning"] == "True", row["pace"],
                int(row["below"]), float(row["error"]), float(row["width"]),
            )
            for row in csv.DictReader(source)
        ]  # fmt: skip


def keep(found: Iterable[Outcome]) -> None:
    """Add outcomes to those there are."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "calibration.csv"
    begins = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as sink:
        writer = csv.DictWriter(sink, [field.name for field in fields(Outcome)], lineterminator="\n")
        if begins:
            writer.writeheader()
        writer.writerows(asdict(one) for one in found)


def write(found: Sequence[Outcome]) -> None:
    """Write the picture, and the table into its page."""
    draw(found, PICTURE)
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{table(found)}\n{END}{tail}", encoding="utf-8")


def _left_of(task: Task, there: Collection[tuple[int, str, str, bool, str]]) -> Task:
    """Return a task with those grains alone of which there is no outcome."""
    number, share_of, grains, learning, pace = task
    left = tuple(grain for grain in grains if (number, share_of, grain, learning, str(pace or "")) not in there)
    return number, share_of, left, learning, pace


def main(truths: int = TRUTHS) -> None:
    """Forecast true projects on all cores, as far as that was not done before, and write what was found."""
    there = {(one.truth, one.share_of, one.grain, one.learning, one.pace) for one in kept()}
    todo = [task for task in (_left_of(task, there) for task in tasks(truths)) if task[2]]
    workers = int(os.environ.get("WORKERS", os.cpu_count() or 1))
    with ProcessPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
        for many in pool.map(_all_of, todo) if pool else map(_all_of, todo):
            keep(many)
    found = sorted(
        kept(),
        key=lambda one: (
            one.pace, not one.learning, SHARES_OF.index(one.share_of), one.cut, GRAINS.index(one.grain), one.truth
        ),
    )  # fmt: skip
    write(found)
    print(table(found))  # noqa: T201 (a command)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
