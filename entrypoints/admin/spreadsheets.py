"""Files for spreadsheets: comma-separated, sent row by row, and safe to open."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from flask import Response

from domain.money import Money

Cell = str | int | Money

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet calculate instead of show (https://owasp.org/www-community/attacks/CSV_Injection)."""


def download(name: str, header: tuple[str, ...], rows: Iterable[tuple[Cell, ...]]) -> Response:
    """A file of this name (ASCII, without its ending), streamed."""
    answer = Response(_lines(header, rows), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def decimal(amount: Money) -> str:
    """``1234.50``, with as many decimals as the currency has, and nothing that depends on a country."""
    return f"{amount.decimal:f}"


def _lines(header: tuple[str, ...], rows: Iterable[tuple[Cell, ...]]) -> Iterator[str]:
    buffer = StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    for row in rows:
        writer.writerow([_cell(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _cell(value: Cell) -> str:
    """Amounts and counts as numbers, negative ones too; words that would calculate get an apostrophe in front."""
    if isinstance(value, Money):
        return decimal(value)
    if isinstance(value, int):
        return str(value)
    return f"'{value}" if value.lstrip(" ").startswith(_STARTS_A_FORMULA) else value
