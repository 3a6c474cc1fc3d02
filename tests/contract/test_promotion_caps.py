"""Caps of promotions: counted like stock, in memory, on every kind of Valkey and on Postgres, by the same suite."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from application.commands.change_prices import (
    ChangePrices,
    ChangeTaxes,
    SavePromotion,
    TierPrices,
    change_prices,
    change_taxes,
    save_promotion,
)
from application.commands.reconcile_sales import reconcile_sale
from application.commands.start_checkout import CheckoutStarted, checkout_request
from domain.errors import Rejection, RejectionCode
from domain.events import Event, Sale
from domain.fees import NO_FEE
from domain.holds import ActiveHold, HoldLine
from domain.orders import Order
from domain.prices import PriceRules
from domain.promotions import Promotion, PromotionKind, promotion_pool
from domain.taxes import TaxRate, TaxRule
from domain.tiers import PriceStep
from domain.venues import Venue
from tests.contract.houses import HOUSES, House, ask, held, house_of, opened, snapshot
from tests.contract.purchase_houses import ServerHouse, servers_at
from tests.fakes.sales import best, buyer, general, general_sale, opening, promotion, reserved_sale, tier_of, usd
from tests.unit.application.house import DEVICE
from tests.unit.application.house import House as Shop

CODE = "sesame"
OpenShop = Callable[[Sale], Shop]


@pytest.fixture(params=HOUSES)
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with house_of(request.param, request) as made:
        yield made


@pytest.fixture(params=["memory", "servers"])
def open_shop(request: pytest.FixtureRequest) -> Iterator[OpenShop]:
    """A house of use cases whose sale is loaded, in memory or on Postgres and Valkey."""

    def loaded(shop: Shop) -> Shop:
        shop.rebuild(shop.event_id, above=0)
        return shop

    if request.param == "memory":
        yield lambda sale: loaded(Shop(sale=sale))
        return
    urls = {name: request.getfixturevalue(name) for name in ("database_url", "redis_url")}
    with servers_at(**urls) as servers:
        yield lambda sale: loaded(ServerHouse(sale=sale, servers=servers))


def sale_with(*promotions: Promotion, **terms_: object) -> Sale:
    return replace(general_sale(**terms_), promotions=promotions)  # type: ignore[arg-type]  # any term


def refusal(answer: object) -> RejectionCode:
    assert isinstance(answer, Rejection), answer
    return answer.code


def left(house: House, sale: Sale, off: Promotion) -> int:
    return snapshot(house, sale).free[promotion_pool(off.key)]


class TestHolds:
    """What the inventory alone decides, in the one step in which places are taken."""

    def test_a_cap_is_never_passed_and_says_so(self, house: House) -> None:
        """The last ticket goes; the next is refused as used up, and takes no place either."""
        off = promotion(CODE, uses_max=3)
        sale = opened(house, sale_with(off))
        held(house, sale, general(sale, 2), promotion=off)

        assert refusal(ask(house, sale, general(sale, 2), who=buyer("b"), promotion=off)) is RejectionCode.CODE_USED_UP
        held(house, sale, general(sale, 1), who=buyer("c"), promotion=off)

        assert left(house, sale, off) == 0
        assert snapshot(house, sale).free["z:floor"] == 97
        held(house, sale, general(sale, 1), who=buyer("d"))

    def test_what_lapses_or_is_given_back_can_be_used_again(self, house: House) -> None:
        """As a place can."""
        off = promotion(CODE, uses_max=2)
        sale = opened(house, sale_with(off))
        given = held(house, sale, general(sale, 1), promotion=off)
        held(house, sale, general(sale, 1), who=buyer("b"), promotion=off)
        house.inventory.release(hold_id=given.id)
        assert left(house, sale, off) == 1

        house.advance(seconds=sale.terms.hold_seconds + 1)
        house.inventory.sweep(event_id=sale.event_id, at_most=10)

        assert left(house, sale, off) == 2

    def test_a_hold_remembers_what_it_was_priced_under(self, house: House) -> None:
        """Every part, the promotion and the taxes, as often as it is looked at."""
        off = promotion(CODE, kind=PromotionKind.AMOUNT, value=500)
        taxes = TaxRule(rates=(TaxRate(name="Sales tax", basis_points=825),), added=True)
        sale = opened(house, replace(sale_with(off), prices=PriceRules(taxes=taxes)))

        made = held(house, sale, general(sale, 2), promotion=off)

        found = house.inventory.find(hold_id=made.id)
        assert found == made
        assert made.price_terms.promotion == off.label
        assert made.price_terms.taxes == taxes
        (line,) = made.lines
        assert (line.unit.discount, line.promotion, made.buyer.promotion) == (usd(500), off.key, off.key)

    def test_one_person_has_so_many_with_a_code(self, house: House) -> None:
        """Over all holds with it; without it the event's own limit holds, and others have their own share."""
        off = promotion(CODE, per_buyer_max=2)
        sale = opened(house, sale_with(off))
        held(house, sale, general(sale, 1), promotion=off)

        refused = ask(house, sale, general(sale, 2), promotion=off)

        assert refusal(refused) is RejectionCode.LIMIT_REACHED
        assert isinstance(refused, Rejection)
        assert (refused.details["by"], refused.details["taken"], refused.details["maximum"]) == ("code", 1, 2)
        held(house, sale, general(sale, 2))
        held(house, sale, general(sale, 2), who=buyer("b"), promotion=off)

    def test_best_seats_use_a_code_once_each(self, house: House) -> None:
        """Seats that the inventory chooses count as those that are chosen."""
        off = promotion(CODE, uses_max=3)
        sale = opened(house, replace(reserved_sale(), promotions=(off,)))

        held(house, sale, best(sale, 2), promotion=off)

        assert left(house, sale, off) == 1
        short = ask(house, sale, best(sale, 2), who=buyer("b"), promotion=off)
        assert refusal(short) is RejectionCode.CODE_USED_UP

    def test_who_runs_out_of_both_is_told_of_the_places(self, house: House) -> None:
        """Without a place left it does not matter what it would have cost."""
        off = promotion(CODE, uses_max=1)
        sale = opened(house, sale_with(off, capacity=1))
        assert refusal(ask(house, sale, general(sale, 2), promotion=off)) is RejectionCode.SOLD_OUT


def ports(shop: Shop) -> dict[str, Any]:
    return {"unit_of_work": shop.uow, "clock": shop.clock, "ids": shop.ids}


def reconciled(shop: Shop) -> tuple[object, ...]:
    return reconcile_sale(shop.event_id, catalogue=shop.catalogue, inventory=shop.inventory, **ports(shop)).differences


def with_code(shop: Shop, line: HoldLine, code: str = CODE) -> ActiveHold:
    made = shop.hold(line, buyer=replace(DEVICE, device=uuid4().hex), code=code)
    assert isinstance(made, ActiveHold), made
    return made


def counted(shop: Shop, off: Promotion) -> tuple[int, int]:
    """What Postgres has counted as being paid and as sold with a code."""
    with shop.uow() as uow:
        pool = uow.stock.pools(shop.event_id)[promotion_pool(off.key)]
    return pool.claimed, pool.allocated


class TestPurchases:
    """From the hold to the refund, by the use cases."""

    def test_an_order_keeps_its_price_and_uses_the_code_for_good(self, open_shop: OpenShop) -> None:
        """Line by line as it was held; the books agree with the inventory at every step."""
        off = promotion(CODE, uses_max=5)
        shop = open_shop(sale_with(off))
        placed = shop.checkout(with_code(shop, general(shop.sale, 2)).id)
        assert isinstance(placed, CheckoutStarted), placed
        assert counted(shop, off) == (2, 0)
        assert placed.order.total == usd(2 * (4_500 - 450 + 450))
        with shop.uow() as uow:
            stored = uow.orders.get(placed.order.id)
        assert stored == placed.order
        assert stored.price_terms.promotion == off.label
        assert [line.promotion for line in stored.lines] == [off.key]
        assert reconciled(shop) == ()

    def test_an_order_that_is_not_paid_gives_its_uses_back(self, open_shop: OpenShop) -> None:
        """At its deadline, with its places."""
        off = promotion(CODE, uses_max=2)
        shop = open_shop(sale_with(off))
        placed = shop.checkout(with_code(shop, general(shop.sale, 2)).id)
        assert isinstance(placed, CheckoutStarted), placed

        shop.clock.advance(seconds=shop.sale.terms.payment_seconds + 1)
        shop.expire(placed.order.id)
        shop.drain()

        assert counted(shop, off) == (0, 0)
        with_code(shop, general(shop.sale, 2))

    def test_a_refunded_ticket_gives_its_use_back(self, open_shop: OpenShop) -> None:
        """With its place, in the books and in the inventory; the other ticket of the order keeps its own."""
        off = promotion(CODE, uses_max=2)
        shop = open_shop(sale_with(off))
        order = bought(shop, general(shop.sale, 2))
        assert counted(shop, off) == (0, 2)

        refunded = shop.refund(order.id, shop.tickets(order.id)[0].id)
        assert not isinstance(refunded, Rejection), refunded
        shop.drain()

        assert counted(shop, off) == (0, 1)
        assert reconciled(shop) == ()
        with_code(shop, general(shop.sale, 1))

    def test_seats_that_became_another_tier_give_the_use_back(self, open_shop: OpenShop) -> None:
        """The code was for the balcony, and the best seats were in the stalls: it is as if it was never used."""
        sale = reserved_sale()
        off = promotion(CODE, uses_max=2, tiers=frozenset({tier_of(sale, "balcony").id}))
        shop = open_shop(replace(sale, promotions=(off,)))

        order = bought(shop, best(shop.sale, 2, "stalls", "balcony"))

        assert [(line.tier_name, line.promotion) for line in order.lines] == [("Stalls", None)]
        assert counted(shop, off) == (0, 0)
        assert reconciled(shop) == ()
        with_code(shop, best(shop.sale, 2, "balcony"))

    def test_the_providers_page_asks_for_exactly_the_total(self, open_shop: OpenShop) -> None:
        """Unit by unit; its words say which parts are in it."""
        off = promotion(CODE, kind=PromotionKind.AMOUNT, value=333)
        taxes = TaxRule(rates=(TaxRate(name="State tax", basis_points=333), TaxRate(name="City tax", basis_points=77)))
        rules = PriceRules(taxes=replace(taxes, added=True))
        shop = open_shop(replace(sale_with(off), prices=rules))
        placed = shop.checkout(with_code(shop, general(shop.sale, 3)).id)
        assert isinstance(placed, CheckoutStarted), placed
        assert placed.payment is not None
        with shop.uow() as uow:
            event = uow.events.get(shop.event_id)

        request = checkout_request(placed.order, placed.payment, event=event, access=shop.access)

        assert sum(item.unit.amount * item.quantity for item in request.items) == placed.order.total.amount
        assert [item.description for item in request.items] == [
            f"Ticket, fees, State tax and City tax included. {off.label}"
        ]
        assert sum(part.amount.amount for part in placed.order.taxes) == 3 * placed.order.lines[0].unit.tax.amount

    def test_a_code_may_make_an_order_free(self, open_shop: OpenShop) -> None:
        """Then nobody is asked to pay, no fee is left over, and the tickets are there at once."""
        off = promotion(CODE, value=10_000, uses_max=1)
        shop = open_shop(sale_with(off))

        placed = shop.checkout(with_code(shop, general(shop.sale, 1)).id)

        assert isinstance(placed, CheckoutStarted), placed
        assert placed.payment is None
        assert placed.order.total == usd(0)
        assert len(shop.tickets(placed.order.id)) == 1
        assert counted(shop, off) == (0, 1)
        shop.drain()
        assert reconciled(shop) == ()
        assert refusal(shop.hold(general(shop.sale, 1), code=CODE)) is RejectionCode.CODE_USED_UP

    def test_a_rebuild_keeps_caps_and_shares(self, open_shop: OpenShop) -> None:
        """What is sold, claimed and held with a code stays so in the next epoch, for the code and for each person."""
        off = promotion(CODE, value=10_000, uses_max=4, per_buyer_max=2)
        shop = open_shop(sale_with(off))
        assert isinstance(shop.checkout(shop_hold(shop, 1).id), CheckoutStarted)
        with_code(shop, general(shop.sale, 1))
        shop.drain()

        shop.rebuild(shop.event_id, above=shop.catalogue.fresh(event_id=shop.event_id).epoch)

        now = shop.inventory.snapshot(event_id=shop.event_id)
        assert now is not None
        assert now.free[promotion_pool(off.key)] == 2
        assert refusal(shop.hold(general(shop.sale, 2), code=CODE)) is RejectionCode.LIMIT_REACHED
        shop.drain()
        assert reconciled(shop) == ()

    def test_a_wrong_code_sells_nothing_and_guessing_ends(self, open_shop: OpenShop) -> None:
        """Every try counts, and after so many even the right code must wait; without one everybody goes on."""
        off = promotion(CODE)
        shop = open_shop(sale_with(off))
        answers = [refusal(shop.hold(general(shop.sale, 1), code=f"guess {n}")) for n in range(40)]

        assert answers[0] is RejectionCode.CODE_REFUSED
        assert answers[-1] is RejectionCode.TOO_MANY_CODES
        assert refusal(shop.hold(general(shop.sale, 1), code=CODE)) is RejectionCode.TOO_MANY_CODES
        assert isinstance(shop.hold(general(shop.sale, 1)), ActiveHold)

    def test_a_code_that_is_stopped_stops_at_once(self, open_shop: OpenShop) -> None:
        """For new holds; who holds tickets under it buys them at their price."""
        off = promotion(CODE)
        shop = open_shop(sale_with(off))
        earlier = with_code(shop, general(shop.sale, 1))

        save(shop, replace(off, active=False))

        assert refusal(shop.hold(general(shop.sale, 1), code=CODE)) is RejectionCode.CODE_REFUSED
        placed = shop.checkout(earlier.id)
        assert isinstance(placed, CheckoutStarted), placed
        assert placed.order.price_terms.promotion == off.label

    def test_a_new_code_is_good_at_once(self, open_shop: OpenShop) -> None:
        """Its pool is loaded with the next hold, whatever the inventory knew before."""
        shop = open_shop(sale_with())
        off = promotion(CODE, uses_max=1)

        save(shop, off)

        with_code(shop, general(shop.sale, 1))
        assert refusal(shop.hold(general(shop.sale, 1), code=CODE)) is RejectionCode.CODE_USED_UP

    def test_a_cap_does_not_fall_below_what_is_sold(self, open_shop: OpenShop) -> None:
        """The refusal says the least that is possible; that is taken, and nothing below."""
        off = promotion(CODE, value=10_000)
        shop = open_shop(sale_with(off))
        assert isinstance(shop.checkout(with_code(shop, general(shop.sale, 3)).id), CheckoutStarted)

        refused = saved(shop, replace(off, uses_max=2))

        assert isinstance(refused, Rejection)
        assert refused.details["lowest"] == 3
        save(shop, replace(off, uses_max=3))

    def test_a_locked_tier_opens_with_its_code_only(self, open_shop: OpenShop) -> None:
        """And costs what it costs."""
        sale = general_sale()
        vip = replace(tier_of(sale, "vip"), locked=True)
        sale = replace(sale, tiers=(tier_of(sale, "general"), vip), promotions=(opening(CODE, vip),))
        shop = open_shop(sale)

        assert refusal(shop.hold(general(sale, 1, "vip"))) is RejectionCode.ACCESS_CODE_REQUIRED
        assert with_code(shop, general(sale, 1, "vip")).total == usd(13_200)


def bought(shop: Shop, line: HoldLine) -> Order:
    """The whole purchase with the code, paid with a good card."""
    placed = shop.checkout(with_code(shop, line).id)
    assert isinstance(placed, CheckoutStarted), placed
    shop.pay(placed.order)
    shop.settle(placed.order.id)
    shop.drain()
    return shop.order(placed.order.id)


def shop_hold(shop: Shop, quantity: int) -> ActiveHold:
    """A hold of the usual buyer with the code."""
    made = shop.hold(general(shop.sale, quantity), code=CODE)
    assert isinstance(made, ActiveHold), made
    return made


def saved(shop: Shop, off: Promotion) -> Promotion | Rejection:
    answer = save_promotion(
        SavePromotion(event_id=shop.event_id, promotion=off, actor="an organiser"),
        wakeup=shop.wakeup,
        **ports(shop),
    )
    shop.drain()
    return answer


def save(shop: Shop, off: Promotion) -> None:
    answer = saved(shop, off)
    assert isinstance(answer, Promotion), answer


@pytest.mark.parametrize(
    ("statement", "guard"),
    [
        ("UPDATE pools SET capacity = 1 WHERE key = %(pool)s", "pools_never_oversold"),
        ("UPDATE promotions SET uses_max = 2", "promotions_cap_is_counted"),
        ("UPDATE promotions SET digest = repeat('0', 64)", "promotions_keep_identity"),
        ("DELETE FROM promotions", "promotions_kept"),
        ("UPDATE pools SET allocated = 0 WHERE key = %(pool)s", "pools_counted_by_claims"),
        ("UPDATE orders SET price_terms = '{}'", "orders_keep_facts"),
        ("UPDATE order_lines SET promotion_pool = NULL", "order_lines_keep_facts"),
    ],
)
def test_no_hand_written_statement_gets_around_a_cap(
    database_url: str, redis_url: str, statement: str, guard: str
) -> None:
    """Postgres refuses, by the name of the rule, whoever writes."""
    with servers_at(database_url=database_url, redis_url=redis_url) as servers:
        off = promotion(CODE, uses_max=5, value=10_000)
        shop = ServerHouse(sale=sale_with(off), servers=servers)
        shop.rebuild(shop.event_id, above=0)
        assert isinstance(shop.checkout(with_code(shop, general(shop.sale, 2)).id), CheckoutStarted)
        with psycopg.connect(database_url, autocommit=True) as connection, pytest.raises(errors.IntegrityError) as no:
            connection.execute(statement.encode(), {"pool": promotion_pool(off.key)})
    assert no.value.diag.constraint_name == guard


def test_a_hold_keeps_the_price_of_its_moment(open_shop: OpenShop) -> None:
    """A price that changes while somebody types an address changes it for who comes after, and not for them."""
    sale = general_sale()
    shop = open_shop(sale)
    later = shop.clock.now() + timedelta(minutes=5)
    tiers = {
        tier_of(sale, "general").id: TierPrices(face=usd(4_500), steps=(PriceStep(starts_at=later, face=usd(6_000)),))
    }
    command = ChangePrices(event_id=shop.event_id, fee=NO_FEE, tiers=tiers, actor="an organiser")
    assert isinstance(change_prices(command, wakeup=shop.wakeup, **ports(shop)), Event)
    shop.drain()
    early = shop.hold(general(sale, 1))
    assert isinstance(early, ActiveHold), early
    assert early.total == usd(4_500)

    shop.clock.advance(seconds=300)

    placed = shop.checkout(early.id)
    assert isinstance(placed, CheckoutStarted), placed
    assert placed.order.total == usd(4_500)
    late = shop.hold(general(sale, 1), buyer=buyer("late"))
    assert isinstance(late, ActiveHold), late
    assert late.total == usd(6_000)


def test_new_taxes_are_asked_at_once_and_of_nobody_before(open_shop: OpenShop) -> None:
    """Of every event of the venue; a hold, and the order that it becomes, keeps the taxes it was priced under."""
    shop = open_shop(general_sale())
    early = shop.hold(general(shop.sale, 1))
    assert isinstance(early, ActiveHold), early
    vat = TaxRule(rates=(TaxRate(name="Sales tax", basis_points=1_000),), added=True)

    command = ChangeTaxes(venue_id=shop.sale.seat_map.venue_id, taxes=vat, actor="an organiser")
    stale = replace(command, seen=vat)
    assert isinstance(change_taxes(stale, wakeup=shop.wakeup, **ports(shop)), Rejection), "nobody has seen these"
    changed = change_taxes(command, wakeup=shop.wakeup, **ports(shop))
    assert isinstance(changed, Venue), changed
    assert changed.taxes == vat
    shop.drain()

    placed = shop.checkout(early.id)
    assert isinstance(placed, CheckoutStarted), placed
    assert (placed.order.total, placed.order.taxes) == (usd(4_950), ())
    late = shop.hold(general(shop.sale, 1), buyer=buyer("late"))
    assert isinstance(late, ActiveHold), late
    assert (late.total, late.price_terms.taxes) == (usd(4_950 + 495), vat)
