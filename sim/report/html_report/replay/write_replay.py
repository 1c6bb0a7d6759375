"""The page that plays one project, or two on one clock: one file, without a network, on a canvas."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import jinja2

from sim import files
from sim.config.sections.display_units import in_display_units
from sim.errors import SimError
from sim.report.figures import palette
from sim.report.html_report import fingerprint
from sim.report.html_report.replay.scene import RunDetails, fitting, scene
from sim.report.result_view import ResultView, RunData
from sim.study.result import Result

SCRIPTS = ("replay_basics.js", "history.js", "site_plan.js", "picture.js", "replay.js")
"""What plays, in the order in which it is needed."""
MAX_BYTES = 3_000_000
"""Bytes of a page of one project of 250 MW."""
SHOWN = ("ink", "muted", "runs", "p50", "p80", "limit", "idle", "kept", "sky-clear", "sky-closed")


class NothingToPlay(SimError):
    """A result without a log of one run."""

    exit_code = 2


def write_replay(results: Sequence[RunData], target: Path, columns: int = 0, *, with_details: bool = False) -> int:
    """Write the page that plays one or two results; return its size in bytes. Raises NothingToPlay.

    With details, weather and idle capital of the run are shown, for which it is simulated once more.
    """
    data = replay_page(results, columns, with_details=with_details)
    files.write(target, data)
    return len(data)


@in_display_units
def replay_page(results: Sequence[RunData], columns: int = 0, *, with_details: bool = False) -> bytes:
    """Return the page that plays one result, or two side by side on one clock."""
    views = [ResultView.of(result) for result in results]
    for view in views:
        if not len(view.events):
            raise NothingToPlay(f"{view.info.name}: this result has no event log of one run")
    details_of_run = [
        RunDetails.of(result) if with_details and isinstance(result, Result) else None for result in results
    ]
    scenes = [scene(view, columns, details) for view, details in zip(views, details_of_run, strict=True)]
    script = "\n".join(map(_text, SCRIPTS))
    page = _template().render(
        title=fitting([view.info.name for view in views]), scenes=scenes, script=script,
        script_hashes=fingerprint(script), data={"scenes": scenes, "colours": colours()},
    )  # fmt: skip
    return page.encode()


def colours() -> dict[str, Any]:
    """Return the colours of the page by meaning, on white and on dark."""
    names = [
        name for name in palette.MEANINGS if name in SHOWN or name.startswith(("flow-", "stage-", "trade-", "cause-"))
    ]
    return {name: palette.MEANINGS[name] for name in names}


def _text(name: str) -> str:
    return resources(__package__).joinpath(name).read_text(encoding="utf-8")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "separators": (",", ":")}
    return environment.get_template("replay.html.jinja")
