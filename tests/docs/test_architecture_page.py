"""docs/architecture.md names files and functions that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FILE = re.compile(r"(?<![\w./])((?:\w+/)*\w+\.py)\b")
NAME = re.compile(r"`([A-Za-z_]\w*(?:\.(?!py\b)\w+)?)`")
YAML_WORDS = {"low", "mode", "high"}


@cache
def defined(file: str) -> frozenset[str]:
    """Functions, classes, methods and constants of a file of `sim/`."""

    def names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from names(node.body, f"{node.name}.")
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))

    return frozenset(names(ast.parse((ROOT / "sim" / file).read_text(encoding="utf-8")).body))


def named() -> list[tuple[str, tuple[str, ...]]]:
    """Every function that the page names, with the files that a line or list item names before it."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for item in re.split(r"\n(?=\d+\. |\| |\n)", PAGE):
        files = tuple(FILE.findall(item))
        found += [(name, files) for name in NAME.findall(item) if files and name not in YAML_WORDS]
    return found


@pytest.mark.parametrize("file", sorted(set(FILE.findall(PAGE))))
def test_a_file_that_is_named_is_there(file: str) -> None:
    assert (ROOT / "sim" / file).is_file()


@pytest.mark.parametrize(("name", "files"), named())
def test_a_function_that_is_named_is_in_a_file_beside_it(name: str, files: tuple[str, ...]) -> None:
    assert any(name in defined(file) for file in files if (ROOT / "sim" / file).is_file())


def test_the_page_has_much_to_say() -> None:
    assert len(named()) > 80
    assert len(re.findall(r"(?m)^\d+\. ", PAGE)) == 15
