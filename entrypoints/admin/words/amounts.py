"""Money and numbers, as they are read and as they are typed."""

from collections.abc import Iterable

from domain.money import Money
from entrypoints.amounts import shown


def money(amount: Money) -> str:
    """``$1,234.50``, with as many decimals as the currency has; what is owed has a minus, not a hyphen."""
    return shown(amount).replace("-", "\N{MINUS SIGN}")


def moneys(amounts: Iterable[Money]) -> str:
    """One amount a currency, with commas between them."""
    return ", ".join(map(money, amounts)) or "nothing"


def plain_amount(amount: Money) -> str:
    """An amount as it is typed into a field: ``45.00``, ``4500``, ``4.500``."""
    return f"{amount.decimal:f}"


def plain_percent(basis_points: int) -> str:
    """A share as it is typed into a field: ``8.25``."""
    return f"{basis_points / 100:g}"


def count(number: int) -> str:
    """With thousands set apart."""
    return f"{number:,}"


def orders(number: int) -> str:
    """``1 order`` or ``1,200 orders``."""
    return "1 order" if number == 1 else f"{count(number)} orders"


def tickets(number: int) -> str:
    """``no ticket``, ``1 ticket`` or ``1,200 tickets``: money alone may go back too."""
    return {0: "no ticket", 1: "1 ticket"}.get(number, f"{count(number)} tickets")


def places(units: int, *, are: bool = False) -> str:
    """``1 place`` or ``1,200 places``, with its verb if something is to be said of them."""
    many = "1 place" if units == 1 else f"{count(units)} places"
    return f"{many} {'is' if units == 1 else 'are'}" if are else many
