"""Everything that changes an item of capital in one run: payments, MW online, what is owed, contracts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.machine import by_machine
from sim.metrics.capital import Changes, Courses, Floats, Part, courses, together
from sim.metrics.contracts import Contracts
from sim.metrics.ledger import Ledger
from sim.metrics.record import Ints
from sim.metrics.serving import NEVER
from sim.metrics.standing import STANDING


@dataclass(frozen=True)
class Claims:
    """What a run knows of all its changes: its entries and how much of each is debt, and when every step was done.

    `moments` are all moments at which items serve, `online` those of the blocks that are ordered, `block_kw` what one
    of them serves.
    """

    entries: Ledger
    debt: Floats
    when: Ints
    bought: Contracts
    moments: Ints
    online: Ints
    block_kw: float


def followed(claims: Claims, built_kw: Floats, horizon: int) -> Courses:
    """Return the course of every item; `built_kw` is what each was built to serve."""
    total = claims.entries.total.astype(np.float64)
    if by_machine():
        return _courses_by_kernel(claims, total, built_kw, horizon, NEVER)
    return courses(_changes(claims), total, built_kw, horizon)


def _courses_by_kernel(claims: Claims, total: Floats, built: Floats, horizon: int, never: int) -> Courses:
    """Return the course of every item of a run."""
    from sim.metrics.compiled import coursing as kernel

    entries, bought, when = claims.entries, claims.bought, claims.when
    serving, owed, contracts = bought.serving, bought.owed, len(bought.names)
    standing = len(total) - contracts
    room = len(entries.item) + len(serving.item) + standing * len(claims.online) + len(owed.item) + 2 * contracts
    raw, figures = np.empty((kernel.RAW, room), np.int64), np.empty((kernel.FIGURES, room))
    count = kernel.lay(
        entries.item, entries.minute, entries.cents, claims.debt,
        serving.item, serving.moment, serving.kw, claims.moments,
        owed.item, owed.step, owed.share, when,
        entries.value, entries.ordered, entries.cancelled, total,
        claims.online, standing, claims.block_kw, never,
        raw, figures, np.empty(contracts, np.int64),
    )  # fmt: skip
    rows, states = np.empty((3, count), np.int64), np.empty((6, count))
    first = np.empty(min(count, len(total)), np.int64)
    items = kernel.course(raw, figures, total, built, horizon, rows, first, states, np.empty(2 * count + kernel.DIGITS, np.int64))
    return Courses(rows, first[:items], states, horizon, total)


def _changes(claims: Claims) -> Changes:
    """Return all changes as one table."""
    entries, bought, contracts = claims.entries, claims.bought, len(claims.bought.names)
    serving, owed, when = bought.serving, bought.owed, claims.when[claims.bought.owed.step]
    signed, left = np.flatnonzero(entries.ordered >= 0), np.flatnonzero(entries.cancelled >= 0)
    standing = entries.item >= contracts
    paid = {"paid": entries.cents, "contract": np.where(standing, entries.cents, 0), "debt": claims.debt}
    return together([
        (entries.item, entries.minute, paid),
        (serving.item, claims.moments[serving.moment], {"kw": serving.kw}),
        _served_together(claims, contracts),
        (owed.item, when, {"owed": owed.share * entries.value[owed.item]}),
        (signed, _signed(entries)[signed], {"contract": entries.value[signed]}),
        (left, entries.cancelled[left], {"contract": (entries.total[:contracts] - entries.value)[left]}),
    ])  # fmt: skip


def _served_together(claims: Claims, first: int) -> Part:
    """Return the MW that labour, camp and the like serve: all that are ordered, together."""
    items = np.repeat(np.arange(first, first + len(STANDING)), len(claims.online))
    kw = np.full(len(items), claims.block_kw)
    return items, np.tile(claims.online, len(STANDING)), {"kw": kw}


def _signed(entries: Ledger) -> Ints:
    """Return when contracts are signed: with their order, or with the first payment where that comes before."""
    first = np.full(len(entries.names), NEVER)
    np.minimum.at(first, entries.item, entries.minute)
    signed: Ints = np.minimum(entries.ordered, first[: len(entries.ordered)])
    return signed
