"""Arrays as machine code sees them."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]


class Numbers(Protocol):
    """An array of integers: numbers at places."""

    def __getitem__(self, place: int) -> int:
        """Read one number."""

    def __setitem__(self, place: int, number: int) -> None:
        """Write one number."""


class Figures(Protocol):
    """An array of floats: figures at places."""

    def __getitem__(self, place: int) -> float:
        """Read one figure."""

    def __setitem__(self, place: int, figure: float) -> None:
        """Write one figure."""
