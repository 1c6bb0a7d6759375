from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.report.docs_pages import BEGIN, END, write
from sim.study.analyses.validation import (
    PredictionCheck,
    Published,
    compare_predictions,
    crps,
    read_published_numbers,
    reference_class,
    score_predictions,
)
from sim.study.api import load
from tests.tiny_project import tiny_case

CASES = Path(__file__).parents[2] / "configs" / "cases"
PUBLISHED = CASES / "published.csv"


def fact(measure: str = "lead_time_full_days", low: float = 20, high: float = 40) -> Published:
    return Published("tiny", "all", measure, "days", low, high, "predicted", "by hand")


def test_every_published_number_has_its_case_and_every_case_its_numbers() -> None:
    found = read_published_numbers(PUBLISHED)
    assert {one.case for one in found} == {path.stem for path in CASES.glob("*.yaml")}
    assert {one.role for one in found} == {"given", "calibrated", "predicted", "claim"}
    assert all(one.low <= one.high and one.source for one in found)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_case_loads_under_its_own_name(path: Path) -> None:
    assert load(path).value.name == path.stem


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("lead_time_full_days", 30),
        ("all_online", 29),  # from date to date: midnight ends the day before
        ("day_of_mw:2.5", 26),
        ("mw_it_on:28", 2.0),  # one block of two: 2.5 MW gross, 2.0 MW-IT
        ("days_of:electrical.connect", (420 - 390) / 24),
        ("hours_of:electrical lift", 12),
    ],
)
def test_measures_of_the_project_that_was_worked_out_by_hand(measure: str, value: float) -> None:
    (row,) = compare_predictions(tiny_case(), [fact(measure)], 2)
    assert (row.p10, row.p50, row.p90) == pytest.approx((value, value, value))


def test_a_rate_is_that_of_the_middle_half() -> None:
    case = tiny_case("scale.capacity_mw=50", "hall.blocks=20", "scale.target_days=200", "scale.horizon_days=900",
                     "energization.units.count=11", "energization.units.weeks_between=0.1")  # fmt: skip
    (row,) = compare_predictions(case, [fact("rate_of:electrical factory test")], 1)
    assert row.p50 == pytest.approx(7 / 4)  # one line, four days a skid


@pytest.mark.parametrize(("p50", "off"), [(30, 0), (20, 0), (50, 0.25), (10, -0.5)])
def test_how_far_off_a_prediction_is(p50: float, off: float) -> None:
    assert PredictionCheck(
        fact(), p50 - 9, p50 - 5, p50, p50 + 5, p50 + 9, 9, 1.0, 2.0
    ).relative_error == pytest.approx(off)


def test_score_of_a_forecast_by_hand_and_by_theory() -> None:
    assert crps(np.array([5.0]), 8.0) == 3.0  # without spread it is the absolute error
    assert crps(np.array([1.0, 3.0]), 2.0) == 0.5  # 1 - (0 + 2 + 2 + 0) / 4 / 2
    # of a standard normal at its mean: (sqrt 2 - 1) / sqrt pi
    normal = np.sort(np.random.default_rng(1).standard_normal(20_000))
    assert crps(normal, 0.0) == pytest.approx((2**0.5 - 1) / np.pi**0.5, abs=0.01)


def test_reference_class_has_its_p10_and_p90() -> None:
    naive = reference_class(replace(fact(), class_low=400.0, class_high=900.0), 2001)
    assert np.quantile(naive, [0.1, 0.5, 0.9]) == pytest.approx([400, 600, 900], rel=0.01)


def test_scores_count_what_was_predicted_of_something_built() -> None:
    def row(role: str, low: float, score: float, naive: float) -> PredictionCheck:
        return PredictionCheck(replace(fact(low=low, high=low), role=role), 5, 10, 20, 30, 35, 9, score, naive)

    rows = [row("predicted", 20, 2, 4), row("predicted", 32, 8, 16), row("predicted", 50, 25, 25)]
    others = [row("given", 20, 0, 0), row("claim", 20, 0, 0), row("predicted", 20, 0, float("nan"))]
    found = score_predictions([*rows, *others])
    assert (found.number, found.inside, found.inside_wide) == (3, 1, 2)
    assert found.error == pytest.approx((0 + 12 / 32 + 30 / 50) / 3)
    assert (found.score, found.naive_crps) == pytest.approx(((0.1 + 0.25 + 0.5) / 3, (0.2 + 0.5 + 0.5) / 3))


def test_hours_until_a_day_are_heads_times_paid_hours() -> None:
    case = tiny_case()
    (row,) = compare_predictions(case, [fact("hours_to:400")], 1)
    metrics, _ = case.measured(case.planned, case.simulate(case.planned))
    assert row.p50 * 1e6 == pytest.approx(metrics["hours_paid"])


def test_the_table_stands_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "validation.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    folder = tmp_path / "cases"
    folder.mkdir()
    for name in ("nxpower_room.yaml",):
        (folder / name).write_text((CASES / name).read_text(encoding="utf-8"), encoding="utf-8")
    for path in CASES.parent.glob("base.yaml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    lines = [line for line in PUBLISHED.read_text(encoding="utf-8").splitlines() if line.startswith(("case", "nxp"))]
    (folder / "published.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write(page, folder, 5)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert text.count("| calibrated |") == 2
    assert np.char.count(text, "`nxpower_room`") == 1
    assert "No quantity was predicted" in text
