"""Every experiment with a study can be run as its question says: its files are there, its points are configurations."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from sim.study.analyses.design import read_study, settings_of

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "experiments").glob("*/study.yaml"))


def test_there_are_the_eight_questions() -> None:
    assert len(STUDIES) >= 8


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.parent.name)
def test_its_points_are_configurations(file: Path) -> None:
    design = read_study(file)
    settings = settings_of(design.study)
    assert design.study.name == file.parent.name
    assert len({tuple(chosen.items()) for chosen in settings}) == len(settings)
    for base in range(len(design.bases)):
        for chosen in (settings[0], settings[-1]):
            point = design.point(base, chosen)
            assert design.config(point).value.name == design.bases[base].value.name


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.parent.name)
def test_its_question_says_how_to_run_it(file: Path) -> None:
    text = (file.parent / "question.md").read_text(encoding="utf-8")
    shown = re.search(r"\$ sim \w+ (\S+)", text)
    assert shown is not None
    assert ROOT / shown[1] == file


ANSWERED = [file for file in STUDIES if (file.parent / "results" / "summary.csv").exists()]
QUOTED = ("lead_time_full_days", "lead_time_first_mw_days", "peak_workforce_onsite")


@pytest.mark.parametrize("file", ANSWERED, ids=lambda file: file.parent.name)
def test_dates_and_peaks_in_its_table_are_those_of_its_results(file: Path) -> None:
    """A P50 beside its P80, "day 732 / 861", is a row of results/summary.csv."""
    summary = pd.read_csv(file.parent / "results" / "summary.csv")
    rows = summary[summary["metric"].isin(QUOTED)]
    known = {f"{p50:,.0f} / {p80:,.0f}" for p50, p80 in zip(rows["p50"], rows["p80"], strict=True)}
    text = (file.parent / "question.md").read_text(encoding="utf-8")
    table = "".join(line for line in text.splitlines(keepends=True) if line.startswith("|"))
    quoted = re.findall(r"[\d,]+ / [\d,]+", table)
    assert set(quoted) <= known, sorted(set(quoted) - known)
    assert quoted or "P50 / P80" not in table


SCRIPTS = [
    file for file in sorted((ROOT / "experiments").glob("*/*.py")) if "__main__" in file.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_script_finds_the_names_it_uses(file: Path) -> None:
    """A name of ours that has moved is noticed before the next run, also where only a function uses it."""
    loaded = runpy.run_path(str(file), run_name="loaded")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = loaded.get(node.value.id)
            assert not isinstance(owner, ModuleType) or hasattr(owner, node.attr), f"{node.value.id}.{node.attr}"
