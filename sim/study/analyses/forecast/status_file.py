"""A status as a file: rows of a CSV, a YAML file or an Excel workbook, and what a planner writes into their cells."""

from __future__ import annotations

import csv
import io
import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sim import files
from sim.config.source_positions import problem_of
from sim.config.yaml_reader import read_file
from sim.errors import ConfigError, Problem, did_you_mean, without_thousands
from sim.plan.vocabulary import MINUTES_PER_DAY

NOT_IN_A_SCHEDULE = ("promise", "risk", "people", "hours", "money")
"""Kinds of facts that a schedule statused in a planner's tool cannot hold."""
DATES = ("date", "start", "finish", "suspended", "resumed", "low", "high")
NUMBERS = ("count", "remaining_days", "percent", "value")
COLUMNS = ("kind", "what", *DATES, *NUMBERS, "state")
NOT_READ = ("comment", "comments", "note", "notes")
"""Columns that a planner may add for himself."""
KNOWN_COLUMNS = (*COLUMNS, *NOT_READ, "")
"""Names that a column may have, in small letters; one without a name is not read."""
YAML_ENDINGS, WORKBOOK_ENDING = (".yaml", ".yml"), ".xlsx"
ENDINGS = (".csv", *YAML_ENDINGS, WORKBOOK_ENDING)
"""Endings of the files that are written, in small letters."""
NOT_READ_ENDINGS = (".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
"""Endings of files that are not read; one that is none of all these is read as CSV (Excel saves some as .txt)."""
MAX_BYTES = 20_000_000
LENGTH_OF_DATE = len("2027-03-31")


# --- reading ----------------------------------------------------------------------------------------------------------


def read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a file: row number, and cells by column name; ConfigError where it is not a table of facts."""
    ending = path.suffix.lower()
    if ending in YAML_ENDINGS:
        yield from _yaml_rows(path)
        return
    if ending in NOT_READ_ENDINGS:
        raise ConfigError([Problem(str(path), 0, 0, "", "", "is not read: save it as .xlsx or .csv")])
    data = files.read(path, MAX_BYTES)
    numbered_rows = _workbook_rows(data, path) if ending == WORKBOOK_ENDING else _csv_rows(data, path)
    (_, header), *body = numbered_rows or [(1, [])]
    place = Problem(str(path), 1, 1, "", "", "the first row has the columns' names")
    columns = _known_columns(place, [str(name) for name in header])
    for number, cells in body:
        if len(cells) > len(columns):
            message = f"has {len(cells)} cells where the first row has {len(columns)} (numbers have a point: 12.5)"
            raise ConfigError([Problem(str(path), number, 1, "", "", message)])
        if any(str(cell).strip() for cell in cells if cell is not None):
            yield number, dict(zip(columns, cells, strict=False))


def rows_of_no_schedule(path: Path) -> list[dict[str, object]]:
    """Return the rows of a status about what no schedule has: promises, risks, people, hours and money."""
    rows = (row for _, row in read_rows(path) if str(row.get("kind", "")).strip() in NOT_IN_A_SCHEDULE)
    return [{column: row[column] for column in COLUMNS if row.get(column) not in (None, "")} for row in rows]


def _yaml_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a YAML file: number and cells by column name."""
    document = read_file(path)
    if document.faults:
        raise ConfigError(problem_of(fault, document.tree) for fault in document.faults)
    rows = document.tree.get("rows") if isinstance(document.tree, dict) else None
    if not isinstance(rows, list):
        message = "is missing: a list of facts, one a line, like - {kind: count, ...}"
        raise ConfigError([Problem(str(path), 0, 0, "rows", "", message)])
    for number, row in enumerate(rows, 1):
        place = Problem(str(path), 0, 0, f"rows.{number}", "", "the keys of a row are columns' names")
        if not isinstance(row, dict):
            raise ConfigError([replace(place, value=str(row), message="a row, like {kind: count, ...}")])
        yield number, dict(zip(_known_columns(place, list(row)), row.values(), strict=True))


def _known_columns(place: Problem, names: Sequence[str]) -> list[str]:
    """Return names of columns in small letters; ConfigError where one is not known or there twice, or `kind` is missing.

    `place` is the problem that is raised, with what the names are; what is wrong with them is added.
    """
    columns = [name.strip().lower() for name in names]
    unknown = [name.strip() for name, column in zip(names, columns, strict=True) if column not in KNOWN_COLUMNS]
    twice = [column for number, column in enumerate(columns) if column in COLUMNS and column in columns[:number]]
    wrong = next(iter((*unknown, *twice)), "")
    if not wrong and "kind" in columns:
        return columns
    message = f"{place.message}: {', '.join(COLUMNS)}; {' or '.join(NOT_READ[::2])} is not read"
    hint = did_you_mean(wrong, COLUMNS) if unknown else "each of them once" if twice else "`kind` is missing"
    raise ConfigError([replace(place, value=wrong, message=message, hint=hint)])


def _csv_rows(data: bytes, path: Path) -> list[tuple[int, list[Any]]]:
    """Return the rows of a CSV: line number and cells."""
    try:
        # "Unicode text" of Excel is UTF-16, which begins with its byte order mark
        text = data.decode("utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
        header = text.partition("\n")[0]
        delimiter = next((sign for sign in (";", "\t") if sign in header), ",")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [(reader.line_num, cells) for cells in reader]
        if len(rows) > 1 and text[-1] not in "\r\n" and len(rows[-1][1]) < len(rows[0][1]):
            message = (
                f"the file ends within a row, which has {len(rows[-1][1])} of {len(rows[0][1])} cells: it is cut off"
            )
            raise ConfigError([Problem(str(path), rows[-1][0], 1, "", "", message)])
        return rows
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            [Problem(str(path), 0, 0, "", "", f"is no CSV in UTF-8 (in Excel: save as 'CSV UTF-8'): {error}")]
        ) from error


def _workbook_rows(data: bytes, path: Path) -> list[tuple[int, list[Any]]]:
    """Return the rows of the sheet `status` of a workbook: row number and cells."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except Exception as error:  # a damaged file ends in whatever zipfile or the parser raises
        raise ConfigError([Problem(str(path), 0, 0, "", "", f"is no Excel workbook: {error}")]) from error
    if "status" not in book.sheetnames:
        message = f"has no sheet `status`; there are {', '.join(book.sheetnames)}"
        raise ConfigError([Problem(str(path), 0, 0, "", "", message)])
    rows = list(book["status"].iter_rows())
    columns = [str(cell.value).strip().lower() for cell in rows[0]] if rows else []
    return [
        (number, [_workbook_cell(cell, column) for cell, column in zip_longest(row, columns[: len(row)], fillvalue="")])
        for number, row in enumerate(rows, 1)
    ]


def _workbook_cell(cell: Any, column: str) -> Any:
    """Return what a planner sees in a cell: 60 where `percent` shows 60 %, which Excel keeps as 0.6."""
    shows_percent = column == "percent" and isinstance(cell.value, (int, float)) and "%" in str(cell.number_format)
    if shows_percent:
        return round(100 * cell.value, 9)
    return "" if cell.value is None else cell.value


# --- cells ------------------------------------------------------------------------------------------------------------


def is_mapping(text: str) -> bool:
    """Return whether a text is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def parse_minute(cell: Any, start_date: date, at_day_end: bool) -> int:
    """Return the minute of a date; of a date without a time the end of its day where `at_day_end`, else its begin."""
    parsed = cell if isinstance(cell, date) else None
    text = str(cell).strip()
    if parsed is None:
        try:
            parsed = date.fromisoformat(text) if len(text) <= LENGTH_OF_DATE else datetime.fromisoformat(text)
        except ValueError:
            serial = " (a serial number of Excel: format the column as a date)" if text.isdecimal() else ""
            raise ValueError(f"a date like 2027-03-31, or with a time 2027-03-31T14:30{serial}") from None
    if isinstance(parsed, datetime) and parsed.time() != time():
        return round((parsed.replace(tzinfo=None) - datetime.combine(start_date, time())).total_seconds() / 60)
    if isinstance(parsed, datetime):
        # an Excel cell with a date has the time 0:00; a written T00:00 is that minute
        at_day_end, parsed = at_day_end and isinstance(cell, date), parsed.date()
    return ((parsed - start_date).days + int(at_day_end)) * MINUTES_PER_DAY


def parse_number(cell: Any) -> float:
    """Return the number in a cell, with a decimal point and no thousands separators."""
    text = str(cell).strip()
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"a number with a point, like {_plain_number(text) or '12.5'}") from None
    if not 0 <= number < float("inf"):
        raise ValueError("a number of at least 0")
    return number


def _plain_number(text: str) -> str:
    """Return a number as it should be written, without currency and thousands separators; empty where it is none."""
    plain = without_thousands(re.sub(r"[$€£%'\s]", "", text))
    if plain.count(".") > 1 or plain.find(",") > plain.find(".") > -1:
        plain = plain.replace(".", "")
    plain = plain.replace(",", ".")
    return plain if re.fullmatch(r"[0-9]+(\.[0-9]+)?", plain) else ""


# --- writing --------------------------------------------------------------------------------------------------------


def written_ending(path: Path) -> str:
    """Return the ending of a file to write, in small letters; raises ConfigError where no format has it."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        allowed = f"a file that ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        raise ConfigError([Problem("", 0, 0, "--out", str(path), allowed)])
    return ending


def status_bytes(rows: Sequence[Mapping[str, object]], path: Path) -> bytes:
    """Return rows as a file that `read_status` reads, in the format of the path's ending; raises ConfigError for others."""
    ending = written_ending(path)
    if ending in YAML_ENDINGS:
        lines = ("{" + ", ".join(f"{name}: {json.dumps(cell)}" for name, cell in row.items()) + "}" for row in rows)
        return ("rows:\n" + "".join(f"  - {line}\n" for line in lines)).encode()
    return _workbook_bytes(rows) if ending == WORKBOOK_ENDING else csv_bytes(rows)


def _workbook_bytes(rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return rows as a workbook with a sheet `status`."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "status"
    for cells in (COLUMNS, *([row.get(name) for name in COLUMNS] for row in rows)):
        sheet.append(list(cells))
    sheet.freeze_panes = "C2"
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def csv_bytes(rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return rows as a CSV that `read_status` reads and a spreadsheet opens."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()
