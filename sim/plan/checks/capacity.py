"""Whether there is enough: for the largest hold, for all that is used up, and for work after the crews have left.

A skid takes a place before it lies ready, so no more can ever lie than there are places. A pool of places is found,
not declared: whatever a unit always has (so many for each) when it hands a token on, and what is only given back by
those who have taken the token. Some places come back only when several have taken theirs: temporary power, until a
whole hall has been tested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sim.plan.analysis.prerequisites import Prerequisites, pool_set, pools_in
from sim.plan.analysis.route_classes import Held, RouteClass
from sim.plan.checks.finding import Finding, Severity
from sim.plan.compile import CompiledPlan
from sim.plan.vocabulary import FREE, HOLD, SIGNAL

# --- yards ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Yard:
    """A pool of places, and per token that lies there the places it takes."""

    places: int
    tokens: Mapping[int, Fraction]

    def weight(self, held: Mapping[int, int]) -> Fraction:
        """Return the places that a unit occupies in all: those it holds itself, and those of the tokens it holds."""
        tokens = sum((held.get(token, 0) * weight for token, weight in self.tokens.items()), Fraction(0))
        return held.get(self.places, 0) + tokens

    def most_tokens(self, token: int, initial: Sequence[int]) -> int:
        """Return how many of a token the yard can store; `initial` is the count of every pool at the start."""
        return initial[token] + int(initial[self.places] / self.tokens[token])


def yards(plan: CompiledPlan, classes: Sequence[RouteClass], place_pools: Collection[int]) -> list[Yard]:
    """Return the yards of a plan; `place_pools` are the pools of places that units pass on to others."""
    all_yards = []
    makers_of = {token: makers for token, makers in _makers(classes).items() if token not in place_pools}
    for pool in (pool for pool, kind in enumerate(plan.pool_kinds) if kind == "returned" or pool in place_pools):
        weights = {
            token: _places_per_token(makers, token, pool) for token, makers in makers_of.items() if token != pool
        }
        tokens = {token: weight for token, weight in weights.items() if weight > 0}
        yard = Yard(pool, tokens)
        if tokens and all(yard.weight(held) >= 0 for route_class in classes for held in _distinct(route_class, yard)):
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


def _places_per_token(makers: Sequence[RouteClass], token: int, place_pool: int) -> Fraction:
    """Return how many places every maker of a token holds at least for each one it has supplied."""
    lowest = Fraction(1 << 30)
    for route_class in makers:
        for held in route_class.held:
            if held is not None and held.get(token, 0) < 0:
                supplied = -held[token]
                lowest = min(lowest, Fraction(max(0, held.get(place_pool, 0)), supplied))
    return lowest


def _distinct(route_class: RouteClass, yard: Yard) -> Iterator[Held]:
    """Yield the counts by pool of a yard's places and tokens that a unit holds along its route, each combination once."""
    pools = (yard.places, *yard.tokens)
    seen = set()
    for held in route_class.held:
        counts = tuple((held or {}).get(pool, 0) for pool in pools)
        if any(counts) and counts not in seen:
            seen.add(counts)
            yield dict(zip(pools, counts, strict=True))


def over_capacity(
    plan: CompiledPlan, classes: Sequence[RouteClass], yard: Yard
) -> Iterator[tuple[RouteClass, int, str]]:
    """Yield (route class, step, sentence) for each request that, with what its unit holds, exceeds a yard's storage."""
    room = yard.weight(dict(enumerate(plan.initial.tolist())))
    for route_class in classes:
        for step in route_class.steps_of(HOLD):
            requested = dict(plan.bundles[route_class.rows[step][1]])
            places = yard.weight(requested)
            if (
                any(token in requested for token in yard.tokens)
                and places + yard.weight(route_class.held[step] or {}) > room
            ):
                tokens = ", ".join(f"{n} of {plan.pools[pool]}" for pool, n in requested.items() if pool in yard.tokens)
                sentence = (
                    f"{{who}}: {tokens} at once can never be there: they lie on {float(places):g} places of"
                    f" {plan.pools[yard.places]}, which has {plan.initial[yard.places]}"
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
    passed = {token for token in yard.tokens if plan.pool_kinds[token] == "passed"}
    # others fill the yard at worst: as many as are ever made, or as a yard of their own can hold
    limits = {token: _most_stored(plan, classes, token, all_yards, yard) for token in passed}
    room = yard.weight(dict(enumerate(plan.initial.tolist())))
    for route_class in classes if len(passed) > 1 else ():
        # all tokens that must have been taken before this step, or with it, must have lain in the yard together
        for step, taken, _, _ in route_class.takes():
            taken_by_then = prerequisites.pools_before_step(route_class.units[0], step) | pool_set(
                pool for pool, _ in plan.bundles[route_class.rows[step][1]]
            )
            together = [pool for pool in pools_in(taken_by_then) if pool in passed] if taken in passed else []
            for token in together if len(together) > 1 else ():
                others = [other for other in together if other != token]
                filled = sum((yard.tokens[other] * limits[other] for other in others), Fraction(0))
                if filled + yard.tokens[token] * _largest_hold(classes, token) > room:
                    names = " and ".join(plan.pools[other] for other in others)
                    yield Finding(
                        "warning",
                        plan.pools[yard.places],
                        f"{{who}}: {names} can take so many of the {plan.initial[yard.places]} places of"
                        f" {plan.pools[yard.places]} that too few are left for {plan.pools[token]}:"
                        " give each route_class places of its own",
                        tuple(plan.units[unit] for unit in route_class.units),
                    )


def _most_stored(
    plan: CompiledPlan, classes: Sequence[RouteClass], token: int, all_yards: Sequence[Yard], except_yard: Yard
) -> Fraction:
    """Return how many of a token can be stored at once: all that are ever supplied, or what a yard of its own allows."""
    supplied = sum(
        count * len(route_class.units)
        for route_class in classes
        for _, pool, count in route_class.supplies()
        if pool == token
    )
    most = Fraction(int(plan.initial[token]) + supplied)
    for yard in all_yards:
        if yard is not except_yard and list(yard.tokens) == [token]:
            most = min(most, Fraction(yard.most_tokens(token, plan.initial.tolist())))
    return most


def _largest_hold(classes: Sequence[RouteClass], pool: int) -> int:
    """Return the largest count of a pool that any unit takes at once."""
    return max(
        (count for route_class in classes for _, taken, count, _ in route_class.takes() if taken == pool), default=0
    )


# --- balance ----------------------------------------------------------------------------------------------------------


Departure = tuple[int, tuple[tuple[int, int], ...]]
"""A count supplied to a pool, and every (gate, level) for which it waits before it leaves again; none if it stays."""


def too_large(
    plan: CompiledPlan, classes: Sequence[RouteClass], prerequisites: Prerequisites
) -> Iterator[tuple[RouteClass, int, str]]:
    """Yield every (route class, step, sentence) at which more of a pool is taken at once than there can ever be."""
    for route_class in classes:
        for step, pool, count, held in route_class.takes():
            still_held = (
                0 if pool in prerequisites.place_pools else max(0, held)
            )  # a place may have come back through others
            capacity = capacity_of(plan, prerequisites, pool)
            if count + still_held > capacity:
                and_held = f" with the {still_held} it has" if still_held else ""
                there_are = f"there are {capacity}" if capacity else "there is none"
                sentence = f"{{who}}: takes {count} of {plan.pools[pool]}{and_held}, of which {there_are} at most"
                yield route_class, step, sentence


def capacity_of(plan: CompiledPlan, prerequisites: Prerequisites, pool: int) -> int:
    """Return how many of a pool there can ever be at once."""
    capacity = int(plan.initial[pool])
    if pool not in prerequisites.place_pools:
        capacity += sum(count for _, _, count in prerequisites.supplies[pool])
    return capacity


def used_up(plan: CompiledPlan, classes: Sequence[RouteClass]) -> Iterator[Finding]:
    """Yield a finding per pool of which more is used up than is ever supplied (rule 6).

    Departures are not counted: of the two units that wait for a crew to leave only one takes anything.
    """
    supplied, taken = Counter(dict(enumerate(plan.initial.tolist()))), Counter[int]()
    takers: dict[int, list[str]] = {}
    for route_class in classes:
        for pool, count in (route_class.held_at_end or {}).items():
            if count < 0:
                supplied[pool] -= count * len(route_class.units)
            elif plan.pool_kinds[pool] != "returned" and plan.unit_info[route_class.units[0]].kind != "departure":
                taken[pool] += count * len(route_class.units)
                takers.setdefault(pool, []).extend(plan.units[unit] for unit in route_class.units)
    # a route that goes round for ever gives back as often as it takes
    unlimited = {
        pool for route_class in classes if route_class.held_at_end is None for _, pool, _ in route_class.supplies()
    }
    for pool, count in taken.items():
        if count > supplied[pool] and pool not in unlimited:
            name, supply = plan.pools[pool], f"{supplied[pool]:,} of it ever come"
            sentence = f"{name}: {{who}} together take {count:,} of it for good, but only {supply}"
            yield Finding("error", name, sentence, tuple(takers[pool]))


def gone_too_early(
    plan: CompiledPlan, classes: Sequence[RouteClass], prerequisites: Prerequisites
) -> Iterator[Finding]:
    """Yield a finding per hold of a pool of which too little may be left, as crews that supplied it leave (rule 5)."""
    leaving = _departures(classes, prerequisites)
    for route_class in classes:
        # an outage takes what is left, or nothing: it waits for nobody
        if plan.unit_info[route_class.units[0]].kind in ("outage", "departure"):
            continue
        for step, pool, count, held in route_class.takes():
            if pool in leaving and held >= 0:
                after = _signalled_after(route_class, step)
                staying = int(plan.initial[pool]) + sum(
                    number
                    for number, waits in leaving[pool]
                    if not waits or any(level > prerequisites.least[gate] - after[gate] for gate, level in waits)
                )
                if staying < count + held:
                    name, units = plan.pools[pool], tuple(plan.units[unit] for unit in route_class.units)
                    sentence = f"{{who}}: takes {count} of {name}, of which all but {staying} may have left by then"
                    yield Finding("warning", name, sentence, units)


def _departures(classes: Sequence[RouteClass], prerequisites: Prerequisites) -> dict[int, list[Departure]]:
    """Return by pool that units supply and may leave again, such as a trade's crews, what is supplied and until when."""
    departures: dict[int, list[Departure]] = {}
    for route_class in classes:
        leaving_step = {pool: step for step, pool, _, held in route_class.takes() if held < 0}
        for _, pool, count in route_class.supplies():
            for unit in route_class.units:
                waits = tuple(prerequisites.waits_before(unit, leaving_step[pool])) if pool in leaving_step else ()
                departures.setdefault(pool, []).append((count, waits))
    return {pool: of_pool for pool, of_pool in departures.items() if any(waits for _, waits in of_pool)}


def _signalled_after(route_class: RouteClass, step: int) -> Counter[int]:
    """Return by gate the amount that the first unit of a route class signals after a step."""
    signalled: Counter[int] = Counter()
    for later in route_class.steps_of(SIGNAL):
        if later > step:
            signalled[route_class.rows[later][1]] += route_class.rows[later][2]
    return signalled


# --- groups -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """A unit that gives places back at a step of its route, and what others must have taken before it can.

    What has come back by then is not counted. `least` are taken for certain, `taken` by those who come first.
    """

    unit: int
    step: int
    members: frozenset[int]
    taken: tuple[int, ...]
    least: int


def stuck_in_groups(
    plan: CompiledPlan, prerequisites: Prerequisites, possible: Prerequisites
) -> Iterator[tuple[Finding, list[Group]]]:
    """Yield a finding per pool of places of which more must be taken than there are before any are given back.

    With each error come the groups that can never give anything back. `possible` are the prerequisites on any path.
    """
    for pool in sorted(prerequisites.place_pools):
        places, supplies = int(plan.initial[pool]), prerequisites.supplies[pool]
        all_groups = [_group(prerequisites, possible, unit, step, pool) for unit, step, _ in supplies]
        most_needed = 0 if _comes_back_singly(prerequisites, pool) else min(group.least for group in all_groups)
        others = _taken_by_others(prerequisites, pool, all_groups)
        groups = [group for group in all_groups if len(group.taken) > (0 if others else 1)]
        # at worst every group has taken all it needs but its smallest count
        taken = others + sum(sum(group.taken) - group.taken[0] for group in groups)
        if most_needed > places:
            problem = f"comes back only when {most_needed:,} of it have been taken, and there are {places:,}"
            yield _finding(plan, pool, "error", all_groups, problem), all_groups
        elif groups and taken + max(group.taken[-1] for group in groups) > places:
            problem = (
                f"comes back only when several have taken theirs; of {places:,} too many can begin and none finish"
            )
            yield _finding(plan, pool, "warning", groups, problem), []


def _group(prerequisites: Prerequisites, possible: Prerequisites, unit: int, step: int, pool: int) -> Group:
    """Return the group of units that must have taken places before a unit gives some back, with their counts, least first."""
    held = _held(possible, unit, step, pool, only_certain=False)
    given_back = [-count for count in held.values() if count < 0]
    taken = sorted(count for count in held.values() if count > 0)
    for count in given_back[: len(taken)]:
        taken.remove(count if count in taken else taken[-1])
    least = 0 if given_back else sum(_held(prerequisites, unit, step, pool, only_certain=True).values())
    return Group(unit, step, frozenset(held), tuple(taken), least)


def _held(prerequisites: Prerequisites, unit: int, step: int, pool: int, *, only_certain: bool) -> dict[int, int]:
    """Return by other unit what it must have taken of a pool, or given back (negative), before a unit comes to a step."""
    signallers = prerequisites.signallers(prerequisites.waits_before(unit, step), pool, only_certain=only_certain)
    held = {
        signaller: (prerequisites.class_of[signaller].held[signal_step] or {}).get(pool, 0)
        for signaller, signal_step in signallers.items()
        if signaller != unit
    }
    return {signaller: count for signaller, count in held.items() if count}


def _taken_by_others(prerequisites: Prerequisites, pool: int, groups: Sequence[Group]) -> int:
    """Return the places taken by units that are in no group, such as skids that are stored for any block."""
    grouped = frozenset[int]().union(*(group.members for group in groups))
    return sum(
        route_class.largest_held.get(pool, 0) * len(set(route_class.units) - grouped)
        for route_class in prerequisites.classes
    )


def _comes_back_singly(prerequisites: Prerequisites, pool: int) -> bool:
    """Tell whether some unit gives back itself what it took of a pool."""
    for route_class in prerequisites.classes:
        for step in route_class.steps_of(FREE):
            freed = {freed_pool for freed_pool, _ in route_class.plan.bundles[route_class.rows[step][1]]}
            if pool in freed and (route_class.held[step] or {}).get(pool, 0) > 0:
                return True
    return False


def _finding(plan: CompiledPlan, pool: int, severity: Severity, groups: Sequence[Group], problem: str) -> Finding:
    name = plan.pools[pool]
    return Finding(severity, name, f"{{who}}: {name} {problem}", tuple(plan.units[group.unit] for group in groups))
