"""Mistakes planted in the model, one at a time: the test of the mechanism must notice. `make mutants` prints the score."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from sim.errors import SimError
from sim.study.crew_planning import reuse
from tests.mutants.mutants import MUTANTS, Mutant
from tests.mutants.planting import nothing_remembered, plant
from tests.tiny_project import tiny

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
    with nothing_remembered(), monkeypatch.context() as patch:
        plant(patch, mutant.function, mutant.right, mutant.wrong)
        # a model with a mistake in it may also stand still or refuse itself
        with pytest.raises((AssertionError, SimError)):
            mutant.killer()
    KILLED.append(mutant.mistake)


@pytest.mark.slow
@EACH
def test_without_the_mistake_the_same_test_holds(mutant: Mutant) -> None:
    with nothing_remembered():
        mutant.killer()


def test_a_crew_plan_that_is_remembered_hides_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = reuse.crew_plan_of(tiny())
    with nothing_remembered(), monkeypatch.context() as patch:
        patch.setattr(reuse, "plan_crews", lambda *_: None)
        assert reuse.crew_plan_of(tiny()) is None
    assert reuse.crew_plan_of(tiny()).planned_for_days == sound.planned_for_days
