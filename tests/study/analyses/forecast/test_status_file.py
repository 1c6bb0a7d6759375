"""The file of a status: what is read is what was written, in every format, and no row or cell of it is dropped silently."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from openpyxl import Workbook

from sim.cli import main
from sim.errors import ConfigError
from sim.study.analyses.forecast.sheet.status_sheet import status_sheet
from sim.study.analyses.forecast.status import read_status
from sim.study.analyses.forecast.status_file import csv_bytes, status_bytes
from tests.study.analyses.forecast.test_forecast import START, as_of, steps

DAY = as_of(0.5).isoformat()
ROWS: list[dict[str, object]] = [
    {"kind": "data_date", "date": DAY},
    {"kind": "logic", "what": "progress_override"},
    {"kind": "count", "what": "electrical.made", "date": DAY, "count": 1},
]


@pytest.mark.parametrize("ending", ["csv", "CSV", "yaml", "yml", "YAML", "Yml", "xlsx", "XLSX"])
def test_what_is_written_is_read_whatever_the_case_of_its_ending(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"status.{ending}"
    path.write_bytes(status_bytes(ROWS, path))
    status = read_status(path, START)
    assert status.logic == "progress_override"
    assert [(fact.what, fact.count) for fact in status.facts] == [("electrical.made", 1)]
    data = path.read_bytes()
    assert (data[:2] == b"PK", data[:5] == b"rows:") == (ending.lower() == "xlsx", ending.lower() in {"yaml", "yml"})


@pytest.mark.parametrize("name", ["status.xls", "status.ods", "status.txt", "status"])
def test_an_ending_that_no_format_has_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("worked before the ending was looked at")

    monkeypatch.setattr("sim.cli.forecast.load", work)
    monkeypatch.setattr("sim.report.exchange.importers.statused_schedule.read_statused", work)
    out = str(tmp_path / name)
    for command in (["init", "one_block", "--as-of", DAY], ["from", "schedule.xml"]):
        done = CliRunner().invoke(main, ["status", *command, "--out", out])
        assert done.exit_code == 2, done.output
        assert done.output == f"--out: {out} given, a file that ends in .csv, .yaml, .yml or .xlsx expected\n"
    with pytest.raises(ConfigError, match="ends in"):
        status_bytes(ROWS, Path(out))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "kind.yaml",
            "rows:\n  - {kind: data_date, date: DAY}\n  - {what: x}\n",
            r"rows\.2: the keys .*kind` is missing",
        ),
        (
            "wrong.yaml",
            "rows:\n  - {kind: count, cuont: 1}\n",
            r"rows\.1: cuont given, .*the keys of a row .*mean count",
        ),
        ("rows.yaml", "facts:\n  - {kind: data_date, date: DAY}\n", "rows: is missing: a list of facts"),
        ("list.yaml", "- {kind: data_date, date: DAY}\n", "rows: is missing: a list of facts"),
        ("twice.yaml", "rows:\n  - {kind: data_date, date: DAY, date: DAY}\n", r":2: rows.*date: is written twice"),
        ("caps.yaml", "rows:\n  - {kind: data_date, date: DAY, Date: DAY}\n", r"date given, .*each of them once"),
        ("kind.csv", "what,date\n,DAY\n", r"csv:1: the first row has .*kind` is missing"),
        (
            "twice.csv",
            "kind,what,count,count\ndata_date,,1,2\n",
            r"csv:1: count given, .*first row .*each of them once",
        ),
        (
            "logic.csv",
            "kind,what,date\ndata_date,,DAY\nlogic,retained_logic,\nlogic,progress_override,\n",
            "csv:4: kind: logic given, only one row .logic.; row 3 is one as well",
        ),
        ("config.csv", "kind,what,date\nconfig,abc,\nconfig,def,\ndata_date,,DAY\n", "csv:3: kind: config given, only"),
    ],
)
def test_what_would_be_dropped_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(text.replace("DAY", DAY), encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as refused:
        read_status(path, START)
    assert len(refused.value.problems) == 1


def test_a_row_without_anything_and_columns_of_remarks_are_no_facts(tmp_path: Path) -> None:
    path = tmp_path / "status.csv"
    path.write_text(f"kind,date,note,note,\ndata_date,{DAY},one,two,\n,,,,\n", encoding="utf-8")
    assert read_status(path, START).facts == ()


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9, 0.99])
def test_a_half_written_file_is_no_status(tmp_path: Path, cut: float) -> None:
    whole = csv_bytes(status_sheet(steps(), as_of(0.5), "counts"))
    path = tmp_path / "status.csv"
    at = int(cut * len(whole))
    path.write_bytes(whole[: at - 1] if whole[at - 1 : at] == b"\n" else whole[:at])
    with pytest.raises(ConfigError, match=r"ends within a row|one of"):
        read_status(path, START)


def test_a_workbook_keeps_dates_as_dates_and_an_empty_sheet_is_told(tmp_path: Path) -> None:
    book = Workbook()
    book.active.title = "status"
    book.save(tmp_path / "empty.xlsx")
    with pytest.raises(ConfigError, match="first row has the columns' names"):
        read_status(tmp_path / "empty.xlsx", START)
    day = START + timedelta(days=100)
    book.active.append(["kind", "what", "date", "finish"])
    book.active.append(["data_date", None, day, None])
    book.active.append(["milestone", "h1.dry_in", None, datetime(day.year, day.month, day.day)])
    book.save(tmp_path / "dates.xlsx")
    found = read_status(tmp_path / "dates.xlsx", START)
    assert (found.data_date, found.minute) == (day, 101 * 1440)
    # what ends on a day has that whole day, as in a CSV
    assert [fact.finish for fact in found.facts] == [101 * 1440]


@pytest.mark.parametrize(("shown_as", "value", "percent"), [("0%", 0.6, 60), ("0.00%", 1, 100), ("General", 60, 60)])
def test_a_percent_that_a_workbook_shows_is_read_as_it_is_shown(
    tmp_path: Path, shown_as: str, value: float, percent: float
) -> None:
    """Excel keeps 0.6 for 60 % that is typed: it was read as 0.6 % of the work, and the forecast was a year later."""
    book = Workbook()
    book.active.title = "status"
    book.active.append(["kind", "what", "date", "start", "Percent "])
    book.active.append(["data_date", None, DAY])
    book.active.append(["activity", "h1.shell.roof/shell.roof", None, DAY, value])
    book.active["E3"].number_format = shown_as
    book.save(tmp_path / "percent.xlsx")
    assert [fact.percent for fact in read_status(tmp_path / "percent.xlsx", START).facts] == [percent]
