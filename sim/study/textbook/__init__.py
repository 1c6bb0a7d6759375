"""Answers known from books, asked of the engine on this machine: what `sim verify` runs.

Each check builds something small whose answer is known without a simulator, and compares. Integers must agree
exactly; what is drawn must agree within four standard errors at a fixed seed.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.study.checked import Checked
from sim.study.textbook.asking import Check, asked
from sim.study.textbook.chance import CHANCE
from sim.study.textbook.queues import QUEUES
from sim.study.textbook.schedules import SCHEDULES

CHECKS: tuple[Check, ...] = (*SCHEDULES, *QUEUES, *CHANCE)


def textbook() -> Iterator[Checked]:
    """Run every check, in order."""
    for check in CHECKS:
        yield asked(check)
