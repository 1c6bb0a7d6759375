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

FRAMES, FRAMES_PER_SECOND = 96, 12
STATE_LABELS = {
    "ordered": "ordered", "started": "on the line", "tested": "on the road", "delivered": "yard", "set": "hook-up",
    "complete": "tests", "online": "online",
}  # fmt: skip
WAITING = "#eceff2"


class MissingFfmpeg(SimError):
    """ffmpeg is not there, which an MP4 needs."""

    exit_code = 2


@style.in_house_style
@in_display_units
def write_film(results: Sequence[RunData], target: Path, form: str, columns: int = 0) -> None:
    """Write one or two results as a GIF or MP4 of eight seconds, on one clock. Raises MissingFfmpeg."""
    from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if form == "mp4":
        _find_ffmpeg()
    views = [ResultView.of(result) for result in results]
    scenes = [scene(view, columns) for view in views]
    figure = Figure(figsize=(12.8, 7.2), dpi=75)
    FigureCanvasAgg(figure)
    last_day = max(float(one_scene["end"]) for one_scene in scenes)

    def frame(number: int) -> list[Any]:
        """Draw everything as it is at the time of a frame."""
        day = last_day * number / (FRAMES - 1)
        figure.clear()
        _draw_legend(figure)
        for position, (view, one_scene) in enumerate(zip(views, scenes, strict=True)):
            _draw_project(
                figure, one_scene, day, (position / len(scenes), 1 / len(scenes)), day_of_month(view.dates.date_of(day))
            )
        return []

    film = FuncAnimation(figure, frame, frames=FRAMES, interval=1000 / FRAMES_PER_SECOND, cache_frame_data=False)
    files.make_directory(target.parent)
    film.save(target, writer=PillowWriter(FRAMES_PER_SECOND) if form == "gif" else FFMpegWriter(FRAMES_PER_SECOND))


def _find_ffmpeg() -> None:
    """Have matplotlib use ffmpeg from the path, or the one that the extra `film` brings. Raises MissingFfmpeg."""
    import matplotlib as mpl
    from matplotlib.animation import FFMpegWriter

    if FFMpegWriter.isAvailable():
        return
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError as missing:
        raise MissingFfmpeg(
            "an MP4 needs ffmpeg on the path, or the extra film (pip install 'hybrid-dc-sim[film]'); --to gif needs nothing"
        ) from missing
    mpl.rcParams["animation.ffmpeg_path"] = get_ffmpeg_exe()


def _draw_project(
    figure: Figure, document: Mapping[str, Any], day: float, extent: tuple[float, float], date_text: str
) -> None:
    """Draw one project into its part of the frame (left edge, width): blocks above, skids by state below."""
    left, width = extent
    site = figure.add_axes((left + 0.02 * width, 0.42, 0.96 * width, 0.44))
    _draw_blocks(site, document, day)
    online_blocks = sum(online <= day for _, online, _ in document["blocks"])
    people = sum(row[min(int(day), len(row) - 1)] for _, row in document["trades"])
    name = str(document["name"]).partition("(")[0].strip()
    site.set_title(f"{name}: day {day:,.0f}, {date_text}", pad=24, fontsize=15)
    site.annotate(
        f"{online_blocks * float(document['mw']):,.0f} MW online, {people:,} people on site (direct)", (0, 1), (0, 6),
        xycoords="axes fraction", textcoords="offset points", fontsize=12,
    )  # fmt: skip
    has_skids = bool(document["skids"])
    if has_skids:
        _draw_skids(figure.add_axes((left + 0.16 * width, 0.22, 0.8 * width, 0.17)), document, day)
    _draw_mw_online(
        figure.add_axes((left + 0.16 * width, 0.09, 0.8 * width, 0.10 if has_skids else 0.26)), document, day
    )


def _draw_legend(figure: Figure) -> None:
    """Draw the legend of the colours of blocks at the foot."""
    from matplotlib.patches import Patch

    stages = {name.replace("commissioning", "tests"): colour for name, colour in palette.STAGES.items()}
    keys = {**stages, "online": palette.SKID_STATES["online"], "not begun": WAITING}
    handles = [Patch(color=colour, label=f"block: {name}") for name, colour in keys.items()]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.02, 0.0), ncol=6, fontsize=9, frameon=False)


def _draw_mw_online(ax: Any, document: Mapping[str, Any], day: float) -> None:
    """Draw the MW online until the day, on axes that do not change."""
    days = sorted(online for _, online, _ in document["blocks"])
    times = [0.0, *(online_day for online_day in days if online_day <= day), day]
    steps = [*range(len(times) - 1), len(times) - 2]
    ax.plot(times, [float(document["mw"]) * n for n in steps], color=palette.BLUE, lw=2, drawstyle="steps-post")
    ax.set_xlim(0, float(document["end"]))
    ax.set_ylim(0, 1.08 * float(document["mw"]) * len(days))
    ax.set_ylabel("MW", fontsize=9)
    ax.tick_params(labelsize=8, length=2)
    ax.set_xticks([])


def _draw_blocks(ax: Any, document: Mapping[str, Any], day: float) -> None:
    """Draw the blocks in their halls, coloured by the stage they are in."""
    from matplotlib.patches import Rectangle

    blocks_per_hall, columns = int(document["each"]), int(document["columns"])
    blocks_across = math.ceil(math.sqrt(blocks_per_hall * 1.4))
    blocks_down = math.ceil(blocks_per_hall / blocks_across)
    for k, (_, online, spans) in enumerate(document["blocks"]):
        hall, position = divmod(k, blocks_per_hall)
        x = (hall % columns) * (blocks_across + 1) + position % blocks_across
        y = (hall // columns) * (blocks_down + 1) + position // blocks_across
        ax.add_patch(Rectangle((x, y), 0.92, 0.92, color=_stage_colour(online, spans, day)))
    halls = math.ceil(len(document["blocks"]) / blocks_per_hall)
    for hall in range(halls):
        corner = ((hall % columns) * (blocks_across + 1) - 0.25, (hall // columns) * (blocks_down + 1) - 0.25)
        ax.add_patch(
            Rectangle(corner, blocks_across + 0.42, blocks_down + 0.42, fill=False, color=palette.MUTED, lw=0.8)
        )
    ax.set_xlim(-0.4, min(halls, columns) * (blocks_across + 1))
    ax.set_ylim(math.ceil(halls / columns) * (blocks_down + 1), -0.4)
    ax.axis("off")


def _stage_colour(online: float, spans: Sequence[Sequence[float]], day: float) -> str:
    """Return the colour of the last stage that has begun; that of online blocks from then on."""
    if online <= day:
        return palette.SKID_STATES["online"]
    stages_begun = [name for name, span in zip(palette.STAGES, spans, strict=True) if span and span[0] <= day]
    return palette.STAGES[stages_begun[-1]] if stages_begun else WAITING


def _draw_skids(ax: Any, document: Mapping[str, Any], day: float) -> None:
    """Draw how many skids have reached each state last, as bars with their number."""
    number_in = counts(document, day)
    rows = np.arange(len(STATES))
    ax.barh(rows, [number_in[state] for state in STATES], color=[palette.SKID_STATES[state] for state in STATES])
    for row, state in enumerate(STATES):
        ax.annotate(
            f"{number_in[state]:,}",
            (number_in[state], row),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    ax.set_yticks(
        rows,
        [f"skids {STATE_LABELS[state]}" if not k else STATE_LABELS[state] for k, state in enumerate(STATES)],
        fontsize=8,
    )
    ax.set_xlim(0, len(document["skids"]) * 1.06)
    ax.set_ylim(len(STATES) - 0.4, -0.6)
    ax.grid(visible=False)
    ax.set_xticks([])
