from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.errors import CheckFailed, SimError
from sim.files import Damaged
from sim.study.analyses.baseline import FORMAT, check, read, require, save, table
from sim.study.analyses.baseline_diff import Tolerances, delivery
from sim.study.result import Result
from sim.study.runner import run
from tests.study.toy_case import Toy

PLAN: dict[str, Any] = {
    "name": "toy",
    "strategy": "hybrid",
    "seed": 1,
    "start_date": "2027-01-04",
    "planned": {"lead_time_full_days": 300.0, "capital_total_usd": 1.3e9},
    "planned_blocks": {"b1": 210.0, "b2": 220.5, "b3": 231.0},
}


def result(delay: float = 0.0, seed: int = 1, **plan: Any) -> Result:
    return Result(PLAN | plan, run(Toy(delay=delay), seed=seed, runs=150))


@pytest.fixture(scope="module")
def expected() -> Result:
    return result()


@pytest.fixture
def file(expected: Result, tmp_path: Path) -> Path:
    save(expected, tmp_path / "hybrid.json")
    return tmp_path / "hybrid.json"


def test_the_file_is_small_and_says_when_the_megawatts_come(file: Path) -> None:
    document = json.loads(file.read_text())
    assert len(file.read_text()) < 6000
    assert document["planned_blocks"] == PLAN["planned_blocks"]
    assert [step["mw"] for step in document["delivery"]] == [2.5 * k for k in range(1, 11)]
    last = document["delivery"][-1]
    assert last["p10"][0] < last["p50"][0] < last["p90"][0]
    assert document["metrics"]["lead_time_full_days"]["p50"][1:3] == sorted(
        document["metrics"]["lead_time_full_days"]["p50"][1:3]
    )
    assert document["tolerances"]["planned_days"] == 1.0


def test_delivery_dates_are_those_of_the_metric(expected: Result) -> None:
    # the last megawatt comes on the first whole day at or after the lead time, less the toy's one
    full = delivery(expected.sample)[-1].days
    lead = expected.numbers["lead_time_full_days"]
    assert abs(full["p50"].value - lead["p50"]) <= 1
    assert abs(full["p50"].low - lead["p50_low"]) <= 1
    assert abs(full["p50"].high - lead["p50_high"]) <= 1
    assert abs(full["p90"].value - lead["p90"]) <= 1


def test_the_same_result_and_other_luck_fit(file: Path, expected: Result) -> None:
    assert check(expected, file) == []
    assert check(result(seed=8), file) == []
    require(result(seed=9), file)


def test_a_planned_block_may_move_by_a_day_and_no_more(file: Path, expected: Result) -> None:
    blocks = {"b1": 211.0, "b2": 219.4, "b4": 240.0}
    moved = check(replace(expected, manifest=PLAN | {"planned_blocks": blocks}), file)
    assert [one.what.split()[-1] for one in moved] == ["b2", "b3", "b4"]
    assert (moved[0].then, moved[0].now) == (220.5, 219.4)
    assert check(replace(expected, manifest=PLAN | {"planned_blocks": blocks}), file, Tolerances(planned_days=2))[
        0
    ].what.endswith("b3")


def test_a_slower_project_is_told_p50_and_p80_first_days_rounded(file: Path) -> None:
    with pytest.raises(CheckFailed, match=r"no longer fits .*hybrid.json") as caught:
        require(result(delay=15), file)
    assert caught.value.exit_code == 1
    lines = str(caught.value).splitlines()
    assert [line.partition(": ")[0].split()[-1] for line in lines[1:3]] == ["P50", "P80"]
    assert all(re.search(r"\d{4}-\d\d-\d\d \(day \d+\), now .*: 1[456] days later", line) for line in lines[1:3])
    assert lines[4].split() == ["what", "then", "now", "allowed"]
    assert [line.split(" of ")[0].strip() for line in lines[5:7]] == ["P50", "P80"]
    assert not re.search(r"[0-9]\.[0-9]{2}", "\n".join(lines))
    moved = table(check(result(delay=15), file))
    assert list(moved.columns) == ["what", "then", "now", "allowed"]
    late = moved[moved["what"] == "P50 of the day with 25 MW online"]
    assert (late["now"] - late["then"]).item() == pytest.approx(15, abs=1)
    assert "P80 of lead_time_full_days" in set(moved["what"])


def test_what_moved_it_is_told_inputs_first(expected: Result, tmp_path: Path) -> None:
    def planned(parts: float, **config: Any) -> dict[str, Any]:
        days = {"chain_parts_days": parts, "chain_order_date_days": 3.0, "lead_time_full_days": 290 + parts}
        return PLAN | {"planned": days, "config": {"scale": {"mw": 250.0}, **config}}

    lines = [{"id": "a", "count": 2}, {"id": "b", "count": 1, "source": "a guess"}]
    save(replace(expected, manifest=planned(10, lines=lines, days=["mon"])), tmp_path / "a.json")
    now = [{"id": "b", "count": 1, "source": "a quote"}, {"id": "a", "count": 3}]
    for config, told in (
        ({"lines": now, "days": ["mon"]}, ["input lines.a.count: 2, now 3"]),
        ({"lines": lines}, ["input days: ['mon'], now not there"]),
        (
            {"lines": lines, "days": ["mon"]},
            ["no input: the program is another one, or the number of runs, or the seed"],
        ),
    ):
        with pytest.raises(CheckFailed) as caught:
            require(replace(expected, manifest=planned(14.5, **config)), tmp_path / "a.json")  # type: ignore[arg-type]
        said = str(caught.value).partition("what moved them:")[2].splitlines()[1:]
        assert said == [f"  {one}" for one in [*told, "on the way to the planned finish, parts: 4.5 days more"]]


def test_an_older_file_says_that_it_does_not_know(file: Path, expected: Result) -> None:
    document = json.loads(file.read_text())
    del document["inputs"], document["chain"]
    file.write_text(json.dumps(document))
    with pytest.raises(CheckFailed, match="not known: the baseline was saved by a version"):
        require(result(delay=15), file)
    file.write_text(json.dumps(document | {"inputs": 3}))
    with pytest.raises(SimError, match="not a sound baseline"):
        require(result(delay=15), file)


def test_a_planned_number_that_moved_is_told(file: Path, expected: Result) -> None:
    planned = {"lead_time_full_days": 300.9, "capital_total_usd": 1.302e9}
    (moved,) = check(replace(expected, manifest=PLAN | {"planned": planned}), file)
    assert str(moved) == "planned capital_total_usd: 1300000000, now 1302000000 (allowed: ±0.1 %)"


def test_another_start_date_moves_every_promise_and_is_told(file: Path) -> None:
    later = result(start_date="2027-07-05")
    (moved,) = check(later, file)  # counted in days all is the same
    assert (moved.then, moved.now, moved.allowed) == (0, 182, "the same date")
    assert "2027-01-04, the start date of the baseline, to the start date 2027-07-05" in moved.what
    with pytest.raises(CheckFailed) as caught:
        require(later, file)
    p50, p80 = str(caught.value).splitlines()[1:3]
    day = int(np.ceil(later.numbers["lead_time_full_days"]["p50"]))
    then, now = (date.fromisoformat(start) + timedelta(day - 1) for start in ("2027-01-04", "2027-07-05"))
    assert p50 == f"  all MW online, P50: {then} (day {day}), now {now} (day {day}): 182 days later"
    assert p80.endswith("182 days later")


def test_a_start_date_that_is_none_is_told_and_none_at_all_is_an_older_file(file: Path, expected: Result) -> None:
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"start_date": "soon"}))
    with pytest.raises(Damaged, match="start_date"):
        check(expected, file)
    del document["start_date"]
    file.write_text(json.dumps(document))
    assert check(expected, file) == []


@pytest.mark.parametrize(
    "wrong", ["", "[]", "{", '{"format": "x"}', '{"format": "hybrid-dc-sim baseline"}', "[" * 100_000]
)
def test_what_is_no_baseline_is_told(expected: Result, tmp_path: Path, wrong: str) -> None:
    (tmp_path / "x.json").write_text(wrong)
    with pytest.raises(SimError, match=r"x\.json") as caught:
        check(expected, tmp_path / "x.json")
    assert caught.value.exit_code == 2
    with pytest.raises(SimError, match=r"y\.json"):
        check(expected, tmp_path / "y.json")


WRONG_TOLERANCES = [("planned_days", 1e308), ("planned_days", -1), ("planned_share", 0.6), ("sampled_days", "1")]


@pytest.mark.parametrize(("name", "value"), WRONG_TOLERANCES)
def test_tolerances_with_which_everything_fits_or_nothing_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"tolerances.{name}: .* is not allowed: 0 to"):
        Tolerances(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["-Infinity", "NaN", "1e999"])
def test_a_number_that_is_none_is_told(number: str, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(f'{{"format": "{FORMAT}", "planned": {{"a": {number}}}}}')
    with pytest.raises(Damaged, match="not a baseline"):
        read(file)


def test_a_file_that_is_no_json_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text('{"format": 1,\n bad}')
    with pytest.raises(Damaged, match=r"baseline.json:2: not a baseline as `sim baseline save` writes one"):
        read(file)
