"""The charts of the typical run in a project's report, as data: people by trade, blocks over time, skids by state.

Of skids on site there is also how they come in all runs that are looked at.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sim.plan.layout import place_number
from sim.report.figures import workforce
from sim.report.figures.flowline import BETWEEN
from sim.report.figures.from_result import hours_runs
from sim.report.formatting import day_of_month, number
from sim.report.html_report.chart_spec import (
    DASHED,
    Chart,
    ChartAxis,
    Mark,
    Series,
    date_axis,
    in_one_line,
    moving_days,
)
from sim.report.representative_run import STAGES, hall_releases, online_days, stages
from sim.report.result_view import PEAK, ResultView, Values
from sim.world.working_time import finish_date


def trades(view: ResultView, people: dict[str, Values]) -> Chart:
    """Return people by trade, stacked, each week at its busiest day, in the typical run."""
    layers = workforce.by_week(people, view.indirect_ratio)
    count = len(next(iter(layers.values()), np.zeros(0)))
    edges, stacked, series = 7.0 * np.arange(count + 1), np.zeros(count), []
    for number_of_trade, (name, layer) in enumerate(layers.items()):
        colour = "runs" if name == workforce.INDIRECT else f"trade-{number_of_trade}"
        series.append(Series(name.replace("_", " "), "columns", colour, edges, stacked + layer, stacked))
        stacked = stacked + layer
    limit = view.limit(PEAK)
    title = f"People on site by trade: peak {number(float(stacked.max(initial=0)))} in this run"
    return Chart(
        title,
        in_one_line(
            view.info.caption_of_one_run(
                "Direct people by trade and indirect ones by their ratio, busiest day of each week"
            )
        ),
        f"{title}.",
        date_axis(view.dates, 0, float(edges[-1])),
        ChartAxis("people on site"),
        None,
        tuple(series),
        () if limit is None else (Mark("y", limit, colour="limit", dash=DASHED, key=f"limit {number(limit)}"),),
    )


# --- the typical run --------------------------------------------------------------------------------------------------


def flowline(view: ResultView) -> Chart | None:
    """Return the line of balance: a stroke a stage of a block, the release of each hall, the day a block is online.

    None where the run came to none of them.
    """
    stage_periods = [*stages(view.events)]
    releases = hall_releases(view.events)
    online = online_days(view.events)
    series = []
    for stage in STAGES:
        x = [day for _, stage_of_work, begin, end in stage_periods if stage_of_work == stage for day in (begin, end)]
        y = [
            edge
            for block, stage_of_work, _, _ in stage_periods
            if stage_of_work == stage
            for edge in (block - 0.5, block + 0.5)
        ]
        series += (
            [
                Series(
                    stage if stage != STAGES[-1] else "tests, until online", "segments", f"stage-{stage}", x, y, width=2
                )
            ]
            if x
            else []
        )
    if releases and view.hall_blocks:
        x = [day for _, day in releases for _ in range(2)]
        y = [
            edge
            for hall, _ in releases
            for edge in ((place_number(hall) - 1) * view.hall_blocks + 0.5, place_number(hall) * view.hall_blocks + 0.5)
        ]
        series.append(Series("hall dry-in", "segments", "muted", x, y, width=4))
    series.append(Series("online", "points", "ink", [*online.values()], [*map(float, online)], width=1.8))
    days = [day for line in series for day in line.x]
    if not days:
        return None
    margin = 0.02 * (max(days) - min(days))
    return Chart(
        "Flowline of the typical run: steep is fast, a gap is waiting",
        in_one_line(view.info.caption_of_one_run("Blocks over time; strokes are not joined across crews")),
        f"Line of balance of {len(online)} blocks in the typical run, from {view.dates.format(min(days))}"
        f" to {view.dates.format(max(days))}.",
        date_axis(view.dates, min(days) - margin, max(days) + margin),
        ChartAxis("block", range=(0, max([*online, 1]) + 1)),
        None,
        tuple(series),
        head=("block", "online"),
        table_rows=[(block, day_of_month(finish_date(view.dates.start, day))) for block, day in sorted(online.items())][
            :: max(1, len(online) // 12)
        ],
    )


def flow(view: ResultView, days_by_state: dict[str, Values]) -> Chart:
    """Return the cumulative flow of skids: how many are in each state."""
    days = [
        float(day)
        for values in days_by_state.values()
        for day in (values.min(initial=math.inf), values.max(initial=0.0))
        if math.isfinite(day)
    ]
    x = np.arange(math.floor(min(days)) - 7, math.ceil(max(days)) + 8, dtype=np.float64)
    counts = {
        state: np.searchsorted(values, x, side="right").astype(np.float64) for state, values in days_by_state.items()
    }
    series = [Series("online", "area", "flow-online", x, counts["online"], step=True)]
    series += [
        Series(label, "area", f"flow-{upper}", x, counts[upper], counts[lower], step=True)
        for upper, lower, label in reversed(BETWEEN)
    ]
    yard = int((counts["delivered"] - counts["set"]).max(initial=0))
    title = f"Flow of skids: at most {yard} in the yard at once"
    return Chart(
        title,
        in_one_line(view.info.caption_of_one_run("Skids; height: how many, width: how long")),
        f"{title}.",
        date_axis(view.dates, x[0], x[-1]),
        ChartAxis("skids"),
        None,
        tuple(series),
    )


def skids(view: ResultView) -> Chart:
    """Return how many skids have come to the site, cumulative."""
    x, p10, p50, p90, planned = (
        view.hours[name].to_numpy(dtype=np.float64) for name in ("day", *SKIDS, "skids_planned")
    )
    title = f"Skids on site: {number(float(p50[-1]))} in all"
    return Chart(
        title,
        in_one_line(replace(view.info, runs=hours_runs(view)).caption("Cumulative; set or still in the yard")),
        f"{title}.",
        date_axis(view.dates, *moving_days(view.hours, [*SKIDS, "skids_planned"])),
        ChartAxis("skids, cumulative"),
        None,
        (
            Series("P10 to P90", "band", "band-2", x, p90, p10, step=True),
            Series("P50", "line", "p50", x, p50, step=True),
            Series("expected plan", "line", "ink", x, planned, step=True, dash=DASHED, width=1.6),
        ),
    )


SKIDS = ("skids_p10", "skids_p50", "skids_p90")
