"""Whatever is fed to whoever reads strangers' files, the answer is a result or a SimError with words."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults.conftest import Observed
from tests.faults.fuzz import MIN_ACCEPTED
from tests.faults.mutation import mutated
from tests.faults.parsers import EXECUTED, PARSERS, clear, seeds, survives

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module", autouse=True)
def folder() -> Iterator[None]:
    yield
    clear()


def fuzz(name: str, examples: int) -> Counter[str]:
    found: Counter[str] = Counter()

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
    @given(st.integers(0, 2**32 - 1), st.sampled_from(seeds(name)))
    def attempt(how: int, sound: bytes) -> None:
        found["read" if survives(name, mutated(sound, random.Random(how))) == "read" else "refused"] += 1

    attempt()
    return found


@pytest.mark.parametrize("name", PARSERS)
def test_a_seed_is_sound(name: str) -> None:
    """Was: the seeds of weather and study files were refused, so that nothing behind the first check was ever tried."""
    for sound in seeds(name):
        assert survives(name, sound) == "read", sound[:200]


@pytest.mark.parametrize("name", sorted(set(PARSERS) - EXECUTED))
def test_nothing_but_words_comes_out(name: str) -> None:
    found = fuzz(name, 15)
    assert found["refused"] + found["read"] >= 10


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_nothing_but_words_comes_out_of_many(name: str, observed: Observed) -> None:
    found = fuzz(name, 60 if name in EXECUTED else 400)
    observed(f"{name}: {found['refused']} refused in words, {found['read']} read, nothing else")
    assert found["read"] > MIN_ACCEPTED * found.total()


@pytest.mark.parametrize(
    "data", [b"resource,trade\nEl\xff,civil\n", b"resource,trade\n" + b"a" * 200_000 + b",civil\n"]
)
def test_trades_that_are_no_text_or_no_table_are_told(data: bytes) -> None:
    """Was: UnicodeDecodeError and csv.Error, found by an hour of fuzzing."""
    assert "a table in UTF-8, with commas, expected" in survives("trades", data)


@pytest.mark.parametrize("name", ["metric", "p80", "point", "lead_time_full_days"])
@pytest.mark.parametrize("target", ["sweep", "tune", "sensitivity"])
def test_an_input_that_is_named_as_a_column_of_results_is_told(target: str, name: str) -> None:
    """Was: KeyError and MergeError of pandas after the runs, found by fuzzing."""
    data = seeds(target)[0].replace(b"  week:", f"  {name}:".encode())
    assert f"inputs.{name}: {name} given, expected: another name" in survives(target, data)
