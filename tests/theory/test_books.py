"""Sums by activity, by resource and by month are the total, for hours and for money: nothing is counted twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from sim.metrics.event_log import DAY, MONTH, Record
from sim.metrics.workforce import headcount
from sim.plan.vocabulary import WORK
from sim.study.api import load
from sim.study.case import Case, prepare_case
from sim.world.project_calendars import SHIFT

ROOT = Path(__file__).parents[2]
FILES = {"tiny": ROOT / "tests" / "configs" / "tiny.yaml", "one_block": ROOT / "configs" / "one_block.yaml"}
NAMES = tuple(FILES)
HOUR = 60


@cache
def case(name: str) -> Case:
    return prepare_case(load(FILES[name]).value)


@cache
def metrics(name: str, replication: int) -> dict[str, float]:
    luck = next(case(name).draws(1).chunk(replication, 1))
    hours = case(name).calendars_of(1, replication)
    return case(name).measured(luck, case(name).simulate(luck, hours), hours)[0]


@cache
def record(name: str, replication: int) -> Record:
    luck = next(case(name).draws(1).chunk(replication, 1))
    hours = case(name).calendars_of(1, replication)
    log = case(name).simulate(luck, hours).log
    return Record.of(case(name).metric_context.plan_index, log, luck.content, hours, luck.factors)


def shift_minutes(run: Record, number: int, begun: int, done: int) -> float:
    """The shift minutes of one work: its productive minutes times what a shift has for each of them."""
    plan, calendar = run.plan_index.plan, run.calendars[number]
    minutes = calendar.worked(done) - calendar.worked(begun)
    base, shift = plan.base_calendars[number], plan.base_calendars[plan.calendars.index(SHIFT)]
    if not plan.calendars[number].startswith("site."):
        return minutes
    productive = base.worked(done) - base.worked(begun)
    return minutes * (shift.worked(done) - shift.worked(begun)) / productive if productive else minutes


@pytest.mark.parametrize("replication", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_hours_worked_by_activity_and_by_trade_are_the_hours_worked(name: str, replication: int) -> None:
    run = record(name, replication)
    plan = run.plan_index.plan
    by_activity, by_trade = defaultdict[str, float](float), defaultdict[str, float](float)
    by_month = defaultdict[int, float](float)
    for done, step, begun in zip(run.minute.tolist(), run.step.tolist(), run.detail.tolist(), strict=True):
        if plan.rows[step, 0] != WORK or not plan.people[step].any():
            continue
        number = int(plan.rows[step, 2])
        minutes = shift_minutes(run, number, begun, done)
        by_activity[plan.activities[plan.activity_of[step]]] += minutes * int(plan.people[step].sum())
        for at, trade in enumerate(plan.trades):
            by_trade[trade] += minutes * int(plan.people[step, at])
        whole = run.calendars[number].worked(done) - run.calendars[number].worked(begun)
        for month in range(begun // MONTH, done // MONTH + 1):
            edges = [min(max(edge, begun), done) for edge in (month * MONTH, (month + 1) * MONTH)]
            part = run.calendars[number].worked(edges[1]) - run.calendars[number].worked(edges[0])
            by_month[month] += minutes * (part / whole if whole else 0) * int(plan.people[step].sum())
    total = metrics(name, replication)["hours_worked"]
    for sums in (by_activity.values(), by_trade.values(), by_month.values()):
        assert sum(sums) / HOUR == pytest.approx(total, rel=1e-9)
    assert len(by_activity) > 5
    assert len(by_trade) > 3


@pytest.mark.parametrize("name", NAMES)
def test_hours_paid_by_trade_and_by_month_are_the_hours_paid(name: str) -> None:
    run, project = record(name, 0), case(name).project
    people = headcount(run, project, case(name).days)
    paid = case(name).metric_context.paid_by_day
    crowd = people.direct.sum(axis=0)
    indirect = np.array([ceil(n * project.labour.indirect_ratio.value - 1e-9) for n in crowd.tolist()])
    by_trade = [float(row @ paid) for row in people.direct] + [float(indirect @ paid)]
    by_month = np.bincount(np.arange(len(paid)) * DAY // MONTH, (crowd + indirect) * paid)
    assert sum(by_trade) == pytest.approx(metrics(name, 0)["hours_paid"], rel=1e-12)
    assert float(by_month.sum()) == pytest.approx(metrics(name, 0)["hours_paid"], rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_money_by_item_by_event_and_by_month_is_the_capital_to_the_cent(name: str) -> None:
    table = case(name).ledger(1, 0)
    cents = np.rint(np.asarray(table["usd"], np.float64) * 100).astype(np.int64)
    total = round(metrics(name, 0)["capital_total_usd"] * 100)
    things = [str(item).partition("/")[0] for item in table["item"].tolist()]
    for keys in (table["item"].tolist(), table["event"].tolist(), things):
        sums = Counter[str]()
        for key, amount in zip(keys, cents.tolist(), strict=True):
            sums[str(key)] += amount
        assert sum(sums.values()) == total
        assert len(sums) > 5
    months = np.asarray(table["day"]) * DAY // MONTH
    assert sum(int(cents[months == month].sum()) for month in np.unique(months)) == total


@pytest.mark.parametrize("name", NAMES)
def test_labour_by_trade_is_what_labour_costs(name: str) -> None:
    run, project = record(name, 0), case(name).project
    people, paid = headcount(run, project, case(name).days), case(name).metric_context.paid_by_day
    crowd = people.direct.sum(axis=0)
    each = np.divide(people.total, crowd, out=np.zeros(len(crowd)), where=crowd > 0)  # with the indirect people
    factor = run.factors[run.plan_index.plan.inputs.factors.index("price.labour")]
    by_trade = {
        trade: float((row * each) @ paid) * project.labour.trades[trade].paid_rate * factor
        for trade, row in zip(people.trades, people.direct, strict=True)
    }
    table = case(name).ledger(1, 0)
    labour = np.asarray(table["usd"], np.float64)[np.asarray(table["item"]) == "labour"].sum()
    assert sum(by_trade.values()) == pytest.approx(float(labour), abs=0.01)


@pytest.mark.parametrize("replication", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_time_of_every_unit_is_worked_or_waited_without_gap_or_overlap(name: str, replication: int) -> None:
    run = record(name, replication)
    plan = run.plan_index.plan
    now, spent = Counter[int](), Counter[int]()
    for done, step, x in zip(run.minute.tolist(), run.step.tolist(), run.detail.tolist(), strict=True):
        unit = int(plan.unit_of[step])
        began = x if plan.rows[step, 0] in {0, 2, 3, 4} else done
        assert began == now[unit], (plan.units[unit], step)
        now[unit], spent[unit] = done, spent[unit] + done - began
    assert now == spent  # the parts of every unit's time are the whole of it, from minute 0
