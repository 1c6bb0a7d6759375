"""What stands in the report besides charts: tables of turnovers, of assumptions, and the checklist.

The report of one project: `report.html` of a run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim import files
from sim.config.load import Loaded, checked
from sim.config.project import Project
from sim.errors import ConfigError
from sim.report import explanations as causes
from sim.report import explanations as shares
from sim.report import result_view as reading
from sim.report.assumptions import Row, rows
from sim.report.console import basis
from sim.report.explanations import critical, describe_chain, lines
from sim.report.figures import of_a_run, style
from sim.report.formatting import WITHHELD, counted, number, percent, quote
from sim.report.html_report import charts
from sim.report.html_report.render import render
from sim.report.result_view import About, ResultView
from sim.report.verdict import FINISH, answer, findings
from sim.study.intervals import quantile
from sim.study.storage.results import FIGURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# --- sections ---------------------------------------------------------------------------------------------------------


PRECISE = 0.01
"""Half-width of the interval of the P80, as a share of it, that a published date should have."""
ENOUGH_RUNS = 1000


@dataclass(frozen=True)
class Turnover:
    """When so many MW are online: P50, P80 (on or before) with its interval, the planned date and how often it is kept."""

    mw: str
    p50: str
    p80: str
    between: str
    planned: str
    kept: str


@dataclass(frozen=True)
class Check:
    """One question a careful reader asks, whether the answer is good (None: for information), and the answer."""

    question: str
    good: bool | None
    answer: str


def turnovers(result: ResultView) -> list[Turnover]:
    """Return the dates of every tenth of the MW, rounded up to whole blocks, from the day each run had so many."""
    dates, planned = reading.project_dates(result), reading.planned_ramp(result)
    block = min((mw for _, mw in planned), default=0.0)
    days = result.table("ramp")
    found: dict[float, Turnover] = {}
    for row in result.turnovers().to_dict("records"):
        level = math.ceil(row["mw"] / block - 1e-6) * block if block else row["mw"]
        plan = min((day for day, there in planned if there >= level - 1e-6), default=math.inf)
        reached = days[f"{row['mw']:g}"].to_numpy(dtype=float)
        kept = reading.share_at_most(reached, math.floor(plan)) if math.isfinite(plan) else None
        between = dates.say_between(row["p80_low"], row["p80_high"]) if not math.isnan(row["p80"]) else WITHHELD
        found[level] = Turnover(
            f"{level:g}", dates.say(row["p50"]), dates.say(row["p80"]), between,
            dates.say(plan) if planned else "", kept.say() if kept else "",
        )  # fmt: skip
    return [*found.values()]


def percentiles(result: ResultView) -> list[tuple[int, float, str]]:
    """Return (percentile, day, date in words) of the finish for 1 to 99, from which a reader picks one."""
    if FINISH not in result.runs:
        return []
    sample, dates = np.sort(reading.values(result, FINISH)), reading.project_dates(result)
    found = [(p, quantile(sample, p / 100)) for p in range(1, 100)]
    return [(p, day, f"{dates.say(day)} (day {number(day)})") for p, day in found if math.isfinite(day)]


# --- assumptions --------------------------------------------------------------------------------------


def assumptions(result: ResultView) -> dict[str, list[Row]]:
    """Return every number of the configuration that states where it is from, by section."""
    config = result.manifest.get("config", {})
    try:
        project = checked(Project, config)
    except ConfigError:  # a result of an earlier version, or of a test
        return {}
    found: dict[str, list[Row]] = {}
    for row in rows(Loaded(project, _said(config), {}, ())):
        if row.source:
            found.setdefault(str(row.address[0]), []).append(row)
    return found


def _said(tree: Any) -> Any:
    """Return a tree without what says nothing."""
    if isinstance(tree, Mapping):
        kept = {key: _said(value) for key, value in tree.items()}
        return {key: value for key, value in kept.items() if value is not None and value != ""}
    return [_said(value) for value in tree] if isinstance(tree, list | tuple) else tree


# --- the checklist ------------------------------------------------------------------------------------


def checklist(result: ResultView) -> list[Check]:
    """Return what a careful reader asks before the numbers are used."""
    return [*_of_the_sample(result), *_of_the_model(result)]


def _of_the_sample(result: ResultView) -> Iterator[Check]:
    """Yield what is asked about the runs."""
    about = reading.about(result)
    yield Check("Enough runs?", about.runs >= ENOUGH_RUNS, f"{counted(about.runs, 'run', 'runs')}, seed {about.seed}")
    finish = quote(result.summary(), FINISH, "p80") if FINISH in result.runs else None
    if finish is not None and math.isfinite(finish.high - finish.low):
        half = (finish.high - finish.low) / 2 / finish.value
        answer = f"95 % interval of the P80 is within {100 * half:.1f} % of it"
        yield Check("Is the P80 settled?", half <= PRECISE, answer)
    elif finish is not None:
        yield Check("Is the P80 settled?", False, "too few runs for its interval")
    lost = f"{about.stalled:,} stalled, {about.failed:,} failed"
    yield Check("Did every run come to its end?", not about.stalled + about.failed, lost)
    planned = reading.planned(result, FINISH)
    if planned is not None:
        kept = reading.share_at_most(reading.values(result, FINISH), planned)
        yield Check(
            "How sure is the planned date?", None, f"kept in {percent(kept.fraction)} of runs; do not promise it"
        )


def _of_the_model(result: ResultView) -> Iterator[Check]:
    """Yield what is asked about what was simulated."""
    config = result.manifest.get("config", {})
    drivers = config.get("risks", {}).get("drivers") or ()
    mode = config.get("risks", {}).get("mode", "none")
    told = f"{len(drivers)} drivers, {mode}" if drivers and mode != "none" else "none in force"
    yield Check("Are shared risk drivers in it?", bool(drivers) and mode != "none", told)
    weather = bool(config.get("weather"))
    yield Check("Is weather in it?", weather, "yes" if weather else "none in this configuration")
    yield Check("Are crews, crane, lines, trucks and yard limited in every run?", True, "yes, granted minute by minute")
    yield Check("Do the intervals cover input and model error?", None, "no: they are sampling error only")
    digest = str(result.manifest.get("config_digest", ""))[:12]
    versions = result.manifest.get("versions", {})
    made = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield Check("Can it be run again?", bool(digest), f"configuration {digest}; {made}" if digest else "no digest")


# --- run --------------------------------------------------------------------------------------------------------------


REPORT = "report.html"
CONTENTS = (
    ("verdict", "Verdict"), ("finish", "S-curve"), ("ramp", "MW ramp"), ("drivers", "Why, and which risk"),
    ("people", "Workforce"), ("capital", "Capital"), ("flow", "Flowline and Gantt"), ("compare", "Strategies"),
    ("assumptions", "Assumptions"), ("method", "Method"), ("checklist", "Checklist"),
)  # fmt: skip
AS_CHARTS = {"mw_online", "finish", "capital"}
"""Figures that stand in the report as charts."""
ALONE = "A lead time means little alone. The command sim compare plays several projects on the same luck and reports on them."
METHOD = (
    "Each run plays the whole project minute by minute: crews, cranes, factory lines, trucks, yard, tests, power and"
    " money, with what everybody waits for. Every draw has a name, so a strategy or a switched-off risk meets the same"
    " luck. A percentile is an order statistic of the runs, its interval exact for that. Dates are rounded up to the"
    " next working day."
)


def write_run(result: ResultView, directory: Path) -> None:
    """Write the figures and the report of a result into its directory."""
    drawn = dict(of_a_run(result))
    for name, ax in drawn.items():
        style.save(ax, directory / FIGURES, name)
    files.write(directory / REPORT, page(result, drawn))


def page(result: ResultView, figures: Mapping[str, Axes] | None = None) -> bytes:
    """Return the report of a result as one HTML file; `figures` are those of a run, drawn here if not given."""
    about = reading.about(result)
    figures = dict(of_a_run(result)) if figures is None else figures
    found = findings(result)
    verdict = [(part[:1].upper() + part[1:], [*of]) for part, of in groupby(found, key=lambda finding: finding.part)]
    drawn = _charts(result, about)
    pictures = {name: ax for name, ax in figures.items() if name not in AS_CHARTS}
    present = {"finish": "s_curve" in drawn, "flow": "flowline" in pictures}
    return render(
        "run.html.jinja", drawn, pictures,
        title=about.name, made=_made(result), contents=[c for c in CONTENTS if present.get(c[0], True)],
        answer=answer(result), verdict=verdict, basis=basis(result),
        sample=sample(about), turnovers=[astuple(row) for row in turnovers(result)],
        why=describe_chain(result) if len(result.chain) else "", critical=_critical(result), chain=[*lines(result)],
        tornado=_tornado(result), shares={"head": shares.variance_head(result), "rows": shares.variance_rows(result)},
        shares_note=shares.lacking(result) or shares.METHOD, compared=ALONE, method=METHOD, checklist=checklist(result),
        assumptions={name: [_row(row) for row in rows] for name, rows in assumptions(result).items()},
        data={"percentiles": percentiles(result), "start": float(charts.moments(about, [0.0])[0])},
    )  # fmt: skip


def sample(about: About) -> str:
    """Say under a chart how many runs it is drawn from."""
    return f"n = {counted(about.runs, 'run', 'runs')}, seed {about.seed}."


def _made(result: ResultView) -> str:
    """Say what this page is of."""
    manifest = result.manifest
    version = manifest.get("versions", {}).get("hybrid-dc-sim", "?")
    return f"{manifest['name']}, {manifest['runs']:,} runs, seed {manifest['seed']}, version {version}"


def _row(row: Any) -> tuple[str, ...]:
    return row.path, row.value, row.range, row.unit, row.source, row.confidence


def _charts(result: ResultView, about: About) -> dict[str, Any]:
    """Return the charts one can point at; none where every run failed."""
    if about.failed == about.runs:
        return {}
    curves, summary = result.curves, result.summary()
    drawn = {
        "ramp": charts.ramp(curves, about, reading.planned_ramp(result)),
        "capital": charts.capital(curves, about),
    }
    if FINISH not in summary.index:
        return drawn
    quoted = {p: float(summary[p][FINISH]) for p in ("p10", "p50", "p80", "p90")}
    promises = {"planned": reading.planned(result, FINISH), "target": reading.limit(result, FINISH)}
    return {"s_curve": charts.s_curve(reading.values(result, FINISH), about, quoted, promises), **drawn}


def _tornado(result: ResultView) -> dict[str, Any] | None:
    """Return the table of causes, None where they were not switched off."""
    found = causes.of_result(result)
    if found is None:
        return None
    note = f"{causes.unfelt(found)} {causes.OVERLAP}"
    return {"head": causes.head(found), "rows": causes.rows(found), "note": note}


def _critical(result: ResultView) -> list[dict[str, str]]:
    return [
        {
            "name": found.name, "colour": style.MECHANISM[found.mechanism], "days": f"{found.mean()} ({found.between()})",
            "part": percent(found.part), "runs": found.runs.say(),
        }
        for found in critical(result.runs)
    ]  # fmt: skip
