"""How `sim/` is laid out: folders and files of a size to take in at a glance, names that occur once, no circles."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import combinations
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
Sources = Mapping[str, str]
"""Source text by path from the root of the repository, such as `sim/plan/project.py`."""
Rule = Callable[[Sources], list[str]]

MAX_ENTRIES = 15
MIN_LINES = 60
SHORT_FOR_A_REASON = {
    "sim/study/verification/__init__.py": "the list of textbook checks, apart from the checks themselves",
    "sim/config/sections/commissioning.py": "a section of its own, as every part of the YAML has",
    "sim/plan/checks/finding.py": "the type that all checks and their report share",
    "sim/config/json_schema.py": "a format of its own, which the commands write and nothing reads",
}
A_LINE_OR_TWO = 8
"""Lines of an `__init__.py` that only says what is in its folder."""
MIRRORS = {
    ("sim/config/", "sim/plan/"): "what a project states, and the plan that is written from it",
    ("sim/config/sections/", "sim/plan/mechanisms/"): "a section, and the mechanism that it configures",
    ("sim/metrics/", "sim/metrics/kernels/"): "a metric, and its kernel",
    ("sim/metrics/money/", "sim/metrics/kernels/"): "a metric, and its kernel",
    ("sim/metrics/", "sim/report/figures/"): "a metric, and its figures",
    ("sim/metrics/money/", "sim/report/figures/"): "a metric, and its figures",
    ("sim/metrics/kernels/", "sim/report/figures/"): "the kernel of a metric that also has figures",
    ("sim/study/analyses/", "sim/report/figures/"): "an analysis, and its figures",
}
MECHANISMS = "sim/plan/mechanisms/"
ACROSS = {"theory", "curves", "faults", "mutants", "docs", "configs"}
"""Folders of tests that belong to no single folder of `sim/`."""
CROWDED_TESTS = {
    "tests": "a folder for each one of sim, those that cut across, and the tests of the house itself",
    "tests/faults": "the catalogue of promises, its tools and one file for each kind of fault",
    "tests/report/exchange/cases": "files of other programs, one for each case",
}


@cache
def sources() -> Sources:
    """Every source file of `sim/`."""
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(ROOT.glob("sim/**/*.py"))}


def entries(names: Sources) -> dict[str, int]:
    """Count the files, `__init__.py` aside, and the subfolders of every folder."""
    found: dict[str, set[str]] = defaultdict(set)
    for name in names:
        path = PurePosixPath(name)
        inside = [] if path.name == "__init__.py" else [path]
        for part in [*inside, *path.parents]:
            if part.name and part.parent.name:
                found[part.parent.as_posix()].add(part.name)
    return {folder: len(inside) for folder, inside in found.items()}


def crowded_folders(files: Sources) -> list[str]:
    """Folders with more entries than one takes in at a glance."""
    return [f"{folder}: {count} entries" for folder, count in entries(files).items() if count > MAX_ENTRIES]


def too_short(files: Sources) -> list[str]:
    """Files that are not worth opening for themselves (`test_architecture` has those that are too long)."""
    lengths = {name: len(source.splitlines()) for name, source in files.items() if name not in SHORT_FOR_A_REASON}
    return [
        f"{name}: {lines} lines"
        for name, lines in lengths.items()
        if lines < MIN_LINES and not (name.endswith("/__init__.py") and lines <= A_LINE_OR_TWO)
    ]


def repeated_names(files: Sources) -> list[str]:
    """Files of one name that are not mirror images of each other."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for name in files:
        if not name.endswith("/__init__.py"):
            by_name[name.rpartition("/")[2]].append(name)
    pairs = [pair for same in by_name.values() for pair in combinations(sorted(same), 2)]
    return [f"{one} and {other}" for one, other in pairs if not _mirror(one, other)]


def _mirror(one: str, other: str) -> bool:
    """Whether two files stand in folders that mirror each other."""
    folders = one.rpartition("/")[0] + "/", other.rpartition("/")[0] + "/"
    return folders in MIRRORS or folders[::-1] in MIRRORS


def circles(files: Sources) -> list[str]:
    """Groups of modules that import each other in a loop; imports in functions and for types only count too."""
    edges = {_module(name): set(_imported(source, {_module(n) for n in files})) for name, source in files.items()}
    waiting = {module: targets - {module} for module, targets in edges.items()}
    while free := [module for module, targets in waiting.items() if not targets & set(waiting)]:
        for module in free:
            del waiting[module]
    # what is left imports a circle or is part of one: drop what nothing left imports, again and again
    while unused := set(waiting).difference(*waiting.values()) if waiting else set():
        waiting = {module: targets for module, targets in waiting.items() if module not in unused}
    return [f"circle of imports: {', '.join(sorted(waiting))}"] if waiting else []


def _module(name: str) -> str:
    """The dotted name of a file."""
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(source: str, modules: set[str]) -> Iterator[str]:
    """Modules of `sim` that a source imports, at the top, in a function or for its types."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def no_mechanisms(files: Sources) -> list[str]:
    """Files among the mechanisms without a public function that adds to the plan context."""
    there = [name for name in files if name.startswith(MECHANISMS) and not name.endswith("/__init__.py")]
    return [f"{name}: writes nothing into a plan" for name in there if not _writes_a_plan(files[name])]


def _writes_a_plan(source: str) -> bool:
    """Whether a public function takes the context of a plan."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return any(
        not function.name.startswith("_")
        and any(
            ast.unparse(argument.annotation) == "PlanContext" for argument in function.args.args if argument.annotation
        )
        for function in functions
    )


def unlike_the_house(files: Sources) -> list[str]:
    """Folders of tests that mirror no folder of `sim/`, in names such as `tests/plan/checks/test_checks.py`."""
    rooms = {PurePosixPath(name).parent.as_posix() for name in sources()}
    folders = {PurePosixPath(name).parent.as_posix() for name in files}
    return [
        f"{folder}: no such folder in sim"
        for folder in sorted(folders - {"tests"})
        if folder.split("/")[1] not in ACROSS and folder.replace("tests", "sim", 1) not in rooms
    ]


def crowded_tests(files: Sources) -> list[str]:
    """Folders of tests with more entries than one takes in at a glance, but those with a reason."""
    found = {folder: count for folder, count in entries(files).items() if count > MAX_ENTRIES}
    return [f"{folder}: {count} entries" for folder, count in found.items() if folder not in CROWDED_TESTS]


@cache
def existing_tests() -> Sources:
    """Every test file; their text does not matter here."""
    return {path.relative_to(ROOT).as_posix(): "" for path in sorted(ROOT.glob("tests/**/*.py"))}


@pytest.mark.parametrize("rule", [crowded_folders, too_short, repeated_names, circles, no_mechanisms])
def test_the_house_keeps(rule: Rule) -> None:
    breaches = rule(sources())
    assert not breaches, "\n".join(breaches)


@pytest.mark.parametrize("rule", [unlike_the_house, crowded_tests])
def test_the_tests_keep(rule: Rule) -> None:
    breaches = rule(existing_tests())
    assert not breaches, "\n".join(breaches)


def test_what_is_excused_is_there() -> None:
    short = {name for name, source in sources().items() if len(source.splitlines()) < MIN_LINES}
    assert set(SHORT_FOR_A_REASON) <= short
    assert all((ROOT / folder).is_dir() for folder in CROWDED_TESTS)


def _lines(count: int) -> str:
    return "x = 1\n" * count


TWO_WAYS = {
    "sim/plan/a.py": "from sim.plan.b import f",
    "sim/plan/b.py": "def f() -> None:\n    from sim.plan import c",
    "sim/plan/c.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sim.plan.a",
    "sim/plan/d.py": "from sim.plan.a import g\nfrom sim.plan.e import h",
    "sim/plan/e.py": "",
}


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        (crowded_folders, {f"sim/plan/f{number}.py": "" for number in range(16)}),
        (crowded_folders, {f"sim/plan/f{number}/x.py": "" for number in range(16)}),
        (too_short, {"sim/plan/x.py": _lines(59)}),
        (too_short, {"sim/plan/__init__.py": _lines(9)}),
        (repeated_names, {"sim/files.py": "", "sim/plan/analysis/files.py": ""}),
        (repeated_names, {"sim/plan/mechanisms/capital.py": "", "sim/report/figures/capital.py": ""}),
        (circles, TWO_WAYS),
        (circles, {"sim/a.py": "from sim import b", "sim/b.py": "import sim.a"}),
        (no_mechanisms, {"sim/plan/mechanisms/x.py": "def _f(context: PlanContext) -> None: ..."}),
        (no_mechanisms, {"sim/plan/mechanisms/x.py": "def f(plan: Plan) -> None: ..."}),
        (unlike_the_house, {"tests/rooms/test_x.py": ""}),
        (unlike_the_house, {"tests/plan/rooms/test_x.py": ""}),
        (crowded_tests, {f"tests/plan/test_{number}.py": "" for number in range(16)}),
    ],
)
def test_a_rule_sees_its_breach(rule: Rule, files: Sources) -> None:
    assert len(rule(files)) == 1


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        (crowded_folders, {f"sim/plan/f{number}.py": "" for number in range(15)} | {"sim/plan/__init__.py": ""}),
        (too_short, {"sim/plan/x.py": _lines(60), "sim/plan/__init__.py": _lines(1)}),
        (repeated_names, {"sim/config/sections/x.py": "", "sim/plan/mechanisms/x.py": "", "sim/plan/__init__.py": ""}),
        (circles, {name: source for name, source in TWO_WAYS.items() if name != "sim/plan/c.py"}),
        (no_mechanisms, {"sim/plan/mechanisms/x.py": "def f(context: PlanContext) -> None: ..."}),
        (unlike_the_house, {"tests/plan/checks/test_x.py": "", "tests/theory/test_x.py": "", "tests/test_x.py": ""}),
        (crowded_tests, {f"tests/plan/test_{number}.py": "" for number in range(15)}),
    ],
)
def test_a_rule_sees_no_breach_where_there_is_none(rule: Rule, files: Sources) -> None:
    assert rule(files) == []


def test_a_circle_is_named_without_those_who_only_look_on() -> None:
    assert circles(TWO_WAYS) == ["circle of imports: sim.plan.a, sim.plan.b, sim.plan.c"]
