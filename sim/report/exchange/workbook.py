"""An exported result as an Excel workbook: the verdict first, then milestones, curves with charts, risks, inputs, every run.

Dates are dates, shares are percents, money is in millions with one decimal. A text is never taken for a formula, and
characters that a sheet cannot hold become blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from io import BytesIO
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

from sim.config.sections.display_units import display
from sim.errors import SimError
from sim.metrics.metric import OF_ORDERS, finish_metric
from sim.metrics.registry import metric_of
from sim.report.exchange.export import ExportedResult
from sim.report.exchange.tables import MILLION, tables
from sim.report.figures import palette
from sim.report.formatting import metric_format, percentile_estimate
from sim.report.result_view import ResultView
from sim.study.storage.results import without_formula

if TYPE_CHECKING:
    import pandas as pd

SHEETS = {
    "contract": "Contract", "milestones": "Milestones", "curves": "Curves", "risks": "Risks", "inputs": "Inputs",
    "runs": "Runs", "activities": "Activities",
}  # fmt: skip
MAX_WIDTH = 60
ROWS = 1_048_575
DATE, DECIMAL, SHARE = "yyyy-mm-dd", "#,##0.0", "0%"
_FIXED = datetime(2026, 1, 1)
_CHART_HEIGHT, _CHART_WIDTH = 8.5, 18
_ROWS_PER_CHART, _COLUMNS_PER_CHART, _CHARTS_PER_ROW = 18, 11, 2
_QUARTER, _MAX_DATES = 13, 8
_CURVE_WIDTH = 22_225
"""Of a curve, in English Metric Units: 1.75 points."""
TRADE = "people: "
LINES = {"P10": palette.TINTS[2], "P50": palette.BLUE, "P80": palette.RED, "mean": palette.MUTED}
SKID_COLOURS = (palette.PINK, palette.ORANGE)
"""Colours of curves, those of the figures: blocks of skids set, skids delivered."""
TITLES = {"people": "People on site by trade, representative run", "skids": "Skids, representative run"}
_LINE_LETTERS, _LINE_HEIGHT = 70, 15
"""Letters that fit into the cells beside a label, and the height of a line in points."""


class ExcelNotPossible(SimError):
    """Excel was asked for and cannot be written here."""

    exit_code = 2


def workbook(exported: ExportedResult) -> bytes:
    """Return an exported result as a workbook; ExcelNotPossible where openpyxl is missing or a sheet would be too long."""
    table_of_name = tables(exported)
    verdict = [*_verdict(exported), ["", ""], *table_of_name["about"].itertuples(index=False, name=None)]
    sheet_names = [name for name in SHEETS if name != "contract" or len(table_of_name[name])]
    return write_sheets({"Verdict": verdict, **{SHEETS[name]: table_of_name[name] for name in sheet_names}})


def write_sheets(sheets: Mapping[str, pd.DataFrame | Sequence[Sequence[Any]]]) -> bytes:
    """Write tables as sheets with fixed headings and filters; plain rows as they are."""
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise ExcelNotPossible(
            "Excel files need openpyxl: pip install openpyxl, or this package with its extra excel"
        ) from error
    book = Workbook()
    book.remove(book.active)
    book.properties.created = book.properties.modified = _FIXED
    for name, table in sheets.items():
        sheet = book.create_sheet(name)
        _page(sheet)
        if isinstance(table, Sequence):
            _write_rows(sheet, table)
            continue
        if len(table) > ROWS:
            raise ExcelNotPossible(f"{name} has {len(table):,} rows, a sheet holds {ROWS:,}; export as csv")
        _write_table(sheet, in_currency(table))
        if name == "Curves":
            _charts(sheet, list(table.columns), len(table))
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def in_currency(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its columns of dollars in the currency shown: `damages_usd` becomes `damages_eur`."""
    currency = display()
    columns = [name for name in table.columns if re.search(r"_usd(_|$)", str(name))]
    if currency.rate == 1 or not columns:
        return table
    code = f"_{currency.currency.lower()}"
    return table.assign(**{name: table[name] * currency.rate for name in columns}).rename(
        columns={name: re.sub(r"_usd(?=_|$)", code, name) for name in columns}
    )


def _page(sheet: Any) -> None:
    """Set a sheet up for paper: landscape, as wide as a page, headings on each."""
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _verdict(exported: ExportedResult) -> Iterator[list[Any]]:
    """Yield the rows of the first sheet: what may be promised, then every metric with its percentiles."""
    result = exported.result
    view, summary = ResultView.of(result), result.summary()
    finish = view.dated(finish_metric(summary.index))
    p50, p80 = (percentile_estimate(summary, finish, share) for share in ("p50", "p80"))
    yield [f"{exported.name} ({result.manifest['strategy']})"]
    planned = view.planned(finish)
    if finish == OF_ORDERS:
        # orders come over time: there is no one date on which all MW are online
        yield [
            f"A MW is online at most {p80.text()} after its order with 80 % probability, in the mean; P50: {p50.text()}."
        ]
        planned_text = None if planned is None else p50.metric.write(planned, p50.metric.finest_step)
    else:
        dates = view.dates
        yield [f"All MW online on or before {p80.date_text(dates)} with 80 % probability; P50: {p50.date_text(dates)}."]
        planned_text = None if planned is None else dates.format(planned)
    if planned_text is not None:
        yield [f"The expected plan says {planned_text}: contingency is the difference to P80."]
    yield [""]
    yield ["metric", "unit", "plan", "P10", "P50", "P80", "P90", "mean"]
    for metric, row in summary.iterrows():
        scale, unit = _scale(str(metric))
        values = [
            view.planned(str(metric)),
            *(row[share] for share in ("p10", "p50", "p80", "p90", "mean")),
        ]
        yield [metric_format(str(metric)).label, unit, *(_scaled(value, scale) for value in values)]


def _scale(metric: str) -> tuple[float, str]:
    """Return (divisor, unit) of a metric in the workbook: money in millions of the display currency."""
    row = metric_of(metric)
    if row is None or "$" not in row.unit:
        return 1.0, row.unit if row else ""
    rate, sign = display().rate, display().sign.strip()
    if row.step < 1 or "per_mw" in metric:  # a price, no sum
        return 1 / rate, row.unit.replace("$", sign)
    return MILLION / rate, row.unit.replace("$", f"{sign}M")


def _scaled(value: float | None, scale: float) -> Any:
    """Return a number in its unit; a text where it is not reached."""
    if value is None or isnan(value):
        return None
    return value / scale if isfinite(value) else "not reached"


def _write_rows(sheet: Any, rows: Sequence[Sequence[Any]]) -> None:
    """Write the rows of the verdict with their formats."""
    from openpyxl.styles import Alignment, Font

    for row in rows:
        sheet.append([_cell(value) for value in row])
    sheet["A1"].font, sheet["A2"].font = Font(bold=True, size=14), Font(bold=True)
    for row in sheet.iter_rows():
        if row[0].value == "metric":
            for cell in row:
                cell.font = Font(bold=True)
                cell.alignment = Alignment(horizontal="right" if cell.column > 2 else "left")
        for cell in row[2:]:
            if isinstance(cell.value, int | float):
                cell.number_format = DECIMAL
        first, text = (3, "") if row[0].row > 3 else (1, str(row[0].value or ""))
        if row[0].row > 3 and row[2].value is None:
            first, text = 2, str(row[1].value or "")
        if len(text) > _LINE_LETTERS:
            # a text longer than its cell is shown over the empty ones beside it, in as many lines as it needs
            sheet.merge_cells(start_row=row[0].row, end_row=row[0].row, start_column=first, end_column=8)
            row[first - 1].alignment = Alignment(vertical="top", wrap_text=True)
            sheet.row_dimensions[row[0].row].height = _LINE_HEIGHT * -(
                -len(text) // (_LINE_LETTERS if first == 2 else 2 * _LINE_LETTERS)
            )
    for column, width in zip("ABCDEFGH", (44, 12, *[12] * 6), strict=True):
        sheet.column_dimensions[column].width = width


def _write_table(sheet: Any, table: pd.DataFrame) -> None:
    """Write a table: fixed bold headings, a filter, columns as wide as their content, number formats by content."""
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    sheet.append([_cell(str(column)) for column in table.columns])
    for row in table.itertuples(index=False, name=None):
        sheet.append([_cell(value) for value in row])
    for cell in sheet[1]:
        cell.font, cell.alignment = Font(bold=True), Alignment(vertical="top", wrap_text=True)
    sheet.row_dimensions[1].height = 3 * _LINE_HEIGHT
    sheet.freeze_panes = "C2" if len(table.columns) > 2 else "A2"
    sheet.auto_filter.ref, sheet.print_title_rows = sheet.dimensions, "1:1"
    for number, column in enumerate(table.columns, 1):
        texts = [str(column)[:24], *(str(value) for value in table.iloc[:200, number - 1])]
        kind, letter = _format(str(column), table.iloc[:, number - 1]), get_column_letter(number)
        word = max(map(len, str(column).split()), default=0) + 2
        sheet.column_dimensions[letter].width = max(
            word, 12 if kind == DATE else min(MAX_WIDTH, 2 + max(map(len, texts)))
        )
        if kind:
            for (cell,) in sheet.iter_rows(min_row=2, min_col=number, max_col=number):
                cell.number_format = kind


def _format(column: str, values: pd.Series) -> str:
    """Return how the numbers of a column are shown."""
    if values.dtype.kind == "M" or any(isinstance(value, date) for value in values[:50]):
        return DATE
    if column in ("probability", "critical share") or column.startswith("in_time"):
        return SHARE
    return DECIMAL if values.dtype.kind == "f" else ""


def _charts(sheet: Any, columns: Sequence[str], rows: int) -> None:
    """Draw the curves beside their numbers: P10, P50, P80 and mean of MW, people and money; trades and skids of one run."""
    from openpyxl.utils import get_column_letter

    families: dict[str, list[int]] = {}
    for number, column in enumerate(columns[2:], 3):
        name, _, statistic = column.rpartition(" ")
        kind = name if statistic in LINES else "people" if column.startswith(TRADE) else "skids"
        families.setdefault(kind, []).append(number)
    first = len(columns) + 2
    for position, (kind, members) in enumerate(families.items()):
        row_of_charts, column_of_charts = divmod(position, _CHARTS_PER_ROW)
        column = get_column_letter(first + column_of_charts * _COLUMNS_PER_CHART)
        labelled = {number: columns[number - 1].removeprefix(f"{kind} ").removeprefix(TRADE) for number in members}
        sheet.add_chart(_chart(sheet, kind, labelled, rows), f"{column}{2 + row_of_charts * _ROWS_PER_CHART}")
    last = get_column_letter(first + _CHARTS_PER_ROW * _COLUMNS_PER_CHART)
    bottom = 2 + -(-len(families) // _CHARTS_PER_ROW) * _ROWS_PER_CHART
    # on paper the charts: the numbers beside them are fifty columns wide
    sheet.print_area = f"{get_column_letter(first)}1:{last}{bottom}"


def _chart(sheet: Any, kind: str, label_of_column: Mapping[int, str], rows: int) -> Any:
    """Return a chart over the dates of the columns whose numbers and labels are given."""
    from openpyxl.chart import AreaChart, LineChart, Reference
    from openpyxl.chart.series import SeriesLabel

    chart = AreaChart(grouping="stacked") if kind == "people" else LineChart()
    for column in label_of_column:
        chart.add_data(Reference(sheet, min_col=column, min_row=2, max_row=rows + 1))
    chart.set_categories(Reference(sheet, min_col=2, min_row=2, max_row=rows + 1))
    for number, (series, label) in enumerate(zip(chart.series, label_of_column.values(), strict=True)):
        series.tx = SeriesLabel(v=label)
        if kind == "people":
            series.graphicalProperties.solidFill = palette.TRADES[min(number, len(palette.TRADES) - 1)][1:]
            continue
        series.smooth, line = False, series.graphicalProperties.line
        line.solidFill, line.dashStyle = LINES.get(label, SKID_COLOURS[number % len(SKID_COLOURS)])[1:], _dash(label)
        line.width = _CURVE_WIDTH
    chart.title, chart.height, chart.width = TITLES.get(kind, kind), _CHART_HEIGHT, _CHART_WIDTH
    chart.x_axis.number_format, chart.x_axis.delete, chart.y_axis.delete = "mmm yy", False, False
    # dates stand below the curve, also where money is below zero, and so few quarters that they don't touch
    chart.x_axis.tickLblPos = "low"
    chart.x_axis.tickLblSkip = chart.x_axis.tickMarkSkip = _QUARTER * -(-rows // (_QUARTER * _MAX_DATES))
    chart.y_axis.number_format, chart.legend.position = "#,##0", "b"
    return chart


def _dash(label: str) -> str:
    return "dash" if label == "mean" else "solid"


def _cell(value: Any) -> Any:
    """Return a value as a cell holds it; a text is never taken for a formula and has no control characters."""
    if type(value) is int or (type(value) is float and isfinite(value)):  # most cells are
        return value
    import pandas as pd
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, str | list | tuple | dict):
        return ILLEGAL_CHARACTERS_RE.sub(" ", str(without_formula(str(value))))
    if pd.isna(value):
        return None
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "not reached"
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value
