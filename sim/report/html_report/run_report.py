"""The report of one project as an HTML file: charts, key results, dates of the ramp-up, assumptions and a checklist."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from sim import files
from sim.config.load import Loaded, checked
from sim.config.project import Project
from sim.config.sections.display_units import in_display_units
from sim.errors import ConfigError
from sim.metrics.metric import FINISH
from sim.report import explanations
from sim.report.assumptions import Row, rows
from sim.report.console import sample_note
from sim.report.figures import palette
from sim.report.figures.drawing import FEW, NONE, FigureDrawing
from sim.report.figures.sensitivity import NO_EFFECTS
from sim.report.formatting import WITHHELD, number, percent
from sim.report.html_report import render
from sim.report.html_report.chart_spec import Chart
from sim.report.html_report.forecast_charts import forecast_tables
from sim.report.html_report.gantt_document import gantt_csv, gantt_document
from sim.report.html_report.money_charts import MONEY_NOTE, money_rows
from sim.report.html_report.one_page import early_order_sentence, milestone_table, three_causes, three_levers, tiles
from sim.report.html_report.run_charts import run_charts
from sim.report.result_view import ResultView, RunData, share_at_most
from sim.report.study_tables import LEVER_HEAD, LEVERS_METHOD, lever_cells, lever_rows
from sim.report.verdict import key_results, verdict_sentences
from sim.study.api import cores
from sim.study.executors.worker_process import in_fork
from sim.study.result import Result
from sim.study.statistics.intervals import quantile
from sim.study.storage.results import FIGURES
from sim.world.working_time import end_of_day, finish_day

PRECISE = 0.01
"""Half-width of the interval of the P80, as a share of it, that a published date should have."""
ENOUGH_RUNS = 1000


@dataclass(frozen=True)
class RampRow:
    """The dates of one level of MW: P50, P80 (on or before) with its interval, the planned date and how often it is kept."""

    mw: str
    p50: str
    p80: str
    interval: str
    planned: str
    kept: str


@dataclass(frozen=True)
class Check:
    """A question of the checklist, whether the answer is good (None: for information), and the answer."""

    question: str
    good: bool | None
    answer: str


def ramp_rows(view: ResultView) -> list[RampRow]:
    """Return the dates of every tenth of the MW, rounded up to whole blocks, from the day each run reached it."""
    dates, planned = view.dates, view.planned_ramp
    block = min((mw for _, mw in planned), default=0.0)
    rows: dict[float, RampRow] = {}
    for row in view.turnovers.to_dict("records"):
        # a level has six digits: one that was rounded up is no further block
        level = math.ceil(row["mw"] * (1 - 5e-6) / block - 1e-6) * block if block else row["mw"]
        planned_day = min((day for day, planned_mw in planned if planned_mw >= level - 1e-6), default=math.inf)
        online_days = view.ramp[f"{row['mw']:g}"].to_numpy(dtype=float)
        share_kept = None
        if math.isfinite(planned_day):
            share_kept = share_at_most(online_days, finish_day(planned_day) - 1)
        if share_kept is not None and level >= planned[-1][1] - 1e-6 and FINISH in view.runs:
            share_kept = view.share_at_most(view.dated(FINISH), planned_day)  # to the minute, as the verdict has it
        p50, p80, p80_low, p80_high = (end_of_day(row[name]) for name in ("p50", "p80", "p80_low", "p80_high"))
        bounds = WITHHELD if math.isnan(p80) else dates.format_interval(p80_low, p80_high)
        rows[level] = RampRow(
            f"{level:g}", dates.format(p50), dates.format(p80), bounds,
            dates.format(planned_day) if planned else "", share_kept.text() if share_kept else "",
        )  # fmt: skip
    return [*rows.values()]


def percentiles(view: ResultView) -> list[tuple[int, float, str]]:
    """Return (percentile, day, date in words) of the finish for 1 to 99, from which a reader picks one."""
    if FINISH not in view.runs:
        return []
    sample, dates = np.sort(view.values(view.dated(FINISH))), view.dates
    finish_days = [(p, quantile(sample, p / 100)) for p in range(1, 100)]
    return [
        (p, day, f"{dates.format(day)} (day {number(finish_day(day))})") for p, day in finish_days if math.isfinite(day)
    ]


# --- assumptions ------------------------------------------------------------------------------------------------------


def assumptions(view: ResultView) -> dict[str, list[Row]]:
    """Return every number of the configuration that has a source, by section."""
    try:
        project = checked(Project, dict(view.config))
    except ConfigError:  # a result of an earlier version, or of a test
        return {}
    by_section: dict[str, list[Row]] = {}
    for row in rows(Loaded(project, _without_empty(view.config), {}, ())):
        if row.source:
            by_section.setdefault(str(row.address[0]), []).append(row)
    return by_section


def _without_empty(tree: Any) -> Any:
    """Return a tree without keys that have no value."""
    if isinstance(tree, Mapping):
        cleaned = {key: _without_empty(value) for key, value in tree.items()}
        return {key: value for key, value in cleaned.items() if value is not None and value != ""}
    return [_without_empty(value) for value in tree] if isinstance(tree, list | tuple) else tree


# --- the checklist ----------------------------------------------------------------------------------------------------


def checklist(view: ResultView) -> list[Check]:
    """Return what a careful reader asks before the numbers are used."""
    return [*_questions_on_sample(view), *_questions_on_model(view)]


def _questions_on_sample(view: ResultView) -> Iterator[Check]:
    """Yield the questions about the runs."""
    info = view.info
    yield Check("Enough runs?", info.runs >= ENOUGH_RUNS, f"{info.runs_text}, seed {info.seed}")
    finish = view.estimate(FINISH, "p80") if FINISH in view.runs else None
    if finish is not None and math.isfinite(finish.high - finish.low):
        half_width_share = (finish.high - finish.low) / 2 / finish.value
        answer = f"95 % interval of the P80 is within {100 * half_width_share:.1f} % of it"
        yield Check("Is the P80 settled?", half_width_share <= PRECISE, answer)
    elif finish is not None:
        answer = "it is not reached" if math.isinf(finish.value) else "too few runs for its interval"
        yield Check("Is the P80 settled?", False, answer)
    unfinished = f"{info.stalled:,} stalled, {info.failed:,} failed"
    yield Check("Did every run come to its end?", not info.stalled + info.failed, unfinished)
    planned = view.planned(FINISH)
    if planned is not None:
        share_kept = view.share_at_most(FINISH, planned)
        yield Check(
            "How sure is the expected plan's date?",
            None,
            f"kept in {percent(share_kept.fraction)} of runs; do not promise it",
        )


def _questions_on_model(view: ResultView) -> Iterator[Check]:
    """Yield the questions about what was simulated."""
    config = view.config
    drivers = config.get("risks", {}).get("drivers") or ()
    mode = config.get("risks", {}).get("mode", "none")
    in_force = f"{len(drivers)} drivers, {mode}" if drivers and mode != "none" else "none in force"
    yield Check("Are shared risk drivers in it?", bool(drivers) and mode != "none", in_force)
    weather = bool(config.get("weather"))
    yield Check("Is weather in it?", weather, "yes" if weather else "none in this configuration")
    yield Check("Are crews, crane, lines, trucks and yard limited in every run?", True, "yes, granted minute by minute")
    yield Check("Do the intervals cover input and model error?", None, "no: they are sampling error only")
    digest = str(view.manifest.get("config_digest", ""))[:12]
    versions = view.manifest.get("versions", {})
    version_text = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield Check(
        "Can it be run again?", bool(digest), f"configuration {digest}; {version_text}" if digest else "no digest"
    )


# --- the page ---------------------------------------------------------------------------------------------------------


REPORT = "report.html"
CONTENTS = (
    ("results", "Key results"), ("forecast", "Forecast"), ("finish", "S-curve"), ("ramp", "MW online"),
    ("drivers", "Why this date"), ("risks", "Which risk matters"), ("people", "Workforce"), ("capital", "Capital and money"),
    ("schedule", "Schedule"), ("flow", "Flowline"), ("method", "Method"), ("checklist", "Checklist"),
    ("assumptions", "Assumptions"),
)  # fmt: skip
COMPARE_NOTE = (
    "A lead time means little alone. The command sim compare simulates several projects on the same random numbers and"
    " reports on them."
)
METHOD = (
    "Each run simulates the whole project minute by minute: crews, cranes, factory lines, trucks, yard, tests, power and"
    " money, with what each step waits for. Every draw has a name, so a strategy or a switched-off risk meets the same"
    " random numbers. A percentile is an order statistic of the runs, its interval exact for that. Dates are rounded"
    " up to the next working day."
)
GANTT_NOTE = (
    "Bar: P50 of the begin to P50 of the end, its colour the share of runs in which the row is on the driving chain;"
    " whisker: P80 of the end; thin bar: expected plan. Open a row for its blocks, and a block for the work of the"
    " typical run by kind, with what each piece waited for (hatched)."
)


@in_display_units
def write_run(result: Result, directory: Path, drawing: FigureDrawing | None = None) -> None:
    """Write the report of a result, its figures and their numbers; `drawing` are figures that were begun before."""
    drawing = drawing or FigureDrawing()
    drawing.go_on(result)
    view = ResultView.of(result)
    # where only a few figures are drawn other processes have time for the Gantt chart, the tables and the numbers
    has_time = drawing.choice == FEW and cores() > 1
    parts = in_fork(_slow_parts, view, fork=has_time)
    charts = run_charts(view)
    finish_numbers = in_fork(write_numbers, view, charts, directory / FIGURES, fork=has_time)
    files.write(directory / REPORT, page(view, charts, parts))
    if drawing.choice != NONE:
        finish_numbers()
    drawing.write(result, directory / FIGURES)


def write_numbers(view: ResultView, charts: Mapping[str, Chart], directory: Path) -> None:
    """Write the numbers behind every figure as CSV, named like the figure."""
    files.make_directory(directory)
    for name, chart in charts.items():
        files.write(directory / f"{name}.csv", chart.csv(view.dates))
    if len(view.spread):
        files.write(directory / "gantt.csv", gantt_csv(view).encode())


def _slow_parts(view: ResultView) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return what the Gantt chart of the report shows (None where there is none), and its tables."""
    return None if view.info.all_failed else gantt_document(view), _tables(view)


@in_display_units
def page(
    result: RunData | ResultView, charts: Mapping[str, Chart] | None = None,
    wait_for_parts: Callable[[], tuple[dict[str, Any] | None, dict[str, Any]]] | None = None,
) -> bytes:  # fmt: skip
    """Return the report of a result as one HTML file.

    `charts` are those of `run_charts`, `wait_for_parts` gives the Gantt chart and the tables; what is not given is made here.
    """
    view = ResultView.of(result)
    charts = run_charts(view) if charts is None else charts
    gantt, tables = _slow_parts(view) if wait_for_parts is None else wait_for_parts()
    present = {
        "forecast": "forecast" in view.manifest,
        "finish": "finish" in charts, "ramp": "mw_online" in charts, "people": "headcount" in charts,
        "capital": "capital" in charts, "schedule": gantt is not None, "flow": "flowline" in charts,
    }  # fmt: skip
    return render(
        "run.html.jinja", charts, view.dates,
        title=view.info.name, made=_subject(view), first_section="summary",
        contents=[c for c in CONTENTS if present.get(c[0], True)],
        **_summary(view), **tables, **forecast_tables(view),
        basis=sample_note(view), why=explanations.describe_chain(view) if len(view.chain) else "",
        decisions=explanations.decisions(view, early_order_sentence(view)), two_answers=explanations.TWO_ANSWERS,
        no_effects=NO_EFFECTS,
        gantt_shown=gantt is not None, gantt_note=GANTT_NOTE, compared=COMPARE_NOTE, method=METHOD,
        checklist=checklist(view),
        data={"percentiles": percentiles(view), "gantt": gantt},
    )  # fmt: skip


def _summary(view: ResultView) -> dict[str, Any]:
    """Return what stands on the first page besides its charts."""
    return {
        "verdict": verdict_sentences(view), "tiles": tiles(view), "causes": three_causes(view), "levers": three_levers(view),
    }  # fmt: skip


def _tables(view: ResultView) -> dict[str, Any]:
    """Return the tables of the report."""
    parts = groupby(key_results(view), key=lambda line: line.part)
    return {
        "results": [(part[:1].upper() + part[1:], [*lines]) for part, lines in parts],
        "milestones": milestone_table(view),
        "turnovers": [astuple(row) for row in ramp_rows(view)],
        "critical": _critical(view),
        "chain": [*explanations.chain_rows(view)],
        "levers_measured": {
            "head": LEVER_HEAD,
            "rows": lever_cells(view),
            "note": LEVERS_METHOD.format(max((row.runs for row in lever_rows(view)), default=0)),
        },
        "tornado": _tornado(view),
        "shares": {"head": explanations.variance_header(view), "rows": explanations.variance_rows(view)},
        "shares_note": explanations.missing_indices_note(view) or explanations.METHOD,
        "money": money_rows(view),
        "money_note": MONEY_NOTE,
        "assumptions": {name: [_cells(row) for row in rows] for name, rows in assumptions(view).items()},
    }


def _subject(view: ResultView) -> str:
    """Return the line above the title: project, runs, seed and version."""
    manifest = view.manifest
    version = manifest.get("versions", {}).get("hybrid-dc-sim", "?")
    return f"{manifest['name']}, {view.info.runs_text}, seed {manifest['seed']}, version {version}"


def _cells(row: Row) -> tuple[str, ...]:
    return row.path, row.value, row.range, row.unit, row.source, row.confidence


def _tornado(view: ResultView) -> dict[str, Any] | None:
    """Return the table of drivers, None where no cause was switched off."""
    drivers = explanations.stored_drivers(view)
    if drivers is None:
        return None
    note = f"{explanations.negligible_causes(drivers)} {explanations.OVERLAP}"
    return {"head": explanations.drivers_header(drivers), "rows": explanations.drivers_rows(drivers), "note": note}


MIN_SHARE_ON_PAPER = 0.005
"""Share of the days of the chain below which a cause is not printed on paper."""


def _critical(view: ResultView) -> list[dict[str, Any]]:
    """Return what the last MW waits for: days on the driving chain by cause, and in how many runs the cause is on it."""
    return [
        {
            "name": impact.name, "colour": palette.CAUSES[impact.cause],
            "days": f"{impact.mean_text()} ({impact.interval_text()})",
            "share": percent(impact.share), "runs": impact.runs.text(), "small": impact.share < MIN_SHARE_ON_PAPER,
        }
        for impact in explanations.critical_causes(view.runs)
    ]  # fmt: skip
