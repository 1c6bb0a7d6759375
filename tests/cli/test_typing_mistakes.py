"""What people type wrong, each answered in one line that says what was meant or how to write it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main
from tests.tiny_project import TINY


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(*words: str) -> str:
    """What a command says that takes nothing of it."""
    done = CliRunner().invoke(main, [*words])
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    return done.output


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("scale: {capacity_mw: 120,5}", "scale.5: is not a known key (a comma ends a value here: write capacity_mw: 120.5)"),
        ("scale: {capacity_mw: 1,200}", "(a comma ends a value here: write capacity_mw: 1200)"),
        ("scale: {start_date: 5.1.2027}", "expected (write 2027-01-05)"),
        ("scale: {start_date: 01/05/2027}", "expected (write 2027-01-05 or 2027-05-01)"),
        ("scale: {start_date: 13/05/2027}", "expected (write 2027-05-13)"),
        ("scale: {start_date: 30 June 2027}", "expected (write 2027-06-30)"),
        ("scale: {start_date: June 2027}", "a day of the calendar like 2026-11-23 expected"),
        ("display: {currency: eur, per_usd: 0.92}", '"eur" given, three capital letters such as EUR expected'),
        ("calendars: {site: {holidays: {country: USA}}}", '"USA" given, two capital letters such as US expected'),
        ("milestones: [{name: a, mw: 500, date: 2027-06-30}]", "500 given, at most 250 MW (all that is built) expected"),
        ('expect: ["lead_time_full_day.p80 <= 700"]', "this project expected (did you mean lead_time_full_days?)"),
        ("labour: {limit: fourhundred}", "a whole number from 1 to 100000 people expected"),
    ],
)  # fmt: skip
def test_in_a_file(written: str, said: str, place: Path) -> None:
    (place / "m.yaml").write_text(f"extends: hybrid\nschema_version: 1\nname: m\n{written}\n")
    told = refused("check", "m.yaml")
    assert told.startswith("m.yaml:4: ")
    assert said in told
    assert "^[" not in told  # a planner reads no regular expression


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "hybird"), "hybird: there is no such file (did you mean the shipped project hybrid?)"),
        (("run", "configs/hybrid.yaml"), "there is no such file (a shipped project goes by its name: hybrid)"),
        (("run", "west"), "west: is a folder, not a file (did you mean west/west.yaml?)"),
        (("run", "done"), "done: is the folder of a result, not a configuration (sim ask done, sim report done)"),
        (("run", "empty"), "empty: is a folder, not a file"),
        (("run", "study.yaml"), "study.yaml: is a study, not a project: sim sweep study.yaml runs it"),
        (("sweep", "west/west.yaml"), "west/west.yaml: is a project, not a study: sim run west/west.yaml runs it"),
        (("run", str(TINY), "--set", "cranes=4"), "there is no such key (did you mean logistics.cranes?)"),
        (("run", str(TINY), "--set", "labour.limit=450,5"), "expected (write 450)"),
        (("run", str(TINY), "--set", "labour.limit=1,450"), "expected (write 1450)"),
        (("run", str(TINY), "--runs", "1,000"), "1,000 given, a whole number from 1 to 1,000,000 expected (write 1000)"),
        (("run", str(TINY), "--runs", "0"), "0 given, a whole number from 1 to 1,000,000 expected"),
        (("run", str(TINY), "--runs", "ten"), "ten given, a whole number from 1 to 1,000,000 expected"),
        (("init", "x", "--mw", "120MW"), "120MW given, a number from 0.1 to 20,000 expected (write 120)"),
        (("init", "con", "--mw", "5"), 'Invalid value for NAME: "con": expected: another name'),
        (("run", "hybrid", "--without", "foo"), '--without: "foo" given, the id of a driver expected (known here: ground, '),
        (("check", "hybrid", "--without", "grond"), "(did you mean ground?)"),
        (("run", "hybrid", "--set", "risks.without=[foo]"), '--set risks.without: risks.without.0: "foo" given'),
        (("compare", str(TINY)), "a comparison needs a base and another case; there is only tiny"),
    ],
)  # fmt: skip
def test_on_the_command_line(words: tuple[str, ...], said: str, place: Path) -> None:
    for folder in ("west", "done", "empty"):
        (place / folder).mkdir()
    (place / "west" / "west.yaml").write_text(f"extends: {TINY}\nschema_version: 1\nname: west\n")
    (place / "done" / "manifest.json").write_text("{}")
    (place / "study.yaml").write_text(
        f"schema_version: 1\nname: s\nquestion: q\nconfigs: [{TINY}]\n"
        "inputs:\n  c: {paths: [logistics.cranes], values: [1]}\n"
    )
    extra = ["--runs", "2"] if words[0] == "compare" else []
    assert said in " ".join(refused(*words, *extra).split())
