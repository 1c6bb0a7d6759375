from __future__ import annotations

import numpy as np
import pytest

from sim.metrics.money.in_service import by


@pytest.mark.parametrize("size", [0, 1, 2, 500])
@pytest.mark.parametrize(("latest", "items"), [(3, 2), (10**6, 300), (2**40, 7), (2**40, 2**20), (2**62, 1)])
def test_rows_are_in_order_and_equal_ones_stay_as_they_were(size: int, latest: int, items: int) -> None:
    random = np.random.default_rng(size)
    minute, item = random.integers(0, latest + 1, size), random.integers(0, items, size)
    assert by(minute).tolist() == np.argsort(minute, kind="stable").tolist()
    assert by(minute, item).tolist() == np.lexsort((minute, item)).tolist()


def test_numbers_below_zero_are_in_order_too() -> None:
    assert by(np.array([3, -1, 3, 0])).tolist() == [1, 3, 0, 2]
    assert by(np.array([3, 1, 3, 0]), np.array([0, -2, 0, 5])).tolist() == [1, 0, 2, 3]
