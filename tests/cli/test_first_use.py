"""What a new user met on the first day, row by row of the list they wrote: each of these failed on the program of then.

They use the commands and the public names of `sim` only, so that they also run on an earlier version of the program.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner

import sim
from sim.cli import main

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "configs" / "tiny.yaml"
HANGS = 300.0
"""Seconds after which a script that ends in five, or in a minute where it compiles, is taken for one that never does."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and no pictures, which take most of the time and have tests of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sim.report.figures.style.save", lambda *_: [])
    return tmp_path


def typed(*words: str, code: int | None = 0) -> str:
    """What a command prints; it ends with a code."""
    done = CliRunner().invoke(main, [*words])
    assert code is None or done.exit_code == code, f"{words}: {done.exit_code}\n{done.output}\n{done.exception!r}"
    return done.output


def ran(out: str, *more: str) -> str:
    """What `sim run` of the tiny project prints; its result is in a folder."""
    options = [option.name for option in main.commands["run"].params]
    figures = ["--figures", "none"] if "figures" in options else []
    return typed("run", str(TINY), "--runs", "3", "--workers", "1", "--out", out, *figures, *more)


def test_row_1_a_script_without_a_guard_runs_with_workers() -> None:
    script = f"import sim\nprint(sim.run(sim.load({str(TINY)!r}), runs=40, workers=2).sample.size)\n"
    process = subprocess.Popen(
        [sys.executable, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        printed, told = process.communicate(script, timeout=HANGS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        pytest.fail("it hangs")
    assert (process.returncode, printed.strip()) == (0, "40"), told


def test_row_2_a_shipped_project_is_extended_from_anywhere(place: Path) -> None:
    (place / "mine.yaml").write_text("extends: hybrid\nschema_version: 1\nname: mine\n")
    (place / "far").mkdir()
    (place / "far" / "yours.yaml").write_text(f"extends: {place / 'mine.yaml'}\nschema_version: 1\nname: yours\n")
    assert sim.load(place / "far" / "yours.yaml").value.scale.capacity_mw == 250
    typed("init", "west", "--mw", "120", "--place", "ohio", "--strategy", "hybrid", "--start", "2027-01-04")
    assert {"west.yaml", "study.yaml", "notebook.ipynb", "README.md"} <= {
        path.name for path in (place / "west").iterdir()
    }
    assert "stick_built" in typed("examples")


def test_row_3_no_page_installs_by_a_name_that_no_index_has() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        assert not re.findall(r"pip install [\"']?hybrid-dc-sim\b(?!-)", page.read_text()), page
    assert "\nwheel:" in (ROOT / "Makefile").read_text()


def test_row_4_a_base_says_that_it_is_one_and_a_name_is_the_label() -> None:
    assert "is a base" in typed("run", "base", "--runs", "2", code=2)
    Path("plain.yaml").write_text("extends: base\nschema_version: 1\nname: plain\n")
    assert sim.load(Path("plain.yaml")).value.label == "plain"


def test_row_5_what_is_looked_at_is_short_and_has_html(place: Path) -> None:
    config = sim.load(TINY)
    result = sim.run(config, runs=3, workers=1)
    compared = sim.compare([config, sim.load(TINY, ["name=other"])], runs=3, workers=1)
    swept = sim.sweep(config, {"logistics.cranes": [1, 2]}, runs=3, workers=1)
    for shown in (config, result, compared, swept):
        assert len(repr(shown)) < 300
        assert "<" in shown._repr_html_()
    assert "All MW online" in result.verdict()
    assert result.plot.finish().get_title(loc="left")
    assert result.report(place / "r.html").is_file()


def test_row_6_paths_and_dictionaries_are_taken_and_no_runs_are_told() -> None:
    assert sim.run(str(TINY), runs=2, workers=1).sample.size == 2
    assert sim.run({"extends": str(TINY), "schema_version": 1, "name": "d"}, runs=2, workers=1).sample.size == 2
    with pytest.raises(sim.SimError, match="runs"):
        sim.run(sim.load(TINY), runs=0, workers=1)


def test_row_7_results_are_compared_and_held_against_what_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for page in ("run_report.write_run", "compare_report.write_comparison"):
        with suppress(ImportError, AttributeError):
            monkeypatch.setattr(f"sim.report.html_report.{page}", lambda *_: None)
    ran("one")
    ran("two", "--set", "scale.preparation_days=12")
    assert "two" in typed("compare", "one", "two", "--out", "both") or Path("both/differences.csv").is_file()
    told = ran("three", "--set", "scale.preparation_days=12", "--against", str(TINY))
    assert "input scale.preparation_days.value: 10.0, now 12.0" in told


def test_row_8_shipped_projects_expect_something_and_who_expects_nothing_is_told_how_to() -> None:
    projects = [path for path in sorted((ROOT / "configs").glob("*.yaml")) if path.name != "base.yaml"]
    assert len(projects) >= 10
    assert [path.name for path in projects if not sim.load(path).value.expect] == []
    told = typed("verify", str(TINY), "--set", "expect=[]", "--runs", "2", code=None)
    assert "add lines such as" in told, told


def test_row_9_a_baseline_begins_with_p50_and_p80_in_whole_days() -> None:
    typed("baseline", "save", str(TINY), "b.json", "--runs", "8", "--workers", "1")
    later = ["--set", "scale.preparation_days=40"]
    told = typed("baseline", "check", str(TINY), "b.json", "--runs", "8", "--workers", "1", *later, code=1)
    first = "\n".join(told.splitlines()[:6])
    assert "P50" in first
    assert "P80" in first
    assert not re.search(r"\d\.\d{5}", told)


def test_row_10_a_tuning_that_finds_nothing_says_which_limit_to_relax_by_how_much() -> None:
    Path("t.yaml").write_text(
        f"schema_version: 1\nname: t\nquestion: q\nconfigs: [{TINY}]\nruns: 4\n"
        "inputs:\n  cranes: {paths: [logistics.cranes], values: [1, 2, 3]}\n"
        "tune:\n  metric: capital_total_usd\n  trials: 3\n  fresh_runs: 4\n"
        "  constraints: [{metric: lead_time_full_days, at_most: 2}]\n"
    )
    told = typed("tune", "t.yaml", "--workers", "1", code=None)
    assert "relax" in told.lower(), told
    assert re.search(r"\bby \d", told), told


def test_row_11_a_heat_map_has_intervals_and_says_what_runs_cannot_tell() -> None:
    inputs = {"logistics.cranes": [1, 2], "logistics.fleets.compute.trucks": [1, 2]}
    swept = sim.sweep(sim.load(TINY), inputs, runs=4, workers=1)
    names = [*swept.points.columns]
    row, column = (next(name for name in names if word in name) for word in ("cranes", "trucks"))
    axes = sim.plot.heat_map(swept, "lead_time_full_days", row, column)
    assert axes.child_axes, "no colour bar"
    assert "cannot tell" in swept._repr_html_()


def test_row_12_one_page_explains_days_at_p80_against_variance_and_tables_say_which_they_are() -> None:
    page = (ROOT / "docs" / "explanation" / "why_this_date.md").read_text()
    assert "## Days at P80, or a share of the variance" in page
    told = typed("drivers", str(TINY), "--runs", "4", "--workers", "1")
    assert "What is saved when a cause is switched off" in told
    assert "P80, days" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("logistics: {cranes: 2.5}", "2.5 given, a whole number"),
        ("scale: {capacity_mw: 1,000}", "a comma ends a value here"),
        ("labour: {trades: {electrician: {crew_size: 3}}}", "did you mean electricians"),
        ("scale: {capacity_mw: 2.5}\nlabour: {indirect_ratio: 25}", "0.25"),
        ("labour: {indirect_ratio: 101}", "101 given"),
        ("calendars: {site: {days: []}}", "a list of 0 given, at least 1"),
        ("logistics: {fleets: {compute: {distance_miles: 30 furlongs}}}", "a number in miles"),
    ],
)
def test_row_13_a_message_says_what_is_given_and_what_is_expected(text: str, said: str) -> None:
    # beside a copy of the base, which could be extended from the beginning
    copytree(ROOT / "configs", "shipped", ignore=lambda folder, _: ["cases"] if Path(folder).name == "configs" else [])
    Path("shipped/wrong.yaml").write_text(f"extends: base.yaml\nschema_version: 1\nname: wrong\n{text}\n")
    told = " ".join(typed("check", "shipped/wrong.yaml", code=None).split())
    assert said in told, told


def test_row_13_one_block_is_one_block() -> None:
    assert "1 blocks" not in typed("check", str(TINY), "--set", "scale.capacity_mw=2.5")


def test_row_14_a_missing_numba_is_told_once() -> None:
    """Designs, fresh random numbers and workers each choose an engine: the sentence stood three times."""
    Path("t.yaml").write_text(
        f"schema_version: 1\nname: t\nquestion: q\nconfigs: [{TINY}]\nruns: 2\n"
        "inputs:\n  cranes: {paths: [logistics.cranes], values: [1, 2]}\n"
        "tune: {metric: capital_total_usd, trials: 2, fresh_runs: 2}\n"
    )
    # no process has numba: each worker said so once more
    Path("sitecustomize.py").write_text("import sys\nsys.modules['numba'] = None\n")
    words = [sys.executable, "-c", "from sim.cli import main; main()", "tune", "t.yaml", "--workers", "2"]
    environment = {**os.environ, "PYTHONPATH": f"{Path.cwd()}{os.pathsep}{ROOT}"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("numba is not installed") == 1, done.stderr


def test_row_15_the_workbook_has_curves_and_amounts_without_nine_decimals() -> None:
    openpyxl = pytest.importorskip("openpyxl")
    ran("r")
    typed("export", "r", "--to", "excel", "--out", "r.xlsx", "--looked-at", "3")
    book = openpyxl.load_workbook("r.xlsx")
    heads = [str(cell.value) for cell in book["Curves"][1]]
    assert {"date", "online MW P50"} <= {*heads}
    assert any("headcount" in head for head in heads)
    assert any("cash flow" in head for head in heads)
    assert not [head for head in heads if "_" in head]
    amounts = [cell for row in book["Curves"].iter_rows(min_row=2) for cell in row if isinstance(cell.value, float)]
    assert amounts
    assert {cell.number_format for cell in amounts} == {"#,##0.0"}


@pytest.mark.parametrize("show", ["check", "report"])
def test_row_16_no_id_and_no_private_word_is_on_screen(show: str) -> None:
    shown: dict[str, Callable[[], str]] = {
        "check": lambda: typed("check", str(TINY)),
        "report": lambda: ran("r") + Path("r/report.html").read_text(),
    }
    text = shown[show]()
    assert re.findall(r"\b[pbht]\d+(?:\.\w+)*: |\bplayed\b|the same luck|order placed later on purpose", text) == []


def test_a_small_new_project_has_no_more_power_or_hall_than_it_has_blocks_for() -> None:
    for name, mw in (("small", "3.7"), ("large", "120")):
        typed("init", name, "--mw", mw, "--place", "ohio", "--start", "2027-03-01")
    small, large = (Path(name, f"{name}.yaml").read_text() for name in ("small", "large"))
    assert "units: {mw: 5, count: 2}" in small  # two blocks of 2.5 MW, and as much that stands by
    assert "hall: {blocks: 2}" in small
    assert "units: {count: 5}" in large
    assert "hall:" not in large


@pytest.mark.parametrize("mw", ["2.5", "7.5", "10", "25", "251", "600"])
@pytest.mark.parametrize("strategy", ["hybrid", "stick_built"])
def test_a_new_project_of_any_size_is_sound(mw: str, strategy: str) -> None:
    assert "written to west" in typed("init", "west", "--mw", mw, "--place", "ohio", "--strategy", strategy)


def test_who_names_the_file_of_a_new_project_gets_its_folder(place: Path) -> None:
    assert "sim run mine/mine.yaml" in typed("init", "mine.yaml", "--mw", "20")
    assert sorted(path.name for path in place.iterdir()) == ["mine"]


def test_a_new_campus_has_calendars_and_capital_for_all_its_phases() -> None:
    """Was: eight phases in the seven years of one, so that 15 of 20 runs stalled."""
    for name, mw in (("gw2", "2000"), ("one", "250"), ("gw20", "20000")):
        typed("init", name, "--mw", mw, "--place", "ohio")
    scales = {name: sim.load(f"{name}/{name}.yaml").value for name in ("gw2", "one", "gw20")}
    base = sim.load("hybrid").value
    assert scales["gw2"].scale.horizon_days == base.scale.horizon_days + 7 * 365
    assert scales["gw2"].money.horizon_days == base.money.horizon_days + 7 * 365
    assert scales["one"].scale.horizon_days == base.scale.horizon_days
    assert scales["gw20"].scale.horizon_days == 14_600  # the most that is allowed


def test_what_init_cannot_take_is_told_by_its_option() -> None:
    """Was: exit code 1 for a folder that is there, and a `dictionary` that nobody wrote for a day of 1900."""
    typed("init", "again", "--mw", "25")
    assert "NAME: again is there already" in typed("init", "again", "--mw", "25", code=2)
    told = typed("init", "old", "--start", "1900-01-01", code=2)
    assert "--start" in told
    assert "dictionary" not in told
