"""What crew planning reads from a rehearsed log by machine code is what plain Python reads from it."""

from __future__ import annotations

import numpy as np
import pytest

import sim
from sim.metrics import schedule
from sim.plan.plan_context import ResourcePlan
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK
from sim.study.crew_planning.crew_plan import plan_crews
from sim.study.crew_planning.levelling import _KnownRuns
from sim.study.crew_planning.manning import _weekly_maximum, compiled_weeks, crew_weeks, with_valleys_filled
from sim.study.crew_planning.rehearsal import Rehearsal
from tests.tiny_project import tiny

pytest.importorskip("numba", reason="the compiled engine is an extra that is not installed")


@pytest.fixture(scope="module", params=["hybrid", "stick_built", "incremental_hybrid", "tiny"])
def rehearsal(request: pytest.FixtureRequest) -> Rehearsal:
    small = ("scale.capacity_mw=25", "energization.units.count=2")
    project = tiny() if request.param == "tiny" else sim.load(f"configs/{request.param}.yaml", small).value
    return Rehearsal(project.with_risks("none"), ResourcePlan())


@pytest.mark.parametrize("days", [-30, 0, 0.5, 100])
def test_late_dates(rehearsal: Rehearsal, days: float) -> None:
    from sim.metrics.kernels.late_dates import latest

    plan, log, later = rehearsal.plan, rehearsal.log, round(days * MINUTES_PER_DAY)
    anchors = {int(row): int(log[row, 0]) + later for row in rehearsal.online_rows(log)}
    found = latest(plan, log, plan.base_calendars, anchors)
    assert found is not None
    assert np.array_equal(found, schedule.latest(plan, log, plan.base_calendars, anchors))
    # binding somewhere, and not everywhere: crews leave when all is online
    assert 0 < (found != schedule.NEVER).sum() <= len(log)


def test_late_dates_beyond_the_calendars_are_left_to_python(rehearsal: Rehearsal) -> None:
    from sim.metrics.kernels.late_dates import latest

    calendars = rehearsal.plan.base_calendars
    anchors = {int(rehearsal.online_rows(rehearsal.log)[0]): max(one.horizon for one in calendars) + 1}
    assert latest(rehearsal.plan, rehearsal.log, calendars, anchors) is None


def test_crews_by_week(rehearsal: Rehearsal) -> None:
    found, reference = compiled_weeks(rehearsal, rehearsal.log), crew_weeks(rehearsal, rehearsal.log)
    for one, other in zip(found, reference, strict=True):
        assert np.array_equal(one, other)
    assert found[0].max() > 0


CHANGES = np.array([(1, 0), (0, 2), (1, 1), (-1, 0), (0, -2)])
"""Crews taken by two trades; there are never fewer than none, so some of them are not always possible."""


@pytest.mark.parametrize("seed", range(40))
def test_crews_by_week_where_they_change_as_weeks_begin(seed: int) -> None:
    from sim.metrics.kernels.crew_weeks import crew_weeks as compiled

    random = np.random.default_rng(seed)
    minutes = np.sort(random.integers(0, 12, random.integers(1, 40))) * MINUTES_PER_WEEK // 2
    taken, now = list[int](), np.zeros(2, np.int64)
    for change in random.integers(0, len(CHANGES), len(minutes)).tolist():
        taken.append(change if (now + CHANGES[change] >= 0).all() else 0)
        now = now + CHANGES[taken[-1]]
    log = np.column_stack([minutes, taken, np.zeros_like(minutes)])
    weeks, idle = int(minutes[-1]) // MINUTES_PER_WEEK + 1, int(random.integers(0, 4))
    busy, manned = compiled(log, np.arange(len(CHANGES), dtype=np.int32), CHANGES, MINUTES_PER_WEEK, idle)
    assert np.array_equal(busy, _weekly_maximum(minutes, CHANGES[taken].T.cumsum(axis=1), weeks))
    assert np.array_equal(manned, with_valleys_filled(busy, idle))


@pytest.mark.parametrize("config", ["hybrid", "stick_built"])
def test_log_is_the_same_within_the_bounds_that_are_told(config: str) -> None:
    """As many crews as ever work, fewer and more at random: what is told to be the same log is the same log."""
    rehearsal = Rehearsal(sim.load(f"configs/{config}.yaml").value.with_risks("none"), ResourcePlan())
    trades, random = list(rehearsal.max_crews_at_once), np.random.default_rng(1)
    most = np.maximum(crew_weeks(rehearsal, rehearsal.log)[0].max(axis=1), [*rehearsal.max_crews_at_once.values()])
    moved = 0
    for _ in range(30):
        fewest = [*rehearsal.max_crews_at_once.values()]
        counts = np.maximum(fewest, most * random.uniform(0.2, 1.1, len(most))).astype(np.int64)
        log = rehearsal.log_with(dict(zip(trades, counts.tolist(), strict=True))).copy()
        bounds = rehearsal.same_log(dict(zip(trades, counts.tolist(), strict=True)))
        assert bounds is not None
        least, highest = bounds
        other = random.integers(np.maximum(least, 1), np.minimum(highest, counts + 3) + 1)
        moved += not np.array_equal(other, counts)
        assert np.array_equal(rehearsal.log_with(dict(zip(trades, other.tolist(), strict=True))), log)
    assert moved > 10


def test_search_finds_the_same_crews_where_every_plan_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    project = sim.load("configs/one_block.yaml").value
    quick = plan_crews(project)
    runs = 0

    def find(*_: object) -> None:
        nonlocal runs
        runs += 1

    monkeypatch.setattr(_KnownRuns, "find", find)
    assert plan_crews(project).resource_plan == quick.resource_plan
    assert runs > 10
