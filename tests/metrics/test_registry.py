"""Every column of every shipped project has a row in the one table of metrics, and the table is sound."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from sim.metrics.registry import DIRECTIONS, METRICS, metrics_table
from sim.report.formatting import WRITERS, metric_format
from sim.study.api import load
from sim.study.case import prepare_case
from tests.tiny_project import TINY

CONFIGS = Path(__file__).parents[2] / "configs"
SHIPPED = sorted([*CONFIGS.glob("*.yaml"), *(CONFIGS / "cases").glob("*.yaml")])
FAST = {"one_block"}
UNITS = {*WRITERS, "share", "flag"}
OPTIONAL = {"money.damages={promised_days: 400, usd_per_mw_day: 1000, cap_usd: 1000000, long_stop_days: 600}"}


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, id=p.stem, marks=[] if p.stem in FAST else pytest.mark.slow) for p in SHIPPED],
)
def test_every_metric_of_a_shipped_project_has_a_row(path: Path) -> None:
    assert [metric for metric in prepare_case(load(path)).metrics if metric not in METRICS] == []


def test_optional_metrics_have_a_row_too() -> None:
    metrics = prepare_case(load(TINY, [*OPTIONAL])).metrics
    assert {"liquidated_damages_usd", "long_stop_missed"} <= {*metrics}
    assert [metric for metric in metrics if metric not in METRICS] == []


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_row_says_all_there_is_to_say(metric) -> None:  # type: ignore[no-untyped-def]
    assert metric.label
    assert metric.label != metric.name
    assert metric.unit in UNITS
    assert metric.direction in (-1, 0, 1)
    assert metric.step > 0
    assert metric.definition.endswith(".")
    assert inspect.getmodule(metric.function).__name__.startswith("sim.metrics.")  # type: ignore[union-attr]


def test_labels_tell_metrics_apart() -> None:
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)


def test_what_is_compared_has_a_direction() -> None:
    assert DIRECTIONS["lead_time_full_days"] == -1
    assert DIRECTIONS["npv_usd"] == 1
    assert "capital_compute_usd" not in DIRECTIONS


def test_the_table_is_there_without_a_run() -> None:
    table = metrics_table()
    assert [*table.columns] == ["label", "unit", "better", "step", "definition"]
    assert table.loc["lead_time_full_days", "label"] == metric_format("lead_time_full_days").label == "all MW online"
    assert table.loc["peak_workforce_onsite", "better"] == "less"
