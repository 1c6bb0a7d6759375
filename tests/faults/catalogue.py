"""The table of docs/reliability.md: fault, promise, and the tests that hold it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reliability.md"


@dataclass(frozen=True)
class Promise:
    """One row."""

    number: str
    fault: str
    promise: str
    tests: tuple[str, ...]


def promises() -> Iterator[Promise]:
    """The rows of the table."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and (cells[0].isdigit() or cells[0] == "all"):
            yield Promise(cells[0], cells[1], cells[2], tuple(re.findall(r"`([^`]+::\w+)`", cells[3])))
