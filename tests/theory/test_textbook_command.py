"""The textbook checks that users run: each holds here, and each can fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.engine.dispatcher import Dispatcher
from sim.errors import SimError
from sim.study.verification import CHECKS
from sim.study.verification.harness import Check, run_check
from tests.mutants.planting import plant


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_textbook_is_right(check: Check) -> None:
    found = run_check(check)
    assert found.outcome == "holds", found


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_another_answer_is_refused(check: Check) -> None:
    within = check.within() if callable(check.within) else check.within
    wrong = replace(check, known=check.known + 3 * within + 1)
    assert run_check(wrong).outcome == "fails"


def test_an_engine_that_raises_has_not_answered() -> None:
    def broken() -> float:
        raise SimError("nobody can go on")

    found = run_check(Check("schedules", "a batch", 42, broken))
    assert (found.outcome, found.observed, found.remark) == ("fails", "no answer", "nobody can go on")


def test_an_engine_with_a_bug_gets_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Dispatcher.enqueue, "(priority, now,", "(priority, -now,")  # who asks last is served first
    ended = CliRunner().invoke(main, ["verify"])
    assert ended.exit_code == 1
    assert "fails" in ended.output
