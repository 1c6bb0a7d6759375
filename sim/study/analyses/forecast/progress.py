"""From a status to the history it implies: where every unit stands at the data date, and when it did what.

Rules. A unit of which something is reported stands where the report puts it; its steps before have the plan's distances,
stretched between facts. What the status does not speak of goes as planned, later by the median lateness of all facts.
What a fact needs has happened (a hall that is dried in has foundations), unless it is reported as not done: then the work
is out of sequence, and goes on (progress override). Nothing happens after the data date.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np

from sim.engine.initial_state import SETS_OUT, InitialState, state_of_history
from sim.plan.draws import SampledInputs
from sim.plan.vocabulary import AGAIN, FREE, HOLD, MINUTES_PER_DAY, NOTE, SIGNAL, UNTIL, WAIT, WORK
from sim.study.analyses.forecast.plan_steps import NEVER, PlanSteps
from sim.study.analyses.forecast.status import ONLINE, Fact, Status

SUPPLIED = ("supplied", "passed")
ROUNDS = 200


@dataclass
class Known:
    """What a status says of one unit: when it did which place of its route, and the first one it has not done."""

    done: dict[int, int] = field(default_factory=dict)
    started: tuple[int, int] | None = None
    open_from: int = NEVER
    whole: bool = False


@dataclass(frozen=True)
class Remaining:
    """What a status says of work under way: minutes left, or a share of its length, or the minute it goes on."""

    minutes: tuple[float, float, float] | None = None
    share: float | None = None
    since: int | None = None


class Progress:
    """The history of a project up to the data date, unit by unit."""

    def __init__(self, steps: PlanSteps, status: Status, day_minutes: dict[str, int]) -> None:
        self.steps, self.plan, self.minute = steps, steps.plan, status.minute
        self.day_minutes = day_minutes
        self.known: dict[int, Known] = {}
        self.remaining: dict[int, Remaining] = {}
        self.out_of_sequence: list[str] = []
        self.implied = 0
        for what in dict.fromkeys(fact.what for fact in status.of("count")):
            self._count(what, [fact for fact in status.of("count") if fact.what == what])
        for fact in status.of("milestone"):
            self._milestone(fact)
        for fact in status.of("activity"):
            self._activity(fact)
        for fact in status.of("promise"):
            self._promise(fact)
        self.times: list[list[int]] = [[] for _ in self.plan.units]
        self._lay_out()
        self._complete()

    # --- facts ------------------------------------------------------------------------------------------------

    def _of(self, unit: int) -> Known:
        return self.known.setdefault(unit, Known())

    def _count(self, what: str, facts: list[Fact]) -> None:
        """Assign counts to units by the plan's order; between two counts they have the plan's rhythm, stretched to fit."""
        places = self.steps.stages[what]
        per = self.steps.mw_of_block if what == ONLINE else 1.0
        points = sorted((fact.date or 0, min(len(places), int((fact.count or 0) / per + 1e-6))) for fact in facts)
        planned = [self.steps.routes[unit].planned[place] for unit, place in places]
        planned = np.maximum.accumulate(planned).tolist()
        begin, before, since = min(planned[0], points[0][0]), 0, planned[0]
        for date, count in points:
            # the moment nearest to the date at which the plan has as many: what goes as planned keeps the plan's dates
            until = max(date, planned[count - 1]) if count else since
            until = min(until, planned[count]) if count < len(places) else until
            for number in range(before, count):
                share = (planned[number] - since) / max(1, until - since) if until < NEVER else 1.0
                unit, place = places[number]
                self._of(unit).done[place] = round(begin + min(1.0, max(0.0, share)) * (date - begin))
            begin, before, since = date, max(before, count), max(since, min(until, NEVER))
        for unit, place in places[before:]:
            self._of(unit).open_from = min(self._of(unit).open_from, place)

    def _milestone(self, fact: Fact) -> None:
        unit = self.steps.milestone(fact.what)
        assert unit is not None
        assert fact.finish is not None
        self._of(unit).done[len(self.steps.routes[unit].steps) - 1] = fact.finish

    def _activity(self, fact: Fact) -> None:
        """Put a unit where an activity that is reported has it."""
        unit, place = self.steps.activities[fact.what]
        known, step = self._of(unit), self.steps.routes[unit].steps[place]
        known.whole = True
        if fact.start is not None:
            known.started = place, fact.start
            if place > 0:
                known.done[place - 1] = fact.start
        if fact.finish is not None:
            known.done[place] = fact.finish
            known.started = None
        elif fact.start is not None:
            self.remaining[unit] = self._left(fact, step)

    def _left(self, fact: Fact, step: int) -> Remaining:
        """Return what is said about the remaining time of an activity."""
        since = fact.resumed if fact.resumed is not None and fact.resumed > self.minute else None
        if fact.remaining_days is not None:
            minutes = fact.remaining_days * self._day(step)
            return Remaining((minutes, minutes, minutes), None, since)
        if fact.percent is not None:
            return Remaining(None, 1 - min(fact.percent, 100) / 100, since)
        return Remaining(since=since)

    def _day(self, step: int) -> int:
        """Return the minutes of a working day on the calendar of a work."""
        name = self.plan.calendars[self.plan.rows[step, 2]]
        if name.startswith("site"):
            return self.day_minutes["site"]
        return self.day_minutes["factory"] if name.startswith("factory") else MINUTES_PER_DAY

    def _promise(self, fact: Fact) -> None:
        """Have the unit's last wait under way since it began, with the time that is left until the new date."""
        unit = self.steps.units[fact.what]
        place = self.steps.promised(unit)
        assert place is not None
        assert fact.finish is not None
        planned = self.steps.routes[unit].planned[place - 1] if place else 0
        known = self._of(unit)
        known.whole, known.started = True, (place, min(planned, self.minute))
        if place:
            known.done[place - 1] = min(planned, self.minute)
        dates = (fact.low or fact.finish, fact.finish, fact.high or fact.finish)
        low, mode, high = (float(max(0, date - self.minute)) for date in dates)
        self.remaining[unit] = Remaining((low, mode, high))

    # --- history ----------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Give every step done its minute: of reported units by their facts, of others by the plan, moved."""
        late = [
            at - self.steps.routes[unit].planned[place]
            for unit, known in self.known.items()
            for place, at in known.done.items()
            if self.steps.routes[unit].planned[place] < NEVER
        ]
        self.late = round(median(late)) if late else 0
        for unit in range(len(self.plan.units)):
            self.times[unit] = self._times_of(unit)

    def _times_of(self, unit: int) -> list[int]:
        """Return the minutes of all that a unit has done: by its facts, then as planned as far as these allow."""
        route, known = self.steps.routes[unit], self.known.get(unit, Known())
        facts = sorted(known.done.items())
        times = [min(at, self.minute) for at in _between(route.planned, facts)]
        moved = times[-1] - route.planned[len(times) - 1] if times else self.late
        if times and route.planned[len(times) - 1] >= NEVER:
            moved = 0
        for place in range(len(times), len(route.steps)):
            step = route.steps[place]
            # a date comes by itself; all else that takes time is done only where somebody says so
            dated = self.steps.rows[step][0] == UNTIL
            blocking = self.steps.blocks_anything(step) and not (dated and known.whole)
            if place >= known.open_from or (blocking and (known.whole or known.started is not None)):
                break
            at = (
                max(route.planned[place] + moved, times[-1] if times else 0)
                if blocking or dated or not times
                else times[-1]
            )
            if at > self.minute:
                break
            times.append(at)
        return times

    def _complete(self) -> None:
        """Have happened what the facts need; take back what was only assumed and cannot have been."""
        self._find_givers()
        for _ in range(ROUNDS):
            if not any([self._complete_gates(), self._complete_pools()]):
                return

    def _done(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield unit, place, step and minute of all that is done."""
        for unit, times in enumerate(self.times):
            for place, at in enumerate(times):
                yield unit, place, self.steps.routes[unit].steps[place], at

    def _find_givers(self) -> None:
        """Collect who signals which gate, and who supplies which pool, by the plan's order."""
        self.signallers: dict[int, list[tuple[int, int, int]]] = {}
        self.suppliers: dict[int, list[tuple[int, int, int]]] = {}
        kinds = self.plan.pool_kinds
        for unit, route in enumerate(self.steps.routes):
            for place, step in enumerate(route.steps):
                operation, a = self.steps.rows[step][:2]
                if operation == SIGNAL:
                    self.signallers.setdefault(a, []).append((route.planned[place], unit, place))
                elif operation == FREE:
                    for pool, _ in self.plan.bundles[a]:
                        if kinds[pool] in SUPPLIED:
                            self.suppliers.setdefault(pool, []).append((route.planned[place], unit, place))
        for givers in (*self.signallers.values(), *self.suppliers.values()):
            givers.sort()

    def _complete_gates(self) -> bool:
        """Have those signal that passed waits need; return whether anything changed."""
        level = np.zeros(len(self.plan.gates), np.int64)
        waits: dict[int, list[tuple[int, int, int, int]]] = {}
        for unit, place, step, at in self._done():
            operation, gate, amount = self.steps.rows[step][:3]
            if operation == SIGNAL:
                level[gate] += amount
            elif operation == WAIT:
                waits.setdefault(gate, []).append((amount, unit, place, at))
        changed = False
        for gate, needs in waits.items():
            for needed, unit, place, at in sorted(needs):
                if level[gate] >= needed:
                    continue
                given = self._advance(self.signallers.get(gate, []), at)
                if given is not None:
                    level[gate] = NEVER  # looked at again in the next round
                    changed = True
                elif not self._take_back(unit, place):
                    self._tell(unit, self.plan.gates[gate])
                else:
                    changed = True
        return changed

    def _complete_pools(self) -> bool:
        """Have those supply what is held; return whether anything changed."""
        balance = self.plan.initial.copy()
        holders: dict[int, list[tuple[int, int, int]]] = {}
        for unit, place, step, at in self._done():
            operation, a = self.steps.rows[step][:2]
            if operation in (HOLD, FREE):
                for pool, count in self.plan.bundles[a]:
                    balance[pool] += count if operation == FREE else -count
                    if operation == HOLD:
                        holders.setdefault(pool, []).append((at, unit, place))
        changed = False
        for pool in np.flatnonzero(balance < 0).tolist():
            if self.plan.pool_kinds[pool] not in SUPPLIED:
                continue
            at, unit, place = max(holders[pool])
            if self._advance(self.suppliers.get(pool, []), at) is not None:
                changed = True
            else:
                changed |= any(
                    self._take_back(unit, place) for _, unit, place in sorted(holders[pool], reverse=True)[:1]
                )
        return changed

    def _advance(self, givers: list[tuple[int, int, int]], at: int) -> int | None:
        """Have the next of those who may give do so by a minute; None if none is left."""
        for _, unit, place in givers:
            known = self.known.get(unit)
            done = self.times[unit]
            if place < len(done):
                continue
            if known is not None and (known.whole or known.started is not None or place >= known.open_from):
                continue
            latest = max(at, done[-1] if done else 0)
            done.extend([latest] * (place + 1 - len(done)))
            self.implied += 1
            return unit
        return None

    def _take_back(self, unit: int, place: int) -> bool:
        """Have a unit stand before a step that it was only assumed to have done; False where it is reported."""
        known = self.known.get(unit)
        if known is not None and any(done >= place for done in known.done):
            return False
        del self.times[unit][place:]
        return True

    def _tell(self, unit: int, gate: str) -> None:
        text = f"{self.plan.units[unit]} went on before {gate}"
        if text not in self.out_of_sequence:
            self.out_of_sequence.append(text)

    # --- state ------------------------------------------------------------------------------------------------

    def state(self, expected: SampledInputs) -> InitialState:
        """Return the state at the data date; work under way has no length yet."""
        rows = [(at, step, self._detail(unit, place), unit, place) for unit, place, step, at in self._done()]
        rows.sort(key=lambda row: (row[0], row[3], row[4]))
        log = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3)
        content = np.zeros(len(expected.content), np.int64)
        works = log[self.plan.rows[log[:, 1], 0] == WORK, 1]
        drawn = self.plan.rows[works, 1]
        content[drawn] = expected.content[drawn]
        state = state_of_history(self.plan, log, self.minute, content)
        for unit in state.under_way.tolist():
            number = self.plan.rows[state.at[unit], 1]
            content[number] = expected.content[number]
            known = self.known.get(unit)
            if known is not None and known.started is not None:
                state.begun[unit] = state.since[unit] = known.started[1]
            elif known is not None and known.whole:
                self._has_not_begun(state, unit)
        return state

    def _has_not_begun(self, state: InitialState, unit: int) -> None:
        """Have a reported unit begin its next work at the data date: nobody said that it has begun."""
        step = int(state.at[unit])
        state.begun[unit], state.minutes[unit] = SETS_OUT, -1
        state.attempts[step] -= 1
        curve, area = int(self.plan.learning_of[step]), int(self.plan.area_of[step])
        if curve >= 0 and state.attempts[step] == 0:
            state.learnt[curve] -= 1
        if area >= 0:
            state.crowd[area] -= self.plan.rows[step, 4]

    def _detail(self, unit: int, place: int) -> int:
        """Return what the log says of a step: since when, which branch, how much."""
        route, times = self.steps.routes[unit], self.times[unit]
        operation, a, b = self.steps.rows[route.steps[place]][:3]
        if operation == AGAIN:
            return int(place + 1 < len(route.steps) and route.steps[place + 1] == a)
        if operation == FREE:
            return int(a)
        if operation in (SIGNAL, NOTE):
            return int(b)
        return times[place - 1] if place else 0


def _between(planned: list[int], facts: list[tuple[int, int]]) -> list[int]:
    """Return the minutes of all places up to the last fact: the plan's distances, stretched between facts."""
    if not facts:
        return []
    times: list[int] = []
    (first, at), *_ = facts
    times += [max(0, min(at, at - max(0, planned[first] - planned[place]))) for place in range(first)] + [at]
    for (left, begin), (right, stated) in pairwise(facts):
        end = max(stated, begin)
        span = planned[right] - planned[left]
        for place in range(left + 1, right + 1):
            share = (planned[place] - planned[left]) / span if span and place < right else float(place == right)
            times.append(round(begin + share * (end - begin)))
    rising: list[int] = np.maximum.accumulate(times).tolist()
    return rising
