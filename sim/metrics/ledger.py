"""The ledger: every payment with the event that makes it due. Prices and terms are config, events are the log's."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.capital import Ledger
from sim.metrics.record import DAY, Index, Ints, Record
from sim.metrics.workforce import Headcount
from sim.plan.compile import NOTE
from sim.plan.layout import Layout, Place

LABOUR = "labour"


@dataclass(frozen=True)
class Terms:
    """Which step of the plan makes how much of which item due; worked out once for a plan.

    Per entry: the step, the item, the share of the item's price up to and with this entry; in the order of items.
    """

    items: tuple[str, ...]
    price: NDArray[np.float64]
    step: Ints
    item: Ints
    upto: NDArray[np.float64]
    compute: NDArray[np.bool_]
    serves: NDArray[np.float64]


def terms(index: Index, layout: Layout, project: Project) -> Terms:
    """Return the terms of every item of the plan that has a price; labour, paid as it is worked, comes last."""
    plan, prices = index.plan, project.money.prices
    noted: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for step in np.flatnonzero(plan.rows[:, 0] == NOTE).tolist():
        kind, item = plan.notes[plan.rows[step, 1]]
        noted[item, kind].append((step, int(plan.rows[step, 2])))
    items = [item for item in dict.fromkeys(item for item, _ in noted) if item.split("/")[0] in prices]
    entries = [entry for number, item in enumerate(items) for entry in _entries(number, item, noted, project)]
    places = _places(layout, project)
    serves = np.array([_serves(item.split("/")[1], places, layout) for item in items])
    return Terms(
        (*items, LABOUR),
        np.array(
            [prices[item.split("/")[0]].usd_per_mw.planned * places[item.split("/")[1]].built_mw for item in items]
        ),
        np.array([step for step, _, _ in entries], np.int64),
        np.array([item for _, item, _ in entries], np.int64),
        np.array([upto for _, _, upto in entries]),
        np.array([prices[item.split("/")[0]].kind == "compute" for item in items] + [False]),
        np.vstack([serves, np.full((1, len(layout.blocks)), 1 / len(layout.blocks))]),
    )


def _entries(
    number: int, item: str, noted: dict[tuple[str, str], list[tuple[int, int]]], project: Project
) -> list[tuple[int, int, float]]:
    """Return (step, item, share so far); a milestone reached in parts is paid in parts."""
    found, upto = [], 0.0
    payments = project.money.prices[item.split("/", maxsplit=1)[0]].payments
    missing = sum(payment.share for payment in payments if (item, payment.on) not in noted)
    for payment in payments:
        steps = noted.get((item, payment.on), [])
        whole = sum(amount for _, amount in steps)
        for step, amount in steps:
            upto += payment.share / (1 - missing) * amount / whole
            found.append((step, number, upto))
    return found


def _places(layout: Layout, project: Project) -> dict[str, Place]:
    """Return every place an item may belong to, generating units among them, by name."""
    places = {place.name: place for group in (layout.phases, layout.halls, layout.blocks) for place in group}
    units = project.energization.units
    for phase in layout.phases:
        for number in range(units.count):
            name = f"{phase.name}.g{number + 1}"
            places[name] = Place(name, phase.name, "", phase.blocks, units.mw.value, phase.order_day)
    return places


def _serves(name: str, places: dict[str, Place], layout: Layout) -> list[float]:
    """Return per block the share it stands for of what a place was built to serve."""
    place = places[name]
    whole = max(place.built_mw, sum(block.built_mw for block in layout.blocks if block.name in place.blocks))
    return [block.built_mw / whole if block.name in place.blocks else 0.0 for block in layout.blocks]


def ledger(
    record: Record, terms_: Terms, people: Headcount, paid_by_day: NDArray[np.float64], project: Project
) -> Ledger:
    """Return every entry of one run in integer cents; the entries of an item add up to its price exactly."""
    when = np.full(len(record.index.operation), -1, np.int64)
    when[record.step] = record.minute
    due = when[terms_.step]
    whole = np.rint(terms_.price[terms_.item] * terms_.upto * 100).astype(np.int64)
    cents = np.diff(whole, prepend=0)
    first = np.flatnonzero(np.diff(terms_.item, prepend=-1))
    cents[first] = whole[first]
    paid = due >= 0
    week, wages = _wages(people, paid_by_day, project)
    labour = np.full(len(week), len(terms_.items) - 1, np.int64)
    return Ledger(
        np.concatenate([due[paid], week]),
        np.concatenate([terms_.item[paid], labour]),
        np.concatenate([cents[paid], wages]),
        terms_.items,
        terms_.compute,
        terms_.serves,
    )


def _wages(people: Headcount, paid_by_day: NDArray[np.float64], project: Project) -> tuple[Ints, Ints]:
    """Return (minute, cents) of every weekly payroll: headcount × paid hours × loaded rate, indirect people too."""
    rates = np.array([project.labour.trades[trade].loaded_rate_usd_per_hour.value for trade in people.trades])
    crowd = people.direct.sum(axis=0)
    factor = np.divide(people.total, crowd, out=np.zeros(len(crowd)), where=crowd > 0)
    dollars = (rates @ people.direct) * paid_by_day * factor
    weeks = np.add.reduceat(dollars, np.arange(0, len(dollars), 7))
    paid = np.flatnonzero(weeks > 0)
    return (paid + 1) * 7 * DAY, np.rint(weeks[paid] * 100).astype(np.int64)
