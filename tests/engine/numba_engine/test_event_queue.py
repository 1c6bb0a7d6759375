"""The wheel of minutes: whoever waits for a date, near or far, goes on in its minute and in no other."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from sim.engine.simpy_engine import RunOutcome
from sim.plan.compile import compile_plan
from sim.plan.vocabulary import UNTIL, Plan, Signal, Until, fixed
from tests.engine.numba_engine.both import agree

MINUTES = st.one_of(*(st.integers(0, 2**bits) for bits in (3, 10, 11, 20, 21, 30, 45)))
"""From a few minutes to far beyond any project, on both sides of where one wheel ends and the next begins."""


@given(st.lists(st.lists(MINUTES, min_size=1, max_size=4), min_size=1, max_size=8))
def test_dates_come_in_their_minutes(dates: list[list[int]]) -> None:
    plan = Plan(("done", len(dates)))
    plan.gate("done")
    for unit, own in enumerate(dates):
        route = [Until(f"date {unit}.{place}", fixed(date)) for place, date in enumerate(own)]
        plan.unit(f"u{unit}", [*route, Signal("done")])
    compiled = compile_plan(plan)
    done = agree(compiled)
    assert isinstance(done, RunOutcome)
    came = done.log[compiled.rows[done.log[:, 1], 0] == UNTIL, 0]
    assert sorted(came.tolist()) == sorted(minute for own in dates for minute in accumulate(own, max))
