"""The books at the desk: settlements on pages and in files, and the ledger of one order."""

import csv
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from uuid import UUID

import pytest
from hypothesis import given

from domain.accounts import Role
from domain.ledger import Account, balances
from domain.money import CurrencyCode, Money
from domain.ports.books import CheckResult
from domain.provider_books import Reading, ReadingId
from domain.settlements import Figures, Side
from entrypoints.admin import words
from entrypoints.admin.settlement_lines import parts_of
from entrypoints.admin.spreadsheets import decimal
from tests.contract.test_settlements import charge
from tests.fakes.sales import general
from tests.unit.admin.desk import Desk
from tests.unit.domain.ledger_lives import Life, lives


@pytest.fixture
def desk() -> Desk:
    """Two tickets of 49.50 each sold, one of them given back: all but its fee of 4.50."""
    desk = Desk()
    house = desk.house
    order = house.buy(general(house.sale, 2))
    house.refund(order.id, house.tickets(order.id)[0].id)
    house.drain()
    return desk


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def figures_of(life: Life) -> Figures:
    sums: dict[Side, int] = {}
    for journal in life.journals:
        for posting in journal.postings:
            side = Side(journal.kind, posting.account, posting.detail)
            sums[side] = sums.get(side, 0) + posting.amount.amount
    return Figures(currency=life.order.total.currency, sums=sums)


@given(lives())
def test_a_settlement_adds_up_whatever_happened(life: Life) -> None:
    """The lines of each part come to its sum; whose the money is comes to where it is; both are the ledger's."""
    figures = figures_of(life)
    *whose, where = parts_of(figures)
    sums = balances(life.journals)

    for part in (*whose, where):
        *lines, total = part.lines
        assert total.is_sum
        assert sum(line.amount.amount for line in lines) == total.amount.amount
    assert sum(part.lines[-1].amount.amount for part in whose) == where.lines[-1].amount.amount
    assert where.lines[-1].amount.amount == sum(
        sums.get(each, 0) for each in (Account.PROVIDER, Account.PAID_BY_HAND, Account.DISPUTES)
    )


def test_an_event_is_settled_line_by_line(desk: Desk) -> None:
    """Finance sees what was sold and given back, whose the money is, and that it is all there."""
    page = desk.signed_in(Role.FINANCE).page(f"/events/{desk.house.event_id}/settlement")

    for said in ("Net to the organiser", "$45.00", "Kept by the house", "$9.00", "Where the money is", "$54.00"):
        assert said in page


def test_the_file_says_what_the_page_says(desk: Desk) -> None:
    """One row for each line, amounts with the currency's decimals and in minor units."""
    answer = desk.signed_in(Role.FINANCE).get(f"/events/{desk.house.event_id}/settlement.csv")
    rows = rows_of(answer.text)
    found = {(row["part"], row["line"]): row for row in rows}

    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert found["Organiser", "Net to the organiser"]["amount"] == "45.00"
    assert found["Organiser", "Net to the organiser"]["amount_minor"] == "4500"
    assert found["Organiser", "Prices given back"]["amount"] == "-45.00"
    assert [row["tickets"] for row in rows if row["part"] == "Tickets"][:2] == ["2", "1"]


def test_fees_in_another_currency_have_lines_of_their_own(desk: Desk) -> None:
    """On the settlement, in its file, among the books and on the order: in their currency and in no other sum."""
    house = desk.house
    order = next(iter(house.store.state.orders.values()))
    charge(house, order, Money(310, CurrencyCode("EUR")), entry_id="ch_1")
    browser = desk.signed_in(Role.FINANCE)

    page = browser.page(f"/events/{house.event_id}/settlement")
    rows = rows_of(browser.get(f"/events/{house.event_id}/settlement.csv").text)

    assert "Charged in EUR" in page
    assert "stands apart" in page
    assert {(row["line"], row["amount"], row["currency"]) for row in rows if row["part"] == "Charged in EUR"} == {
        ("Kept by the payment provider", "-3.10", "EUR"),
        ("Borne by the house, in EUR", "-3.10", "EUR"),
    }
    assert ("Kept by the house", "9.00", "USD") in {(row["line"], row["amount"], row["currency"]) for row in rows}
    assert "€3.10" in browser.page("/books")
    assert "€3.10" in browser.page(f"/orders/{order.id}/ledger").partition("What it comes to")[2]


def test_names_that_would_calculate_are_only_shown(desk: Desk) -> None:
    """An event may be called =HYPERLINK(…); whoever opens the file sees its name and nothing happens."""
    state = desk.house.store.state
    event = state.events[desk.house.event_id]
    state.events[event.id] = replace(event, name='=HYPERLINK("http://x.example","free, tickets")')

    rows = rows_of(desk.signed_in(Role.FINANCE).get("/books.csv").text)

    assert {row["event"] for row in rows} == {'\'=HYPERLINK("http://x.example","free, tickets")'}


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [(123_456, "USD", "1234.56"), (-5, "USD", "-0.05"), (1_500, "JPY", "1500"), (12_345, "KWD", "12.345")],
)
def test_amounts_have_their_currencys_decimals(amount: int, currency: str, written: str) -> None:
    """None, two or three, with a point and without thousands: what every spreadsheet reads as a number."""
    assert decimal(Money(amount, CurrencyCode(currency))) == written


def test_the_books_list_events_and_add_them_up(desk: Desk) -> None:
    """Every event of which money is told, and the sums by currency; a span without any says so."""
    browser = desk.signed_in(Role.ADMIN)
    day = desk.house.store.state.events[desk.house.event_id].starts_at.date()

    assert "Together, in USD" in browser.page(f"/books?from={day}&to={day}")
    assert "No money moved" in browser.page("/books?to=2001-01-01")
    assert "Together, in USD" in browser.page(f"/books?basis=money&from={desk.house.clock.now().date()}")
    assert "No money moved" in browser.page(f"/books?basis=money&to={day.replace(year=2001)}")


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "from=0001-01-01", "to=2026-13-01", "from=2027-02-02&to=2027-02-01", "venue=x", "basis=x"],
)
def test_days_that_are_none_are_explained(desk: Desk, query: str) -> None:
    """The page says which field and why; the file is not there."""
    browser = desk.signed_in(Role.FINANCE)

    answer = browser.get(f"/books?{query}")

    assert answer.status_code == 422
    assert "needs another look" in answer.text
    assert browser.get(f"/books.csv?{query}").status_code == 404


def test_an_orders_ledger_is_told_in_words(desk: Desk) -> None:
    """Four facts: taken, sold, set aside, given back; and what is left with whom."""
    order = next(iter(desk.house.store.state.orders.values()))

    page = desk.signed_in(Role.FINANCE).page(f"/orders/{order.id}/ledger")

    for kind in ("money_captured", "order_confirmed", "refund_requested", "refund_succeeded"):
        assert words.JOURNALS[next(each for each in words.JOURNALS if each.value == kind)] in page
    assert "At the payment provider" in page
    assert f"/orders/{order.id}/ledger" in desk.signed_in(Role.ADMIN).page(f"/orders/{order.id}")


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.VENUE_MANAGER])
def test_the_books_are_for_finance(desk: Desk, role: Role) -> None:
    """Others neither see a link nor get a page or a file."""
    browser = desk.signed_in(role)
    event_id = desk.house.event_id

    assert "/admin/books" not in browser.page("/")
    for path in ("/books", "/books.csv", f"/events/{event_id}/settlement", f"/events/{event_id}/settlement.csv"):
        assert browser.get(path).status_code == 403


def test_every_account_and_fact_has_words() -> None:
    """Nothing is shown by its code name."""
    assert set(words.ACCOUNTS) == set(Account)


def test_the_last_comparison_with_the_provider_is_shown(desk: Desk) -> None:
    """Never, then agreeing, then with each difference in words; and one that is under way."""
    browser, now = desk.signed_in(Role.FINANCE), desk.house.clock.now()
    result = CheckResult(name="Every charge is ours", compared=3, differences=())
    first = Reading(id=ReadingId(UUID(int=1)), actor="verify", since=None, began_at=now, entries=3)
    never = browser.page("/books")
    with desk.house.store() as uow:
        uow.readings.add(first.finish((result,), now=now))
        uow.commit()
    agrees = browser.page("/books")
    told = replace(result, differences=("charge ch_1 took 5.00 USD for order <b>K7</b>, which we do not have",))
    second = replace(first, id=ReadingId(UUID(int=2)), began_at=now + timedelta(seconds=1))
    with desk.house.store() as uow:
        uow.readings.add(second.finish((told,), now=now))
        uow.readings.add(replace(first, id=ReadingId(UUID(int=3)), began_at=now + timedelta(seconds=2)))
        uow.commit()
    differs = browser.page("/books")

    assert "never compared" in never
    assert "Everything agrees" in agrees
    assert "1 difference" in differs
    assert "for order &lt;b&gt;K7&lt;/b&gt;, which we do not have" in differs
    assert "under way" in differs
    assert desk.backoffice().pulse().books_differences == 1
