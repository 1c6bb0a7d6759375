"""What is said about tiny plans, and whether the engine agrees."""

from __future__ import annotations

from sim.plan.checks import Remark, check
from sim.plan.compile import compile_plan
from sim.plan.vocabulary import Plan
from tests.engine.small_plans import Pools, Routes, told, write
from tests.plan.random_sites import numbered

TASTE = ("nothing in the project waits", "needs no crew", "planned for more than")


def remarks(plan: Plan) -> list[Remark]:
    """What is said about a plan, but for matters of taste."""
    return [r for r in check(compile_plan(plan)) if not any(words in r.sentence for words in TASTE)]


def site(routes: Routes, pools: Pools | None = None) -> Plan:
    """A plan of these routes; every piece of work has a name of its own."""
    return write({name: numbered(route) for name, route in routes.items()}, pools)


def said(routes: Routes, pools: Pools | None = None) -> list[str]:
    """What is said about a plan, on a line each."""
    return [str(remark) for remark in remarks(site(routes, pools))]


def stalls(routes: Routes, pools: Pools | None = None) -> bool:
    """Whether the engine comes to a standstill."""
    return told(site(routes, pools)).outcome.deadlock is not None


def never(plan: Plan) -> bool:
    """Whether a plan is said to be impossible, whatever happens."""
    return any("can never finish" in remark.sentence for remark in remarks(plan))
