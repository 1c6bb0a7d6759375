from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from PIL import Image

from sim.metrics.registry import DIRECTIONS
from sim.report.figures import figures_of_comparison, palette, style
from sim.report.figures.capital import area_between, plot_capital
from sim.report.figures.comparison import plot_paired_difference, plot_strategy_cloud
from sim.report.figures.delivery import (
    day_bins,
    day_range,
    plot_convergence,
    plot_finish,
    plot_mw_online,
    running_percentile,
)
from sim.report.figures.drawing import NONE, FigureDrawing, draw_figures
from sim.report.figures.workforce import plot_headcount, weekly_peaks
from sim.report.formatting import money_months
from sim.report.html_report.compare_report import write_comparison
from sim.report.result_view import ResultView, sound_values
from sim.study.compare import compare, table
from sim.study.result import Result
from sim.study.statistics.intervals import quantile_interval
from tests.report.conftest import info_of

MakeUp = Callable[..., Result]
FINISH, PEAK = "lead_time_full_days", "peak_workforce_onsite"
ALL = ["capital", "convergence", "finish", "headcount", "mw_online"]


def line(ax: Axes, label: str) -> Line2D:
    found = [line for line in ax.get_lines() if line.get_label() == label]
    assert len(found) == 1, [line.get_label() for line in ax.get_lines()]
    return found[0]


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def day0(result: Result) -> float:
    return float(date2num(ResultView.of(result).dates.start))


def curve(result: Result, name: str, column: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return result.curves.loc[result.curves["curve"] == name, column].to_numpy(dtype=float)


def summary_value(result: Result, metric: str, column: str) -> float:
    return float(result.summary()[column][metric])


def columns(ax: Axes) -> StepPatch:
    patch = ax.patches[0]
    assert isinstance(patch, StepPatch)
    return patch


def right_axes(ax: Axes) -> Axes:
    figure = ax.get_figure()
    assert figure is not None
    return figure.axes[1]


# --- what is drawn is what the data say ---------------------------------------------------------------


def test_the_s_curve_steps_up_at_every_run(hybrid: Result) -> None:
    finish = sound_values(hybrid.runs, FINISH)
    ax = plot_finish(finish, info=info_of(hybrid))
    drawn = line(right_axes(ax), "S-curve")
    assert drawn.get_drawstyle() == "steps-post"
    x, y = np.asarray(drawn.get_xdata()), np.asarray(drawn.get_ydata())
    np.testing.assert_allclose(x[1:-1] - day0(hybrid), np.sort(finish))
    np.testing.assert_allclose(y[1:-1], np.arange(1, 1001) / 10)
    assert columns(ax).get_data()[0].sum() == 1000


def test_percentiles_drop_from_the_curve_and_p80_alone_is_red(hybrid: Result) -> None:
    info = info_of(hybrid)
    right = right_axes(plot_finish(sound_values(hybrid.runs, FINISH), info=info))
    for p in (10, 50, 80, 90):
        drop, day = line(right, f"P{p}"), summary_value(hybrid, FINISH, f"p{p}")
        assert np.asarray(drop.get_xdata()) == pytest.approx([day + day0(hybrid)] * 2)
        assert list(np.asarray(drop.get_ydata())) == [0, p]
        assert f"P{p}  {info.dates.format(day)}" in texts(right)
        assert (to_hex(drop.get_color()) == palette.RED) == (p == 80)


def test_promises_say_in_how_many_runs_they_are_kept(hybrid: Result) -> None:
    finish = sound_values(hybrid.runs, FINISH)
    middle = float(np.sort(finish)[249])
    ax = plot_finish(finish, info=info_of(hybrid), planned=middle, target=float(finish.max()))
    words = " ".join(texts(right_axes(ax)))
    assert re.search(r"expected plan \d+ \w+ 2028: 25 %", words)
    assert re.search(r"target \d+ \w+ 202\d: 100 %", words)
    assert to_hex(line(right_axes(ax), "expected plan").get_color()) == "#000000"


def test_stalls_keep_the_s_curve_down(made_up: MakeUp) -> None:
    result = made_up(200, stalled=50)
    ax = plot_finish(sound_values(result.runs, FINISH), info=info_of(result))
    assert np.asarray(line(right_axes(ax), "S-curve").get_ydata()).max() == pytest.approx(75)
    assert "P80 not reached" in ax.get_title(loc="left")
    assert not any(text.startswith("P80") for text in texts(right_axes(ax)))
    assert any("not reached in 25 % of runs" in text for text in texts(ax))


def test_the_labels_of_the_s_curve_do_not_collide(hybrid: Result) -> None:
    finish = sound_values(hybrid.runs, FINISH)
    ax = plot_finish(finish, info=info_of(hybrid), planned=float(finish.min()), target=float(finish.min()) + 1)
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in right_axes(ax).texts] + [ax.title.get_window_extent()]
    assert not [(a, b) for k, a in enumerate(boxes) for b in boxes[:k] if a.overlaps(b)]


def test_bins_are_whole_days_and_hold_everything() -> None:
    sample = np.sort(np.random.default_rng(3).normal(560, 30, 500))
    edges = day_bins(sample)
    assert edges[0] <= sample[0]
    assert sample[-1] < edges[-1]
    assert set(np.diff(edges)) <= {5.0, 7.0, 14.0}
    assert len(day_bins(np.array([100.0]))) >= 2


@pytest.mark.parametrize("runs", [2, 5, 10, 30])
def test_few_runs_have_several_bins_that_are_all_seen(runs: int) -> None:
    sample = np.sort(np.random.default_rng(runs).normal(760, 110, runs))
    edges, (low, high) = day_bins(sample), day_range(sample, 650.0, 546.0)
    assert 3 <= len(edges) <= 16
    assert low <= edges[0] <= sample[0]
    assert sample[-1] < edges[-1] <= high


def test_the_ramp_is_the_curves_as_steps(hybrid: Result) -> None:
    ramp = [(300.0, 100.0), (400.0, 250.0)]
    ax = plot_mw_online(hybrid.curves, info=info_of(hybrid), ramp=ramp)
    for label, column in (("P50", "p50"), ("P80 of date", "p20")):
        drawn = line(ax, label)
        assert drawn.get_drawstyle() == "steps-post"
        np.testing.assert_array_equal(np.asarray(drawn.get_ydata()), curve(hybrid, "mw_online", column))
        np.testing.assert_allclose(np.asarray(drawn.get_xdata()) - day0(hybrid), curve(hybrid, "mw_online", "day"))
    promised = line(ax, "committed")
    assert promised.is_dashed()
    assert list(np.asarray(promised.get_ydata())) == [0, 100, 250, 250]


def test_the_p80_line_of_the_ramp_ends_at_the_p80_date(hybrid: Result) -> None:
    mw, day = curve(hybrid, "mw_online", "p20"), curve(hybrid, "mw_online", "day")
    assert day[np.argmax(mw >= 250)] == np.ceil(summary_value(hybrid, FINISH, "p80"))


def test_headcount_by_week_is_its_highest_day(hybrid: Result) -> None:
    weeks = weekly_peaks(hybrid.curves)
    daily = curve(hybrid, "headcount", "p50")
    assert list(weeks["p50"][:3]) == [daily[:7].max(), daily[7:14].max(), daily[14:21].max()]
    ax = plot_headcount(hybrid.curves, info=info_of(hybrid))
    np.testing.assert_array_equal(columns(ax).get_data()[0], weeks["p50"])


def test_the_peak_stands_beside_the_band_with_its_limit(hybrid: Result) -> None:
    peaks = sound_values(hybrid.runs, PEAK)
    ax = plot_headcount(hybrid.curves, info=info_of(hybrid), peaks=peaks, limit=450)
    limit = line(ax, "limit 450")
    assert (to_hex(limit.get_color()), limit.is_dashed()) == (palette.RED, True)
    (side,) = ax.child_axes
    assert isinstance(side, Axes)
    assert columns(side).get_data()[0].sum() == 1000
    assert texts(side) == [f"P80 {summary_value(hybrid, PEAK, 'p80'):.0f}"]
    assert f"under 450 in {np.mean(peaks < 450):.0%}".replace("%", " %") in ax.get_title(loc="left")


def test_the_gap_between_the_capital_curves_is_the_mean_idle_capital(hybrid: Result) -> None:
    ax = plot_capital(hybrid.curves, info=info_of(hybrid))
    deployed = curve(hybrid, "capital_deployed_usd", "mean")
    np.testing.assert_allclose(np.asarray(line(ax, "deployed (paid)").get_ydata()), deployed / 1e9)
    gap = deployed - curve(hybrid, "capital_in_service_usd", "mean")
    mean = summary_value(hybrid, "idle_capital_usd_months", "mean")
    assert area_between(curve(hybrid, "capital_deployed_usd", "day"), gap) == pytest.approx(mean)
    assert any(style.text(f"idle {money_months(mean)}") in text for text in texts(ax))


def test_a_gap_of_one_million_for_a_month_is_one_million_months() -> None:
    assert area_between(np.array([0.0, 365.25 / 12]), np.array([1e6, 1e6])) == pytest.approx(1e6)


def test_the_cloud_has_a_dot_a_run_and_a_diamond_at_p80(made_up: MakeUp) -> None:
    results = {"one": made_up(100), "other": made_up(100, name="other", last=700, peak=2000, stalled=10)}
    ax = plot_strategy_cloud({name: r.runs for name, r in results.items()}, seed=1)
    for (name, result), dots in zip(results.items(), ax.collections, strict=True):
        sound = result.runs[np.isfinite(result.runs[FINISH])]
        np.testing.assert_allclose(np.asarray(dots.get_offsets()), sound[[FINISH, "idle_capital_months"]].to_numpy())
        diamond = next(drawn for drawn in ax.get_lines() if drawn.get_gid() == f"P80 {name}")
        assert diamond.get_xydata()[0] == pytest.approx(  # type: ignore[index]
            [summary_value(result, FINISH, "p80"), summary_value(result, "idle_capital_months", "p80")]
        )
    sizes = [float(np.mean(dots.get_sizes())) for dots in ax.collections]  # type: ignore[attr-defined]
    assert sizes[1] / sizes[0] == pytest.approx(2000 / 440, rel=0.03)


def test_the_paired_difference_counts_pairs_and_says_who_is_faster() -> None:
    apart = np.array([-3.0, -2.0, -1.0, 4.0, -np.inf, np.nan, np.inf, -5.0])
    ax = plot_paired_difference(apart, a="a", b="b")
    assert "P(a faster than b) = 63 %" in ax.get_title(loc="left")  # 5 of 8
    assert sum(bar.get_height() for bar in ax.patches) == 5  # type: ignore[attr-defined]
    assert list(np.asarray(line(ax, "no difference").get_xdata())) == [0, 0]
    assert any("3 with a stalled run" in text for text in texts(ax))
    assert "P50 \N{MINUS SIGN}2 days" in texts(ax)


def test_convergence_ends_at_the_interval_of_all_runs(hybrid: Result) -> None:
    sample = sound_values(hybrid.runs, FINISH)
    n, middle, low, high = running_percentile(sample, 0.8)
    whole = quantile_interval(sample, 0.8)
    assert (n[-1], middle[-1], low[-1], high[-1]) == (1000, whole.value, whole.low, whole.high)
    assert (low <= middle).all()
    assert (middle <= high).all()
    ax = plot_convergence(sample, info=info_of(hybrid))
    np.testing.assert_array_equal(np.asarray(line(ax, "P80 of the first n runs").get_ydata()), middle)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_runs_draw_an_empty_convergence(hybrid: Result, n: int) -> None:
    ax = plot_convergence(np.arange(float(n)), info=info_of(hybrid))
    assert not len(np.asarray(ax.get_lines()[0].get_xdata()))


# --- files --------------------------------------------------------------------------------------------


def test_a_run_has_its_figures_and_the_same_bytes_again(hybrid: Result) -> None:
    first, second = (draw_figures(hybrid) for _ in range(2))
    assert sorted(first) == sorted(f"{name}.{kind}" for name in ALL for kind in ("png", "svg"))
    assert [file for file in first if first[file] != second[file]] == []
    assert [name for name in ALL if b"<dc:date>" in first[f"{name}.svg"]] == []


def test_a_comparison_has_a_cloud_and_a_figure_a_pair(made_up: MakeUp) -> None:
    results = {"one": made_up(50), "other": made_up(50, name="other", last=700), "third": made_up(50, last=600)}
    differences = table(compare({name: r.sample for name, r in results.items()}, DIRECTIONS))
    views = ResultView.of_each(results)
    first, second = (
        {name: style.image_files(draw(), name) for name, draw in figures_of_comparison(views, differences).items()}
        for _ in range(2)
    )
    assert set(first) == {"strategy_cloud", "difference_other_one", "difference_third_one"}
    assert first == second


def test_a_comparison_without_pictures_keeps_the_numbers_of_its_charts(made_up: MakeUp, tmp_path: Path) -> None:
    results = {"one": made_up(50), "other": made_up(50, name="other", last=700)}
    differences = table(compare({name: r.sample for name, r in results.items()}, DIRECTIONS))
    write_comparison(results, differences, tmp_path, FigureDrawing(NONE))
    written = {file.name for file in (tmp_path / "figures").iterdir()}
    assert "difference_other_one.csv" in written
    assert {name for name in written if not name.endswith(".csv")} == set()


@pytest.mark.parametrize(
    "made",
    [
        {"n": 1, "limits": {}},
        {"n": 3, "blocks": 1},
        {"n": 40, "stalled": 40},
        {"n": 40, "stalled": 5, "failed": 5},
    ],
    ids=["one run", "one block", "all stalled", "some of each"],
)
def test_every_kind_of_result_can_be_drawn(made_up: MakeUp, made: dict[str, int]) -> None:
    assert {"mw_online.png", "headcount.png", "capital.png"} <= {*draw_figures(made_up(**made))}


def test_where_every_run_failed_nothing_is_drawn(made_up: MakeUp) -> None:
    assert draw_figures(made_up(40, failed=40)) == {}


def test_matplotlibs_settings_are_left_alone(hybrid: Result) -> None:
    before = dict(mpl.rcParams)
    draw_figures(hybrid)
    assert dict(mpl.rcParams) == before


def test_a_figure_goes_onto_axes_that_are_given(hybrid: Result) -> None:
    own = Figure().add_subplot()
    assert plot_mw_online(hybrid.curves, own, info=info_of(hybrid)) is own


def test_nobody_else_pays_for_matplotlib() -> None:
    script = "import sys, sim.report.figures, sim.report.console; print([m for m in sys.modules if m == 'matplotlib'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_png_file_has_the_pixels_and_the_size_that_matplotlib_gives_it() -> None:
    ax = style.canvas(height=3.0)
    ax.plot([0, 1, 2], [3, 1, 2])
    figure, expected = ax.get_figure(root=True), BytesIO()
    assert figure is not None
    with style.house():
        figure.savefig(expected, format="png", dpi=style.DPI)
    written = BytesIO(style.image_files(ax, "figure")["figure.png"])
    Image.open(written).verify()
    ours, theirs = Image.open(written), Image.open(expected)
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    assert (ours.mode, ours.info["dpi"]) == (theirs.mode, theirs.info["dpi"])
