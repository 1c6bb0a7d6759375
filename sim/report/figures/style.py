"""The house style of the figures: one palette for every eye, dates below, a caption, and files that do not change.

Nothing here leaves a trace in matplotlib's global settings: figures are made without pyplot, on the Agg
canvas, inside a context that is undone. matplotlib is loaded by the first figure: pages share what figures are made of,
and need none of it.
"""

from __future__ import annotations

import functools
import struct
import textwrap
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np

from sim import files
from sim.config.sections.display_units import kept_display
from sim.report.figures.palette import INK, MUTED, PALE
from sim.report.formatting import MONEY, MONTHS, MetricFormat, ProjectDates

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes  # noqa: PLC0414 (re-exported for sim.plot)
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.patheffects import withStroke

P = ParamSpec("P")
R = TypeVar("R")

PNG_COMPRESSION = 1
"""Level of compression of PNG files: a third larger than by the usual one, in a sixth of the time."""
RGBA, FILTER_UP, METRE = 6, 2, 1
"""Numbers of the PNG standard (ISO/IEC 15948): colours with transparency, rows as differences to the one above, metres."""
INCHES_PER_METRE = 1 / 0.0254
SIZE = (10.0, 5.9)
DPI = 160
_EPOCH = date(1970, 1, 1)

HOUSE: dict[str, object] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so a figure is the same on every machine
    "font.size": 12.5,
    "axes.labelsize": 12.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 15.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "legend.fontsize": 12,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "none",
    "legend.facecolor": "white",
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "svg.hashsalt": "hybrid-dc-sim",
    "svg.fonttype": "path",
}


def house() -> AbstractContextManager[None]:
    """Return the house style as a context."""
    import matplotlib as mpl
    import matplotlib.style

    return mpl.style.context(["default", HOUSE])


def in_house_style(draw: Callable[P, R]) -> Callable[P, R]:
    """Return `draw` so that it runs in the house style and leaves matplotlib's settings as they were."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with house():
            return draw(*args, **kwargs)

    return drawn


def canvas(right: float = 0.95, top: float = 0.83, left: float = 0.095, height: float = SIZE[1]) -> Axes:
    """Return the axes of a new figure, with room for a title above and two caption lines below.

    `top` is for a figure of the usual height; a higher one has the same room above and below in inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(SIZE[0], height), dpi=DPI)
    FigureCanvasAgg(figure)
    bottom, space_above = 0.21 * SIZE[1] / height, (1 - top) * SIZE[1] / height
    return figure.add_axes((left, bottom, right - left, 1 - space_above - bottom))


def text(words: str) -> str:
    """Return words that matplotlib prints as they are: two dollar signs would start a formula."""
    return words.replace("$", r"\$")


def value_ticks(axis: Axis, fmt: MetricFormat) -> None:
    """Write amounts along an axis as everywhere else, in the currency shown; ticks of other values stay as they are."""
    if fmt.write in MONEY:
        axis.set_major_formatter(kept_display(lambda value, _: text(fmt.write(value, fmt.finest_step))))


def title(ax: Axes, words: str, pad: float = 32.0) -> None:
    """Write the title above the figure, with room for one row under it."""
    ax.set_title(text(words), pad=pad, loc="left")


def caption(ax: Axes, words: str, drop: float = 50.0, characters: int = 126, left: float = 52.0) -> None:
    """Put units, n, seed and the kind of error below the axes, `drop` points down, broken to `characters` characters."""
    lines = "\n".join(textwrap.fill(line, characters) for line in words.splitlines())
    ax.annotate(
        text(lines), (0, 0), (-left, -drop), xycoords="axes fraction",
        textcoords="offset points", va="top", fontsize=10.5, color=MUTED, annotation_clip=False, linespacing=1.35,
    )  # fmt: skip


def legend_above(ax: Axes) -> None:
    """Put the key in one row between title and axes, where it hides nothing whatever the data."""
    ax.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=6, borderaxespad=0.3, borderpad=0, columnspacing=1.3,
        handlelength=1.7, handletextpad=0.5, fontsize=11.5,
    )  # fmt: skip


def halo() -> list[withStroke]:
    """Return a white rim for text that stands on lines or bars."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=3.5, foreground="white")]


# --- date axis --------------------------------------------------------------------------------------------------------


def date_position(dates: ProjectDates, day: float) -> float:
    """Return where project day `day` stands on a date axis (matplotlib's day number)."""
    return _position(dates.start) + day


def _position(day: date) -> float:
    """Return where midnight of a date stands on a date axis: days from matplotlib's epoch."""
    return float((day - _EPOCH).days)


def date_axis(ax: Axes, max_ticks: int = 9) -> None:
    """Format the x axis as dates: at most so many ticks, with the year where it begins or changes; always in English."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    low, high = ax.get_xlim()
    ticks, labels = _date_ticks(low, high, max_ticks)
    label_of = dict(zip(ticks, labels, strict=True))
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: label_of.get(x, "")))


def _date_ticks(low: float, high: float, max_ticks: int = 9) -> tuple[list[float], list[str]]:
    """Return positions and labels of ticks between two day numbers, at most `max_ticks` of them."""
    first, last = _civil_date(low), _civil_date(high)
    whole_months = (last.year - first.year) * 12 + last.month - first.month
    if whole_months >= 4:
        step = next(months for months in (1, 2, 3, 6, 12, 24, 60, 120, 1200) if whole_months / months <= max_ticks)
        dates = _month_starts(first, last, step)
        return _with_labels([day for day in dates if low <= _position(day) <= high], with_day=False)
    step = next(day for day in (1, 2, 7, 14) if (high - low) / day <= max_ticks or day == 14)
    dates = [first + timedelta(days=k) for k in range(0, int(high - low) + 2, step)]
    return _with_labels([day for day in dates if low <= _position(day) <= high], with_day=True)


def _civil_date(position: float) -> date:
    """Return the date of a place on the axis."""
    return _EPOCH + timedelta(days=int(position // 1))


def _month_starts(first: date, last: date, every: int) -> list[date]:
    """Return the first days of every so many months of the years in between."""
    number = range(first.year * 12, last.year * 12 + 12)
    return [date(m // 12, m % 12 + 1, 1) for m in number if m % every == 0]


def _with_labels(dates: list[date], *, with_day: bool) -> tuple[list[float], list[str]]:
    """Return positions and labels of dates, with the year below the first one and wherever it changes."""
    labels = []
    for previous, tick_date in zip([None, *dates], dates, strict=False):
        month = f"{tick_date.day} {MONTHS[tick_date.month - 1]}" if with_day else MONTHS[tick_date.month - 1]
        # A blank second line keeps the months of one row at one height.
        year = "" if previous and previous.year == tick_date.year else tick_date.year
        labels.append(f"{month}\n{year}")
    return [_position(tick) for tick in dates], labels


# --- saving -----------------------------------------------------------------------------------------------------------


@in_house_style
def image_files(ax: Axes, name: str) -> dict[str, bytes]:
    """Return the figure of `ax` as NAME.png and NAME.svg; the same figure gives the same bytes."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return {f"{name}.png": _png(figure), f"{name}.svg": _svg(figure)}


def save(ax: Axes, directory: Path, name: str) -> list[Path]:
    """Write the figure of `ax` as NAME.png and NAME.svg. Return the paths."""
    for file, data in image_files(ax, name).items():
        files.write(directory / file, data)
    return [directory / f"{name}.png", directory / f"{name}.svg"]


def _svg(figure: Figure) -> bytes:
    """Return a figure as the bytes of an SVG file."""
    sink = BytesIO()
    figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": "sim"})
    return sink.getvalue()


def _png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file.

    Written here, as Pillow tries five filters on every row, which takes a quarter of the time of a picture: of drawings the
    difference to the row above is as short as the best of them.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
    figure.set_dpi(DPI)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    height, width, channels = pixels.shape
    rows = np.empty((height, 1 + width * channels), np.uint8)
    rows[0, 0], rows[1:, 0] = 0, FILTER_UP
    flat = pixels.reshape(height, -1)
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])  # modulo 256, as the standard has it
    pixels_per_metre = round(figure.dpi * INCHES_PER_METRE)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _png_chunk(kind, data)
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, RGBA, 0, 0, 0)),
            (b"pHYs", struct.pack(">IIB", pixels_per_metre, pixels_per_metre, METRE)),
            (b"IDAT", zlib.compress(rows.data, PNG_COMPRESSION)),
            (b"IEND", b""),
        )
    )


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file: its length, its kind, its data and their checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
