"""A plan is sized before anything of it is laid out, and one that is too large is refused with what to make smaller."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.study.case import prepare_case
from sim.study.executors.memory_estimate import TooLarge, plan_size, require_plan_fits
from tests.tiny_project import TINY, tiny

MILLION = ("scale.capacity_mw=10000", "block.mw_gross=0.01", "energization.grid=[{id: a, mw: 10000, weeks: 1}]")


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("systems.electrical.skid.per_block=11",),
        ("energization.units.count=22",),
        ("scale.capacity_mw=250", "scale.horizon_days=4000", "energization.units.mw=300"),
    ],
)
def test_the_estimate_is_that_of_the_plan_within_a_factor(overrides: tuple[str, ...]) -> None:
    project = tiny(*overrides)
    steps = len(prepare_case(project).plan.rows)
    assert 0.5 < plan_size(project).steps / steps < 2.5


def test_a_million_blocks_are_refused_before_they_are_laid_out() -> None:
    done = CliRunner().invoke(main, ["check", str(TINY), *(word for change in MILLION for word in ("--set", change))])
    assert done.exit_code == 3
    assert "1,000,000 blocks" in done.output
    assert "--most-steps" in done.output


def test_the_limit_can_be_raised_and_lowered() -> None:
    assert CliRunner().invoke(main, ["check", str(TINY), "--most-steps", "100"]).exit_code == 3
    assert CliRunner().invoke(main, ["check", str(TINY), "--most-steps", "600"]).exit_code == 0


def test_units_that_would_list_every_block_are_counted() -> None:
    with pytest.raises(TooLarge, match="steps"):
        require_plan_fits(tiny("scale.capacity_mw=20000", "scale.phases=100", "energization.units.count=10000"))
