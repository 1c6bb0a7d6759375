"""The key results of a run, line by line in the order in which planners read them: for the console and the HTML report."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sim.metrics.metric import FINISH, FIRST, OF_ORDERS, ORDERED
from sim.report.explanations import critical_causes, mean_by_controls
from sim.report.formatting import (
    MetricEstimate,
    ProjectDates,
    day_of_month,
    interval,
    metric_format,
    money,
    number,
    p50_and_p80,
    p50_and_p80_estimates,
    percent,
)
from sim.report.result_view import PEAK, ResultView, Share, Values
from sim.report.study_tables import Binding, bindings, lever_rows
from sim.study.statistics.control_variates import CONTROLS, P80
from sim.study.statistics.intervals import Interval, controlled_mean, controlled_quantile, mean_interval, quantile
from sim.world.working_time import finish_day

WITH_SEVERAL_ORDERS = ((OF_ORDERS, "lead time"), ("lead_time_from_need_days", "late against need"))
IDLE = (
    ("idle_capital_months", "deployed", "paid, not yet in service"),
    ("committed_idle_months", "committed", "under contract, not yet in service"),
    ("authorised_idle_months", "authorised", "authorised, not yet online"),
)
STRANDED, TOTAL = "stranded_capital_usd", "capital_total_usd"
STRANDED_SHARE = 0.02
"""Share of all capital above which it is said what never comes into service: a last day's invoices are 0.4 %."""
OWN_WORK = {"installation", "commissioning"}
"""Causes that are on every chain, because it ends with them."""
MAX_CAUSES = 5
P50_P80 = "P50 / P80"
PUBLISHED_PER_GW = "published: $27 bn (Epoch), $35 bn (Bernstein), $50 to 60 bn (Nvidia)"


@dataclass(frozen=True)
class KeyResult:
    """One line: the part it stands in, its label, its value, and a note on how sure it is or how it is defined."""

    part: str
    label: str
    value: str
    note: str = ""


def key_results(view: ResultView) -> list[KeyResult]:
    """Return all lines of a run; only what became of the runs where all of them failed."""
    return [*results_of_runs(view), *([] if view.info.all_failed else results_by_controls(view))]


def results_of_runs(view: ResultView) -> list[KeyResult]:
    """Return the lines that the runs alone have, without control variates."""
    if view.info.all_failed:
        return _unfinished_runs(view)
    return [
        *_unfinished_runs(view),
        *_finish(view),
        *_first_mw(view),
        *_milestones(view),
        *_causes(view),
        *_people(view),
        *_capital(view),
    ]


def headline(view: ResultView) -> str:
    """Return in a sentence or two which date may be promised, and how sure the planned and the target date are."""
    if view.info.all_failed or not view.has(FINISH):
        return ""
    finish = view.dated(FINISH)
    p80 = view.estimate(finish, "p80").value
    date = view.dates.format(p80)
    sentences = [f"80 % of the runs have all MW online on or before {date}: promise that, not the plan."]
    if not math.isfinite(p80):
        sentences = ["No date has a confidence of 80 %."]
    for label, day in (("expected plan's date", view.planned(finish)), ("target date", view.limit(finish))):
        if day is not None and math.isfinite(day):
            confidence = view.share_at_most(finish, day).text()
            sentences.append(f"The {label}, {view.dates.format(day)}, has a confidence of {confidence}.")
    return " ".join(sentences)


def verdict_sentences(view: ResultView) -> list[str]:
    """Return the verdict in two sentences: the date to promise with the plan's confidence, and what binds."""
    if view.info.all_failed:
        return ["Every run failed, so nothing is known."]
    return [sentence for sentence in (_date_sentence(view), binding_sentence(view)) if sentence]


def _date_sentence(view: ResultView) -> str:
    """Return P80, P50, how often the expected plan is kept and its contingency; with orders over time, the wait for a MW."""
    if not view.has(FINISH):
        return _orders_sentence(view)
    finish = view.dated(FINISH)
    p50, p80 = (view.estimate(finish, p).value for p in ("p50", "p80"))
    if not math.isfinite(p80):
        return "No date has a confidence of 80 %: promise none."
    sentence = (
        f"All MW are online on or before {view.dates.format(p80)} in 80 % of the runs (P50 {view.dates.format(p50)})"
    )
    planned = view.planned(finish)
    if planned is None or not math.isfinite(planned):
        return f"{sentence}."
    share_kept = percent(view.share_at_most(finish, planned).fraction)
    p80_estimate = view.estimate(finish, "p80")
    days = p80_estimate.metric.write(p80 - planned, p80_estimate.rounding_step)
    plan = f"the expected plan, {view.dates.format(planned)}"
    return f"{sentence}; {plan}, is kept in {share_kept} and needs {days} of contingency."


def _orders_sentence(view: ResultView) -> str:
    """Return how long a MW takes from its order, and how late it is against its need, where orders come over time."""
    waits = [
        f"{view.estimate(metric, 'p80').text()} {words} (P50 {view.estimate(metric, 'p50').text()})"
        for metric, words in (
            (OF_ORDERS, "after its order"), ("lead_time_from_need_days", "after its need"),
        )
        if view.has(metric)
    ]  # fmt: skip
    unfinished = (
        f"; {percent(view.info.stalled / view.info.runs)} of the runs never finish" if view.info.stalled else ""
    )
    return (
        f"In 80 % of the runs a MW is online at most {' and '.join(waits)}, in the mean over MW{unfinished}."
        if waits
        else ""
    )


def binding_sentence(view: ResultView) -> str:
    """Return which cause of delay binds most: in how many runs it is critical, and its mean days on the driving chain."""
    causes = critical_causes(view.runs)
    if not causes:
        return ""
    if resources := bindings(view):
        return _resource_sentence(view, resources[0], sum(cause.days for cause in causes))
    delays = [cause for cause in causes if cause.cause not in OWN_WORK] or causes
    most_frequent = max(delays, key=lambda cause: (cause.runs.fraction, cause.days))
    most_days, total_days = delays[0], number(sum(cause.days for cause in causes))
    runs, share = (percent(cause.runs.fraction) for cause in (most_frequent, most_days))
    days = f"{most_frequent.mean_text()} of {total_days} days in the mean"
    sentence = f"What binds: {most_frequent.name}, critical in {runs} of runs ({days})"
    if most_days is not most_frequent:
        sentence += f"; most days, {most_days.mean_text()}, go to {most_days.name}, critical in {share}"
    return f"{sentence}."


def _resource_sentence(view: ResultView, binding: Binding, total_days: float) -> str:
    """Return the resource that binds most, in what share of the runs, and what more of it (its lever) was found to gain."""
    # resources are looked at in some of the runs only: their days are no share of those of all
    of_all = binding.runs == view.info.runs
    days = f"{number(binding.days)} of {number(total_days)} days" if of_all else f"{number(binding.days)} days"
    runs = "the runs" if of_all else f"the first {binding.runs} runs"
    sentence = f"What binds: {binding.name}, in {percent(binding.share)} of {runs} ({days} in the mean)"
    levers = lever_rows(view)
    own_lever = next((row for row in levers if (row.cause, row.what) == (binding.cause, binding.what)), None)
    sentence += f"; {own_lever.name.replace(f' {binding.what} factory', '')} {own_lever.buys()}" if own_lever else ""
    best_lever = levers[0] if levers else None
    if best_lever is not None and best_lever is not own_lever and best_lever.mean.low > 0:
        sentence += f". The best of {len(levers)} levers, {best_lever.name}, {best_lever.buys()}"
    return f"{sentence}."


def _unfinished_runs(view: ResultView) -> list[KeyResult]:
    """Return how many runs stalled or failed, and how the other numbers count them."""
    part, lines, info = "Runs that did not finish", list[KeyResult](), view.info
    if info.stalled:
        share = Share(info.stalled, info.runs - info.failed)
        value, bounds = f"not reached in {percent(share.fraction)} of runs", interval(*share.bounds(), percent)
        horizon = view.config.get("scale", {}).get("horizon_days")
        ending = f"; the calendars end on day {horizon:,} (scale.horizon_days)" if horizon else ""
        lines.append(KeyResult(part, "stalled", value, f"{bounds}; counted as never online{ending}"))
    if info.failed:
        note = "left out; above 0.1 % no P80 is quoted: the late ones fail first"
        lines.append(KeyResult(part, "failed", f"{info.failed:,} of {info.runs_text}", note))
    return lines


# --- dates ------------------------------------------------------------------------------------------------------------


def _finish(view: ResultView) -> list[KeyResult]:
    """Return when all is online: the plan and its confidence, P50, P80, contingency, target."""
    if not view.has(FINISH):
        part, metrics = (
            "orders over time",
            [(metric, label) for metric, label in WITH_SEVERAL_ORDERS if view.has(metric)],
        )
        waits = [_percentiles(view, metric, part, label, "mean over MW") for metric, label in metrics]
        return [*_nothing_ordered(view, part), *waits]
    part, finish = metric_format(FINISH).label, view.dated(FINISH)
    planned = view.planned(finish)
    return [
        *_promised_date(view, part, "expected plan", planned),
        *_promised_date(view, part, "most likely plan", view.most_likely(finish)),
        *_dates(view, FINISH),
        *_contingency(part, view.estimate(finish, "p80"), planned),
        *_promised_date(view, part, "target", view.limit(finish)),
    ]


def _nothing_ordered(view: ResultView, part: str) -> list[KeyResult]:
    """Return in how many runs nothing is ordered: they have no lead time and no date. Nothing where there are none."""
    nothing = view.share_at_most(ORDERED, 0.0)
    if not nothing.part:
        return []
    bounds = interval(*nothing.bounds(), percent)
    return [
        KeyResult(part, "nothing ordered", f"in {percent(nothing.fraction)} of runs", f"{bounds}; without lead times")
    ]


def _dates(view: ResultView, metric: str) -> list[KeyResult]:
    """Return P50 and P80 of the end of a lead time as dates and days with their intervals."""
    part, dates, day = metric_format(metric).label, view.dates, view.dated(metric)
    estimates = {"P50": view.estimate(day, "p50"), "P80, on or before": view.estimate(day, "p80")}
    return [KeyResult(part, label, q.date_text(dates), q.date_interval_text(dates)) for label, q in estimates.items()]


def _promised_date(view: ResultView, part: str, label: str, day: float | None) -> list[KeyResult]:
    """Return in how many runs a promised date is kept."""
    if day is None:
        return []
    if math.isinf(day):
        return [KeyResult(part, label, "not reached", "the run without uncertainty stalls")]
    share_kept = view.share_at_most(view.dated(FINISH), day).text()
    date = f"{view.dates.format(day)} (day {number(finish_day(day))})"
    return [KeyResult(part, label, date, f"kept in {share_kept} of runs")]


def _contingency(part: str, p80: MetricEstimate, planned: float | None) -> list[KeyResult]:
    """Return how many days the P80 lies after the plan."""
    if planned is None or not (math.isfinite(planned) and math.isfinite(p80.value)):
        return []
    beyond = MetricEstimate(p80.metric, p80.value - planned, p80.low - planned, p80.high - planned)
    return [KeyResult(part, "contingency", beyond.text(), f"P80 less expected plan; {beyond.interval_text()}")]


def _first_mw(view: ResultView) -> list[KeyResult]:
    """Return when the first MW is online, unless it is the last one too."""
    if not view.has(FIRST) or np.array_equal(view.values(FIRST), view.values(FINISH)):
        return []
    return _dates(view, FIRST)


def _milestones(view: ResultView) -> list[KeyResult]:
    """Return in how many runs each milestone of the contract is in time, when it is reached, and what its delay costs."""
    lines = []
    for forecast in view.milestones:
        milestone, promised = forecast.milestone, day_of_month(forecast.milestone.date)
        share = forecast.in_time
        in_time = f"by {promised}: {percent(share.value)} ({interval(share.low, share.high, percent)})"
        note = f"P50 {view.dates.format(forecast.p50)}, P80 {view.dates.format(forecast.p80)}"
        if forecast.damages_usd is not None:
            note += f"; damages {money(forecast.damages_usd)} expected"
        lines.append(KeyResult("milestones", milestone.name, in_time, note))
    return lines


def _causes(view: ResultView) -> list[KeyResult]:
    """Return which causes the date is due to: mean days on the driving chain, and in how many runs any."""
    return [
        KeyResult(
            "what the last MW waits for", cause.name, f"{cause.mean_text()} days",
            f"mean, {cause.interval_text()}; critical in {cause.runs.text()} of runs",
        )
        for cause in critical_causes(view.runs)[:MAX_CAUSES]
    ]  # fmt: skip


# --- people and capital -----------------------------------------------------------------------------------------------


def _people(view: ResultView) -> list[KeyResult]:
    """Return the peak workforce, and how often it stays under the limit where there is one."""
    if not view.has(PEAK):
        return []
    part, limit = metric_format(PEAK).label, view.limit(PEAK)
    lines = [_percentiles(view, PEAK, part, P50_P80, "highest day of each run")]
    if limit is not None:
        share_under = view.share_below(PEAK, limit)
        value, bounds = f"in {percent(share_under.fraction)} of runs", interval(*share_under.bounds(), percent)
        lines.append(KeyResult(part, f"under {number(limit)}", value, bounds))
    return lines


UNFINISHED = "; too little where runs did not finish: they count with what they paid until then"


def _capital(view: ResultView) -> list[KeyResult]:
    """Return how long capital is idle by every definition, and how much capital there is, in total and for a GW."""
    lines = [
        _percentiles(view, metric, "idle capital, P50 / P80", label, definition)
        for metric, label, definition in IDLE
        if view.has(metric)
    ]
    if view.has(STRANDED) and view.has(TOTAL):
        stranded, total = (view.estimate(metric, "p50").value for metric in (STRANDED, TOTAL))
        if stranded >= STRANDED_SHARE * total:
            note = (
                "paid for power or halls that no MW uses, or for MW that never came; idle to the end of what is counted"
            )
            lines.append(_percentiles(view, STRANDED, "idle capital, P50 / P80", "never in service", note))
    if view.has(TOTAL):
        note = f"what is paid to the end of the calendars{UNFINISHED}" if view.info.stalled else "all that is ever paid"
        lines.append(_percentiles(view, TOTAL, "capital in total", P50_P80, note))
    if view.has("installed_cost_usd_per_mw"):
        per_gw = _per_gw(view.estimate("installed_cost_usd_per_mw", "p50"))
        lines.append(replace(per_gw, note=f"{per_gw.note}{UNFINISHED}") if view.info.stalled else per_gw)
    return lines


CONTROLLED = (FINISH, "idle_capital_months", "capital_total_usd")
"""Metrics whose mean, and of the finish the P80, is shown where control variates make it precise."""


def results_by_controls(view: ResultView) -> list[KeyResult]:
    """Return the means, and the P80 of the finish, that control variates estimate, where there are any."""
    explained, lines = view.source.table(CONTROLS), list[KeyResult]()
    for metric in CONTROLLED:
        if (mean := mean_by_controls(view, metric)) is not None:
            lines.append(
                _controlled("means", metric, mean, view.values(metric), explained[metric].to_numpy(np.float64))
            )
    if FINISH + P80 in explained and view.has(FINISH):
        values, part = view.values(FINISH), explained[FINISH + P80].to_numpy(np.float64)
        on_or_before = (values <= quantile(np.sort(values), 0.8)).astype(np.float64)
        if (p80 := controlled_quantile(values, part, 0.8)) is not None:
            # a lead time is a date where it counts from the project's first day
            dates = view.dates if view.dated(FINISH) == FINISH else None
            lines.append(_controlled("P80", FINISH, p80, on_or_before, part, dates))
    return lines


def _controlled(
    name: str, metric: str, found: Interval, values: Values, explained: Values, dates: ProjectDates | None = None
) -> KeyResult:
    """Return an estimate by control variates, with how many plain runs it is worth: by the mean of what is explained."""
    estimate = MetricEstimate(metric_format(metric), found.value, found.low, found.high)
    by_controls = controlled_mean(values, explained) or found
    runs_ratio = (mean_interval(values).half_width / by_controls.half_width) ** 2
    value, bounds = (
        (estimate.text(), estimate.interval_text())
        if dates is None
        else (estimate.date_text(dates), estimate.date_interval_text(dates))
    )
    note = f"{bounds}, as from {number(runs_ratio)} times as many runs"
    return KeyResult(f"{name}, by control variates", metric_format(metric).label, value, note)


def _per_gw(per_mw: MetricEstimate) -> KeyResult:
    """Return what a GW would cost at this price of a MW, beside what is published."""
    rounded_to = replace(per_mw.metric, finest_step=1e8)
    per_gw = MetricEstimate(rounded_to, *(1000 * usd for usd in (per_mw.value, per_mw.low, per_mw.high)))
    value = per_gw.metric.write(per_gw.value, per_gw.rounding_step)
    return KeyResult("capital in total", "for a GW", value, f"P50, {per_gw.interval_text()}; {PUBLISHED_PER_GW}")


def _percentiles(view: ResultView, metric: str, part: str, label: str, note: str) -> KeyResult:
    """Return P50 and P80 of a metric with both intervals, the unit once."""
    p50, p80 = (estimate.interval_text() for estimate in p50_and_p80_estimates(view.summary, metric))
    unit = p80.partition(" to ")[2].partition(" ")[2]
    intervals = f"P50 {p50.removesuffix(f' {unit}')}, P80 {p80}"
    return KeyResult(part, label, p50_and_p80(view.summary, metric), f"{note}; {intervals}")
