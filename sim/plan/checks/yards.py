"""Places and what lies on them: a skid takes a place before it lies ready, so no more can ever lie than places.

A pool of places is found, not declared: whatever a unit always has (so many for each) when it hands a token on,
and what is only given back by those who have taken the token.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sim.plan.checks.remarks import Finding
from sim.plan.compile import HOLD, Compiled
from sim.plan.kinds import Held, Kind
from sim.plan.needs import Needs, bits, members


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


def yards(plan: Compiled, kinds: Sequence[Kind], slots: Collection[int]) -> list[Yard]:
    """Return the yards of a plan; `slots` are the pools of places that units pass on to others."""
    found = []
    made = {token: makers for token, makers in _makers(kinds).items() if token not in slots}
    for pool in (pool for pool, kind in enumerate(plan.pool_kinds) if kind == "returned" or pool in slots):
        weights = {token: _places_for(makers, token, pool) for token, makers in made.items() if token != pool}
        tokens = {token: weight for token, weight in weights.items() if weight > 0}
        yard = Yard(pool, tokens)
        if tokens and all(yard.weight(held) >= 0 for kind in kinds for held in _distinct(kind, yard)):
            found.append(yard)
    return found


def _makers(kinds: Sequence[Kind]) -> dict[int, list[Kind]]:
    """Return per token, a pool that units pass on to others, the kinds of unit that make it."""
    made: dict[int, list[Kind]] = {}
    for kind in kinds:
        for pool in dict.fromkeys(pool for _, pool, _ in kind.supplies()):
            if kind.plan.pool_kinds[pool] != "returned":
                made.setdefault(pool, []).append(kind)
    return made


def _places_for(makers: Sequence[Kind], token: int, place: int) -> Fraction:
    """Return how many places every maker of a token has at least for each one it has handed on."""
    each = Fraction(1 << 30)
    for kind in makers:
        for held in kind.held:
            if held is not None and held.get(token, 0) < 0:
                each = min(each, Fraction(max(0, held.get(place, 0)), -held[token]))
    return each


def _distinct(kind: Kind, yard: Yard) -> Iterator[Held]:
    """Yield what a unit has of a yard's pools on its way, each combination once."""
    pools = (yard.places, *yard.tokens)
    known = set()
    for held in kind.held:
        has = tuple((held or {}).get(pool, 0) for pool in pools)
        if any(has) and has not in known:
            known.add(has)
            yield dict(zip(pools, has, strict=True))


def crowded(plan: Compiled, kinds: Sequence[Kind], yard: Yard) -> Iterator[tuple[Kind, int, str]]:
    """Yield every (kind, step, sentence) at which more must lie in a yard at once than can ever lie there."""
    room = yard.weight(dict(enumerate(plan.initial.tolist())))
    for kind in kinds:
        for step in kind.does(HOLD):
            wanted = dict(plan.bundles[kind.rows[step][1]])
            places = yard.weight(wanted)
            if any(token in wanted for token in yard.tokens) and places + yard.weight(kind.held[step] or {}) > room:
                tokens = ", ".join(f"{n} of {plan.pools[pool]}" for pool, n in wanted.items() if pool in yard.tokens)
                sentence = (
                    f"{{who}}: {tokens} at once can never be there: they lie on {float(places):g} places of"
                    f" {plan.pools[yard.places]}, which has {plan.initial[yard.places]}"
                )
                yield kind, step, sentence


def blocked_by_others(
    plan: Compiled, kinds: Sequence[Kind], needs: Needs, yard: Yard, all_yards: Sequence[Yard]
) -> Iterator[Finding]:
    """Yield who can wait for ever for a token that finds no place because others of another kind lie there."""
    passed = {token for token in yard.tokens if plan.pool_kinds[token] == "passed"}
    limits = {token: _at_most(plan, kinds, token, all_yards, yard) for token in passed}
    room = yard.weight(dict(enumerate(plan.initial.tolist())))
    for kind in kinds if len(passed) > 1 else ():
        for step, taken, _, _ in kind.takes():
            behind = needs.of_step(kind.units[0], step) | bits(pool for pool, _ in plan.bundles[kind.rows[step][1]])
            together = [pool for pool in members(behind) if pool in passed] if taken in passed else []
            for token in together if len(together) > 1 else ():
                others = [other for other in together if other != token]
                fill = sum((yard.tokens[other] * limits[other] for other in others), Fraction(0))
                if fill + yard.tokens[token] * _largest(kinds, token) > room:
                    names = " and ".join(plan.pools[other] for other in others)
                    yield Finding(
                        "warning",
                        plan.pools[yard.places],
                        f"{{who}}: {names} can take so many of the {plan.initial[yard.places]} places of"
                        f" {plan.pools[yard.places]} that too few are left for {plan.pools[token]}:"
                        " give each kind places of its own",
                        tuple(plan.units[unit] for unit in kind.units),
                    )


def _at_most(plan: Compiled, kinds: Sequence[Kind], token: int, all_yards: Sequence[Yard], but: Yard) -> Fraction:
    """Return how many of a token can lie about at once: all that are ever made, or what another yard allows."""
    made = sum(count * len(kind.units) for kind in kinds for _, pool, count in kind.supplies() if pool == token)
    most = Fraction(int(plan.initial[token]) + made)
    for yard in all_yards:
        if yard is not but and list(yard.tokens) == [token]:
            most = min(most, Fraction(yard.most(token, plan.initial.tolist())))
    return most


def _largest(kinds: Sequence[Kind], pool: int) -> int:
    """Return the largest count of a pool that anyone takes at once."""
    return max((count for kind in kinds for _, taken, count, _ in kind.takes() if taken == pool), default=0)
