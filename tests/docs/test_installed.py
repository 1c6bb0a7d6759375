"""The program as others have it: a wheel in an environment of its own, in an empty folder, far from the clone.

What it depends on is taken from the environment of the tests, so that nothing is fetched.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.docs.test_docs import MANY, PAGES, file_of, shown
from tests.docs.test_readme import NOT_HERE, SIMULATES, commands

pytest.importorskip("hatchling")
ROOT = Path(__file__).parents[2]
RUNS = "20"
FEW = "2"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this tree."""
    place = tmp_path_factory.mktemp("dist")
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(place)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return next(place.glob("*.whl"))


def told(words: list[str], folder: Path, **more: str) -> str:
    """What a command prints, run in a folder, without anything of the clone; it must succeed."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SIM_", "VIRTUAL"))}
    done = subprocess.run(words, cwd=folder, env=kept | more, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"$ {' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_an_unpacked_wheel_finds_what_is_shipped(wheel: Path, tmp_path: Path) -> None:
    target, folder = tmp_path / "target", tmp_path / "own"
    folder.mkdir()
    ZipFile(wheel).extractall(target)
    sim = [sys.executable, "-c", "from sim.cli import main; main()"]
    own = {"PYTHONPATH": str(target)}
    where = told([sys.executable, "-c", "import sim; print(sim.__file__)"], folder, **own)
    assert Path(where.strip()).is_relative_to(target)
    assert "stick_built" in told([*sim, "examples"], folder, **own)
    told([*sim, "init", "west", "--mw", "120", "--place", "ohio"], folder, **own)
    load = "import sim; c = sim.load('west/west.yaml'); print(c.value.scale.capacity_mw, *(f.name for f in c.files))"
    assert "weather: {kind: ohio}" in (folder / "west" / "west.yaml").read_text()
    assert told([sys.executable, "-c", load], folder, **own).split() == [
        "120.0",
        "west.yaml",
        "hybrid.yaml",
        "base.yaml",
    ]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel in it, and the dependencies of this one; returns its folder of programs."""
    place = tmp_path_factory.mktemp("new")
    venv.create(place, with_pip=True)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    libraries = Path(
        told([str(programs / "python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], place).strip()
    )
    # a folder that is named in a .pth has no .pth read in it: the editable install stays out
    (libraries / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    told([str(programs / "python"), "-m", "pip", "-q", "install", "--no-deps", "--no-index", str(wheel)], place)
    return programs


@pytest.mark.slow
def test_from_an_empty_folder_to_a_report(installed: Path, tmp_path: Path) -> None:
    sim, python = str(installed / "sim"), str(installed / "python")
    told([sim, "init", "west", "--mw", "120", "--place", "ohio"], tmp_path)
    verdict = told([sim, "run", "west/west.yaml", "--runs", RUNS, "--workers", "2"], tmp_path)
    assert "All MW online" in verdict
    assert (tmp_path / "out" / "west" / "report.html").is_file()
    script = tmp_path / "west" / "analysis.py"
    script.write_text(re.sub(r"runs=\d+", f"runs={RUNS}", script.read_text()))
    assert "All MW online" in told([python, "west/analysis.py"], tmp_path)
    assert {"finish.png", "report.html"} <= {path.name for path in (tmp_path / "west").iterdir()}
    assert "P(finish by 2029-01-01) = " in told([sim, "ask", "out/west", "finish by 2029-01-01"], tmp_path)


@pytest.mark.slow
def test_the_notebook_of_a_new_project_runs_in_a_kernel_with_workers(installed: Path, tmp_path: Path) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    told([str(installed / "sim"), "init", "west", "--mw", "30", "--place", "ohio"], tmp_path)
    notebook = nbformat.read(tmp_path / "west" / "notebook.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = re.sub(r"runs=\d+", "runs=8, workers=2", cell.source)
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path / "west")}})
    client.execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    html = [output["data"]["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert len(html) >= 3  # the configuration, the result, the comparison
    assert any("data:image/png" in page for page in html)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_done_from_an_empty_folder(page: Path, installed: Path, tmp_path: Path) -> None:
    done = 0
    for language, block in shown(page):
        if language == "yaml" and (file := file_of(block)):
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(block)
        elif language == "console":
            for command in commands(block):
                if not command.startswith((*NOT_HERE, "make ")):
                    told([str(installed / "sim"), *few(command)], tmp_path)
                    done += 1
        elif language == "python":
            told([str(installed / "python"), "-c", re.sub(r"runs=[\d_]+", f"runs={FEW}", block)], tmp_path)
    assert done


def few(command: str) -> list[str]:
    """The words of a command on few runs, without pictures; what is verified has as many as the page says."""
    words = shlex.split(command)[1:]
    if SIMULATES.match(command) or words[0] in (*MANY, "forecast"):
        if "--runs" in words:
            words[words.index("--runs") + 1] = FEW
        else:
            words += ["--runs", FEW]
        words += ["--workers", "1"]
    if words[0] in ("run", "compare"):
        words += ["--figures", "none"]
    if words[0] == "forecast":
        words += ["--moves", FEW]
    if words[0] == "tune":
        words += ["--set", "tune.fresh_runs=2", "--set", "tune.trials=8"]
    return words
