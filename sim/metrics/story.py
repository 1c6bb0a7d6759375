"""The log of one run as people read it, and why it ended when it did: dates and names instead of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sim.events import BEGUN, FREE, HOLD, NOTE, OPERATIONS, SIGNAL, UNTIL, WAIT, WORK
from sim.metrics.chain import Chain, Stretch
from sim.metrics.record import DAY, Record
from sim.plan.compile import NONE, Compiled

Columns = dict[str, NDArray[np.generic]]


def story(record: Record, start_date: date) -> Columns:
    """Return columns minute, date, kind, activity, unit, resource, amount, began, mechanism; a row a performed step.

    `resource` is what is held, freed, waited for, signalled or noted; `began` is -1 where nothing has a begin;
    `mechanism` is what time was spent with, by work or by a wait, and empty where none was.
    """
    plan = record.index.plan
    order = np.lexsort((plan.unit_of[record.step], record.minute))
    minute, step, x = (column[order] for column in (record.minute, record.step, record.x))
    operation = plan.rows[step, 0]
    day0 = np.datetime64(start_date, "D")
    return {
        "minute": minute,
        "date": (day0 + minute // DAY).astype(str),
        "kind": np.array(OPERATIONS)[operation],
        "activity": np.array([*plan.activities, ""])[plan.activity_of[step]],
        "unit": np.array(plan.units)[plan.unit_of[step]],
        "resource": _resources(plan)[step],
        "amount": np.where(np.isin(operation, BEGUN) | (operation == FREE), 0, x),
        "began": np.where(np.isin(operation, BEGUN), x, NONE),
        "mechanism": np.array([*_mechanisms(record)], dtype=object)[order].astype(str),
    }


def driving(record: Record) -> Columns:
    """Return the driving chain: begin, end (minutes), days, unit, activity, mechanism, and who waited for what.

    `waiting` is the unit that could not go on before, `waiting_for` the gate or the pools it waited for; both are
    empty where the next step of the same unit follows.
    """
    resources = _resources(record.index.plan)
    rows = [(*_piece(record, piece), *_waiting(record, piece, resources)) for piece in Chain(record).stretches]
    names = ("begin", "end", "days", "unit", "activity", "mechanism", "waiting", "waiting_for")
    kinds = (np.int64, np.int64, np.float64, *[object] * 5)
    columns = [*zip(*rows, strict=True)] or [()] * len(names)
    return {name: np.array(column, dtype=kind) for name, column, kind in zip(names, columns, kinds, strict=True)}


def _piece(record: Record, piece: Stretch) -> tuple[int, int, float, str, str, str]:
    plan, step = record.index.plan, record.step[piece.row]
    activity = plan.activities[plan.activity_of[step]] if plan.activity_of[step] != NONE else ""
    days = (piece.end - piece.begin) / DAY
    return piece.begin, piece.end, days, plan.units[plan.unit_of[step]], activity, piece.mechanism


def _waiting(record: Record, piece: Stretch, resources: NDArray[np.str_]) -> tuple[str, str]:
    if piece.waiting == NONE:
        return "", ""
    plan, step = record.index.plan, record.step[piece.waiting]
    return plan.units[plan.unit_of[step]], str(resources[step])


def _mechanisms(record: Record) -> Iterator[str]:
    """Yield per row, in the order of the log, what time was spent with: nothing where none was."""
    chain = Chain(record)
    timed = (record.x < record.minute) & np.isin(record.operation, BEGUN)
    for row, operation in enumerate(record.operation.tolist()):
        if not timed[row]:
            yield ""
        elif operation in (WORK, UNTIL):
            yield chain.mechanism(row)
        elif operation == HOLD:
            yield chain.short(row)
        else:
            released, _ = chain.released_by(row)
            yield chain.of_unit(released)


def _resources(plan: Compiled) -> NDArray[np.str_]:
    """Return per step the pools, gate or item it is about."""
    bundles = [" + ".join(f"{count} {plan.pools[pool]}" for pool, count in bundle) for bundle in plan.bundles]
    notes = ["/".join(part for part in note if part) for note in plan.notes]
    names = {HOLD: bundles, FREE: bundles, WAIT: plan.gates, SIGNAL: plan.gates, NOTE: notes}
    return np.array([names[op][a] if op in names else "" for op, a in plan.rows[:, :2].tolist()])
