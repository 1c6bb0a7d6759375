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

from sim.plan.analysis.prerequisites import Prerequisites, bits, members
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
        """Return the places that so many places and tokens stand for."""
        tokens = sum((held.get(token, 0) * weight for token, weight in self.tokens.items()), Fraction(0))
        return held.get(self.places, 0) + tokens

    def most(self, token: int, initial: Sequence[int]) -> int:
        """Return how many of a token can be there at once, with so many of every pool at the start."""
        return initial[token] + int(initial[self.places] / self.tokens[token])


def yards(plan: CompiledPlan, classes: Sequence[RouteClass], place_pools: Collection[int]) -> list[Yard]:
    """Return the yards of a plan; `slots` are the pools of places that units pass on to others."""
    found = []
    made = {token: makers for token, makers in _makers(classes).items() if token not in place_pools}
    for pool in (pool for pool, kind in enumerate(plan.pool_kinds) if kind == "returned" or pool in place_pools):
        weights = {token: _places_for(makers, token, pool) for token, makers in made.items() if token != pool}
        tokens = {token: weight for token, weight in weights.items() if weight > 0}
        yard = Yard(pool, tokens)
        if tokens and all(yard.weight(held) >= 0 for route_class in classes for held in _distinct(route_class, yard)):
            found.append(yard)
    return found


def _makers(classes: Sequence[RouteClass]) -> dict[int, list[RouteClass]]:
    """Return per token, a pool that units pass on to others, the route classes that make it."""
    made: dict[int, list[RouteClass]] = {}
    for route_class in classes:
        for pool in dict.fromkeys(pool for _, pool, _ in route_class.supplies()):
            if route_class.plan.pool_kinds[pool] != "returned":
                made.setdefault(pool, []).append(route_class)
    return made


def _places_for(makers: Sequence[RouteClass], token: int, place: int) -> Fraction:
    """Return how many places every maker of a token has at least for each one it has handed on."""
    each = Fraction(1 << 30)
    for route_class in makers:
        for held in route_class.held:
            if held is not None and held.get(token, 0) < 0:
                each = min(each, Fraction(max(0, held.get(place, 0)), -held[token]))
    return each


def _distinct(route_class: RouteClass, yard: Yard) -> Iterator[Held]:
    """Yield what a unit has of a yard's pools on its way, each combination once."""
    pools = (yard.places, *yard.tokens)
    known = set()
    for held in route_class.held:
        has = tuple((held or {}).get(pool, 0) for pool in pools)
        if any(has) and has not in known:
            known.add(has)
            yield dict(zip(pools, has, strict=True))


def crowded(plan: CompiledPlan, classes: Sequence[RouteClass], yard: Yard) -> Iterator[tuple[RouteClass, int, str]]:
    """Yield every (route class, step, sentence) at which more must lie in a yard at once than can ever lie there."""
    room = yard.weight(dict(enumerate(plan.initial.tolist())))
    for route_class in classes:
        for step in route_class.steps_of(HOLD):
            wanted = dict(plan.bundles[route_class.rows[step][1]])
            places = yard.weight(wanted)
            if (
                any(token in wanted for token in yard.tokens)
                and places + yard.weight(route_class.held[step] or {}) > room
            ):
                tokens = ", ".join(f"{n} of {plan.pools[pool]}" for pool, n in wanted.items() if pool in yard.tokens)
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
    """Yield who can wait for ever for a token that finds no place because others of another route class lie there."""
    passed = {token for token in yard.tokens if plan.pool_kinds[token] == "passed"}
    # others fill the yard at worst: as many as are ever made, or as a yard of their own can hold
    limits = {token: _at_most(plan, classes, token, all_yards, yard) for token in passed}
    room = yard.weight(dict(enumerate(plan.initial.tolist())))
    for route_class in classes if len(passed) > 1 else ():
        # whoever takes it has seen all that lies behind: these tokens must have lain in the yard together
        for step, taken, _, _ in route_class.takes():
            behind = prerequisites.of_step(route_class.units[0], step) | bits(
                pool for pool, _ in plan.bundles[route_class.rows[step][1]]
            )
            together = [pool for pool in members(behind) if pool in passed] if taken in passed else []
            for token in together if len(together) > 1 else ():
                others = [other for other in together if other != token]
                fill = sum((yard.tokens[other] * limits[other] for other in others), Fraction(0))
                if fill + yard.tokens[token] * _largest(classes, token) > room:
                    names = " and ".join(plan.pools[other] for other in others)
                    yield Finding(
                        "warning",
                        plan.pools[yard.places],
                        f"{{who}}: {names} can take so many of the {plan.initial[yard.places]} places of"
                        f" {plan.pools[yard.places]} that too few are left for {plan.pools[token]}:"
                        " give each route_class places of its own",
                        tuple(plan.units[unit] for unit in route_class.units),
                    )


def _at_most(
    plan: CompiledPlan, classes: Sequence[RouteClass], token: int, all_yards: Sequence[Yard], but: Yard
) -> Fraction:
    """Return how many of a token can lie about at once: all that are ever made, or what another yard allows."""
    made = sum(
        count * len(route_class.units)
        for route_class in classes
        for _, pool, count in route_class.supplies()
        if pool == token
    )
    most = Fraction(int(plan.initial[token]) + made)
    for yard in all_yards:
        if yard is not but and list(yard.tokens) == [token]:
            most = min(most, Fraction(yard.most(token, plan.initial.tolist())))
    return most


def _largest(classes: Sequence[RouteClass], pool: int) -> int:
    """Return the largest count of a pool that anyone takes at once."""
    return max(
        (count for route_class in classes for _, taken, count, _ in route_class.takes() if taken == pool), default=0
    )


# --- balance ----------------------------------------------------------------------------------------------------------


Gone = tuple[int, tuple[tuple[int, int], ...]]
"""A count that leaves a pool again, and the (gate, level) it waits for before it does; none if it never leaves."""


def too_large(
    plan: CompiledPlan, classes: Sequence[RouteClass], prerequisites: Prerequisites
) -> Iterator[tuple[RouteClass, int, str]]:
    """Yield every (route class, step, sentence) at which more is taken at once than there can ever be."""
    for route_class in classes:
        for step, pool, count, held in route_class.takes():
            kept = 0 if pool in prerequisites.place_pools else max(0, held)  # a place may have come back through others
            room = room_of(plan, prerequisites, pool)
            if count + kept > room:
                before = f" with the {kept} it has" if kept else ""
                there = f"there are {room}" if room else "there is none"
                yield (
                    route_class,
                    step,
                    f"{{who}}: takes {count} of {plan.pools[pool]}{before}, of which {there} at most",
                )


def room_of(plan: CompiledPlan, prerequisites: Prerequisites, pool: int) -> int:
    """Return how many of a pool can ever be there at once."""
    room = int(plan.initial[pool])
    if pool not in prerequisites.place_pools:
        room += sum(count for _, _, count in prerequisites.supplies[pool])
    return room


def used_up(plan: CompiledPlan, classes: Sequence[RouteClass]) -> Iterator[Finding]:
    """Yield pools of which more is taken for good than ever comes (rule 6); of two departures only one takes anything."""
    coming, taken = Counter(dict(enumerate(plan.initial.tolist()))), Counter[int]()
    takers: dict[int, list[str]] = {}
    for route_class in classes:
        for pool, count in (route_class.end or {}).items():
            if count < 0:
                coming[pool] -= count * len(route_class.units)
            elif plan.pool_kinds[pool] != "returned" and plan.unit_info[route_class.units[0]].kind != "departure":
                taken[pool] += count * len(route_class.units)
                takers.setdefault(pool, []).extend(plan.units[unit] for unit in route_class.units)
    # a route that goes round for ever gives back as often as it takes
    endless = {pool for route_class in classes if route_class.end is None for _, pool, _ in route_class.supplies()}
    for pool, count in taken.items():
        if count > coming[pool] and pool not in endless:
            name, short = plan.pools[pool], f"{coming[pool]:,} of it ever come"
            sentence = f"{name}: {{who}} together take {count:,} of it for good, but only {short}"
            yield Finding("error", name, sentence, tuple(takers[pool]))


def gone_too_early(
    plan: CompiledPlan, classes: Sequence[RouteClass], prerequisites: Prerequisites
) -> Iterator[Finding]:
    """Yield work for which too little of a pool may be left when those who supply it have gone (rule 5)."""
    leaving = _leaving(classes, prerequisites)
    # an outage takes what is left, or nothing: it waits for nobody
    for route_class in (of for of in classes if plan.unit_info[of.units[0]].kind not in ("outage", "departure")):
        for step, pool, count, held in route_class.takes():
            if pool in leaving and held >= 0:
                after = _signalled_after(route_class, step)
                stays = int(plan.initial[pool]) + sum(
                    number
                    for number, waits in leaving[pool]
                    if not waits or any(level > prerequisites.least[gate] - after[gate] for gate, level in waits)
                )
                if stays < count + held:
                    sentence = (
                        f"{{who}}: takes {count} of {plan.pools[pool]}, of which all but {stays} may have left by then"
                    )
                    yield Finding(
                        "warning", plan.pools[pool], sentence, tuple(plan.units[u] for u in route_class.units)
                    )


def _leaving(classes: Sequence[RouteClass], prerequisites: Prerequisites) -> dict[int, list[Gone]]:
    """Return, for pools that units supply and leave again, what is supplied and when it leaves."""
    found: dict[int, list[Gone]] = {}
    for route_class in classes:
        leaves = {pool: step for step, pool, _, held in route_class.takes() if held < 0}
        for _, pool, count in route_class.supplies():
            for unit in route_class.units:
                waits = tuple(prerequisites.waits(unit, leaves[pool])) if pool in leaves else ()
                found.setdefault(pool, []).append((count, waits))
    return {pool: gone for pool, gone in found.items() if any(waits for _, waits in gone)}


def _signalled_after(route_class: RouteClass, step: int) -> Counter[int]:
    """Return by gate what the first unit of a route class signals after a step."""
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
    """Yield places of which so many must be taken before any come back that none ever do, or perhaps none do.

    With each finding come the groups that can never give anything back. `possible` are the prerequisites that may arise.
    """
    for pool in sorted(prerequisites.place_pools):
        room, everyone = (
            int(plan.initial[pool]),
            [_group(prerequisites, possible, *supply[:2], pool) for supply in prerequisites.supplies[pool]],
        )
        least = 0 if _comes_back_singly(prerequisites, pool) else min(group.least for group in everyone)
        others = _taken_by_others(prerequisites, pool, everyone)
        groups = [group for group in everyone if len(group.taken) > (0 if others else 1)]
        begun = others + sum(sum(group.taken) - group.taken[0] for group in groups)
        if least > room:
            told = f"comes back only when {least:,} of it have been taken, and there are {room:,}"
            yield _finding(plan, pool, "error", everyone, told), everyone
        elif groups and begun + max(group.taken[-1] for group in groups) > room:
            told = f"comes back only when several have taken theirs; of {room:,} too many can begin and none finish"
            yield _finding(plan, pool, "warning", groups, told), []


def _group(prerequisites: Prerequisites, possible: Prerequisites, unit: int, step: int, pool: int) -> Group:
    """Return who must have taken places before a unit gives some back, with their counts, least first."""
    held = _held(possible, unit, step, pool, only_certain=False)
    back = [-count for count in held.values() if count < 0]
    taken = sorted(count for count in held.values() if count > 0)
    for count in back[: len(taken)]:
        taken.remove(count if count in taken else taken[-1])
    least = 0 if back else sum(_held(prerequisites, unit, step, pool, only_certain=True).values())
    return Group(unit, step, frozenset(held), tuple(taken), least)


def _held(prerequisites: Prerequisites, unit: int, step: int, pool: int, *, only_certain: bool) -> dict[int, int]:
    """Return what others than a unit must have taken of a pool, or given back (negative), before it comes to a step."""
    signallers = prerequisites.signallers(prerequisites.waits(unit, step), pool, only_certain=only_certain)
    held = {
        other: (prerequisites.class_of[other].held[at] or {}).get(pool, 0)
        for other, at in signallers.items()
        if other != unit
    }
    return {other: count for other, count in held.items() if count}


def _taken_by_others(prerequisites: Prerequisites, pool: int, groups: Sequence[Group]) -> int:
    """Return how many places those take who wait for no group, such as skids that lie there for anybody."""
    grouped = frozenset[int]().union(*(group.members for group in groups))
    return sum(
        route_class.most.get(pool, 0) * len(set(route_class.units) - grouped) for route_class in prerequisites.classes
    )


def _comes_back_singly(prerequisites: Prerequisites, pool: int) -> bool:
    """Tell whether some unit gives back itself what it took."""
    held = (
        (route_class, step, route_class.held[step] or {})
        for route_class in prerequisites.classes
        for step in route_class.steps_of(FREE)
    )
    freed = (
        route_class.plan.bundles[route_class.rows[step][1]] for route_class, step, has in held if has.get(pool, 0) > 0
    )
    return any(other == pool for bundle in freed for other, _ in bundle)


def _finding(plan: CompiledPlan, pool: int, severity: Severity, of: Sequence[Group], told: str) -> Finding:
    name = plan.pools[pool]
    return Finding(severity, name, f"{{who}}: {name} {told}", tuple(plan.units[group.unit] for group in of))
