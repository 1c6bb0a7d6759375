"""When things were worked on in one run, group by group of a plan's steps, and which groups were critical."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.metrics.chain import Chain
from sim.metrics.record import DAY, Floats, Ints, Record
from sim.metrics.workforce import Headcount
from sim.plan.compile import WORK

NEVER = np.iinfo(np.int64).max


def worked(record: Record, group: Ints, count: int) -> tuple[Floats, Floats]:
    """Return the day on which work of each group began and ended; not-a-number where there was none.

    `group` is a number for every step of the plan, or -1.
    """
    rows = np.flatnonzero((record.operation == WORK) & (record.minute > record.x))
    number = group[record.step[rows]]
    rows, number = rows[number >= 0], number[number >= 0]
    begin, end = np.full(count, NEVER), np.full(count, -1)
    np.minimum.at(begin, number, record.x[rows])
    np.maximum.at(end, number, record.minute[rows])
    none = end < 0
    return np.where(none, np.nan, begin / DAY), np.where(none, np.nan, end / DAY)


def critical(record: Record, *groups: tuple[Ints, int]) -> list[NDArray[np.bool_]]:
    """Return, for each way of grouping (as in `worked`, and how many groups), which have a piece of the driving chain."""
    steps = record.step[np.array([piece.row for piece in Chain(record).stretches], np.int64)]
    found = []
    for group, count in groups:
        there = np.zeros(count, np.bool_)
        number = group[steps]
        there[number[number >= 0]] = True
        found.append(there)
    return found


def earned_by_day(record: Record, days: int) -> Floats:
    """Return person-hours of work content done until the end of each day; what is done again earns nothing more."""
    plan, works = record.index.plan, record.works
    first = works[np.unique(works[:, 1], return_index=True)[1]]
    first = first[plan.earns[first[:, 1]]]
    minutes, steps = first[:, 0], first[:, 1]
    hours = record.content[record.index.first_argument[steps]] * record.index.people_of_step[steps] / 60
    day = np.minimum(minutes // DAY, days - 1)
    return np.cumsum(np.bincount(day, weights=hours, minlength=days)[:days])


def paid_by_day(people: Headcount, paid: Floats) -> Floats:
    """Return person-hours paid until the end of each day, waiting and indirect people included."""
    return np.cumsum(people.total * paid)
