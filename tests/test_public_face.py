"""`import sim` shows the public names and nothing else, and each of them has an example that runs."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from matplotlib.figure import Figure

import sim
from sim.cli.reference import PYTHON, gallery_text
from tests.tiny_project import TINY

NAMES = [name for name in sim.__all__ if name != "plot"]
OPTIONAL = {"tune": "optuna", "pareto": "optuna"}


def test_dir_shows_the_public_names_and_nothing_else() -> None:
    assert dir(sim) == sorted(sim.__all__)
    assert {"load", "run", "compare", "sweep", "sensitivity", "tune", "drivers", "check", "plot"} <= {*dir(sim)}
    assert isinstance(sim.plot, ModuleType)
    with pytest.raises(AttributeError, match="it has"):
        _ = sim.tomorrow


def test_dir_of_plot_shows_the_figures_and_nothing_else() -> None:
    assert dir(sim.plot) == sorted(sim.plot.__all__)
    for name in dir(sim.plot):
        axes = inspect.signature(getattr(sim.plot, name)).parameters["ax"]
        assert axes.default is None


def test_an_extra_that_is_named_anywhere_is_one_there_is() -> None:
    """Was: a skipped test told its reader to install an extra `p6`, which there is not."""
    root = Path(__file__).parents[1]
    places = [root / "Makefile", root / "README.md"]
    places += [path for folder in ("sim", "tests", "docs") for path in (root / folder).rglob("*.*")]
    texts = [path.read_text(encoding="utf-8") for path in places if path.suffix in {"", ".md", ".py"}]
    extra = re.compile(r"""(?:hybrid-dc-sim|[ "']\.)\[([a-z0-9]+(?:,[a-z0-9]+)*)\]""")
    named = {name for text in texts for names in extra.findall(text) for name in names.split(",")}
    there_are = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {"dev", "fast", "film"} <= named <= set(there_are)


def test_the_reference_has_every_public_name() -> None:
    assert sorted(name for _, names in PYTHON for name in names) == sorted(NAMES)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with configs/ in which every project is the tiny one."""
    place = tmp_path_factory.mktemp("examples")
    (place / "configs").mkdir()
    tree = {**sim.load(TINY).tree, "schema_version": 1}
    for name in ("hybrid", "modular"):
        (place / "configs" / f"{name}.yaml").write_text(json.dumps({**tree, "name": name}))
    (place / "configs" / "status").mkdir()
    (place / "configs" / "status" / "hybrid_december.csv").write_text("kind,what,date\ndata_date,,2026-01-10\n")
    return place


@pytest.fixture(scope="module")
def result(place: Path) -> sim.Result:
    return sim.run(sim.load(place / "configs" / "hybrid.yaml"), runs=4, workers=1)


def examples(thing: Any) -> list[str]:
    """The statements of a docstring's example."""
    return [example.source for example in doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "")]


def small(source: str) -> str:
    """An example on few replications and one process."""
    source = re.sub(r"runs=\d+", "runs=2, workers=1", source)
    return source.replace("workers=1", "workers=1, fresh_runs=2") if "sim.tune(" in source else source


@pytest.mark.parametrize("name", [*NAMES, "plot", *(f"plot.{name}" for name in sim.plot.__all__)])
def test_its_example_runs(name: str, place: Path, result: sim.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(OPTIONAL.get(name.rpartition(".")[2], "sim"))
    monkeypatch.chdir(place)
    thing: Any = sim
    for part in name.split("."):
        thing = getattr(thing, part)
    sources = examples(thing)
    assert sources
    names = {"sim": sim, "result": result}
    for source in sources:
        exec(compile(small(source), name, "single"), names)  # "single": an expression is shown


def test_a_figure_that_cannot_be_drawn_says_why(place: Path, result: sim.Result) -> None:
    with pytest.raises(sim.SimError, match="no drivers"):
        sim.plot.tornado(result)
    found = sim.compare(
        [sim.load(place / "configs" / f"{name}.yaml") for name in ("hybrid", "modular")], runs=2, workers=1
    )
    with pytest.raises(sim.SimError, match="given, expected: a case beside the base 'hybrid': modular"):
        sim.plot.paired_difference(found, "hybrid")


def test_a_figure_is_drawn_on_axes_that_are_given(result: sim.Result) -> None:
    own = Figure().add_subplot()
    assert sim.plot.headcount(result, own) is own


def test_the_gallery_shows_every_figure() -> None:
    page = Path("docs/reference/gallery.md").read_text(encoding="utf-8")
    for name in sim.plot.__all__:
        assert f"![sim.plot.{name}](../img/gallery/{name}.png)" in page, f"run make gallery: {name} is missing"
        assert Path(f"docs/img/gallery/{name}.png").stat().st_size > 5_000


def test_the_gallery_answers_a_question_a_figure_in_five_lines_that_run_alone() -> None:
    """What stands under a picture needs nothing but sim: it begins with the import and saves the picture."""
    page = Path("docs/reference/gallery.md").read_text(encoding="utf-8")
    assert page == gallery_text(sim.plot.__all__, "../img/gallery"), "make gallery"
    blocks = re.findall(r"## ([^\n]+)\n.*?```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == len(sim.plot.__all__)
    for question, code in blocks:
        lines = [line for line in code.splitlines() if line]
        assert question.endswith("?")
        assert 3 <= len(lines) <= 5
        assert lines[0] == "import sim"
        assert "sim.plot." in code
        assert "savefig" in lines[-1]
        compile(code, question, "exec")
