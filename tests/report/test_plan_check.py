"""What `sim check` says of the crews: people of all shifts, of the mix there is; a trade that nothing waits for."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from sim.report.plan_check import describe_plan, remarks_of
from sim.study.api import load
from sim.study.case import Case, prepare_case
from tests.tiny_project import tiny_case

CONFIGS = Path(__file__).parents[2] / "configs"
TWO_SHIFTS = (
    "calendars.site={days: [mon, tue, wed, thu, fri, sat, sun], "
    "shifts: [{start: '00:00', end: '12:00'}, {start: '12:00', end: '24:00'}]}"
)
SMALL = ["scale.capacity_mw=25", "energization.units.count=2"]
HYBRID = Path(__file__).parents[2] / "configs" / "hybrid.yaml"
FENCE = (
    "site_works.steps=[{id: grading, crews: {earthworks: 1}, days: 2}, {id: services, days: 5, after: [grading]}, "
    "{id: fence, crews: {linemen: 1}, days: 2}]"
)


def text(case: Case) -> str:
    """What is printed."""
    console = Console(width=200)
    with console.capture() as captured:
        console.print(describe_plan(case)[0])
    return captured.get()


@pytest.mark.parametrize(
    ("overrides", "crews", "people"),
    [
        ((), "2 of 4 (typed in)", 8),
        ((TWO_SHIFTS,), "2 of 4 in 2 shifts (typed in)", 16),
        (("labour.trades.electricians.skill={people: 0.5, wage: 1, output: 2}",), "2 of 2 (typed in)", 4),
    ],
)
def test_people_at_most_are_those_of_all_shifts_and_of_the_mix(
    overrides: tuple[str, ...], crews: str, people: int
) -> None:
    row, manning, *_ = re.findall(r"electricians .*", text(tiny_case(*overrides)))
    assert crews in row
    assert re.search(rf"\s{people}\s", row)
    assert re.search(rf"\s{people * 1.25:.0f}\s", manning)  # a quarter more are indirect


def test_a_trade_whose_work_nothing_waits_for_is_sized_for_the_target() -> None:
    case = tiny_case(FENCE)
    (window,) = (window for window in case.crew_plan.windows if window.trade == "linemen")
    assert window.finish == max(30 * 1440, round(case.crew_plan.earliest_days * 1440))
    assert case.simulate(case.planned).deadlock is None


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (1000, r"With at most 1000 people on site the earliest date is day \d+\."),
        (1, r"No plan was found with at most 1 people: the fewest, twice as late, are \d+\."),
    ],
)
def test_a_limit_of_people_is_answered_by_its_date(limit: int, said: str) -> None:
    assert re.search(said, text(tiny_case(f"labour.limit={limit}", "labour.crew_plan=levelled")))


def test_every_month_of_the_people_stands_with_its_year_in_one_line_of_a_narrow_terminal() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(describe_plan(prepare_case(load(HYBRID, SMALL), engine="auto"))[0])
    heads = [line for line in captured.get().splitlines() if line.strip().startswith("people at most  ")]
    months = [re.fullmatch(r"people at most((?:\s+[A-Z][a-z]{2} \d\d)+)", head.strip()) for head in heads]
    assert all(months)
    assert len(months) > 1


def test_a_path_that_ends_later_than_the_earliest_date_says_that_it_has_risks_and_the_date_none() -> None:
    with_risks, without = (
        re.sub(r"\s+", " ", text(prepare_case(load(HYBRID, [*SMALL, f"risks.mode={mode}"]), engine="auto")))
        for mode in ("inherent", "none")
    )
    assert "without any risk and with as many crews as anybody asks for" in with_risks
    assert "Critical path of the expected plan, with the time that risks cost in the mean, if no step" in with_risks
    assert "Critical path of the expected plan, if no step" in without
    earliest = float(re.search(r"online on day (\d+)", without)[1])  # type: ignore[index]
    assert float(re.findall(r"day +\d+ to +(\d+) ", without)[-1]) <= earliest + 1


def test_ids_stay_in_files() -> None:
    """On screen stand names that a planner reads: no `p1.site_works.grading`, no `electrical.s1`."""
    case = tiny_case(FENCE)
    shown = text(case)
    ids = [name for name in (*case.plan.units, *case.plan.pools) if "." in name]
    assert [name for name in ids if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", shown)] == []
    assert "Crew 1 of linemen and 2 more: nothing in the project waits for it" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("name", "spared"),
    [
        ("hybrid", ""),
        (
            "stick_built",
            "The same defect in every skid at the factory test, A partner's factory loses half of its lines",
        ),
    ],
)
def test_a_risk_that_hits_nothing_here_is_not_listed_as_if_it_did(name: str, spared: str) -> None:
    """A project that makes nothing in factories has no risk at their tests."""
    shown = " ".join(text(prepare_case(load(CONFIGS / f"{name}.yaml", SMALL), engine="auto")).split())
    sentence = "without effect, as this project has nothing that they hit: "
    assert shown.partition(sentence)[2].startswith(spared)
    assert (sentence in shown) == bool(spared)
    assert ("(systemic_fat)" in shown) != bool(spared)


def test_the_rate_of_a_system_is_that_of_all_its_factories() -> None:
    """Seven and four lines of two partners make what the eleven of one make."""
    rows = {}
    for name in ("hybrid", "two_factories"):
        shown = text(prepare_case(load(CONFIGS / f"{name}.yaml", SMALL), engine="auto"))
        rows[name] = next(line for line in shown.splitlines() if line.strip().startswith("compute"))
    assert "in 2 factories" in rows["two_factories"]
    assert rows["two_factories"].split("skids")[2:] == rows["hybrid"].split("skids")[2:]


@pytest.mark.parametrize("overrides", [SMALL, pytest.param([], marks=pytest.mark.slow)], ids=["small", "as shipped"])
def test_the_critical_path_without_limits_is_no_later_than_the_expected_plan(overrides: list[str]) -> None:
    """A test that fails in the expected plan passes when it is repeated: one skid went round for years."""
    case = prepare_case(load(HYBRID, overrides), engine="auto")
    _, times = np.unique(case.simulate(case.planned).log[:, 1], return_counts=True)
    assert (times > 1).any()  # something is done again
    last = float(re.findall(r"day +\d+ to +(\d+)", text(case))[-1])
    online = case.as_planned[0]["lead_time_full_days"]
    assert 0.5 * online < last <= online + 1


def test_a_plan_that_ends_near_the_last_day_of_the_calendars_is_told_which_key_to_raise() -> None:
    """Was: a campus planned for day 2,398 of 2,555 had nothing to look at, and 15 of 20 of its runs stalled."""
    days = tiny_case().crew_plan.finish_days
    near, far = (tiny_case(f"scale.horizon_days={round(days * factor)}") for factor in (1.2, 1.3))
    told = [remark for remark in remarks_of(near) if remark.about == "scale.horizon_days"]
    assert [remark.severity for remark in told] == ["warning"]
    assert f"calendars end on day {round(days * 1.2)} (scale.horizon_days)" in told[0].sentence
    assert "scale.horizon_days" not in {remark.about for remark in remarks_of(far)}
