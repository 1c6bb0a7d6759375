"""Wrong arguments of Python calls are told as wrong values in a file are, whatever the function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim.arguments import KINDS
from tests.tiny_project import TINY

FUNCTIONS = ("load", "check", "run", "compare", "sweep", "sensitivity", "tune", "drivers", "forecast", "fit", "prepare")
CRANES = {"logistics.cranes": [2, 3]}
OBJECT = object()
NOT_IN_THE_TABLE = {"engine", "sampling", "folder", "size", "trials", "fresh_runs"}
"""Arguments with a check of their own, where they are used; `folder` is for the program itself."""


def call_of(name: str) -> Callable[..., object]:
    """Return a function with arguments that are right, as far as it must have some."""
    first = {"load": TINY, "compare": [TINY], "fit": "x.csv"}.get(name, TINY)
    more = {"forecast": ["x.csv"]}.get(name, [CRANES] if name in ("sweep", "sensitivity", "tune") else [])
    function = getattr(sim, name)
    names = [*inspect.signature(function).parameters]
    return partial(lambda **changed: function(**{**dict(zip(names, [first, *more], strict=False)), **changed}))


ARGUMENTS = [
    (name, argument)
    for name in FUNCTIONS
    for argument in inspect.signature(getattr(sim, name)).parameters
    if argument not in NOT_IN_THE_TABLE
]


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_a_wrong_argument_of_any_function_is_told_by_its_name(name: str, argument: str) -> None:
    """Was: a TypeError, an AttributeError or pydantic's ValidationError, or a run that took it for something else."""
    assert argument in KINDS
    with pytest.raises(sim.ConfigError, match=rf"^{argument}: .*object.* given, .*expected") as told:
        call_of(name)(**{argument: OBJECT})
    assert told.value.exit_code == 2
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("name", sorted({*sim.plot.__all__} - {"paired_difference"}))
def test_a_figure_of_what_is_no_result_is_refused(name: str) -> None:
    function = getattr(sim.plot, name)
    needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    with pytest.raises(sim.ConfigError, match=r"5 given, .*sim\.\w+.* expected"):
        function(5, *["cranes"] * (len(needed) - 1))


WRONG_INPUTS = [
    ("sweep", {}, r"^inputs: \{\} given, at least one path with its values expected"),
    ("sweep", {"logistics.cranes": []}, r"^inputs\['logistics.cranes'\]: \[\] given, a list of values expected"),
    ("sweep", {"logistics.cranes": 3}, r"3 given, a list of values expected"),
    ("sweep", {"logistics.cranes": "34"}, r"'34' given, a list of values expected"),
    ("sweep", {"logistics.cranes": [None]}, r"\[None\] given, a list of numbers, words, True or False expected"),
    ("sweep", {5: [1]}, r"^inputs: 5 given, a path like"),
    ("sweep", {(): [1]}, r"^inputs: \(\) given, a path like"),
    ("sweep", {"x y": [1]}, r'"x y" given'),
    (
        "tune",
        {"logistics.cranes": (4, 2)},
        r"\(4, 2\) given, a range \(low, high\) of two numbers, low below high expected",
    ),
    ("sensitivity", {"logistics.cranes": (2, 2)}, r"\(2, 2\) given, a range \(low, high\)"),
    ("sensitivity", {"logistics.cranes": ("a", "b")}, r"\('a', 'b'\) given, a range \(low, high\)"),
]


@pytest.mark.parametrize(("name", "inputs", "message"), WRONG_INPUTS)
def test_wrong_values_of_an_input_are_told_with_its_path(name: str, inputs: Any, message: str) -> None:
    with pytest.raises(sim.ConfigError, match=message):
        getattr(sim, name)(TINY, inputs, runs=2, workers=1)


def test_what_a_study_has_in_a_section_is_told_as_the_argument_it_is() -> None:
    with pytest.raises(sim.ConfigError, match=r'^method: "x" given, one of low_high, morris or sobol expected'):
        sim.sensitivity(TINY, CRANES, method="x")
    with pytest.raises(sim.ConfigError, match=r'^statistic: "p99" given'):
        sim.tune(TINY, CRANES, statistic="p99")
    with pytest.raises(sim.ConfigError, match=r"^probability: 5 given, a share from 0.01 to 0.99 expected"):
        sim.tune(TINY, CRANES, probability=5)


def test_several_wrong_arguments_are_told_at_once() -> None:
    with pytest.raises(sim.ConfigError) as told:
        sim.run(TINY, runs=0, out=5)  # type: ignore[arg-type]
    assert [problem.path for problem in told.value.problems] == ["runs", "out"]


@pytest.fixture(scope="module")
def result() -> sim.Result:
    return sim.run(TINY, runs=2, workers=1)


def test_a_table_that_no_result_has_is_refused_and_one_that_this_one_lacks_is_empty(result: sim.Result) -> None:
    """Was: an empty table for any name, so that a misspelt one looked like nothing to report."""
    assert result.table("levers").empty
    with pytest.raises(sim.ConfigError, match=r"there is no table 'lever'.*\(did you mean levers\?\)"):
        result.table("lever")
    with pytest.raises(sim.ConfigError, match=r"there is no curve 'mw_onlin'.*did you mean mw_online"):
        result.curve("mw_onlin")


@pytest.mark.parametrize("method", ["ask", "table", "curve", "save", "report"])
def test_methods_of_a_result_refuse_what_is_no_text_and_no_path(result: sim.Result, method: str) -> None:
    with pytest.raises(sim.ConfigError, match=r"\[1\] given"):
        getattr(result, method)([1])


def test_names_that_a_sweep_does_not_have_are_refused(tmp_path: Path) -> None:
    swept = sim.sweep(TINY, CRANES, runs=2, workers=1)
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: swept.summary(["nope"]), "there is no metric 'nope'"),
        (lambda: swept.table("lead_time_full_days", "p81"), "there is no statistic 'p81'; .*did you mean p80"),
        (
            lambda: swept.grid("lead_time_full_days", "crane", "cranes"),
            "there is no input 'crane'.*did you mean cranes",
        ),
        (lambda: swept.as_good_as_best("lead_time_full_days", "p81"), "there is no statistic 'p81'"),
        (lambda: swept.differences(99), "base: 99 given, the number of a point, from 0 to 1 expected"),
        (lambda: sim.plot.sweep_lines(swept, "lead_time_full_days", "crane"), "there is no input 'crane'"),
        (lambda: sim.Sweep.load(5), "directory: 5 given, a path expected"),  # type: ignore[arg-type]
    ]
    for call, message in wrong:
        with pytest.raises(sim.ConfigError, match=message):
            call()


def test_help_and_reference_still_show_the_arguments() -> None:
    assert [*inspect.signature(sim.run).parameters][:3] == ["config", "runs", "seed"]
    assert re.search("Run a project many times", inspect.getdoc(sim.run) or "")


def test_numbers_of_numpy_are_numbers() -> None:
    result = sim.run(TINY, runs=np.int64(2), seed=np.int32(7), workers=np.uint8(1))
    assert result.sample.size == 2
