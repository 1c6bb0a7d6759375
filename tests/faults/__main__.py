"""Provokes every fault of docs/reliability.md and prints promise, provoked fault and observed behaviour: `make faults`."""

from __future__ import annotations

import sys
import textwrap
from collections import defaultdict

import pytest

from tests.faults.catalogue import TESTS, promises

WIDTH = 118


class Watched:
    """Takes note of how each test ended and what it saw."""

    def __init__(self) -> None:
        self.ends: dict[str, list[str]] = defaultdict(list)
        self.seen: dict[str, list[str]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test, or its preparation, is over."""
        test = report.nodeid.removeprefix("tests/").partition("[")[0]
        if report.when == "call" or not report.passed:
            self.ends[test].append(report.outcome)
            self.seen[test] += [str(value) for name, value in report.user_properties if name == "observed"]
            if report.skipped and isinstance(report.longrepr, tuple):
                self.seen[test].append(report.longrepr[2])


def line(head: str, text: str) -> str:
    """A part of a row, wrapped."""
    return textwrap.fill(text, WIDTH, initial_indent=f"     {head:9}", subsequent_indent=" " * 14)


def told(watched: Watched, partly: bool) -> bool:
    """Print the table; whether every promise was held. `partly`: some tests were left out on purpose."""
    held = True
    for found in promises():
        ends = [end for test in found.tests for end in watched.ends[test] or ["left out"]]
        sound = {"passed", "skipped"} | ({"left out"} if partly else set())
        kept = set(ends) <= sound and "passed" in ends
        held &= kept or (partly and set(ends) == {"left out"})
        print(
            f"{found.number:>3}  {'holds' if kept else 'BROKEN' if set(ends) - sound else 'not tried'}: {found.fault}"
        )
        print(line("promise", found.promise))
        counts = ", ".join(f"{ends.count(end)} {end}" for end in dict.fromkeys(ends))
        print(line("tests", counts))
        for seen in [seen for test in found.tests for seen in watched.seen[test]][:6]:
            print(line("observed", seen))
    return held


def main(options: list[str]) -> int:
    """Run the tests of all promises and print the table."""
    watched = Watched()
    tests = list(dict.fromkeys(str(TESTS / test) for found in promises() for test in found.tests))
    pytest.main([*tests, "-q", "-m", "slow or not slow", "-p", "no:cacheprovider", *options], plugins=[watched])
    print()
    held = told(watched, partly=bool(options))
    print(f"\n{'Every promise holds.' if held else 'Some promises do not hold.'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
