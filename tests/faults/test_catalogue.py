from __future__ import annotations

import ast
from functools import cache

from tests.faults.catalogue import TESTS, promises


@cache
def named_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_all_faults_have_a_promise() -> None:
    assert [found.number for found in promises()] == [*map(str, range(1, 39)), "all"]
    assert all(found.fault and found.promise for found in promises())


def test_every_promise_names_tests_that_exist() -> None:
    for found in promises():
        assert found.tests, found.number
        for test in found.tests:
            file, _, name = test.partition("::")
            assert name in named_in(file), f"{found.number}: there is no {test}"
