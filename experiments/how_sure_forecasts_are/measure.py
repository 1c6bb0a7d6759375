"""How often the truth lies below what a forecast from a status says: simulated true projects, cut and forecast.

    python -m experiments.how_sure_forecasts_are.measure [TRUTHS]

Each true project is a replication of its own seed; the status is all that is told of it. The data date is one that a site
can know when it comes: the day on which a share of the MW is online, or a share of the planned time. A share of the time that
the project will have taken is none: who knows that a project is half done knows when it ends. Where the truth comes among the
runs of a forecast in order says everything: of `FORECAST_RUNS` = 39 runs and the truth each order is as likely, so that
below P10, P50, P80 and P90 lie 4, 20, 32 and 36 of 40 truths (Talagrand's rank histogram, without interpolation). Writes
results/calibration.csv, docs/img/forecast_calibration.svg and its section of docs/validation.md. Outcomes are kept as they
come: begun again, it goes on from those it has.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np

import sim
from sim.config.load import Loaded
from sim.config.project import Project
from sim.plan.vocabulary import JUMP, MINUTES_PER_DAY, WORK, Log
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.learning import Posterior, PosteriorUniforms
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.sheet.status_sheet import GRAINS
from sim.study.analyses.forecast.status import ONLINE, Fact, Status
from sim.study.case import Case, prepare_case
from sim.study.intervals import proportion_interval

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"
PAGE, PICTURE = ROOT / "docs" / "validation.md", ROOT / "docs" / "img" / "forecast_calibration.svg"
BEGIN, END = "<!-- forecast calibration: begin -->", "<!-- forecast calibration: end -->"
TRUTHS, TRUTH_SEED, FORECAST_SEED, FORECAST_RUNS = 300, 77, 5, 39
CUTS = (0.25, 0.5, 0.75)
MW_ONLINE, PLANNED_TIME = "MW", "planned time"
SHARES_OF = (PLANNED_TIME, MW_ONLINE)
BY_MW = 40
"""So many projects are cut at shares of their MW too."""
LEVELS = (0.1, 0.5, 0.8, 0.9)
EVERY = 28 * MINUTES_PER_DAY
"""Counts are stated every four weeks."""
SLOW_PACE, SLOW = 1.2, 60
"""The pace of a slow project, and of so many of them."""
Floats = np.ndarray


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


@cache
def config() -> Loaded[Project]:
    """Return the project: the hybrid, small enough for thousands of forecasts, with every mechanism."""
    return sim.load("hybrid", ["scale.capacity_mw=20", "name=hybrid_20mw"])


@cache
def planned() -> Case:
    """Return its case from the first day."""
    return prepare_case(config(), engine="auto")


@cache
def steps() -> PlanSteps:
    """Return where facts stand in its plan."""
    return PlanSteps.of(planned())


@cache
def passing() -> PlanSteps:
    """Return the same where every unit passes all its tests."""
    found = steps().copy()
    found.assume_tests_pass(dict.fromkeys(range(len(found.routes)), -1))
    return found


def true_log(number: int, pace: float | None) -> Log:
    """Return what really happens in a true project; with a stated pace of everyone, where there is one."""
    case = planned()
    if pace is None:
        return next(case.replications(TRUTH_SEED, number, 1)).outcome.log
    from scipy.special import ndtri

    from sim.engine.simpy_engine import simulate
    from sim.plan.draws import Draws
    from sim.world.quantile_tables import sample_one

    inputs = case.plan.inputs
    table = int(inputs.factor_table[inputs.factors.index("pace.everyone")])
    share = np.linspace(0.001, 0.999, 999)
    at = float(np.interp(pace, [sample_one(inputs.tables, table, u) for u in share], share))
    fixed = Posterior(("pace.everyone",), np.array([float(ndtri(at))]), np.zeros((1, 1)), np.ones(1))
    draws = Draws(inputs, TRUTH_SEED, PosteriorUniforms(inputs, case.draws(TRUTH_SEED).uniforms, fixed))
    (sampled,) = draws.chunk(number, 1)
    return simulate(case.simpy_plan, sampled, case.calendars_of(TRUTH_SEED, number, engine="simpy")).log


# --- status of a simulated project ----------------------------------------------------------------------------------


def data_date(log: Log, share_of: str, cut: float) -> int:
    """Return the midnight after a share of the MW is online, or of the planned time has passed, as a minute."""
    if share_of == PLANNED_TIME:
        minute = round(cut * int(planned().planned_run.log[-1, 0]))
    else:
        blocks = sorted(
            log[log[:, 1] == steps().routes[unit].steps[place], 0].min() for unit, place in steps().stages[ONLINE]
        )
        minute = int(blocks[round(cut * len(blocks)) - 1])
    return -(-minute // MINUTES_PER_DAY) * MINUTES_PER_DAY


def status_of(log: Log, minute: int, grain: str) -> Status:
    """Return the status that a site would keep: what is done until a midnight, at a grain."""
    done = np.full(len(planned().plan.rows), np.iinfo(np.int64).max, np.int64)
    done[log[:, 1]] = log[:, 0]
    of_grain = {"milestones": _milestones, "counts": _counts, "activities": _activities}[grain]
    day = planned().project.scale.start_date + timedelta(days=minute // MINUTES_PER_DAY - 1)
    return Status("simulated", day, minute, tuple(of_grain(log, done, minute)))


def _milestones(_: Log, done: Floats, minute: int) -> Iterator[Fact]:
    for name in steps().milestones:
        route = steps().routes[steps().units[name]]
        if done[route.steps[-1]] <= minute:
            yield Fact(1, "milestone", name, finish=int(done[route.steps[-1]]))
        elif route.planned[-1] <= minute:
            yield Fact(1, "milestone", name)
    yield _count(done, ONLINE, minute)


def _counts(log: Log, done: Floats, minute: int) -> Iterator[Fact]:
    for what in steps().stages:
        for date in range(minute % EVERY or EVERY, minute + 1, EVERY):
            yield _count(done, what, date)
    yield from (fact for fact in _milestones(log, done, minute) if fact.what != ONLINE)


def _count(done: Floats, what: str, date: int) -> Fact:
    places = [steps().routes[unit].steps[place] for unit, place in steps().stages[what]]
    per = steps().mw_of_block if what == ONLINE else 1
    return Fact(1, "count", what, date=date, count=float((done[places] <= date).sum()) * per)


def _activities(log: Log, _: Floats, minute: int) -> Iterator[Fact]:
    """Yield the last time that each activity was begun, with its finish where it has one, and what is due but not begun."""
    works = log[(planned().plan.rows[log[:, 1], 0] == WORK) & (log[:, 2] < minute)]
    begun = np.full(len(planned().plan.rows), -1, np.int64)
    ended = np.full(len(begun), np.iinfo(np.int64).max, np.int64)
    begun[works[:, 1]], ended[works[:, 1]] = works[:, 2], works[:, 0]
    names = {step: name for name, (_, step) in steps().work_steps.items()}
    for step, name in names.items():
        if begun[step] >= 0:
            finish = int(ended[step]) if ended[step] <= minute else None
            yield Fact(1, "activity", name, start=int(begun[step]), finish=finish)
    for step in _due(log[log[:, 0] <= minute], begun, minute):
        if step in names:
            yield Fact(1, "activity", names[step])


def _due(past: Log, begun: Floats, minute: int) -> Iterator[int]:
    """Yield works that a site knows to be due: the first of a unit that should have begun, the mending of what has failed.

    Of what a status does not speak of a forecast assumes that it goes as planned.
    """
    plan, routes = planned().plan, steps().routes
    has_begun = {*plan.unit_of[begun >= 0].tolist()}
    stands_at = dict(enumerate(plan.first[:-1].tolist()))
    for _, step, detail in past.tolist():
        jumped = plan.rows[step, 0] == JUMP and detail == 1
        stands_at[int(plan.unit_of[step])] = int(plan.rows[step, 1]) if jumped else step + 1
    for unit, step in stands_at.items():
        work = _next_work(step, int(plan.first[unit + 1]))
        if work is None or begun[work] >= 0:
            continue
        if unit in has_begun:
            if work not in passing().routes[unit].steps:
                yield work
        elif work in routes[unit].steps:
            place = routes[unit].steps.index(work)
            if not place or routes[unit].planned[place - 1] < minute:
                yield work


def _next_work(step: int, end: int) -> int | None:
    """Return the work that follows for certain: None where chance decides first."""
    for at in range(step, end):
        operation = planned().plan.rows[at, 0]
        if operation in (WORK, JUMP):
            return at if operation == WORK else None
    return None


# --- forecasts ------------------------------------------------------------------------------------------------------


def outcomes_of(
    number: int, share_of: str, grains: Sequence[str], *, learning: bool = True, pace: float | None = None
) -> list[Outcome]:
    """Return what forecasts of one true project say, at every grain and cut; nothing of what is complete by then."""
    log = true_log(number, pace)
    truth, found = int(log[-1, 0]), []
    for cut in CUTS:
        if (date := data_date(log, share_of, cut)) >= truth:
            continue
        for grain in grains:
            status = status_of(log, date, grain)
            case = forecast_case(config(), status, learning=learning, base=planned())
            # one that stalls ends never, not with the last row of its log
            ends = np.array(
                [
                    np.inf if done.outcome.deadlock else done.outcome.log[-1, 0]
                    for done in case.replications(FORECAST_SEED + number, 0, FORECAST_RUNS)
                ]
            )
            low, middle, high = (float(np.sort(ends)[rank - 1]) for rank in (4, 20, 36))
            below = int((ends < truth).sum())
            error, width = (days / MINUTES_PER_DAY for days in (middle - truth, high - low))
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
