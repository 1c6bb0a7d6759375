from __future__ import annotations

import ast
import os
import re
import shlex
from functools import cache

from tests.faults.catalogue import TESTS, promises


@cache
def named_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_all_faults_have_a_promise() -> None:
    assert [found.number for found in promises()] == [*map(str, range(1, 39)), "all"]
    assert all(found.fault and found.promise for found in promises())


def test_the_run_at_night_names_targets_of_the_makefile() -> None:
    night = TESTS.parent / ".ci" / "nightly"
    (listed,) = re.findall(r"^for target in (.+); do$", night.read_text(encoding="utf-8"), re.MULTILINE)
    targets = [words.split()[0] for words in shlex.split(listed)]
    makefile = (TESTS.parent / "Makefile").read_text(encoding="utf-8")
    assert {"faults", "soak", "test-slow", "test-oldest", "test-newest"} < {*targets}
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []
    assert os.access(night, os.X_OK)


def test_every_promise_names_tests_that_exist() -> None:
    for found in promises():
        assert found.tests, found.number
        for test in found.tests:
            file, _, name = test.partition("::")
            assert name in named_in(file), f"{found.number}: there is no {test}"
