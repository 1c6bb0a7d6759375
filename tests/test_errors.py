from __future__ import annotations

import pytest

from sim.errors import CheckFailed, ConfigError, Mistake, PartialResults, Problem, Refused, SimError, Stalled


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (
            Problem("configs/x.yaml", 12, 3, "factories.electrical.lines", "0", "at least 1 line"),
            "configs/x.yaml:12: factories.electrical.lines: 0 given, at least 1 line expected",
        ),
        (
            Problem("x.yaml", 7, 1, "shell.stpes", "", "is not a known key", "did you mean steps?"),
            "x.yaml:7: shell.stpes: is not a known key (did you mean steps?)",
        ),
        (Problem("x.yaml", 0, 1, "", "", "there is no such file"), "x.yaml: there is no such file"),
    ],
)
def test_a_problem_is_one_line(problem: Problem, line: str) -> None:
    assert str(problem) == line


def test_a_config_error_prints_each_problem_on_its_line() -> None:
    problems = [Problem("x.yaml", line, 1, "a", "", "is missing") for line in (3, 5)]
    error = ConfigError(problem for problem in problems)
    assert error.problems == tuple(problems)
    assert str(error) == "x.yaml:3: a: is missing\nx.yaml:5: a: is missing"


@pytest.mark.parametrize(
    ("kind", "code"),
    [(SimError, 1), (CheckFailed, 1), (Stalled, 3), (PartialResults, 4)],
)
def test_exit_codes(kind: type[SimError], code: int) -> None:
    assert kind("what happened").exit_code == code
    assert str(kind("what happened")) == "what happened"
    assert ConfigError([]).exit_code == 2


def test_a_refusal_keeps_its_findings() -> None:
    refusal = Refused([Mistake(("low",), 3, "at most 2"), Mistake((), None, "a number")])
    assert isinstance(refusal, ValueError)
    assert str(refusal) == "at most 2; a number"
    assert [finding.path for finding in refusal.findings] == [("low",), ()]
