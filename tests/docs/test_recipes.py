"""The recipes of CONTRIBUTING.md work: each is followed to the letter on a copy of the tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
TINY = Path("tests/configs/tiny.yaml")
STEP = re.compile(r"(?P<text>[^\n](?:(?!```)[\s\S])*?)\n\n```(?:python|yaml|text)\n(?P<code>[\s\S]*?)```\n")
NAMED = re.compile(r"`((?:sim|configs)/[\w/]+\.(?:py|yaml))`")
ANCHOR = re.compile(r"(before|after) `([^`]+)`$")


@dataclass(frozen=True)
class Edit:
    """One instruction: the file, the code, and the line it goes before or after; a new file has no such line."""

    file: str
    code: str
    where: str = ""
    anchor: str = ""

    def follow(self, tree: Path) -> None:
        """Do it in a copy of the tree."""
        path = tree / self.file
        if not self.anchor:
            assert not path.exists()
            path.write_text(self.code, encoding="utf-8")
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        (at,) = [number for number, line in enumerate(lines) if line.startswith(self.anchor)]
        lines.insert(at + (self.where == "after"), self.code)
        path.write_text("".join(lines), encoding="utf-8")


def recipe(title: str) -> list[Edit]:
    """The instructions of a recipe, in their order; one that names no file goes on with the last."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = page.partition(f"### {title}\n")[2].partition("\n##")[0]
    found: list[Edit] = []
    for step in STEP.finditer(text):
        said = step["text"].rstrip(":")
        files, place = NAMED.findall(said), ANCHOR.search(said)
        file = files[-1] if files else found[-1].file
        found.append(Edit(file, step["code"], *(place.groups() if place else ())))
    return found


MECHANISM, METRIC, COMMAND = (recipe(f"Add a {what}") for what in ("mechanism", "metric", "command"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree in which all three recipes were followed."""
    copy = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "sim", copy / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (Path("configs/base.yaml"), TINY):
        (copy / name).parent.mkdir(parents=True)
        shutil.copy(ROOT / name, copy / name)
    for edit in [*MECHANISM, *METRIC, *COMMAND]:
        edit.follow(copy)
    return copy


COMMANDS = {
    "check": ["check", str(TINY)],
    "check without it": ["check", str(TINY), "--set", "commissioning.inspection=null"],
    "run": ["run", str(TINY), "--runs", "2", "--engine", "simpy", "--workers", "1", "--out", "out"],
    "size": ["size", str(TINY)],
    "help": ["--help"],
}
SCRIPT = """
import json, sys
from click.testing import CliRunner
from sim.cli import main
for name, words in json.loads(sys.argv[1]).items():
    done = CliRunner().invoke(main, words, prog_name="sim")
    if done.exit_code:
        sys.exit(f"{name}: {done.output} {done.exception!r}")
    print(json.dumps([name, done.stdout]))
"""


@pytest.fixture(scope="module")
def printed(tree: Path) -> dict[str, str]:
    """What commands of the copy print, all in one process: Python reads a copied tree slowly."""
    # changed sources would be compiled anew: half a minute for a plan of two blocks
    surroundings = {**os.environ, "PYTHONPATH": str(tree), "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", SCRIPT, json.dumps(COMMANDS)]
    done = subprocess.run(command, cwd=tree, env=surroundings, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_a_recipe_touches_no_more_than_it_promises() -> None:
    assert sorted({edit.file for edit in MECHANISM}) == [
        "configs/base.yaml",
        "sim/config/sections/commissioning.py",
        "sim/plan/mechanisms/inspection.py",
        "sim/plan/project.py",
    ]
    assert sorted({edit.file for edit in METRIC}) == ["sim/metrics/delivery.py", "sim/metrics/registry.py"]
    assert [edit.file for edit in COMMAND] == ["sim/cli/size.py"]


def test_the_code_of_the_recipes_is_in_the_style_of_the_house(tree: Path) -> None:
    files = sorted({edit.file for edit in [*MECHANISM, *METRIC, *COMMAND] if edit.file.endswith(".py")})
    ruff = [sys.executable, "-m", "ruff", "check", "--no-cache", "--config", str(ROOT / "pyproject.toml"), *files]
    done = subprocess.run(ruff, cwd=tree, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout


def test_the_new_mechanism_is_on_the_critical_path_of_the_plan(printed: dict[str, str]) -> None:
    assert "Turnover 1: inspection" in printed["check"]
    assert "Turnover 1: inspection" not in printed["check without it"]


def test_a_run_has_the_new_mechanism_in_its_log_and_the_new_metric_in_its_columns(
    tree: Path, printed: dict[str, str]
) -> None:
    assert printed["run"]
    events = pd.read_parquet(tree / "out" / "events.parquet")
    inspected = events[events["activity"] == "inspection"]
    assert {*inspected["unit"]} == {"t1", "t2"}
    runs = pd.read_parquet(tree / "out" / "runs.parquet")
    assert (runs["first_to_last_mw_days"] == runs["lead_time_full_days"] - runs["lead_time_first_mw_days"]).all()
    assert runs["first_to_last_mw_days"].min() > 0


def test_the_new_command_runs_and_is_listed(printed: dict[str, str]) -> None:
    assert printed["size"] == "1 phases, 1 halls, 2 blocks\n"
    assert "Print how many phases, halls and blocks" in printed["help"]
