"""What the README shows a newcomer works: its commands run in the order given, its links lead somewhere.

A block fenced as ```console holds commands behind `$ ` and what they print; ```python blocks are run too.
Commands run on few replications, in a directory of their own beside the shipped configs; in the quick test beside the
same projects at a tenth of their size, without pictures.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
SHIPPED = ("configs", "experiments", "benchmarks")
FEW = "4"

# What brings the newcomer to where a test already stands, or stays open until stopped.
NOT_HERE = ("git clone", "cd ", "pip install", "pipx install", "python -m venv", "source ", "dask ")
SIMULATES = re.compile(r"^sim (run|compare|sweep|baseline)\b(?!.*--help)")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(block: str) -> Iterator[str]:
    r"""The commands of a console block; one that ends in `\` goes on in the next line."""
    lines = iter(block.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = re.split(r"\s+#\s", line[2:])[0].strip()
            while command.endswith("\\"):
                command = command[:-1] + next(lines, "").removeprefix("> ").strip()
            yield command


def small(command: str) -> str:
    """The same command on few replications."""
    if not SIMULATES.match(command):
        return command
    if "--runs" in command:
        return re.sub(r"--runs[ =]\d+", f"--runs {FEW}", command)
    words = command.split(" ")
    options = 3 if words[1] == "baseline" else 2
    return " ".join([*words[:options], f"--runs {FEW}", *words[options:]])


def as_tried(command: str) -> str | None:
    """How a test performs a command; None where it cannot."""
    if command.startswith(NOT_HERE):
        return None
    if command.startswith("make "):
        return f"make --directory '{ROOT}' --dry-run {command.removeprefix('make ')}"
    return small(command)


def _run(command: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Perform a command as typed in a terminal whose first programs are this environment's."""
    typed = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    path = os.pathsep.join([str(Path(sys.executable).parent), typed.get("PATH", "")])
    return subprocess.run(
        ["bash", "-c", command],
        cwd=place,
        env={**typed, "PATH": path, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def readme() -> str:
    """The text of the README."""
    if not README.exists():
        pytest.skip("there is no README yet")
    return README.read_text(encoding="utf-8")


@pytest.fixture
def beside_the_configs(tmp_path: Path) -> Path:
    """An empty directory in which the shipped files seem to lie."""
    for name in SHIPPED:
        if (ROOT / name).exists():
            (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.fixture
def beside_small_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with configs/ in which every project of 250 MW has 25."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    base = tmp_path / "configs" / "base.yaml"
    text = base.read_text()
    for shipped, small_one in (
        ("\n  capacity_mw: 250\n", "\n  capacity_mw: 25\n"),
        ("\n    count: 10\n", "\n    count: 2\n"),
    ):
        assert text.count(shipped) == 1
        text = text.replace(shipped, small_one)
    base.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_its_commands_work_in_small(readme: str, beside_small_ones: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for drawn in ("run_report.write_run", "compare_report.write_comparison"):
        monkeypatch.setattr(f"sim.report.html_report.{drawn}", lambda *_: None)
    shown = [tried for block in blocks(readme, "console") for one in commands(block) if (tried := as_tried(one))]
    simulated = [shlex.split(tried)[1:] for tried in shown if tried.startswith("sim ")]
    assert len(simulated) > 3
    for words in simulated:
        alone = ["--workers", "1"] if words[0] in ("run", "compare") else []
        done = CliRunner().invoke(main, [*words, *alone])
        assert done.exit_code == 0, f"$ sim {shlex.join(words)}\n{done.output}\n{done.exception!r}"


@pytest.mark.slow
def test_its_commands_run_in_order(readme: str, beside_the_configs: Path) -> None:
    shown = [command for block in blocks(readme, "console") for command in commands(block)]
    assert any(command.startswith("sim ") for command in shown)
    for command in shown:
        if tried := as_tried(command):
            done = _run(tried, beside_the_configs)
            assert done.returncode == 0, f"$ {command}\n(as: {tried})\n{done.stdout}{done.stderr}"


def test_its_python_runs(readme: str, beside_small_ones: Path) -> None:
    for block in blocks(readme, "python"):
        (beside_small_ones / "shown.py").write_text(re.sub(r"runs=[\d_]+", f"runs={FEW}", block))
        done = _run("python shown.py", beside_small_ones)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"


def test_its_two_commands_for_a_clone_exist(readme: str) -> None:
    shown = {command for block in blocks(readme, "console") for command in commands(block)}
    assert {"make run", "make test"} <= shown
    planned = _run(f"make --directory '{ROOT}' --dry-run run", ROOT).stdout
    assert "sim run configs/hybrid.yaml" in planned


def test_its_links_lead_somewhere(readme: str) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", readme)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_commands_are_read_as_people_type_them() -> None:
    block = "$ make run   # minutes\n2 halls\n$ sim compare a.yaml \\\n> b.yaml\n"
    assert list(commands(block)) == ["make run", "sim compare a.yaml b.yaml"]


def test_blocks_are_told_apart_by_language() -> None:
    text = "```console\n$ a\n```\n\n```python\nb\n```\n\n```console\n$ c\n```\n"
    assert blocks(text, "console") == ["$ a\n", "$ c\n"]


@pytest.mark.parametrize(
    ("shown", "tried"),
    [
        ("sim run a.yaml --runs 1000 --seed 2", "sim run a.yaml --runs 4 --seed 2"),
        ("sim run a.yaml", "sim run --runs 4 a.yaml"),
        ("sim baseline save a.yaml b.csv", "sim baseline save --runs 4 a.yaml b.csv"),
        ("sim run --help", "sim run --help"),
        ("sim check a.yaml", "sim check a.yaml"),
        ("git clone somewhere", None),
    ],
)
def test_a_command_is_tried_small(shown: str, tried: str | None) -> None:
    assert as_tried(shown) == tried
