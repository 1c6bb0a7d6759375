"""What docs/validation.md says can be run again is there, and its counts are those of the tests."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sim.report.docs_pages import BEGIN, END
from sim.study.verification import CHECKS
from tests.engine.numba_engine.kernel_mutants import MUTANTS as OF_THE_KERNEL
from tests.mutants.mutants import MUTANTS
from tests.theory.test_published_networks import BY_LATEST_FINISH, GAP
from tests.theory.test_torture import NIGHT, QUICK

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")


def test_every_file_it_names_is_there() -> None:
    named = set(re.findall(r"\b(?:tests|docs|configs|experiments)/[\w./]*\w", PAGE))
    assert len(named) > 15
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_target_it_names_is_one() -> None:
    targets = re.findall(r"make ([a-z-]+)", PAGE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"mutants", "validation", "docs"} <= set(targets)
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(set(re.findall(r"`pytest ([^`]+)`", PAGE)) - {""}))
def test_the_tests_it_names_are_found(command: str) -> None:
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", *shlex.split(command)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for place in (word for word in shlex.split(command) if word.startswith("tests/")):
        assert place in done.stdout, f"no test of {place} is run by: pytest {command}"


@pytest.mark.parametrize(
    "words",
    [
        f"{len(CHECKS)} questions from textbooks",
        f"**{len(MUTANTS)} of {len(MUTANTS)}** mistakes planted",
        f"{len(OF_THE_KERNEL)} of {len(OF_THE_KERNEL)} in the compiled kernel",
        f"{100 * GAP:.1f} % above the best known makespans",
        f"{100 * BY_LATEST_FINISH:.1f} % with what must end first going first",
        f"{QUICK} in each test run, {NIGHT:,} at night",
    ],
)
def test_its_counts_are_those_of_the_tests(words: str) -> None:
    assert words in PAGE


def test_it_has_a_place_for_the_published_cases() -> None:
    assert PAGE.count(BEGIN) == PAGE.count(END) == 1
