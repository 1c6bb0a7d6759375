"""Every identity that is checked in every run of the tests holds of a sound run, and notices a damaged one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.engine.simpy_engine import RunOutcome
from sim.errors import CheckFailed
from sim.metrics import conservation
from sim.metrics import measure as measuring
from sim.metrics.checked_run import CheckedRun
from sim.metrics.conservation import SWITCH, switched_on, violations
from sim.plan.vocabulary import FREE, HOLD, NOTE, WORK
from sim.study.case import Case
from tests.tiny_project import tiny_case

Log = NDArray[np.int64]
HOUR = 60


@cache
def case() -> Case:
    """The tiny project by day only, so that there are nights to work in."""
    day = "{days: [mon, tue, wed, thu, fri, sat, sun], shifts: [{start: '06:00', end: '18:00'}], holidays: null}"
    return tiny_case(f"calendars.site={day}")


@cache
def run() -> RunOutcome:
    return case().simulate(case().planned)


def told(damage: Callable[[Log], Log], monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said of a run whose log was damaged."""
    monkeypatch.setattr(conservation, "SHOWN", 1000)
    with pytest.raises(CheckFailed) as refused:
        case().measured(case().planned, RunOutcome(damage(run().log.copy())))
    return str(refused.value)


def rows(operation: int, unit: str = "", of: str = "") -> list[int]:
    """Rows of a kind: of a unit whose name begins so, and of an activity, a note or a pool."""
    plan = case().plan
    found = []
    for row, step in enumerate(run().log[:, 1].tolist()):
        kind, first = plan.rows[step, :2].tolist()
        if kind != operation:
            continue
        name = plan.activities[plan.activity_of[step]] if plan.activity_of[step] >= 0 else ""
        if operation == NOTE:
            name = " ".join(plan.notes[first])
        if operation in {HOLD, FREE}:
            name = " ".join(plan.pools[pool] for pool, _ in plan.bundles[first])
        if plan.units[plan.unit_of[step]].startswith(unit) and of in name:
            found.append(row)
    assert found
    return found


def without(*these: int) -> Callable[[Log], Log]:
    return lambda log: np.delete(log, these, axis=0)


def with_amount(row: int, amount: int) -> Callable[[Log], Log]:
    def damage(log: Log) -> Log:
        log[row, 2] = amount
        return log

    return damage


def later(row: int, minutes: int) -> Callable[[Log], Log]:
    """A row done so much later, and the log in order of time again."""

    def damage(log: Log) -> Log:
        log[row, 0] += minutes
        return log[np.argsort(log[:, 0], kind="stable")]

    return damage


def twice(row: int) -> Callable[[Log], Log]:
    return lambda log: np.insert(log, row, log[row], axis=0)


def test_the_switch_is_on_in_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    assert switched_on()
    asked: list[CheckedRun] = []
    monkeypatch.setattr(measuring, "require_conserved", asked.append)
    case().measured(case().planned, run())
    assert len(asked) == 1
    monkeypatch.setenv(SWITCH, "0")
    case().measured(case().planned, run())
    assert len(asked) == 1


DAMAGES: dict[str, tuple[Callable[[], Callable[[Log], Log]], str]] = {
    "a unit in two places": (
        lambda: later(rows(WORK, "b1.electrical", "electrical.connect")[0], 13 * HOUR),
        "steps: b1.electrical is done with a step at minute",
    ),
    "work at night": (lambda: later(rows(WORK, "t2", "L5")[0], 7 * HOUR), "when site.interior is closed"),
    "a step that is left out": (lambda: without(rows(WORK, "b1.commissioning", "L3")[0]), "b1.commissioning leaps"),
    "a crane that is kept": (lambda: without(rows(FREE, "b1.electrical", "crane")[0]), "of crane are taken that are"),
    "a truck that is missed": (
        lambda: without(rows(FREE, "electrical.s1", "electrical.truck")[0]),
        "1 of electrical.truck are taken that are not there",
    ),
    "a truck that is kept": (
        lambda: without(rows(FREE, "electrical.s2", "electrical.truck")[0]),
        "electrical.s2 never does step",
    ),
    "a truck given back twice": (
        lambda: twice(rows(FREE, "electrical.s2", "electrical.truck")[0]),
        "1 of electrical.truck are given back that were never taken",
    ),
    "a crew that left and works": (
        lambda: with_amount(rows(NOTE, "crew.millwrights", "people")[0], 3),
        "1 millwrights are at work who are not on site",
    ),
    "a skid delivered twice": (
        lambda: twice(rows(NOTE, "electrical.s2", "delivered")[0]),
        "3 of electrical are delivered and only 2 started",
    ),
    "a block that is not online": (lambda: without(rows(NOTE, "t2", "online")[0]), "1 blocks are online where 2"),
    "a contract without its milestone": (
        lambda: without(rows(NOTE, "p1.g1", "delivered")[0]),
        "money: generation/p1.g1 costs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_log_is_noticed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    damage, said = DAMAGES[what]
    assert said in told(damage(), monkeypatch)


def found_of(**changes: Any) -> CheckedRun:
    """The sound run with some of its numbers changed."""
    kept: list[CheckedRun] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "require_conserved", kept.append)
        case().measured(case().planned, run())
    found = kept[0]
    if curve := changes.pop("curve", None):
        changes["curves"] = {**found.curves, curve: found.curves[curve] * 1.01}
    if metric := changes.pop("metric", None):
        changes["metrics"] = {**found.metrics, metric: found.metrics[metric] * 1.01}
    return replace(found, **changes)


def test_a_sound_run_conserves_everything() -> None:
    assert list(violations(found_of())) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"curve": "mw_online"}, "MW are online on the last day"),
        ({"curve": "headcount"}, "the peak is not the highest day"),
        ({"curve": "capital_deployed_usd"}, "has fallen due"),
        ({"curve": "capital_in_service_usd"}, "more capital is in service than was deployed"),
        ({"metric": "capital_total_usd"}, "capital in all is"),
        ({"metric": "capital_compute_usd"}, "the parts of capital add up"),
        ({"metric": "peak_workforce_onsite"}, "the peak is not the highest day"),
    ],
)
def test_a_number_that_does_not_fit_the_log_is_noticed(changed: dict[str, str], said: str) -> None:
    assert any(said in line for line in violations(found_of(**changed)))


FENCE = """site_works.steps=[{id: grading, crews: {earthworks: 1}, days: 2}, {id: services, days: 5, after: [grading]},
 {id: fence, crews: {earthworks: 1}, days: 60, after: [services]}]"""
NOT_NEEDED = {
    "units": ["energization.units.count=9"],
    "a feed": ["energization.grid=[{id: line, mw: 10, weeks: 40}]"],
    "a step": [FENCE],
    "all": ["energization.units.count=9", "energization.grid=[{id: line, mw: 10, weeks: 40}]", FENCE],
}


@pytest.mark.parametrize("mw", [2.5, 5, 10, 20])
@pytest.mark.parametrize("more", NOT_NEEDED)
def test_what_no_block_needs_comes_and_is_paid_after_the_last_one_is_online(more: str, mw: float) -> None:
    """The blocks are online when they would be without it, and every contract is paid to its end."""
    size = [f"scale.capacity_mw={mw}", "energization.units.mw=5", "energization.units.count=5"]
    plain, more_of_it = tiny_case(*size), tiny_case(*size, *NOT_NEEDED[more])
    without, _ = plain.measured(plain.planned, plain.simulate(plain.planned))
    outcome = more_of_it.simulate(more_of_it.planned)
    # `measured` refuses a run in which anything is not paid
    metrics, _ = more_of_it.measured(more_of_it.planned, outcome)
    assert metrics["lead_time_full_days"] == without["lead_time_full_days"]
    assert outcome.log[-1, 0] > metrics["lead_time_full_days"] * 1440
    if more in {"units", "all"}:
        assert metrics["capital_total_usd"] > without["capital_total_usd"] + 1e6


@pytest.mark.parametrize("shared", ["true", "false"])
def test_units_that_no_phase_needs_come_and_are_paid_for_whoever_shares_them(shared: str) -> None:
    size = ["scale.capacity_mw=20", "scale.phases=2", "energization.units.mw=5", f"energization.shared={shared}"]
    plan, more = tiny_case(*size, "energization.units.count=5"), tiny_case(*size, "energization.units.count=12")
    dates = [
        each.measured(each.planned, each.simulate(each.planned))[0]["lead_time_full_days"] for each in (plan, more)
    ]
    assert dates[0] == dates[1]
