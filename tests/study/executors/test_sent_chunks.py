"""A chunk is the same to the last bit after it has travelled to another process."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from sim.study.chunk import DAYS_TOGETHER, Chunk

DAYS = 3 * DAYS_TOGETHER + 5


def travelled(curve: np.ndarray) -> tuple[np.ndarray, int]:
    """A curve after the trip, and how many bytes were sent."""
    runs = {"status": np.zeros(len(curve), np.int8)}
    sent = pickle.dumps(Chunk(7, runs, {"mw_online": curve}, {8: "late"}))
    chunk = pickle.loads(sent)
    assert (chunk.first, chunk.notes, chunk.count) == (7, {8: "late"}, len(curve))
    return chunk.curves["mw_online"], len(sent)


@pytest.mark.parametrize("last_change", [*range(0, DAYS, 50), *range(5, DAYS, DAYS_TOGETHER), DAYS - 1])
@pytest.mark.parametrize("end", [3.5, -0.0, np.nan, np.inf])
def test_curves_are_whole_again(last_change: int, end: float) -> None:
    """Was: what changed last on the first day of those that are compared together kept its value before for ever."""
    curve = np.full((4, DAYS), end, np.float32)
    curve[2, :last_change] = np.random.Generator(np.random.Philox(1)).random(last_change)
    curve[3, :] = 0.0
    found, _ = travelled(curve)
    assert found.tobytes() == curve.tobytes()
    assert (found.dtype, found.shape) == (curve.dtype, curve.shape)


def test_zeros_of_two_signs_are_not_the_same() -> None:
    curve = np.zeros((1, DAYS), np.float32)
    curve[0, DAYS // 2] = -0.0
    assert travelled(curve)[0].tobytes() == curve.tobytes()


def test_days_without_a_change_are_not_sent() -> None:
    curve = np.zeros((10, DAYS), np.float32)
    curve[:, :100] = np.random.Generator(np.random.Philox(1)).random((10, 100))
    assert travelled(curve)[1] < curve.nbytes / 2
    assert travelled(np.random.Generator(np.random.Philox(1)).random((10, DAYS)))[1] > 10 * DAYS * 8


@pytest.mark.parametrize("shape", [(0, 5), (3, 1), (3, 0)])
def test_chunks_of_no_runs_or_days_travel_too(shape: tuple[int, int]) -> None:
    assert travelled(np.zeros(shape, np.float32))[0].shape == shape
