"""Text from a configuration stays text: in pictures, pages and spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.errors import SimError
from sim.study.api import compare_results
from sim.study.result import Result
from sim.study.storage.results import csv_bytes
from tests.faults.conftest import Observed
from tests.tiny_project import TINY, tiny

pytestmark = pytest.mark.faults
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\"'><svg onload=window.hacked=1>"
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "a\r=1", "\N{MINUS SIGN}1")


class Scripts(HTMLParser):
    """Counts what could run in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += tag == "script" or any(name.startswith("on") for name, _ in attrs)


def written(label: str, place: Path) -> Path:
    """All that a run and a comparison write, the labels being this."""
    from sim.report.html_report.compare_report import write_comparison
    from sim.report.html_report.run_report import write_run

    results = {}
    for name in ("one", "two"):
        project = tiny().model_copy(update={"name": name, "label": label})
        results[name] = sim.run(project, runs=4, workers=1, out=place / name, extras=write_run)
    write_comparison(results, compare_results(results).table(), place)
    return place


@pytest.mark.slow
def test_a_label_cannot_run_in_a_picture_or_a_page(tmp_path: Path, observed: Observed) -> None:
    (tmp_path / "hostile").mkdir()
    (tmp_path / "plain").mkdir()
    hostile, plain = written(HOSTILE, tmp_path / "hostile"), written("a label", tmp_path / "plain")
    pictures = sorted(hostile.rglob("*.svg"))
    assert pictures
    for picture in pictures:
        names = {element.tag.rpartition("}")[2] for element in ElementTree.parse(picture).iter()}
        assert not names & {"script", "foreignObject", "iframe"}
    pages = sorted(path.relative_to(hostile) for path in hostile.rglob("*.html"))
    assert [page.as_posix() for page in pages] == ["one/report.html", "report.html", "two/report.html"]
    for page in pages:
        text = (hostile / page).read_text(encoding="utf-8")
        assert HOSTILE not in text
        assert "default-src 'none'" in text
        found, usual = (Scripts((place / page).read_text(encoding="utf-8")).found for place in (hostile, plain))
        assert found == usual
    opened = opened_in_a_browser([*pictures, *(hostile / page for page in pages)])
    observed(f"{len(pictures)} pictures and {len(pages)} pages without a foreign script; {opened}")


def opened_in_a_browser(paths: list[Path]) -> str:
    """Open files in Chromium; nothing of theirs may have run."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "no browser here"
    if browser is None:
        return "no browser here"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        page = chromium.new_page()
        for path in paths:
            page.goto(path.as_uri())
            page.wait_for_timeout(100)
            assert page.evaluate("window.hacked") is None, path
        chromium.close()
    return f"{len(paths)} opened in Chromium, nothing ran"


def test_no_text_of_a_table_begins_a_formula(observed: Observed) -> None:
    table = pd.DataFrame({"name": [*FORMULAS, "hybrid"], "days": [-1.5] * (len(FORMULAS) + 1), "=x": 0})
    rows = list(csv.reader(io.StringIO(csv_bytes(table).decode(), newline="")))
    texts = [row[0] for row in rows[1:]]
    assert texts == [("a =1" if text == "a\r=1" else f"'{text}").replace("\r", " ") for text in FORMULAS] + ["hybrid"]
    assert rows[0][2] == "'=x"
    assert {row[1] for row in rows[1:]} == {"-1.5"}
    observed(f"{len(FORMULAS)} formulas stand behind an apostrophe; numbers stay numbers")


def test_differences_are_written_without_formulas(tmp_path: Path, observed: Observed) -> None:
    twins = [tiny().model_copy(update={"name": name}) for name in ("-1", "base")]
    compared = sim.compare(list(reversed(twins)), runs=4, workers=1)
    compared.write(tmp_path / "differences.csv")
    cells = [row["case"] for row in csv.DictReader(io.StringIO((tmp_path / "differences.csv").read_text()))]
    assert set(cells) == {"'-1"}
    observed("a strategy called -1 stands in differences.csv as '-1")


def test_a_pickle_in_the_place_of_a_result_is_not_opened(tmp_path: Path, observed: Observed) -> None:
    """A canary: reading it with pickle would make a file."""
    import pickle

    canary = tmp_path / "canary"

    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {canary}",)

    data = pickle.dumps(Payload())
    out = tmp_path / "tiny"
    sim.run(tiny(), runs=2, workers=1, out=out)
    for name in ("manifest.json", "runs.parquet", "curves.parquet", "events.parquet", "summary.json"):
        sound = (out / name).read_bytes()
        (out / name).write_bytes(data)
        with pytest.raises(SimError, match=re.escape(name)):
            Result.load(out)
        (out / name).write_bytes(sound)
    assert not canary.exists()
    observed("five files replaced by a pickle: each refused by name, the canary file does not exist")


MARKUP = "x [/nope] [red]y[/red] [link=https://example.org]z[/link] :smile: $a$ <b>"


def test_user_text_is_never_markup_on_the_console(tmp_path: Path) -> None:
    label = ["--set", f"label={json.dumps(MARKUP)}"]
    checked = CliRunner().invoke(main, ["check", str(TINY), *label])
    assert MARKUP in checked.output
    words = ["--runs", "2", "--workers", "0", "--engine", "simpy", "--out", str(tmp_path / "out")]
    for done in (checked, CliRunner().invoke(main, ["run", str(TINY), *label, *words])):
        assert done.exit_code == 0, done.output
        assert "\x1b" not in done.output


def test_a_driver_named_in_markup_is_named_so(tmp_path: Path) -> None:
    driver = {
        "id": "rain",
        "name": MARKUP,
        "on": ["permits"],
        "inherent": {"probability": 0.5, "factor": 2},
        "source": "x",
    }
    where = tmp_path / "out"
    words = ["drivers", str(TINY), "--set", f"risks.drivers=[{json.dumps(driver)}]", "--runs", "2", "--workers", "0"]
    done = CliRunner().invoke(main, [*words, "--engine", "simpy", "--out", str(where)])
    assert done.exit_code == 0, done.output
    assert "[/nope]" in done.output


@pytest.mark.parametrize("letter", ["\x1b[31m", "\x07", "\r", "\x9b", "\u202e"])
def test_control_characters_are_shown_and_not_sent(letter: str) -> None:
    done = CliRunner().invoke(main, ["check", str(TINY), "--set", f"label={json.dumps(letter)}"])
    assert done.exit_code == 2
    assert letter not in done.output
    assert ascii(letter)[1:4] in done.output
    done = CliRunner().invoke(main, ["check", f"{letter}.yaml"])
    assert done.exit_code == 2
    assert letter not in done.output
