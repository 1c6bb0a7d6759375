"""Mistakes planted in the model, one at a time: the test of the mechanism must notice. `make mutants` prints the score."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from sim.errors import SimError
from tests.mutants.mutants import MUTANTS, Mutant
from tests.mutants.planting import plant

EACH = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake.replace(" ", "-"))
KILLED: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def score(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print the score where the tests are run one after the other and print what they say (-s)."""
    yield
    if request.config.getoption("capture") == "no":
        sys.stdout.write(f"\nmutants killed: {len(KILLED)} of {len(MUTANTS)}\n")


def test_there_are_many_and_each_is_another_mistake() -> None:
    assert len(MUTANTS) >= 20
    assert len({(mutant.function, mutant.right, mutant.wrong) for mutant in MUTANTS}) == len(MUTANTS)


@EACH
def test_a_mistake_is_planted_in_what_is_there(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        plant(patch, mutant.function, mutant.right, mutant.wrong)


@pytest.mark.slow
@EACH
def test_a_mistake_is_noticed_by_the_test_of_its_mechanism(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        plant(patch, mutant.function, mutant.right, mutant.wrong)
        # a model with a mistake in it may also stand still or refuse itself
        with pytest.raises((AssertionError, SimError)):
            mutant.killer()
    KILLED.append(mutant.mistake)


@pytest.mark.slow
@EACH
def test_without_the_mistake_the_same_test_holds(mutant: Mutant) -> None:
    mutant.killer()
