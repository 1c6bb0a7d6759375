"""What must hold on every single route: one state whatever way was taken, no endless circle, nothing kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sim.events import OPERATIONS
from sim.plan.checks.remarks import Finding, Severity
from sim.plan.compile import AGAIN, NONE, Compiled
from sim.plan.kinds import Kind, following


def on_routes(plan: Compiled, kinds: Sequence[Kind]) -> Iterator[Finding]:
    """Yield what is wrong with routes by themselves."""
    for kind in kinds:
        yield from _ways(plan, kind)
        yield from _circles(kind)
        yield from _kept(plan, kind)
        yield from _unreached(kind)


def _ways(plan: Compiled, kind: Kind) -> Iterator[Finding]:
    """Yield steps at which a unit has something else, depending on how it came there (rule 6)."""
    for conflict in kind.conflicts:
        differ = [name for name in {**conflict.one, **conflict.other} if _differ(conflict.one, conflict.other, name)]
        what = ", ".join(f"{conflict.one.get(name, 0)} or {conflict.other.get(name, 0)} of {name}" for name in differ)
        step = conflict.step - int(plan.first[kind.units[0]])
        where = f"at {_place(kind, step)}" if step < len(kind.rows) else "at the end"
        sentence = f"{{who}}: what is held or has been signalled {where} depends on the way there: {what}"
        yield _finding(kind, "error", sentence)


def _differ(one: dict[str, int], other: dict[str, int], name: str) -> bool:
    return one.get(name, 0) != other.get(name, 0)


def _circles(kind: Kind) -> Iterator[Finding]:
    """Yield jumps back with which a unit can go round for ever without time passing (rule 6)."""
    for step in kind.does(AGAIN):
        if kind.rows[step][3] == NONE and kind.rows[step][1] <= step and _comes_round(kind, step):
            sentence = f"{{who}}: {_place(kind, step)} can be repeated for ever without work and without a limit"
            yield _finding(kind, "error", sentence)


def _comes_round(kind: Kind, jump: int) -> bool:
    """Tell whether a unit can come back to a jump without work and without a limited jump."""
    todo, seen = [kind.rows[jump][1]], set()
    while todo:
        step = todo.pop()
        if step == jump:
            return True
        if step in seen or step == len(kind.rows) or kind.timed[step]:
            continue
        seen.add(step)
        row = kind.rows[step]
        limited = row[0] == AGAIN and row[3] != NONE
        todo += [step + 1] if limited else following(row, step)
    return False


def _kept(plan: Compiled, kind: Kind) -> Iterator[Finding]:
    """Yield pools of which a unit must give back what it took, and does not, or gives what it has not (rule 5)."""
    returned = [pool for pool, name in enumerate(plan.pool_kinds) if name == "returned"]
    for pool in returned:
        least = min((held or {}).get(pool, 0) for held in kind.held)
        left = (kind.end or {}).get(pool, 0)
        if least < 0:
            sentence = f"{{who}}: gives back {-least} more of {plan.pools[pool]} than was taken"
            yield _finding(kind, "error", sentence, plan.pools[pool])
        elif left > 0:
            sentence = f"{{who}}: {left} of {plan.pools[pool]} {'is' if left == 1 else 'are'} never given back"
            yield _finding(kind, "error", sentence, plan.pools[pool])


def _unreached(kind: Kind) -> Iterator[Finding]:
    """Yield the first step of a route to which no way leads."""
    for step in range(len(kind.rows)):
        if kind.held[step] is None:
            yield _finding(kind, "warning", f"{{who}}: no way leads to {_place(kind, step)}")
            return


def _place(kind: Kind, step: int) -> str:
    """Say which step of a route is meant: by its activity where it has one, else by its number."""
    activity = int(kind.plan.activity_of[kind.plan.first[kind.units[0]] + step])
    number = f"step {step + 1} ({OPERATIONS[kind.rows[step][0]]})"
    return number if activity == NONE else f"{kind.plan.activities[activity]!r}"


def _finding(kind: Kind, severity: Severity, sentence: str, about: str = "") -> Finding:
    units = tuple(kind.plan.units[unit] for unit in kind.units)
    return Finding(severity, about or units[0], sentence, units)
