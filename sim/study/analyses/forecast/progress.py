"""From a status to the history it implies: where every unit stands at the data date, and when it did what.

Rules. A unit of which something is reported stands where the report puts it; its steps before have the plan's distances,
stretched between facts. What the status does not speak of goes as planned, later by the median lateness of all facts.
What is overdue, as it is reported as not done, is somewhere on its way there, as far along as chance has it.
What a fact needs has happened (a hall that is dried in has foundations), unless it is reported as not done: then the work
is out of sequence. Nothing happens after the data date.

Out of sequence, as in P6: with `retained_logic` what is left of a work waits until all before it is done; with
`progress_override` it goes on at the data date, beside what should have been done before it. What is finished is finished.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from statistics import median

import numpy as np

from sim.engine.initial_state import InitialState, have_not_begun, state_of_history
from sim.plan.compiled_plan import NONE
from sim.plan.draws import SampledInputs
from sim.plan.vocabulary import FREE, MINUTES_PER_DAY, SIGNAL, TOKEN, UNTIL, WORK
from sim.study.analyses.forecast.gates_and_pools import GatesAndPools
from sim.study.analyses.forecast.learning import PAST_SEED
from sim.study.analyses.forecast.plan_steps import NEVER, Giver, PlanSteps
from sim.study.analyses.forecast.reported import (
    FINISHED,
    ROUNDS,
    Interrupted,
    Known,
    Order,
    Remaining,
    between,
    capped,
    left_when_overdue,
    log_of,
    minutes_passed,
    overdue,
)
from sim.study.analyses.forecast.status import ONLINE, Fact, Logic, Status
from sim.world.streams import stream_key, uniform

NOTHING = Known()  # what a status says of most units


class Progress:
    """The history of a project up to the data date, unit by unit."""

    def __init__(
        self, steps: PlanSteps, status: Status, day_minutes: dict[str, int], logic: Logic = "retained_logic",
        past: int | None = None,
    ) -> None:  # fmt: skip
        """Work the history out; `past` is the number of the simulated past that the steps went by, None for the plan."""
        self.steps, self.plan, self.minute, self.day_minutes = steps, steps.plan, status.minute, day_minutes
        self.logic, self.past = logic, past
        self.known: dict[int, Known] = {}
        self.stated: dict[tuple[int, int], Remaining] = {}
        self.waiting: list[Interrupted] = []
        self.beside: list[Interrupted] = []
        self.out_of_sequence: list[str] = []
        self.implied = 0
        self.places = steps.placed({fact.what: fact.start for fact in status.of("activity")})
        # what is said of a unit by name comes before counts, which are shared out among the others
        for fact in status.of("milestone"):
            self._milestone(fact)
        for what in dict.fromkeys(fact.what for fact in status.of("count")):
            self._count(what, [fact for fact in status.of("count") if fact.what == what])
        for trade in dict.fromkeys(fact.what for fact in status.of("people")):
            self._people(trade, [fact for fact in status.of("people") if fact.what == trade])
        for fact in status.of("activity"):
            self._activity(fact)
        for fact in status.of("promise"):
            self._promise(fact)
        for unit, known in self.known.items():
            self._put_in_sequence(unit, known)
            known.done = capped(known)
        apart = [(one.unit, one.place) for one in (*self.waiting, *self.beside)]
        steps.pass_behind({
            unit: max(places)
            for unit, known in self.known.items()
            if known.whole and known.open_from >= NEVER
            and (places := [*known.done, *known.begun, *(place for other, place in apart if other == unit)])
        })  # fmt: skip
        self._lay_out()
        self._complete()
        Order(steps, self.times, self.known).put(self.counts.waits, self.counts.holders)

    # --- facts ------------------------------------------------------------------------------------------------

    def _of(self, unit: int) -> Known:
        if unit not in self.known:
            self.known[unit] = Known()
        return self.known[unit]

    def _count(self, what: str, facts: list[Fact]) -> None:
        """Assign counts to units by the plan's order."""
        places = self.steps.stages[what]
        per = self.steps.mw_of_block if what == ONLINE else 1.0
        points = sorted((fact.date or 0, min(len(places), int((fact.count or 0) / per + 1e-6))) for fact in facts)
        self._assign(places, points)

    def _people(self, trade: str, facts: list[Fact]) -> None:
        """Have those crews on site that people were counted of, in the plan's order; the others have not come yet."""
        crews = self.steps.crews.get(trade)
        if crews is None:
            return
        dated = sorted((fact.date or 0, round(fact.count or 0)) for fact in facts)
        arrived = [(date, crews.arrived(count, date)) for date, count in dated]
        self._assign([(unit, place) for _, _, unit, place in crews.come], arrived)

    def _assign(self, places: Sequence[tuple[int, int]], points: list[tuple[int, int]]) -> None:
        """Assign how many have passed a place by when to units in order.

        Those of which it is stated by name count, and take part no more; those that are stated not to have passed are last.
        """
        stated = {unit: self._of(unit).passed(place) for unit, place in places}
        named = sorted(at for at in stated.values() if at is not None)
        free = [(unit, place) for unit, place in places if stated[unit] is None]
        free.sort(key=lambda one: self._of(one[0]).open_from <= one[1])
        planned = [self.steps.routes[unit].planned[place] for unit, place in free]
        rest = [(date, max(0, count - bisect_right(named, date))) for date, count in points]
        minutes = minutes_passed(planned, rest)
        for (unit, place), minute in zip(free, minutes, strict=False):
            self._of(unit).done[place] = minute
        for unit, place in free[len(minutes) :]:
            self._leave_open(unit, place)

    def _leave_open(self, unit: int, place: int) -> None:
        """Have a unit not be past a place, nor past what takes time before it: all behind that happens in one minute."""
        steps = self.steps.routes[unit].steps
        while place and not self.steps.blocks_anything(steps[place]):
            place -= 1
        self._of(unit).open_from = min(self._of(unit).open_from, place)

    def _milestone(self, fact: Fact) -> None:
        """Have a unit at its end when it was reached, or before its last step where it was not."""
        unit = self.steps.milestone(fact.what)
        assert unit is not None
        last = len(self.steps.routes[unit].steps) - 1
        if fact.finish is None:
            self._leave_open(unit, last)
        else:
            self._of(unit).done[last] = fact.finish
            self._of(unit).dated.add(last)

    def _activity(self, fact: Fact) -> None:
        """Put a unit where an activity that is reported has it."""
        unit, place = self.places[fact.what]
        known, step = self._of(unit), self.steps.routes[unit].steps[place]
        known.whole = True
        if fact.start is None:
            known.open_from = min(known.open_from, place)
        elif fact.finish is not None:
            known.done[place] = fact.finish
            known.dated.add(place)
            if place:
                known.done.setdefault(place - 1, fact.start)
        else:
            known.begun[place] = fact.start
            self.stated[unit, place] = self._left(fact, step)

    def _left(self, fact: Fact, step: int) -> Remaining:
        """Return what is said about the remaining time of an activity."""
        minutes = None if fact.remaining_days is None else (fact.remaining_days * self._day(step),) * 3
        share = None if fact.percent is None or minutes else 1 - min(fact.percent, 100) / 100
        return Remaining(minutes, share, fact.suspended, fact.resumed)

    def _put_in_sequence(self, unit: int, known: Known) -> None:
        """Have a unit stand at one place of its route, where works of its own were begun or finished out of sequence."""
        if not known.whole:
            return
        first = min(*known.begun, known.open_from, NEVER) if known.begun else known.open_from
        ahead = sorted(place for place in {*known.done, *known.begun} if place > first and self._is_work(unit, place))
        if ahead:
            self._tell(unit, self._name(unit, first), self._name(unit, ahead[-1]))
        last = max((place for place in known.begun if place in ahead), default=None)
        if ahead and self.logic == "progress_override" and last is not None and last == ahead[-1]:
            # it stands at the last one, which is not over before those beside it are
            self.beside += [
                Interrupted(unit, place, known.begun.get(place, NEVER), self.stated.get((unit, place), Remaining()))
                for place in range(first, last)
                if self._is_work(unit, place) and place not in known.done
            ]
            known.begun, known.open_from = {last: known.begun[last]}, NEVER
        elif ahead:
            for place in ahead:
                begun = known.begun.pop(place, known.done.get(place, 0))
                self.waiting.append(Interrupted(unit, place, begun, self.stated.get((unit, place), FINISHED)))
            known.done = {place: at for place, at in known.done.items() if place < first}
        for place, begun in known.begun.items():
            if place:
                known.done[place - 1] = min(begun, known.done.get(place - 1, begun))

    def _is_work(self, unit: int, place: int) -> bool:
        steps = self.steps.routes[unit].steps
        return 0 <= place < len(steps) and self.steps.rows[steps[place]][0] == WORK

    def _name(self, unit: int, place: int) -> str:
        """Return the name of the work at a place of a unit's route."""
        return self.plan.activities[self.plan.activity_of[self.steps.routes[unit].steps[place]]]

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
        known.whole, known.begun = True, {place: min(planned, self.minute)}
        dates = (fact.low or fact.finish, fact.finish, fact.high or fact.finish)
        low, mode, high = (float(max(0, date - self.minute)) for date in dates)
        self.stated[unit, place] = Remaining((low, mode, high), promise=True)

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
        self.times: list[list[int]] = [self._times_of(unit) for unit in range(len(self.plan.units))]

    def _times_of(self, unit: int) -> list[int]:
        """Return the minutes of all that a unit has done: by its facts, then as planned as far as these allow."""
        route, known = self.steps.routes[unit], self.known.get(unit, NOTHING)
        if not known.done and route.planned and route.planned[0] + self.late > self.minute:
            return []
        facts = sorted(known.done.items())
        times = [min(at, self.minute) for at in between(route.planned, facts)]
        moved = times[-1] - route.planned[len(times) - 1] if times else self.late
        if times and route.planned[len(times) - 1] >= NEVER:
            moved = 0
        if known.open_from < len(route.steps) and not known.whole:
            left = partial(self._left_of_way, unit)
            moved += overdue(route.planned, max(0, len(times) - 1), known.open_from, moved, self.minute, left)
        for place in range(len(times), len(route.steps)):
            step = route.steps[place]
            # a date comes by itself; all else that takes time is done only where somebody says so
            dated = self.steps.rows[step][0] == UNTIL
            blocking = self.steps.blocks_anything(step) and not (dated and known.whole)
            if place >= known.open_from or (blocking and (known.whole or known.started is not None)):
                break
            latest, takes_time = times[-1] if times else 0, blocking or dated or not times
            at = max(route.planned[place] + moved, latest) if takes_time else latest
            if at > self.minute:
                break
            times.append(at)
        return times

    def _left_of_way(self, unit: int) -> float:
        """Return the share of its way that is left to an overdue unit: drawn, in the plan's own history the median."""
        key = stream_key(PAST_SEED, self.plan.units[unit])
        return left_when_overdue(0.5 if self.past is None else uniform(key, self.past, 0))

    def _complete(self) -> None:
        """Have happened what the facts need; take back what was only assumed and cannot have been."""
        self.signallers, self.suppliers = self.steps.signallers, self.steps.suppliers
        self.taken_back: set[int] = set()
        self.passed: dict[tuple[int, int], int] = {}
        self.counts = counts = GatesAndPools(self.steps, [len(times) for times in self.times])
        for _ in range(ROUNDS):
            if not any([*map(self._open_gate, [*counts.waits]), *map(self._fill_pool, [*counts.holders])]):
                return

    def _open_gate(self, gate: int) -> bool:
        """Have those signal that passed waits need; return whether anything changed."""
        waits, level, changed = self.counts.waits[gate], self.counts.level, False
        if not waits or max(waits)[0] <= level[gate]:
            return False
        for needed, unit, place in sorted(waits):
            while level[gate] < needed and place < len(self.times[unit]):
                if not self._advance((SIGNAL, gate), self.signallers.get(gate, []), self.times[unit][place]):
                    changed |= self._take_back(unit, place, self.plan.gates[gate], follows=True)
                    break
                changed = True
        return changed

    def _fill_pool(self, pool: int) -> bool:
        """Have those supply what is held; return whether anything changed."""
        balance, changed = self.counts.balance, False
        follows = self.plan.pool_causes[pool] == TOKEN  # too few people or places are no matter of sequence
        if balance[pool] >= 0:
            return False
        # what was only assumed, as that a crew left, goes before what is reported
        holders = sorted(
            self.counts.holders[pool], key=lambda held: (held[0] not in self.known, self.times[held[0]][held[1]])
        )
        for unit, place in reversed(holders):
            while balance[pool] < 0 and place < len(self.times[unit]):
                if not self._advance((FREE, pool), self.suppliers.get(pool, []), self.times[unit][place]):
                    changed |= self._take_back(unit, place, self.plan.pools[pool], follows=follows)
                    break
                changed = True
            if balance[pool] >= 0:
                break
        return changed

    def _advance(self, receiver: tuple[int, int], givers: list[Giver], at: int) -> bool:
        """Have the next of those who may give do so by a minute; return whether one could."""
        # who has given, or cannot, will not later: what is taken back stays so
        for number in range(self.passed.get(receiver, 0), len(givers)):
            _, unit, place = givers[number]
            self.passed[receiver] = number + 1
            known = self.known.get(unit)
            done = self.times[unit]
            if place < len(done):
                continue
            if unit in self.taken_back or (known is not None and (known.whole or place >= known.open_from)):
                continue
            latest, before = max(at, done[-1] if done else 0), len(done)
            done.extend([latest] * (place + 1 - before))
            self.counts.count(unit, range(before, place + 1), 1)
            self.implied += 1
            return True
        return False

    def _take_back(self, unit: int, place: int, lacking: str, *, follows: bool) -> bool:
        """Have a unit stand before a step that it cannot have done; False where it stays, as it is reported behind it."""
        known = self.known.get(unit, Known())
        if known.started is not None and known.started[0] > place:
            self._tell(unit, lacking, self._name(unit, known.started[0]))
            if self.logic == "progress_override" or any(
                self._is_work(unit, done) for done in known.done if done >= place
            ):
                return False
            at, begun = known.started
            self.waiting.append(Interrupted(unit, at, begun, self.stated.get((unit, at), Remaining())))
            known.begun, known.open_from = {}, place
            known.done = {before: minute for before, minute in known.done.items() if before < place}
        if any(done >= place for done in known.done):
            if follows:
                self._tell(unit, lacking, "")
            return False
        self.taken_back.add(unit)
        self.counts.count(unit, range(place, len(self.times[unit])), -1)
        del self.times[unit][place:]
        return True

    def _tell(self, unit: int, lacking: str, what: str) -> None:
        if (text := f"{self.plan.units[unit]}: {what or 'it'} went on before {lacking}") not in self.out_of_sequence:
            self.out_of_sequence.append(text)

    # --- state ------------------------------------------------------------------------------------------------

    def state(self, expected: SampledInputs) -> InitialState:
        """Return the state at the data date; work under way has no length yet."""
        log = log_of(self.steps, self.times)
        content = np.zeros(len(expected.content), np.int64)
        works = log[self.plan.rows[log[:, 1], 0] == WORK, 1]
        drawn = self.plan.rows[works, 1]
        content[drawn] = expected.content[drawn]
        state = state_of_history(self.plan, log, self.minute, content)
        for unit in state.under_way.tolist():
            number = self.plan.rows[state.at[unit], 1]
            content[number] = expected.content[number]
            known = self.known.get(unit)
            if known is not None and known.started is not None and known.started[0] == self._place(unit, state):
                state.begun[unit] = state.since[unit] = known.started[1]
            elif known is not None and known.whole:
                have_not_begun(state, self.plan, unit)
        return state

    def _place(self, unit: int, state: InitialState) -> int:
        """Return the place in its route at which a unit stands."""
        place = len(self.times[unit])
        steps = self.steps.routes[unit].steps
        return place if place < len(steps) and steps[place] == state.at[unit] else NONE
