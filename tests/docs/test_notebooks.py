"""Notebooks run from top to bottom, on the tiny project and two runs; their two forms say the same, without outputs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import sim
from tests.tiny_project import TINY

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SLOW = [pytest.param(path, marks=pytest.mark.slow, id=path.stem) for path in NOTEBOOKS[1:]]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tiny project, two runs, one core: a kernel inherits all of these."""
    monkeypatch.setenv("SIM_NOTEBOOK_CONFIG", str(TINY))
    monkeypatch.setenv("SIM_NOTEBOOK_RUNS", "2")
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", [pytest.param(NOTEBOOKS[0], id=NOTEBOOKS[0].stem), *SLOW])
def test_it_runs_from_top_to_bottom(path: Path, small: None) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(FOLDER)}}).execute()
    shown = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
    assert len(shown) >= 2


@pytest.mark.filterwarnings("ignore")
def test_a_run_with_workers_shows_a_bar_in_its_cell_that_goes_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient: Any = pytest.importorskip("nbclient")
    nbformat: Any = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))

    class Watched(nbclient.NotebookClient):  # type: ignore[misc]  # it has no types
        """A kernel whose updates of what is displayed are kept."""

        bars: ClassVar[list[str]] = []

        def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
            if msg["msg_type"] == "update_display_data":
                self.bars.append(msg["content"]["data"]["text/html"])
            return super().process_message(msg, cell, cell_index)

    run = f"import sim\nresult = sim.run({str(TINY)!r}, runs=40, workers=2, engine='simpy')\nresult.sample.size"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(run)])
    Watched(notebook, timeout=300, resources={"metadata": {"path": str(FOLDER)}}).execute()
    assert any("tiny: 40 of 40" in bar and "<progress" in bar for bar in Watched.bars)
    assert Watched.bars[-1] == ""
    assert notebook.cells[0].outputs[-1]["data"]["text/plain"] == "40"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals of one's own here")
def test_a_script_shows_a_bar_on_a_terminal_and_none_into_a_file(tmp_path: Path) -> None:
    script = f"""
import os, sim
print(sim.run({str(TINY)!r}, runs=40, workers=2, engine="simpy").sample.size)
os.dup2(os.open({str(tmp_path / "log")!r}, os.O_WRONLY | os.O_CREAT), 2)
print(sim.run({str(TINY)!r}, runs=41, workers=2, engine="simpy").sample.size)
"""
    ours, theirs = os.openpty()
    where = {**os.environ, "PYTHONPATH": str(FOLDER.parent), "TERM": "xterm", "COLUMNS": "100"}
    with os.fdopen(ours, "rb", buffering=0) as screen:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=theirs, env=where, timeout=300, check=False
        )
        assert (done.returncode, done.stdout.split()) == (0, [b"40", b"41"])
        os.set_blocking(ours, False)
        shown = screen.read() or b""
        assert b"40/40" in shown
        assert b"41/41" not in shown
        assert "41/41" not in (tmp_path / "log").read_text()
    os.close(theirs)


def test_there_are_eight() -> None:
    assert len(NOTEBOOKS) == 8
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == [path.stem for path in NOTEBOOKS]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_both_forms_say_the_same_and_carry_no_output(path: Path) -> None:
    jupytext = pytest.importorskip("jupytext")
    notebook, script = jupytext.read(path), jupytext.read(path.with_suffix(".py"))
    assert [(c.cell_type, c.source) for c in notebook.cells] == [(c.cell_type, c.source) for c in script.cells]
    assert not [cell for cell in notebook.cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]


def test_they_use_the_public_names_and_define_nothing_of_the_model() -> None:
    for path in FOLDER.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not [line for line in text.splitlines() if line.startswith(("def ", "class "))], path.name
        assert not re.findall(r"\bfrom sim\b|\bimport sim\.", text), path.name
        assert {*re.findall(r"\bsim\.(\w+)", text)} <= {*dir(sim)}, path.name
