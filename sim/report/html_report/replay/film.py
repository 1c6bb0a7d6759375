"""The replay as a film for slides: blocks, skids, people and MW over time, drawn frame by frame by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim import files
from sim.config.sections.display_units import in_display_units
from sim.errors import SimError
from sim.report.figures import palette, style
from sim.report.formatting import day_of_month
from sim.report.html_report.replay.scene import STATES, counts, scene
from sim.report.result_view import ResultView, RunData

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAMES, A_SECOND = 96, 12
NAMES = {
    "ordered": "ordered", "started": "on the line", "tested": "on the road", "delivered": "yard", "set": "hook-up",
    "complete": "tests", "online": "online",
}  # fmt: skip
WAITING = "#eceff2"


class NoFilmWriter(SimError):
    """ffmpeg is not there, which an MP4 needs."""

    exit_code = 2


@style.in_house_style
@in_display_units
def write_film(results: Sequence[RunData], target: Path, form: str, columns: int = 0) -> None:
    """Write one or two results as a GIF or MP4 of eight seconds, on one clock. Raises NoFilmWriter."""
    from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if form == "mp4":
        _find_ffmpeg()
    views = [ResultView.of(result) for result in results]
    scenes = [scene(view, columns) for view in views]
    figure = Figure(figsize=(12.8, 7.2), dpi=75)
    FigureCanvasAgg(figure)
    last = max(float(found["end"]) for found in scenes)

    def frame(number: int) -> list[Any]:
        """Draw everything as it is at the time of a frame."""
        day = last * number / (FRAMES - 1)
        figure.clear()
        _legend(figure)
        for k, (view, found) in enumerate(zip(views, scenes, strict=True)):
            _draw(figure, found, day, (k / len(scenes), 1 / len(scenes)), day_of_month(view.dates.date_of(day)))
        return []

    film = FuncAnimation(figure, frame, frames=FRAMES, interval=1000 / A_SECOND, cache_frame_data=False)
    files.make_directory(target.parent)
    film.save(target, writer=PillowWriter(A_SECOND) if form == "gif" else FFMpegWriter(A_SECOND))


def _find_ffmpeg() -> None:
    """Have matplotlib use ffmpeg from the path, or the one that the extra `film` brings. Raises NoFilmWriter."""
    import matplotlib as mpl
    from matplotlib.animation import FFMpegWriter

    if FFMpegWriter.isAvailable():
        return
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError as missing:
        raise NoFilmWriter(
            "an MP4 needs ffmpeg on the path, or the extra film (pip install 'hybrid-dc-sim[film]'); --to gif needs nothing"
        ) from missing
    mpl.rcParams["animation.ffmpeg_path"] = get_ffmpeg_exe()


def _draw(figure: Figure, found: Mapping[str, Any], day: float, across: tuple[float, float], when: str) -> None:
    """Draw one project into its share of the frame: blocks above, skids by state below."""
    left, wide = across
    site = figure.add_axes((left + 0.02 * wide, 0.42, 0.96 * wide, 0.44))
    _blocks(site, found, day)
    ready = sum(online <= day for _, online, _ in found["blocks"])
    people = sum(row[min(int(day), len(row) - 1)] for _, row in found["trades"])
    name = str(found["name"]).partition("(")[0].strip()
    site.set_title(f"{name}: day {day:,.0f}, {when}", pad=24, fontsize=15)
    site.annotate(
        f"{ready * float(found['mw']):,.0f} MW online, {people:,} people on site (direct)", (0, 1), (0, 6),
        xycoords="axes fraction", textcoords="offset points", fontsize=12,
    )  # fmt: skip
    has_skids = bool(found["skids"])
    if has_skids:
        _skids(figure.add_axes((left + 0.16 * wide, 0.22, 0.8 * wide, 0.17)), found, day)
    _draw_mw_online(figure.add_axes((left + 0.16 * wide, 0.09, 0.8 * wide, 0.10 if has_skids else 0.26)), found, day)


def _legend(figure: Figure) -> None:
    """Write at the foot what the colours of blocks mean."""
    from matplotlib.patches import Patch

    stages = {name.replace("commissioning", "tests"): colour for name, colour in palette.STAGES.items()}
    keys = {**stages, "online": palette.SKID_STATES["online"], "not begun": WAITING}
    handles = [Patch(color=colour, label=f"block: {name}") for name, colour in keys.items()]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.02, 0.0), ncol=6, fontsize=9, frameon=False)


def _draw_mw_online(ax: Any, found: Mapping[str, Any], day: float) -> None:
    """Draw the MW online until the day, on axes that stay."""
    days = sorted(online for _, online, _ in found["blocks"])
    come = [0.0, *(one for one in days if one <= day), day]
    steps = [*range(len(come) - 1), len(come) - 2]
    ax.plot(come, [float(found["mw"]) * n for n in steps], color=palette.BLUE, lw=2, drawstyle="steps-post")
    ax.set_xlim(0, float(found["end"]))
    ax.set_ylim(0, 1.08 * float(found["mw"]) * len(days))
    ax.set_ylabel("MW", fontsize=9)
    ax.tick_params(labelsize=8, length=2)
    ax.set_xticks([])


def _blocks(ax: Any, found: Mapping[str, Any], day: float) -> None:
    """Draw the blocks in their halls, coloured by the stage they are in."""
    from matplotlib.patches import Rectangle

    each, columns = int(found["each"]), int(found["columns"])
    across = math.ceil(math.sqrt(each * 1.4))
    down = math.ceil(each / across)
    for k, (_, online, spans) in enumerate(found["blocks"]):
        hall, place = divmod(k, each)
        x = (hall % columns) * (across + 1) + place % across
        y = (hall // columns) * (down + 1) + place // across
        ax.add_patch(Rectangle((x, y), 0.92, 0.92, color=_stage_colour(online, spans, day)))
    halls = math.ceil(len(found["blocks"]) / each)
    for hall in range(halls):
        corner = ((hall % columns) * (across + 1) - 0.25, (hall // columns) * (down + 1) - 0.25)
        ax.add_patch(Rectangle(corner, across + 0.42, down + 0.42, fill=False, color=palette.MUTED, lw=0.8))
    ax.set_xlim(-0.4, min(halls, columns) * (across + 1))
    ax.set_ylim(math.ceil(halls / columns) * (down + 1), -0.4)
    ax.axis("off")


def _stage_colour(online: float, spans: Sequence[Sequence[float]], day: float) -> str:
    """Return the colour of the last stage that has begun; that of online blocks from then on."""
    if online <= day:
        return palette.SKID_STATES["online"]
    begun = [name for name, span in zip(palette.STAGES, spans, strict=True) if span and span[0] <= day]
    return palette.STAGES[begun[-1]] if begun else WAITING


def _skids(ax: Any, found: Mapping[str, Any], day: float) -> None:
    """Draw how many skids have reached each state last, as bars with their number."""
    here = counts(found, day)
    place = np.arange(len(STATES))
    ax.barh(place, [here[state] for state in STATES], color=[palette.SKID_STATES[state] for state in STATES])
    for at, state in enumerate(STATES):
        ax.annotate(f"{here[state]:,}", (here[state], at), (4, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(
        place, [f"skids {NAMES[state]}" if not k else NAMES[state] for k, state in enumerate(STATES)], fontsize=8
    )
    ax.set_xlim(0, len(found["skids"]) * 1.06)
    ax.set_ylim(len(STATES) - 0.4, -0.6)
    ax.grid(visible=False)
    ax.set_xticks([])
