"""What a run says, line by line, in the order in which planners read it: for the console and for reports."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.report import result_view as reading
from sim.report.explanations import critical
from sim.report.formatting import Quote, both, counted, interval, metric_format, number, percent, quote
from sim.report.result_view import About, ResultView, Share

if TYPE_CHECKING:
    import pandas as pd

FIRST, FINISH, PEAK = "lead_time_first_mw_days", "lead_time_full_days", "peak_workforce_onsite"
ORDERS = (("lead_time_mw_weighted_days", "lead time"), ("lead_time_from_need_days", "late against need"))
IDLE = (
    ("idle_capital_months", "deployed", "paid, not yet in service"),
    ("committed_idle_months", "committed", "under contract, not yet in service"),
    ("authorised_idle_months", "authorised", "authorised, not yet online"),
)
MOST_REASONS = 5
SPREAD = "P50 / P80"
PUBLISHED_PER_GW = "published: $27 bn (Epoch), $35 bn (Bernstein), $50 to 60 bn (Nvidia)"


@dataclass(frozen=True)
class Finding:
    """One line of the verdict: in which part it stands, what it is, the answer, how sure or how defined."""

    part: str
    label: str
    answer: str
    note: str = ""


def findings(result: ResultView) -> list[Finding]:
    """Return the verdict line by line, in the order in which planners read it."""
    about, summary = reading.about(result), result.summary()
    if about.failed == about.runs:
        return _lost(about)
    return [
        *_lost(about),
        *_finish(result, about, summary),
        *_first_mw(result, about, summary),
        *_why(result),
        *_people(result, summary),
        *_capital(summary),
    ]


def answer(result: ResultView) -> str:
    """Say in a sentence or two which date may be promised, and how sure the planned and the target date are."""
    about, summary = reading.about(result), result.summary()
    if about.failed == about.runs or FINISH not in summary.index:
        return ""
    p80 = quote(summary, FINISH, "p80")
    found = [
        f"80 % of the runs have all MW online on or before {about.dates.say(p80.value)}: promise that, not the plan."
    ]
    if not math.isfinite(p80.value):
        found = ["No date has a confidence of 80 %."]
    for label, day in (("planned", reading.planned(result, FINISH)), ("target", reading.limit(result, FINISH))):
        if day is not None and math.isfinite(day):
            kept = reading.share_at_most(reading.values(result, FINISH), day)
            found.append(f"The {label} date, {about.dates.say(day)}, has a confidence of {kept.say()}.")
    return " ".join(found)


def _lost(about: About) -> list[Finding]:
    """Say first which runs never finished or failed, and what became of them in the numbers."""
    part, found = "Runs that did not finish", []
    if about.stalled:
        share = Share(about.stalled, about.runs - about.failed)
        answer = f"not reached in {percent(share.fraction)} of runs"
        found.append(Finding(part, "stalled", answer, f"{interval(*share.bounds(), percent)}; counted as never online"))
    if about.failed:
        lost = f"{about.failed:,} of {counted(about.runs, 'run', 'runs')}"
        found.append(Finding(part, "failed", lost, "left out; above 0.1 % no P80 is quoted: the late ones fail first"))
    return found


# --- dates --------------------------------------------------------------------------------------------


def _finish(result: ResultView, about: About, summary: pd.DataFrame) -> list[Finding]:
    """Say when all is online: the plan and its confidence, P50, P80, contingency, target."""
    if FINISH not in summary.index:
        there = [(metric, name) for metric, name in ORDERS if metric in summary.index]
        return [_spread(summary, metric, "orders over time", name, "mean over MW") for metric, name in there]
    part, p80 = metric_format(FINISH).label, quote(summary, FINISH, "p80")
    planned, target = reading.planned(result, FINISH), reading.limit(result, FINISH)
    return [
        *_promise(part, "planned date", planned, result, about),
        *_dates(part, summary, FINISH, about),
        *_contingency(part, p80, planned),
        *_promise(part, "target", target, result, about),
    ]


def _dates(part: str, summary: pd.DataFrame, metric: str, about: About) -> list[Finding]:
    """Say P50 and P80 of a lead time as dates and days with their intervals."""
    quotes = {"P50": quote(summary, metric, "p50"), "P80, on or before": quote(summary, metric, "p80")}
    return [Finding(part, name, q.on_date(about.dates), q.between_dates(about.dates)) for name, q in quotes.items()]


def _promise(part: str, label: str, day: float | None, result: ResultView, about: About) -> list[Finding]:
    """Say in how many runs a promised date is kept."""
    if day is None:
        return []
    if math.isinf(day):
        return [Finding(part, label, "not reached", "the run without uncertainty stalls")]
    kept = reading.share_at_most(reading.values(result, FINISH), day)
    return [Finding(part, label, f"{about.dates.say(day)} (day {number(day)})", f"kept in {kept.say()} of runs")]


def _contingency(part: str, p80: Quote, planned: float | None) -> list[Finding]:
    """Say how many days the P80 lies after the plan."""
    if planned is None or not (math.isfinite(planned) and math.isfinite(p80.value)):
        return []
    apart = Quote(p80.metric, p80.value - planned, p80.low - planned, p80.high - planned)
    return [Finding(part, "contingency", apart.says(), f"P80 less planned date; {apart.between()}")]


def _first_mw(result: ResultView, about: About, summary: pd.DataFrame) -> list[Finding]:
    """Say when the first MW is online, unless it is the last one too."""
    first, last = reading.values(result, FIRST), reading.values(result, FINISH)
    if FIRST not in summary.index or np.array_equal(first, last):
        return []
    return _dates(metric_format(FIRST).label, summary, FIRST, about)


def _why(result: ResultView) -> list[Finding]:
    """Say which mechanisms the date is due to: mean days on the driving chain, and in how many runs any."""
    part = "what the last MW waits for"
    return [
        Finding(
            part, found.name, f"{found.mean()} days",
            f"mean, {found.between()}; critical in {found.runs.say()} of runs",
        )
        for found in critical(result.runs)[:MOST_REASONS]
    ]  # fmt: skip


# --- people and capital -------------------------------------------------------------------------------


def _people(result: ResultView, summary: pd.DataFrame) -> list[Finding]:
    """Say the peak workforce, and how often it stays under the limit where there is one."""
    if PEAK not in summary.index:
        return []
    part, limit = metric_format(PEAK).label, reading.limit(result, PEAK)
    found = [_spread(summary, PEAK, part, SPREAD, "highest day of each run")]
    if limit is not None:
        under = reading.share_below(reading.values(result, PEAK), limit)
        bounds = interval(*under.bounds(), percent)
        found.append(Finding(part, f"under {number(limit)}", f"in {percent(under.fraction)} of runs", bounds))
    return found


def _capital(summary: pd.DataFrame) -> list[Finding]:
    """Say how long capital is idle by every definition, side by side, and how much there is, in total and for a GW."""
    found = [
        _spread(summary, metric, "idle capital, P50 / P80", name, definition)
        for metric, name, definition in IDLE
        if metric in summary.index
    ]
    if "capital_total_usd" in summary.index:
        found.append(_spread(summary, "capital_total_usd", "capital in total", SPREAD, "all that is ever paid"))
    if "installed_cost_usd_per_mw" in summary.index:
        found.append(_per_gw(quote(summary, "installed_cost_usd_per_mw", "p50")))
    return found


def _per_gw(per_mw: Quote) -> Finding:
    """Say what a GW would cost at this price of a MW, beside what is published."""
    a_gw = Quote(
        replace(per_mw.metric, finest_step=1e8), *(1000 * usd for usd in (per_mw.value, per_mw.low, per_mw.high))
    )
    answer = a_gw.metric.write(a_gw.value, a_gw.step)
    return Finding("capital in total", "for a GW", answer, f"P50, {a_gw.between()}; {PUBLISHED_PER_GW}")


def _spread(summary: pd.DataFrame, metric: str, part: str, label: str, note: str) -> Finding:
    """Say P50 and P80 of a metric, with the interval of the P80."""
    p50, p80 = (quote(summary, metric, p).between() for p in ("p50", "p80"))
    unit = p80.partition(" to ")[2].partition(" ")[2]
    return Finding(part, label, both(summary, metric), f"{note}; P50 {p50.removesuffix(f' {unit}')}, P80 {p80}")
