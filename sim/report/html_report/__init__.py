"""The report of a run or a comparison as one HTML file that needs no network, for a browser, a phone or a printer.

Templates are filled in with every text escaped, and a content policy in the head names the only script that may run by
its fingerprint. Charts are data in the page, drawn there as SVG: the same numbers as the pictures in figures/.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files as resources
from typing import Any

import jinja2

from sim.report.figures import palette
from sim.report.formatting import ProjectDates
from sim.report.html_report.chart_spec import Chart

TEMPLATES = "templates"
NO_BREAK = "\N{NO-BREAK SPACE}"
CHART_SCRIPTS = ("chart_basics.js", "line_chart.js", "bar_charts.js", "charts.js")
"""What draws charts, in the order in which it is needed: also on the page of `sim live`."""


def render(template: str, charts: Mapping[str, Chart], dates: ProjectDates, **values: Any) -> bytes:
    """Return a page with charts by name; `values` are the other names of the template.

    `data` among them is what the script reads beside the charts. No request leaves the page, and no script runs but
    ours: the policy in the head forbids it.
    """
    script = "\n".join([chart_script(), *(_text(name) for name in ("gantt.js", "report.js"))])
    data = {"charts": {name: chart.document() for name, chart in charts.items()}, **values.pop("data", {})}
    page = _environment().get_template(template).render(
        charts=charts,
        tables={name: chart.table(dates) for name, chart in charts.items()},
        css=palette.stylesheet() + _text("report.css"),
        script=script,
        script_hashes=fingerprint(script),
        data=data,
        **values,
    )  # fmt: skip
    return page.encode()


def chart_script() -> str:
    """Return the script that draws charts."""
    return "\n".join(map(_text, CHART_SCRIPTS))


@cache
def _environment() -> jinja2.Environment:
    """Return what fills in templates; every text is escaped, and a name that is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_unbroken,
    )  # fmt: skip
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "separators": (",", ":"), "allow_nan": False}
    return environment


UNITS = re.compile(r"(?<=\d) (?=(?:%|M|bn|days?|months?|MW|people|bn-months|M-months)(?![a-z]))")


def _unbroken(value: Any) -> Any:
    """Keep a number and its unit on one line: a cell that ends in `(46 to 58` says nothing."""
    return UNITS.sub(NO_BREAK, value) if type(value) is str else value


@cache
def _text(name: str) -> str:
    """Return a file that comes with this package."""
    return resources(__package__).joinpath(TEMPLATES, name).read_text(encoding="utf-8")


def fingerprint(script: str) -> str:
    """Return how a content policy names a script that may run."""
    return f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'"
