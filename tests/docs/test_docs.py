"""The pages of docs/ do what they say: files they show are written, commands and snippets run, links lead somewhere.

Where a page speaks of the shipped 250 MW projects, the test lays the tiny one in their place, and runs few
replications; that the shown files also fit the shipped base is checked without running them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.cli.reference import pages_by_name
from sim.config import shipped as shipped_configs
from sim.config.load import load_as
from sim.config.study import Study
from sim.report.figures import style
from sim.report.html_report import compare_report as page_of_comparison
from sim.report.html_report import run_report as page_of_run
from sim.study.api import load
from tests.docs.test_readme import NOT_HERE, SIMULATES, blocks, commands
from tests.tiny_project import TINY

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([DOCS / "tutorial.md", *(DOCS / "how_to").glob("*.md")])
SLOW_PAGES = [
    pytest.param(page, marks=pytest.mark.slow, id=page.name)
    for page in PAGES
    if page.name not in {"tutorial.md", "monthly_update.md"}
]
MANY = ("sweep", "sensitivity", "tune")
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_reference_is_what_make_docs_writes() -> None:
    for name, text in pages_by_name(main).items():
        assert (DOCS / "reference" / name).read_text(encoding="utf-8") == text, f"run make docs: {name} has changed"


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with configs/ in which every project is the tiny one."""
    configs = tmp_path / "configs"
    configs.mkdir()
    tree = {**load(TINY).tree, "schema_version": 1}
    (configs / "base.yaml").write_text(json.dumps(tree))
    for name in ("hybrid", "stick_built", "modular"):
        (configs / f"{name}.yaml").write_text(f"extends: base.yaml\nschema_version: 1\nname: {name}\n")
    monkeypatch.chdir(tmp_path)
    # what is extended by its name is the tiny project too
    monkeypatch.setattr(shipped_configs, "shipped_folder", lambda: configs)
    # reports and pictures are the dear part of a small run; they have tests of their own
    monkeypatch.setattr(page_of_run, "write_run", lambda *_: None)
    monkeypatch.setattr(page_of_comparison, "write_comparison", lambda *_: None)
    monkeypatch.setattr(style, "save", lambda *_: [])
    return tmp_path


def shown(page: Path) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a page in order: language and text."""
    return ((found[1], found[2]) for found in FENCED.finditer(page.read_text(encoding="utf-8")))


def file_of(block: str) -> Path | None:
    """The file a block is to be written to: its first line is a comment with the name."""
    found = re.match(r"# (\S+\.yaml)\n", block)
    return Path(found[1]) if found else None


def small(command: str) -> list[str]:
    """The words of a command, on few replications and one process."""
    words = shlex.split(command)[1:]
    if SIMULATES.match(command) or words[0] in MANY:
        if "--runs" in words:
            words[words.index("--runs") + 1] = "2"
        else:
            words += ["--runs", "2"]
        words += ["--workers", "1"]
    if words[0] == "tune":
        words += ["--set", "tune.fresh_runs=2", "--set", "tune.trials=8"]
    return words


@pytest.mark.parametrize("page", [pytest.param(DOCS / "tutorial.md", id="tutorial.md"), *SLOW_PAGES])
def test_what_a_page_shows_works(page: Path, place: Path) -> None:
    for language, block in shown(page):
        if language == "yaml" and (file := file_of(block)):
            file.parent.mkdir(exist_ok=True)
            file.write_text(block)
        elif language == "console":
            for command in commands(block):
                if not command.startswith((*NOT_HERE, "make ")):
                    done = CliRunner().invoke(main, small(command))
                    assert done.exit_code == 0, f"$ {command}\n{done.output}\n{done.exception!r}"
        elif language == "python":
            code = re.sub(r"runs=[\d_]+", "runs=2", block)
            exec(compile(code, page.name, "exec"), {"__name__": "shown"})


def test_files_a_page_shows_fit_the_shipped_base(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_bytes((ROOT / "configs" / "base.yaml").read_bytes())
    found = [block for page in PAGES for block in blocks(page.read_text(encoding="utf-8"), "yaml")]
    projects = [block for block in found if "extends: " in block]
    assert len(projects) >= 5
    for block in found:
        file = tmp_path / "shown.yaml"
        file.write_text(block)
        if block in projects:
            load(file)
        else:
            load_as(Study, file)
