"""Every accepted value runs: what the schema allows is checked, planned and simulated by both engines, and is a number."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.faults.conftest import Observed
from tests.faults.schema_cases import SchemaCase, cases, outcome

FEW, MANY = 40, 2_000
FOUND = ("refused with code 2", "ended with code 2", "ended with code 3", "stalled", "ok")


def sample(size: int, seed: int) -> list[SchemaCase]:
    """Some of the cases, always the same."""
    return random.Random(seed).sample(cases(), size)


def outcomes(some: list[SchemaCase]) -> Counter[str]:
    """How the cases end; the first that ends as none may is named."""
    found: Counter[str] = Counter()
    for case in some:
        try:
            found[outcome(case)] += 1
        except Exception as error:
            raise AssertionError(f"{case}: {type(error).__name__}: {error}") from error
    return found


def test_a_sample_of_all_values_runs_or_is_refused_in_words() -> None:
    found = outcomes(sample(FEW, seed=1))
    assert set(found) <= set(FOUND)
    assert found["ok"] > FEW / 10


@pytest.mark.slow
def test_many_of_all_values_run_or_are_refused_in_words(observed: Observed) -> None:
    found = outcomes(sample(MANY, seed=2))
    assert set(found) <= set(FOUND)
    assert found["ok"] > MANY / 10
    observed(", ".join(f"{count:,} {how}" for how, count in found.most_common()))


def test_every_section_and_field_is_among_them() -> None:
    fields = {(case.project, case.address) for case in cases()}
    assert len(fields) > 600
    assert len(cases()) > 10_000


@pytest.mark.parametrize(
    ("project", "address", "value"),
    [
        ("tiny", ("block", "mw_it"), 0.001),
        ("tiny", ("labour", "utilisation"), 0.05),
        ("tiny", ("scale", "start_date"), "2109-12-31"),
        ("tiny", ("energization", "install", 0, "days"), {"median": 1, "p90": 20}),
        ("tiny", ("systems", "electrical", "factory", "stations", 0, "days"), 0.01),
        ("whole", ("systems", "compute", "factory", "site_defects", "rework_days"), {"low": 0, "high": 2000}),
    ],
)
def test_values_at_the_ends_of_ranges_that_once_broke(
    project: str, address: tuple[str | int, ...], value: object
) -> None:
    assert outcome(SchemaCase(project, address, value)) in {"ok", "stalled", "ended with code 3"}
