from __future__ import annotations

from pathlib import Path

import pandas as pd
from click.testing import CliRunner

from sim.cli import main
from tests.tiny_project import TINY


def test_a_study_file_becomes_tables_and_figures(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        f"schema_version: 1\nname: power\nquestion: How late may the power be?\nconfigs: [{TINY.as_posix()}]\n"
        "inputs: {week: {paths: [energization.units.first_week], values: [3, 4]}}\nmetrics: [lead_time_full_days]\n"
    )
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["sweep", str(file), "--runs", "2", "--workers", "1", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "How late may the power be?" in done.output
    assert len(pd.read_csv(out / "runs.csv")) == 4
    assert (out / "figures" / "lead_time_full_days.png").exists()


def test_a_study_that_is_wrong_ends_with_code_2(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["sweep", str(tmp_path / "none.yaml")])
    assert done.exit_code == 2
    assert "there is no such file" in done.output
