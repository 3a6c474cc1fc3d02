"""The code at the door: a ticket's secret as a QR code."""

from io import BytesIO

import segno

from domain.tickets import Ticket, TicketState

QUIET_ZONE_MODULES = 4
"""The standard's least; scanners fail without it."""

_ERROR_CORRECTION = "m"


def qr(code: str) -> segno.QRCode:
    """Nothing but the code, in upper case letters and digits, which a QR code packs tightly."""
    return segno.make_qr(code, error=_ERROR_CORRECTION)


def ticket_svg(ticket: Ticket) -> bytes:
    """Black on white whatever the page's colours are. A ticket that admits nobody shows a struck-out empty square."""
    if ticket.state is TicketState.VOID:
        return _VOID
    out = BytesIO()
    qr(ticket.code).save(
        out,
        kind="svg",
        border=QUIET_ZONE_MODULES,
        dark="#000",
        light="#fff",
        omitsize=True,
        title="Ticket code",
        xmldecl=False,
        nl=False,
    )
    return out.getvalue()


_VOID = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 33 33"><title>This ticket is void</title>'
    b'<path fill="#fff" d="M0 0h33v33H0z"/><path stroke="#b00" stroke-width="2" d="M4 4l25 25M29 4L4 29"/></svg>'
)
