"""People and their hours: nobody works who is not there, and presence adds up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.events import NOTE, WORK
from sim.metrics.record import DAY

if TYPE_CHECKING:
    from sim.metrics.conservation.found import Found

COME, END, BEGIN, GO = range(4)
ROUNDING = 1e-9


def people(found: Found) -> Iterator[str]:
    """Yield trades of which more are at work than on site, and hours and heads that do not add up."""
    yield from _at_work(found)
    yield from _presence(found)
    metrics = found.metrics
    if metrics["hours_worked"] > metrics["hours_paid"] * (1 + ROUNDING):
        yield f"{metrics['hours_worked']:,.1f} hours are worked and only {metrics['hours_paid']:,.1f} paid"
    if metrics["peak_workforce_onsite"] != float(found.curves["headcount"].max(initial=0)):
        yield "the peak is not the highest day of the headcount"


def _at_work(found: Found) -> Iterator[str]:
    """At no minute are more people of a trade at work than have come and not gone."""
    record, plan, noted = found.record, found.plan, found.record.noted("people")
    works = np.flatnonzero((record.operation == WORK) & (record.minute > record.x))
    for number, trade in enumerate(plan.trades):
        there = noted.item == record.index.number_of_item.get(trade, -1)
        change, when = noted.amount[there], noted.minute[there]
        heads = plan.people[record.step[works], number]
        mine, heads = works[heads > 0], heads[heads > 0]
        minute = np.concatenate([when, record.minute[mine], record.x[mine]])
        kind = np.concatenate([np.where(change > 0, COME, GO), np.full(len(mine), END), np.full(len(mine), BEGIN)])
        idle = np.concatenate([change, heads, -heads])[np.lexsort((kind, minute))].cumsum()
        if len(idle) and int(idle.min()) < 0:
            yield f"{-int(idle.min())} {trade} are at work who are not on site"


def _presence(found: Found) -> Iterator[str]:
    """Days of presence of direct people are those of every crew, from the day it comes to the day it goes."""
    record, headcount = found.record, found.run.people
    days, last = headcount.direct.shape[1], int(record.minute[-1]) // DAY if len(record.minute) else 0
    end = min(days - 1, last)
    rows = np.flatnonzero(record.operation == NOTE)
    notes = record.index.first_argument[record.step[rows]]
    rows = rows[[record.index.plan.notes[note][0] == "people" for note in notes.tolist()]]
    total = 0
    for minute, amount in zip(record.minute[rows].tolist(), record.x[rows].tolist(), strict=True):
        day = min(minute // DAY, days - 1)
        total += amount * (end + 1 - min(day + (amount < 0), end + 1))
    if total != int(headcount.direct.sum()):
        yield f"crews are there for {total:,} days of people, the headcount says {int(headcount.direct.sum()):,}"
