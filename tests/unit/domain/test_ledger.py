"""The ledger: every journal balances, and whatever an order goes through, its accounts add up to the facts."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from domain.bookings import Withdrawal, dispute_opened, order_confirmed, refund_moved, refund_requested
from domain.ledger import OWNERS, Account, Journal, JournalKind, Owner, Posting, balances
from domain.money import CurrencyCode, Money
from domain.orders import Order
from domain.prices import PriceTerms
from domain.refunds import Refund, RefundState
from domain.taxes import TaxRate, TaxRule
from domain.tiers import UnitPrice
from tests.unit.domain.ledger_lives import NOW, Life, lives, order_with, orders, told_again

USD = CurrencyCode("USD")


def usd(cents: int) -> Money:
    return Money(cents, USD)


def price(**parts: int) -> UnitPrice:
    """A ticket of 60.00 with a fee of 5.00, unless told otherwise; ``added`` is a tax on top, ``included`` inside."""
    return UnitPrice(
        face=usd(parts.get("face", 6_000)),
        discount=usd(parts.get("discount", 0)),
        fee=usd(parts.get("fee", 500)),
        absorbed_fee=usd(parts.get("absorbed", 0)),
        tax=usd(parts.get("added", 0) or parts.get("included", 0)),
        tax_added="added" in parts,
    )


def life_of(unit: UnitPrice, *, quantity: int = 2) -> Life:
    """A paid order of so many tickets at this price."""
    life = Life(order_with((unit, quantity)))
    life.pay()
    return life


@given(lives())
def test_whatever_happens_the_accounts_add_up_to_the_facts(life: Life) -> None:
    """At the provider is what was taken less what went back; everything there belongs to somebody, to the unit."""
    sums = balances(life.journals)
    sent = sum(one.amount.amount for one in life.refunds if one.state is RefundState.SUCCEEDED)
    pending = sum(
        one.amount.amount for one in life.refunds if one.state in {RefundState.REQUESTED, RefundState.PENDING}
    )
    by_hand = sum(one.amount.amount for one in life.by_hand)

    assert sum(sums.values()) == 0
    assert sums.get(Account.PROVIDER, 0) == life.captured - sent - life.withdrawn - life.fees
    assert -sums.get(Account.REFUNDS_PENDING, 0) == pending
    assert -sums.get(Account.PAID_BY_HAND, 0) == by_hand
    assert sums.get(Account.BUYERS, 0) == 0
    assert sums.get(Account.CHARGEBACKS, 0) == life.charged_back
    assert sums.get(Account.DISPUTES, 0) == life.withdrawn - life.charged_back


@given(lives())
def test_what_is_owed_is_what_failed_and_was_not_made_good(life: Life) -> None:
    """A failed refund stays owed until it is sent anew or paid by hand, and never twice."""
    owed: dict[frozenset[object], int] = {}
    for refund in life.refunds:
        owed[frozenset(refund.tickets)] = refund.amount.amount if refund.state is RefundState.FAILED else 0
    paid_by_hand = sum(refund.amount.amount for refund in life.by_hand)

    assert -balances(life.journals).get(Account.REFUNDS_OWED, 0) == sum(owed.values()) - paid_by_hand


@given(orders())
def test_a_sale_is_split_by_the_parts_of_its_prices(order: Order) -> None:
    """Each part of each ticket is on its own account, and together they are what the buyer paid."""
    told = order_confirmed(order, at=NOW)
    sums = balances([told] if told else [])
    units = [line.unit for line in order.lines for _ in range(line.quantity)]

    def total(part: str) -> int:
        return int(sum(getattr(unit, part).amount for unit in units))

    assert sums.get(Account.BUYERS, 0) == order.total.amount
    assert -sums.get(Account.FACE_VALUES, 0) == total("face")
    assert sums.get(Account.DISCOUNTS, 0) == total("discount")
    assert -sums.get(Account.FEES_PASSED_ON, 0) == total("fee")
    assert -sums.get(Account.FEES_ABSORBED, 0) == sums.get(Account.FEES_BORNE, 0) == total("absorbed_fee")
    assert -sums.get(Account.TAXES, 0) == total("tax")


@given(lives())
def test_the_same_fact_has_the_same_key_and_no_other_has_it(life: Life) -> None:
    """So a ledger that takes each key once takes each fact once, however often it is told."""
    keys = [journal.key for journal in life.journals]

    assert len(set(keys)) == len(keys)
    assert [journal.key for journal in told_again(life)] == keys


def test_everything_back_leaves_nothing_with_anybody() -> None:
    """Face value, fee and taxes inside the price all return; only the fee that the organiser bore stays borne."""
    life = life_of(price(included=900, absorbed=100))
    life.request(life.tickets, (100, 100))
    life.move(0, RefundState.SUCCEEDED)

    sums = balances(life.journals)

    by_owner = {owner: sum(sums.get(each, 0) for each in Account if OWNERS[each] is owner) for owner in Owner}
    assert by_owner == {
        Owner.PROVIDER: 0,
        Owner.BUYERS: 0,
        Owner.BANKS: 0,
        Owner.ORGANISER: 200,
        Owner.HOUSE: -200,
        Owner.STATE: 0,
    }


def test_taxes_inside_a_price_return_in_its_share() -> None:
    """Half of the price back means half of its tax is owed no longer, and the organiser is charged less for it."""
    life = life_of(price(fee=0, included=1_001), quantity=1)
    life.request(life.tickets, (50,))

    (requested,) = [one for one in life.journals if one.kind is JournalKind.REFUND_REQUESTED]

    assert balances([requested]) == {
        Account.ADMISSION_RETURNED: 3_000,
        Account.TAXES: 501,
        Account.TAXES_INCLUDED: -501,
        Account.REFUNDS_PENDING: -3_000,
    }


def test_a_ticket_that_its_promotion_made_free_is_still_told() -> None:
    """No money moves; the report shows what was given away."""
    life = life_of(price(face=6_000, discount=6_000, fee=0), quantity=1)

    assert balances(life.journals) == {Account.FACE_VALUES: -6_000, Account.DISCOUNTS: 6_000}


def test_a_ticket_without_any_price_moves_nothing() -> None:
    """Neither at the sale nor when it is given back."""
    life = life_of(price(face=0, fee=0), quantity=1)
    life.request(life.tickets, (100,))

    assert life.journals == []


def test_money_that_bought_nothing_waits_for_its_buyer() -> None:
    """Captured although the places were gone: it is the buyer's, goes back whole, and nobody earned from it."""
    life = life_of(price(), quantity=1)
    unconfirmed = replace(life.order, confirmed_at=None)
    captured = life.journals[0]
    refund = replace(_refund(life), parts=())

    asked = refund_requested(unconfirmed, refund, (), at=NOW)
    done = refund_moved(unconfirmed, refund, replace(refund, state=RefundState.SUCCEEDED), at=NOW)

    assert balances([captured]) == {Account.PROVIDER: 6_500, Account.BUYERS: -6_500}
    assert asked is not None
    assert done is not None
    assert balances([captured, asked, done]) == {}


def test_a_kindness_without_tickets_is_the_organisers() -> None:
    """Money back on an order that keeps its tickets comes out of the organiser's share."""
    life = life_of(price(), quantity=1)

    asked = refund_requested(life.order, replace(_refund(life), parts=()), life.tickets, at=NOW)

    assert asked is not None
    assert balances([asked]) == {Account.ADMISSION_RETURNED: 6_500, Account.REFUNDS_PENDING: -6_500}


def test_a_refund_that_failed_after_it_had_arrived_is_owed_again() -> None:
    """The bank sent the money back: it is at the provider, and the buyer's."""
    life = life_of(price(), quantity=1)
    life.request(life.tickets, (100,))
    life.move(0, RefundState.SUCCEEDED)
    life.move(0, RefundState.FAILED)

    sums = balances(life.journals)

    assert (sums[Account.PROVIDER], sums[Account.REFUNDS_OWED]) == (6_500, -6_500)
    assert Account.REFUNDS_PENDING not in sums


def test_a_dispute_takes_its_fee_as_well() -> None:
    """Withheld by the bank, and charged for by the provider."""
    life = life_of(price(), quantity=1)

    told = dispute_opened(
        life.order, dispute_id="dp_1", withdrawn=Withdrawal(amount=usd(6_500), fee=usd(1_500)), at=NOW
    )  # fmt: skip

    assert balances([told]) == {Account.DISPUTES: 6_500, Account.DISPUTE_FEES: 1_500, Account.PROVIDER: -8_000}


def test_a_disputes_fee_may_be_in_the_currency_of_the_house() -> None:
    """A ticket was paid in dollars; the provider settles in euros and charges its fee in them."""
    life = life_of(price(), quantity=1)
    fee = Money(2_000, CurrencyCode("EUR"))

    told = dispute_opened(life.order, dispute_id="dp_1", withdrawn=Withdrawal(amount=usd(6_500), fee=fee), at=NOW)

    assert {(posting.account, posting.amount) for posting in told.postings} == {
        (Account.DISPUTES, usd(6_500)),
        (Account.PROVIDER, -usd(6_500)),
        (Account.DISPUTE_FEES, fee),
        (Account.PROVIDER, -fee),
    }


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (Posting(account=Account.PROVIDER, amount=usd(1)),),
        (Posting(account=Account.PROVIDER, amount=usd(1)), Posting(account=Account.BUYERS, amount=usd(-2))),
        (
            Posting(account=Account.PROVIDER, amount=usd(1)),
            Posting(account=Account.BUYERS, amount=Money(-1, CurrencyCode("JPY"))),
        ),
        (
            Posting(account=Account.PROVIDER, amount=usd(1)),
            Posting(account=Account.BUYERS, amount=usd(-1)),
            Posting(account=Account.TAXES, amount=usd(0)),
        ),
    ],
)
def test_what_does_not_balance_is_no_journal(postings: tuple[Posting, ...]) -> None:
    """One side, two sides that differ, two currencies that only look alike, or a side of nothing."""
    life = life_of(price(), quantity=1)

    with pytest.raises(ValueError, match="journal"):
        Journal(
            key="k",
            kind=JournalKind.MONEY_CAPTURED,
            event_id=life.order.event_id,
            order_id=life.order.id,
            at=NOW + timedelta(seconds=1),
            postings=postings,
        )


def test_every_account_is_somebodys() -> None:
    """The chart is whole."""
    assert set(OWNERS) == set(Account)


def _refund(life: Life) -> Refund:
    """Of everything that the order cost, of which the ledger has not heard."""
    other = Life(life.order, tickets=life.tickets)
    other.request(life.tickets, tuple(100 for _ in life.tickets))
    return other.refunds[0]


def test_taxes_are_told_by_name_and_rate() -> None:
    """Two taxes of one price are two sides of one account, at the sale and when half of it comes back."""
    rules = TaxRule(rates=(TaxRate(name="State", basis_points=600), TaxRate(name="City", basis_points=225)), added=True)
    life = Life(replace(order_with((price(fee=0, added=495), 2)), price_terms=PriceTerms(taxes=rules)))
    life.pay()
    life.request(life.tickets[:1], (50,))

    told = [
        {posting.detail: posting.amount.amount for posting in journal.postings if posting.account is Account.TAXES}
        for journal in life.journals
    ]

    assert told == [{}, {"State 6%": -720, "City 2.25%": -270}, {"State 6%": 180, "City 2.25%": 68}]
