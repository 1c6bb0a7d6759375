"""Published scheduling problems (PSPLIB): the same schedule in both engines, and never shorter than is possible."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sim.engine.simpy_engine import RunOutcome
from sim.plan.compile import compile_plan
from sim.plan.vocabulary import Free, Hold, Plan, Signal, Step, Wait, Work, fixed
from sim.world.working_time import always
from tests.engine.numba_engine.both import agree

LIBRARY = Path(__file__).parents[4] / "shared" / "psplib"
INSTANCES = sorted(LIBRARY.glob("*.rcp"))

pytestmark = pytest.mark.skipif(not INSTANCES, reason="the published problems are not here")


def published(path: Path, *, unlimited: bool) -> Plan:
    """Read a problem in Patterson's format: activities with needs of several resources, and their successors."""
    numbers = iter(map(int, path.read_text(encoding="utf-8").split()))
    activities, resources = next(numbers), next(numbers)
    capacities = [next(numbers) for _ in range(resources)]
    plan = Plan(("1 over", 0))
    plan.works_on({"always": always(100_000)})
    for number, capacity in enumerate(capacities):
        plan.pool(f"r{number}", 10_000 if unlimited else capacity)
    rows = []
    for _ in range(activities):
        minutes, needs = next(numbers), {f"r{r}": next(numbers) for r in range(resources)}
        rows.append((minutes, needs, [next(numbers) for _ in range(next(numbers))]))
    for number, (minutes, needs, _) in enumerate(rows, 1):
        waits = [Wait(plan.gate(f"{before} over")) for before, row in enumerate(rows, 1) if number in row[2]]
        steps: list[Step] = [*waits, Hold(needs), Work("work", fixed(minutes), "always"), Free(needs)]
        plan.unit(f"a{number}", [*steps, Signal(plan.gate(f"{number} over"))])
    plan.completion = (f"{activities} over", 1)
    return plan


@pytest.fixture(scope="module")
def known() -> dict[str, dict[str, str]]:
    with (LIBRARY / "MANIFEST.csv").open(encoding="utf-8") as rows:
        return {row["file"]: row for row in csv.DictReader(rows)}


@pytest.mark.parametrize("path", INSTANCES, ids=lambda path: str(path.stem))
def test_a_published_problem_has_the_same_schedule_in_both(path: Path, known: dict[str, dict[str, str]]) -> None:
    best = known[path.name]
    free = agree(compile_plan(published(path, unlimited=True)))
    tight = agree(compile_plan(published(path, unlimited=False)))
    assert isinstance(free, RunOutcome)
    assert isinstance(tight, RunOutcome)
    assert free.log[-1, 0] == int(best["cpm_makespan_infinite_resources"])
    assert int(best["best_known_lb"]) <= tight.log[-1, 0] <= 2 * int(best["best_known_ub"])
