"""Whether there is enough: for the largest hold, for all that is used up, and for work after the crews have left.

A skid takes a slot of the yard before it lies ready, so no more can ever lie than there are slots. Such a circulating pool
is found, not declared: whatever a unit always has (so many for each) when it hands a token on, and what is only given
back by those who have taken the token. Some slots come back only when several have taken theirs: temporary power, until
a whole hall has been tested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sim.plan.analysis.prerequisites import Prerequisites, pool_mask, pools_in
from sim.plan.analysis.route_classes import HeldCounts, RouteClass
from sim.plan.checks.finding import Finding, Severity
from sim.plan.compiled_plan import Column, CompiledPlan
from sim.plan.vocabulary import FREE, HOLD, SIGNAL

# --- yards ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Yard:
    """A pool of slots, and per token that lies there the slots it takes."""

    pool: int
    tokens: Mapping[int, Fraction]

    def weight(self, held_counts: Mapping[int, int]) -> Fraction:
        """Return the slots that a unit occupies in all: those it holds itself, and those of the tokens it holds."""
        tokens = sum((held_counts.get(token, 0) * weight for token, weight in self.tokens.items()), Fraction(0))
        return held_counts.get(self.pool, 0) + tokens

    def max_tokens(self, token: int, initial: Sequence[int]) -> int:
        """Return how many of a token the yard can store; `initial` is the count of every pool at the start."""
        return initial[token] + int(initial[self.pool] / self.tokens[token])


def yards(plan: CompiledPlan, classes: Sequence[RouteClass], circulating_pools: Collection[int]) -> list[Yard]:
    """Return the yards of a plan; `circulating_pools` are those that units pass on to others."""
    all_yards = []
    makers_of = {token: makers for token, makers in _makers(classes).items() if token not in circulating_pools}
    for pool in (pool for pool, kind in enumerate(plan.pool_kinds) if kind == "returned" or pool in circulating_pools):
        slots_of = {
            token: _slots_per_token(makers, token, pool) for token, makers in makers_of.items() if token != pool
        }
        tokens = {token: slots for token, slots in slots_of.items() if slots > 0}
        yard = Yard(pool, tokens)
        combinations = (counts for route_class in classes for counts in _distinct_counts(route_class, yard))
        if tokens and all(yard.weight(counts) >= 0 for counts in combinations):
            all_yards.append(yard)
    return all_yards


def _makers(classes: Sequence[RouteClass]) -> dict[int, list[RouteClass]]:
    """Return by token, a pool that units pass on to others, the route classes that supply it."""
    makers: dict[int, list[RouteClass]] = {}
    for route_class in classes:
        for pool in dict.fromkeys(pool for _, pool, _ in route_class.supplies()):
            if route_class.plan.pool_kinds[pool] != "returned":
                makers.setdefault(pool, []).append(route_class)
    return makers


def _slots_per_token(makers: Sequence[RouteClass], token: int, pool: int) -> Fraction:
    """Return how many slots every maker of a token holds at least for each one it has supplied."""
    min_slots = Fraction(1 << 30)
    for route_class in makers:
        for held_counts in route_class.held_at_step:
            if held_counts is not None and held_counts.get(token, 0) < 0:
                count_supplied = -held_counts[token]
                min_slots = min(min_slots, Fraction(max(0, held_counts.get(pool, 0)), count_supplied))
    return min_slots


def _distinct_counts(route_class: RouteClass, yard: Yard) -> Iterator[HeldCounts]:
    """Yield the counts by pool of a yard's slots and tokens that a unit holds along its route, each combination once."""
    pools = (yard.pool, *yard.tokens)
    counts_seen = set()
    for held_counts in route_class.held_at_step:
        counts = tuple((held_counts or {}).get(pool, 0) for pool in pools)
        if any(counts) and counts not in counts_seen:
            counts_seen.add(counts)
            yield dict(zip(pools, counts, strict=True))


def over_capacity(
    plan: CompiledPlan, classes: Sequence[RouteClass], yard: Yard
) -> Iterator[tuple[RouteClass, int, str]]:
    """Yield (route class, step, sentence) for each request that, with what its unit holds, exceeds a yard's storage."""
    capacity = yard.weight(dict(enumerate(plan.initial.tolist())))
    for route_class in classes:
        for step in route_class.steps_of(HOLD):
            requested = dict(plan.bundles[route_class.rows[step][Column.ARGUMENT]])
            requests_token = any(token in requested for token in yard.tokens)
            slots = yard.weight(requested)
            if requests_token and slots + yard.weight(route_class.held_at_step[step] or {}) > capacity:
                tokens = ", ".join(f"{n} of {plan.pools[pool]}" for pool, n in requested.items() if pool in yard.tokens)
                sentence = (
                    f"{{who}}: {tokens} at once can never be there: they lie on {float(slots):g} places of"
                    f" {plan.pools[yard.pool]}, which has {plan.initial[yard.pool]}"
                )
                yield route_class, step, sentence


def blocked_by_others(
    plan: CompiledPlan,
    classes: Sequence[RouteClass],
    prerequisites: Prerequisites,
    yard: Yard,
    all_yards: Sequence[Yard],
) -> Iterator[Finding]:
    """Yield a finding per route class that can wait for ever for a token because other tokens fill its yard."""
    passed_tokens = {token for token in yard.tokens if plan.pool_kinds[token] == "passed"}
    # others fill the yard at worst: as many as are ever made, or as a yard of their own can hold
    max_stored = {token: _max_stored_tokens(plan, classes, token, all_yards, yard) for token in passed_tokens}
    capacity = yard.weight(dict(enumerate(plan.initial.tolist())))
    for route_class in classes if len(passed_tokens) > 1 else ():
        # all tokens that must have been taken before this step, or with it, must have lain in the yard together
        for step, pool_taken, _, _ in route_class.takes():
            pools_by_then = prerequisites.pools_before_step(route_class.units[0], step) | pool_mask(
                pool for pool, _ in plan.bundles[route_class.rows[step][Column.ARGUMENT]]
            )
            tokens = [pool for pool in pools_in(pools_by_then) if pool in passed_tokens and pool_taken in passed_tokens]
            for token in tokens if len(tokens) > 1 else ():
                other_tokens = [other for other in tokens if other != token]
                slots_of_others = sum((yard.tokens[other] * max_stored[other] for other in other_tokens), Fraction(0))
                if slots_of_others + yard.tokens[token] * _largest_hold(classes, token) > capacity:
                    names = " and ".join(plan.pools[other] for other in other_tokens)
                    yield Finding(
                        "warning",
                        plan.pools[yard.pool],
                        f"{{who}}: {names} can take so many of the {plan.initial[yard.pool]} places of"
                        f" {plan.pools[yard.pool]} that too few are left for {plan.pools[token]}:"
                        " give each kind places of its own",
                        tuple(plan.units[unit] for unit in route_class.units),
                    )


def _max_stored_tokens(
    plan: CompiledPlan, classes: Sequence[RouteClass], token: int, all_yards: Sequence[Yard], except_yard: Yard
) -> Fraction:
    """Return how many of a token can be stored at once: all that are ever supplied, or what a yard of its own allows."""
    count_supplied = sum(
        count * len(route_class.units)
        for route_class in classes
        for _, pool, count in route_class.supplies()
        if pool == token
    )
    max_stored = Fraction(int(plan.initial[token]) + count_supplied)
    for yard in all_yards:
        if yard is not except_yard and list(yard.tokens) == [token]:
            max_stored = min(max_stored, Fraction(yard.max_tokens(token, plan.initial.tolist())))
    return max_stored


def _largest_hold(classes: Sequence[RouteClass], pool: int) -> int:
    """Return the largest count of a pool that any unit takes at once."""
    takes = (take for route_class in classes for take in route_class.takes())
    return max((count for _, pool_taken, count, _ in takes if pool_taken == pool), default=0)


# --- balance ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Departure:
    """A count that a unit supplies to a pool, and every (gate, level) for which it waits before it leaves; none: it stays."""

    count: int
    waits: tuple[tuple[int, int], ...]

    def stays_until(self, min_level: Sequence[int], signalled_later: Counter[int]) -> bool:
        """Return whether it is still there at a step after which a unit signals the amounts by gate in `signalled_later`.

        `min_level` is by gate the level that it reaches at least by the end of the run.
        """
        return not self.waits or any(level > min_level[gate] - signalled_later[gate] for gate, level in self.waits)


def too_large(
    plan: CompiledPlan, classes: Sequence[RouteClass], prerequisites: Prerequisites
) -> Iterator[tuple[RouteClass, int, str]]:
    """Yield (route class, step, sentence) for each request for more of a pool than there can ever be."""
    for route_class in classes:
        for step, pool, count, held_before in route_class.takes():
            # a slot may have come back through others
            still_held = 0 if pool in prerequisites.circulating_pools else max(0, held_before)
            capacity = capacity_of(plan, prerequisites, pool)
            if count + still_held > capacity:
                and_held = f" with the {still_held} it has" if still_held else ""
                there_are = f"there are {capacity}" if capacity else "there is none"
                sentence = f"{{who}}: takes {count} of {plan.pools[pool]}{and_held}, of which {there_are} at most"
                yield route_class, step, sentence


def capacity_of(plan: CompiledPlan, prerequisites: Prerequisites, pool: int) -> int:
    """Return how many of a pool there can ever be at once."""
    capacity = int(plan.initial[pool])
    if pool not in prerequisites.circulating_pools:
        capacity += sum(count for _, _, count in prerequisites.supplies[pool])
    return capacity


def used_up(plan: CompiledPlan, classes: Sequence[RouteClass]) -> Iterator[Finding]:
    """Yield a finding per pool of which more is used up than is ever supplied.

    Departures are not counted: of the two units that wait for a crew to leave only one takes anything.
    """
    count_supplied, count_taken = Counter(dict(enumerate(plan.initial.tolist()))), Counter[int]()
    takers_of: dict[int, list[str]] = {}
    for route_class in classes:
        for pool, count in (route_class.held_at_end or {}).items():
            if count < 0:
                count_supplied[pool] -= count * len(route_class.units)
            elif plan.pool_kinds[pool] != "returned" and plan.unit_info[route_class.units[0]].kind != "departure":
                count_taken[pool] += count * len(route_class.units)
                takers_of.setdefault(pool, []).extend(plan.units[unit] for unit in route_class.units)
    # a route that goes round for ever gives back as often as it takes
    unlimited = {
        pool for route_class in classes if route_class.held_at_end is None for _, pool, _ in route_class.supplies()
    }
    for pool, count in count_taken.items():
        if count > count_supplied[pool] and pool not in unlimited:
            name, supply = plan.pools[pool], f"{count_supplied[pool]:,} of it ever come"
            sentence = f"{name}: {{who}} together take {count:,} of it for good, but only {supply}"
            yield Finding("error", name, sentence, tuple(takers_of[pool]))


def gone_too_early(
    plan: CompiledPlan, classes: Sequence[RouteClass], prerequisites: Prerequisites
) -> Iterator[Finding]:
    """Yield a finding per hold of a pool of which too little may be left, as crews that supplied it leave."""
    departures = _departures(classes, prerequisites)
    for route_class in classes:
        # an outage takes what is left, or nothing: it waits for nobody
        if plan.unit_info[route_class.units[0]].kind in ("outage", "departure"):
            continue
        for step, pool, count, held_before in route_class.takes():
            if pool in departures and held_before >= 0:
                signalled_later = _signalled_after(route_class, step)
                staying = int(plan.initial[pool]) + sum(
                    departure.count
                    for departure in departures[pool]
                    if departure.stays_until(prerequisites.min_level, signalled_later)
                )
                if staying < count + held_before:
                    name, units = plan.pools[pool], tuple(plan.units[unit] for unit in route_class.units)
                    sentence = f"{{who}}: takes {count} of {name}, of which all but {staying} may have left by then"
                    yield Finding("warning", name, sentence, units)


def _departures(classes: Sequence[RouteClass], prerequisites: Prerequisites) -> dict[int, list[Departure]]:
    """Return by pool, such as a trade's crews, the counts that units supply to it and may take out of it again."""
    departures: dict[int, list[Departure]] = {}
    for route_class in classes:
        # what was supplied before it is taken counts as held below zero
        departure_step = {pool: step for step, pool, _, held_before in route_class.takes() if held_before < 0}
        for _, pool, count in route_class.supplies():
            for unit in route_class.units:
                leaves = pool in departure_step
                waits = tuple(prerequisites.waits_before(unit, departure_step[pool])) if leaves else ()
                departures.setdefault(pool, []).append(Departure(count, waits))
    return {pool: of_pool for pool, of_pool in departures.items() if any(departure.waits for departure in of_pool)}


def _signalled_after(route_class: RouteClass, step: int) -> Counter[int]:
    """Return by gate the amount that the first unit of a route class signals after a step."""
    amounts: Counter[int] = Counter()
    for later_step in route_class.steps_of(SIGNAL):
        if later_step > step:
            amounts[route_class.rows[later_step][Column.ARGUMENT]] += route_class.rows[later_step][Column.AMOUNT]
    return amounts


# --- groups -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SlotGroup:
    """The other units (`members`) that must have taken slots of a circulating pool before `unit` gives some back at `step`.

    What has come back by then is not counted. `min_taken` are taken for certain, `counts_taken` by those who come first.
    """

    unit: int
    step: int
    members: frozenset[int]
    counts_taken: tuple[int, ...]
    min_taken: int


def stuck_in_groups(
    plan: CompiledPlan, prerequisites: Prerequisites, possible_prerequisites: Prerequisites
) -> Iterator[tuple[Finding, list[SlotGroup]]]:
    """Yield a finding per circulating pool of which more must be taken than there are before any are given back.

    With each error come the groups that can never give anything back. `prerequisites` are the certain ones, for what must
    happen; `possible_prerequisites` those on any path, for what can happen at worst.
    """
    for pool in sorted(prerequisites.circulating_pools):
        slots, supplies = int(plan.initial[pool]), prerequisites.supplies[pool]
        all_groups = [_group(prerequisites, possible_prerequisites, unit, step, pool) for unit, step, _ in supplies]
        needed_before_return = (
            0 if _comes_back_singly(prerequisites, pool) else min(group.min_taken for group in all_groups)
        )
        taken_by_others = _taken_by_others(prerequisites, pool, all_groups)
        groups = [group for group in all_groups if len(group.counts_taken) > (0 if taken_by_others else 1)]
        # at worst every group has taken all it needs but its smallest count
        taken_at_worst = taken_by_others + sum(sum(group.counts_taken) - group.counts_taken[0] for group in groups)
        if needed_before_return > slots:
            problem = f"comes back only when {needed_before_return:,} of it have been taken, and there are {slots:,}"
            yield _finding(plan, pool, "error", all_groups, problem), all_groups
        elif groups and taken_at_worst + max(group.counts_taken[-1] for group in groups) > slots:
            problem = f"comes back only when several have taken theirs; of {slots:,} too many can begin and none finish"
            yield _finding(plan, pool, "warning", groups, problem), []


def _group(
    prerequisites: Prerequisites, possible_prerequisites: Prerequisites, unit: int, step: int, pool: int
) -> SlotGroup:
    """Return the group of units that must have taken slots before a unit gives some back, with their counts, least first."""
    count_of_unit = _counts_taken(possible_prerequisites, unit, step, pool, only_certain=False)
    given_back = [-count for count in count_of_unit.values() if count < 0]
    taken = sorted(count for count in count_of_unit.values() if count > 0)
    for count in given_back[: len(taken)]:
        taken.remove(count if count in taken else taken[-1])
    certain = _counts_taken(prerequisites, unit, step, pool, only_certain=True)
    min_taken = 0 if given_back else sum(certain.values())
    return SlotGroup(unit, step, frozenset(count_of_unit), tuple(taken), min_taken)


def _counts_taken(
    prerequisites: Prerequisites, unit: int, step: int, pool: int, *, only_certain: bool
) -> dict[int, int]:
    """Return by other unit how much of a pool it must have taken, or given back (negative), before a unit comes to a step."""
    signallers = prerequisites.signallers(prerequisites.waits_before(unit, step), pool, only_certain=only_certain)
    count_of_unit = {
        signaller: (prerequisites.class_of[signaller].held_at_step[signal_step] or {}).get(pool, 0)
        for signaller, signal_step in signallers.items()
        if signaller != unit
    }
    return {signaller: count for signaller, count in count_of_unit.items() if count}


def _taken_by_others(prerequisites: Prerequisites, pool: int, groups: Sequence[SlotGroup]) -> int:
    """Return the slots taken by units that are in no group, such as skids that are stored for any block."""
    units_in_groups = frozenset[int]().union(*(group.members for group in groups))
    return sum(
        route_class.largest_held.get(pool, 0) * len(set(route_class.units) - units_in_groups)
        for route_class in prerequisites.classes
    )


def _comes_back_singly(prerequisites: Prerequisites, pool: int) -> bool:
    """Return whether some unit gives back itself what it took of a pool."""
    for route_class in prerequisites.classes:
        for step in route_class.steps_of(FREE):
            freed = {freed_pool for freed_pool, _ in route_class.plan.bundles[route_class.rows[step][Column.ARGUMENT]]}
            if pool in freed and (route_class.held_at_step[step] or {}).get(pool, 0) > 0:
                return True
    return False


def _finding(plan: CompiledPlan, pool: int, severity: Severity, groups: Sequence[SlotGroup], problem: str) -> Finding:
    """Return the finding that the units of some groups have a problem with a circulating pool."""
    name = plan.pools[pool]
    return Finding(severity, name, f"{{who}}: {name} {problem}", tuple(plan.units[group.unit] for group in groups))
