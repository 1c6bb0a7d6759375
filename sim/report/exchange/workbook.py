"""The same tables as an Excel workbook: what planners and their managers pass on."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from sim.errors import SimError
from sim.study.answers import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

WIDEST = 60
ROWS = 1_048_575
_FIXED = datetime(2026, 1, 1)


class NoExcel(SimError):
    """Excel was asked for and cannot be written here."""

    exit_code = 2


def workbook(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Write tables as the sheets of a workbook: headings fixed, columns as wide as they are read."""
    try:
        from openpyxl import Workbook
        from openpyxl.styles import Alignment, Font
        from openpyxl.utils import get_column_letter
    except ImportError as error:
        raise NoExcel("Excel files need openpyxl: pip install 'hybrid-dc-sim[excel]'") from error
    book = Workbook()
    book.remove(book.active)
    book.properties.created = book.properties.modified = _FIXED
    for name, table in tables.items():
        if len(table) > ROWS:
            raise NoExcel(f"{name} has {len(table):,} rows, a sheet holds {ROWS:,}; export as csv")
        sheet = book.create_sheet(name)
        sheet.append([str(harmless(str(column))) for column in table.columns])
        for row in table.itertuples(index=False):
            sheet.append([_cell(value) for value in row])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
            cell.alignment = Alignment(vertical="top")
        sheet.freeze_panes = "A2"
        for number, column in enumerate(table.columns, 1):
            texts = [str(column), *(str(value) for value in table.iloc[:200, number - 1])]
            sheet.column_dimensions[get_column_letter(number)].width = min(WIDEST, 2 + max(map(len, texts)))
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    """A value as a cell holds it; a text is never taken for a formula."""
    import pandas as pd

    if isinstance(value, str):
        return harmless(value)
    if pd.isna(value):
        return None
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "not reached"
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value
