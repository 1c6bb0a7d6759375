"""What a status may hold: the columns of every kind of fact, the order of dates, and words that help where it is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from sim.errors import ConfigError
from sim.files import Damaged
from sim.report.presentation import _earned_value_table
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.sheet.status_checks import check_status, findings_of
from sim.study.analyses.forecast.sheet.status_sheet import status_sheet
from sim.study.analyses.forecast.status import COLUMNS_OF_KIND, HEADER_KINDS, KINDS, read_status
from sim.study.analyses.forecast.status_file import COLUMNS
from sim.study.analyses.forecast.trend import saved_forecasts
from tests.study.analyses.forecast.test_forecast import CONFIG, START, as_of, planned, steps

ROOF, UNIT = "h1.shell.roof/shell.roof", "p1.g1"
DATA_DATE = as_of(0.6)
BEFORE_START, EARLY, LATER, AHEAD = (
    (START + timedelta(days=days)).isoformat() for days in (-30, 20, 40, (DATA_DATE - START).days + 30)
)
HORIZON = CONFIG.value.scale.horizon_days
LAST_DAY = (START + timedelta(days=HORIZON - 1)).isoformat()
BEYOND = (START + timedelta(days=HORIZON + 1)).isoformat()
OPEN_RISK = next(driver.id for driver, _ in CONFIG.value.risks.active())


def row(kind: str, what: str = "", **cells: object) -> str:
    filled = {"kind": kind, "what": what, **cells}
    return ",".join(str(filled.get(name, "")) for name in COLUMNS)


def found(folder: Path, *rows: str, severity: str = "error") -> list[str]:
    path = folder / "status.csv"
    header = ",".join(COLUMNS)
    path.write_text("\n".join([header, row("data_date", date=DATA_DATE.isoformat()), *rows, ""]), encoding="utf-8")
    findings = check_status(steps(), read_status(path, START))
    assert [one for one in findings if one.severity == "error"] == [] or severity == "error"
    return [str(one.problem).partition("status.csv:")[2] for one in findings if one.severity == severity]


ERRORS = {
    # a cell in a column that its kind of fact does not have
    "count in value": (
        row("count", "compute.made", date=EARLY, value=1),
        "value: 1 given, nothing expected (a count has the number in `count`)",
    ),
    "hours in value": (
        row("hours", "spent", date=EARLY, value=5),
        "value: 5 given, nothing expected (hours have the number in `count`)",
    ),
    "money in count": (
        row("money", "paid", date=EARLY, count=5),
        "count: 5 given, nothing expected (money has the number in `value`)",
    ),
    "promise in date": (
        row("promise", UNIT, date=AHEAD),
        f"date: {AHEAD} given, nothing expected (a promise has the date in `finish` or `low` or `high`)",
    ),
    "milestone in date": (
        row("milestone", UNIT, date=EARLY),
        f"date: {EARLY} given, nothing expected (a milestone has the date in `finish`)",
    ),
    "milestone's percent": (
        row("milestone", UNIT, finish=EARLY, percent=50),
        "percent: 50 given, nothing expected (a milestone has no `percent`)",
    ),
    "risk's percent": (
        row("risk", OPEN_RISK, state="open", percent=20),
        "percent: 20 given, nothing expected (a risk has the number in `value`)",
    ),
    "state of a count": (
        row("count", "compute.made", date=EARLY, count=1, state="open"),
        "state: open given, nothing expected (a count has no `state`)",
    ),
    "date of hours": (row("hours", "spent", count=5), "date: is missing"),
    # dates
    "promise beyond the calendars": (
        row("promise", UNIT, finish=BEYOND),
        f"finish: {BEYOND} given, no later than {LAST_DAY}, the end",
    ),
    "remaining beyond the calendars": (
        row("activity", ROOF, start=EARLY, remaining_days=9999),
        "remaining_days: 9999 given, at most",
    ),
    "resumed beyond the calendars": (
        row("activity", ROOF, start=EARLY, suspended=LATER, resumed=BEYOND),
        f"no later than {LAST_DAY}",
    ),
    "before the project": (
        row("activity", ROOF, start=BEFORE_START, finish=EARLY),
        f"start: {BEFORE_START} given, no earlier than the project's start, {START}",
    ),
    "count before the project": (
        row("count", "compute.made", date=BEFORE_START, count=0),
        "no earlier than the project's start",
    ),
    "hours before the project": (
        row("hours", "spent", date=BEFORE_START, count=9),
        "no earlier than the project's start",
    ),
    "date, not minutes": (
        row("activity", ROOF, start=EARLY, finish=AHEAD),
        f"finish: {AHEAD} given, no later than the data date, {DATA_DATE}",
    ),
    "with its time": (
        row("activity", ROOF, start=f"{AHEAD}T14:30"),
        f"start: {AHEAD}T14:30 given, no later than the data date",
    ),
    "resumed before suspended": (
        row("activity", ROOF, start=EARLY, suspended=LATER, resumed=EARLY),
        f"resumed: {EARLY} given, no earlier than it was suspended",
    ),
    "resumed without suspended": (
        row("activity", ROOF, start=EARLY, resumed=LATER),
        "only with the date on which it was suspended",
    ),
    "suspended before start": (
        row("activity", ROOF, start=LATER, suspended=EARLY),
        f"suspended: {EARLY} given, no earlier than its start",
    ),
    "suspended after finish": (row("activity", ROOF, start=EARLY, finish=EARLY, suspended=LATER), "finish: "),
    "suspended, not begun": (
        row("activity", ROOF, suspended=EARLY),
        f"suspended: {EARLY} given, only with an actual start",
    ),
    "likely above the range": (
        row("promise", UNIT, finish=AHEAD, high=DATA_DATE),
        f"finish: {AHEAD} given, no later than `high`",
    ),
    "likely below the range": (
        row("promise", UNIT, finish=AHEAD, low=LAST_DAY),
        f"finish: {AHEAD} given, no earlier than `low`",
    ),
    # amounts
    "finished, days remain": (
        row("activity", ROOF, start=EARLY, finish=LATER, remaining_days=3),
        "remaining_days: 3 given, 0 or empty",
    ),
    "finished at 60 %": (
        row("activity", ROOF, start=EARLY, finish=LATER, percent=60),
        "percent: 60 given, 100 or empty",
    ),
    "half a skid": (
        row("count", "electrical.made", date=EARLY, count=0.5),
        "count: 0.5 given, a whole number of units expected",
    ),
    "chance in percent": (
        row("risk", OPEN_RISK, state="open", value=90),
        "value: 90 given, the chance that is left, from 0 to 1 expected (write 0.9 for 90 %)",
    ),
    "part of a block": (
        row("count", "online", date=EARLY, count=1),
        "count: 1 given, a whole number of blocks of 2.5 MW expected",
    ),
    "effect out of bounds": (row("risk", OPEN_RISK, state="happened", value=99999), "value: 99999 given, "),
    "closed with a value": (row("risk", OPEN_RISK, state="closed", value=1), "value: 1 given, nothing expected"),
    # names
    "people": (
        row("people", "electricans", date=EARLY, count=3),
        "what: electricans given, a trade expected (did you mean electricians?)",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_a_fact_cannot_hold_is_one_error_with_row_and_column(tmp_path: Path, name: str) -> None:
    text, message = ERRORS[name]
    (problem,) = found(tmp_path, text)
    assert problem.startswith("3: ")
    assert message in problem


NOTES = {
    "100 % without finish": (row("activity", ROOF, start=EARLY, percent=100), "percent: 100 % without a finish"),
    "share for percent": (row("activity", ROOF, start=EARLY, percent=0.6), "taken for 0.6 % of the work: write 60"),
    "still suspended": (row("activity", ROOF, start=EARLY, suspended=LATER), "taken to resume at the data date"),
    "no count": (row("count", "electrical.made", date=EARLY), "count: is empty: the row says nothing"),
    "no promise": (row("promise", UNIT), "finish: is empty: the row says nothing"),
    "no money": (row("money", "paid", date=EARLY), "value: is empty: the row says nothing"),
    "hours fall": (
        "\n".join([row("hours", "spent", date=EARLY, count=900), row("hours", "spent", date=DATA_DATE, count=100)]),
        "100 is less than before (900 in row 3)",
    ),
    "money falls": (
        "\n".join([row("money", "paid", date=EARLY, value=9e9), row("money", "paid", date=DATA_DATE, value=8e9)]),
        "less than before (9,000,000,000 in row 3)",
    ),
    "hours of long ago": (row("hours", "earned", date=EARLY, count=100), "days older than the data date"),
    "people of another project": (
        row("people", "electricians", date=DATA_DATE, count=12_000),
        "12,000 people, where all crews of the plan have",
    ),
    "hours of another project": (
        row("hours", "spent", date=DATA_DATE, count=1e9),
        "1,000,000,000 hours, where the whole plan has",
    ),
    "power": (row("count", "online", date=DATA_DATE, count=2.5), "no generating unit is reported"),
}


@pytest.mark.parametrize("name", NOTES)
def test_what_is_merely_odd_is_a_note(tmp_path: Path, name: str) -> None:
    text, message = NOTES[name]
    (problem,) = found(tmp_path, text, severity="note")
    assert message in problem


def test_a_later_count_may_exceed_an_earlier_one_of_the_stage_before(tmp_path: Path) -> None:
    made, passed = (row("count", f"electrical.{what}", date=EARLY, count=1) for what in ("made", "passed"))
    more = row("count", "electrical.passed", date=LATER, count=2)
    assert found(tmp_path, made, more) == []
    (problem,) = found(tmp_path, row("count", "electrical.made", date=LATER, count=1), more)
    assert "no more than electrical.made (1)" in problem
    # at no date, not only at the last one
    (problem,) = found(tmp_path, row("count", "electrical.made", date=EARLY, count=0), passed)
    assert "no more than electrical.made (0)" in problem


def test_no_block_is_online_that_is_not_tested(tmp_path: Path) -> None:
    tested = row("count", "tested", date=DATA_DATE, count=0)
    (problem,) = found(tmp_path, tested, row("count", "online", date=DATA_DATE, count=2.5))
    assert "no more than tested (0 blocks of 2.5 MW)" in problem


def test_a_milestone_before_the_one_that_it_follows_is_noted(tmp_path: Path) -> None:
    early, later = (
        row("milestone", f"h1.shell.{step}", finish=day) for step, day in (("slab", EARLY), ("foundations", LATER))
    )
    names = [steps().unit_of_milestone(f"h1.shell.{step}") for step in ("slab", "foundations")]
    assert None not in names
    assert found(tmp_path, early.replace(EARLY, LATER), later.replace(LATER, EARLY), severity="note") == []
    notes = found(tmp_path, early, later, severity="note")
    assert [text for text in notes if "out of sequence: it was reached before" in text]


def test_plain_dates_of_one_day_are_in_order(tmp_path: Path) -> None:
    """A day's end is a suspension's, its beginning a resumption's."""
    cells = {"start": EARLY, "suspended": EARLY, "resumed": EARLY}
    assert found(tmp_path, row("activity", ROOF, **cells), row("risk", OPEN_RISK)) == []
    assert found(tmp_path, row("activity", ROOF, finish=EARLY, **cells)) == []


def test_every_kind_has_its_columns() -> None:
    assert tuple(COLUMNS_OF_KIND) == KINDS
    assert {column for columns in COLUMNS_OF_KIND.values() for column in columns} == {*COLUMNS[2:]}


@pytest.mark.parametrize("days", [-1, HORIZON])
def test_a_data_date_is_in_the_project(tmp_path: Path, days: int) -> None:
    day = START + timedelta(days=days)
    with pytest.raises(ConfigError, match=f"{day} given, a day of the project, from {START} to {LAST_DAY}"):
        status_sheet(steps(), day)
    path = tmp_path / "status.csv"
    path.write_text(f"kind,date\ndata_date,{day}\n")
    if days < 0:
        with pytest.raises(ConfigError, match=rf"csv:2: date: {day} given, a day from the project's start on, {START}"):
            read_status(path, START)
    else:
        assert [one.problem.path for one in check_status(steps(), read_status(path, START))] == ["data_date"]


def test_many_unknown_names_are_told_in_short(tmp_path: Path) -> None:
    problems = found(tmp_path, *(row("activity", f"h1.shell.rof/{number}", start=EARLY) for number in range(20_000)))
    assert len(problems) == 51
    assert (
        problems[-1] == "53: what: 19950 more rows, from this one to row 20002, have names that the plan does not have"
    )


def test_many_unreadable_rows_are_told_in_short(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        found(tmp_path, *(row("milestoned", f"{number}") for number in range(20_000)))
    assert len(error.value.problems) == 51


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ('"195,000"', "like 195000"),
        ('"$2,721,000,000"', "like 2721000000"),
        ("1'000", "like 1000"),
        ('"1.234.567,5"', "like 1234567.5"),
        ('"2,5"', "like 2.5"),
        ("2.7M", "like 12.5"),
    ],
)
def test_advice_on_a_number_is_the_number_that_was_meant(tmp_path: Path, written: str, advice: str) -> None:
    with pytest.raises(ConfigError, match=f"{advice} expected"):
        found(tmp_path, row("money", "paid", date=EARLY, value=written))


YAML = """
rows:
  - {{Kind: data_date, date: {day}}}
  - {{kind: count, what: electrical.made, date: {day}, count: 1, note: as I hear}}
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tabs.csv", "kind\twhat\tdate\tcount\ndata_date\t\t{day}\t\ncount\telectrical.made\t{day}\t1\n"),
        (
            "case.csv",
            "Kind,What,Date,COUNT,Comment\ndata_date,,{day},,\ncount,electrical.made,{day},1,two, as I hear\n",
        ),
        ("note.yaml", YAML),
    ],
)
def test_tabs_capitals_and_comments_are_read(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text.format(day=DATA_DATE).replace("two, as", "two as"), encoding="utf-8")
    (fact,) = read_status(path, START).facts
    assert (fact.what, fact.count) == ("electrical.made", 1)


def test_the_unicode_text_of_excel_is_read(tmp_path: Path) -> None:
    text = f"kind\twhat\tdate\tcount\tcomment\ndata_date\t\t{DATA_DATE}\t\t\ncount\telectrical.made\t{DATA_DATE}\t1\tMüller\n"
    (tmp_path / "unicode.csv").write_bytes(text.encode("utf-16"))
    assert read_status(tmp_path / "unicode.csv", START).facts[0].what == "electrical.made"
    (tmp_path / "ansi.csv").write_bytes(text.encode("cp1252"))
    with pytest.raises(ConfigError, match="CSV UTF-8"):
        read_status(tmp_path / "ansi.csv", START)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("old.xls", "", "save it as .xlsx"),
        ("macros.xlsm", "", "save it as .xlsx"),
        ("wrong.yaml", "rows:\n  - {kind: count, cuont: 1}\n", "did you mean count"),
        ("text.yaml", "rows:\n  - count\n", "a row, like"),
    ],
)
def test_files_that_cannot_be_read_say_what_to_do(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_status(tmp_path / name, START)


def test_a_payment_in_millions_is_noticed(tmp_path: Path) -> None:
    assert found(tmp_path, row("money", "paid", date=DATA_DATE, value=90)) == []
    planned_usd = planned().as_planned[1]["capital_deployed_usd"]
    given = read_status(tmp_path / "status.csv", START)
    (note,) = [str(one.problem) for one in findings_of(steps(), given, planned_usd)]
    assert "value: 90 USD, where the plan has" in note
    # who does not check a status is told of it with the forecast
    (told,) = forecast_case(CONFIG, given, base=planned()).manifest_of_status()["forecast"]["notes"]
    assert f"row {given.facts[0].row}, column value" in told


def test_a_damaged_file_of_the_history_is_named_and_may_be_deleted(tmp_path: Path) -> None:
    history = tmp_path / "out.history"
    history.mkdir()
    (history / "2026-05-31.json").write_text('{"data_date": "2026-05-31"}')
    with pytest.raises(Damaged, match=r"2026-05-31.json: is not a forecast .* may be deleted"):
        saved_forecasts(tmp_path / "out")


@pytest.mark.parametrize("name", ["out", "out.history"])
def test_a_file_in_the_place_of_the_output_is_told_before_the_forecast(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=rf"--out: .*{name} given, a directory, or a name that is not taken"):
        saved_forecasts(tmp_path / "out")


def test_large_numbers_of_earned_value_stand_apart() -> None:
    values = {"planned": 3.4e9, "earned": 3.3e9, "actual": 2721.0, "spi": 0.97, "cpi": 1_212_789.4, "spi_t": 0.98}
    hours = {**values, "actual": None, "cpi": None, "earned_schedule": 400.0, "time": 410.0}
    both = {"hours": hours, "usd": {**values, "earned_schedule": 400.0, "time": 410.0}}
    table = [*_earned_value_table(SimpleNamespace(manifest={"forecast": {"earned_value": both}}))]  # type: ignore[arg-type]
    assert len({line.index("day") for line in table[1:]}) == 1
    assert "0.97  1,212,789.40    0.98" in table[2]


def test_the_page_of_the_monthly_update_has_the_columns_of_every_kind_of_fact() -> None:
    page = Path("docs/how_to/monthly_update.md").read_text(encoding="utf-8")
    for kind, columns in COLUMNS_OF_KIND.items():
        if kind not in HEADER_KINDS:
            (row,) = (line for line in page.splitlines() if line.startswith(f"| `{kind}` |"))
            assert [column for column in columns if f"`{column}`" not in row] == [], kind
