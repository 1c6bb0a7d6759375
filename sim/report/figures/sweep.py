"""The points of a sweep or a tuning: along one input, over two, over many, and as a Pareto set.

Every point was run on the same random numbers, so that what differs between points is due to the inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.config.sections.display_units import in_display_units, kept_display
from sim.report.figures import palette, style
from sim.report.formatting import MONEY, NEVER, SAMPLING_ONLY, MetricEstimate, metric_format
from sim.study.analyses.design import text_of
from sim.study.analyses.sweep import Sweep
from sim.study.analyses.tuning import TuningResult

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


# --- many inputs ------------------------------------------------------------------------------------------------------


PANELS_ACROSS = 3
FEW_VALUES = 8
"""Different values up to which each has its own mean; of more, as many classes of neighbours have one."""
PANEL_GAPS = 0.35, 0.5
"""Gaps between panels, sideways and upwards, as shares of a panel."""
STATISTICS = {"p50": "P50", "p80": "P80", "mean": "mean"}


@style.in_house_style
def plot_small_multiples(
    table: pd.DataFrame, metric: str, inputs: Sequence[str], ax: Axes | None = None, *, statistic: str = "p80",
    runs: int = 0, seed: int = 0,
) -> Axes:  # fmt: skip
    """Draw a sweep's table (a row a point: config, inputs, the metric), a panel an input, on one scale.

    Dots are points; the line is their mean at each value, over whatever else was varied. A colour is a configuration.
    """
    panel_rows = -(-len(inputs) // PANELS_ACROSS)
    ax = style.canvas(height=2.2 + 2.6 * panel_rows, right=0.97, top=0.85) if ax is None else ax
    ax.set_axis_off()
    finite_rows = table[np.isfinite(table[metric].to_numpy(dtype=np.float64))]
    colours = palette.strategy_colours([str(name) for name in dict.fromkeys(table["config"])])
    panels = [
        ax.inset_axes(_panel_bounds(number, min(PANELS_ACROSS, len(inputs)), panel_rows))
        for number in range(len(inputs))
    ]
    for number, (panel, name) in enumerate(zip(panels, inputs, strict=True)):
        _draw_panel(panel, finite_rows, metric, name, colours)
        panel.set_xlabel(style.text(name.replace("_", " ")), fontsize=11)
        panel.tick_params(labelsize=10)
        panel.sharey(panels[0])
        style.value_ticks(panel.yaxis, metric_format(metric))
        panel.tick_params(labelleft=number % PANELS_ACROSS == 0)
    fmt = metric_format(metric)
    panels[0].margins(y=0.12)
    ax.annotate(
        style.text(f"{STATISTICS[statistic]}, {fmt.unit}" if fmt.unit else STATISTICS[statistic]), (0, 1), (-40, 8),
        xycoords="axes fraction", textcoords="offset points", fontsize=11, annotation_clip=False,
    )  # fmt: skip
    if len(colours) > 1:
        panels[0].legend(
            *panels[0].get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0.3, 1.02), ncols=4, fontsize=10.5
        )
    style.title(ax, f"{STATISTICS[statistic]} of {fmt.label}: what each input does", pad=34)
    meaning = "Dots: points of the design; line: their mean at a value, over whatever else was varied"
    style.caption(
        ax, f"{meaning}\nn = {runs:,} runs a point on the same random numbers, seed {seed}; {SAMPLING_ONLY}", drop=52
    )
    return ax


def _panel_bounds(at: int, across: int, down: int) -> tuple[float, float, float, float]:
    """Return left, bottom, width and height of a panel, from the top left on."""
    wide, high = 1 / (across + (across - 1) * PANEL_GAPS[0] / 2), 1 / (down + (down - 1) * PANEL_GAPS[1])
    row, column = divmod(at, across)
    return column * wide * (1 + PANEL_GAPS[0] / 2), 1 - high - row * high * (1 + PANEL_GAPS[1]), wide, high


def _draw_panel(panel: Axes, table: pd.DataFrame, metric: str, name: str, colours: dict[str, str]) -> None:
    """Draw one input: the points of every configuration, and their means."""
    values = [*dict.fromkeys(table[name].dropna())]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    position_of = {value: float(value) if numeric else float(number) for number, value in enumerate(values)}
    for config, colour in colours.items():
        rows = table[(table["config"].astype(str) == config) & table[name].notna()]
        x, y = np.array([position_of[value] for value in rows[name]]), rows[metric].to_numpy(dtype=np.float64)
        panel.plot(x, y, "o", color=colour, ms=4, alpha=0.4, mec="none")
        panel.plot(*mean_by_value(x, y), "-" if numeric else "D", color=colour, lw=2.2, label=config.replace("_", " "))
    if not numeric or len(position_of) <= FEW_VALUES:
        labels = [f"{value:g}" if isinstance(value, float) else style.text(str(value)) for value in values]
        panel.set_xticks([*position_of.values()], labels)
    panel.margins(x=0.08)


def mean_by_value(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of y at every value of x; where there are many values, at the mean of each class of neighbours."""
    different = np.unique(x)
    if len(different) <= FEW_VALUES:
        return different, np.array([y[x == value].mean() for value in different])
    parts = np.array_split(np.argsort(x, kind="stable"), FEW_VALUES)
    return np.array([x[part].mean() for part in parts]), np.array([y[part].mean() for part in parts])


# --- one input --------------------------------------------------------------------------------------------------------


@style.in_house_style
def plot_sweep_lines(
    summary: pd.DataFrame, metric: str, input_name: str, ax: Axes | None = None, *, seed: int = 0, title: str = ""
) -> Axes:
    """Draw one metric of a sweep's summary against the input `input_name`; its other inputs must not vary.

    Full lines are P50 with their 95 % interval, dashed ones P80. Texts stand in the order in which they were tried.
    """
    ax = style.canvas(top=0.84) if ax is None else ax
    rows = summary[summary["metric"] == metric]
    lines = {"": rows} if input_name == "config" else dict(iter(rows.groupby("config", sort=False)))
    position_of = _positions(list(rows[input_name]))
    line_style = "-" if rows[input_name].dtype != object else ""
    for name, colour in palette.strategy_colours([str(line) for line in lines]).items():
        x = np.array([position_of[value] for value in lines[name][input_name]])
        _sweep_line(ax, x, lines[name], colour, f"{name} " if len(lines) > 1 else "", line_style)
    ax.set_xticks(
        sorted(position_of.values()),
        [_tick_label(value) for value in sorted(position_of, key=lambda v: position_of[v])],
    )
    ax.set_xlabel(style.text(input_name))
    _label_metric(ax, metric)
    ax.margins(x=0.06, y=0.12)
    style.legend_above(ax)
    style.title(ax, title or f"{metric_format(metric).label} by {input_name}")
    n = int(rows["n"].max()) if len(rows) else 0
    style.caption(ax, f"n = {n:,} runs a point on the same random numbers, seed {seed}; {SAMPLING_ONLY}")
    return ax


def _sweep_line(ax: Axes, x: Floats, line: pd.DataFrame, colour: str, prefix: str, line_style: str) -> None:
    """Draw P50 with its interval and P80 of one line; `line_style` is "-" where its points are joined."""
    low, middle, high = (line[name].to_numpy(dtype=np.float64) for name in ("p50_low", "p50", "p50_high"))
    has_interval = np.isfinite(low) & np.isfinite(high)
    ax.errorbar(
        x[has_interval], middle[has_interval], yerr=((middle - low)[has_interval], (high - middle)[has_interval]),
        fmt="none", ecolor=colour, elinewidth=1.6, capsize=4, alpha=0.7,
    )  # fmt: skip
    ax.plot(x, middle, f"o{line_style}", color=colour, lw=2.2, ms=6, label=f"{prefix}P50, bar: 95 % interval")
    marker_style = "D" + ("--" if line_style else "")
    ax.plot(x, line["p80"], marker_style, color=colour, lw=1.6, ms=5, mfc="white", label=f"{prefix}P80")


def _label_metric(ax: Axes, metric: str) -> None:
    """Name the metric beside its axis; dollars in words, instead of a power of ten in the corner: the title names them."""
    fmt = metric_format(metric)
    ax.set_ylabel(style.text(f"{fmt.label}, {fmt.unit}" if fmt.unit else fmt.label))
    if fmt.write in MONEY:
        style.value_ticks(ax.yaxis, fmt)
        ax.set_ylabel("")


def _positions(values: list[object]) -> dict[object, float]:
    """Return where each value stands: at itself if it is a number, otherwise in the order met."""
    distinct = list(dict.fromkeys(values))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in distinct):
        return {value: float(value) for value in distinct}  # type: ignore[arg-type]
    return {value: float(place) for place, value in enumerate(distinct)}


def _tick_label(value: object) -> str:
    """Return a value on the axis."""
    return f"{value:g}" if isinstance(value, float) else style.text(str(value))


# --- two inputs -------------------------------------------------------------------------------------------------------


@style.in_house_style
def plot_heat_map(
    grid: pd.DataFrame, metric: str, ax: Axes | None = None, *, statistic: str = "p80", runs: int = 0, seed: int = 0,
    intervals: tuple[pd.DataFrame, pd.DataFrame] | None = None, as_good: pd.DataFrame | None = None,
) -> Axes:  # fmt: skip
    """Draw a two-way table (rows and columns are values of two inputs); deeper is more, as the bar beside it says.

    `intervals` are the 95 % interval of each field, written below its number; the shades cover at least one such interval, so
    that noise is not drawn as a difference. `as_good` marks the fields that the runs cannot tell from the best one.
    A field without a number is a point that does not finish, or that could not be run.
    """
    from matplotlib.colors import LinearSegmentedColormap

    longest = max(len(line) for value in grid.index for line in _tick_label(value).split("\n"))
    ax = style.canvas(top=0.87, left=max(0.095, 0.055 + 0.0085 * longest), right=0.87) if ax is None else ax
    values = grid.to_numpy(dtype=np.float64)
    low, high = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    if intervals is not None:
        low, high = (end.reindex_like(grid).to_numpy(dtype=np.float64) for end in intervals)
    is_as_good = np.zeros(values.shape, bool) if as_good is None else as_good.reindex_like(grid).to_numpy(dtype=bool)
    finite = np.where(np.isfinite(values), values, np.nan)
    colours = LinearSegmentedColormap.from_list("house", ["white", *palette.TINTS, palette.BLUE])
    min_coloured, max_coloured = _colour_range(finite, low, high)
    colour_map = colours.with_extremes(bad=palette.PALE)
    image = ax.imshow(finite, aspect="auto", cmap=colour_map, origin="lower", vmin=min_coloured, vmax=max_coloured)
    ax.grid(visible=False)
    colour_bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.02, 0, 0.03, 1)))
    colour_bar.ax.yaxis.set_major_formatter(kept_display(lambda y, _: style.text(_value_text(metric, y))))
    colour_bar.ax.tick_params(labelsize=9.5)
    dark_from = min_coloured + 0.75 * (max_coloured - min_coloured)
    for (row, column), value in np.ndenumerate(values):
        field = (row, column)
        label = _field_text(
            metric,
            value,
            float(low[field]),
            float(high[field]),
            is_as_good=bool(is_as_good[field]) and is_as_good.sum() > 1,
        )
        ink = "white" if np.isfinite(value) and value > dark_from else palette.INK
        ax.text(column, row, style.text(label), ha="center", va="center", color=ink, fontsize=11.5)
    ax.set_xticks(range(len(grid.columns)), [_tick_label(value) for value in grid.columns])
    ax.set_yticks(range(len(grid.index)), [_tick_label(value) for value in grid.index])
    ax.set_xlabel(style.text(str(grid.columns.name)))
    ax.set_ylabel(style.text(str(grid.index.name)))
    style.title(ax, f"{STATISTICS[statistic]} of {metric_format(metric).label}", pad=14)
    basis = f"n = {runs:,} runs a field on the same random numbers, seed {seed}; {SAMPLING_ONLY}"
    style.caption(ax, "\n".join([basis, *cannot_tell(is_as_good, np.isfinite(values), runs)]))
    return ax


def _field_text(metric: str, value: float, low: float, high: float, *, is_as_good: bool) -> str:
    """Write a field: its number, marked where it is like the best one, and its interval below."""
    words = _value_text(metric, float(value)) + (" ≈" if is_as_good else "")
    if not np.isfinite([value, low, high]).all():
        return words
    return f"{words}\n{' to '.join(_value_text(metric, float(end), unit=False) for end in (low, high))}"


def _colour_range(values: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Return the ends of the colour scale: the range of the values, but at least the mean width of an interval."""
    if not np.isfinite(values).any():
        return 0.0, 1.0
    min_value, max_value = float(np.nanmin(values)), float(np.nanmax(values))
    has_interval = np.isfinite(low) & np.isfinite(high)
    widths = high[has_interval] - low[has_interval]
    widening = max(0.0, (float(widths.mean()) if len(widths) else 0.0) - (max_value - min_value)) / 2
    return (
        min_value - widening,
        max_value + widening if max_value + widening > min_value - widening else min_value + 1.0,
    )


def cannot_tell(not_told_apart: NDArray[np.bool_], has_value: NDArray[np.bool_], runs: int) -> list[str]:
    """Return the sentence about fields that so many runs cannot tell from the best one; none where the best stands alone."""
    count, fields_in_all = int((not_told_apart & has_value).sum()), int(has_value.sum())
    if count < 2:
        return []
    fields_text = (
        "no field can be told"
        if count == fields_in_all
        else f"≈: {count - 1} of {fields_in_all - 1} other fields cannot be told"
    )
    return [f"{fields_text} from the best by {runs:,} runs: the 95 % interval of their paired difference has 0 in it"]


def _value_text(metric: str, value: float, *, unit: bool = True) -> str:
    """Return the number in a field."""
    if not np.isfinite(value):
        return NEVER if np.isinf(value) else "not run"
    estimate = MetricEstimate(metric_format(metric), value, np.nan, np.nan)
    words = estimate.metric.write(value, estimate.rounding_step)
    return words if unit else words.removesuffix(f" {estimate.metric.unit}")


# --- designs of a tuning ----------------------------------------------------------------------------------------------


@style.in_house_style
def plot_pareto(
    trials: pd.DataFrame, objective: str, against: str, ax: Axes | None = None, *, statistic: str = "mean",
    runs: int = 0, seed: int = 0,
) -> Axes:  # fmt: skip
    """Draw the trials of a tuning (columns objective, against, feasible, pareto, best; the first is the start)."""
    ax = style.canvas(top=0.84) if ax is None else ax
    x, y = trials["against"].to_numpy(dtype=np.float64), trials["objective"].to_numpy(dtype=np.float64)
    is_finite = np.isfinite(x) & np.isfinite(y)
    feasible, best = trials["feasible"].to_numpy(dtype=bool), trials["best"].to_numpy(dtype=bool)
    groups = (
        ("misses a limit", is_finite & ~feasible, palette.MUTED, "x"),
        ("keeps every limit", is_finite & feasible, palette.BLUE, "o"),
    )
    for label, in_group, colour, marker in groups:
        ax.plot(x[in_group], y[in_group], marker, color=colour, ms=6, alpha=0.75, label=label, ls="")
    front = np.flatnonzero(trials["pareto"].to_numpy(dtype=bool))
    front = front[np.argsort(x[front], kind="stable")]
    if len(front):
        ax.step(x[front], y[front], where="post", color=palette.ORANGE, lw=2, label="Pareto set")
    for label, row, marker in (("start", 0, "s"), ("best", int(np.flatnonzero(best)[0]), "*")):
        if is_finite[row]:
            size = 15 if marker == "*" else 9
            ax.plot(x[row], y[row], marker, color=palette.INK, ms=size, mfc="none", mew=2, ls="", label=label)
    ax.set_xlabel(style.text(f"P80 of {_label_with_unit(against)}"))
    name = "mean" if statistic == "mean" else statistic.upper()
    ax.set_ylabel(style.text(f"{name} of {_label_with_unit(objective)}"))
    style.value_ticks(ax.xaxis, metric_format(against))
    style.value_ticks(ax.yaxis, metric_format(objective))
    ax.margins(0.08)
    ax.grid(visible=True, axis="both")
    style.legend_above(ax)
    style.title(ax, f"{len(trials)} designs for a small {metric_format(objective).label}")
    basis = f"n = {runs:,} runs a design on the same random numbers, seed {seed}; {SAMPLING_ONLY}"
    style.caption(ax, f"{basis}. The best of many looks better than it is: see it on fresh random numbers.")
    return ax


def _label_with_unit(metric: str) -> str:
    """Return a metric's name with its unit."""
    fmt = metric_format(metric)
    return f"{fmt.label}, {fmt.unit}" if fmt.unit else fmt.label


# --- figures of a study -----------------------------------------------------------------------------------------------


@in_display_units
def write_sweep_figures(sweep: Sweep, directory: Path) -> list[Path]:
    """Write a figure (PNG and SVG) a metric: lines along one input, a heat map of two, a panel for each of more."""
    directory.mkdir(parents=True, exist_ok=True)
    return [path for name, ax in _figures(sweep) for path in style.save(ax, directory, name)]


def _figures(sweep: Sweep) -> Iterator[tuple[str, Axes]]:
    """Yield name and axes of each figure; none for a single point."""
    varied = [name for name in sweep.inputs if sweep.points[name].nunique() > 1]
    seed, runs = int(sweep.manifest["seed"]), int(sweep.manifest["runs"])
    inputs = [name for name in varied if name != "config"]
    for metric in sweep.manifest["metrics"]:
        if metric not in sweep.samples[0].metrics or not sweep.summary([metric])["n"].any():
            continue
        if len(inputs) == 1 or varied == ["config"]:
            yield metric, plot_sweep_lines(sweep.summary([metric]), metric, (inputs or varied)[0], seed=seed)
        elif len(inputs) == 2:
            low, high = (_grid(sweep, metric, inputs, varied, end) for end in ("_low", "_high"))
            grid, as_good = _grid(sweep, metric, inputs, varied), _as_good_grid(sweep, metric, inputs, varied)
            yield (
                metric,
                plot_heat_map(grid, metric, runs=runs, seed=seed, intervals=(low, high), as_good=as_good),
            )
        elif inputs:
            yield metric, plot_small_multiples(sweep.table(metric), metric, inputs, runs=runs, seed=seed)


def _as_good_grid(sweep: Sweep, metric: str, inputs: list[str], varied: list[str]) -> pd.DataFrame:
    """Return which fields of the two-way table the runs cannot tell from the best."""
    table = sweep.table(metric).assign(as_good=[float(is_as_good) for is_as_good in sweep.as_good_as_best(metric)])
    return _two_way(table, "as_good", inputs, varied) == 1


def _grid(sweep: Sweep, metric: str, inputs: list[str], varied: list[str], end: str = "") -> pd.DataFrame:
    """Return P80, or an end of its interval, as a two-way table of two inputs."""
    return _two_way(sweep.table(metric), f"p80{end}" if end else metric, inputs, varied)


def _two_way(table: pd.DataFrame, column: str, inputs: list[str], varied: list[str]) -> pd.DataFrame:
    """Return a column as a two-way table of two inputs; several configurations stand one above the other."""
    horizontal, vertical = inputs
    if "config" not in varied:
        return table.pivot_table(index=vertical, columns=horizontal, values=column, sort=False, dropna=False)
    label = f"configuration and {vertical}"
    table[label] = [
        f"{config}\n{text_of(value)}" for config, value in zip(table["config"], table[vertical], strict=True)
    ]
    return table.pivot_table(index=label, columns=horizontal, values=column, sort=False, dropna=False)


@in_display_units
def write_tuning_figure(tuned: TuningResult, directory: Path) -> list[Path]:
    """Write the designs with their Pareto set (PNG and SVG); return the paths."""
    goal = tuned.manifest["tune"]
    directory.mkdir(parents=True, exist_ok=True)
    ax = plot_pareto(
        tuned.trials, goal["metric"], goal["against"], statistic=goal["statistic"],
        runs=int(tuned.manifest["runs"]), seed=int(tuned.manifest["seed"]),
    )  # fmt: skip
    return style.save(ax, directory, "pareto")
