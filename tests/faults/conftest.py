"""What a test saw is kept for the table that `make faults` prints."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Observed = Callable[[str], None]


@pytest.fixture
def observed(record_property: Callable[[str, object], None]) -> Observed:
    """Say in a few words what happened."""

    def say(what: str) -> None:
        record_property("observed", what)

    return say
