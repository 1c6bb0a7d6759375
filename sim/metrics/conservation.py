"""What no run may break, whatever was drawn: checked in every replication where SIM_CHECK is set, as in the tests.

Each identity is worked out a second way, from the rows of the log alone:

- a unit does one step after the other, without a gap and in one place at a time, while its calendar is open;
- every contract is paid to the cent, by item = by month = in all, and what serves was paid before;
- skids are ordered before made, made before delivered, delivered before set, and all MW are online at the end;
- of crews, cranes, trucks, places and power never more is in use than there is, and all is given back;
- only people who are on site work, and presence adds up.

Of a project under way the sums hold over history and forecast together. What a status reports need not have kept the plan's
calendars and counts: there the forecast must not go further below zero than it found them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from math import fsum

import numpy as np

from sim.errors import CheckFailed
from sim.metrics.checked_run import CheckedRun
from sim.metrics.event_log import DAY, MONTH, Ints
from sim.metrics.money.contracts import STANDING
from sim.metrics.money.ledger import Ledger, standing_costs
from sim.plan.compile import MODES
from sim.plan.mechanisms.acceleration import OVERTIME, SHIFT_PREMIUM
from sim.plan.mechanisms.crews import STANDBY
from sim.plan.vocabulary import AGAIN, BEGUN, FREE, HOLD, NOTE, SIGNAL, WORK

# --- steps ------------------------------------------------------------------------------------------------------------


AT_ONCE = (FREE, SIGNAL, AGAIN, NOTE)


def steps(found: CheckedRun) -> Iterator[str]:
    """Yield where a unit's log has a gap, an overlap, a leap over a step, or work while its calendar is closed."""
    yield from _times(found)
    yield from _route(found)
    yield from _stays(found)
    yield from _open(found)


def _times(found: CheckedRun) -> Iterator[str]:
    """Every step begins in the minute in which the one before it was done."""
    record, plan = found.record, found.plan
    if len(record.minute) and bool((np.diff(record.minute) < 0).any()):
        yield "the log goes back in time"
    # sorted by unit and stably, so that each unit's rows stand together in the order in which they were run
    order = np.argsort(found.unit, kind="stable")
    unit, done = found.unit[order], record.minute[order]
    began = np.where(np.isin(record.operation, BEGUN), record.begun, record.minute)[order]
    first = np.concatenate([[True], np.diff(unit) != 0]) if len(unit) else np.zeros(0, np.bool_)
    before = np.where(first, 0, np.concatenate([[0], done[:-1]]))[: len(unit)]
    # at the data date a unit may set out on what nobody has reported as begun
    waited = (found.since > 0) & (began == found.since) & (before < began)
    for row in np.flatnonzero(((began != before) & ~waited) | (done < began)).tolist():
        yield (
            f"{plan.units[unit[row]]} is done with a step at minute {before[row]}, "
            f"and the next one goes from {began[row]} to {done[row]}"
        )


def _route(found: CheckedRun) -> Iterator[str]:
    """Every step is followed by the next one of the route, or by where it jumped to."""
    record, plan = found.record, found.plan
    order = np.argsort(found.unit, kind="stable")
    unit, step = found.unit[order], record.step[order]
    jumped = (record.operation[order] == AGAIN) & (record.jumped[order] == 1)
    after = np.where(jumped, plan.rows[step, 1], step + 1)
    same = np.diff(unit) == 0
    begins = np.concatenate([[True], ~same]) if len(unit) else np.zeros(0, np.bool_)
    for row in np.flatnonzero(same & (after[:-1] != step[1:])).tolist():
        yield f"{plan.units[unit[row]]} leaps from step {step[row]} to step {step[row + 1]}"
    for row in np.flatnonzero(begins & (plan.first[unit] != step)).tolist():
        yield f"{plan.units[unit[row]]} does not begin with its first step"


def _stays(found: CheckedRun) -> Iterator[str]:
    """No unit is left standing before a step that takes no time and needs nothing."""
    plan = found.plan
    stands = plan.first[:-1].copy()
    order = np.argsort(found.unit, kind="stable")
    unit, step = found.unit[order], found.record.step[order]
    jumped = (found.record.operation[order] == AGAIN) & (found.record.jumped[order] == 1)
    stands[unit] = np.where(jumped, plan.rows[step, 1], step + 1)
    for one in np.flatnonzero(stands < plan.first[1:]).tolist():
        if plan.rows[stands[one], 0] in AT_ONCE:
            yield f"{plan.units[one]} never does step {stands[one]}, which nothing keeps it from"


def _open(found: CheckedRun) -> Iterator[str]:
    """The last minute of every work lies in an open stretch of its calendar."""
    record, plan = found.record, found.plan
    rows = np.flatnonzero((record.operation == WORK) & (record.minute > np.maximum(record.begun, found.since)))
    # drivers' hours of service end where the driver stands, open road or not
    rows = rows[plan.rows[record.step[rows], 3] != MODES["duty"]]
    calendar = plan.rows[record.step[rows], 2]
    for number in np.unique(calendar).tolist():
        mine = rows[calendar == number]
        hours, done = record.calendars[number], record.minute[mine]
        # the minute before the end is not open exactly where nothing is worked in it
        shut = hours.worked_many(done) == hours.worked_many(done - 1)
        for row in mine[shut].tolist():
            activity = plan.activities[plan.activity_of[record.step[row]]]
            yield f"{activity} ends at minute {record.minute[row]}, when {plan.calendars[number]} is closed"


# --- money ------------------------------------------------------------------------------------------------------------


ROUNDING = 1e-6
PARTS = ("energise", "shell_and_systems", "compute")


def money(found: CheckedRun) -> Iterator[str]:
    """Yield contracts, sums and curves that are off by a cent."""
    entries = found.cost_model.ledger(found.run)
    total = int(entries.cents.sum())
    yield from _contracts(found, entries)
    yield from _reported(found, entries)
    yield from _sums(entries, total)
    yield from _with_time(found, entries)
    if round(found.metrics["capital_total_usd"] * 100) != total:
        yield f"capital in all is {found.metrics['capital_total_usd']:,.2f}, the ledger has {total / 100:,.2f}"
    parts = fsum(found.metrics[f"capital_{part}_usd"] for part in PARTS)
    if abs(parts * 100 - total) > 1:
        yield f"the parts of capital add up to {parts:,.2f}, the ledger to {total / 100:,.2f}"
    yield from _curves(found, entries)


def _contracts(found: CheckedRun, entries: Ledger) -> Iterator[str]:
    """A contract is paid exactly once every block is online, and never beyond its price.

    A retention until all blocks are online is kept where some are never ordered.
    """
    bought = len(entries.value)
    paid, kept = entries.total[:bought], entries.cancelled < 0
    # where some block is not online, milestones may be missing and prices are paid in part
    whole = found.complete and bool(found.blocks.reached.all())
    wrong = (paid != entries.value) if whole else (paid > entries.value)
    never = (paid == 0) & (entries.ordered < 0)
    for item in np.flatnonzero(wrong & kept & ~never).tolist():
        yield f"{entries.names[item]} costs {entries.value[item] / 100:,.2f} and {paid[item] / 100:,.2f} are paid"


def _reported(found: CheckedRun, entries: Ledger) -> Iterator[str]:
    """What was paid until the data date is what was reported, where that was."""
    reported = found.cost_model.reported
    if reported is not None and reported.paid_usd is not None:
        paid = int(entries.cents[entries.minute <= reported.minute].sum())
        if paid != round(reported.paid_usd * 100):
            yield f"{reported.paid_usd:,.2f} were reported as paid, the ledger has {paid / 100:,.2f}"


def _sums(entries: Ledger, total: int) -> Iterator[str]:
    """By item and by month the entries add up to the same."""
    by_month = np.zeros(int(entries.minute.max(initial=0)) // MONTH + 1, np.int64)
    np.add.at(by_month, entries.minute // MONTH, entries.cents)
    if not int(entries.total.sum()) == int(by_month.sum()) == total:
        yield f"by item {entries.total.sum()}, by month {by_month.sum()}, in all {total} cents"


def _with_time(found: CheckedRun, entries: Ledger) -> Iterator[str]:
    """Labour, camp and general conditions are paid for exactly the days they were there."""
    first = len(entries.value)
    # summed over days here, over periods there: the cents of both must agree
    costs = standing_costs(found.run, first, found.project)
    due = dict(zip(costs.item.tolist(), np.rint(costs.by_day.sum(axis=1) * 100), strict=True))
    for item, name in enumerate(STANDING[:-1], first):
        if int(entries.total[item]) != due.get(item, 0):
            yield f"{name} costs {due.get(item, 0) / 100:,.2f}, {entries.total[item] / 100:,.2f} are paid"


def _curves(found: CheckedRun, entries: Ledger) -> Iterator[str]:
    """Deployed capital is what fell due so far, never falls, and is never less than what is in service."""
    deployed, serving = found.curves["capital_deployed_usd"], found.curves["capital_in_service_usd"]
    due = np.zeros(len(deployed), np.int64)
    day = entries.minute // DAY
    np.add.at(due, day[day < len(due)], entries.cents[day < len(due)])
    # a float curve against whole cents: a cent of tolerance, and the last digits of billions
    if not np.allclose(deployed * 100, np.cumsum(due), rtol=1e-9, atol=1):
        worst = int(np.abs(deployed * 100 - np.cumsum(due)).argmax())
        yield f"deployed on day {worst} is {deployed[worst]:,.2f}, {np.cumsum(due)[worst] / 100:,.2f} has fallen due"
    if bool((serving > deployed * (1 + ROUNDING) + 1).any()):
        yield "more capital is in service than was deployed"


# --- skids ------------------------------------------------------------------------------------------------------------


STAGES = ("ordered", "started", "delivered", "set", "complete")


def skids(found: CheckedRun) -> Iterator[str]:
    """Yield systems of which more is further along than has come so far, and megawatts that were never built."""
    for name, system in found.project.by_system.items():
        made = system.scope == "factory"
        times = {stage: _when(found, name, stage) for stage in STAGES}
        if made:
            # set and complete are noted once a block, the stages before once a skid
            times |= {stage: np.repeat(times[stage], system.skid.per_block) for stage in ("set", "complete")}
        stages = [stage for stage in STAGES if made or stage not in ("started", "set")]
        yield from _in_turn(name, {stage: times[stage] for stage in stages})
        wanted = int(found.blocks.wanted.sum())
        whole = wanted * (system.skid.per_block if made else 1)
        if found.complete and len(times["complete"]) < whole:
            yield f"{len(times['complete'])} parts of {name} are complete where {whole} were ordered"
    yield from _megawatts(found)


def _when(found: CheckedRun, name: str, stage: str) -> Ints:
    """When a stage was noted of any part of a system."""
    noted = found.record.noted(stage)
    things = found.record.index.thing_of_item
    return np.sort(noted.minute[things[noted.item] == name]) if len(noted.item) else noted.minute


def _in_turn(name: str, times: dict[str, Ints]) -> Iterator[str]:
    """The n-th of a stage is never before the n-th of the stage before it."""
    stages = list(times)
    for before, after in pairwise(stages):
        first, second = times[before], times[after]
        if len(second) > len(first):
            yield f"{len(second)} of {name} are {after} and only {len(first)} {before}"
        elif bool((second < first[: len(second)]).any()):
            yield f"more of {name} are {after} than {before}"


def _megawatts(found: CheckedRun) -> Iterator[str]:
    """Megawatts online only grow, to what was ordered, and are those of the blocks."""
    curve, blocks = found.curves["mw_online"], found.blocks
    if bool((np.diff(curve) < 0).any()):
        yield "megawatts go offline"
    days = np.arange(len(curve))
    reached = np.sort(blocks.minute[blocks.reached])
    each = float(blocks.mw[0]) if len(blocks.mw) else 0.0
    counted = np.searchsorted(reached, (days + 1) * 1440, side="left") * each
    if not np.allclose(curve, counted, rtol=0, atol=1e-6):
        yield f"{curve[-1]:g} MW are online on the last day, the blocks have {counted[-1]:g}"
    if found.complete and int(blocks.reached.sum()) < int(blocks.wanted.sum()):
        yield f"{int(blocks.reached.sum())} blocks are online where {int(blocks.wanted.sum())} were ordered"


# --- pools ------------------------------------------------------------------------------------------------------------


def pools(found: CheckedRun) -> Iterator[str]:
    """Yield pools of which more is taken than there is, or given back than was taken, and units that keep some.

    Looked at when a minute is over: in which order its rows are written is the engine's own.
    """
    moves, plan = found.moves, found.plan
    for pool, name in enumerate(plan.pools):
        mine = moves.pool == pool
        # only the level at the end of a minute counts: a row may take what a later row of the minute gives back
        last = np.diff(moves.minute[mine], append=-1) != 0
        free = (plan.initial[pool] + np.cumsum(moves.count[mine]))[last]
        free, short = _since(found, moves.minute[mine][last], free)
        if len(free) and int(free.min()) < short:
            yield f"{-int(free.min())} of {name} are taken that are not there"
        if plan.pool_kinds[pool] == "returned" and len(free) and int(free.max()) > plan.initial[pool]:
            yield f"{int(free.max()) - int(plan.initial[pool])} of {name} are given back that were never taken"
    yield from _kept(found)


def _since(found: CheckedRun, minute: Ints, level: Ints) -> tuple[Ints, int]:
    """Return a level from the data date on, and how low it may be: not below zero, or not below what history has left."""
    if not found.since:
        return level, 0
    past = level[minute <= found.since]
    return level[minute > found.since], min(0, int(past[-1]) if len(past) else 0)


def _kept(found: CheckedRun) -> Iterator[str]:
    """A unit at the end of its route has given back what is not its own."""
    moves, plan, units = found.moves, found.plan, len(found.plan.units)
    last = np.full(units, -1, np.int64)
    last[found.unit] = found.record.step
    # a unit that still waits may keep what it holds; one at its end may not
    finished = last + 1 == plan.first[1:]
    returned = np.array([kind == "returned" for kind in plan.pool_kinds], np.bool_)
    whose = returned[moves.pool] & finished[moves.unit]
    left = np.zeros((units, len(plan.pools)), np.int64)
    np.subtract.at(left, (moves.unit[whose], moves.pool[whose]), moves.count[whose])
    for unit, pool in np.argwhere(left != 0).tolist():
        yield f"{plan.units[unit]} is at its end and keeps {left[unit, pool]} of {plan.pools[pool]}"


def queues(found: CheckedRun) -> Iterator[str]:
    """Yield queues that break Little's law: people in the queue, added up over time, are the sum of their waits."""
    record, plan = found.record, found.plan
    rows = np.flatnonzero(record.operation == HOLD)
    bundle = record.index.first_argument[record.step[rows]]
    for number in np.unique(bundle).tolist():
        mine = rows[bundle == number]
        asked, granted = record.begun[mine], record.minute[mine]
        times, place = np.unique(np.concatenate([asked, granted]), return_inverse=True)
        # the same area measured across (length of the queue over time) and along (each unit's wait)
        change = np.concatenate([np.ones(len(mine), np.int64), np.full(len(mine), -1)])
        waiting = np.cumsum(np.bincount(place, change, len(times)))
        area = float((waiting[:-1] * np.diff(times)).sum())
        if area != float((granted - asked).sum()) or bool((waiting < 0).any()):
            wanted = " + ".join(plan.pools[pool] for pool, _ in plan.bundles[number])
            yield f"who waits for {wanted} over time is {area:g} minutes, the waits are {(granted - asked).sum()}"


# --- people -----------------------------------------------------------------------------------------------------------


COME, END, BEGIN, GO = range(4)
HOURS_ROUNDING = 1e-9


def people(found: CheckedRun) -> Iterator[str]:
    """Yield trades of which more are at work than on site, and hours and heads that do not add up."""
    yield from _at_work(found)
    yield from _presence(found)
    metrics = found.metrics
    if metrics["hours_worked"] > metrics["hours_paid"] * (1 + HOURS_ROUNDING):
        yield f"{metrics['hours_worked']:,.1f} hours are worked and only {metrics['hours_paid']:,.1f} paid"
    if metrics["peak_workforce_onsite"] != float(found.curves["headcount"].max(initial=0)):
        yield "the peak is not the highest day of the headcount"


def _at_work(found: CheckedRun) -> Iterator[str]:
    """At no minute are more people of a trade at work than have come and not gone, overtime included."""
    record, plan = found.record, found.plan
    present = [record.noted("people"), record.noted(OVERTIME)]
    item, amount, minute = (
        np.concatenate([getattr(noted, part) for noted in present]) for part in ("item", "amount", "minute")
    )
    works = np.flatnonzero((record.operation == WORK) & (record.minute > record.begun))
    for number, trade in enumerate(plan.trades):
        there = item == record.index.number_of_item.get(trade, -1)
        change, when = amount[there], minute[there]
        heads = plan.people[record.step[works], number]
        mine, heads = works[heads > 0], heads[heads > 0]
        at = np.concatenate([when, record.minute[mine], record.begun[mine]])
        # in one minute: who comes is there first, works end before others begin, and who goes is the last
        kind = np.concatenate([np.where(change > 0, COME, GO), np.full(len(mine), END), np.full(len(mine), BEGIN)])
        order = np.lexsort((kind, at))
        idle, short = _since(found, at[order], np.concatenate([change, heads, -heads])[order].cumsum())
        if len(idle) and int(idle.min()) < short:
            yield f"{-int(idle.min())} {trade} are at work who are not on site"


def _presence(found: CheckedRun) -> Iterator[str]:
    """Days of presence of direct people are those of every crew, from the day it comes to the day it goes, overtime too."""
    headcount = found.run.people
    of = {"people": headcount.direct, OVERTIME: headcount.overtime, STANDBY: headcount.standby}
    for kind, by_day in {**of, SHIFT_PREMIUM: headcount.premium}.items():
        total = _days_of(found, kind)
        if by_day is not None and total != int(by_day.sum()):
            yield f"crews are there for {total:,} days of {kind}, the headcount has {int(by_day.sum()):,}"


def _days_of(found: CheckedRun, kind: str) -> int:
    """Return the days of presence that notes of a kind add up to, note by note instead of by day."""
    record, days = found.record, found.run.people.direct.shape[1]
    last = int(record.minute[-1]) // DAY if len(record.minute) else 0
    end, total = min(days - 1, last), 0
    rows = np.flatnonzero(record.operation == NOTE)
    notes = record.index.first_argument[record.step[rows]]
    rows = rows[[record.index.plan.notes[note].kind == kind for note in notes.tolist()]]
    for minute, amount in zip(record.minute[rows].tolist(), record.amount[rows].tolist(), strict=True):
        day = min(minute // DAY, days - 1)
        # who leaves is there on that day, as in `headcount`
        total += amount * (end + 1 - min(day + (amount < 0), end + 1))
    return total


# --- conservation -----------------------------------------------------------------------------------------------------


SWITCH = "SIM_CHECK"
SHOWN = 5


def switched_on() -> bool:
    """Whether every replication is to be checked."""
    return os.environ.get(SWITCH, "") not in ("", "0")


def violations(found: CheckedRun) -> Iterator[str]:
    """Yield what does not hold of a run, in words."""
    for identity in (steps, pools, queues, people, skids, money):
        yield from (f"{identity.__name__}: {broken}" for broken in identity(found))


def require_conserved(found: CheckedRun) -> None:
    """Raise CheckFailed with the first identities that do not hold."""
    broken = list(violations(found))
    if broken:
        more = f"\n  … and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        raise CheckFailed("what a run must conserve is not:\n  " + "\n  ".join(broken[:SHOWN]) + more)
