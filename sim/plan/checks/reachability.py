"""Reachability: how far every unit can come at best, which units can never finish, and what they wait for.

An optimistic relaxation: a unit passes a hold as soon as so many have ever been available, whatever others took, and
every branch of its route is tried. A unit that is stuck even so is stuck in every replication. With `every_path` a unit
reaches a step only if it can reach it on every path: what is stuck then is stuck in some replications.

Every single route must have: one state whatever path was taken, no endless loop, nothing kept that must be returned.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from heapq import heappop, heappush

from sim.plan.analysis.route_classes import RouteClass, successors, waits_for_completion
from sim.plan.checks.finding import Finding, Severity
from sim.plan.compiled_plan import NONE, Column, CompiledPlan
from sim.plan.vocabulary import FREE, HOLD, JUMP, OPERATIONS, SIGNAL, WAIT

# --- reach ------------------------------------------------------------------------------------------------------------


UNBOUNDED = 1 << 60

Waiting = dict[int, list[tuple[int, int, int]]]
"""Per gate or pool, as a heap: (level or count waited for, unit, step of its route)."""


class Reach:
    """How far units can come at best: the steps they reach, the levels of gates and the counts ever available of pools."""

    def __init__(
        self,
        plan: CompiledPlan,
        classes: Sequence[RouteClass],
        ruled_out: Collection[tuple[int, int]] = (),
        *,
        every_path: bool = False,
    ) -> None:
        """Let every unit go as far as it can; `ruled_out` are (first unit of a route class, step) known to be impossible."""
        self.plan, self.ruled_out, self.every_path = plan, frozenset(ruled_out), every_path
        self.level = [0] * len(plan.gates)
        self.available = plan.initial.tolist()
        self.stuck: dict[int, list[int]] = defaultdict(list)
        self._class = {unit: route_class for route_class in classes for unit in route_class.units}
        self._visited: dict[int, set[int]] = {unit: set() for unit in self._class}
        self._waiting_at_gate: Waiting = defaultdict(list)
        self._waiting_at_pool: Waiting = defaultdict(list)
        self._supplied_by: Counter[tuple[int, int]] = Counter()
        self._arrivals: Counter[tuple[int, int]] = Counter()
        self._open = [(unit, 0) for unit in self._class]
        while self._open:
            self._arrive(*self._open.pop())
        self._collect_stuck()

    @property
    def finishes(self) -> bool:
        """Return whether the completion gate can open."""
        gate, level = self.plan.completion
        return self.level[gate] >= level

    def passed(self, unit: int, step: int) -> bool:
        """Return whether a unit can come to a step of its route and perform it."""
        return step in self._visited[unit] and step not in self.stuck.get(unit, ())

    def _arrive(self, unit: int, step: int) -> None:
        """Let a unit come to a step, and go on if it can be performed."""
        route_class, visited = self._class[unit], self._visited[unit]
        while step < len(route_class.rows) and step not in visited:
            visited.add(step)
            if not self._can_perform(route_class, unit, step):
                return
            next_steps = self._perform(route_class, unit, step)
            reached_steps = [
                next_step for next_step in next_steps if self._has_reached(route_class, unit, step, next_step)
            ]
            if not reached_steps:
                return
            step, *alternatives = reached_steps
            self._open += [(unit, alternative) for alternative in alternatives]
        if step == len(route_class.rows):
            visited.add(step)

    def _has_reached(self, route_class: RouteClass, unit: int, step: int, next_step: int) -> bool:
        """Return whether a unit has reached the next step: by one path, or with `every_path` by all those before it."""
        if not self.every_path:
            return True
        if next_step <= step:
            return False
        self._arrivals[unit, next_step] += 1
        paths = sum(predecessor < next_step for predecessor in route_class.predecessors[next_step])
        return self._arrivals[unit, next_step] == paths

    def _can_perform(self, route_class: RouteClass, unit: int, step: int) -> bool:
        """Return whether a unit can perform a step; if not, queue it at the gate or pool for which it waits."""
        operation, gate, level, *_ = route_class.row(unit, step)
        if waits_for_completion(self.plan, route_class.rows[step]):
            return False
        if (route_class.units[0], step) in self.ruled_out:
            self.stuck[unit].append(step)
            return False
        if operation == WAIT and self.level[gate] < level:
            heappush(self._waiting_at_gate[gate], (level, unit, step))
            return False
        if operation == HOLD:
            for pool, needed in needed_at(route_class, step):
                if needed > self.available[pool]:
                    heappush(self._waiting_at_pool[pool], (needed, unit, step))
                    return False
        return True

    def _perform(self, route_class: RouteClass, unit: int, step: int) -> Iterator[int]:
        """Perform a step that can be performed; yield the steps that may come next."""
        operation, gate, amount, *_ = route_class.row(unit, step)
        if operation == SIGNAL:
            self.level[gate] += UNBOUNDED if route_class.conflicts else amount
            self._wake(self._waiting_at_gate[gate], self.level[gate])
        elif operation == FREE:
            for pool, count in (route_class.held_at_step[step + 1] or {}).items():
                if -count > self._supplied_by[unit, pool]:
                    self.available[pool] += -count - self._supplied_by[unit, pool]
                    self._supplied_by[unit, pool] = -count
                    self._wake(self._waiting_at_pool[pool], self.available[pool])
        return successors(route_class.rows[step], step)

    def _wake(self, queue: list[tuple[int, int, int]], count: int) -> None:
        """Let the units of a queue try again that wait for no more than `count`."""
        while queue and queue[0][0] <= count:
            _, unit, step = heappop(queue)
            self._visited[unit].discard(step)
            self._open.append((unit, step))

    def _collect_stuck(self) -> None:
        """Fill `stuck`: by unit that can never finish, the steps at which it waits."""
        for queue in (*self._waiting_at_gate.values(), *self._waiting_at_pool.values()):
            for _, unit, step in queue:
                self.stuck[unit].append(step)
        for unit in [unit for unit in self.stuck if len(self._class[unit].rows) in self._visited[unit]]:
            del self.stuck[unit]


def needed_at(route_class: RouteClass, step: int) -> Iterator[tuple[int, int]]:
    """Yield (pool, count) that must have been available for a hold: what it takes and what the unit has already."""
    held_counts = route_class.held_at_step[step] or {}
    for pool, count in route_class.plan.bundles[route_class.rows[step][Column.ARGUMENT]]:
        yield pool, count + max(0, held_counts.get(pool, 0))


# --- routes -----------------------------------------------------------------------------------------------------------


def route_findings(plan: CompiledPlan, classes: Sequence[RouteClass]) -> Iterator[Finding]:
    """Yield what is wrong with single routes, whatever the other units do."""
    for route_class in classes:
        yield from _path_conflicts(plan, route_class)
        yield from _endless_loops(route_class)
        yield from _unreturned(plan, route_class)
        yield from _unreached(route_class)


def _path_conflicts(plan: CompiledPlan, route_class: RouteClass) -> Iterator[Finding]:
    """Yield a finding per step at which what a unit holds or has signalled depends on its path."""
    for conflict in route_class.conflicts:
        names = {**conflict.one_path, **conflict.other_path}
        counts = [(name, conflict.one_path.get(name, 0), conflict.other_path.get(name, 0)) for name in names]
        amounts = ", ".join(f"{one} or {other} of {name}" for name, one, other in counts if one != other)
        step = conflict.step - int(plan.first[route_class.units[0]])
        at_step = f"at {_step_name(route_class, step)}" if step < len(route_class.rows) else "at the end"
        sentence = f"{{who}}: what is held or has been signalled {at_step} depends on the path taken: {amounts}"
        yield _finding(route_class, "error", sentence)


def _endless_loops(route_class: RouteClass) -> Iterator[Finding]:
    """Yield a finding per jump back with which a unit can loop for ever without time passing."""
    for step in route_class.steps_of(JUMP):
        _, target, _, limit, *_ = route_class.rows[step]
        if limit == NONE and target <= step and _returns_to(route_class, step):
            sentence = (
                f"{{who}}: {_step_name(route_class, step)} can be repeated for ever without work and without a limit"
            )
            yield _finding(route_class, "error", sentence)


def _returns_to(route_class: RouteClass, jump: int) -> bool:
    """Return whether a unit can return to a jump without work and without a limited jump."""
    _, target, *_ = route_class.rows[jump]
    open_steps, visited = [target], set()
    while open_steps:
        step = open_steps.pop()
        if step == jump:
            return True
        if step in visited or step == len(route_class.rows) or route_class.timed[step]:
            continue
        visited.add(step)
        operation, _, _, limit, *_ = route_class.rows[step]
        is_limited = operation == JUMP and limit != NONE
        open_steps += [step + 1] if is_limited else successors(route_class.rows[step], step)
    return False


def _unreturned(plan: CompiledPlan, route_class: RouteClass) -> Iterator[Finding]:
    """Yield a finding per pool that must be returned and of which a unit returns less, or more, than it took."""
    returned = [pool for pool, kind in enumerate(plan.pool_kinds) if kind == "returned"]
    for pool in returned:
        min_held = min((held_counts or {}).get(pool, 0) for held_counts in route_class.held_at_step)
        held_at_end = (route_class.held_at_end or {}).get(pool, 0)
        if min_held < 0:
            sentence = f"{{who}}: gives back {-min_held} more of {plan.pools[pool]} than was taken"
            yield _finding(route_class, "error", sentence, plan.pools[pool])
        elif held_at_end > 0:
            sentence = (
                f"{{who}}: {held_at_end} of {plan.pools[pool]} {'is' if held_at_end == 1 else 'are'} never given back"
            )
            yield _finding(route_class, "error", sentence, plan.pools[pool])


def _unreached(route_class: RouteClass) -> Iterator[Finding]:
    """Yield the first step of a route to which no path leads."""
    for step in range(len(route_class.rows)):
        if route_class.held_at_step[step] is None:
            yield _finding(route_class, "warning", f"{{who}}: no path leads to {_step_name(route_class, step)}")
            return


def _step_name(route_class: RouteClass, step: int) -> str:
    """Say which step of a route is meant: by its activity where it has one, else by its number."""
    activity = int(route_class.plan.activity_of[route_class.plan.first[route_class.units[0]] + step])
    number = f"step {step + 1} ({OPERATIONS[route_class.rows[step][Column.OPERATION]]})"
    return number if activity == NONE else f"{route_class.plan.activities[activity]!r}"


def _finding(route_class: RouteClass, severity: Severity, sentence: str, about: str = "") -> Finding:
    units = tuple(route_class.plan.units[unit] for unit in route_class.units)
    return Finding(severity, about or units[0], sentence, units)
