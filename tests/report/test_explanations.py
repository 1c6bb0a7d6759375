from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import sim
from sim.report.explanations import (
    GROUPS_OF_INDICES,
    _shares_of_variance,
    cause_periods,
    chain_rows,
    critical_causes,
    describe_chain,
)
from sim.report.result_view import ResultView
from sim.report.verdict import binding_sentence, key_results
from sim.study.analyses.switch_off import GROUPS, UNCERTAINTY
from sim.study.result import Result
from tests.tiny_project import tiny


@pytest.fixture(scope="module")
def by_hand() -> Result:
    return sim.run(tiny(), runs=3, seed=1, workers=1)


def test_the_chain_of_a_run_is_described_in_periods_that_follow_each_other(by_hand: Result) -> None:
    found = cause_periods(by_hand.chain)
    assert [(period.begin, period.end, period.cause) for period in found] == [
        (0, 24, "power"),
        (24, 27, "crew"),
        (27, 30, "commissioning"),
    ]
    assert found[0].what == "slot and 1 more (Generating unit 2)"
    assert found[1].what == "commissioning L3 and 2 more (Block 1: commissioning to turnover 1, 2 in a row)"
    assert found[1].waiting == "Block 2: commissioning waited for 1 crew of commissioning"
    assert [line[2] for line in chain_rows(ResultView.of(by_hand))] == ["24.0", "3.0", "3.0"]


def test_the_sentence_says_the_date_and_its_days(by_hand: Result) -> None:
    text = describe_chain(ResultView.of(by_hand))
    assert text.endswith(", 30 days after the decision: power 24, crew 3, own work: commissioning 3.")


def test_what_was_critical_is_counted_over_the_finished_runs() -> None:
    runs = pd.DataFrame({
        "chain_crew_days": [10.0, 0.0, 0.5, np.nan],
        "chain_weather_days": [5.0, 5.0, 5.0, np.nan],
        "chain_crane_days": [0.0, 0.0, 0.0, np.nan],
    })  # fmt: skip
    first, second = critical_causes(runs)
    assert (first.cause, first.days, first.runs.part, first.runs.of) == ("weather", 5.0, 3, 3)
    assert (second.cause, second.days, second.runs.part) == ("crew", 3.5, 1)
    assert first.share + second.share == pytest.approx(1)


def test_the_key_results_name_what_the_date_waits_for(by_hand: Result) -> None:
    found = [f for f in key_results(ResultView.of(by_hand)) if f.part == "what the last MW waits for"]
    assert [(f.label, f.value) for f in found] == [
        ("power", "24 days"), ("crew", "3 days"), ("own work: commissioning", "3 days"),
    ]  # fmt: skip
    assert found[0].note == "mean, 24; critical in 100 % (44 to 100 %) of runs"


def test_a_result_that_is_read_back_still_knows_why(by_hand: Result, tmp_path: object) -> None:
    where = by_hand.save(f"{tmp_path}/tiny")
    again = Result.load(where)
    pd.testing.assert_frame_equal(again.chain, by_hand.chain)
    assert set(again.events.columns) == set(by_hand.events.columns)
    assert describe_chain(ResultView.of(again)) == describe_chain(ResultView.of(by_hand))


def test_the_share_of_a_group_of_ranges_is_that_of_its_inputs_together() -> None:
    rows = [("pace.everyone", 0.5), ("pace.site", 0.2), ("loss.civil", -0.01), ("price.land", 0.03), ("gpus", 0.1)]
    indices = pd.DataFrame({
        "kind": ["uncertainty"] * 4 + ["risk"], "id": [name for name, _ in rows], "index": [share for _, share in rows],
        "metric": "lead_time_full_days",
    })  # fmt: skip
    found = _shares_of_variance(SimpleNamespace(indices=indices), "lead_time_full_days")  # type: ignore[arg-type]
    groups = {name: found[UNCERTAINTY, name] for name in ("pace", "productivity", "prices")}
    assert groups == pytest.approx({"pace": 0.7, "productivity": 0.0, "prices": 0.03})
    assert found["risk", "gpus"] == pytest.approx(0.1)


def test_every_group_of_indices_is_one_that_can_be_switched_off() -> None:
    assert set(GROUPS_OF_INDICES) <= set(GROUPS)


def test_what_binds_names_the_runs_it_is_of() -> None:
    """Resources are looked at in a hundred runs: their share and days are none of all runs."""
    few, many = (sim.run(tiny(), runs=runs, workers=1) for runs in (20, 120))
    assert re.search(
        r"in [a-z ]*\d+ % of the runs \(\d+ of \d+ days in the mean\)", binding_sentence(ResultView.of(few))
    )
    assert re.search(
        r"in [a-z ]*\d+ % of the first 100 runs \(\d+ days in the mean\)", binding_sentence(ResultView.of(many))
    )
