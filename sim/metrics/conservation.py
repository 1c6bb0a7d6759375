"""Invariants of every replication, whatever its random numbers: checked where SIM_CHECK is set, as in the tests.

Each identity is worked out a second way, from the rows of the log alone:

- a unit does one step after the other, without a gap and in one place at a time, while its calendar is open;
- every contract is paid to the cent, by item = by month = in all, and what serves was paid before;
- skids are ordered before made, made before delivered, delivered before set, and all MW are online at the end;
- of crews, cranes, trucks, places and power never more is in use than there is, and all is given back;
- only people who are on site work, and presence adds up.

In a forecast of a project under way the sums hold over history and forecast together. Reported history need not have kept
the plan's calendars and counts: there a level may be below zero at the data date, and the forecast must not lower it further.
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
from sim.metrics.money.contracts import STANDING_COSTS
from sim.metrics.money.ledger import Ledger, standing_costs
from sim.plan.compiled_plan import MODES, Column
from sim.plan.mechanisms.acceleration import OVERTIME, SHIFT_PREMIUM
from sim.plan.mechanisms.crews import STANDBY
from sim.plan.vocabulary import BLOCKING_OPERATIONS, FREE, HOLD, JUMP, NOTE, SIGNAL, WORK

# --- steps ------------------------------------------------------------------------------------------------------------


INSTANT_OPERATIONS = (FREE, SIGNAL, JUMP, NOTE)


def steps(checked: CheckedRun) -> Iterator[str]:
    """Yield where a unit's log has a gap, an overlap, a leap over a step, or work while its calendar is closed."""
    yield from _times(checked)
    yield from _route(checked)
    yield from _needless_waits(checked)
    yield from _within_calendar(checked)


def _times(checked: CheckedRun) -> Iterator[str]:
    """Every step begins in the minute in which the one before it was done."""
    record, plan = checked.record, checked.plan
    if len(record.minute) and bool((np.diff(record.minute) < 0).any()):
        yield "the log goes back in time"
    # sorted by unit and stably, so that each unit's rows stand together in the order in which they were run
    order = np.argsort(checked.unit, kind="stable")
    row_unit, end = checked.unit[order], record.minute[order]
    start = np.where(np.isin(record.operation, BLOCKING_OPERATIONS), record.begun, record.minute)[order]
    starts_route = np.concatenate([[True], np.diff(row_unit) != 0]) if len(row_unit) else np.zeros(0, np.bool_)
    previous_end = np.where(starts_route, 0, np.concatenate([[0], end[:-1]]))[: len(row_unit)]
    # what nobody has reported as begun starts at the data date, after a gap
    delayed = (checked.data_date > 0) & (start == checked.data_date) & (previous_end < start)
    for row in np.flatnonzero(((start != previous_end) & ~delayed) | (end < start)).tolist():
        yield (
            f"{plan.units[row_unit[row]]} is done with a step at minute {previous_end[row]}, "
            f"and the next one goes from {start[row]} to {end[row]}"
        )


def _route(checked: CheckedRun) -> Iterator[str]:
    """Every step is followed by the next one of the route, or by where it jumped to."""
    record, plan = checked.record, checked.plan
    order = np.argsort(checked.unit, kind="stable")
    unit, step = checked.unit[order], record.step[order]
    jumped = (record.operation[order] == JUMP) & (record.jumped[order] == 1)
    next_step = np.where(jumped, plan.rows[step, Column.ARGUMENT], step + 1)
    same_unit = np.diff(unit) == 0
    starts_route = np.concatenate([[True], ~same_unit]) if len(unit) else np.zeros(0, np.bool_)
    for row in np.flatnonzero(same_unit & (next_step[:-1] != step[1:])).tolist():
        yield f"{plan.units[unit[row]]} leaps from step {step[row]} to step {step[row + 1]}"
    for row in np.flatnonzero(starts_route & (plan.first[unit] != step)).tolist():
        yield f"{plan.units[unit[row]]} does not begin with its first step"


def _needless_waits(checked: CheckedRun) -> Iterator[str]:
    """No unit stops before a step that takes no time and needs no resource."""
    plan = checked.plan
    next_step = plan.first[:-1].copy()
    order = np.argsort(checked.unit, kind="stable")
    unit, step = checked.unit[order], checked.record.step[order]
    jumped = (checked.record.operation[order] == JUMP) & (checked.record.jumped[order] == 1)
    next_step[unit] = np.where(jumped, plan.rows[step, Column.ARGUMENT], step + 1)
    for waiting in np.flatnonzero(next_step < plan.first[1:]).tolist():
        if plan.rows[next_step[waiting], Column.OPERATION] in INSTANT_OPERATIONS:
            yield f"{plan.units[waiting]} never does step {next_step[waiting]}, which nothing keeps it from"


def _within_calendar(checked: CheckedRun) -> Iterator[str]:
    """The last minute of every activity lies in an open interval of its calendar."""
    record, plan = checked.record, checked.plan
    rows = np.flatnonzero((record.operation == WORK) & (record.minute > np.maximum(record.begun, checked.data_date)))
    # drivers' hours of service end where the driver stands, open road or not
    rows = rows[plan.rows[record.step[rows], Column.MODE] != MODES["duty"]]
    calendar = plan.rows[record.step[rows], Column.CALENDAR]
    for calendar_number in np.unique(calendar).tolist():
        rows_of_calendar = rows[calendar == calendar_number]
        working_time, ends = record.calendars[calendar_number], record.minute[rows_of_calendar]
        # the minute before the end is not open exactly where nothing is worked in it
        closed = working_time.worked_many(ends) == working_time.worked_many(ends - 1)
        for row in rows_of_calendar[closed].tolist():
            activity = plan.activities[plan.activity_of[record.step[row]]]
            yield f"{activity} ends at minute {record.minute[row]}, when {plan.calendars[calendar_number]} is closed"


# --- money ------------------------------------------------------------------------------------------------------------


ROUNDING = 1e-6
PARTS = ("energise", "shell_and_systems", "compute")


def money(checked: CheckedRun) -> Iterator[str]:
    """Yield a sentence for each contract, sum and curve that is off by a cent."""
    entries = checked.cost_model.ledger(checked.run)
    total = int(entries.cents.sum())
    yield from _contracts(checked, entries)
    yield from _reported(checked, entries)
    yield from _sums(entries, total)
    yield from _standing_costs(checked, entries)
    if round(checked.metrics["capital_total_usd"] * 100) != total:
        yield f"capital in all is {checked.metrics['capital_total_usd']:,.2f}, the ledger has {total / 100:,.2f}"
    parts = fsum(checked.metrics[f"capital_{part}_usd"] for part in PARTS)
    if abs(parts * 100 - total) > 1:
        yield f"the parts of capital add up to {parts:,.2f}, the ledger to {total / 100:,.2f}"
    yield from _curves(checked, entries)


def _contracts(checked: CheckedRun, entries: Ledger) -> Iterator[str]:
    """A contract is paid exactly once every block is online, and never beyond its price.

    A retention until all blocks are online is kept where some are never ordered.
    """
    contracts = len(entries.value)
    paid, not_cancelled = entries.total[:contracts], entries.cancelled < 0
    # where some block is not online, milestones may be missing and prices are paid in part
    all_online = checked.complete and bool(checked.blocks.reached.all())
    mispaid = (paid != entries.value) if all_online else (paid > entries.value)
    never_ordered = (paid == 0) & (entries.ordered < 0)
    for item in np.flatnonzero(mispaid & not_cancelled & ~never_ordered).tolist():
        yield f"{entries.names[item]} costs {entries.value[item] / 100:,.2f} and {paid[item] / 100:,.2f} are paid"


def _reported(checked: CheckedRun, entries: Ledger) -> Iterator[str]:
    """Payments until the data date add up to those reported, where any were."""
    reported = checked.cost_model.reported
    if reported is not None and reported.paid_usd is not None:
        paid = int(entries.cents[entries.minute <= reported.paid_minute].sum())
        if paid != round(reported.paid_usd * 100):
            yield f"{reported.paid_usd:,.2f} were reported as paid, the ledger has {paid / 100:,.2f}"


def _sums(entries: Ledger, total: int) -> Iterator[str]:
    """By item and by month the entries add up to the same."""
    by_month = np.zeros(int(entries.minute.max(initial=0)) // MONTH + 1, np.int64)
    np.add.at(by_month, entries.minute // MONTH, entries.cents)
    if not int(entries.total.sum()) == int(by_month.sum()) == total:
        yield f"by item {entries.total.sum()}, by month {by_month.sum()}, in all {total} cents"


def _standing_costs(checked: CheckedRun, entries: Ledger) -> Iterator[str]:
    """Labour, camp and general conditions are paid for exactly the days on which they were on site."""
    first = len(entries.value)
    # summed over days here, over periods there: the cents of both must agree
    costs = standing_costs(checked.run, first, checked.project)
    due = dict(zip(costs.item.tolist(), np.rint(costs.by_day.sum(axis=1) * 100), strict=True))
    for item, name in enumerate(STANDING_COSTS[:-1], first):
        if int(entries.total[item]) != due.get(item, 0):
            yield f"{name} costs {due.get(item, 0) / 100:,.2f}, {entries.total[item] / 100:,.2f} are paid"


def _curves(checked: CheckedRun, entries: Ledger) -> Iterator[str]:
    """Deployed capital is the payments due so far, and is never less than capital in service."""
    deployed, in_service = checked.curves["capital_deployed_usd"], checked.curves["capital_in_service_usd"]
    due_cents = np.zeros(len(deployed), np.int64)
    day = entries.minute // DAY
    np.add.at(due_cents, day[day < len(due_cents)], entries.cents[day < len(due_cents)])
    # a float curve against whole cents: a cent of tolerance, and the last digits of billions
    if not np.allclose(deployed * 100, np.cumsum(due_cents), rtol=1e-9, atol=1):
        worst = int(np.abs(deployed * 100 - np.cumsum(due_cents)).argmax())
        yield f"deployed on day {worst} is {deployed[worst]:,.2f}, {np.cumsum(due_cents)[worst] / 100:,.2f} has fallen due"
    if bool((in_service > deployed * (1 + ROUNDING) + 1).any()):
        yield "more capital is in service than was deployed"


# --- skids ------------------------------------------------------------------------------------------------------------


STAGES = ("ordered", "started", "delivered", "set", "complete")


def skids(checked: CheckedRun) -> Iterator[str]:
    """Yield systems of which more is further along than has come so far, and megawatts that were never built."""
    for name, system in checked.project.by_system.items():
        in_factory = system.scope == "factory"
        minutes = {stage: _stage_minutes(checked, name, stage) for stage in STAGES}
        if in_factory:
            # set and complete are noted once a block, the stages before once a skid
            minutes |= {stage: np.repeat(minutes[stage], system.skid.per_block) for stage in ("set", "complete")}
        stages = [stage for stage in STAGES if in_factory or stage not in ("started", "set")]
        yield from _stage_order(name, {stage: minutes[stage] for stage in stages})
        blocks_ordered = int(checked.blocks.wanted.sum())
        parts_ordered = blocks_ordered * (system.skid.per_block if in_factory else 1)
        if checked.complete and len(minutes["complete"]) < parts_ordered:
            yield f"{len(minutes['complete'])} parts of {name} are complete where {parts_ordered} were ordered"
    yield from _megawatts(checked)


def _stage_minutes(checked: CheckedRun, system: str, stage: str) -> Ints:
    """Return the minutes, ascending, at which parts of a system reached a stage, as noted in the log."""
    notes = checked.record.noted(stage)
    system_of_item = checked.record.plan_index.part_of_item
    return np.sort(notes.minute[system_of_item[notes.item] == system]) if len(notes.item) else notes.minute


def _stage_order(name: str, minutes: dict[str, Ints]) -> Iterator[str]:
    """The n-th part reaches a stage no earlier than the n-th part reached the stage before it."""
    stages = list(minutes)
    for before, after in pairwise(stages):
        earlier, later = minutes[before], minutes[after]
        if len(later) > len(earlier):
            yield f"{len(later)} of {name} are {after} and only {len(earlier)} {before}"
        elif bool((later < earlier[: len(later)]).any()):
            yield f"more of {name} are {after} than {before}"


def _megawatts(checked: CheckedRun) -> Iterator[str]:
    """Megawatts online never fall, end at what was ordered, and are those of the blocks."""
    curve, blocks = checked.curves["mw_online"], checked.blocks
    if bool((np.diff(curve) < 0).any()):
        yield "megawatts go offline"
    days = np.arange(len(curve))
    online_minutes = np.sort(blocks.minute[blocks.reached])
    block_mw = float(blocks.mw[0]) if len(blocks.mw) else 0.0
    counted_mw = np.searchsorted(online_minutes, (days + 1) * DAY, side="right") * block_mw
    if not np.allclose(curve, counted_mw, rtol=0, atol=1e-6):
        yield f"{curve[-1]:g} MW are online on the last day, the blocks have {counted_mw[-1]:g}"
    if checked.complete and int(blocks.reached.sum()) < int(blocks.wanted.sum()):
        yield f"{int(blocks.reached.sum())} blocks are online where {int(blocks.wanted.sum())} were ordered"


# --- pools ------------------------------------------------------------------------------------------------------------


def pools(checked: CheckedRun) -> Iterator[str]:
    """Yield pools of which more is taken than there is, or given back than was taken, and units that keep some."""
    moves, plan = checked.moves, checked.plan
    for pool, name in enumerate(plan.pools):
        of_pool = moves.pool == pool
        # only the level at the end of a minute counts: a row may take what a later row of the minute gives back
        last_of_minute = np.diff(moves.minute[of_pool], append=-1) != 0
        free = (plan.initial[pool] + np.cumsum(moves.count[of_pool]))[last_of_minute]
        free, lowest_allowed = _after_data_date(checked, moves.minute[of_pool][last_of_minute], free)
        if len(free) and int(free.min()) < lowest_allowed:
            yield f"{-int(free.min())} of {name} are taken that are not there"
        if plan.pool_kinds[pool] == "returned" and len(free) and int(free.max()) > plan.initial[pool]:
            yield f"{int(free.max()) - int(plan.initial[pool])} of {name} are given back that were never taken"
    yield from _unreturned(checked)


def _after_data_date(checked: CheckedRun, minute: Ints, level: Ints) -> tuple[Ints, int]:
    """Return a level after the data date, and the lowest value allowed: 0, or what history ended with if that is below 0."""
    if not checked.data_date:
        return level, 0
    past = level[minute <= checked.data_date]
    return level[minute > checked.data_date], min(0, int(past[-1]) if len(past) else 0)


def _unreturned(checked: CheckedRun) -> Iterator[str]:
    """A unit at the end of its route has given back everything that it took from pools of things to be returned."""
    moves, plan, units = checked.moves, checked.plan, len(checked.plan.units)
    last_step = np.full(units, -1, np.int64)
    last_step[checked.unit] = checked.record.step
    # a unit that still waits may keep what it holds; one at its end may not
    finished = last_step + 1 == plan.first[1:]
    returned = np.array([kind == "returned" for kind in plan.pool_kinds], np.bool_)
    moves_counted = returned[moves.pool] & finished[moves.unit]
    still_held = np.zeros((units, len(plan.pools)), np.int64)
    np.subtract.at(still_held, (moves.unit[moves_counted], moves.pool[moves_counted]), moves.count[moves_counted])
    for unit, pool in np.argwhere(still_held != 0).tolist():
        yield f"{plan.units[unit]} is at its end and keeps {still_held[unit, pool]} of {plan.pools[pool]}"


def queues(checked: CheckedRun) -> Iterator[str]:
    """Yield queues that break Little's law: people in the queue, added up over time, are the sum of their waits."""
    record, plan = checked.record, checked.plan
    rows = np.flatnonzero(record.operation == HOLD)
    bundle = record.plan_index.first_argument[record.step[rows]]
    for bundle_number in np.unique(bundle).tolist():
        holds = rows[bundle == bundle_number]
        requested, granted = record.begun[holds], record.minute[holds]
        times, time_index = np.unique(np.concatenate([requested, granted]), return_inverse=True)
        # the same area measured across (length of the queue over time) and along (each unit's wait)
        queue_change = np.concatenate([np.ones(len(holds), np.int64), np.full(len(holds), -1)])
        queue_length = np.cumsum(np.bincount(time_index, queue_change, len(times)))
        total_wait = float((queue_length[:-1] * np.diff(times)).sum())
        if total_wait != float((granted - requested).sum()) or bool((queue_length < 0).any()):
            names = " + ".join(plan.pools[pool] for pool, _ in plan.bundles[bundle_number])
            yield f"who waits for {names} over time is {total_wait:g} minutes, the waits are {(granted - requested).sum()}"


# --- people -----------------------------------------------------------------------------------------------------------


COME, END, BEGIN, LEAVE = range(4)
HOURS_ROUNDING = 1e-9


def people(checked: CheckedRun) -> Iterator[str]:
    """Yield trades of which more are at work than on site, and hours and heads that do not add up."""
    yield from _at_work(checked)
    yield from _presence(checked)
    metrics = checked.metrics
    if metrics["hours_worked"] > metrics["hours_paid"] * (1 + HOURS_ROUNDING):
        yield f"{metrics['hours_worked']:,.1f} hours are worked and only {metrics['hours_paid']:,.1f} paid"
    if metrics["peak_workforce_onsite"] != float(checked.curves["headcount"].max(initial=0)):
        yield "the peak is not the highest day of the headcount"


def _at_work(checked: CheckedRun) -> Iterator[str]:
    """At no minute are more people of a trade at work than have come and not gone, overtime included."""
    record, plan = checked.record, checked.plan
    notes = [record.noted("people"), record.noted(OVERTIME)]
    item, amount, minute = (
        np.concatenate([getattr(note, part) for note in notes]) for part in ("item", "amount", "minute")
    )
    work = np.flatnonzero((record.operation == WORK) & (record.minute > record.begun))
    for number, trade in enumerate(plan.trades):
        of_trade = item == record.plan_index.number_of_item.get(trade, -1)
        change, when = amount[of_trade], minute[of_trade]
        heads = plan.people[record.step[work], number]
        works, heads = work[heads > 0], heads[heads > 0]
        minutes = np.concatenate([when, record.minute[works], record.begun[works]])
        # in one minute: who comes is there first, works end before others begin, and who goes is the last
        come_or_leave = np.where(change > 0, COME, LEAVE)
        kind = np.concatenate([come_or_leave, np.full(len(works), END), np.full(len(works), BEGIN)])
        order = np.lexsort((kind, minutes))
        idle, lowest_allowed = _after_data_date(
            checked, minutes[order], np.concatenate([change, heads, -heads])[order].cumsum()
        )
        if len(idle) and int(idle.min()) < lowest_allowed:
            yield f"{-int(idle.min())} {trade} are at work who are not on site"


def _presence(checked: CheckedRun) -> Iterator[str]:
    """Days on site summed crew by crew are those of the daily headcount: direct people, overtime, standby, shift premium."""
    headcount = checked.run.people
    headcount_of = {"people": headcount.direct, OVERTIME: headcount.overtime, STANDBY: headcount.standby}
    for kind, by_day in {**headcount_of, SHIFT_PREMIUM: headcount.premium}.items():
        crew_days = _presence_days(checked, kind)
        if by_day is not None and crew_days != int(by_day.sum()):
            yield f"crews are there for {crew_days:,} days of {kind}, the headcount has {int(by_day.sum()):,}"


def _presence_days(checked: CheckedRun, kind: str) -> int:
    """Return the person-days on site of one kind, summed note by note (who comes, who leaves) instead of day by day."""
    record, days = checked.record, checked.run.people.direct.shape[1]
    last = int(record.minute[-1]) // DAY if len(record.minute) else 0
    last_day, total = min(days - 1, last), 0
    note_rows = np.flatnonzero(record.operation == NOTE)
    notes = record.plan_index.first_argument[record.step[note_rows]]
    note_rows = note_rows[[record.plan_index.plan.notes[note].kind == kind for note in notes.tolist()]]
    for minute, amount in zip(record.minute[note_rows].tolist(), record.amount[note_rows].tolist(), strict=True):
        day = min(minute // DAY, days - 1)
        # who leaves is there on that day, as in `headcount`
        total += amount * (last_day + 1 - min(day + (amount < 0), last_day + 1))
    return total


# --- conservation -----------------------------------------------------------------------------------------------------


SWITCH = "SIM_CHECK"
SHOWN = 5


def switched_on() -> bool:
    """Return whether every replication is to be checked."""
    return os.environ.get(SWITCH, "") not in ("", "0")


def violations(checked: CheckedRun) -> Iterator[str]:
    """Yield the identities that a run violates, in words."""
    for identity in (steps, pools, queues, people, skids, money):
        yield from (f"{identity.__name__}: {violation}" for violation in identity(checked))


def require_conserved(checked: CheckedRun) -> None:
    """Raise CheckFailed with the first identities that do not hold."""
    violated = list(violations(checked))
    if violated:
        more = f"\n  … and {len(violated) - SHOWN} more" if len(violated) > SHOWN else ""
        raise CheckFailed("what a run must conserve is not:\n  " + "\n  ".join(violated[:SHOWN]) + more)
