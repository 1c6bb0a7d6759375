"""What the first page of a report says in figures and short lines: key figures, causes, levers, milestones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sim.report.explanations import critical_causes, risk_rows
from sim.report.formatting import day_of_month, metric_format, number, p50_and_p80, percent
from sim.report.result_view import FINISH, FIRST, PEAK, Milestone, ResultView

THREE = 3
NO_LEVERS = "No lever was measured: sim drivers says what each risk costs, sim live what more crews or lines buy."
LEVERS_NOTE = "Each alone, on the same random numbers, with its 95 % interval; they do not add up."


@dataclass(frozen=True)
class Tile:
    """One key figure: what it is, its value, and a note below it."""

    label: str
    value: str
    note: str = ""
    key: bool = False


def tiles(view: ResultView) -> list[Tile]:
    """Return the key figures of the first page."""
    return [] if view.info.all_failed else [*_dates(view), *_people_and_money(view)]


def _dates(view: ResultView) -> Iterator[Tile]:
    """Yield the dates: the one to quote, the middle one, the plan and the target with their confidence."""
    dates = view.dates
    if view.has(FINISH):
        p50, p80 = view.quote(FINISH, "p50"), view.quote(FINISH, "p80")
        yield Tile("all MW online, P80", dates.format(p80.value), p80.date_interval_text(dates), key=True)
        yield Tile("all MW online, P50", dates.format(p50.value), p50.date_interval_text(dates))
    for label, day in (("expected plan", view.planned(FINISH)), ("target", view.limit(FINISH))):
        if view.has(FINISH) and day is not None:
            yield Tile(label, dates.format(day), f"kept in {view.share_at_most(FINISH, day).text()} of runs")
    if view.has(FIRST):
        first = view.quote(FIRST, "p80")
        yield Tile("first MW online, P80", dates.format(first.value), first.date_interval_text(dates))


def _people_and_money(view: ResultView) -> Iterator[Tile]:
    """Yield the peak of people, idle capital and capital."""
    if view.has(PEAK):
        limit = view.limit(PEAK)
        under = (
            ""
            if limit is None
            else f"under {number(limit)} in {percent(view.share_below(PEAK, limit).fraction)} of runs"
        )
        yield Tile("peak on site, P50 / P80", p50_and_p80(view.summary, PEAK), under)
    for metric in ("idle_capital_months", "capital_total_usd"):
        if view.has(metric):
            note = "paid, not yet in service" if metric.startswith("idle") else "all that is ever paid"
            yield Tile(f"{metric_format(metric).label}, P50 / P80", p50_and_p80(view.summary, metric), note)


def three_causes(view: ResultView) -> list[str]:
    """Return the three causes with most days on the driving chain."""
    return [
        f"{impact.name}: {impact.mean_text()} days in the mean ({impact.interval_text()}), critical in"
        f" {percent(impact.runs.fraction)} of runs"
        for impact in critical_causes(view.runs)[:THREE]
    ]


def three_levers(view: ResultView) -> dict[str, Any]:
    """Return what would buy most days at P80: causes that were switched off, as far as that was asked."""
    found = [row for row in risk_rows(view) if row.days >= 1][:THREE]
    rows = [f"{row.name}: {row.text} days at P80 if it did not happen or vary ({row.interval})" for row in found]
    return {"title": "What would buy most: three levers", "rows": rows, "note": LEVERS_NOTE if rows else NO_LEVERS}


def milestone_rows(view: ResultView) -> list[tuple[str, ...]]:
    """Return the milestones as a table: name, planned or promised day, P50, P80, how often it is kept, and damages."""
    return [_milestone(view, milestone) for milestone in view.dates_reached]


def _milestone(view: ResultView, milestone: Milestone) -> tuple[str, ...]:
    day, dates = milestone.planned, view.dates
    planned = "" if day is None else day_of_month(dates.date_of(day)) if milestone.is_promised else dates.format(day)
    name = f"{milestone.name} (contract)" if milestone.is_promised else milestone.name
    damages = milestone.damages
    if milestone.name == "all MW online" and not damages and view.has("liquidated_damages_usd"):
        damages = f"damages {p50_and_p80(view.summary, 'liquidated_damages_usd')} (P50 / P80)"
    return name, planned, dates.format(milestone.p50), dates.format(milestone.p80), milestone.kept, damages
