"""Cents: every contract is paid exactly, by item = by month = in all, and what serves was paid before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.metrics.ledger import Ledger, ledger, standing_costs
from sim.metrics.record import DAY, MONTH
from sim.metrics.standing import STANDING

if TYPE_CHECKING:
    from sim.metrics.conservation.found import Found

ROUNDING = 1e-6
PARTS = ("energise", "shell_and_systems", "compute")


def money(found: Found) -> Iterator[str]:
    """Yield contracts, sums and curves that are off by a cent."""
    entries = ledger(found.run, found.bought, found.project)
    total = int(entries.cents.sum())
    yield from _contracts(found, entries)
    yield from _sums(entries, total)
    yield from _with_time(found, entries)
    if round(found.metrics["capital_total_usd"] * 100) != total:
        yield f"capital in all is {found.metrics['capital_total_usd']:,.2f}, the ledger has {total / 100:,.2f}"
    parts = sum(found.metrics[f"capital_{part}_usd"] for part in PARTS)
    if abs(parts * 100 - total) > 1:
        yield f"the parts of capital add up to {parts:,.2f}, the ledger to {total / 100:,.2f}"
    yield from _curves(found, entries)


def _contracts(found: Found, entries: Ledger) -> Iterator[str]:
    """A contract is paid exactly once every block is online, and never beyond its price.

    A retention until all blocks are online is kept where some are never ordered.
    """
    bought = len(entries.value)
    paid, kept = entries.total[:bought], entries.cancelled < 0
    whole = found.complete and bool(found.blocks.reached.all())
    wrong = (paid != entries.value) if whole else (paid > entries.value)
    never = (paid == 0) & (entries.ordered < 0)
    for item in np.flatnonzero(wrong & kept & ~never).tolist():
        yield f"{entries.names[item]} costs {entries.value[item] / 100:,.2f} and {paid[item] / 100:,.2f} are paid"


def _sums(entries: Ledger, total: int) -> Iterator[str]:
    """By item and by month the entries add up to the same."""
    by_month = np.zeros(int(entries.minute.max(initial=0)) // MONTH + 1, np.int64)
    np.add.at(by_month, entries.minute // MONTH, entries.cents)
    if not int(entries.total.sum()) == int(by_month.sum()) == total:
        yield f"by item {entries.total.sum()}, by month {by_month.sum()}, in all {total} cents"


def _with_time(found: Found, entries: Ledger) -> Iterator[str]:
    """Labour, camp and general conditions are paid for exactly the days they were there."""
    costs = {name: round(dollars.sum() * 100) for name, dollars in standing_costs(found.run, found.project).items()}
    first = len(entries.value)
    for number, name in enumerate(STANDING[:-1]):
        if int(entries.total[first + number]) != costs.get(name, 0):
            yield f"{name} costs {costs.get(name, 0) / 100:,.2f}, {entries.total[first + number] / 100:,.2f} are paid"


def _curves(found: Found, entries: Ledger) -> Iterator[str]:
    """Deployed capital is what fell due so far, never falls, and is never less than what is in service."""
    deployed, serving = found.curves["capital_deployed_usd"], found.curves["capital_in_service_usd"]
    due = np.zeros(len(deployed), np.int64)
    day = entries.minute // DAY
    np.add.at(due, day[day < len(due)], entries.cents[day < len(due)])
    if not np.allclose(deployed * 100, np.cumsum(due), rtol=1e-9, atol=1):
        worst = int(np.abs(deployed * 100 - np.cumsum(due)).argmax())
        yield f"deployed on day {worst} is {deployed[worst]:,.2f}, {np.cumsum(due)[worst] / 100:,.2f} has fallen due"
    if bool((serving > deployed * (1 + ROUNDING) + 1).any()):
        yield "more capital is in service than was deployed"
