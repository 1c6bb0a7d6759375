"""The report of a run or a comparison as one HTML file that needs no network, for a browser, a phone or a printer.

Templates are filled in with every text escaped, and a content policy in the head names the only scripts that may run by
their fingerprints.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files as resources
from typing import TYPE_CHECKING, Any

import jinja2
import matplotlib as mpl

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEMPLATES = "templates"


def render(template: str, charts: Mapping[str, Any], pictures: Mapping[str, Axes], **values: Any) -> bytes:
    """Return a page: `charts` are Bokeh's by name, `pictures` matplotlib's; `values` are the other names of the template.

    No request leaves the page, and no script runs but Bokeh's and ours: the policy in the head forbids it.
    """
    from bokeh.core.types import ID
    from bokeh.embed import json_item

    bokeh, script = _bokeh(), _text("report.js")
    items = {f"chart_{name}": json_item(chart, ID(f"chart_{name}")) for name, chart in charts.items()}
    data = {"items": items, "percentiles": [], "start": 0} | values.pop("data", {})
    page = _environment().get_template(template).render(
        charts=charts,
        pictures={name: _picture(ax) for name, ax in pictures.items()},
        css=_text("report.css"),
        bokeh=bokeh,
        script=script,
        script_hashes=" ".join(_fingerprint(text) for text in (bokeh, script)),
        data=data,
        **values,
    )  # fmt: skip
    return page.encode()


@cache
def _environment() -> jinja2.Environment:
    """Return what fills in templates; every text is escaped, and a name that is not given is an error."""
    package = jinja2.FunctionLoader(_text)
    found = jinja2.Environment(
        loader=package, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # Bokeh reads a chart in the order in which it was written.
    found.policies["json.dumps_kwargs"] = {"sort_keys": False}
    return found


@cache
def _text(name: str) -> str:
    """Return a file that comes with this package."""
    return resources(__package__).joinpath(TEMPLATES, name).read_text(encoding="utf-8")


@cache
def _bokeh() -> str:
    """Return Bokeh's script without extras; nothing in it may end the element it stands in."""
    from bokeh.resources import Resources

    script = "\n".join(Resources(mode="inline", components=["bokeh"], minified=True).js_raw)
    return script.replace("</script", "<\\/script")


def _fingerprint(script: str) -> str:
    """Return how the content policy names a script that may run."""
    return f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'"


def _picture(ax: Axes) -> str:
    """Return a figure as SVG in base64; text stays text, so that it is small and sharp."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    into = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hybrid-dc-sim", "font.family": ["DejaVu Sans"]}):
        figure.savefig(into, format="svg", metadata={"Date": None, "Creator": "sim"})
    svg = re.sub(rb"<!DOCTYPE[^>]*>", b"", into.getvalue())
    return base64.b64encode(re.sub(rb"(\d+\.\d\d)\d+", rb"\1", svg)).decode()
