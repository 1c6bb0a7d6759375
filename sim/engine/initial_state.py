"""The state that a replication continues from: where every unit stands at a minute, worked out from what was done so far.

A history is an event log up to a minute. Everything else follows from it: what is free is what there was at the start
plus what was given back less what is held, a gate stands at the sum of its signals, attempts and learning are counts
(rule 13 of docs/engine.md). Only how long work under way still takes is not in it, and is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.plan.compile import NONE, CompiledPlan
from sim.plan.copies import SmallArray
from sim.plan.vocabulary import AGAIN, FREE, HOLD, LEAVING, SIGNAL, UNTIL, WAIT, WORK, Log

Ints = NDArray[np.int64]
BLOCKING = (HOLD, WORK, WAIT, UNTIL)
"""Operations at which a unit can stand while time passes."""
SETS_OUT = -1
"""Instead of the minute in which a unit began its step: it comes to the step only now."""
MILLION = 1_000_000


@dataclass(frozen=True)
class InitialState:
    """Where a replication begins: at `minute`, all of which is over.

    Per unit: `at` is its step (the first one of the next unit where it is at its end), `begun` the minute in which
    that step began or `SETS_OUT`; of work under way `minutes` is its whole length, counted from the minute `since`. Per
    pool, gate, step, learning curve and area: what is free, levels, attempts, first attempts begun, people at work.
    `history` are the rows of the log until then, `content` the minutes before losses of inputs reached in it. Per input,
    `interrupted` is what is left of work that was begun and stopped, or NONE: it takes so many minutes when its unit comes
    to it, whatever would have been drawn.
    """

    minute: int
    at: Ints
    begun: Ints
    since: Ints
    minutes: Ints
    free: Ints
    level: Ints
    attempts: Ints
    learnt: Ints
    crowd: Ints
    history: Log
    content: Ints
    interrupted: Ints
    complete: bool = False

    @property
    def settled(self) -> tuple[Ints, ...]:
        """Return the arrays that are the same however long what is under way or interrupted still takes."""
        return (
            self.at, self.begun, self.free, self.level, self.attempts, self.learnt, self.crowd, self.history, self.content,
        )  # fmt: skip

    @property
    def under_way(self) -> Ints:
        """Return the units whose work is under way, in order."""
        return np.flatnonzero(self.minutes >= 0)

    def lasting(self, minutes: Ints, since: int | None = None) -> InitialState:
        """Return this state with the whole length of every work under way, counted from its begin or from `since`."""
        everywhere, begin = np.full(len(self.at), NONE, np.int64), self.since
        everywhere[self.under_way] = minutes
        if since is not None:
            begin = np.where(everywhere >= 0, since, self.since)
        return replace(self, minutes=everywhere, since=begin.copy(), interrupted=self.interrupted.copy())


StateOf = Callable[[int], InitialState]
"""The state that a replication continues from."""


def state_of_history(plan: CompiledPlan, history: Log, minute: int, content: Ints) -> InitialState:
    """Return the state after a history, the rows of a log until `minute` in the order in which they were done.

    Work under way has 0 minutes until `lasting` says how many. A unit that stands before a step that takes no time sets
    out on it at once.
    """
    steps, x = history[:, 1], history[:, 2]
    at, begun = _standing(plan, history)
    inside = at < plan.first[1:]
    operation = np.where(inside, plan.rows[np.minimum(at, len(plan.rows) - 1), 0], NONE)
    begun = np.where(np.isin(operation, BLOCKING), begun, SETS_OUT)
    working = np.flatnonzero(operation == WORK)
    done = plan.rows[steps, 0]
    drawn = np.flatnonzero((done == WORK) | (done == AGAIN))
    attempts = np.bincount(steps[drawn], minlength=len(plan.rows))
    first = np.flatnonzero((attempts > 0) & (plan.rows[:, 0] == WORK))
    first = np.union1d(first, at[working])
    attempts[at[working]] += 1
    level = np.zeros(len(plan.gates), np.int64)
    signals = done == SIGNAL
    np.add.at(level, plan.rows[steps[signals], 1], x[signals])
    minutes = np.full(len(plan.units), NONE, np.int64)
    minutes[working] = 0
    gate, enough = plan.completion
    return InitialState(
        minute, at, begun, begun.copy(), minutes, _free(plan, steps), level, attempts,
        _counted(plan.learning_of[first], len(plan.learning)),
        _counted(plan.area_of[at[working]], len(plan.areas), plan.rows[at[working], 4]),
        history, content, np.full(len(content), NONE, np.int64), bool(level[gate] >= enough),
    )  # fmt: skip


def _standing(plan: CompiledPlan, history: Log) -> tuple[Ints, Ints]:
    """Return the step at which each unit stands after a history, and since when."""
    at, begun = plan.first[:-1].copy(), np.zeros(len(plan.units), np.int64)
    # the last row of each unit: numpy keeps the last value that is assigned to a place
    unit, steps = plan.unit_of[history[:, 1]], history[:, 1]
    jumped = (plan.rows[steps, 0] == AGAIN) & (history[:, 2] == 1)
    at[unit] = np.where(jumped, plan.rows[steps, 1], steps + 1)
    begun[unit] = history[:, 0]
    return at, begun


def _free(plan: CompiledPlan, steps: Ints) -> Ints:
    """Return what is free in every pool after some steps."""
    free = plan.initial.copy()
    for operation, sign in ((FREE, 1), (HOLD, -1)):
        bundles = plan.rows[steps[plan.rows[steps, 0] == operation], 1]
        for bundle, times in zip(*np.unique(bundles, return_counts=True), strict=True):
            for pool, count in plan.bundles[bundle]:
                free[pool] += sign * count * times
    return free


BalanceState = tuple[int, int, int, dict[int, int]]
"""A balance now, at the end of the minute before its last change, that minute, and since when at which level."""


def balances_after(plan: CompiledPlan, state: InitialState) -> list[BalanceState]:
    """Return what the balances of a plan have come to after the history of a state."""
    rows, found = plan.rows[state.history[:, 1]], list[BalanceState]()
    inside = np.flatnonzero(state.at < plan.first[1:])
    asking = inside[(plan.rows[state.at[inside], 0] == HOLD) & (state.begun[inside] != SETS_OUT)]
    pending = plan.rows[state.at[asking]]
    asked, freed = rows[:, 0] == HOLD, rows[:, 0] == FREE
    leaving = asked & (rows[:, 2] >= LEAVING)
    minute = np.where(asked & ~leaving, state.history[:, 2], state.history[:, 0])
    minute = np.concatenate([minute[asked | freed], state.begun[asking][pending[:, 2] < LEAVING]])
    bundle = np.concatenate([rows[asked | freed, 1], pending[pending[:, 2] < LEAVING, 1]])
    sign = np.where(
        np.concatenate([freed[asked | freed], np.zeros(len(bundle) - (asked | freed).sum(), np.bool_)]), 1, -1
    )
    for pools in plan.balanced:
        counts = np.array([sum(count for pool, count in of if pool in pools) for of in plan.bundles], np.int64)
        found.append(_replayed(int(plan.initial[list(pools)].sum()), minute, sign * counts[bundle]))
    return found


def _replayed(value: int, minute: Ints, change: Ints) -> BalanceState:
    """Return what a balance has come to by changes in some minutes; what the last of them changes is not over yet."""
    there = change != 0
    minutes, of = np.unique(minute[there], return_inverse=True)
    by_minute = np.bincount(of, change[there], len(minutes)).astype(np.int64).tolist()
    ended, changed, since = value, -1, dict[int, int]()
    for now, more in zip(minutes.tolist(), by_minute, strict=True):
        since |= dict.fromkeys(range(min(ended, value) + 1, max(ended, value) + 1), changed)
        ended, changed, value = value, now, value + more
    return value, ended, changed, since


def _counted(numbers: SmallArray, size: int, weights: Ints | None = None) -> Ints:
    """Return how often each number comes, or the sum of its weights; NONE does not count."""
    there = numbers != NONE
    weight = None if weights is None else weights[there]
    return np.bincount(numbers[there], weight, size).astype(np.int64)


def have_not_begun(state: InitialState, plan: CompiledPlan, unit: int) -> None:
    """Have a unit whose next work is under way begin it at the state's minute instead: nobody said that it has begun."""
    step = int(state.at[unit])
    state.begun[unit], state.minutes[unit] = SETS_OUT, -1
    state.attempts[step] -= 1
    curve, area = int(plan.learning_of[step]), int(plan.area_of[step])
    if curve >= 0 and state.attempts[step] == 0:
        state.learnt[curve] -= 1
    if area >= 0:
        state.crowd[area] -= plan.rows[step, 4]


# --- work under way -------------------------------------------------------------------------------------------------


def factors_at_start(plan: CompiledPlan, state: InitialState) -> tuple[Ints, Ints]:
    """Return, for every work under way, the millionths of learning and of crowding that held when it began (rule 10)."""
    units = state.under_way
    done = state.history[plan.rows[state.history[:, 1], 0] == WORK]
    # work of all kinds that was begun so far: begin, unit, step, end
    begin = np.concatenate([done[:, 2], state.begun[units]])
    unit = np.concatenate([plan.unit_of[done[:, 1]], units])
    step = np.concatenate([done[:, 1], state.at[units]])
    end = np.concatenate([done[:, 0], np.full(len(units), np.iinfo(np.int64).max)])
    learning, crowding = np.full(len(units), MILLION, np.int64), np.full(len(units), MILLION, np.int64)
    curves, areas = plan.learning_of[step], plan.area_of[step]
    # only work on the same curve, or in the same area, counts: looked up once for all units of it
    on_curve = {
        curve: np.flatnonzero(curves == curve) for curve in np.unique(plan.learning_of[state.at[units]]).tolist()
    }
    in_area = {area: np.flatnonzero(areas == area) for area in np.unique(plan.area_of[state.at[units]]).tolist()}
    for place, number in enumerate(units.tolist()):
        mine, at = int(state.begun[number]), int(state.at[number])
        curve, area = int(plan.learning_of[at]), int(plan.area_of[at])
        # repeated work was learnt the first time, and does not count as another piece
        if curve != NONE and state.attempts[at] == 1:
            works = on_curve[curve]
            learnt = len(np.unique(step[works[_begun_before(begin[works], unit[works], mine, number)]]))
            learning[place] = plan.learning[curve][min(learnt, len(plan.learning[curve]) - 1)]
        if area != NONE:
            works = in_area[area]
            there = _begun_before(begin[works], unit[works], mine, number) & (end[works] > mine)
            people = int(plan.rows[step[works[there]], 4].sum() + plan.rows[at, 4])
            crowding[place] = plan.areas[area][min(people, len(plan.areas[area]) - 1)]
    return learning, crowding


def _begun_before(begin: Ints, unit: Ints, minute: int, number: int) -> NDArray[np.bool_]:
    """Return which works began before that of a unit that began in a minute; in the same minute units go by number."""
    return (begin < minute) | ((begin == minute) & (unit < number))


def whole_minutes(drawn: Ints, learning: Ints, crowding: Ints) -> Ints:
    """Return drawn minutes × learning × crowding, rounded half up after each, as the engines do."""
    for factor in (learning, crowding):
        drawn = np.where(factor == MILLION, drawn, (2 * drawn * factor + MILLION) // (2 * MILLION))
    return drawn
