"""What a reader may rely on all over the house: the flow, the rooms, and pieces that explain themselves."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "sim").rglob("*.py"))
CODE = sorted(path for part in ("sim", "tests", "benchmarks") for path in (ROOT / part).rglob("*.py"))

# A later part may import an earlier one, never the reverse.
FLOW = (
    "errors",
    "arguments",
    "display",
    "jit",
    "files",
    "config",
    "world",
    "plan",
    "engine",
    "metrics",
    "study",
    "report",
    "plot",
    "cli",
)
ENTRANCES = ("__init__", "__main__")
ROOMS = {
    "simpy": "sim/engine/",
    "matplotlib": "sim/report/",
    "click": "sim/cli/",
    "yaml": "sim/config/yaml_reader.py",
    "ruamel": "sim/config/yaml_reader.py",
}
STRATEGY = re.compile(r"(?<![a-z])(hybrid|stick(?:[ _-]?built)?|modular)(?![a-z])", re.IGNORECASE)
MAX_LINES = {"sim": 400, "tests": 400, "benchmarks": 300}
# Contents of files pass through sim/files.py, where a test can make the N-th operation fail. The others read what
# no user wrote: the kernel's own sources, and what the system tells of processes and memory.
DISK = (
    "sim/files.py",
    "sim/jit/cache.py",
    "sim/study/storage/output_directory.py",  # removes its lock while it holds it
    "sim/study/executors/memory_estimate.py",
)
TOUCHES = {
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "savefig", "to_csv", "to_excel", "to_json",
    "to_parquet", "read_csv", "write_table", "fdopen", "rmtree", "unlink", "symlink_to",
}  # fmt: skip
# Never, by any name: whoever reads a pickle runs what its writer wants. (Processes and Dask send pickles to each
# other; docs/reliability.md says how that is confined.)
PICKLERS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
FEW_LINES = 8
Rule = Callable[[str, str], list[str]]
HEAVY = ("pandas", "scipy.stats", "matplotlib.pyplot", "rich.progress")

# Spelled in pieces, so that this file does not break its own rule.
HOSTS = {"pypi": "org", "pythonhosted": "org", "npmjs": "org", "deb.debian": "org", "crates": "io"}
REGISTRY = re.compile("|".join(rf"{name}\.{end}\b" for name, end in HOSTS.items()) + r"|--?(?:extra-)?index-url")
MACHINE = re.compile(r"(?<![\w.~*\)\]-])/(?:work|root|home|Users|opt)/\w")


def _name(path: Path) -> str:
    """The path as people write it."""
    return path.relative_to(ROOT).as_posix()


def _source(path: Path) -> str:
    """The text of a source file."""
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=1)  # the rules of a file are asked one after the other
def nodes(source: str) -> tuple[ast.AST, ...]:
    """The syntax tree of a source file, its root first."""
    return tuple(ast.walk(ast.parse(source)))


def imports(source: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, inside functions and by `import_module` too."""
    for node in nodes(source):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func).rsplit(".", 1)[-1]
            if called in {"import_module", "__import__"}:
                yield node.lineno, str(node.args[0].value)


def against_the_flow(name: str, source: str) -> list[str]:
    """Imports of `name` that point to a later part, by a relative path, or through the front door."""
    part = Path(name).parts[1].removesuffix(".py")
    if part in ENTRANCES:
        return []
    if part not in FLOW:
        return [f"{name}: {part} has no place in the flow"]
    breaches = []
    for line, imported in imports(source):
        package, _, rest = imported.partition(".")
        other = rest.partition(".")[0]
        if imported.startswith("."):
            breaches.append(f"{name}:{line} relative import of {imported}")
        elif package == "sim" and other not in FLOW:
            breaches.append(f"{name}:{line} imports {imported}, not the part that has it")
        elif package == "sim" and FLOW.index(other) > FLOW.index(part):
            breaches.append(f"{name}:{line} {part} imports {other}")
    return breaches


def out_of_its_room(name: str, source: str) -> list[str]:
    """Imports of a library that has one place only."""
    found = ((line, imported.partition(".")[0]) for line, imported in imports(source))
    return [
        f"{name}:{line} imports {library} outside {ROOMS[library]}"
        for line, library in found
        if library in ROOMS and not name.startswith(ROOMS[library])
    ]


def past_the_disk(name: str, source: str) -> list[str]:
    """Calls that read or write a file elsewhere than in the module that does; in memory they are harmless."""
    if name in DISK:
        return []
    calls = [node for node in nodes(source) if isinstance(node, ast.Call)]
    return [f"{name}:{call.lineno} {word}" for call in calls if (word := _touches(call)) and not _in_memory(call)]


def _touches(call: ast.Call) -> str:
    """The word by which a call touches the disk, if it may."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr if call.func.attr in TOUCHES else ""
    return "open" if ast.unparse(call.func) == "open" else ""


def _in_memory(call: ast.Call) -> bool:
    """Whether a call writes into a buffer or a string, or reads what came with the package."""
    written = [ast.unparse(argument) for argument in call.args]
    if not written and ast.unparse(call.func).rpartition(".")[2] in {"to_csv", "to_json"}:
        return True
    packaged = "resources(" in ast.unparse(call.func)
    return packaged or any(argument.split(".")[0] in {"sink", "into", "buffer"} for argument in written)


def pickled(name: str, source: str) -> list[str]:
    """Imports of what reads or writes pickles, and arrays that would be read as such."""
    found = [(line, module) for line, module in imports(source) if module.partition(".")[0] in PICKLERS]
    words = [
        (node.value.lineno, node.arg)
        for node in nodes(source)
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle"
    ]
    return [f"{name}:{line} {what}" for line, what in found + words]


def strategies_named(name: str, source: str) -> list[str]:
    """Places, comments and strings included, that name a strategy."""
    lines = enumerate([name, *source.splitlines()])
    return [f"{name}:{number} {hit[0]}" for number, line in lines for hit in STRATEGY.finditer(line)]


def unexplained(name: str, source: str) -> list[str]:
    """Modules and functions without a docstring.

    A function inside another belongs to its text, `__init__` to the class, an overload to the function; a private
    function of a few lines speaks for itself.
    """
    tree = nodes(source)[0]
    missing = [] if ast.get_docstring(tree) else [f"{name}: module"]
    level: list[ast.AST] = [tree]
    while level:
        for node in ast.iter_child_nodes(level.pop()):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                level.append(node)
            elif not ast.get_docstring(node) and not _speaks_for_itself(node):
                missing.append(f"{name}:{node.lineno} {node.name}")
    return missing


def _speaks_for_itself(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function needs no words: a constructor, an overload, or a private one of a few lines."""
    short = node.name.startswith("_") and (node.end_lineno or 0) - node.lineno < FEW_LINES
    return short or node.name == "__init__" or _is_overload(node)


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether this is one more signature of a function explained below it."""
    return any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list)


def untyped(name: str, source: str) -> list[str]:
    """Functions with a parameter or a result of no stated type."""
    found = []
    for node in nodes(source):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            bare = [a for a in named if a and not a.annotation and a.arg not in {"self", "cls"}]
            if bare or node.returns is None:
                found.append(f"{name}:{node.lineno} {node.name}")
    return found


def _tracked() -> list[Path]:
    """Files that are or would be committed; every file where there is no repository."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    asked = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if asked.returncode == 0:
        return [path for name in asked.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    hidden = re.compile(r"/(\.venv|\.git|out|__pycache__|\.\w+_cache)/")
    return [path for path in ROOT.rglob("*") if path.is_file() and not hidden.search(path.as_posix())]


RULES: tuple[Rule, ...] = (against_the_flow, out_of_its_room, past_the_disk, pickled, unexplained, untyped)


@cache
def breaches_of_all_files() -> dict[str, list[str]]:
    """What breaks each rule, by the name of the rule; every file is parsed once for all of them."""
    found: dict[str, list[str]] = {rule.__name__: [] for rule in RULES}
    for path in SOURCES:
        for rule in RULES:
            found[rule.__name__] += rule(_name(path), _source(path))
    return found


@pytest.mark.parametrize("rule", RULES)
def test_every_source_file_keeps(rule: Rule) -> None:
    breaches = breaches_of_all_files()[rule.__name__]
    assert not breaches, "\n".join(breaches)


def test_no_strategy_is_named_where_mechanisms_are() -> None:
    rooms = ("sim/plan/", "sim/engine/")
    mechanisms = [path for path in SOURCES if _name(path).startswith(rooms)]
    assert mechanisms
    breaches = [hit for path in mechanisms for hit in strategies_named(_name(path), _source(path))]
    assert not breaches, "\n".join(breaches)


def test_files_are_short() -> None:
    lengths = [(len(_source(path).splitlines()), _name(path)) for path in CODE]
    long = [f"{name}: {lines} lines" for lines, name in lengths if lines > MAX_LINES[name.split("/")[0]]]
    assert not long, "\n".join(long)


def test_no_file_names_a_registry_or_a_place_on_one_machine() -> None:
    hits = []
    for path in _tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a table
        hits += [f"{_name(path)}: {hit[0]}" for rule in (REGISTRY, MACHINE) for hit in rule.finditer(text)]
    assert not hits, "\n".join(hits)


def _loaded_after(action: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after `action`."""
    script = f"import sys\n{action}\nprint('loaded:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("loaded:")[2].split())


def test_importing_sim_loads_nothing_heavy() -> None:
    loaded = _loaded_after("import sim")
    assert "sim" in loaded
    assert sorted(loaded.intersection(HEAVY)) == []


def test_help_loads_nothing_heavy() -> None:
    if not (ROOT / "sim" / "cli").exists():
        pytest.skip("there is no command line yet")
    asked = "sys.argv = ['sim', '--help']\nfrom sim.cli import main\n"
    loaded = _loaded_after(asked + "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code")
    assert "sim.cli" in loaded
    assert sorted(loaded.intersection(HEAVY)) == []


@pytest.mark.parametrize(
    ("rule", "name", "source"),
    [
        (against_the_flow, "sim/world/x.py", "from sim.plan.compile import natural"),
        (against_the_flow, "sim/plan/x.py", "def f():\n    from sim import engine"),
        (against_the_flow, "sim/plan/x.py", "import sim.report.figures.style as style"),
        (against_the_flow, "sim/plan/x.py", "import_module('sim.engine')"),
        (against_the_flow, "sim/plan/x.py", "from .names import natural"),
        (against_the_flow, "sim/study/x.py", "from sim import load"),
        (against_the_flow, "sim/study/x.py", "import sim"),
        (against_the_flow, "sim/manager/x.py", ""),
        (against_the_flow, "sim/errors.py", "import sim.config"),
        (out_of_its_room, "sim/plan/x.py", "import simpy.events"),
        (out_of_its_room, "sim/config/load.py", "def f():\n    from ruamel.yaml import YAML"),
        (out_of_its_room, "sim/study/x.py", "from matplotlib import pyplot"),
        (past_the_disk, "sim/study/x.py", "def f(path):\n    return path.read_bytes(1)"),
        (past_the_disk, "sim/report/x.py", "figure.savefig(path)"),
        (past_the_disk, "sim/report/x.py", "with open(path) as file: ..."),
        (past_the_disk, "sim/report/x.py", "with path.open() as file: ..."),
        (pickled, "sim/study/x.py", "import pickle"),
        (pickled, "sim/study/x.py", "def f():\n    from joblib import load"),
        (pickled, "sim/study/x.py", "np.load(path, allow_pickle=True)"),
        (strategies_named, "sim/plan/x.py", "# as in full_modular"),
        (strategies_named, "sim/engine/x.py", "x = 'Stick-built'"),
        (unexplained, "sim/plan/x.py", "x = 1"),
        (unexplained, "sim/plan/x.py", '"""A."""\nclass A:\n    def f(self) -> None: ...'),
        (untyped, "sim/plan/x.py", "def f(a) -> None: ..."),
        (untyped, "sim/plan/x.py", "def f(*a: int, **b) -> None: ..."),
        (untyped, "sim/plan/x.py", "def f(a: int): ..."),
    ],
)
def test_a_rule_sees_its_breach(rule: Rule, name: str, source: str) -> None:
    assert len(rule(name, source)) == 1


@pytest.mark.parametrize(
    ("rule", "name", "source"),
    [
        (against_the_flow, "sim/cli/run.py", "import click\nfrom sim.study.case import Case"),
        (against_the_flow, "sim/plan/x.py", "from sim.errors import SimError\nfrom sim import world"),
        (out_of_its_room, "sim/config/yaml_reader.py", "import yaml"),
        (past_the_disk, "sim/report/x.py", "figure.savefig(sink, format='png')\nframe.to_csv(index=False)"),
        (past_the_disk, "sim/files.py", "path.read_bytes()"),
        (strategies_named, "sim/plan/x.py", "# a yardstick, a modularity"),
        (unexplained, "sim/plan/x.py", '"""A."""\ndef f() -> None:\n    """B."""\n    def g() -> None: ...'),
        (untyped, "sim/plan/x.py", "class A:\n    def f(self, a: int) -> None: ..."),
    ],
)
def test_a_rule_sees_no_breach_where_there_is_none(rule: Rule, name: str, source: str) -> None:
    assert rule(name, source) == []
