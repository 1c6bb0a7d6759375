from __future__ import annotations

from math import isnan

import pytest

from sim.errors import SimError
from sim.study.compare import NO_DIFFERENCE, Difference, compare, table
from sim.study.runner import run
from sim.study.sample import Sample
from tests.study.toy_case import Toy

DIRECTIONS = {"lead_time_full_days": -1, "capital_total_usd": -1, "no_such_metric": 1}


@pytest.fixture(scope="module")
def samples() -> dict[str, Sample]:
    delays = {"stick": 0.0, "hybrid": -12.5, "modular": 0.2}
    return {name: run(Toy(name=name, delay=delay), seed=1, runs=300) for name, delay in delays.items()}


def found(differences: list[Difference], metric: str, case: str) -> Difference:
    return next(one for one in differences if (one.metric, one.case) == (metric, case))


def test_every_case_against_the_first(samples: dict[str, Sample]) -> None:
    differences = compare(samples, DIRECTIONS, seeds=dict.fromkeys(samples, 1))
    assert [(one.metric, one.case, one.base) for one in differences] == [
        ("lead_time_full_days", "hybrid", "stick"),
        ("lead_time_full_days", "modular", "stick"),
        ("capital_total_usd", "hybrid", "stick"),
        ("capital_total_usd", "modular", "stick"),
    ]
    lead = found(differences, "lead_time_full_days", "hybrid")
    assert [lead.mean, lead.p50, lead.p80] == pytest.approx([-12.5, -12.5, -12.5])
    assert (lead.p_better, lead.n) == (1.0, 300)
    assert lead.p_better_low > 0.97
    assert lead.level == pytest.approx(0.975)
    assert "fewer than 2,000 runs" in lead.remark
    assert NO_DIFFERENCE not in lead.remark


def test_less_than_a_shift_is_no_practical_difference(samples: dict[str, Sample]) -> None:
    modular = found(compare(samples, DIRECTIONS), "lead_time_full_days", "modular")
    assert NO_DIFFERENCE in modular.remark
    assert modular.p_better == 0.0


@pytest.mark.parametrize("lost", ["raises", "stalls"])
def test_a_difference_that_nobody_knows_is_not_remarked_as_none(lost: str) -> None:
    cases = {"a": Toy(delay=30), "b": Toy(**{lost: frozenset(range(20))})}  # type: ignore[arg-type]
    (lead,) = compare({name: run(case, seed=1, runs=20) for name, case in cases.items()}, {"lead_time_full_days": -1})
    assert NO_DIFFERENCE not in lead.remark


def test_the_base_can_be_chosen(samples: dict[str, Sample]) -> None:
    differences = compare(samples, {"lead_time_full_days": -1}, base="hybrid")
    assert {one.base for one in differences} == {"hybrid"}
    assert found(differences, "lead_time_full_days", "stick").p50 == pytest.approx(12.5)


def test_only_what_both_have_is_compared() -> None:
    pair = {
        "a": run(Toy(raises=frozenset({2})), seed=1, runs=40),
        "b": run(Toy(stalls=frozenset({5}), delay=-1), seed=1, runs=30),
    }
    (lead,) = compare(pair, {"lead_time_full_days": -1})
    assert lead.n == 29
    assert isnan(lead.mean)
    assert lead.p_better == pytest.approx(28 / 29)
    assert lead.level == 0.95


def test_other_luck_is_refused(samples: dict[str, Sample]) -> None:
    with pytest.raises(SimError, match="stick: 1, hybrid: 2") as caught:
        compare(samples, DIRECTIONS, seeds={"stick": 1, "hybrid": 2})
    assert caught.value.exit_code == 2
    with pytest.raises(SimError, match="needs a base"):
        compare({"stick": samples["stick"]}, DIRECTIONS)


def test_as_a_table(samples: dict[str, Sample]) -> None:
    frame = table(compare(samples, DIRECTIONS))
    assert len(frame) == 4
    assert {"metric", "case", "base", "mean", "p80_low", "p_better", "remark"} <= set(frame.columns)
