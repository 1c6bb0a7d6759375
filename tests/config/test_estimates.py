from __future__ import annotations

import math
from datetime import date, time
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from sim.config.sections.estimates import Bounds, Estimate, Figure, Name, Section, Unit, states_an_estimate
from sim.errors import Mistake, Refused


class Step(Section):
    hours: Annotated[Estimate, Unit("h"), Bounds(0, 5000)]
    crews: Annotated[int, Unit("crews"), Bounds(1, 9)] = 1
    price: Annotated[Figure | None, Unit("$"), Bounds(0, above=True)] = None


class Plain(Section):
    whole: int = 0
    number: float = 0
    flag: bool = False
    text: str = ""
    day: date = date(2026, 1, 1)
    start: time = time(7)
    name: Name = "x"
    years: dict[int, float] = Field(default_factory=dict)
    several: tuple[float, ...] = ()


def hours(given: object) -> Estimate:
    return Step.model_validate({"hours": given}).hours


def findings(error: ValidationError) -> list[Mistake]:
    """What our own validators said, with the paths made absolute."""
    told = []
    for detail in error.errors():
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Refused):
            told += [Mistake((*detail["loc"], *f.path), f.value, f.message, f.hint) for f in cause.findings]
    return told


@pytest.mark.parametrize(
    ("given", "shape", "planned"),
    [
        (40, "fixed", 40),
        ({"value": 40, "source": "x", "date": 2026, "confidence": "B", "note": "n"}, "fixed", 40),
        ({"low": 10, "high": 30}, "uniform", 20),
        ({"low": 10, "mode": 14, "high": 30}, "pert", 14),
        ({"low": 10, "mode": 14, "high": 30, "shape": "triangular"}, "triangular", 14),
        ({"low": 0, "mode": 0, "high": 0}, "pert", 0),
        ({"median": 20, "p90": 35}, "lognormal", 20),
        ({"values": [1, 2, 3], "weights": [1, 5, 2]}, "discrete", 2),
        ({"values": [4, 2, 3]}, "discrete", 4),
        ({"low": 10, "mode": None, "high": 30}, "uniform", 20),
    ],
)
def test_each_form_of_an_estimate(given: object, shape: str, planned: float) -> None:
    estimate = hours(given)
    assert (estimate.shape, estimate.planned) == (shape, planned)
    again = hours(estimate.model_dump(mode="json"))
    assert again == estimate
    assert None not in estimate.model_dump().values()


FORMS = "a number, or one of {value}, {low, high}, {low, mode, high}, {median, p90}, {values, weights}"


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        ("40", (), FORMS),
        (True, (), FORMS),
        ([1, 2], (), FORMS),
        ({}, (), FORMS),
        ({"source": "x"}, (), FORMS),
        ({"low": 1}, (), FORMS),
        ({"low": 1, "p90": 2}, (), FORMS),
        ({"value": 1, "low": 0, "high": 2}, (), FORMS),
        ({"weights": [1]}, (), FORMS),
        ({"low": 1, "high": 2, "shape": "pert"}, ("shape",), "uniform, to fit its numbers"),
        (
            {"low": 1, "mode": 2, "high": 3, "shape": "x"},
            ("shape",),
            "pert or triangular, to fit its numbers",
        ),
        ({"low": 5, "high": 4}, ("high",), "at least low (5)"),
        ({"low": 5, "mode": 4, "high": 6}, ("mode",), "at least low (5)"),
        ({"low": 5, "mode": 7, "high": 6}, ("high",), "at least mode (7)"),
        ({"median": 5, "p90": 4}, ("p90",), "at least median (5)"),
        ({"median": 0, "p90": 4}, ("median",), "more than 0, because a lognormal is positive"),
        ({"values": [1, 2], "weights": [1]}, ("weights",), "one weight for each of 2 values"),
        ({"values": [1, 2], "weights": [1, -1]}, ("weights", 1), "a weight of at least 0"),
        ({"values": [1, 2], "weights": [0, 0]}, ("weights",), "weights with a sum above 0"),
        ({"values": []}, ("weights",), "weights with a sum above 0"),
        (-1, ("value",), "0 to 5000"),
        ({"low": 1, "mode": 2, "high": 9000}, ("high",), "0 to 5000"),
        ({"median": 6000, "p90": 4000}, ("p90",), "at least median (6000)"),
        ({"values": [1, 9000]}, ("values", 1), "0 to 5000"),
    ],
)
def test_an_estimate_that_is_none_says_what_is_allowed(given: object, path: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        hours(given)
    assert [(f.path, f.message) for f in findings(caught.value)] == [(("hours", *path), message)]


def test_every_number_out_of_range_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        hours({"low": -2, "mode": -1, "high": 6000})
    assert [f.path[-1] for f in findings(caught.value)] == ["low", "mode", "high"]


@given(weights=st.lists(st.floats(0, 1e300) | st.integers(0, 9), min_size=1, max_size=9))
def test_weights_become_chances_and_stay_so(weights: list[float]) -> None:
    given = {"values": list(range(len(weights))), "weights": weights}
    if not 0 < sum(weights) < math.inf:
        with pytest.raises(ValidationError):
            hours(given)
        return
    estimate = hours(given)
    assert estimate.weights is not None
    assert math.isclose(math.fsum(estimate.weights), 1, rel_tol=1e-12)
    assert hours(estimate.model_dump(mode="json")) == estimate


@given(
    low=st.none() | st.floats(-1e9, 1e9),
    width=st.none() | st.floats(0, 1e9),
    above=st.booleans(),
    number=st.floats(allow_nan=True) | st.integers(-(10**9), 10**9),
)
def test_bounds_hold_what_lies_between_their_ends(
    low: float | None, width: float | None, above: bool, number: float
) -> None:
    high = None if width is None else (low or 0) + width
    bounds = Bounds(low, high, above=above)
    expected = not math.isnan(number)
    if low is not None and (number < low or (above and number == low)):
        expected = False
    if high is not None and number > high:
        expected = False
    assert bounds.holds(number) is expected


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(1, 50), "1 to 50"),
        (Bounds(0), "at least 0"),
        (Bounds(high=5), "at most 5"),
        (Bounds(0, above=True), "more than 0"),
        (Bounds(0, 1, above=True), "more than 0 and at most 1"),
    ],
)
def test_bounds_say_what_they_allow(bounds: Bounds, words: str) -> None:
    assert bounds.describe() == words


def test_a_figure_is_a_number_with_its_origin() -> None:
    bare = Step.model_validate({"hours": 1, "price": 7}).price
    full = Step.model_validate({"hours": 1, "price": {"value": 7, "low": 5, "high": 9, "source": "quote"}}).price
    assert bare is not None
    assert full is not None
    assert (bare.value, full.planned, full.source, bare.model_dump()) == (7, 7, "quote", {"value": 7})


@pytest.mark.parametrize(
    ("price", "path"),
    [
        (0, ("value",)),
        ("7", ()),
        (False, ()),
        ({"value": 7, "low": 8, "high": 9}, ("value",)),
        ({"value": 7, "low": -1, "high": 9}, ("low",)),
    ],
)
def test_a_figure_out_of_range_is_refused(price: object, path: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        Step.model_validate({"hours": 1, "price": price})
    assert [f.path for f in findings(caught.value)] == [("price", *path)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"whole": "3"},
        {"whole": True},
        {"whole": 3.0},
        {"number": "3"},
        {"number": True},
        {"number": math.nan},
        {"number": math.inf},
        {"several": [1, -math.inf]},
        {"flag": "yes"},
        {"flag": 1},
        {"text": 3},
        {"day": 20260101},
        {"day": 86400},
        {"day": "86400"},
        {"day": "2026-02-29"},
        {"start": 3600},
        {"years": {"2027": True}},
        {"years": {"soon": 1}},
        {"unknown": 1},
        {"name": "a b"},
        {"name": ""},
        {"name": "x" * 65},
        {"name": ".."},
        {"name": "CON"},
        {"name": "lpt1.txt"},
        {"name": "../x"},
        {"name": "x\n"},
        {"name": "ä"},
    ],
)
def test_nothing_is_converted_silently(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Plain.model_validate(wrong)


def test_what_a_file_says_is_taken_as_it_is() -> None:
    read = Plain.model_validate(
        {
            "whole": 3,
            "number": 3,
            "day": "2028-02-29",
            "start": "07:30",
            "years": {"2027": 1},
            "several": [1, 2.5],
        }
    )
    assert (read.day, read.start, read.years, read.several) == (
        date(2028, 2, 29),
        time(7, 30),
        {2027: 1},
        (1, 2.5),
    )
    with pytest.raises(ValidationError):
        read.whole = 4


@pytest.mark.parametrize("when", ["2026", "2026-11", "2026-11-23", 2026])
def test_provenance_is_dated_by_year_month_or_day(when: object) -> None:
    assert hours({"value": 1, "date": when}).date == str(when)


@pytest.mark.parametrize("when", ["2026-13", "2026-02-29", "Nov 2026", "26", True, 20261123])
def test_a_date_that_is_none_is_refused(when: object) -> None:
    with pytest.raises(ValidationError):
        hours({"value": 1, "date": when})


@pytest.mark.parametrize(
    ("tree", "whole"),
    [
        ({"value": 1}, True),
        ({"value": 1, "low": 0, "high": 2, "source": "x"}, True),
        ({"low": 1, "high": 2}, True),
        ({"median": 1, "p90": 2}, True),
        ({"values": [1]}, True),
        ({"mode": 1}, False),
        ({"source": "x"}, False),
        ({"low": 1, "high": 2, "other": 3}, False),
        (3, False),
    ],
)
def test_a_whole_estimate_is_told_from_a_part_of_one(tree: object, whole: bool) -> None:
    assert states_an_estimate(tree) is whole
