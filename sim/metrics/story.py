"""The log of one run as people read it: dates and names instead of numbers."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from sim.events import BEGUN, FREE, HOLD, NOTE, OPERATIONS, SIGNAL, WAIT, Log, canonical
from sim.metrics.record import DAY
from sim.plan.compile import NONE, Compiled

Columns = dict[str, NDArray[np.generic]]


def story(plan: Compiled, log: Log, start_date: date) -> Columns:
    """Return columns minute, date, kind, activity, unit, resource, amount, began; a row a performed step.

    `resource` is what is held, freed, waited for, signalled or noted; `began` is -1 where nothing has a begin.
    """
    rows = canonical(log, plan.unit_of)
    minute, step, x = rows.T
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
    }


def _resources(plan: Compiled) -> NDArray[np.str_]:
    """Return per step the pools, gate or item it is about."""
    bundles = [" + ".join(f"{count} {plan.pools[pool]}" for pool, count in bundle) for bundle in plan.bundles]
    notes = ["/".join(part for part in note if part) for note in plan.notes]
    names = {HOLD: bundles, FREE: bundles, WAIT: plan.gates, SIGNAL: plan.gates, NOTE: notes}
    return np.array([names[op][a] if op in names else "" for op, a in plan.rows[:, :2].tolist()])
