"""Answers known from books, asked of the engine on this machine: what `sim verify` runs.

Each check builds something small whose answer is known without a simulator, and compares. Integers must agree
exactly; what is drawn must agree within four standard errors at a fixed seed.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.study.analyses.validation import CheckResult
from sim.study.verification.checks import CHANCE, QUEUES, SCHEDULES
from sim.study.verification.harness import Check, run_check

CHECKS: tuple[Check, ...] = (*SCHEDULES, *QUEUES, *CHANCE)


def textbook() -> Iterator[CheckResult]:
    """Run every check, in order."""
    for check in CHECKS:
        yield run_check(check)
