"""A forecast in words: when it will be done, what moved since the plan, and what the actuals taught."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sim.study.forecast.forecast import Move
from sim.study.forecast.status_checks import StatusFinding
from sim.study.result import Result

FULL, FIRST = "lead_time_full_days", "lead_time_first_mw_days"


def describe_forecast(result: Result, moves: Sequence[Move], earlier: Sequence[Mapping[str, Any]]) -> str:
    """Return the verdict of a forecast, what moved it and what it learnt, as lines of text."""
    return "\n".join([*_verdict(result, earlier), "", *_moves(moves), *_learnt(result), *_remarks(result)])


def _verdict(result: Result, earlier: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    start, made = date.fromisoformat(result.manifest["start_date"]), result.manifest["forecast"]
    yield f"{result.manifest['name']}, data date {made['data_date']}, {result.sample.size:,} runs"
    numbers = result.numbers
    for label, metric in (("first MW", FIRST), ("all MW", FULL)):
        if metric in numbers:
            p50, p80 = numbers[metric]["p50"], numbers[metric]["p80"]
            yield f"  {label:9} P50 {_day(start, p50)}   P80 {_day(start, p80)}"
    before = [one for one in earlier if str(one["data_date"]) < made["data_date"]]
    if before and "p50" in before[-1]["days"].get("all", {}):
        then = before[-1]["days"]["all"]
        moved = numbers[FULL]["p50"] - then["p50"]
        yield f"  before    P50 {_day(start, then['p50'])}   P80 {_day(start, then['p80'])}   as of {before[-1]['data_date']}"
        yield f"  P50 moved by {moved:+.0f} days since then"


def _day(start: date, days: float) -> str:
    return (start + timedelta(days=int(days))).isoformat()


def _moves(moves: Sequence[Move]) -> Iterator[str]:
    """Yield the plan's dates and what moved them, one after the other."""
    if not moves:
        return
    plan, *others = moves
    yield f"from the plan (P50 day {plan.p50:.0f}, P80 day {plan.p80:.0f} on the same random numbers), in days:"
    yield from (f"  {move.cause:32} P50 {move.p50:+7.1f}   P80 {move.p80:+7.1f}" for move in others)


def _learnt(result: Result) -> Iterator[str]:
    """Yield every factor that was learnt: prior, posterior, and on how much it rests."""
    found = result.manifest["forecast"]["learnt"]
    if not found:
        return
    yield "learnt from actuals, median (P10 to P90):"
    for one in found:
        before, after = (_range(one[key]) for key in ("prior", "posterior"))
        yield f"  {one['factor']:28} {before} -> {after}   {one['evidence']} finished works"


def _range(quantiles: Sequence[float]) -> str:
    low, middle, high = quantiles
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _remarks(result: Result) -> Iterator[str]:
    made = result.manifest["forecast"]
    if made["implied"]:
        yield f"{made['implied']} steps are not reported, but what is reported needs them: taken as done"
    yield from (f"out of sequence: {text}" for text in made["out_of_sequence"])


def describe_trend(earlier: Sequence[Mapping[str, Any]], start_date: str) -> str:
    """Return the forecasts over data dates as a table: P50 and P80 of first, half and all MW."""
    start = date.fromisoformat(start_date)
    lines = ["data date    first P50    half P50     all P50      all P80"]
    for one in earlier:
        days = one["days"]
        cells = [days.get(name, {}).get(quantile) for name, quantile in _SHOWN]
        shown = ("-" if day is None else _day(start, day) for day in cells)
        lines.append("   ".join([str(one["data_date"]), *shown]))
    return "\n".join(lines)


_SHOWN = (("first", "p50"), ("half", "p50"), ("all", "p50"), ("all", "p80"))


def describe_findings(findings: Iterable[StatusFinding]) -> str:
    """Return what was found in a status, one line each."""
    return "\n".join(f"{one.weight}: {_place(one)}" for one in findings)


def _place(one: StatusFinding) -> str:
    problem = one.problem
    text = str(problem)
    return text.replace(
        f"{problem.file}:{problem.line}", f"{problem.file}: row {problem.line}, column {problem.path}", 1
    )
