"""What a result shows of itself in Python: its verdict, its report, and HTML for notebooks (`sim.display` looks it up)."""

from __future__ import annotations

import base64
import io
from functools import singledispatch
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import files
from sim.report.console import describe_comparison, describe_run, plain_text
from sim.report.plan_check import describe_plan
from sim.report.result_view import FINISH, ResultView
from sim.report.study_tables import describe_sensitivity, describe_sweep, describe_tuning
from sim.report.verdict import headline, key_results
from sim.study.analyses.drivers import Drivers
from sim.study.analyses.sensitivity import Found
from sim.study.analyses.sweep import Sweep
from sim.study.analyses.tuning import Tuned
from sim.study.api import Comparison
from sim.study.case import Case
from sim.study.result import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.report.figures.style import Axes

WIDTH = 110
DOTS_PER_INCH = 80


# --- one result -------------------------------------------------------------------------------------------------------


def verdict(result: Result) -> str:
    """Return the key results of a run as text, as `sim run` prints them."""
    return plain_text(describe_run(result), WIDTH)


def write_report(result: Result, path: str | Path) -> Path:
    """Write the report of a run as one HTML file; returns where."""
    from sim.report.html_report.run_report import page

    target = Path(path).absolute()
    files.write(target, page(result))
    return target


# --- notebooks --------------------------------------------------------------------------------------------------------


@singledispatch
def html(shown: object) -> str:
    """Return HTML of anything that is displayed; its one line where there is no more to show."""
    return f"<pre>{escape(repr(shown))}</pre>"


@html.register
def _(result: Result) -> str:
    """Return verdict and S-curve."""
    view = ResultView.of(result)
    rows, part = [], ""
    for line in key_results(view):
        if line.part != part:
            part = line.part
            rows.append(f"<tr><th colspan=3 style='text-align:left'>{escape(part[:1].upper() + part[1:])}</th></tr>")
        cells = "".join(
            f"<td style='text-align:left'>{escape(text)}</td>" for text in (line.label, line.value, line.note)
        )
        rows.append(f"<tr>{cells}</tr>")
    title = f"<p><b>{escape(view.info.name)}</b> ({escape(view.info.count)}, seed {view.info.seed})</p>"
    picture = _picture(result.plot.finish()) if view.has(FINISH) and not view.info.all_failed else ""
    return f"{title}<p>{escape(headline(view))}</p>{picture}<table>{''.join(rows)}</table>"


@html.register
def _(comparison: Comparison) -> str:
    return _preformatted(describe_comparison(comparison.results, comparison.table()))


@html.register
def _(sweep: Sweep) -> str:
    return _preformatted(describe_sweep(sweep))


@html.register
def _(tuned: Tuned) -> str:
    return _preformatted(describe_tuning(tuned))


@html.register
def _(found: Found) -> str:
    return _preformatted(describe_sensitivity(found))


@html.register
def _(drivers: Drivers) -> str:
    from sim.report.console import describe_drivers

    return _preformatted(describe_drivers(drivers))


@html.register
def _(case: Case) -> str:
    return _preformatted(describe_plan(case)[0])


def _preformatted(text: RenderableType) -> str:
    return f"<pre style='line-height:1.2'>{escape(plain_text(text, WIDTH))}</pre>"


def _picture(ax: Axes) -> str:
    """Return a figure as an image of its own, and forget the figure."""
    sink = io.BytesIO()
    figure: Any = ax.figure
    figure.savefig(sink, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight")
    figure.clear()
    return f"<img alt='S-curve of the finish' src='data:image/png;base64,{base64.b64encode(sink.getvalue()).decode()}'>"
