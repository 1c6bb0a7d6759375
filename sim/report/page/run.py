"""The report of one project: `report.html` of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import files
from sim.report import causes, reading, shares, style
from sim.report.figures import of_a_run
from sim.report.findings import FINISH, answer, findings
from sim.report.page import charts
from sim.report.page.render import render
from sim.report.page.sections import assumptions, checklist, percentiles, turnovers
from sim.report.reading import About, Result
from sim.report.verdict import basis
from sim.report.why import critical, lines, told
from sim.report.words import counted, percent
from sim.study.store import FIGURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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


def write_run(result: Result, directory: Path) -> None:
    """Write the figures and the report of a result into its directory."""
    drawn = dict(of_a_run(result))
    for name, ax in drawn.items():
        style.save(ax, directory / FIGURES, name)
    files.write(directory / REPORT, page(result, drawn))


def page(result: Result, figures: Mapping[str, Axes] | None = None) -> bytes:
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
        why=told(result) if len(result.chain) else "", critical=_critical(result), chain=[*lines(result)],
        tornado=_tornado(result), shares={"head": shares.head(result), "rows": shares.rows(result)},
        shares_note=shares.lacking(result) or shares.METHOD, compared=ALONE, method=METHOD, checklist=checklist(result),
        assumptions={name: [_row(row) for row in rows] for name, rows in assumptions(result).items()},
        data={"percentiles": percentiles(result), "start": float(charts.moments(about, [0.0])[0])},
    )  # fmt: skip


def sample(about: About) -> str:
    """Say under a chart how many runs it is drawn from."""
    return f"n = {counted(about.runs, 'run', 'runs')}, seed {about.seed}."


def _made(result: Result) -> str:
    """Say what this page is of."""
    manifest = result.manifest
    version = manifest.get("versions", {}).get("hybrid-dc-sim", "?")
    return f"{manifest['name']}, {manifest['runs']:,} runs, seed {manifest['seed']}, version {version}"


def _row(row: Any) -> tuple[str, ...]:
    return row.path, row.value, row.range, row.unit, row.source, row.confidence


def _charts(result: Result, about: About) -> dict[str, Any]:
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


def _tornado(result: Result) -> dict[str, Any] | None:
    """Return the table of causes, None where they were not switched off."""
    found = causes.of_result(result)
    if found is None:
        return None
    note = f"{causes.unfelt(found)} {causes.OVERLAP}"
    return {"head": causes.head(found), "rows": causes.rows(found), "note": note}


def _critical(result: Result) -> list[dict[str, str]]:
    return [
        {
            "name": found.name, "colour": style.MECHANISM[found.mechanism], "days": f"{found.mean()} ({found.between()})",
            "part": percent(found.part), "runs": found.runs.say(),
        }
        for found in critical(result.runs)
    ]  # fmt: skip
