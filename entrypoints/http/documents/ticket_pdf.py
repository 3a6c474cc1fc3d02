"""A ticket on paper: one A5 page that prints well in black and white and scans from a phone's screen."""

import unicodedata
from typing import cast
from zoneinfo import ZoneInfo

from fpdf import FPDF

from application.queries.order_details import OrderDetails
from domain.tickets import Ticket, TicketState
from entrypoints.http.documents.qr import QUIET_ZONE_MODULES, qr

PAGE_MM = (148.0, 210.0)
MARGIN_MM = 14.0
QR_MM = 72.0

_FONT = "Helvetica"
_INK = (22, 24, 35)
_MUTED = (96, 100, 116)
_PAPER = (255, 255, 255)
_WIDTH_MM = PAGE_MM[0] - 2 * MARGIN_MM
_BAND_MM = 58.0


def ticket_pdf(ticket: Ticket, details: OrderDetails) -> bytes:
    """What the person at the door and the person in the seat need to know, and nothing secret but the code."""
    event, venue, order = details.event, details.venue, details.order
    page = FPDF(unit="mm", format=PAGE_MM)
    page.set_auto_page_break(auto=False)
    page.set_creation_date(ticket.issued_at)
    page.set_title(_latin(f"{event.name}, {ticket.place}"))
    page.set_lang("en")
    page.set_margin(MARGIN_MM)
    page.add_page()

    page.set_fill_color(*_INK)
    page.rect(0, 0, PAGE_MM[0], _BAND_MM, style="F")
    page.set_text_color(*_PAPER)
    page.set_xy(MARGIN_MM, 12)
    _text(page, event.name, size=21, style="B", lines_max=2)
    page.ln(2)
    starts = event.starts_at.astimezone(ZoneInfo(venue.timezone))
    doors = event.doors_at.astimezone(ZoneInfo(venue.timezone))
    _text(page, f"{starts:%A, %B} {starts.day}, {starts.year}, {_hour(starts.hour, starts.minute)}", size=11)
    _text(page, f"Doors open {_hour(doors.hour, doors.minute)}", size=11)
    _text(page, f"{venue.name}, {venue.address}, {venue.city}", size=9, lines_max=1)

    _code(page, ticket, top=_BAND_MM + 7)

    page.set_text_color(*_INK)
    top = _BAND_MM + 7 + QR_MM + 12
    column = _WIDTH_MM / 2
    _fact(page, "Ticket", ticket.tier_name, x=MARGIN_MM, y=top, width=column)
    _fact(page, "Zone", ticket.zone, x=MARGIN_MM + column, y=top, width=column)
    _fact(page, "Place", ticket.place, x=MARGIN_MM, y=top + 15, width=column)
    _fact(page, "Order", order.number, x=MARGIN_MM + column, y=top + 15, width=column)
    _fact(page, "Name", order.buyer.name, x=MARGIN_MM, y=top + 30, width=_WIDTH_MM)

    page.set_xy(MARGIN_MM, PAGE_MM[1] - 15)
    page.set_text_color(*_MUTED)
    _text(page, "Admits one person, once. Keep the code to yourself: whoever shows it first goes in.", size=8)
    return bytes(page.output())


def _code(page: FPDF, ticket: Ticket, *, top: float) -> None:
    """The QR code drawn as squares (sharp at any size), or a plain word that there is none any more."""
    page.set_text_color(*_INK)
    if ticket.state is TicketState.VOID:
        page.set_xy(MARGIN_MM, top + QR_MM / 2)
        _text(page, "This ticket is void.", size=18, style="B", align="C")
        return
    matrix = qr(ticket.code).matrix
    module = QR_MM / (len(matrix) + 2 * QUIET_ZONE_MODULES)
    left = (PAGE_MM[0] - QR_MM) / 2 + QUIET_ZONE_MODULES * module
    page.set_fill_color(0, 0, 0)
    for row, bits in enumerate(matrix):
        start = None
        for column, bit in enumerate([*bits, 0]):
            if bit and start is None:
                start = column
            elif not bit and start is not None:
                y = top + (row + QUIET_ZONE_MODULES) * module
                page.rect(left + start * module, y, (column - start) * module, module, style="F")
                start = None
    page.set_xy(MARGIN_MM, top + QR_MM)
    spaced = " ".join(ticket.code[at : at + 4] for at in range(0, len(ticket.code), 4))
    _text(page, spaced, size=10, family="Courier", align="C")


def _fact(page: FPDF, label: str, value: str, *, x: float, y: float, width: float) -> None:
    page.set_xy(x, y)
    page.set_text_color(*_MUTED)
    page.set_font(_FONT, size=8)
    page.cell(width, 4, label)
    page.set_xy(x, y + 4.5)
    page.set_text_color(*_INK)
    page.set_font(_FONT, style="B", size=12)
    page.cell(width, 6, _fitted(page, _latin(value), width - 2))


def _text(
    page: FPDF, text: str, *, size: int, style: str = "", align: str = "L", lines_max: int = 2, family: str = _FONT
) -> None:
    page.set_font(family, style=style, size=size)
    lines = cast("list[str]", page.multi_cell(_WIDTH_MM, text=_latin(text), dry_run=True, output="LINES"))
    for line in lines[:lines_max]:
        page.set_x(MARGIN_MM)
        page.cell(_WIDTH_MM, size * 0.5, line, align=align)
        page.ln(size * 0.5)


def _fitted(page: FPDF, text: str, width: float) -> str:
    """As much of a text as fits on its line."""
    if page.get_string_width(text) <= width:
        return text
    while text and page.get_string_width(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def _hour(hour: int, minute: int) -> str:
    return f"{hour % 12 or 12}:{minute:02d} {'am' if hour < 12 else 'pm'}"


def _latin(text: str) -> str:
    """PDF's built-in fonts know Latin letters; others keep their base letter, or become a question mark."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        text = text.translate(_PUNCTUATION)
        pieces = (char if char.isascii() or _is_latin(char) else unicodedata.normalize("NFKD", char) for char in text)
        text = "".join(pieces).encode("latin-1", "ignore").decode("latin-1") or "?"
    return text


_PUNCTUATION = {0x2013: "-", 0x2014: "-", 0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2026: "..."}
_LATIN_1_LAST = "\xff"


def _is_latin(char: str) -> bool:
    return char <= _LATIN_1_LAST
