from __future__ import annotations

import numpy as np
import pytest

from sim.metrics.money.in_service import moments, served_by
from sim.plan.layout import generating_units, layout_of
from tests.tiny_project import tiny

UNITS = "energization.units={count: 4, spare: 1, mw: 3, first_week: 1, weeks_between: 1, slip_days: 0}"


def test_a_generating_unit_serves_the_megawatts_of_its_place_in_the_row() -> None:
    project = tiny(UNITS)  # blocks of 2.5 MW, units of 3 MW, the first one spare
    layout = layout_of(project)
    serving = served_by(generating_units(project, layout), [False] * 4, layout, project)
    pairs: list[list[tuple[int, float]]] = [[], [], [], []]
    for item, moment, kw in zip(serving.item, serving.moment, serving.kw, strict=True):
        pairs[item].append((int(moment), float(kw)))
    first, second = 4, 5  # after the two blocks and their compute: the blocks of the phase in turn
    assert pairs == [
        [(first, 2500), (second, 2500)],  # the spare stands behind all
        [(first, 2500), (second, 500)],
        [(second, 2000)],
        [],
    ]
    assert serving.built.tolist() == [9000, 3000, 3000, 3000]


def test_units_are_ordered_with_the_first_block_that_needs_them() -> None:
    project = tiny(UNITS)
    units = generating_units(project, layout_of(project))
    assert [unit.blocks[0] for unit in units] == ["b1", "b1", "b2", "b2"]


def test_blocks_of_a_phase_are_served_in_the_order_in_which_they_come() -> None:
    layout = layout_of(tiny())
    found = moments(np.array([30, 10]), np.array([31, 11]), layout)
    assert found.tolist() == [30, 10, 31, 11, 10, 30]


@pytest.mark.parametrize(("blocks", "served"), [(4, 10_000.0), (2, 5_000.0)])
def test_a_hall_was_built_for_all_its_places(blocks: int, served: float) -> None:
    layout = layout_of(tiny(f"hall.blocks={blocks}"))
    serving = served_by(layout.halls, [False], layout, tiny(f"hall.blocks={blocks}"))
    assert serving.built.tolist() == [served]
    assert serving.kw.sum() == 5000
