"""Turn a hold into an order with claimed stock, and open the provider's page to pay it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from application import trail
from application.access import Access
from application.commands.confirm_order import confirm
from application.commands.pay_again import new_attempt, pay_again
from application.commands.rebuild_sale import rebuild_sale
from application.exchanging import refuse_exchange
from application.transactions import retrying
from domain.audit import BUYER
from domain.errors import InventoryUnavailable, Rejection, RejectionCode, StockConflict
from domain.events import PAYMENT_SECONDS_MAX, Event, EventId, EventState, Sale
from domain.holds import BuyerFingerprint, ClaimedHold, HoldId
from domain.limits import Limit, counted_under, email_key, personal_limits, phone_key
from domain.money import zero
from domain.orders import Buyer, Exchange, Order, OrderId, OrderLine, OrderLineId, OrderState, StockState
from domain.payments import Payment, PaymentState, standing
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory, Outcome, SaleDoubt, Settlement
from domain.ports.payments import CheckoutItem, CheckoutRequest, PaymentGateway
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.velocity import Velocity
from domain.ports.world import Clock, Ids, Wakeup
from domain.prices import PriceTerms
from domain.promotions import promotion_pool
from domain.refusals import buyer_limit_reached, hold_lapsed
from domain.tiers import UnitPrice, tier_pool, zone_pool

CLAIM_SECONDS_FIRST = 120
"""How long a claim is kept for an order that is being placed. If that fails, the stock is not away for longer."""
DOUBTS_MAX = 3
"""How often one checkout may find that the sale was rebuilt meanwhile before it gives up."""
CLAIM_GRACE_SECONDS = 600
"""How long after the payment deadline Valkey waits for Postgres' word before it gives the stock back by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCheckout:
    """``exchanging``: tickets of an older order that are given back when this one is confirmed. Whoever calls has made
    sure that they are this buyer's.
    """

    hold_id: HoldId
    buyer: Buyer
    exchanging: Exchange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutStarted:
    """``payment`` is None for an order that is free of charge: it is confirmed already."""

    order: Order
    payment: Payment | None


def start_checkout(
    command: StartCheckout,
    *,
    catalogue: Catalogue,
    inventory: Inventory,
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    velocity: Velocity,
    clock: Clock,
    ids: Ids,
    access: Access,
    wakeup: Wakeup,
) -> CheckoutStarted | Rejection:
    """Idempotent by hold: the same call continues where the last one stopped, with the same order.

    Raises ProviderUnavailable when the provider's page could not be opened: the order and its stock are kept
    until the payment deadline, so calling again is right.
    """
    standing = _standing(command, unit_of_work=unit_of_work)
    if isinstance(standing, CheckoutStarted) and standing.payment is not None:
        payment = pay_again(
            standing.order, standing.payment, unit_of_work=unit_of_work, gateway=gateway, clock=clock, ids=ids
        )
        if isinstance(payment, Rejection):
            return payment
        standing = replace(standing, payment=payment)
    if standing is None:
        rebuild = partial(rebuild_sale, catalogue=catalogue, inventory=inventory, unit_of_work=unit_of_work)
        place = partial(_place_order, unit_of_work=unit_of_work, clock=clock, ids=ids, access=access)
        standing = _claim_and_place(
            command, inventory=inventory, unit_of_work=unit_of_work, clock=clock, rebuild=rebuild, place=place
        )
        if isinstance(standing, CheckoutStarted):
            buyer = standing.order.fingerprint
            velocity.record(device=buyer.device, address=buyer.address, order=str(standing.order.id))
        wakeup.outbox_filled()
    if isinstance(standing, Rejection) or standing.payment is None:
        return standing
    return _open_page(standing, unit_of_work=unit_of_work, gateway=gateway, clock=clock, access=access)


def _standing(command: StartCheckout, *, unit_of_work: UnitOfWorkFactory) -> CheckoutStarted | Rejection | None:
    """The order that this hold became, or why that cannot be paid any more. None: no order yet."""
    with unit_of_work() as uow:
        order = uow.orders.of_hold(command.hold_id)
        if order is None:
            return None
        if order.state in {OrderState.EXPIRED, OrderState.CANCELLED, OrderState.PAYMENT_FAILED}:
            return Rejection(
                code=RejectionCode.HOLD_LAPSED,
                message="The time to pay for these tickets is over. Please choose again.",
                details={"order": str(order.id), "state": order.state.value},
            )
        return CheckoutStarted(order=order, payment=standing(uow.payments.of_order(order.id)))


class _Place(Protocol):
    def __call__(self, command: StartCheckout, hold: ClaimedHold) -> CheckoutStarted | Rejection | SaleDoubt: ...


class _Rebuild(Protocol):
    def __call__(self, event_id: EventId, *, above: int) -> Sale: ...


def _claim_and_place(
    command: StartCheckout,
    *,
    inventory: Inventory,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    rebuild: _Rebuild,
    place: _Place,
) -> CheckoutStarted | Rejection:
    """The hold becomes a claim, and the claim an order. A sale that is rebuilt meanwhile keeps both, in a new epoch."""
    for _ in range(DOUBTS_MAX):
        event = _event(command, unit_of_work=unit_of_work)
        found = inventory.find(hold_id=command.hold_id)
        if found is None:
            return _standing(command, unit_of_work=unit_of_work) or hold_lapsed()
        # Asked before the claim, which nobody could give back.
        with unit_of_work() as uow:
            rejection = _called_off(event) or _exchange_refusal(command, units=found.units, uow=uow, now=clock.now())
        if rejection:
            # Another click on the same hold may have placed its order meanwhile, which would be its own rival.
            return _standing(command, unit_of_work=unit_of_work) or rejection
        hold = inventory.begin_claim(
            hold_id=command.hold_id,
            until=max(found.expires_at, clock.now() + timedelta(seconds=CLAIM_SECONDS_FIRST)),
            joining=_limits(event, known_as(found.buyer, command.buyer)),
        )
        if isinstance(hold, Rejection):
            return _standing(command, unit_of_work=unit_of_work) or hold
        try:
            standing = place(command, hold)
        except StockConflict as conflict:
            # Valkey believed in stock that Postgres has given away: its whole picture of the sale is in doubt, and this
            # claim, which would be kept for an order that cannot be, is over.
            inventory.settle(settlement=_in_vain(hold))
            rebuild(event.id, above=hold.epoch)
            return _gone(conflict)
        if not isinstance(standing, SaleDoubt):
            if isinstance(standing, CheckoutStarted):
                _keep_for_payment(standing.order, inventory=inventory, now=clock.now())
            return standing
        rebuild(event.id, above=hold.epoch)
    raise InventoryUnavailable("the sale keeps being rebuilt")


def _keep_for_payment(order: Order, *, inventory: Inventory, now: datetime) -> None:
    """The order stands, so the inventory waits for its end. If it is away now, the poller tells it in a moment."""
    with suppress(InventoryUnavailable):
        inventory.begin_claim(hold_id=order.hold_id, until=safety_net(now))


def _in_vain(hold: ClaimedHold) -> Settlement:
    return Settlement(
        key=f"{hold.id}-in-vain-{hold.epoch}",
        event_id=hold.id.event_id,
        epoch=hold.epoch,
        hold_id=hold.id,
        outcome=Outcome.RELEASED,
        pools=hold.pools,
        seats=hold.seats,
        buyers=counted_under(hold.buyer),
    )


def _event(command: StartCheckout, *, unit_of_work: UnitOfWorkFactory) -> Event:
    with unit_of_work() as uow:
        return uow.events.get(command.hold_id.event_id)


def _limits(event: Event, buyer: BuyerFingerprint) -> tuple[Limit, ...]:
    promotion = event.promotion_with(buyer.promotion) if buyer.promotion else None
    return personal_limits(event.terms, buyer, promotion=promotion)


def known_as(buyer: BuyerFingerprint, contact: Buyer) -> BuyerFingerprint:
    """The same buyer, now that it is known where the tickets go."""
    return replace(buyer, email=email_key(contact.email), phone=phone_key(contact.phone) if contact.phone else None)


@retrying
def _place_order(
    command: StartCheckout,
    hold: ClaimedHold,
    *,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
    access: Access,
) -> CheckoutStarted | Rejection | SaleDoubt:
    """One transaction: order, lines, claims, payment attempt, audit. From here on, losing Valkey is harmless."""
    now = clock.now()
    with unit_of_work() as uow:
        # The old order before the new sale's gate: orders come first in everybody's order of locks.
        refusal = _exchange_refusal(command, units=hold.units, uow=uow, now=now)
        if uow.stock.epoch(hold.id.event_id) != hold.epoch:
            return SaleDoubt.REBUILD
        event = uow.events.get(hold.id.event_id)
        who = known_as(hold.buyer, command.buyer)
        limited = _limits(event, who)
        bought = uow.orders.units_bought(event_id=event.id, keys=tuple(limit.key for limit in limited))
        # Asked after counting: an order of this very hold must not count against itself.
        if (order := uow.orders.of_hold(hold.id)) is not None:
            return CheckoutStarted(order=order, payment=standing(uow.payments.of_order(order.id)))
        if rejection := refusal or _called_off(event) or _over_limit(limited, bought=bought, units=hold.units):
            return rejection
        order = replace(_order(hold, event, command.buyer, who, ids=ids, now=now), exchanges=command.exchanging)
        uow.orders.add(order, policy=uow.events.policy(event.id))
        facts = {"units": order.units, **_exchange_facts(order)}
        uow.audit.add(trail.entry(BUYER, "order.placed", kind="order", subject=order.id, ids=ids, now=now, **facts))
        payment = None
        if not order.free_of_charge:
            payment = new_attempt(order, number=1, ids=ids, now=now)
            uow.payments.add(payment)
        # As late as can be: everybody who buys from the same pools waits from here to the commit.
        uow.stock.claim(order)
        if order.free_of_charge:
            uow.stock.allocate(order)
            allocated = order.allocate()
            assert not isinstance(allocated, Rejection), "an order that was just placed can be allocated"
            order = confirm(allocated, uow=uow, ids=ids, now=now, access=access)
        uow.commit()
    return CheckoutStarted(order=order, payment=payment)


def _exchange_refusal(command: StartCheckout, *, units: int, uow: UnitOfWork, now: datetime) -> Rejection | None:
    if command.exchanging is None:
        return None
    return refuse_exchange(command.exchanging, into=command.hold_id.event_id, units=units, uow=uow, now=now)


def _exchange_facts(order: Order) -> dict[str, object]:
    if order.exchanges is None:
        return {}
    return {"exchanges": str(order.exchanges.order_id), "exchanged_tickets": len(order.exchanges.tickets)}


def _order(hold: ClaimedHold, event: Event, buyer: Buyer, who: BuyerFingerprint, *, ids: Ids, now: datetime) -> Order:
    lines = tuple(
        OrderLine(
            id=OrderLineId(ids.uuid()),
            tier_id=line.tier_id,
            tier_name=line.tier_name,
            quantity=line.quantity,
            unit=line.unit,
            seats=line.seats,
            promotion=line.promotion,
        )
        for line in hold.lines
    )
    return Order(
        id=OrderId(ids.uuid()),
        number=ids.order_number(),
        event_id=event.id,
        hold_id=hold.id,
        state=OrderState.AWAITING_PAYMENT,
        stock=StockState.CLAIMED,
        buyer=buyer,
        fingerprint=who,
        lines=lines,
        pools=_pools(hold, event),
        placed_at=now,
        deadline_at=now + timedelta(seconds=event.terms.payment_seconds),
        refunded=zero(event.currency),
        price_terms=hold.price_terms,
    )


def _pools(hold: ClaimedHold, event: Event) -> dict[str, int]:
    """What the order takes of each pool, by tiers' limits as they are now: one may have come or gone."""
    pools = {pool: units for pool, units in hold.pools.items() if pool.startswith(zone_pool(""))}
    limited = {tier.id: tier_pool(tier.key) for tier in event.tiers if tier.capacity is not None}
    for line in hold.lines:
        if line.tier_id in limited:
            pools[limited[line.tier_id]] = pools.get(limited[line.tier_id], 0) + line.quantity
        if line.promotion:
            pools[promotion_pool(line.promotion)] = pools.get(promotion_pool(line.promotion), 0) + line.quantity
    return pools


def _open_page(
    started: CheckoutStarted,
    *,
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
    access: Access,
) -> CheckoutStarted:
    payment = started.payment
    if payment is None or payment.state is not PaymentState.STARTING:
        return started
    with unit_of_work() as uow:
        event = uow.events.get(started.order.event_id)
    opened = gateway.open_checkout(request=checkout_request(started.order, payment, event=event, access=access))
    with unit_of_work() as uow:
        payment = uow.payments.get(payment.id, lock=True).opened(session_id=opened.session_id, checkout_url=opened.url)
        uow.payments.save(payment)
        uow.commit()
    return replace(started, payment=payment)


def checkout_request(order: Order, payment: Payment, *, event: Event, access: Access) -> CheckoutRequest:
    """What the provider's page shows. The same for the same attempt, so that asking twice opens one page."""
    url = access.order_url(order.id)
    return CheckoutRequest(
        key=payment.key,
        order_id=order.id,
        order_number=order.number,
        items=tuple(
            CheckoutItem(
                name=f"{event.name}: {line.tier_name}",
                description=_parts_in_words(line.unit, order.price_terms),
                unit=line.unit.total,
                quantity=line.quantity,
            )
            for line in order.lines
        ),
        email=order.buyer.email,
        success_url=f"{url}&returned=1",
        cancel_url=url,
        expires_at=payment.provider_expires_at,
    )


def _parts_in_words(unit: UnitPrice, terms: PriceTerms) -> str:
    """What a unit's total is made of, for the provider's page, whose total is ours to the last minor unit."""
    fees = ["fees"] if unit.fee.amount else []
    *others, last = (*fees, *(rate.name for rate in terms.taxes.rates if unit.tax.amount)) or ("",)
    included = f"{', '.join(others)} and {last}" if others else last
    words = f"Ticket, {included} included" if included else "Ticket"
    return f"{words}. {terms.promotion}" if terms.promotion and unit.discount.amount else words


def _called_off(event: Event) -> Rejection | None:
    """Holds outlive a cancellation by minutes; nobody should be asked to pay for one."""
    if event.state is not EventState.CANCELLED:
        return None
    return Rejection(code=RejectionCode.EVENT_CANCELLED, message="This event is cancelled.")


def _over_limit(limited: tuple[Limit, ...], *, bought: Mapping[str, int], units: int) -> Rejection | None:
    for limit in limited:
        if bought.get(limit.key, 0) + units > limit.units_max:
            return buyer_limit_reached(limit, taken=bought.get(limit.key, 0))
    return None


def _gone(conflict: StockConflict) -> Rejection:
    if conflict.seats:
        return Rejection(
            code=RejectionCode.SEATS_TAKEN,
            message="Somebody else has these seats. Please choose others.",
            details={"seats": list(conflict.seats)},
        )
    return Rejection(
        code=RejectionCode.SOLD_OUT,
        message="These tickets are gone. Please choose others.",
        details={"pools": list(conflict.pools)},
    )


def safety_net(now: datetime) -> datetime:
    """Until when the inventory keeps a claim it hears nothing of. The poller moves it on while a payment is open."""
    return now + timedelta(seconds=PAYMENT_SECONDS_MAX + CLAIM_GRACE_SECONDS)
